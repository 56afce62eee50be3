//! A look through an mbox: which rows' regions are there.
//!
//! A file that is what it was at the last look is not opened. Of one that only grew, the first region, the last and
//! [`GLANCES`] others are glanced at. One that changed otherwise is looked through once, under the lock, and regions
//! that another program has moved are found again by their content.
//!
//! Must never: call a message removed when the file could not be locked, or changed under the look.

use super::{Elsewhere, Mbox, lock, region, region_of};
use crate::archive::presence::Begun;
use crate::archive::{ArchiveError, Beside, Presence};
use crate::disk::{Access, Disk, DiskFile as _, Meta};
use crate::ledger::{Change, Ledger, LookRecord, OddCopy, Other, Place, Row, Seq};
use crate::mail::digest::{Digest, Hash};
use crate::receipt::VerifiedCopy;
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::time::Duration;

/// Regions that are glanced at in a file that only grew, besides the first and the last.
const GLANCES: usize = 64;

/// How long a look waits for the lock: whoever keeps it longer is at work in the file.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Headers of messages in the file that no row explains, at most: enough to tell a damaged copy.
const UNEXPLAINED: usize = 100_000;

/// What the file was at a look.
pub(super) struct Stamp {
    ino: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Nothing can have happened to it since that leaves it as it was.
    settled: bool,
}

/// What came of looking through the file.
pub(super) struct Found {
    /// Copies that were found.
    pub(super) present: u64,
    absent: Vec<Seq>,
    /// Those of them that are so because the file ends in the midst of another message.
    cut_off: Vec<Seq>,
    odd: Vec<OddCopy>,
    moved: Vec<Change>,
    stamp: Stamp,
}

/// The rows' regions while the file is looked through.
struct Regions {
    /// By offset.
    rows: Vec<(Range<u64>, Seq)>,
    claimed: HashSet<Seq>,
    /// The row that was found last: rows are likely to be in their old order.
    last: Seq,
    moved: Vec<Change>,
    /// Regions that no row explains: where they begin, and their headers but for marks.
    unexplained: HashSet<u64>,
    headers: HashSet<Hash>,
    /// Parts behind a row's region in which no message begins.
    headless: Vec<Range<u64>>,
    /// Octets of the file.
    len: u64,
}

impl<D: Disk> Mbox<D> {
    /// See [`crate::archive::Archive::look`].
    pub(super) fn look_through(
        &mut self,
        ledger: &mut dyn Ledger,
        begun: Begun,
    ) -> Result<Presence, ArchiveError> {
        self.seen = None;
        let before = ledger.last_look()?;
        let accepted = ledger.accepted()?;
        let meta = match self.disk.link_metadata(&self.path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut absent = Vec::new();
                ledger.known(&mut |row| absent.push(row.seq))?;
                let record = LookRecord { stamp: None, absent, odd: Vec::new(), ..before.clone() };
                if !record.absent.is_empty() {
                    record_if_new(ledger, &before, &record)?;
                }
                self.seen = Some(record.clone());
                return Ok(Presence::of_record(&record, accepted));
            }
            Err(error) => return Err(self.failed(&error)),
        };
        if ledger.newest(Seq::MAX, 1)?.is_empty() {
            let record =
                LookRecord { stamp: Some(Stamp::of(&meta, begun).to_string()), ..LookRecord::default() };
            self.seen = Some(record);
            return Ok(Presence::of_record(&LookRecord::default(), accepted));
        }
        let known = before.stamp.as_deref().and_then(Stamp::parse);
        let record = match known {
            Some(known) if known.settled && known.is(&meta) => before.clone(),
            Some(known) if self.only_grew(&known, &meta, ledger, &before)? => {
                LookRecord { stamp: Some(Stamp::of(&meta, begun).to_string()), ..before.clone() }
            }
            _ => {
                let Some(found) = self.each_region(ledger, &accepted, begun)? else {
                    let why = format!("{} is in use by another program", self.path.display());
                    return Ok(Presence::unseen(why, accepted));
                };
                ledger.commit(&found.moved)?;
                let stamp = Some(found.stamp.to_string());
                LookRecord { stamp, absent: found.absent, odd: found.odd, ..before.clone() }
            }
        };
        record_if_new(ledger, &before, &record)?;
        self.seen = Some(record.clone());
        Ok(Presence::of_record(&record, accepted))
    }

    /// We have just appended to the file, which was as the look of this run found it: what to put on record of it.
    pub(super) fn grown(&mut self, meta: &Meta) -> Option<Change> {
        let seen = self.seen.as_mut()?;
        seen.stamp = Some(Stamp { settled: false, ..Stamp::of(meta, Begun::never()) }.to_string());
        Some(Change::Looked(seen.clone()))
    }

    /// Whether the file is the one that was looked at, with nothing changed in it, as far as a glance tells, but what
    /// was appended.
    fn only_grew(
        &self,
        known: &Stamp,
        meta: &Meta,
        ledger: &dyn Ledger,
        before: &LookRecord,
    ) -> Result<bool, ArchiveError> {
        let may = known.ino == meta.ino && (meta.len > known.len || meta.len == known.len && !known.settled);
        // What another program appended may be what was removed before.
        let may_be_back = meta.len > known.len && !before.absent.is_empty();
        if !may || may_be_back || !before.odd.is_empty() {
            return Ok(false);
        }
        let mut present = Vec::new();
        ledger.places(&mut |seq, _, place| {
            if before.absent.binary_search(&seq).is_err() && matches!(place, Place::Mbox { .. }) {
                present.push(seq);
            }
        })?;
        let every = (present.len() / GLANCES).max(1);
        let (first, last) = (present.first().copied(), present.last().copied());
        let glances = present.into_iter().step_by(every).chain(first).chain(last);
        let mut file = self.disk.open(&self.path, Access::Read).map_err(|error| self.failed(&error))?;
        for seq in glances {
            let Some(row) = ledger.row(seq)? else { continue };
            let Some(region) = region_of(&row) else { continue };
            if region.end > meta.len
                || !region::looks_right(&mut file, region, &row).map_err(|error| self.failed(&error))?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks through the whole file; `None` when that cannot be done without another program at work in it.
    pub(super) fn each_region(
        &self,
        ledger: &dyn Ledger,
        accepted: &[Seq],
        begun: Begun,
    ) -> Result<Option<Found>, ArchiveError> {
        let mut locked = match lock::lock(&self.disk, &self.path, false, self.patience.min(PATIENCE)) {
            Ok(Some(locked)) => locked,
            Ok(None) | Err(ArchiveError::Locked { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let file = &mut locked.file;
        let failed = |error: io::Error| self.failed(&error);
        let meta = file.metadata().map_err(failed)?;
        let mut regions = Regions::of(ledger, meta.len)?;
        let mut problem = Ok(());
        let mut first = meta.len;
        region::each_message(file, meta.len, &mut |file, region| {
            first = first.min(region.start);
            match regions.find(file, region, ledger) {
                Ok(Ok(())) => Ok(true),
                Ok(Err(error)) => {
                    problem = Err(error);
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        })
        .map_err(failed)?;
        problem?;
        if first > 0 {
            regions.headless.push(0..first);
        }
        let after = file.metadata().map_err(failed)?;
        if (after.len, after.changed, after.modified) != (meta.len, meta.changed, meta.modified) {
            return Ok(None);
        }
        let (mut absent, mut odd, mut cut_off) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows: Vec<Seq> = regions.rows.iter().map(|(_, seq)| *seq).collect();
        rows.sort_unstable();
        for seq in rows.into_iter().filter(|seq| !regions.claimed.contains(seq)) {
            match regions.remains(file, seq, ledger, accepted, &self.path)? {
                Ok(Some(problem)) => odd.push(OddCopy { seq, stamp: String::new(), problem: Some(problem) }),
                Ok(None) => {
                    absent.push(seq);
                    if regions.is_cut_off(file, seq, ledger)? {
                        cut_off.push(seq);
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
        let present = regions.claimed.len() as u64;
        Ok(Some(Found {
            present,
            absent,
            cut_off,
            odd,
            moved: regions.moved,
            stamp: Stamp::of(&meta, begun),
        }))
    }
}

impl<D: Disk> Mbox<D> {
    /// Copies that cannot be where they are recorded: the file ends before.
    pub(super) fn behind_the_end(&self, ledger: &dyn Ledger) -> Result<Elsewhere, ArchiveError> {
        let len = match self.disk.metadata(&self.path) {
            Ok(meta) => meta.len,
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(self.failed(&error)),
        };
        let mut absent = Vec::new();
        ledger.places(&mut |seq, _, place| {
            if !matches!(*place, Place::Mbox { offset, length } if offset.saturating_add(length) <= len) {
                absent.push(seq);
            }
        })?;
        Ok(Elsewhere { absent, ..Elsewhere::default() })
    }

    /// Copies that are not where they are recorded.
    pub(super) fn find_elsewhere(&self, ledger: &dyn Ledger) -> Result<Elsewhere, ArchiveError> {
        if self.disk.link_metadata(&self.path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            let mut absent = Vec::new();
            ledger.known(&mut |row| absent.push(row.seq))?;
            return Ok(Elsewhere { absent, ..Elsewhere::default() });
        }
        let Some(found) = self.each_region(ledger, &[], Begun::never())? else {
            return Err(ArchiveError::Locked { path: self.path.display().to_string() });
        };
        let moved = found.moved.iter().filter_map(|change| match *change {
            Change::Moved { seq, offset, length } => Some((seq, offset..offset.saturating_add(length))),
            _ => None,
        });
        // What a cut has taken is damaged, not removed.
        let mut absent = found.absent;
        absent.retain(|seq| found.cut_off.binary_search(seq).is_err());
        Ok(Elsewhere { moved: moved.collect(), absent })
    }

    /// See [`crate::archive::Archive::beside`]. No message begins within the copy of another one, so that only what is
    /// between them is looked through.
    pub(super) fn without_a_row(&self, ledger: &dyn Ledger) -> Result<Beside, ArchiveError> {
        let mut file = match self.disk.open(&self.path, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Beside::default()),
            Err(error) => return Err(self.failed(&error)),
        };
        let failed = |error: io::Error| self.failed(&error);
        let mut known: Vec<Range<u64>> = Vec::new();
        let (mut starts, mut contradiction) = (HashSet::new(), false);
        let mut note = |seq: Option<Seq>, place: &Place| {
            let Place::Mbox { offset, length } = *place else { return };
            let moved = seq.and_then(|seq| self.elsewhere.moved.get(&seq).cloned());
            known.push(moved.unwrap_or(offset..offset.saturating_add(length)));
        };
        ledger.places(&mut |seq, _, place| {
            if let Place::Mbox { offset, .. } = *place {
                contradiction |= !starts.insert(offset);
            }
            if self.elsewhere.absent.binary_search(&seq).is_err() {
                note(Some(seq), place);
            }
        })?;
        drop(starts);
        ledger.other_places(&mut |other, place| {
            if matches!(other, Other::OfAnotherAccount | Other::Bad) {
                note(None, place);
            }
        })?;
        known.sort_unstable_by_key(|region| region.start);
        let len = file.metadata().map_err(failed)?.len;
        let mut beside = Beside { contradiction, ..Beside::default() };
        let mut problem = None;
        let mut from = 0;
        // And what is behind the last one.
        known.push(len..len);
        for region in known {
            let until = region.start.min(len);
            if until > from {
                region::each_message_from(&mut file, from, until, &mut |file, region| {
                    let digest = region::any_digest(file, region, false)?;
                    let rows = digest.map_or(Ok(Vec::new()), |digest| ledger.by_core(&digest));
                    match rows {
                        Ok(rows) if rows.is_empty() => beside.foreign += 1,
                        Ok(_) => beside.twice += 1,
                        Err(error) => problem = Some(error),
                    }
                    Ok(problem.is_none())
                })
                .map_err(failed)?;
            }
            from = from.max(region.end);
        }
        problem.map_or(Ok(beside), |error| Err(error.into()))
    }
}

impl Regions {
    fn of(ledger: &dyn Ledger, len: u64) -> Result<Self, ArchiveError> {
        let mut rows = Vec::new();
        ledger.places(&mut |seq, _, place| {
            if let Place::Mbox { offset, length } = *place {
                rows.push((offset..offset.saturating_add(length), seq));
            }
        })?;
        rows.sort_unstable_by_key(|(region, seq)| (region.start, *seq));
        Ok(Regions {
            rows,
            claimed: HashSet::new(),
            last: 0,
            moved: Vec::new(),
            unexplained: HashSet::new(),
            headers: HashSet::new(),
            headless: Vec::new(),
            len,
        })
    }

    /// Whose copy is in this region of the file?
    fn find(
        &mut self,
        file: &mut (impl io::Read + io::Seek),
        region: Range<u64>,
        ledger: &dyn Ledger,
    ) -> io::Result<Result<(), ArchiveError>> {
        let at = self.rows.partition_point(|(known, _)| known.start < region.start);
        for (known, seq) in self.rows[at..].iter().take_while(|(known, _)| known.start == region.start) {
            let row = match ledger.row(*seq) {
                Ok(row) => row,
                Err(error) => return Ok(Err(error.into())),
            };
            let Some(row) = row else { continue };
            if self.claimed.contains(seq) {
                continue;
            }
            if copy(file, region.clone(), &row)?.is_some() {
                self.claimed.insert(*seq);
                self.last = *seq;
                if *known != region && !(known.end < region.end && is_blank(file, known.end..region.end)?) {
                    self.moved.push(moved(*seq, &region));
                }
                return Ok(Ok(()));
            }
            // The `From_` line of what follows it is damaged, and makes it no message.
            if known.end < region.end && copy(file, known.clone(), &row)?.is_some() {
                self.claimed.insert(*seq);
                self.last = *seq;
                self.headless.push(known.end..region.end);
                return Ok(Ok(()));
            }
        }
        let mut digest = region::any_digest(file, region.clone(), false)?;
        for marks in [false, true] {
            if marks {
                digest = region::any_digest(file, region.clone(), true)?;
            }
            let Some(digest) = &digest else { break };
            let known = match ledger.by_core(digest) {
                Ok(known) => known,
                Err(error) => return Ok(Err(error.into())),
            };
            let free: Vec<Seq> = known.into_iter().filter(|seq| !self.claimed.contains(seq)).collect();
            let next = free.iter().find(|seq| **seq > self.last).or(free.first());
            if let Some(&seq) = next {
                self.claimed.insert(seq);
                self.last = seq;
                self.moved.push(moved(seq, &region));
                return Ok(Ok(()));
            }
        }
        if self.unexplained.len() < UNEXPLAINED {
            let own = self.rows[at..].first().filter(|(known, _)| known.start == region.start);
            if let Some((own, _)) = own.filter(|(own, _)| own.end < region.end) {
                self.headless.push(own.end..region.end);
            }
            self.unexplained.insert(region.start);
            self.headers.extend(digest.map(|digest| digest.core_header));
        }
        Ok(Ok(()))
    }

    /// What is left of the copy of a row that was not found: a problem, if it is something else than nothing.
    fn remains(
        &self,
        file: &mut (impl io::Read + io::Seek),
        seq: Seq,
        ledger: &dyn Ledger,
        accepted: &[Seq],
        path: &std::path::Path,
    ) -> Result<io::Result<Option<String>>, ArchiveError> {
        if self.unexplained.is_empty() && self.headless.is_empty() {
            return Ok(Ok(None));
        }
        let Some(row) = ledger.row(seq)? else { return Ok(Ok(None)) };
        let Some(region) = region_of(&row) else { return Ok(Ok(None)) };
        let in_place = match region::begins(file, region.start, &row) {
            Ok(begins) => {
                begins && self.unexplained.contains(&region.start)
                    || self.headless.iter().any(|part| part.contains(&region.start))
            }
            Err(error) => return Ok(Err(error)),
        };
        let has_header = row.digest.core_header != empty() && self.headers.contains(&row.digest.core_header);
        let damaged = in_place || has_header && accepted.binary_search(&seq).is_err();
        Ok(Ok(damaged.then(|| format!("what is left of it in {} is not the message", path.display()))))
    }
}

impl Regions {
    /// Whether the file ends in the midst of a message that still begins where it did, and this row's region is behind it.
    fn is_cut_off(
        &self,
        file: &mut (impl io::Read + io::Seek),
        seq: Seq,
        ledger: &dyn Ledger,
    ) -> Result<bool, ArchiveError> {
        let start = ledger.row(seq)?.as_ref().and_then(region_of).map(|region| region.start);
        if start.is_none_or(|start| start < self.len) {
            return Ok(false);
        }
        let at = self.rows.partition_point(|(known, _)| known.start < self.len);
        let Some((torn, seq)) = at.checked_sub(1).and_then(|at| self.rows.get(at)) else { return Ok(false) };
        let Some(row) = ledger.row(*seq)?.filter(|_| torn.end > self.len) else { return Ok(false) };
        Ok(!self.claimed.contains(seq) && region::begins(file, torn.start, &row).unwrap_or(false))
    }
}

/// The copy in a region, if it is a row's, but for header marks.
pub(super) fn copy(
    file: &mut (impl io::Read + io::Seek),
    region: Range<u64>,
    row: &Row,
) -> io::Result<Option<VerifiedCopy>> {
    let proven =
        |digest: Option<Digest>| digest.and_then(|digest| VerifiedCopy::compare(&digest, &row.digest));
    for way in 0..3 {
        let digest = match way {
            0 => region::digest(file, region.clone(), Some(row.size))?,
            1 => region::any_digest(file, region.clone(), false)?,
            _ => region::any_digest(file, region.clone(), true)?,
        };
        if let Some(copy) = proven(digest) {
            return Ok(Some(copy));
        }
    }
    Ok(None)
}

fn moved(seq: Seq, region: &Range<u64>) -> Change {
    Change::Moved { seq, offset: region.start, length: region.end - region.start }
}

/// Whether nothing but line ends is in a part of the file: what another program put before its own message.
fn is_blank(file: &mut (impl io::Read + io::Seek), part: Range<u64>) -> io::Result<bool> {
    Ok(part.end - part.start <= 2
        && region::read_at(file, part.start, 2)?.iter().all(|octet| *octet == b'\n'))
}

/// The hash of a header without a line.
fn empty() -> Hash {
    crate::mail::digest::Digester::new().finish().0.core_header
}

fn record_if_new(
    ledger: &mut dyn Ledger,
    before: &LookRecord,
    after: &LookRecord,
) -> Result<(), ArchiveError> {
    if before != after {
        ledger.commit(&[Change::Looked(after.clone())])?;
    }
    Ok(())
}

/// What the file is, in words, if another change of it would show.
pub(super) fn settled(meta: &Meta, begun: Begun) -> Option<String> {
    let stamp = Stamp::of(meta, begun);
    stamp.settled.then(|| stamp.to_string())
}

impl Stamp {
    /// `begun` is when the look began, or before.
    pub(super) fn of(meta: &Meta, begun: Begun) -> Self {
        let &Meta { ino, len, modified, changed, .. } = meta;
        Stamp { ino, len, modified, changed, settled: begun.is_well_behind(changed) }
    }

    fn is(&self, meta: &Meta) -> bool {
        (self.ino, self.len, self.modified, self.changed) == (meta.ino, meta.len, meta.modified, meta.changed)
    }

    /// Whether the file is what it was, and nothing can have happened to it meanwhile.
    pub(super) fn is_still(&self, meta: &Meta) -> bool {
        self.settled && self.is(meta)
    }

    /// Where the file ended, if it may only have grown since.
    pub(super) fn grown_from(&self, meta: &Meta) -> Option<u64> {
        (self.ino == meta.ino && self.len <= meta.len).then_some(self.len)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(':');
        let mut next = || words.next()?.parse::<i64>().ok();
        let (ino, len) = (next()?.cast_unsigned(), next()?.cast_unsigned());
        let (modified, changed) = ((next()?, next()?), (next()?, next()?));
        Some(Stamp { ino, len, modified, changed, settled: next()? == 1 })
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Stamp { ino, len, modified, changed, settled } = self;
        let (ino, len) = (ino.cast_signed(), len.cast_signed());
        let ((m, mn), (c, cn)) = (modified, changed);
        write!(f, "{ino}:{len}:{m}:{mn}:{c}:{cn}:{}", u8::from(*settled))
    }
}
