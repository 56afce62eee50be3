//! Brings the index up to date with one account.
//!
//! Nothing is done where neither the ledger nor the archive has changed. Otherwise all rows are compared with the index:
//! new ones are read, those that are no longer on record are taken out, and what has come to the archive or gone from
//! it is noted. What a mail program moves meanwhile is looked for a second time.

use super::entry;
use super::error::SearchError;
use super::index::{Entry, Index, Known};
use crate::archive::{Readers, ToRead, with_readers};
use crate::ledger::{Ledger, Place, Row, RowPages, Seq};
use crate::mail::id::MessageId;
use crate::stop;
use crate::store::{Store, StoreError};
use std::collections::VecDeque;

/// Rows that the index is asked for at once.
const PAGE: usize = 1024;

/// Copies that are handed over to a thread at once: each comes back with up to 64 KiB of text.
const PORTION: usize = 16;

/// Messages that are added in one transaction.
const BATCH: usize = 10_000;

/// Watches what takes long.
pub trait Watcher {
    /// So many octets of an account are to be read.
    fn begins(&mut self, account: &str, octets: u64);
    /// So many more were read.
    fn has_read(&mut self, octets: u64);
}

/// One account that is brought up to date.
pub(super) struct Update<'u> {
    index: &'u Index,
    /// Its number in the index.
    account: i64,
    watcher: &'u mut dyn Watcher,
    added: usize,
    /// Rows whose copies could not be read where they should be.
    doubtful: Vec<Seq>,
}

/// Brings the index up to date with an account. A signal ends it early, and what was done until then is kept.
pub(super) fn update(
    index: &Index,
    (account, stamp): (i64, Option<&str>),
    name: &str,
    store: &mut Store,
    watcher: &mut dyn Watcher,
) -> Result<(), SearchError> {
    let now = stamp_of(store)?;
    if stamp.is_some() && now.as_deref() == stamp {
        return Ok(());
    }
    store.archive.locate(&*store.ledger, false).map_err(StoreError::from)?;
    watcher.begins(name, to_read(index, account, &*store.ledger)?);
    let mut update = Update { index, account, watcher, added: 0, doubtful: Vec::new() };
    update.sql(|index| index.connection.execute_batch("BEGIN IMMEDIATE"))?;
    let reader = store.archive.reader();
    let (went, rest) = with_readers(&reader, PORTION, entry::read, |readers| update.each_row(store, readers));
    went?;
    update.put(rest)?;
    update.look_again(store)?;
    let is_whole = stop::requested().is_none();
    update.sql(|index| {
        index.set_stamp(account, now.as_deref().filter(|_| is_whole))?;
        index.connection.execute_batch("COMMIT")
    })
}

/// What the ledger and the archive are, as far as it matters for the index; `None` where that cannot be told.
fn stamp_of(store: &Store) -> Result<Option<String>, SearchError> {
    let (ledger, archive) = (&store.ledger, store.archive.stamp().map_err(StoreError::from)?);
    let last = ledger.newest(Seq::MAX, 1).map_err(StoreError::from)?;
    let last = last.first().map(|row| (row.seq, MessageId::of(&row.digest), row.archived_at));
    let verified = ledger.verification().map_err(StoreError::from)?.last.map(|last| last.at);
    let adopted = ledger.adoption().map_err(StoreError::from)?.is_some();
    let absent = ledger.last_look().map_err(StoreError::from)?.absent;
    let absent = absent.iter().fold(absent.len() as u64, |sum, seq| sum.rotate_left(7) ^ seq);
    Ok(archive.map(|archive| format!("{last:?} {verified:?} {adopted} {absent} {archive}")))
}

/// Octets of the messages that the index has not seen.
fn to_read(index: &Index, account: i64, ledger: &dyn Ledger) -> Result<u64, SearchError> {
    let last = "SELECT coalesce(max(seq), -1) FROM message WHERE account = ?";
    let last: i64 =
        index.connection.query_row(last, [account], |row| row.get(0)).map_err(|error| index.failed(error))?;
    let mut octets = 0;
    let mut add = |seq: Seq, size: u64, _: &Place| octets += if seq.cast_signed() > last { size } else { 0 };
    ledger.places(&mut add).map_err(StoreError::from)?;
    Ok(octets)
}

impl Update<'_> {
    fn sql<T>(&self, ask: impl FnOnce(&Index) -> rusqlite::Result<T>) -> Result<T, SearchError> {
        ask(self.index).map_err(|error| self.index.failed(error))
    }

    /// Compares every row with what the index has of it.
    fn each_row(&mut self, store: &mut Store, readers: &mut Readers<'_, Entry>) -> Result<(), SearchError> {
        let absent = store.ledger.last_look().map_err(StoreError::from)?.absent;
        let mut known = KnownRows {
            account: self.account,
            last: self.sql(Index::last)?,
            after: -1,
            is_over: false,
            page: VecDeque::new(),
        };
        let mut pages = RowPages::all();
        loop {
            let rows = pages.next_page(&*store.ledger).map_err(StoreError::from)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if stop::requested().is_some() {
                    return Ok(());
                }
                let here = self.known_row(&mut known, row.seq)?;
                self.compare(store, readers, &absent, row, here)?;
            }
        }
        while let Some(gone) = known.next(self.index).map_err(|error| self.index.failed(error))? {
            self.sql(|index| index.remove(self.account, gone.seq))?;
        }
        Ok(())
    }

    /// What the index has of a row. Rows before it that the ledger does not have are taken out.
    fn known_row(&self, known: &mut KnownRows, seq: Seq) -> Result<Option<Known>, SearchError> {
        self.sql(|index| {
            while let Some(next) = known.next(index)? {
                if next.seq > seq {
                    known.page.push_front(next);
                    break;
                }
                if next.seq == seq {
                    return Ok(Some(next));
                }
                index.remove(self.account, next.seq)?;
            }
            Ok(None)
        })
    }

    fn compare(
        &mut self,
        store: &mut Store,
        readers: &mut Readers<'_, Entry>,
        absent: &[Seq],
        row: Row,
        known: Option<Known>,
    ) -> Result<(), SearchError> {
        let mut copies = store.archive.copies(&row).map_err(StoreError::from)?;
        // Where the copies of an mbox are is only known from the last look.
        if matches!(row.place, Place::Mbox { .. }) && absent.binary_search(&row.seq).is_ok() {
            copies.clear();
        }
        let is_gone = copies.is_empty();
        match known.filter(|known| known.id == MessageId::of(&row.digest)) {
            Some(known) if !known.is_unread || is_gone => {
                if known.is_gone != is_gone {
                    self.sql(|index| index.set_gone(self.account, row.seq, is_gone))?;
                }
                Ok(())
            }
            _ => {
                let read = readers.read(ToRead { row, copies });
                self.put(read)
            }
        }
    }

    fn put(&mut self, read: Vec<Entry>) -> Result<(), SearchError> {
        for entry in read {
            self.watcher.has_read(entry.size);
            self.sql(|index| index.put(self.account, &entry))?;
            if entry.is_unread && !entry.is_gone {
                self.doubtful.push(entry.seq);
            }
            self.added += 1;
            if self.added.is_multiple_of(BATCH) {
                self.sql(|index| index.connection.execute_batch("COMMIT; BEGIN IMMEDIATE"))?;
            }
        }
        Ok(())
    }

    /// Looks again for what could not be read where it should have been.
    fn look_again(&mut self, store: &mut Store) -> Result<(), SearchError> {
        let doubtful = std::mem::take(&mut self.doubtful);
        if doubtful.is_empty() || stop::requested().is_some() {
            return Ok(());
        }
        store.archive.locate(&*store.ledger, true).map_err(StoreError::from)?;
        let reader = store.archive.reader();
        for seq in doubtful {
            let Some(row) = store.ledger.row(seq).map_err(StoreError::from)? else { continue };
            let copies = store.archive.copies(&row).map_err(StoreError::from)?;
            let entry = entry::read(&*reader, ToRead { row, copies });
            self.sql(|index| index.put(self.account, &entry))?;
        }
        Ok(())
    }
}

/// Goes through what the index has of an account.
struct KnownRows {
    account: i64,
    /// What is added meanwhile is none of it.
    last: i64,
    after: i64,
    /// There are no more behind the page.
    is_over: bool,
    page: VecDeque<Known>,
}

impl KnownRows {
    fn next(&mut self, index: &Index) -> rusqlite::Result<Option<Known>> {
        if self.page.is_empty() && !self.is_over {
            self.page = index.known(self.account, self.last, self.after, PAGE)?.into();
            // Not asked again: it would pass over all that is added meanwhile.
            self.is_over = self.page.len() < PAGE;
            if let Some(last) = self.page.back() {
                self.after = last.seq.cast_signed();
            }
        }
        Ok(self.page.pop_front())
    }
}
