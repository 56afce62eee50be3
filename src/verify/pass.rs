//! One pass over an archive.
//!
//! Every row's copy is looked for; those that have their turn are read. What is not as it should be is looked for again
//! (another program may have moved it meanwhile) and read again, from the disk, before anything is said of it.

use super::bad::{Bad, BadCopy};
use super::found::{Attendant, Compared, Verified};
use super::reading::{self, Found, WasRead};
use super::share::{self, Chosen, Share};
use crate::archive::{Readers, ToRead};
use crate::ledger::{Change, Ledger, LedgerError, Reading, Row, RowPages, Seq, UnixTime};
use crate::mail::id::MessageId;
use crate::stop;
use crate::store::{Store, StoreError};
use std::ops::{ControlFlow, RangeInclusive};
use std::path::Path;
use std::time::{Duration, Instant};

/// Looks at all rows, from `now` on for as long as it may take `most`, and counts in `found`. Gives back the messages whose
/// copies are damaged or missing, and that were not given up, by ascending row number.
pub(super) fn run(
    (store, ledger_path): (&mut Store, &Path),
    (share, most): (Share, Option<Duration>),
    now: UnixTime,
    attendant: &mut dyn Attendant,
    found: &mut Verified,
) -> Result<Vec<Bad>, StoreError> {
    store.archive.locate(&*store.ledger, false)?;
    let share = share::choose(&*store.ledger, share, most.is_some())?;
    attendant.begins(share.copies, share.octets);
    let reader = store.archive.reader();
    let mut counts = Counts { found, attendant, good: Vec::new(), doubtful: Vec::new() };
    let until = most.and_then(|most| Instant::now().checked_add(most));
    let (went, rest) =
        reading::with_readers(&reader, |readers| each_row(store, readers, &mut counts, &share, until));
    counts.take(rest);
    went?;
    // A bad copy is read again by the next run, until it is settled.
    counts.good.sort_unstable();
    let read = share::ranges(std::mem::take(&mut counts.good));
    let read = read.into_iter().map(|rows| Reading { first: *rows.start(), last: *rows.end(), at: now });
    store.ledger.commit(&read.map(Change::Read).collect::<Vec<_>>())?;
    stop::check()?;
    let Counts { doubtful, .. } = counts;
    let bad = look_again(store, doubtful, found)?;
    let beside = store.archive.beside(&*store.ledger)?;
    if beside.contradiction {
        let path = ledger_path.display().to_string();
        let reason = "two messages have the same place in the archive".to_owned();
        return Err(LedgerError::Damaged { path, reason }.into());
    }
    (found.foreign, found.twice) = (beside.foreign, beside.twice);
    if bad.is_empty() {
        return Ok(bad);
    }
    let unlisted = store.ledger.marks()?;
    for bad in &bad {
        let copy = BadCopy::of(bad, unlisted.is_unlisted(bad.row.seq), &*reader);
        if bad.left.is_some() { &mut found.damaged } else { &mut found.missing }.push(copy);
    }
    Ok(bad)
}

/// Reads the copies of all rows from `first` on.
pub(super) fn compare(store: &mut Store, first: Seq) -> Result<Compared, StoreError> {
    store.archive.locate(&*store.ledger, false)?;
    let reader = store.archive.reader();
    let mut compared = Compared::default();
    let mut take = |read: Vec<WasRead>| {
        for WasRead { row, found } in read {
            let reason = match found {
                Found::Exact => {
                    compared.same += 1;
                    continue;
                }
                Found::Marked => "it was changed meanwhile".to_owned(),
                Found::Bad { reason, .. } => reason,
                Found::Gone => "it is gone".to_owned(),
            };
            compared.bad.push((MessageId::of(&row.digest).to_string(), reason));
        }
    };
    let (went, rest) = reading::with_readers(&reader, |readers| {
        page_by_page(&mut *store.ledger, &(first..=Seq::MAX), &mut |row| {
            stop::check()?;
            let copies = store.archive.copies(&row)?;
            take(readers.read(ToRead { row, copies }));
            Ok(ControlFlow::Continue(()))
        })
    });
    take(rest);
    went.map(|_| compared)
}

/// Has the copies of the chosen rows read, `until` there is no more time, and looks for those of all others.
fn each_row(
    store: &mut Store,
    readers: &mut Readers<'_, WasRead>,
    counts: &mut Counts<'_>,
    chosen: &Chosen,
    until: Option<Instant>,
) -> Result<(), StoreError> {
    let mut read: Vec<RangeInclusive<Seq>> = Vec::new();
    for rows in &chosen.rows {
        let mut last = None;
        let went_on = page_by_page(&mut *store.ledger, rows, &mut |row| {
            // What was handed over is still read.
            if stop::requested().is_some() || until.is_some_and(|until| Instant::now() >= until) {
                return Ok(ControlFlow::Break(()));
            }
            last = Some(row.seq);
            counts.found.archived += 1;
            let copies = store.archive.copies(&row)?;
            let came = readers.read(ToRead { row, copies });
            counts.take(came);
            Ok(ControlFlow::Continue(()))
        })?;
        read.extend(last.map(|last| *rows.start()..=last));
        if went_on.is_break() {
            break;
        }
    }
    counts.found.put_off = chosen.copies.saturating_sub(counts.found.archived);
    read.sort_unstable_by_key(|rows| *rows.start());
    let mut from = 0;
    // Beyond all rows, so that what is behind the last range is looked at, too.
    for rows in read.into_iter().chain([Seq::MAX..=Seq::MAX]) {
        if *rows.start() > from {
            let _ = page_by_page(&mut *store.ledger, &(from..=rows.start() - 1), &mut |row| {
                if stop::requested().is_some() {
                    return Ok(ControlFlow::Break(()));
                }
                counts.found.archived += 1;
                if store.archive.copies(&row)?.is_empty() {
                    counts.doubtful.push(row.seq);
                } else {
                    counts.found.present += 1;
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        from = rows.end().saturating_add(1);
    }
    Ok(())
}

/// Calls `each` for every row of a range, ascending, until it says `Break`.
fn page_by_page(
    ledger: &mut dyn Ledger,
    range: &RangeInclusive<Seq>,
    each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, StoreError>,
) -> Result<ControlFlow<()>, StoreError> {
    let mut pages = RowPages::of(range);
    loop {
        let rows = pages.next_page(&*ledger)?;
        if rows.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        for row in rows {
            if each(row)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
}

/// Counts what was read.
struct Counts<'a> {
    found: &'a mut Verified,
    attendant: &'a mut dyn Attendant,
    /// Rows whose copies are as they should be.
    good: Vec<Seq>,
    /// Rows whose copies are not as they should be, or not there.
    doubtful: Vec<Seq>,
}

impl Counts<'_> {
    fn take(&mut self, read: Vec<WasRead>) {
        if read.is_empty() {
            return;
        }
        let mut octets = 0;
        let copies = read.len() as u64;
        for WasRead { row, found } in read {
            octets += row.size;
            let is_good = self.found.count(&row, &found);
            if is_good { &mut self.good } else { &mut self.doubtful }.push(row.seq);
        }
        self.attendant.has_read(copies, octets);
    }
}

impl Verified {
    /// Counts a copy that is there as it should be; `false` when it is not.
    fn count(&mut self, row: &Row, found: &Found) -> bool {
        match found {
            Found::Exact => self.intact += 1,
            Found::Marked => self.changed += 1,
            Found::Bad { .. } | Found::Gone => return false,
        }
        self.present += 1;
        self.read += 1;
        self.octets += row.size;
        true
    }
}

/// Looks again at what was not as it should be, in the places where it may be now.
fn look_again(
    store: &mut Store,
    mut doubtful: Vec<Seq>,
    found: &mut Verified,
) -> Result<Vec<Bad>, StoreError> {
    if doubtful.is_empty() {
        return Ok(Vec::new());
    }
    doubtful.sort_unstable();
    store.archive.locate(&*store.ledger, true)?;
    let accepted = store.ledger.accepted()?;
    let reader = store.archive.reader();
    let mut bad = Vec::new();
    for seq in doubtful {
        stop::check()?;
        let Some(row) = store.ledger.row(seq)? else { continue };
        let copies = store.archive.copies(&row)?;
        let is_accepted = accepted.binary_search(&seq).is_ok();
        let mut state = reading::examine(&*reader, &row, &copies, false);
        if matches!(state, Found::Bad { .. }) {
            state = reading::examine(&*reader, &row, &copies, true);
        }
        if found.count(&row, &state) {
            continue;
        }
        found.accepted += u64::from(is_accepted);
        let left = match state {
            Found::Bad { at, reason } => {
                found.present += 1;
                found.read += 1;
                Some((at, reason))
            }
            _ => None,
        };
        if !is_accepted {
            bad.push(Bad { row, left });
        }
    }
    Ok(bad)
}
