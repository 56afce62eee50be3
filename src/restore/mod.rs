//! Restores archived messages to a folder on an IMAP server.
//!
//! | file | what it does |
//! | --- | --- |
//! | `folder` | the folder on the server: connecting, making it, connecting again |
//! | `sender` | reads messages and sends them, batch by batch |
//! | `message` | one message in wire form |
//! | `arrival` | after a cut: what of the last batch has arrived |
//! | `holdings` | what the folder holds that is not on record |
//! | `journal` | what is on record as restored |
//! | `logins` | a refused login is left alone for a while, as an account's is |
//! | `mark` | what a message is known by on the other side |
//!
//! Promises: of each selected copy exactly one gets into the folder, octet for octet, with its date and flags, however often
//! a run is cut off: a batch is on record before its first octet is sent, and if its answer did not come, the folder is
//! looked at before anything is sent again. A second run sends nothing. A message that the server refuses does not keep the
//! others from being sent.
//!
//! Must never: change or delete what is in the folder; send a damaged copy; mark as restored what the server has not
//! confirmed and we have not seen.

mod arrival;
mod folder;
mod holdings;
mod journal;
mod logins;
mod mark;
mod message;
mod sender;

use crate::config::{Account, Config, Destination};
use crate::connect::{ConnectError, ImapConnector, run_deadline};
use crate::copying::{self, Copied, Failed, Wanted, Watcher};
use crate::disk::AccountLock;
use crate::event::Observer;
use crate::exit::Exit;
use crate::imap::ImapError;
use crate::ledger::{LedgerError, LedgerFile, Row};
use crate::oauth::Renewal;
use crate::stop::Stopped;
use crate::store::StoreError;
use folder::Folder;
use journal::Journal;
use logins::Logins;
use sender::Sender;
use std::io;
use std::sync::Arc;

/// Which flags a restored message gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// Those of its copy in the archive.
    Archive,
    /// `\Seen`.
    Seen,
    /// None.
    None,
}

/// How to restore.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Options {
    /// Which flags.
    pub flags: Flags,
    /// What the folder holds already is not sent.
    pub skip_present: bool,
    /// Only what was archived since the first such run.
    pub only_new: bool,
    /// Nothing is sent, made or noted.
    pub dry_run: bool,
    /// The observer sees what is said to the server.
    pub trace: bool,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Messages that are in the folder now, or with `dry_run` would be.
    pub restored: u64,
    /// Octets of these, as sent.
    pub octets: u64,
    /// Selected copies that were there already.
    pub there: u64,
    /// Of these, those that the folder held before anything was restored to it.
    pub present: u64,
    /// Selected messages whose copies are not in the archive any more.
    pub gone: u64,
    /// The folder was made.
    pub made: bool,
    /// What could not be restored.
    pub failed: Vec<Failed>,
}

/// Why a restore ended early.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// An account's ledger or archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No connection, or no login.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The IMAP server.
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// The folder was deleted, or replaced by another one, while we were at work.
    #[error("the folder {folder} is not the one that it was when this run began; run popkeep again")]
    Replaced {
        /// Its name.
        folder: String,
    },
    /// The destination takes no more for now. Exit 75.
    #[error(
        "the server takes no more for now: it said “{words}”; run popkeep again later, and it continues from there"
    )]
    Limited {
        /// What it said, escaped.
        words: String,
    },
    /// Another restore to the same folder is at work.
    #[error("another popkeep is restoring to {folder}; try again when it has finished")]
    Busy {
        /// Its name.
        folder: String,
    },
    /// The file that a large message waits in.
    #[error("cannot write to {path} ({source})")]
    Spool {
        /// The state folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A signal.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl RestoreError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            RestoreError::Store(error) => error.exit(),
            RestoreError::Ledger(error) => error.exit(),
            RestoreError::Connect(error) => error.exit(),
            RestoreError::Imap(error) => error.exit(),
            RestoreError::Replaced { .. } | RestoreError::Limited { .. } | RestoreError::Busy { .. } => {
                Exit::TRY_LATER
            }
            RestoreError::Spool { .. } => Exit::IO,
            RestoreError::Stopped(stopped) => stopped.exit,
        }
    }
}

/// Restores the wanted messages of these accounts to a folder. What was done is given back also when it ends early.
pub fn restore(
    (config, accounts): (&Config, &[&Account]),
    destination: &Destination,
    options: Options,
    wanted: Wanted<'_>,
    watcher: &mut dyn Watcher,
    observer: &Arc<dyn Observer>,
) -> (Restored, Result<(), RestoreError>) {
    let mut restored = Restored::default();
    let mut copied = Copied::default();
    let outcome = restore_into(
        &mut restored,
        &mut copied,
        (config, accounts),
        destination,
        options,
        wanted,
        watcher,
        observer,
    );
    restored.there += copied.there;
    restored.gone = copied.gone;
    restored.failed.extend(copied.failed);
    (restored, outcome)
}

#[expect(clippy::too_many_arguments, reason = "the caller's, and where to put what was done")]
fn restore_into(
    restored: &mut Restored,
    copied: &mut Copied,
    (config, accounts): (&Config, &[&Account]),
    destination: &Destination,
    options: Options,
    wanted: Wanted<'_>,
    watcher: &mut dyn Watcher,
    observer: &Arc<dyn Observer>,
) -> Result<(), RestoreError> {
    let until = run_deadline(&destination.access);
    let renewal = if options.dry_run { Renewal::Expired } else { Renewal::Ahead };
    let mut logins = Logins::open(config, &destination.access, options.dry_run)?;
    let connector =
        ImapConnector::new(&destination.access, logins.record()?, until, renewal, options.trace, observer)?;
    let opened = Folder::open(&connector, destination, !options.dry_run);
    logins.note(&connector.take_changes())?;
    let mut folder = opened?;
    restored.made = folder.made;
    let _lock = if options.dry_run { None } else { Some(take_lock(config, &folder)?) };
    let mut journal = Journal::open(config, &folder, options.dry_run)?;
    let since = if options.only_new { Some(journal.since(accounts)?) } else { None };
    if !options.dry_run {
        arrival::settle(&mut folder, &mut journal)?;
    }
    let mut sender = Sender::new(&config.state_dir, folder, journal, options, restored)?;
    let chosen = |account: &Account, row: &Row| {
        let new = since
            .as_ref()
            .is_none_or(|since| since.get(&account.name).is_some_and(|first| row.seq >= *first));
        new && wanted(account, row)
    };
    let done = copying::copy_all((config, accounts), &mut sender, &chosen, copied, watcher);
    // What was read is worth sending, unless it is the server that does not take it.
    let sent = match &done {
        Ok(()) | Err(RestoreError::Store(_) | RestoreError::Spool { .. } | RestoreError::Stopped(_)) => {
            sender.send()
        }
        Err(_) => Ok(()),
    };
    let noted = sender.finish();
    done?;
    sent?;
    noted
}

/// One restore at a time to a folder.
fn take_lock(config: &Config, folder: &Folder<'_>) -> Result<AccountLock, RestoreError> {
    let lock = LedgerFile::open(&config.state_dir)?.lock(&folder.key().identity())?;
    lock.ok_or_else(|| RestoreError::Busy { folder: folder.shown() })
}
