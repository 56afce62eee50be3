//! One account's run.
use crate::config::{Account, Config};
use crate::event::{Missing, Observer};
use crate::exit::Exit;
use crate::ledger::UnixTime;
use crate::session::{Session, Transaction};
use std::sync::Arc;
/// Why an account's run broke off.
#[derive(Debug, thiserror::Error)]
#[error("account")]
pub struct AccountError {}
impl AccountError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        todo!()
    }
}
/// What `fetch --dry-run` would do.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Messages listed.
    pub listed: u64,
    /// Messages held.
    pub held: u64,
    /// What would be fetched.
    pub to_fetch: Vec<ToFetch>,
    /// How many held messages would be deleted from the server.
    pub to_delete: u64,
    /// When the oldest of them was archived.
    pub oldest_to_delete: Option<UnixTime>,
    /// What would be left.
    pub left: Vec<Missing>,
}
/// One message that would be fetched.
#[derive(Clone, Debug)]
pub struct ToFetch {
    /// Its number.
    pub number: u32,
    /// Its UID.
    pub uid: Option<Vec<u8>>,
    /// Its LIST size.
    pub size: Option<u64>,
    /// Why it is fetched.
    pub why: &'static str,
}
/// Connects and logs in.
pub fn open_session(
    _account: &Account,
    _trace: bool,
    _observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, AccountError> {
    todo!()
}
/// What a fetch would do; writes nothing anywhere.
pub fn preview(
    _config: &Config,
    _account: &Account,
    _limit: Option<u64>,
    _trace: bool,
    _observer: &Arc<dyn Observer>,
) -> Result<Preview, AccountError> {
    todo!()
}
