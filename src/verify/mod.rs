//! One archive compared with its ledger: is every message that was archived still there, as it was? And what is not,
//! mended.
//!
//! | file | what it does |
//! | --- | --- |
//! | `share` | which copies are read in this run |
//! | `reading` | reads a row's copies and compares them |
//! | `pass` | one pass over an archive: what is intact, changed, damaged, missing |
//! | `bad` | what a damaged or missing message was, from what is left of it |
//! | `found` | what is found, and who attends it |
//! | `mender` | a good copy in the place of a bad or missing one |
//! | `repair` | where good copies come from |
//! | `sources` | good copies from Maildirs, mboxes and folders of .eml files |
//! | `server` | good copies from the mail server |
//!
//! Promises: without `--repair` it contacts no server and changes nothing in the archive, and a fetch or a mail program
//! may be at work meanwhile; a copy is intact only when all of its octets were read just now, and damaged only when they
//! were read a second time, from the disk; what the owner has given up ([`Change::Accepted`]) is counted and not
//! mentioned.
//!
//! Must never: call a message missing that it has not looked for; remove or overwrite what is left of a message.

mod bad;
mod found;
mod mender;
#[cfg(test)]
mod model;
mod pass;
mod reading;
mod repair;
mod server;
mod share;
mod sources;

pub use bad::BadCopy;
pub use found::{Attendant, Compared, Verified};
pub use mender::RepairError;
pub use repair::Repair;
pub use share::Share;

use crate::archive::ArchiveError;
use crate::clock;
use crate::config::{Account, Config};
use crate::event::Observer;
use crate::ledger::{Change, LastVerification, Ledger, LedgerFile, Seq};
use crate::stop;
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// What is asked of a verification.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which copies are read. All are looked for.
    pub share: Share,
    /// How long copies are read; then the rest is left to the next run.
    pub max_duration: Option<Duration>,
    /// What is gone or changed counts from now on as the owner's wish.
    pub accept: bool,
    /// Bad copies are replaced.
    pub repair: Option<Repair>,
}

/// Why an account could not be verified, or repaired.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Its ledger or its archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its repair; what was found is reported all the same.
    #[error(transparent)]
    Repair(#[from] RepairError),
}

impl VerifyError {
    /// The exit code it calls for.
    pub fn exit(&self) -> crate::exit::Exit {
        match self {
            VerifyError::Store(error) => error.exit(),
            VerifyError::Repair(error) => error.exit(),
        }
    }
}

/// Compares an account's archive with its ledger. What was found is given back also when a repair fails.
pub fn verify(
    config: &Config,
    account: &Account,
    options: &Options,
    observer: &Arc<dyn Observer>,
    attendant: &mut dyn Attendant,
) -> (Verified, Result<(), VerifyError>) {
    let mut found = Verified::default();
    let done = verify_into(&mut found, config, account, options, observer, attendant);
    (found, done)
}

fn verify_into(
    found: &mut Verified,
    config: &Config,
    account: &Account,
    options: &Options,
    observer: &Arc<dyn Observer>,
    attendant: &mut dyn Attendant,
) -> Result<(), VerifyError> {
    if !LedgerFile::exists(&config.state_dir).map_err(StoreError::from)? {
        return Ok(());
    }
    // Not the one that only reads: within one process SQLite must not be mixed with other ways to open its file.
    let file = LedgerFile::open(&config.state_dir).map_err(StoreError::from)?;
    let changes_archive = options.repair.is_some() || options.accept;
    let mut store = if changes_archive {
        Store::open(config, account, None)?
    } else {
        Store::open_beside_others(config, account)?
    };
    match store.archive.check(&*store.ledger).map_err(StoreError::from) {
        Ok(()) => {}
        // Whoever accepts that all is gone has said so.
        Err(StoreError::Archive(ArchiveError::Vanished { .. })) if options.accept => {
            return accept_all(&mut *store.ledger, found).map_err(VerifyError::Store);
        }
        Err(error) => return Err(error.into()),
    }
    if options.repair.is_some() {
        store.archive.open(&mut *store.ledger).map_err(StoreError::from)?;
        store.archive.recover(&mut *store.ledger).map_err(StoreError::from)?;
    }
    let begun = clock::now();
    let bad = beside(
        || Ok(file.check_integrity()?),
        || {
            let share = (options.share, options.max_duration);
            pass::run((&mut store, file.path()), share, begun, attendant, found)
        },
    )?;
    if options.accept && !bad.is_empty() && attendant.accepts(found) {
        let accepted: Vec<Change> = bad.iter().map(|bad| Change::Accepted(bad.row.seq)).collect();
        store.ledger.commit(&accepted).map_err(StoreError::from)?;
        found.accepted += bad.len() as u64;
        found.damaged.clear();
        found.missing.clear();
    }
    let repaired = match &options.repair {
        Some(repair) => repair::run(&mut store, (config, account), repair, bad, observer, attendant, found),
        None => Ok(()),
    };
    let last = LastVerification {
        at: begun,
        read: found.read,
        damaged: found.damaged.len() as u64,
        missing: found.missing.len() as u64,
    };
    if stop::requested().is_none() {
        store.ledger.commit(&[Change::Verified(last)]).map_err(StoreError::from)?;
    }
    repaired?;
    Ok(())
}

/// Does both at once, where the system allows a thread; an error of the first is worth more.
fn beside<T>(
    first: impl Fn() -> Result<(), StoreError> + Sync,
    second: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    thread::scope(|scope| {
        let Ok(checks) = thread::Builder::new().spawn_scoped(scope, &first) else {
            first()?;
            return second();
        };
        let done = second();
        match checks.join() {
            Ok(checked) => checked?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        done
    })
}

/// Reads the copies of all rows from `first` on, and compares them with what is on record.
pub fn compare(store: &mut Store, first: Seq) -> Result<Compared, StoreError> {
    pass::compare(store, first)
}

/// All that was archived is gone, on purpose.
fn accept_all(ledger: &mut dyn Ledger, found: &mut Verified) -> Result<(), StoreError> {
    let mut given_up: Vec<Seq> = Vec::new();
    ledger.known(&mut |row| given_up.push(row.seq))?;
    found.archived = given_up.len() as u64;
    found.accepted = found.archived;
    Ok(ledger.commit(&given_up.into_iter().map(Change::Accepted).collect::<Vec<_>>())?)
}
