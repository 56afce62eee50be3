//! Many accounts.
use crate::config::{Account, Config};
use crate::event::{Observer, Summary};
use std::sync::Arc;
/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// At most so many messages per account.
    pub limit: Option<u64>,
    /// So many accounts at once.
    pub jobs: Option<usize>,
    /// Show the protocol.
    pub trace: bool,
}
/// Fetches all of the accounts.
pub fn run(
    _config: &Config,
    _accounts: &[&Account],
    _options: &Options,
    _observer: &Arc<dyn Observer>,
) -> Vec<Summary> {
    todo!()
}
