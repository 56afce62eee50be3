//! Delivers good copies, each in the place of a bad or missing one, and moves the bad ones aside.
//!
//! The turn of events for each message: the good copy is delivered as any new message is (intent, data, name, all
//! durable); with the ledger's step that calls it stored, the row gets its place; it is re-read and compared; only then
//! the bad copy is moved to `damaged/` in the state folder, beside a note that says what it was. A bad region of an mbox
//! stays where it is, and is on record as bad. A crash at any moment leaves the row with one of both copies, and the next
//! run goes on.
//!
//! Must never: remove a bad copy that is not kept in `damaged/`, or take one for good that was not re-read.

use super::bad::Bad;
use crate::archive::{Archive, ArchiveError, Arrived, Copy};
use crate::connect::ConnectError;
use crate::exit::Exit;
use crate::ledger::{Change, Ledger, LedgerError, Replacement, Row, Seq};
use crate::mail::digest::{Digest, Hash};
use crate::mail::id::MessageId;
use crate::stop::{self, Stopped};
use crate::store::Store;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

/// Octets, and messages, that are delivered together.
const BATCH_OCTETS: u64 = 64 << 20;
const BATCH: usize = 200;

/// Why a repair ended early.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A good copy was delivered, and what is there now is something else.
    #[error("a repaired copy of {id} does not read back as it was written; the disk may be failing")]
    NotAsWritten {
        /// The message.
        id: MessageId,
    },
    /// The bad copy could not be kept.
    #[error("cannot keep the damaged copy in {path} ({source}); it stays where it is")]
    Keep {
        /// Where it was to go.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A signal.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl RepairError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            RepairError::Connect(error) => error.exit(),
            RepairError::Archive(error) => error.exit(),
            RepairError::Ledger(error) => error.exit(),
            RepairError::NotAsWritten { .. } | RepairError::Keep { .. } => Exit::IO,
            RepairError::Stopped(stopped) => stopped.exit,
        }
    }
}

/// Keeps what is at a path; durable when it has.
pub(super) type Keep<'k> = &'k dyn Fn(&Path) -> io::Result<()>;

/// A message to be repaired, by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target(usize);

/// How far a repair has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Open,
    /// Delivered under this row number with the next batch.
    Pending(Seq),
    Mended,
}

struct Wanted {
    row: Row,
    /// The form in which the server has it, if that is another one.
    served: Option<Digest>,
    /// A bad copy of it is there.
    bad: bool,
    /// The flags of that copy.
    flags: Option<String>,
    progress: Progress,
}

/// Puts good copies into an archive.
pub(super) struct Mender<'s> {
    archive: &'s mut dyn Archive,
    ledger: &'s mut dyn Ledger,
    /// Keeps what is at a path, and is durable when it has.
    keep: Keep<'s>,
    /// Where it keeps it, for people.
    kept_in: &'s Path,
    wanted: Vec<Wanted>,
    by_content: HashMap<Hash, Vec<usize>>,
    by_core: HashMap<Hash, Vec<usize>>,
}

impl<'s> Mender<'s> {
    pub(super) fn new(store: &'s mut Store, (kept_in, keep): (&'s Path, Keep<'s>)) -> Self {
        Mender {
            archive: &mut *store.archive,
            ledger: &mut *store.ledger,
            keep,
            kept_in,
            wanted: Vec::new(),
            by_content: HashMap::new(),
            by_core: HashMap::new(),
        }
    }

    /// These messages are to be repaired.
    pub(super) fn want(&mut self, bad: impl Iterator<Item = Bad>) -> Result<(), RepairError> {
        for Bad { row, left } in bad {
            let place = self.wanted.len();
            let served = self.ledger.served_as(row.seq)?;
            for digest in [Some(&row.digest), served.as_ref()].into_iter().flatten() {
                self.by_content.entry(digest.content()).or_default().push(place);
                self.by_core.entry(digest.core()).or_default().push(place);
            }
            let flags = left.as_ref().and_then(|(at, _)| at.flags());
            let bad = left.is_some();
            self.wanted.push(Wanted { row, served, bad, flags, progress: Progress::Open });
        }
        Ok(())
    }

    /// Whether nothing is left to be repaired.
    pub(super) fn is_done(&self) -> bool {
        self.wanted.iter().all(|wanted| wanted.progress != Progress::Open)
    }

    /// What is left to be repaired.
    pub(super) fn open_targets(&self) -> Vec<Target> {
        let open = self.wanted.iter().enumerate().filter(|(_, wanted)| wanted.progress == Progress::Open);
        open.map(|(place, _)| Target(place)).collect()
    }

    /// A message of this content, or of this content but for what servers write into headers, that is left to be
    /// repaired.
    pub(super) fn wants(&self, digest: &Digest, exactly: bool) -> Option<Target> {
        let places =
            if exactly { self.by_content.get(&digest.content()) } else { self.by_core.get(&digest.core()) };
        let is_open = |place: &&usize| self.wanted[**place].progress == Progress::Open;
        places?.iter().find(is_open).map(|place| Target(*place))
    }

    /// The UID that a message was listed under last.
    pub(super) fn uid(&self, Target(place): Target) -> Option<&[u8]> {
        self.wanted[place].row.uid.as_deref()
    }

    /// The LIST size of a message.
    pub(super) fn list_size(&self, Target(place): Target) -> Option<u64> {
        self.wanted[place].row.list_size
    }

    /// Whether a header is that of a message, but for what servers write into it.
    pub(super) fn has_header(&self, Target(place): Target, header: &Digest) -> bool {
        let Wanted { row, served, .. } = &self.wanted[place];
        let is = |digest: &Digest| digest.core_header == header.core_header;
        is(&row.digest) || served.as_ref().is_some_and(is)
    }

    /// Begins a copy.
    pub(super) fn begin(&mut self) -> Result<(), RepairError> {
        Ok(self.archive.begin()?)
    }

    /// Adds octets of its stored form.
    pub(super) fn write(&mut self, octets: &[u8]) -> Result<(), RepairError> {
        Ok(self.archive.write(octets)?)
    }

    /// It is not what it should be.
    pub(super) fn discard(&mut self) -> Result<(), RepairError> {
        Ok(self.archive.discard()?)
    }

    /// Takes what was written as the copy of a message, if it is; whether it is.
    pub(super) fn take(&mut self, target: Target, exactly: bool) -> Result<bool, RepairError> {
        let Target(place) = target;
        let (digest, _) = self.archive.finish()?;
        let Wanted { row, served, flags, .. } = &self.wanted[place];
        let is =
            |known: &Digest| known.content() == digest.content() || !exactly && known.core() == digest.core();
        if !is(&row.digest) && !served.as_ref().is_some_and(is) {
            self.archive.discard()?;
            return Ok(false);
        }
        let arrived = Arrived {
            uid: row.uid.clone(),
            list_size: row.list_size,
            at: row.archived_at,
            utf8: row.utf8,
            flags: flags.clone(),
        };
        let seq = self.ledger.next_seq();
        self.archive.keep(seq, arrived)?;
        self.wanted[place].progress = Progress::Pending(seq);
        let pending = self.archive.pending();
        if pending.messages >= BATCH || pending.octets >= BATCH_OCTETS {
            self.commit()?;
        }
        Ok(true)
    }

    /// Delivers what was taken, and puts it in the place of what was bad.
    pub(super) fn commit(&mut self) -> Result<(), RepairError> {
        let mut batch: Vec<(usize, Seq)> = Vec::new();
        for (place, wanted) in self.wanted.iter().enumerate() {
            if let Progress::Pending(seq) = wanted.progress {
                batch.push((place, seq));
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let replaces = |&(place, new): &(usize, Seq)| {
            let Wanted { row, bad, .. } = &self.wanted[place];
            Change::Replaces(Replacement { new, of: row.seq, bad: *bad })
        };
        let replacements: Vec<Change> = batch.iter().map(replaces).collect();
        self.ledger.commit(&replacements)?;
        let stored = self.archive.commit(&mut *self.ledger)?;
        let shortfall = self.archive.shortfall();
        for (place, seq) in batch {
            if !stored.contains(&seq) {
                self.wanted[place].progress = Progress::Open;
                continue;
            }
            self.wanted[place].progress = Progress::Mended;
            let of = self.wanted[place].row.seq;
            let Some(row) = self.ledger.row(of)? else { continue };
            match self.archive.verify(&row)? {
                Copy::Intact(_) => {}
                Copy::Gone | Copy::Changed => {
                    self.wanted[place].progress = Progress::Open;
                    return Err(RepairError::NotAsWritten { id: MessageId::of(&row.digest) });
                }
            }
        }
        self.move_bad_copies_aside()?;
        shortfall.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Moves every bad copy that was replaced out of the archive, if the archive lets it go.
    pub(super) fn move_bad_copies_aside(&mut self) -> Result<(), RepairError> {
        for place in self.ledger.verification()?.bad_copies {
            stop::check()?;
            let (keep, mut failed) = (self.keep, None);
            let taken = self.archive.take_out(&place, &mut |path| {
                keep(path).inspect_err(|error| {
                    failed = Some(io::Error::new(error.kind(), error.to_string()));
                })
            });
            if let Some(source) = failed {
                return Err(RepairError::Keep { path: self.kept_in.display().to_string(), source });
            }
            if taken? {
                self.ledger.commit(&[Change::BadCopyGone(place)])?;
            }
        }
        Ok(())
    }

    /// The rows that were repaired.
    pub(super) fn mended(&self) -> HashSet<Seq> {
        let mended = self.wanted.iter().filter(|wanted| wanted.progress == Progress::Mended);
        mended.map(|wanted| wanted.row.seq).collect()
    }
}
