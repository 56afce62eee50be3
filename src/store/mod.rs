//! One account's lock, ledger and archive, opened together.
//!
//! Promises: one run at a time has a maildrop's store; opening it touches nothing of the archive; an archive that was
//! moved is recognised by its copies, and the ledger then follows it.

mod error;

pub use error::StoreError;

use crate::archive::Archive;
use crate::archive::maildir::Maildir;
use crate::archive::mbox::Mbox;
use crate::config::{Account, Config, Format};
use crate::disk::{AccountLock, OsDisk};
use crate::ledger::{Ledger, LedgerError, LedgerFile, Restored, SqliteLedger};
use crate::stop::{self, Backoff};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// All that a run needs but the server.
pub struct Store {
    /// The maildrop's part of the ledger.
    pub ledger: Box<dyn Ledger>,
    /// Where its mail is kept.
    pub archive: Box<dyn Archive>,
    /// Where the archive was before, if it was moved.
    pub moved_from: Option<String>,
    /// What was done about a ledger that was lost or damaged.
    pub restored: Option<Restored>,
    /// Held until the store is dropped.
    _lock: Option<AccountLock>,
}

impl Store {
    /// Takes the account's lock, if need be as soon as it is free before `wait_until`, and opens its ledger and its
    /// archive.
    pub fn open(
        config: &Config,
        account: &Account,
        wait_until: Option<Instant>,
    ) -> Result<Store, StoreError> {
        Stores::new(config).open(account, wait_until)
    }

    /// The same without the lock: a fetch may be at work in it. For whoever changes neither the archive nor the rows.
    pub fn open_beside_others(config: &Config, account: &Account) -> Result<Store, StoreError> {
        let (file, restored) = Stores::new(config).file()?;
        Ok(Store { restored, ..Store::in_file(&file, config, account)? })
    }

    /// For whoever only reads: nothing is written to the ledger, and nothing made. `None` when there is none yet.
    pub fn read_only(config: &Config, account: &Account) -> Result<Option<Store>, StoreError> {
        let ledger = ledger_to_read(config, account)?;
        Ok(ledger.map(|ledger| Store::of(archive_of(account), Box::new(ledger))))
    }

    fn in_file(file: &LedgerFile, config: &Config, account: &Account) -> Result<Store, StoreError> {
        let opened = unless_configured(config, |configured| {
            file.maildrop(&account.identity, &account.archive, configured)
        });
        let (ledger, moved_from) = match opened {
            Err(error @ LedgerError::OtherArchive { .. }) => {
                let (from, mut ledger) = moved(file, account, &configured(config))?.ok_or(error)?;
                ledger.move_to(&account.archive)?;
                (ledger, Some(from))
            }
            outcome => (outcome?, None),
        };
        Ok(Store { moved_from, ..Store::of(archive_of(account), Box::new(ledger)) })
    }

    /// A ledger and an archive that nobody else uses.
    pub fn of(archive: Box<dyn Archive>, ledger: Box<dyn Ledger>) -> Store {
        Store { ledger, archive, moved_from: None, restored: None, _lock: None }
    }
}

/// The stores of a run of many accounts, which may be on several threads. The ledger's file is opened for the first of
/// them; if that fails, for the next.
pub struct Stores<'c> {
    config: &'c Config,
    file: Mutex<Option<Arc<LedgerFile>>>,
}

impl<'c> Stores<'c> {
    /// Nothing is opened yet.
    pub fn new(config: &'c Config) -> Self {
        Stores { config, file: Mutex::default() }
    }

    /// The configuration that they are for.
    pub fn config(&self) -> &'c Config {
        self.config
    }

    /// See [`Store::open`].
    pub fn open(&self, account: &Account, wait_until: Option<Instant>) -> Result<Store, StoreError> {
        let (file, restored) = self.file()?;
        let lock = take_lock(&file, account, wait_until)?;
        Ok(Store { _lock: Some(lock), restored, ..Store::in_file(&file, self.config, account)? })
    }

    fn file(&self) -> Result<(Arc<LedgerFile>, Option<Restored>), LedgerError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*file {
            return Ok((Arc::clone(file), None));
        }
        let mut opened = LedgerFile::open(&self.config.state_dir)?;
        let restored = opened.take_restored();
        Ok((Arc::clone(file.insert(Arc::new(opened))), restored))
    }
}

/// The account's part of the ledger, without its lock and without writing to it; `None` when there is none yet. What a
/// run would fail at is an error here, too.
pub fn ledger_to_read(config: &Config, account: &Account) -> Result<Option<SqliteLedger>, StoreError> {
    let Some(file) = LedgerFile::read_only(&config.state_dir)? else { return Ok(None) };
    let checked =
        unless_configured(config, |configured| file.check(&account.identity, &account.archive, configured));
    match checked {
        Err(error @ LedgerError::OtherArchive { .. }) => {
            Ok(Some(moved(&file, account, &configured(config))?.ok_or(error)?.1))
        }
        outcome => Ok(outcome.map(|()| file.existing(&account.identity, &account.archive))??),
    }
}

fn take_lock(
    file: &LedgerFile,
    account: &Account,
    wait_until: Option<Instant>,
) -> Result<AccountLock, StoreError> {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), wait_until);
    loop {
        if let Some(lock) = file.lock(&account.identity)? {
            return Ok(lock);
        }
        let Some(pause) = backoff.pause(Instant::now()) else {
            return Err(StoreError::Busy { identity: account.identity.clone() });
        };
        stop::pause(pause);
        stop::check()?;
    }
}

/// The account's archive, for a look that leaves no trace in it: only [`Archive::find_unknown_copies`] and
/// [`Archive::meet`] may be called.
pub fn archive_to_read(account: &Account) -> Box<dyn Archive> {
    let disk = Arc::new(OsDisk);
    let (path, identity) = (account.archive.clone(), account.identity.as_str());
    match account.format {
        Format::Maildir => Box::new(Maildir::new(disk, path, identity)),
        Format::Mbox => Box::new(Mbox::new(disk, path, identity).only_reading()),
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
fn moved(
    file: &LedgerFile,
    account: &Account,
    configured: &[(&str, &Path)],
) -> Result<Option<(String, SqliteLedger)>, StoreError> {
    for (from, ledger) in file.elsewhere(&account.identity, &account.archive, configured)? {
        if archive_of(account).has_most(&ledger)? {
            return Ok(Some((from, ledger)));
        }
    }
    Ok(None)
}

/// What the ledger answers about a maildrop. Only where it knows an account that shares something with that one does it
/// matter which others are configured: of ten thousand accounts they would be put together ten thousand times.
fn unless_configured<T>(
    config: &Config,
    ask: impl Fn(&[(&str, &Path)]) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    match ask(&[]) {
        Err(LedgerError::OtherArchive { .. } | LedgerError::OtherIdentity { .. }) => ask(&configured(config)),
        outcome => outcome,
    }
}

/// The identity and the archive of every account.
fn configured(config: &Config) -> Vec<(&str, &Path)> {
    config.accounts.iter().map(|account| (account.identity.as_str(), account.archive.as_path())).collect()
}
