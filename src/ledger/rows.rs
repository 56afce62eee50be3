//! Rows of the table `message`.
//!
//! Where an index must be used it is named: left to itself SQLite prefers the primary key, whose
//! order suits, and reads the whole maildrop.

use super::{Place, Row, RowState, Seq, UnixTime};
use crate::mail::digest::{Digest, Hash};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Type, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Result};
use std::collections::HashSet;

/// Every column that makes a [`Row`], in the order [`read`] expects.
macro_rules! columns {
    () => {
        "seq, state, uid, list_size, archived_at, size, maildir_key, mbox_offset, mbox_length, \
         header_hash, core_header_hash, rest_hash, utf8"
    };
}

/// Numbers that are unsigned for us and signed for SQLite keep their bits, so that even a size
/// no server can mean comes back as it was given.
pub(super) fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

/// The other way of [`unsigned`].
pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// The word for a state in the table.
pub(super) fn word(state: RowState) -> &'static str {
    match state {
        RowState::Intent => "intent",
        RowState::Stored => "stored",
        RowState::Deleted => "deleted",
    }
}

impl FromSql for RowState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "intent" => Ok(RowState::Intent),
            "stored" => Ok(RowState::Stored),
            "deleted" => Ok(RowState::Deleted),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// Adds a row, in `state` whatever the row says.
pub(super) fn insert(connection: &Connection, maildrop: i64, row: &Row, state: RowState) -> Result<usize> {
    let (maildir_key, mbox_offset, mbox_length) = place_columns(&row.place);
    connection
        .prepare_cached(
            "INSERT INTO message (maildrop, seq, state, uid, list_size, archived_at, size, maildir_key, \
             mbox_offset, mbox_length, header_hash, core_header_hash, rest_hash, core_key, utf8) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            maildrop,
            signed(row.seq),
            word(state),
            &row.uid,
            row.list_size.map(signed),
            row.archived_at,
            signed(row.size),
            maildir_key,
            mbox_offset,
            mbox_length,
            row.digest.header,
            row.digest.core_header,
            row.digest.rest,
            core_key(&row.digest),
            row.utf8,
        ))
}

/// One row, whatever its state.
pub(super) fn one(connection: &Connection, maildrop: i64, seq: Seq) -> Result<Option<Row>> {
    connection
        .prepare_cached(concat!("SELECT ", columns!(), " FROM message WHERE maildrop = ? AND seq = ?"))?
        .query_row((maildrop, signed(seq)), read)
        .optional()
}

/// Whether a row is deleted, and had this UID.
pub(super) fn is_deleted(
    connection: &Connection,
    maildrop: i64,
    seq: Seq,
    uid: Option<&[u8]>,
) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM message WHERE maildrop = ? AND seq = ? AND state = 'deleted' AND uid IS ?",
        )?
        .exists((maildrop, signed(seq), uid))
}

/// The intents, by ascending number.
pub(super) fn intents(connection: &Connection, maildrop: i64) -> Result<Vec<Row>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM message INDEXED BY message_intent WHERE maildrop = ? AND state = 'intent' ORDER BY seq"
        ))?
        .query_map([maildrop], read)?
        .collect()
}

/// Stored or deleted rows with numbers below `before`, by descending number.
pub(super) fn newest(connection: &Connection, maildrop: i64, before: Seq, limit: usize) -> Result<Vec<Row>> {
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM message WHERE maildrop = ? AND seq < ? AND state <> 'intent' ORDER BY seq DESC LIMIT ?"
        ))?
        .query_map((maildrop, before, limit), read)?
        .collect()
}

/// When the newest message was archived.
pub(super) fn newest_at(connection: &Connection, maildrop: i64) -> Result<Option<UnixTime>> {
    connection
        .prepare_cached(
            "SELECT archived_at FROM message WHERE maildrop = ? AND state <> 'intent' ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([maildrop], |row| row.get(0))
        .optional()
}

/// The largest stored or deleted rows that were archived at `since` or later, by descending size; of equal ones the newest
/// first.
pub(super) fn largest(
    connection: &Connection,
    maildrop: i64,
    since: UnixTime,
    limit: usize,
) -> Result<Vec<Row>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM message WHERE maildrop = ? AND archived_at >= ? AND state <> 'intent' \
             ORDER BY size DESC, seq DESC LIMIT ?"
        ))?
        .query_map((maildrop, since, limit), read)?
        .collect()
}

/// A stored or deleted row, as far as its deletion from the server goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletable {
    /// Its number.
    pub seq: Seq,
    /// Octets on the server, as listed; those of the stored form where no size was listed.
    pub octets: u64,
    /// When it was archived.
    pub archived_at: UnixTime,
    /// It may be on the server, and a deletion of it is not put off: by the last complete listing, if there was one.
    pub can_go: bool,
}

/// Calls `each` for every stored or deleted row, by ascending number.
pub(super) fn deletable(
    connection: &Connection,
    maildrop: i64,
    now: UnixTime,
    each: &mut dyn FnMut(Deletable),
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, coalesce(list_size, size), archived_at, state = 'stored' \
         AND NOT EXISTS (SELECT 1 FROM unlisted WHERE maildrop = ?1 AND unlisted.seq = message.seq) \
         AND NOT EXISTS (SELECT 1 FROM returned WHERE maildrop = ?1 AND returned.seq = message.seq AND until > ?2) \
         FROM message WHERE maildrop = ?1 AND state <> 'intent' ORDER BY seq",
    )?;
    let mut rows = statement.query((maildrop, now))?;
    while let Some(row) = rows.next()? {
        each(Deletable {
            seq: unsigned(row.get(0)?),
            octets: unsigned(row.get(1)?),
            archived_at: row.get(2)?,
            can_go: row.get(3)?,
        });
    }
    Ok(())
}

/// Stored or deleted rows with numbers from `from` on, by ascending number.
pub(super) fn from(connection: &Connection, maildrop: i64, from: Seq, limit: usize) -> Result<Vec<Row>> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM message WHERE maildrop = ? AND seq >= ? AND state <> 'intent' ORDER BY seq LIMIT ?"
        ))?
        .query_map((maildrop, from, limit), read)?
        .collect()
}

/// A row gets the copy of another one: its place and its content.
pub(super) fn replace_copy(connection: &Connection, maildrop: i64, seq: Seq, by: &Row) -> Result<()> {
    let (key, offset, length) = place_columns(&by.place);
    let Digest { header, core_header, rest } = &by.digest;
    connection
        .prepare_cached(
            "UPDATE message SET maildir_key = ?, mbox_offset = ?, mbox_length = ?, size = ?, header_hash = ?, \
             core_header_hash = ?, rest_hash = ?, core_key = ? WHERE maildrop = ? AND seq = ?",
        )?
        .execute((
            key,
            offset,
            length,
            signed(by.size),
            header,
            core_header,
            rest,
            core_key(&by.digest),
            maildrop,
            signed(seq),
        ))?;
    Ok(())
}

/// Another program has moved a row's region: where it begins now, and its octets. Returns how many rows there were.
pub(super) fn moved(
    connection: &Connection,
    maildrop: i64,
    seq: Seq,
    (offset, length): (u64, u64),
) -> Result<usize> {
    connection
        .prepare_cached(
            "UPDATE message SET mbox_offset = ?, mbox_length = ? \
             WHERE maildrop = ? AND seq = ? AND state <> 'intent' AND mbox_offset IS NOT NULL",
        )?
        .execute((signed(offset), signed(length), maildrop, signed(seq)))
}

/// Calls `each` for every stored or deleted row with the octets of its stored form and its place.
pub(super) fn places(
    connection: &Connection,
    maildrop: i64,
    each: &mut dyn FnMut(Seq, u64, &Place),
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, size, maildir_key, mbox_offset, mbox_length FROM message \
         WHERE maildrop = ? AND state <> 'intent' ORDER BY seq",
    )?;
    let mut rows = statement.query([maildrop])?;
    while let Some(row) = rows.next()? {
        let place = place(row.get(2)?, (row.get(3)?, row.get(4)?))?;
        each(unsigned(row.get(0)?), unsigned(row.get(1)?), &place);
    }
    Ok(())
}

/// Stored or deleted rows of exactly this content. Equal content has an equal core, so the index
/// over the core serves both searches.
pub(super) fn by_content(connection: &Connection, maildrop: i64, digest: &Digest) -> Result<Vec<Seq>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM message INDEXED BY message_by_core WHERE maildrop = ? AND core_key = ? \
         AND header_hash = ? AND rest_hash = ? AND state <> 'intent' ORDER BY seq",
    )?;
    let found = statement.query_map((maildrop, core_key(digest), digest.header, digest.rest), |row| {
        row.get(0).map(unsigned)
    })?;
    found.collect()
}

/// Stored or deleted rows of the same content but for the headers that servers write.
pub(super) fn by_core(connection: &Connection, maildrop: i64, digest: &Digest) -> Result<Vec<Seq>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM message INDEXED BY message_by_core WHERE maildrop = ? AND core_key = ? \
         AND core_header_hash = ? \
         AND rest_hash = ? AND state <> 'intent' ORDER BY seq",
    )?;
    let found = statement
        .query_map((maildrop, core_key(digest), digest.core_header, digest.rest), |row| {
            row.get(0).map(unsigned)
        })?;
    found.collect()
}

/// The core headers of stored or deleted rows, as the server has them, by ascending number.
pub(super) fn core_headers(
    connection: &Connection,
    maildrop: i64,
    each: &mut dyn FnMut(Seq, Hash),
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, coalesce(served_as.core_header_hash, message.core_header_hash) \
         FROM message LEFT JOIN served_as USING (maildrop, seq) \
         WHERE maildrop = ? AND state <> 'intent' ORDER BY seq",
    )?;
    let mut rows = statement.query([maildrop])?;
    while let Some(row) = rows.next()? {
        each(unsigned(row.get(0)?), row.get(1)?);
    }
    Ok(())
}

/// Rows that got their UID by a header alone; seldom any, so they are had in one piece.
pub(super) fn rebound(connection: &Connection, maildrop: i64) -> Result<HashSet<Seq>> {
    connection
        .prepare_cached("SELECT seq FROM rebound WHERE maildrop = ?")?
        .query_map([maildrop], |row| row.get(0).map(unsigned))?
        .collect()
}

/// Whether a row is one of [`rebound`].
pub(super) fn set_rebound(connection: &Connection, maildrop: i64, seq: Seq, rebound: bool) -> Result<()> {
    let sql = if rebound {
        "INSERT OR IGNORE INTO rebound (maildrop, seq) VALUES (?, ?)"
    } else {
        "DELETE FROM rebound WHERE maildrop = ? AND seq = ?"
    };
    connection.prepare_cached(sql)?.execute((maildrop, signed(seq)))?;
    Ok(())
}

/// Rows that a wrong clock archived, and from when their age counts.
pub(super) fn ages(connection: &Connection, maildrop: i64) -> Result<Vec<(Seq, UnixTime)>> {
    connection
        .prepare_cached("SELECT seq, since FROM age_counts WHERE maildrop = ?")?
        .query_map([maildrop], |row| Ok((unsigned(row.get(0)?), row.get(1)?)))?
        .collect()
}

/// Adds a row to [`ages`], or changes it.
pub(super) fn age_counts(connection: &Connection, maildrop: i64, seq: Seq, since: UnixTime) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO age_counts (maildrop, seq, since) VALUES (?, ?, ?)")?
        .execute((maildrop, signed(seq), since))?;
    Ok(())
}

/// What the index finds a content by; short, because a million of them are looked up together.
pub(super) fn core_key(digest: &Digest) -> i64 {
    i64::from_be_bytes(digest.core().first_chunk().copied().unwrap_or_default())
}

/// The columns that hold a place.
pub(super) fn place_columns(place: &Place) -> (Option<&str>, Option<i64>, Option<i64>) {
    match place {
        Place::Maildir { key } => (Some(key), None, None),
        Place::Mbox { offset, length } => (None, Some(signed(*offset)), Some(signed(*length))),
    }
}

/// The place in these columns.
pub(super) fn place(key: Option<String>, region: (Option<i64>, Option<i64>)) -> Result<Place> {
    match (key, region) {
        (Some(key), (None, None)) => Ok(Place::Maildir { key }),
        (None, (Some(offset), Some(length))) => {
            Ok(Place::Mbox { offset: unsigned(offset), length: unsigned(length) })
        }
        _ => {
            let reason = "a message has no place, or two";
            Err(rusqlite::Error::FromSqlConversionFailure(6, Type::Null, reason.into()))
        }
    }
}

fn read(row: &rusqlite::Row<'_>) -> Result<Row> {
    let key: Option<String> = row.get(6)?;
    let region: (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
    let place = place(key, region)?;
    Ok(Row {
        seq: unsigned(row.get(0)?),
        state: row.get(1)?,
        uid: row.get(2)?,
        list_size: row.get::<_, Option<i64>>(3)?.map(unsigned),
        archived_at: row.get(4)?,
        size: unsigned(row.get(5)?),
        place,
        digest: Digest { header: row.get(9)?, core_header: row.get(10)?, rest: row.get(11)? },
        utf8: row.get(12)?,
    })
}
