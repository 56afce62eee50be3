//! What a run needs besides a server: the account's lock, its part of the ledger, its archive.
//!
//! Promises: one run at a time for each maildrop; nothing of the archive is touched yet.

use super::error::AccountError;
use crate::archive::Archive;
use crate::archive::maildir::Maildir;
use crate::archive::mbox::Mbox;
use crate::config::{Account, Config, Format};
use crate::disk::{AccountLock, OsDisk};
use crate::ledger::{Ledger, LedgerError, LedgerFile, SqliteLedger};
use crate::stop::{self, Backoff};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The ledger's file, and an account's lock in it.
pub(crate) struct Locked {
    file: LedgerFile,
    lock: AccountLock,
}

/// All that a run needs but the server.
pub(crate) struct Prepared {
    /// The maildrop's part of the ledger.
    pub ledger: Box<dyn Ledger>,
    /// Where its mail is kept.
    pub archive: Box<dyn Archive>,
    /// Where the archive was before, if it was moved.
    pub moved_from: Option<String>,
    /// Held until the run is over.
    pub _lock: AccountLock,
}

impl Locked {
    /// Takes the account's lock, if need be as soon as it is free before `until`.
    pub(crate) fn take(
        config: &Config,
        account: &Account,
        until: Option<Instant>,
    ) -> Result<Locked, AccountError> {
        let file = LedgerFile::open(&config.state_dir)?;
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), until);
        loop {
            if let Some(lock) = file.lock(&account.identity)? {
                return Ok(Locked { file, lock });
            }
            let Some(pause) = backoff.pause(Instant::now()) else {
                return Err(AccountError::Busy { identity: account.identity.clone() });
            };
            stop::pause(pause);
            stop::check()?;
        }
    }

    /// Opens the ledger's part and the archive.
    pub(crate) fn prepare(self, config: &Config, account: &Account) -> Result<Prepared, AccountError> {
        let configured = configured(config);
        let (ledger, moved_from) = match self.file.maildrop(&account.identity, &account.archive, &configured)
        {
            Err(error @ LedgerError::OtherArchive { .. }) => {
                let (from, mut ledger) = moved(&self.file, account, &configured)?.ok_or(error)?;
                ledger.move_to(&account.archive)?;
                (ledger, Some(from))
            }
            outcome => (outcome?, None),
        };
        Ok(Prepared { ledger: Box::new(ledger), archive: archive_of(account), moved_from, _lock: self.lock })
    }
}

fn archive_of(account: &Account) -> Box<dyn Archive> {
    let disk = Arc::new(OsDisk);
    let (path, identity) = (account.archive.clone(), account.identity.as_str());
    match account.format {
        Format::Maildir => Box::new(Maildir::new(disk, path, identity)),
        Format::Mbox => Box::new(Mbox::new(disk, path, identity)),
    }
}

/// The part of the ledger whose archive was moved to where the account has it now, and where it was: most of its
/// copies are there.
pub(super) fn moved(
    file: &LedgerFile,
    account: &Account,
    configured: &[(&str, &Path)],
) -> Result<Option<(String, SqliteLedger)>, AccountError> {
    for (from, ledger) in file.elsewhere(&account.identity, &account.archive, configured)? {
        if archive_of(account).has_most(&ledger)? {
            return Ok(Some((from, ledger)));
        }
    }
    Ok(None)
}

/// The identity and the archive of every account.
pub(super) fn configured(config: &Config) -> Vec<(&str, &Path)> {
    config.accounts.iter().map(|account| (account.identity.as_str(), account.archive.as_path())).collect()
}
