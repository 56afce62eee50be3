//! Errors.
use crate::exit::Exit;
/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
#[error("configuration")]
pub struct ConfigError {}
impl ConfigError {
    /// The exit code.
    pub fn exit(&self) -> Exit { todo!() }
    /// The excerpt for terminals.
    pub fn annotated(&self, _color: bool) -> String { todo!() }
}
