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

    /// `intents` by ascending offset.
    fn settle_intents(
        &self,
        file: &mut D::File,
        intents: &[Row],
        recovery: &mut Recovery,
    ) -> io::Result<Vec<Change>> {
        let len = file.metadata()?.len;
        let mut whole = Vec::with_capacity(intents.len());
        for row in intents {
            let digest = match region_of(row) {
                Some(region) if region.end <= len => region::digest(file, region, Some(row.size))?,
                _ => None,
            };
            whole.push(digest.as_ref() == Some(&row.digest));
        }
        self.settle_tail(file, len, intents, &whole, recovery)?;
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

    /// Behind the last whole message: cuts off what is certainly our own torn append.
    fn settle_tail(
        &self,
        file: &mut D::File,
        len: u64,
        intents: &[Row],
        whole: &[bool],
        recovery: &mut Recovery,
    ) -> io::Result<()> {
        let torn = whole.iter().rposition(|whole| *whole).map_or(0, |last| last + 1);
        let regions: Vec<Range<u64>> = intents.iter().filter_map(region_of).collect();
        let path = self.path.display();
        for (region, _) in regions.iter().zip(whole).take(torn).filter(|(_, whole)| !**whole) {
            recovery.left_alone.push(left_alone(&path, region));
        }
        let (Some(row), Some(tail)) = (intents.get(torn), regions.get(torn)) else { return Ok(()) };
        if tail.start >= len {
            return Ok(());
        }
        let end = regions.last().map_or(0, |last| last.end);
        let ours = |offset| regions.iter().any(|region| region.start == offset);
        if len <= end && region::is_left_by_a_crash(file, tail.start..len, row, &ours)? {
            file.set_len(tail.start)?;
            file.sync()
        } else {
            recovery.left_alone.push(left_alone(&path, tail));
            Ok(())
        }
    }
}

fn left_alone(path: &std::path::Display<'_>, region: &Range<u64>) -> String {
    let Range { start, end } = region;
    format!(
        "{path}: octets {start} to {end} are not the message that was being appended there; they are left alone"
    )
}
