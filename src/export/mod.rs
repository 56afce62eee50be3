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

use crate::archive::{ArchiveError, Content, CopyAt};
use crate::config::{Account, Config};
use crate::exit::Exit;
use crate::ledger::{Ledger as _, LedgerError, Row, RowPages};
use crate::mail::id::MessageId;
use crate::stop::{self, Stopped};
use crate::store::{self, Store, StoreError};
use destination::Destination;
use std::collections::HashMap;
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
    /// Copies written.
    pub exported: u64,
    /// Octets of them, in stored form.
    pub octets: u64,
    /// Copies of these that were read again and are what the ledger has on record.
    pub compared: u64,
    /// Selected copies that were there already.
    pub there: u64,
    /// Selected messages whose copies are not in the archive any more.
    pub gone: u64,
    /// Messages that a reader of an mboxo file cannot tell from others: lines with a `>` of their own.
    pub ambiguous: u64,
    /// What could not be exported.
    pub failed: Vec<Failed>,
}

/// A message that could not be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its account.
    pub account: String,
    /// Its ID.
    pub id: String,
    /// Why.
    pub reason: String,
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

/// Which messages of an account are exported.
pub type Wanted<'w> = &'w dyn Fn(&Account, &Row) -> bool;

/// Who watches an export.
pub trait Watcher {
    /// So many octets are to be looked at, at most.
    fn begins(&mut self, octets: u64);
    /// One more message was looked at, of so many octets.
    fn went_on(&mut self, octets: u64);
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
    let mut octets = 0_u64;
    for account in accounts {
        let ledger = store::ledger_to_read(config, account)?;
        octets =
            octets.saturating_add(ledger.map_or(Ok(0), |ledger| ledger.overview().map(|all| all.octets))?);
    }
    watcher.begins(octets);
    let mut seen = Seen::default();
    let copied = accounts.iter().try_for_each(|account| {
        let mut copier = Copier { account, into: &mut *into, seen: &mut seen, done };
        copier.copy_all(config, wanted, watcher)
    });
    // What is complete is worth keeping, however it ended.
    let committed = into.commit();
    copied?;
    committed?;
    into.compare(done)
}

/// How often each content was met in this run, by 64 bits of it.
#[derive(Default)]
struct Seen(HashMap<u64, u64>);

impl Seen {
    /// This is the n-th one.
    fn meet(&mut self, content: &[u8; 32]) -> u64 {
        let key = u64::from_be_bytes(content.first_chunk().copied().unwrap_or_default());
        let times = self.0.entry(key).or_default();
        *times += 1;
        *times
    }
}

struct Copier<'c> {
    account: &'c Account,
    into: &'c mut dyn Destination,
    seen: &'c mut Seen,
    done: &'c mut Exported,
}

impl Copier<'_> {
    fn copy_all(
        &mut self,
        config: &Config,
        wanted: Wanted<'_>,
        watcher: &mut dyn Watcher,
    ) -> Result<(), ExportError> {
        let Some(mut store) = Store::read_only(config, self.account)? else { return Ok(()) };
        store.archive.check(&*store.ledger).map_err(StoreError::from)?;
        store.archive.locate(&*store.ledger, false).map_err(StoreError::from)?;
        let mut pages = RowPages::all();
        loop {
            let rows = pages.next_page(&*store.ledger)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows.iter().filter(|row| wanted(self.account, row)) {
                stop::check()?;
                self.copy(&mut store, row)?;
                watcher.went_on(row.size);
            }
        }
    }

    fn copy(&mut self, store: &mut Store, row: &Row) -> Result<(), ExportError> {
        let nth = self.seen.meet(&row.digest.content());
        if self.into.has(&row.digest, row.size, nth)? {
            self.done.there += 1;
            return Ok(());
        }
        let mut problem = None;
        for moved in [false, true] {
            if moved {
                // Another program may have moved it since it was looked for.
                store.archive.locate(&*store.ledger, true).map_err(StoreError::from)?;
            }
            for at in store.archive.copies(row).map_err(StoreError::from)? {
                match self.copy_from(store, row, &at)? {
                    Ok(()) => return Ok(()),
                    Err(reason) => problem = reason.or(problem),
                }
            }
        }
        match problem {
            Some(reason) => {
                let (account, id) = (self.account.name.clone(), MessageId::of(&row.digest).to_string());
                self.done.failed.push(Failed { account, id, reason });
            }
            None => self.done.gone += 1,
        }
        Ok(())
    }

    /// Copies the message from one place; or says why not, if there is anything.
    fn copy_from(
        &mut self,
        store: &Store,
        row: &Row,
        at: &CopyAt,
    ) -> Result<Result<(), Option<String>>, ExportError> {
        let reader = store.archive.reader();
        self.into.begin()?;
        let (mut written, mut size) = (Ok(()), 0);
        let read = reader.read(at, row.size, &mut |octets| {
            size += octets.len() as u64;
            if written.is_ok() {
                written = self.into.write(octets);
            }
        });
        written?;
        let problem = match read {
            Ok(true) => None,
            Ok(false) => Some("what is there is no message".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.into.discard()?;
                return Ok(Err(None));
            }
            Err(error) => Some(format!("it cannot be read ({error})")),
        };
        if problem.is_some() {
            self.into.discard()?;
            return Ok(Err(problem));
        }
        let digest = self.into.finish()?;
        if digest != row.digest {
            let content = reader.examine(at, row, false);
            if !matches!(content, Ok(Content::Marked)) {
                self.into.discard()?;
                return Ok(Err(Some("its copy is damaged; see popkeep verify".to_owned())));
            }
            // With marks of mail programs: as it is in the archive.
            let nth = self.seen.meet(&digest.content());
            if self.into.has(&digest, size, nth)? {
                self.into.discard()?;
                self.done.there += 1;
                return Ok(Ok(()));
            }
        }
        let ambiguous = self.into.keep(row, at.flags())?;
        self.done.exported += 1;
        self.done.octets += size;
        self.done.ambiguous += u64::from(ambiguous);
        Ok(Ok(()))
    }
}

/// Where exports are on record, in the state folder.
fn record(state_dir: &Path) -> PathBuf {
    state_dir.join("exports")
}
