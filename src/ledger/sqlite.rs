//! One maildrop's record in SQLite.

#[cfg(test)]
pub(super) mod content;

use super::connections::{self, Lent};
use super::file::path_value;
use super::rows::{self, signed, unsigned};
use super::{
    Adoption, ArchivedDay, Change, Known, Ledger, LedgerError, Logins, LookRecord, Marks, Other, Place,
    Quarantined, Quirks, Row, RowState, RunRecord, SeenElsewhere, Seq, Skipped, UnixTime, UnknownCopy,
    VerificationRecord, Which, adoption, logins, look, marks, quarantine, runs, schema, seen, skipped,
    totals, turn, unknown, verification,
};
use crate::clock;
use crate::mail::digest::{Digest, Hash};
use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior};
use std::ops::RangeInclusive;
use std::path::Path;

/// One maildrop's part of a ledger, on a connection of its own.
#[derive(Debug)]
pub struct SqliteLedger {
    connection: Lent,
    /// The file's name, for errors.
    path: String,
    maildrop: i64,
    next: Seq,
}

/// Why a change cannot be made.
enum Problem {
    Sqlite(rusqlite::Error),
    /// One of these rows is not in a state that this change starts from.
    WrongState {
        rows: RangeInclusive<Seq>,
        wanted: &'static str,
    },
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Problem::Sqlite(error)
    }
}

/// A maildrop of which nothing is known yet, not even where its archive is.
const NEW_MAILDROP: &str =
    "INSERT INTO maildrop (identity, archive, next_seq) VALUES (?, '', 1) RETURNING id";

impl SqliteLedger {
    /// A ledger in memory, gone when it is dropped: for tests and rehearsals.
    pub fn in_memory(identity: &str) -> Result<SqliteLedger, LedgerError> {
        let path = ":memory:";
        let failed = |error| LedgerError::from_sqlite(path, &error);
        let mut connection = Connection::open_in_memory().map_err(failed)?;
        connections::parse_once(&connection).map_err(failed)?;
        schema::prepare(&mut connection, path)?;
        let maildrop = connection.query_row(NEW_MAILDROP, [identity], |row| row.get(0)).map_err(failed)?;
        Self::on(Lent::for_ever(connection), path.to_owned(), maildrop)
    }

    /// The maildrop with this number, which is on record.
    pub(super) fn on(connection: Lent, path: String, maildrop: i64) -> Result<Self, LedgerError> {
        let next = connection
            .prepare_cached("SELECT next_seq FROM maildrop WHERE id = ?")
            .and_then(|mut asked| asked.query_row([maildrop], |row| row.get(0)))
            .map_err(|error| LedgerError::from_sqlite(&path, &error))?;
        Ok(SqliteLedger { connection, path, maildrop, next: unsigned(next) })
    }

    /// The answer to a question about this maildrop.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection, i64) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        question(&self.connection, self.maildrop).map_err(|error| self.failed(&error))
    }

    /// The archive is somewhere else from now on. An empty part that is on record for that place gets the old one.
    pub fn move_to(&mut self, archive: &Path) -> Result<(), LedgerError> {
        let moved = (|| {
            let _turn = turn::wait();
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let (identity, old): (String, Value) = transaction.query_row(
                "SELECT identity, archive FROM maildrop WHERE id = ?",
                [self.maildrop],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let new = path_value(archive);
            // In between it is nowhere: no path is empty.
            transaction.execute("UPDATE maildrop SET archive = '' WHERE id = ?", [self.maildrop])?;
            transaction.execute(
                "UPDATE maildrop SET archive = ? WHERE identity = ? AND archive = ?",
                (&old, &identity, &new),
            )?;
            transaction.execute("UPDATE maildrop SET archive = ? WHERE id = ?", (&new, self.maildrop))?;
            transaction.commit()
        })();
        moved.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> LedgerError {
        LedgerError::from_sqlite(&self.path, error)
    }
}

impl Ledger for SqliteLedger {
    fn next_seq(&mut self) -> Seq {
        let seq = self.next;
        self.next += 1;
        seq
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), LedgerError> {
        if changes.is_empty() {
            return Ok(());
        }
        let outcome = (|| {
            let _turn = turn::wait();
            // With NORMAL the write-ahead log is not synced: the next commit, or the checkpoint at
            // the end, does it for this one.
            let lasting = !changes.iter().all(only_about_the_run);
            self.connection.pragma_update(None, "synchronous", if lasting { "FULL" } else { "NORMAL" })?;
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut rest = changes;
            while let [change, ..] = rest {
                let together = alike(rest);
                apply(&transaction, self.maildrop, change, together)?;
                rest = &rest[together..];
            }
            if let Some(above) = changes.iter().filter_map(new_seq).map(|seq| seq + 1).max() {
                transaction
                    .prepare_cached("UPDATE maildrop SET next_seq = max(next_seq, ?) WHERE id = ?")?
                    .execute((signed(above), self.maildrop))?;
                self.next = self.next.max(above);
            }
            transaction.commit()?;
            Ok(())
        })();
        outcome.map_err(|problem| match problem {
            Problem::Sqlite(error) => self.failed(&error),
            Problem::WrongState { rows, wanted } => {
                let (first, last) = rows.into_inner();
                let messages = if first == last {
                    format!("message {first}")
                } else {
                    format!("one of {first} to {last}")
                };
                let reason = format!("{messages} was expected to be {wanted}, and is not");
                LedgerError::Failed { path: self.path.clone(), reason }
            }
        })
    }

    fn known(&self, each: &mut dyn FnMut(Known<'_>)) -> Result<(), LedgerError> {
        let stream = || {
            let rebound = rows::rebound(&self.connection, self.maildrop)?;
            let mut statement = self.connection.prepare_cached(
                "SELECT seq, uid, list_size, archived_at, state, leaving FROM message \
                 WHERE maildrop = ? AND state <> 'intent' ORDER BY seq",
            )?;
            let mut rows = statement.query([self.maildrop])?;
            while let Some(row) = rows.next()? {
                let seq = unsigned(row.get(0)?);
                each(Known {
                    seq,
                    uid: row.get_ref(1)?.as_blob_or_null()?,
                    list_size: row.get::<_, Option<i64>>(2)?.map(unsigned),
                    archived_at: row.get(3)?,
                    deleted: row.get::<_, RowState>(4)? == RowState::Deleted,
                    leaving: row.get(5)?,
                    by_header: rebound.contains(&seq),
                });
            }
            Ok(())
        };
        stream_result(stream).map_err(|error| self.failed(&error))
    }

    fn row(&self, seq: Seq) -> Result<Option<Row>, LedgerError> {
        rows::one(&self.connection, self.maildrop, seq).map_err(|error| self.failed(&error))
    }

    fn intents(&self) -> Result<Vec<Row>, LedgerError> {
        rows::intents(&self.connection, self.maildrop).map_err(|error| self.failed(&error))
    }

    fn by_content(&self, digest: &Digest) -> Result<Vec<Seq>, LedgerError> {
        self.ask(|connection, maildrop| {
            let mut found = rows::by_content(connection, maildrop, digest)?;
            found.extend(unknown::served(connection, maildrop, digest, |form| {
                form.content() == digest.content()
            })?);
            Ok(found)
        })
    }

    fn by_core(&self, digest: &Digest) -> Result<Vec<Seq>, LedgerError> {
        self.ask(|connection, maildrop| {
            let mut found = rows::by_core(connection, maildrop, digest)?;
            found.extend(unknown::served(connection, maildrop, digest, |form| form.core() == digest.core())?);
            Ok(found)
        })
    }

    fn core_headers(&self, each: &mut dyn FnMut(Seq, Hash)) -> Result<(), LedgerError> {
        rows::core_headers(&self.connection, self.maildrop, each).map_err(|error| self.failed(&error))
    }

    fn quarantined(&self) -> Result<Vec<Quarantined>, LedgerError> {
        quarantine::all(&self.connection, self.maildrop).map_err(|error| self.failed(&error))
    }

    fn unknown_copy(&self, which: Which<'_>, after: u64) -> Result<Option<UnknownCopy>, LedgerError> {
        self.ask(|connection, maildrop| unknown::next(connection, maildrop, which, after))
    }

    fn has_unknown_copies(&self) -> Result<bool, LedgerError> {
        self.ask(unknown::any)
    }

    fn is_taken(&self, place: &Place) -> Result<bool, LedgerError> {
        self.ask(|connection, maildrop| unknown::is_taken(connection, maildrop, place))
    }

    fn count_unknown_copies(&self) -> Result<u64, LedgerError> {
        self.ask(unknown::count)
    }

    fn count_unread_unknown_copies(&self) -> Result<u64, LedgerError> {
        self.ask(unknown::count_unread)
    }

    fn unread_unknown_copies(&self, limit: usize) -> Result<Vec<UnknownCopy>, LedgerError> {
        self.ask(|connection, maildrop| unknown::unread(connection, maildrop, limit))
    }

    fn first_look(&self) -> Result<bool, LedgerError> {
        self.ask(unknown::first_look)
    }

    fn other_places(&self, each: &mut dyn FnMut(Other, &Place)) -> Result<(), LedgerError> {
        self.ask(|connection, maildrop| unknown::places(connection, maildrop, each))
    }

    fn unknown_copies_seen(&self) -> Result<Option<String>, LedgerError> {
        self.ask(unknown::seen)
    }

    fn served_as(&self, seq: Seq) -> Result<Option<Digest>, LedgerError> {
        self.ask(|connection, maildrop| unknown::form(connection, maildrop, seq))
    }

    fn seen_elsewhere(&self) -> Result<SeenElsewhere, LedgerError> {
        self.ask(adoption::seen)
    }

    fn skipped(&self) -> Result<Vec<Skipped>, LedgerError> {
        self.ask(skipped::all)
    }

    fn adoption(&self) -> Result<Option<Adoption>, LedgerError> {
        self.ask(adoption::of_maildrop)
    }

    fn marks(&self) -> Result<Marks, LedgerError> {
        self.ask(marks::read)
    }

    fn quirks(&self) -> Result<Quirks, LedgerError> {
        seen::quirks(&self.connection, self.maildrop).map_err(|error| self.failed(&error))
    }

    fn logins(&self) -> Result<Logins, LedgerError> {
        self.ask(logins::all)
    }

    fn newest(&self, before: Seq, limit: usize) -> Result<Vec<Row>, LedgerError> {
        rows::newest(&self.connection, self.maildrop, before, limit).map_err(|error| self.failed(&error))
    }

    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.ask(|connection, maildrop| rows::from(connection, maildrop, from, limit))
    }

    fn verification(&self) -> Result<VerificationRecord, LedgerError> {
        self.ask(verification::record)
    }

    fn places(&self, each: &mut dyn FnMut(Seq, u64, &Place)) -> Result<(), LedgerError> {
        rows::places(&self.connection, self.maildrop, each).map_err(|error| self.failed(&error))
    }

    fn last_look(&self) -> Result<LookRecord, LedgerError> {
        self.ask(look::last)
    }

    fn told(&self) -> Result<Vec<(Vec<u8>, UnixTime)>, LedgerError> {
        self.ask(seen::told)
    }

    fn accepted(&self) -> Result<Vec<Seq>, LedgerError> {
        self.ask(look::accepted)
    }

    fn last_run(&self) -> Result<Option<RunRecord>, LedgerError> {
        runs::last_ended(&self.connection, self.maildrop).map_err(|error| self.failed(&error))
    }

    fn last_run_within(&self, times: RangeInclusive<UnixTime>) -> Result<Option<UnixTime>, LedgerError> {
        self.ask(|connection, maildrop| runs::last_within(connection, maildrop, &times))
    }

    fn ages(&self) -> Result<Vec<(Seq, UnixTime)>, LedgerError> {
        self.ask(rows::ages)
    }

    fn last_login(&self) -> Result<Option<UnixTime>, LedgerError> {
        last_login(&self.connection, self.maildrop).map_err(|error| self.failed(&error))
    }

    fn last_active(&self) -> Result<Option<UnixTime>, LedgerError> {
        self.ask(runs::last_active)
    }

    fn archived_days(&self) -> Result<Vec<ArchivedDay>, LedgerError> {
        self.ask(totals::days)
    }
}

/// Pins the error type of a closure that uses `?` on two kinds of them.
fn stream_result(stream: impl FnOnce() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    stream()
}

/// Whether a change tells of the run alone: lost in a power cut, it costs nobody a message.
fn only_about_the_run(change: &Change) -> bool {
    matches!(
        change,
        Change::RunStarted { .. } | Change::LoggedIn { .. } | Change::LoginWorked(_) | Change::RunEnded(_)
    )
}

/// The number that a change gives to a new row.
fn new_seq(change: &Change) -> Option<Seq> {
    match change {
        Change::Intent(row) | Change::Adopted(row) => Some(row.seq),
        Change::Replaces(replacement) => Some(replacement.new),
        Change::Copying { seq, .. } => Some(*seq),
        _ => None,
    }
}

/// How many changes, from the first on, are the same step of one row after the other: a batch's, as a rule, which
/// one statement can do.
fn alike(changes: &[Change]) -> usize {
    let step = |change: &Change| match change {
        Change::Stored(seq) => Some((*seq, 0, UnixTime::default())),
        Change::Leaving(seq) => Some((*seq, 1, UnixTime::default())),
        Change::Deleted { seq, at } => Some((*seq, 2, *at)),
        _ => None,
    };
    let Some((first, kind, at)) = changes.first().and_then(step) else { return 1 };
    let next = (first..).zip(changes).take_while(|(seq, change)| step(change) == Some((*seq, kind, at)));
    next.count()
}

/// Makes a change, to `together` rows that follow one another if it is one that [`alike`] counts.
fn apply(connection: &Connection, maildrop: i64, change: &Change, together: usize) -> Result<(), Problem> {
    let last = |seq: Seq| signed(seq + together as u64 - 1);
    match change {
        Change::Intent(row) => drop(rows::insert(connection, maildrop, row, RowState::Intent)?),
        Change::Adopted(row) => drop(rows::insert(connection, maildrop, row, RowState::Stored)?),
        Change::Stored(seq) => {
            let stored = "UPDATE message NOT INDEXED SET state = 'stored' \
                          WHERE maildrop = ? AND seq BETWEEN ? AND ? AND state = 'intent'";
            let touched = connection.prepare_cached(stored)?.execute((maildrop, signed(*seq), last(*seq)))?;
            each_one(touched, *seq, together, "an intent")?;
            are_stored(connection, maildrop, *seq, *seq + together as u64 - 1)?;
        }
        Change::Withdrawn(seq) => {
            let touched = connection
                .prepare_cached("DELETE FROM message WHERE maildrop = ? AND seq = ? AND state = 'intent'")?
                .execute((maildrop, signed(*seq)))?;
            exactly_one(touched, *seq, "an intent")?;
            is_withdrawn(connection, maildrop, *seq)?;
        }
        Change::Leaving(seq) => {
            let leaving = "UPDATE message NOT INDEXED SET leaving = 1 \
                           WHERE maildrop = ? AND seq BETWEEN ? AND ? AND state <> 'intent'";
            let touched =
                connection.prepare_cached(leaving)?.execute((maildrop, signed(*seq), last(*seq)))?;
            each_one(touched, *seq, together, "stored")?;
        }
        Change::Deleted { seq, at } => {
            let deleted = "UPDATE message NOT INDEXED SET state = 'deleted', deleted_at = ?, leaving = 0 \
                           WHERE maildrop = ? AND seq BETWEEN ? AND ? AND state <> 'intent'";
            let touched =
                connection.prepare_cached(deleted)?.execute((at, maildrop, signed(*seq), last(*seq)))?;
            each_one(touched, *seq, together, "stored")?;
        }
        Change::Recognised { seq, uid, list_size } => {
            recognised(connection, maildrop, *seq, uid.as_deref(), *list_size)?;
        }
        Change::Rebound { seq, uid, list_size } => {
            let touched = connection
                .prepare_cached(
                    "UPDATE message SET uid = ?, list_size = ? WHERE maildrop = ? AND seq = ? AND state = 'stored'",
                )?
                .execute((uid, list_size.map(signed), maildrop, signed(*seq)))?;
            exactly_one(touched, *seq, "stored")?;
            rows::set_rebound(connection, maildrop, *seq, true)?;
            marks::is_listed(connection, maildrop, *seq)?;
        }
        Change::Stays { seq, until } => {
            let touched = connection
                .prepare_cached(
                    "UPDATE message SET state = 'stored', deleted_at = NULL, leaving = 0 \
                     WHERE maildrop = ? AND seq = ? AND state <> 'intent'",
                )?
                .execute((maildrop, signed(*seq)))?;
            exactly_one(touched, *seq, "stored")?;
            marks::stays(connection, maildrop, *seq, *until)?;
        }
        Change::Unanswered(silence) => logins::unanswered(connection, maildrop, silence)?,
        Change::LoginRefused(login) => logins::refused(connection, maildrop, login)?,
        Change::LoginWorked(login) => logins::worked(connection, maildrop, login)?,
        Change::Quarantined(message) => quarantine::insert(connection, maildrop, message)?,
        Change::Released { uid, number } => {
            quarantine::remove(connection, maildrop, uid.as_deref(), *number)?;
        }
        Change::AgeCounts { seq, from } => rows::age_counts(connection, maildrop, *seq, *from)?,
        Change::Moved { seq, offset, length } => {
            exactly_one(rows::moved(connection, maildrop, *seq, (*offset, *length))?, *seq, "stored")?;
        }
        Change::Read(reading) => verification::read(connection, maildrop, *reading)?,
        Change::Verified(last) => verification::verified(connection, maildrop, last)?,
        Change::Replaces(replacement) => verification::intend(connection, maildrop, *replacement)?,
        Change::BadCopyGone(place) => verification::gone(connection, maildrop, place)?,
        Change::Told(told) => seen::tell(connection, maildrop, told)?,
        Change::Looked(seen) => look::replace(connection, maildrop, seen)?,
        Change::Accepted(seq) => look::accept(connection, maildrop, *seq)?,
        Change::LoggedIn { at } => logged_in(connection, maildrop, *at)?,
        Change::RunStarted { at } => runs::start(connection, maildrop, *at)?,
        Change::RunEnded(record) => runs::end(connection, maildrop, record)?,
        Change::EqualUids
        | Change::Copying { .. }
        | Change::AdoptedFrom { .. }
        | Change::AdoptionUndone
        | Change::Unsteady(_)
        | Change::ShowsParts
        | Change::PipeliningFailed(_)
        | Change::UnknownCopies { .. }
        | Change::UnknownCopyRead(_)
        | Change::FirstLookOver
        | Change::ForgetUnknownCopy(_)
        | Change::ForgetUnknownCopies
        | Change::ServedAs { .. }
        | Change::Skipped(_)
        | Change::NotSkipped { .. }
        | Change::Listed { .. }
        | Change::UidsMoving { .. }
        | Change::UidsMoved
        | Change::SizeChanged(_)
        | Change::SizeTold => note(connection, maildrop, change)?,
    }
    Ok(())
}

/// These rows are stored now: some of them stand for others, or for nothing but a copy.
fn are_stored(connection: &Connection, maildrop: i64, first: Seq, last: Seq) -> rusqlite::Result<()> {
    verification::settle(connection, maildrop, first, last)?;
    adoption::copied(connection, maildrop, first, last)
}

/// Nothing came of this intent.
fn is_withdrawn(connection: &Connection, maildrop: i64, seq: Seq) -> rusqlite::Result<()> {
    verification::withdraw(connection, maildrop, seq)?;
    adoption::withdrawn(connection, maildrop, seq)
}

/// A row's message is listed under this UID, with this size.
fn recognised(
    connection: &Connection,
    maildrop: i64,
    seq: Seq,
    uid: Option<&[u8]>,
    list_size: Option<u64>,
) -> Result<(), Problem> {
    if rows::is_deleted(connection, maildrop, seq, uid)? {
        marks::returned(connection, maildrop, seq)?;
    }
    let touched = connection
        .prepare_cached(
            "UPDATE message SET state = 'stored', deleted_at = NULL, leaving = 0, uid = ?, list_size = ? \
             WHERE maildrop = ? AND seq = ? AND state <> 'intent'",
        )?
        .execute((uid, list_size.map(signed), maildrop, signed(seq)))?;
    exactly_one(touched, seq, "stored")?;
    rows::set_rebound(connection, maildrop, seq, false)?;
    marks::is_listed(connection, maildrop, seq)?;
    Ok(())
}

/// Makes a change to what listings and the archive have shown.
fn note(connection: &Connection, maildrop: i64, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Copying { seq, copy } => adoption::copying(connection, maildrop, *seq, copy)?,
        Change::AdoptedFrom { adoption, seen } => adoption::adopt(connection, maildrop, adoption, seen)?,
        Change::AdoptionUndone => adoption::undo(connection, maildrop)?,
        Change::EqualUids => seen::note(connection, maildrop, seen::EQUAL_UIDS)?,
        Change::Unsteady(seq) => seen::unsteady(connection, maildrop, *seq)?,
        Change::ShowsParts => seen::note(connection, maildrop, seen::SHOWS_PARTS)?,
        Change::PipeliningFailed(failed) => seen::pipelining_failed(connection, maildrop, failed)?,
        Change::UnknownCopies { found, stamp, first_look } => {
            for found in found {
                unknown::insert(connection, maildrop, found)?;
            }
            if *first_look {
                unknown::set_first_look(connection, maildrop, true)?;
            }
            if let Some(stamp) = stamp {
                unknown::note_seen(connection, maildrop, stamp)?;
            }
        }
        Change::UnknownCopyRead(read) => unknown::header_read(connection, maildrop, read)?,
        Change::FirstLookOver => unknown::set_first_look(connection, maildrop, false)?,
        Change::ForgetUnknownCopy(known) => unknown::remove(connection, maildrop, known)?,
        Change::ForgetUnknownCopies => unknown::forget(connection, maildrop)?,
        Change::ServedAs { seq, digest } => unknown::served_as(connection, maildrop, *seq, digest)?,
        Change::Skipped(message) => skipped::insert(connection, maildrop, message)?,
        Change::NotSkipped { uid } => skipped::forget(connection, maildrop, uid)?,
        Change::Listed { gone, back } => marks::listed(connection, maildrop, gone, back)?,
        Change::UidsMoving { since } => marks::moving(connection, maildrop, Some(*since))?,
        Change::UidsMoved => marks::moving(connection, maildrop, None)?,
        Change::SizeChanged(seq) => marks::size_changed(connection, maildrop, *seq)?,
        Change::SizeTold => marks::size_told(connection, maildrop)?,
        _ => {}
    }
    Ok(())
}

fn exactly_one(touched: usize, seq: Seq, wanted: &'static str) -> Result<(), Problem> {
    each_one(touched, seq, 1, wanted)
}

fn each_one(touched: usize, first: Seq, together: usize, wanted: &'static str) -> Result<(), Problem> {
    let rows = first..=first + together as u64 - 1;
    if touched == together { Ok(()) } else { Err(Problem::WrongState { rows, wanted }) }
}

fn logged_in(connection: &Connection, maildrop: i64, at: UnixTime) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE maildrop SET last_login = ? WHERE id = ?")?.execute((at, maildrop))?;
    Ok(())
}

fn last_login(connection: &Connection, maildrop: i64) -> rusqlite::Result<Option<UnixTime>> {
    connection
        .prepare_cached(
            "SELECT max(last_login) FROM maildrop \
             WHERE identity = (SELECT identity FROM maildrop WHERE id = ?) AND last_login <= ?",
        )?
        .query_row((maildrop, clock::now()), |row| row.get(0))
}
