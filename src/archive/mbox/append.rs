//! A batch on its way from the spool to the end of the mbox.
//!
//! The order is the promise: lock, intents in the ledger, append, sync, stored in the ledger,
//! unlock.

use super::lock::{Locked, lock};
use super::{Finished, Mbox, region};
use crate::archive::{ArchiveError, expected};
use crate::disk::{self, Disk, DiskFile as _};
use crate::ledger::{Change, Ledger, Place, Row, RowState, Seq};
use crate::mail::mboxrd::from_line;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};

/// Octets that are appended at once.
const APPEND: usize = 256 * 1024;

/// A message and the region that it is to have.
struct Addition<'a> {
    message: &'a Finished,
    from_line: String,
    row: Row,
}

impl<D: Disk> Mbox<D> {
    pub(super) fn append(
        &mut self,
        batch: &[Finished],
        ledger: &mut dyn Ledger,
    ) -> Result<Vec<Seq>, ArchiveError> {
        if self.unsettled {
            return Err(ArchiveError::Unsettled { path: self.path.display().to_string() });
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut locked = self.lock_for_append(ledger)?;
        let len = locked.file.metadata().map_err(|error| self.failed(&error))?.len;
        let separator = region::separator(&mut locked.file, len).map_err(|error| self.failed(&error))?;
        let additions = self.place(batch, len + separator.len() as u64)?;

        // From here on something may be left behind that only recovery can judge.
        self.unsettled = true;
        self.shortfall = None;
        let mut rest = self.intend(&additions, ledger)?;
        loop {
            let written = self.write_out(&mut locked, len, separator, rest);
            let wrote = written.is_ok();
            let Err(error) = written.and_then(|()| self.make_durable(&mut locked)) else { break };
            let error = self.failed(&error);
            // Under the same lock, so that what is cut off is ours alone. If this fails too, the
            // intents stay for recovery.
            if locked.file.set_len(len).and_then(|()| locked.file.sync()).is_err() {
                return Err(error);
            }
            // A sync that failed condemns the batch.
            let (first, last) = if wrote { rest.split_at(0) } else { self.halves(rest, &error) };
            let withdrawn: Vec<Change> = seqs(last).map(Change::Withdrawn).collect();
            let withdrawn = ledger.commit(&withdrawn);
            if first.is_empty() {
                return Err(error);
            }
            withdrawn?;
            rest = first;
            self.shortfall = Some(error);
        }
        let mut stored: Vec<Change> = seqs(rest).map(Change::Stored).collect();
        if let Ok(meta) = locked.file.metadata() {
            stored.extend(self.grown(&meta));
        }
        ledger.commit(&stored)?;
        self.unsettled = false;
        Ok(seqs(rest).collect())
    }

    /// Puts the intents on record, of as many of the first messages as there is room for.
    fn intend<'a>(
        &mut self,
        additions: &'a [Addition<'a>],
        ledger: &mut dyn Ledger,
    ) -> Result<&'a [Addition<'a>], ArchiveError> {
        let mut rest = additions;
        loop {
            let intents: Vec<Change> =
                rest.iter().map(|addition| Change::Intent(addition.row.clone())).collect();
            let Err(error) = ledger.commit(&intents) else { return Ok(rest) };
            let error = ArchiveError::from(error);
            (rest, _) = self.halves(rest, &error);
            if rest.is_empty() {
                return Err(error);
            }
            self.shortfall = Some(error);
        }
    }

    /// What of a batch is tried again after this error, and what is not. For want of room that is its first half, and
    /// the spool gives back what the other one takes up; otherwise nothing.
    fn halves<'a>(
        &mut self,
        batch: &'a [Addition<'a>],
        error: &ArchiveError,
    ) -> (&'a [Addition<'a>], &'a [Addition<'a>]) {
        let halves = batch.split_at(if error.is_want_of_room() { batch.len() / 2 } else { 0 });
        if let Some(first) = halves.1.first() {
            self.spool.truncate(first.message.spooled.start);
        }
        halves
    }

    /// Makes the file only while the ledger has no message that should be in it.
    fn lock_for_append(&self, ledger: &dyn Ledger) -> Result<Locked<D>, ArchiveError> {
        if let Some(locked) = lock(&self.disk, &self.path, false, self.patience)? {
            return Ok(locked);
        }
        let expected = expected(ledger)?;
        let made = if expected == 0 { lock(&self.disk, &self.path, true, self.patience)? } else { None };
        made.ok_or_else(|| ArchiveError::Vanished { path: self.path.display().to_string(), expected })
    }

    /// Gives each message its region, the first one at `offset`.
    fn place<'a>(&self, batch: &'a [Finished], mut offset: u64) -> Result<Vec<Addition<'a>>, ArchiveError> {
        let mut additions = Vec::with_capacity(batch.len());
        for message in batch {
            let Some(arrived) = &message.arrived else { return Err(self.no_message()) };
            let from_line = from_line(&message.sender, arrived.at);
            let length = from_line.len() as u64 + (message.spooled.end - message.spooled.start);
            let row = Row {
                seq: message.seq,
                uid: arrived.uid.clone(),
                list_size: arrived.list_size,
                size: message.size,
                digest: message.digest.clone(),
                place: Place::Mbox { offset, length },
                state: RowState::Intent,
                archived_at: arrived.at,
                utf8: arrived.utf8,
            };
            offset += length;
            additions.push(Addition { message, from_line, row });
        }
        Ok(additions)
    }

    fn write_out(
        &mut self,
        locked: &mut Locked<D>,
        len: u64,
        separator: &[u8],
        additions: &[Addition<'_>],
    ) -> io::Result<()> {
        locked.file.seek(SeekFrom::Start(len))?;
        let mut out = BufWriter::with_capacity(APPEND, &mut locked.file);
        let written = (|| {
            out.write_all(separator)?;
            for addition in additions {
                out.write_all(addition.from_line.as_bytes())?;
                self.spool.copy(addition.message.spooled.clone(), &mut out)?;
            }
            out.flush()
        })();
        // Taken apart, so that dropping it cannot write once more after a failure.
        let _ = out.into_parts();
        written
    }

    fn make_durable(&mut self, locked: &mut Locked<D>) -> io::Result<()> {
        locked.file.sync()?;
        // Whoever made the file, we or another program, may have been killed before its name was durable.
        if locked.created || !self.name_is_durable {
            self.disk.sync_dir(disk::parent(&self.path))?;
            self.name_is_durable = true;
        }
        Ok(())
    }
}

fn seqs(additions: &[Addition<'_>]) -> impl Iterator<Item = Seq> {
    additions.iter().map(|addition| addition.row.seq)
}
