//! What a crash left in an mbox.

use super::{Mbox, lock, region, region_of};
use crate::archive::{ArchiveError, Recovery};
use crate::disk::{self, Disk, DiskFile as _};
use crate::ledger::{Change, Ledger, Row};
use std::io;
use std::ops::Range;

impl<D: Disk> Mbox<D> {
    /// Completes or withdraws every intent, under the lock.
    pub(super) fn settle(&mut self, ledger: &mut dyn Ledger) -> Result<Recovery, ArchiveError> {
        self.throw_away();
        self.pending.clear();
        self.spool.clear();
        let cleaned = match lock::clean(&*self.disk, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => 0,
            outcome => outcome.map_err(|error| self.failed(&error))?,
        };
        let mut recovery = Recovery { cleaned, ..Recovery::default() };
        let mut intents = ledger.intents()?;
        if !intents.is_empty() {
            intents.sort_by_key(|row| region_of(row).map_or(u64::MAX, |region| region.start));
            if let Some(mut locked) = lock::lock(&self.disk, &self.path, false, self.patience)? {
                let settled = self.settle_intents(&mut locked.file, &intents, &mut recovery);
                // Still locked: what goes on record is then true.
                ledger.commit(&settled.map_err(|error| self.failed(&error))?)?;
            } else {
                recovery.withdrawn = intents.len() as u64;
                ledger.commit(&intents.iter().map(|row| Change::Withdrawn(row.seq)).collect::<Vec<_>>())?;
            }
        }
        self.unsettled = false;
        Ok(recovery)
    }

    /// `intents` by ascending offset. They are of one batch: nothing is appended before the last one
    /// is settled.
    fn settle_intents(
        &self,
        file: &mut D::File,
        intents: &[Row],
        recovery: &mut Recovery,
    ) -> io::Result<Vec<Change>> {
        let len = file.metadata()?.len;
        let mut whole = Vec::with_capacity(intents.len());
        for row in intents {
            whole.push(region::is_whole(file, len, row)?);
        }
        if let Some(torn) = whole.iter().position(|whole| !whole) {
            if let Some(end) = own_end(file, len, &intents[torn..])? {
                file.set_len(end)?;
                file.sync()?;
                // What came whole behind what came torn is gone with it.
                whole[torn..].fill(false);
            } else {
                let mut at = 0;
                for run in whole.chunk_by(|a, b| a == b) {
                    let (rows, is_whole) = (&intents[at..at + run.len()], run[0]);
                    at += run.len();
                    let regions = || rows.iter().filter_map(region_of);
                    if let (false, Some(first), Some(last)) =
                        (is_whole, regions().next(), regions().next_back())
                        && first.start < len
                    {
                        recovery.left_alone.push(self.left_alone(&(first.start..last.end)));
                    }
                }
            }
        }
        if whole.contains(&true) {
            // It was read back, which says nothing about what the next power cut leaves of it.
            file.sync()?;
            self.disk.sync_dir(disk::parent(&self.path))?;
        }
        Ok(intents
            .iter()
            .zip(whole)
            .map(|(row, whole)| {
                if whole {
                    recovery.completed += 1;
                    Change::Stored(row.seq)
                } else {
                    recovery.withdrawn += 1;
                    Change::Withdrawn(row.seq)
                }
            })
            .collect())
    }

    fn left_alone(&self, region: &Range<u64>) -> String {
        let Range { start, end } = region;
        format!(
            "{}: octets {start} to {end} are not the mail that was being appended there; popkeep leaves them alone",
            self.path.display()
        )
    }
}

/// Where the file ended before the append of which `torn` and what follows it are left, if that is
/// certain: nobody else has written behind it.
fn own_end(file: &mut (impl io::Read + io::Seek), len: u64, torn: &[Row]) -> io::Result<Option<u64>> {
    let end = torn.iter().filter_map(region_of).map(|region| region.end).max();
    if end.is_none_or(|end| len > end) {
        return Ok(None);
    }
    region::end_before_crash(file, len, torn)
}
