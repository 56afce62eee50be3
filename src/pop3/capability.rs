//! Capabilities.
/// What the server offers.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {}
