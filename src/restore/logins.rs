//! What became of logins at the server: a refused one is left alone for a while, as an account's is, for providers lock
//! accounts that knock too often, and a restore may follow each fetch.
//!
//! The ledger files it under the server's user, like a maildrop that has no archive.

use super::RestoreError;
use crate::config::{Access, Config};
use crate::connect::ServerRecord;
use crate::ledger::{Change, Ledger as _, LedgerFile, SqliteLedger};
use std::path::Path;

pub(super) struct Logins<'a> {
    config: &'a Config,
    access: &'a Access,
    /// `None` in a dry run, which writes nothing.
    ledger: Option<SqliteLedger>,
}

impl<'a> Logins<'a> {
    pub(super) fn open(config: &'a Config, access: &'a Access, dry_run: bool) -> Result<Self, RestoreError> {
        let identity = format!("imap {}@{}:{}", access.user, access.host, access.port);
        let ledger = if dry_run {
            None
        } else {
            Some(LedgerFile::open(&config.state_dir)?.maildrop(&identity, Path::new("imap"), &[])?)
        };
        Ok(Logins { config, access, ledger })
    }

    /// What is on record; an error while a refused login rests.
    pub(super) fn record(&self) -> Result<ServerRecord, RestoreError> {
        let Some(ledger) = &self.ledger else { return Ok(ServerRecord::default()) };
        let record = ServerRecord::read_logins(self.config, self.access, ledger)?;
        record.may_log_in(self.access)?;
        Ok(record)
    }

    pub(super) fn note(&mut self, changes: &[Change]) -> Result<(), RestoreError> {
        match &mut self.ledger {
            Some(ledger) => Ok(ledger.commit(changes)?),
            None => Ok(()),
        }
    }
}
