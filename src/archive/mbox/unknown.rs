//! What is in an mbox and no row explains: regions, each read once.
//!
//! The file is looked through only where it is not what it was when that was done last; of one that only grew, what was
//! added. Must never: wait long for the lock. Whoever keeps it is at work in the file, and the next run looks.

use super::look::{PATIENCE, Stamp};
use super::{Mbox, lock, region};
use crate::archive::presence::Begun;
use crate::archive::{ArchiveError, Met};
use crate::disk::{self, Access, Disk, DiskFile as _};
use crate::event::Looking;
use crate::ledger::{Change, Ledger, LedgerError, Place, UnknownCopy};
use crate::mail::bare::{BareHeader, Extent};
use crate::mail::digest::Digester;
use crate::stop;
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::ops::Range;

/// Regions that are put on record in one step.
const PORTION: usize = 1000;

impl<D: Disk> Mbox<D> {
    /// See [`crate::archive::Archive::find_unknown_copies`].
    pub(super) fn look_for_unknown_copies(
        &mut self,
        ledger: &mut dyn Ledger,
        begun: Begun,
        watch: &mut dyn FnMut(Looking),
    ) -> Result<(), ArchiveError> {
        let meta = match self.disk.link_metadata(&self.path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.failed(&error)),
        };
        let known = ledger.unknown_copies_seen()?.as_deref().and_then(Stamp::parse);
        if known.as_ref().is_some_and(|known| known.is_still(&meta)) {
            return Ok(());
        }
        let (mut reading, mut writing);
        let file = if self.only_reads {
            reading = self.disk.open(&self.path, Access::Read).map_err(|error| self.failed(&error))?;
            &mut reading
        } else {
            writing = match lock::lock(&self.disk, &self.path, false, self.patience.min(PATIENCE)) {
                Ok(Some(locked)) => locked,
                Ok(None) | Err(ArchiveError::Locked { .. }) => return Ok(()),
                Err(error) => return Err(error),
            };
            &mut writing.file
        };
        let failed = |error: io::Error| self.failed(&error);
        let meta = file.metadata().map_err(failed)?;
        let from = match known.as_ref().and_then(|known| known.grown_from(&meta)) {
            Some(from) if region::stands_alone(file, from).map_err(failed)? => from,
            _ => 0,
        };
        let known = if from == 0 { ledger.count_unknown_copies()? } else { 0 };
        if from == 0 {
            ledger.commit(&[Change::ForgetUnknownCopies])?;
        }
        let mut explained: HashSet<u64> = HashSet::new();
        let mut note = |place: &Place| {
            if let Place::Mbox { offset, .. } = *place
                && offset >= from
            {
                explained.insert(offset);
            }
        };
        ledger.places(&mut |_, _, place| note(place))?;
        ledger.other_places(&mut |_, place| note(place))?;
        let (mut found, mut count) = (Vec::new(), 0_u64);
        let mut problem: Option<LedgerError> = None;
        let (mut is_read, mut broken_off) = (false, false);
        let all = meta.len - from;
        region::each_message_from(file, from, meta.len, &mut |file, region| {
            if explained.contains(&region.start) {
                return Ok(true);
            }
            let done = if std::mem::replace(&mut is_read, true) { region.start - from } else { 0 };
            watch(Looking { done, all, in_octets: true });
            let mut region = region;
            let mut met = read(file, region.clone())?;
            if has_line_of_fdm(file, &region, met.as_ref())? {
                region.end -= 1;
                met = read(file, region.clone())?;
            }
            let place = Place::Mbox { offset: region.start, length: region.end - region.start };
            if let Some(unknown) = met.and_then(|met| met.into_unknown(place, 0)) {
                count += 1;
                found.push(unknown);
            }
            if found.len() >= PORTION {
                let portion = Change::UnknownCopies {
                    found: std::mem::take(&mut found),
                    stamp: None,
                    first_look: false,
                };
                problem = ledger.commit(&[portion]).err();
            }
            broken_off |= stop::requested().is_some();
            Ok(problem.is_none() && !broken_off)
        })
        .map_err(failed)?;
        if let Some(error) = problem {
            return Err(error.into());
        }
        if is_read {
            watch(Looking { done: all, all, in_octets: true });
        }
        let stamp = (!broken_off).then(|| Stamp::of(&meta, begun).to_string());
        Ok(ledger.commit(&[Change::UnknownCopies { found, stamp, first_look: count > known }])?)
    }

    /// See [`crate::archive::Archive::meet`].
    pub(super) fn read_unknown_copy(&mut self, unknown: &UnknownCopy) -> Result<Option<Met>, ArchiveError> {
        let Place::Mbox { offset, length } = unknown.place else { return Ok(None) };
        let mut file = match self.disk.open(&self.path, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        let met =
            read(&mut file, offset..offset.saturating_add(length)).map_err(|error| self.failed(&error))?;
        self.met |= met.is_some();
        Ok(met)
    }

    /// See [`crate::archive::Archive::secure_met`].
    pub(super) fn secure_unknown_copies(&mut self) -> Result<(), ArchiveError> {
        if !self.met {
            return Ok(());
        }
        let secure = || {
            self.disk.open(&self.path, Access::Read)?.sync()?;
            self.disk.sync_dir(disk::parent(&self.path))
        };
        secure().map_err(|error| self.failed(&error))?;
        self.met = false;
        Ok(())
    }
}

/// Whether there are two empty lines behind a message that fdm has written: the second is no part of it.
fn has_line_of_fdm(
    file: &mut (impl io::Read + io::Seek),
    region: &Range<u64>,
    met: Option<&Met>,
) -> io::Result<bool> {
    let by_fdm = met.and_then(|met| met.bare.as_ref()).is_some_and(|bare| bare.by_fdm);
    Ok(by_fdm && region::read_at(file, region.end.saturating_sub(3), 3)? == b"\n\n\n")
}

/// The message in a region.
fn read(file: &mut (impl io::Read + io::Seek), region: Range<u64>) -> io::Result<Option<Met>> {
    let (mut digester, mut bare, mut extent) = (Digester::new(), BareHeader::default(), Extent::default());
    let is_one = region::any_message(file, region, &mut |octets| {
        digester.update(octets);
        bare.update(octets);
        extent.add(octets);
    })?;
    let (digest, _) = digester.finish();
    Ok(is_one.then(|| Met { digest, extent, bare: bare.finish() }))
}
