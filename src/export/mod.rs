//! Copies archived messages to a Maildir, an mbox or a folder of .eml files, for other programs to read.
//!
//! | file | what it does |
//! | --- | --- |
//! | `destination` | what any place is asked to do |
//! | `mailbox` | a Maildir or an mbox, delivered as an archive is |
//! | `eml` | a folder of .eml files |
//! | `names` | names for people that no file system stumbles over |
//!
//! Promises: every selected copy is written once, octet for octet with LF line ends, durable, and compared with the ledger's
//! hash when all is written; a second run, also after a crash, adds only what is not there; what the user has removed from
//! the destination comes back with the next run.
//!
//! Must never: change or overwrite a file that is not its own, write into an archive, or write anything but messages below
//! the destination.

mod destination;
mod eml;
mod mailbox;
mod names;

use crate::archive::ArchiveError;
use crate::config::{Account, Config};
use crate::copying::{Copied, Wanted, Watcher, copy_all};
use crate::exit::Exit;
use crate::ledger::LedgerError;
use crate::stop::Stopped;
use crate::store::StoreError;
use destination::Destination;
use std::io;
use std::path::{Path, PathBuf};

/// What an export makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A Maildir; flags and dates are kept.
    Maildir,
    /// An mbox.
    Mbox(Variant),
    /// A folder of .eml files.
    Eml,
}

/// How an mbox quotes lines that begin with `From `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// With one more `>` before any number of them: reversible.
    Mboxrd,
    /// With a `>`, and lines that have one already are left as they are: who reads it cannot tell them apart.
    Mboxo,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Copies written, and not written.
    pub copied: Copied,
    /// Copies of these that were read again and are what the ledger has on record.
    pub compared: u64,
    /// Messages that a reader of an mboxo file cannot tell from others: lines with a `>` of their own.
    pub ambiguous: u64,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// An account's ledger or archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The destination, or the ledger of what was exported.
    #[error(transparent)]
    Destination(#[from] ArchiveError),
    /// The ledger of what was exported.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The destination is an archive.
    #[error("{path} is the archive of the account {account}, or in it; name another place with --to")]
    IsArchive {
        /// The destination.
        path: String,
        /// Whose archive.
        account: String,
    },
    /// Another export to the same place is at work.
    #[error("another popkeep is exporting to {path}; try again when it has finished")]
    Busy {
        /// The destination.
        path: String,
    },
    /// A file of the destination.
    #[error("cannot write {path} ({source})")]
    Io {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A signal.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl ExportError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            ExportError::Store(error) => error.exit(),
            ExportError::Destination(error) => error.exit(),
            ExportError::Ledger(error) => error.exit(),
            ExportError::IsArchive { .. } => Exit::USAGE,
            ExportError::Busy { .. } => Exit::TRY_LATER,
            ExportError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Exit::CANT_CREATE
            }
            ExportError::Io { .. } => Exit::IO,
            ExportError::Stopped(stopped) => stopped.exit,
        }
    }
}

/// Exports the wanted messages of these accounts to `to`. What was done is given back also when it ends early.
pub fn export(
    (config, accounts): (&Config, &[&Account]),
    (to, form): (&Path, Form),
    wanted: Wanted<'_>,
    watcher: &mut dyn Watcher,
) -> (Exported, Result<(), ExportError>) {
    let mut done = Exported::default();
    let outcome = export_into(&mut done, (config, accounts), (to, form), wanted, watcher);
    (done, outcome)
}

fn export_into(
    done: &mut Exported,
    (config, accounts): (&Config, &[&Account]),
    (to, form): (&Path, Form),
    wanted: Wanted<'_>,
    watcher: &mut dyn Watcher,
) -> Result<(), ExportError> {
    let to = destination::place(to)?;
    destination::must_be_no_archive(&to, config)?;
    let mut into: Box<dyn Destination> = match form {
        Form::Maildir => Box::new(mailbox::Mailbox::maildir(&config.state_dir, &to)?),
        Form::Mbox(variant) => Box::new(mailbox::Mailbox::mbox(&config.state_dir, &to, variant)?),
        Form::Eml => Box::new(eml::Folder::open(&to)?),
    };
    let copied = copy_all((config, accounts), &mut *into, wanted, &mut done.copied, watcher);
    // What is complete is worth keeping, however it ended.
    let committed = into.commit();
    copied?;
    committed?;
    into.compare(done)
}

/// Where exports are on record, in the state folder.
fn record(state_dir: &Path) -> PathBuf {
    state_dir.join("exports")
}
