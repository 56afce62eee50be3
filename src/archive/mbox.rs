//! mbox, in its mboxrd form: all messages one behind the other in one file.
//!
//! Promises: a batch is complete, in a spool, before the file is locked; under the lock its
//! intents are on record before the first octet is written, and a failed append is cut off again.
//! A message begins only behind an empty line.
//!
//! Must never: cut off anything that another program wrote, write into what is not a regular file
//! of ours, or wait for the network while the lock is archived.

mod append;
mod lock;
mod look;
mod mail_behind;
mod reading;
mod recovery;
pub(super) mod region;
mod spool;
#[cfg(test)]
mod tests;
mod unknown;

use super::presence::Begun;
use super::{
    Archive, ArchiveError, Arrived, BUFFER, Beside, Copy, CopyAt, CopyReader, Met, Pending, Presence,
    Recovery, are_most, expected, expects_mail,
};
use crate::clock;
use crate::disk::{self, Access, Disk};
use crate::event::Looking;
use crate::ledger::{Ledger, LookRecord, Place, Row, Seq, UnixTime, UnknownCopy};
use crate::mail::digest::{Digest, Digester};
use crate::mail::headers;
use crate::mail::mboxrd::Quote;
use spool::Spool;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// An account's mbox.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Mbox<D: Disk> {
    disk: Arc<D>,
    path: PathBuf,
    spool: Spool<D>,
    draft: Option<Draft>,
    finished: Option<Finished>,
    pending: Vec<Finished>,
    /// An append failed: nothing more before recovery.
    unsettled: bool,
    /// Unknown copies were read that may not be durable.
    met: bool,
    /// Why the last commit stored a part only.
    shortfall: Option<ArchiveError>,
    /// This run has synced the folder that the file is in.
    name_is_durable: bool,
    /// How long to wait for locks.
    patience: Duration,
    /// Not even a lock is taken.
    only_reads: bool,
    /// What the look of this run found, with what was appended since.
    seen: Option<LookRecord>,
    /// Where copies are that are not where they are recorded.
    elsewhere: Elsewhere,
}

/// Copies that are not where they are recorded, as far as that was looked for.
#[derive(Default)]
struct Elsewhere {
    moved: HashMap<Seq, Range<u64>>,
    /// Those that are nowhere, ascending.
    absent: Vec<Seq>,
}

/// The message that is being written.
struct Draft {
    /// Where it begins in the spool.
    start: u64,
    quote: Quote,
    digester: Digester,
    header: headers::Reader,
    /// Quoted octets that wait to be spooled together.
    quoted: Vec<u8>,
}

/// A message that is complete in the spool, quoted, with the empty line behind it.
struct Finished {
    spooled: Range<u64>,
    digest: Digest,
    size: u64,
    sender: String,
    /// Set when the message is kept.
    seq: Seq,
    arrived: Option<Arrived>,
}

impl<D: Disk> Mbox<D> {
    /// The mbox at `path`. An mbox's messages carry no sign of whose they are, so the identity is
    /// not needed. Nothing is touched before [`Archive::open`].
    pub fn new(disk: Arc<D>, path: PathBuf, _identity: &str) -> Self {
        Mbox {
            spool: Spool::new(Arc::clone(&disk), disk::parent(&path).to_owned()),
            disk,
            path,
            draft: None,
            finished: None,
            pending: Vec::new(),
            unsettled: false,
            met: false,
            shortfall: None,
            name_is_durable: false,
            patience: lock::PATIENCE,
            only_reads: false,
            seen: None,
            elsewhere: Elsewhere::default(),
        }
    }

    /// The same for a look that leaves no trace: not even a lock is taken, so that nothing that it finds is to be relied on.
    #[must_use]
    pub fn only_reading(self) -> Self {
        Mbox { only_reads: true, ..self }
    }

    fn failed(&self, error: &io::Error) -> ArchiveError {
        ArchiveError::at(&self.path, error)
    }

    fn no_message(&self) -> ArchiveError {
        ArchiveError::no_message(&self.path)
    }

    /// Empties the spool but for the message that is open, or finished and not kept, which is the
    /// last one in it.
    fn empty_spool(&mut self) -> Result<(), ArchiveError> {
        let draft = self.draft.as_ref().map(|draft| draft.start);
        let start = draft.or(self.finished.as_ref().map(|finished| finished.spooled.start));
        self.spool.remove_front(start.unwrap_or(self.spool.len())).map_err(|error| {
            self.throw_away();
            self.failed(&error)
        })?;
        if let Some(draft) = &mut self.draft {
            draft.start = 0;
        }
        if let Some(Finished { spooled, .. }) = &mut self.finished {
            *spooled = 0..spooled.end - spooled.start;
        }
        Ok(())
    }

    /// Forgets the message that is open, or finished and not kept.
    fn throw_away(&mut self) {
        let start = self.draft.take().map(|draft| draft.start);
        let start = start.or(self.finished.take().map(|finished| finished.spooled.start));
        if let Some(start) = start {
            self.spool.truncate(start);
        }
    }
}

/// The region of a row's copy; `None` for a row of a Maildir.
fn region_of(row: &Row) -> Option<Range<u64>> {
    match row.place {
        Place::Mbox { offset, length } => Some(offset..offset.saturating_add(length)),
        Place::Maildir { .. } => None,
    }
}

impl<D: Disk> Archive for Mbox<D> {
    fn check(&mut self, ledger: &dyn Ledger) -> Result<(), ArchiveError> {
        match self.disk.link_metadata(&self.path) {
            Ok(meta) => lock::check(&self.path, &meta),
            Err(error) if error.kind() == ErrorKind::NotFound && !expects_mail(ledger)? => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (path, expected) = (self.path.display().to_string(), expected(ledger)?);
                Err(ArchiveError::Vanished { path, expected })
            }
            Err(error) => Err(ArchiveError::at_first(&self.path, &error)),
        }
    }

    fn open(&mut self, ledger: &mut dyn Ledger) -> Result<(), ArchiveError> {
        self.check(ledger)?;
        let cannot = |path: &Path, error: io::Error| ArchiveError::at_first(path, &error);
        let holds = !ledger.newest(Seq::MAX, 1)?.is_empty();
        let folder = disk::parent(&self.path);
        if !holds {
            disk::make_dirs(&*self.disk, folder).map_err(|error| cannot(folder, error))?;
            // A run that was killed may have made them, and not durable.
            disk::secure_dirs(&*self.disk, folder).map_err(|error| cannot(folder, error))?;
        }
        let exists = self.disk.link_metadata(&self.path).is_ok();
        let written = if exists { &self.path } else { folder };
        self.disk.writable(written).map_err(|error| cannot(written, error))
    }

    fn has_most(&mut self, ledger: &dyn Ledger) -> Result<bool, ArchiveError> {
        match self.disk.metadata(&self.path) {
            Err(error) if disk::is_absent(&error) => return Ok(false),
            outcome => outcome.map_err(|error| ArchiveError::at_first(&self.path, &error))?,
        };
        let found = self.each_region(ledger, &[], Begun::never())?;
        // What could not be looked at says nothing of what is in it.
        let locked = || ArchiveError::Locked { path: self.path.display().to_string() };
        Ok(are_most(found.ok_or_else(locked)?.present, ledger)?)
    }

    fn recover(&mut self, ledger: &mut dyn Ledger) -> Result<Recovery, ArchiveError> {
        self.settle(ledger)
    }

    fn look(&mut self, ledger: &mut dyn Ledger, now: UnixTime) -> Result<Presence, ArchiveError> {
        self.look_through(ledger, Begun::at(now))
    }

    fn find_unknown_copies(
        &mut self,
        ledger: &mut dyn Ledger,
        now: UnixTime,
        watch: &mut dyn FnMut(Looking),
    ) -> Result<(), ArchiveError> {
        self.look_for_unknown_copies(ledger, Begun::at(now), watch)
    }

    fn meet(&mut self, unknown: &UnknownCopy) -> Result<Option<Met>, ArchiveError> {
        self.read_unknown_copy(unknown)
    }

    fn secure_met(&mut self) -> Result<(), ArchiveError> {
        self.secure_unknown_copies()
    }

    fn begin(&mut self) -> Result<(), ArchiveError> {
        self.throw_away();
        self.draft = Some(Draft {
            start: self.spool.len(),
            quote: Quote::new(),
            digester: Digester::new(),
            header: headers::Reader::new(),
            quoted: Vec::new(),
        });
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), ArchiveError> {
        let Some(draft) = &mut self.draft else { return Err(self.no_message()) };
        let mut spooled = Ok(());
        for octets in octets.chunks(BUFFER) {
            draft.digester.update(octets);
            draft.header.update(octets);
            draft.quote.feed(octets, &mut draft.quoted);
            if draft.quoted.len() >= BUFFER {
                spooled = spooled.and_then(|()| self.spool.append(&draft.quoted));
                draft.quoted.clear();
            }
        }
        spooled.map_err(|error| {
            self.throw_away();
            self.failed(&error)
        })
    }

    fn finish(&mut self) -> Result<(Digest, u64), ArchiveError> {
        let Some(mut draft) = self.draft.take() else { return Err(self.no_message()) };
        draft.quote.finish(&mut draft.quoted);
        draft.quoted.push(b'\n');
        if let Err(error) = self.spool.append(&draft.quoted) {
            self.spool.truncate(draft.start);
            return Err(self.failed(&error));
        }
        let (digest, size) = draft.digester.finish();
        let sender = draft.header.finish().sender().to_owned();
        let spooled = draft.start..self.spool.len();
        self.finished =
            Some(Finished { spooled, digest: digest.clone(), size, sender, seq: 0, arrived: None });
        Ok((digest, size))
    }

    fn keep(&mut self, seq: Seq, arrived: Arrived) -> Result<(), ArchiveError> {
        let Some(finished) = self.finished.take() else { return Err(self.no_message()) };
        self.pending.push(Finished { seq, arrived: Some(arrived), ..finished });
        Ok(())
    }

    fn discard(&mut self) -> Result<(), ArchiveError> {
        self.throw_away();
        Ok(())
    }

    fn pending(&self) -> Pending {
        Pending {
            messages: self.pending.len(),
            octets: self.pending.iter().map(|message| message.size).sum(),
        }
    }

    fn commit(&mut self, ledger: &mut dyn Ledger) -> Result<Vec<Seq>, ArchiveError> {
        let batch = std::mem::take(&mut self.pending);
        let outcome = self.append(&batch, ledger);
        self.empty_spool().and(outcome)
    }

    fn shortfall(&mut self) -> Option<ArchiveError> {
        self.shortfall.take()
    }

    fn verify(&mut self, row: &Row) -> Result<Copy, ArchiveError> {
        let Some(region) = region_of(row) else { return Ok(Copy::Gone) };
        let mut file = match self.disk.open(&self.path, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Copy::Gone),
            Err(error) => return Err(self.failed(&error)),
        };
        let copy = look::copy(&mut file, region, row).map_err(|error| self.failed(&error))?;
        Ok(copy.map_or(Copy::Changed, Copy::Intact))
    }

    fn locate(&mut self, ledger: &dyn Ledger, moved: bool) -> Result<(), ArchiveError> {
        self.elsewhere = if moved { self.find_elsewhere(ledger)? } else { self.behind_the_end(ledger)? };
        Ok(())
    }

    fn stamp(&self) -> Result<Option<String>, ArchiveError> {
        match self.disk.metadata(&self.path) {
            Ok(meta) => Ok(look::settled(&meta, Begun::at(clock::now()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn copies(&mut self, row: &Row) -> Result<Vec<CopyAt>, ArchiveError> {
        if self.elsewhere.absent.binary_search(&row.seq).is_ok() {
            return Ok(Vec::new());
        }
        let moved = self.elsewhere.moved.get(&row.seq).cloned();
        let at = |region| CopyAt::Region { path: Arc::from(self.path.as_path()), region };
        Ok(moved.or_else(|| region_of(row)).map(at).into_iter().collect())
    }

    fn reader(&self) -> Arc<dyn CopyReader> {
        Arc::new(reading::RegionReader(Arc::clone(&self.disk)))
    }

    fn beside(&mut self, ledger: &dyn Ledger) -> Result<Beside, ArchiveError> {
        self.without_a_row(ledger)
    }
}
