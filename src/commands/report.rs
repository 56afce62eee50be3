//! The JSON documents: their shape is a promise to scripts.

use crate::event::{Missing, Summary};
use crate::exit::Exit;
use crate::mail::safe_text::escape;
use crate::progress::wording::printable;
use serde::Serialize;

/// The document of `fetch --json`.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    exit: u8,
    accounts: Vec<AccountRun>,
}

#[derive(Debug, Serialize)]
struct AccountRun {
    name: String,
    outcome: &'static str,
    error: Option<String>,
    listed: u64,
    held: u64,
    fetched: u64,
    octets: u64,
    deleted: u64,
    missing: Vec<MissingMessage>,
    seconds: f64,
}

/// A message that the archive does not hold.
#[derive(Debug, Serialize)]
pub(super) struct MissingMessage {
    number: u32,
    uid: Option<String>,
    reason: String,
}

impl Run {
    /// Of a run over some accounts.
    pub(super) fn new(exit: Exit, summaries: &[Summary]) -> Self {
        Self { exit: exit.code(), accounts: summaries.iter().map(AccountRun::new).collect() }
    }
}

impl AccountRun {
    fn new(summary: &Summary) -> Self {
        Self {
            name: summary.account.clone(),
            outcome: summary.outcome.word(),
            error: summary.error.as_deref().map(printable),
            listed: summary.listed,
            held: summary.held,
            fetched: summary.fetched,
            octets: summary.octets,
            deleted: summary.deleted,
            missing: summary.missing.iter().map(MissingMessage::new).collect(),
            seconds: (summary.seconds * 1000.0).round() / 1000.0,
        }
    }
}

impl MissingMessage {
    /// With what the server said made printable.
    pub(super) fn new(message: &Missing) -> Self {
        Self {
            number: message.number,
            uid: message.uid.as_deref().map(escape),
            reason: escape(message.reason.as_bytes()),
        }
    }
}
