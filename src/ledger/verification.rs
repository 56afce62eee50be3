//! Rows of the tables `reading`, `verified`, `replacement` and `bad_copy`: which copies were read when, what came of
//! it, and what was repaired.

use super::rows::{self, signed, unsigned};
use super::{Place, Seq, UnixTime};
use rusqlite::{Connection, OptionalExtension as _, Result};

/// What is on record of verifications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerificationRecord {
    /// Which rows' copies were read when, by ascending row number; no two overlap.
    pub readings: Vec<Reading>,
    /// What the last verification found.
    pub last: Option<LastVerification>,
    /// Bad copies that have been replaced and are still in the archive.
    pub bad_copies: Vec<Place>,
}

/// The copies of these rows were read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The first row.
    pub first: Seq,
    /// The last row.
    pub last: Seq,
    /// When.
    pub at: UnixTime,
}

/// What the last verification found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastVerification {
    /// When it ended.
    pub at: UnixTime,
    /// Copies that it read.
    pub read: u64,
    /// Copies that were damaged at its end.
    pub damaged: u64,
    /// Messages whose copies were missing at its end.
    pub missing: u64,
}

/// How far an archive is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// What the last verification found; `None` when there was none.
    pub last: Option<LastVerification>,
    /// Since this time every copy has been read, or is new; `None` when there is nothing to read, or nothing was read
    /// ever.
    pub read_since: Option<UnixTime>,
}

/// A row that is about to take another row's place, with a good copy of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The new row's number, of [`super::Ledger::next_seq`]. It exists until its copy is stored.
    pub new: Seq,
    /// The row whose copy is bad or missing, and which gets the new one.
    pub of: Seq,
    /// Its copy is there, and bad.
    pub bad: bool,
}

pub(super) fn record(connection: &Connection, maildrop: i64) -> Result<VerificationRecord> {
    let readings = connection
        .prepare_cached("SELECT first, last, at FROM reading WHERE maildrop = ? ORDER BY first")?
        .query_map([maildrop], |row| {
            Ok(Reading { first: unsigned(row.get(0)?), last: unsigned(row.get(1)?), at: row.get(2)? })
        })?
        .collect::<Result<_>>()?;
    let last = connection
        .prepare_cached("SELECT at, read, damaged, missing FROM verified WHERE maildrop = ?")?
        .query_row([maildrop], |row| {
            Ok(LastVerification {
                at: row.get(0)?,
                read: unsigned(row.get(1)?),
                damaged: unsigned(row.get(2)?),
                missing: unsigned(row.get(3)?),
            })
        })
        .optional()?;
    let bad_copies = connection
        .prepare_cached(
            "SELECT maildir_key, mbox_offset, mbox_length FROM bad_copy WHERE maildrop = ? ORDER BY id",
        )?
        .query_map([maildrop], |row| rows::place(row.get(0)?, (row.get(1)?, row.get(2)?)))?
        .collect::<Result<_>>()?;
    Ok(VerificationRecord { readings, last, bad_copies })
}

/// How far the archive is verified. Looks at one row for each stretch of rows that were not read.
pub(super) fn status(connection: &Connection, maildrop: i64) -> Result<Verification> {
    let VerificationRecord { readings, last, .. } = record(connection, maildrop)?;
    if readings.is_empty() {
        return Ok(Verification { last, read_since: None });
    }
    let mut never_read = connection.prepare_cached(
        "SELECT archived_at FROM message WHERE maildrop = ?1 AND seq BETWEEN ?2 AND ?3 AND state <> 'intent' \
         AND seq NOT IN (SELECT seq FROM accepted WHERE maildrop = ?1) ORDER BY seq LIMIT 1",
    )?;
    let mut oldest = readings.iter().map(|reading| reading.at).min();
    let mut from = 0;
    let gaps =
        readings.iter().map(|reading| (reading.first, reading.last)).chain([(u64::MAX >> 1, u64::MAX >> 1)]);
    for (first, last) in gaps {
        if first > from {
            let archived: Option<UnixTime> = never_read
                .query_row((maildrop, signed(from), signed(first - 1)), |row| row.get(0))
                .optional()?;
            oldest = oldest.min(archived.or(oldest));
        }
        from = last.saturating_add(1);
    }
    Ok(Verification { last, read_since: oldest })
}

/// Notes that these copies were read: what was known of them, and of no others, is forgotten.
pub(super) fn read(connection: &Connection, maildrop: i64, reading: Reading) -> Result<()> {
    let Reading { mut first, mut last, at } = reading;
    let overlapping: Vec<Reading> = connection
        .prepare_cached(
            "SELECT first, last, at FROM reading WHERE maildrop = ?1 AND last >= ?2 - 1 AND first <= ?3 + 1 \
             ORDER BY first",
        )?
        .query_map((maildrop, signed(first), signed(last)), |row| {
            Ok(Reading { first: unsigned(row.get(0)?), last: unsigned(row.get(1)?), at: row.get(2)? })
        })?
        .collect::<Result<_>>()?;
    let mut parts = Vec::new();
    for old in &overlapping {
        if old.at == at {
            (first, last) = (first.min(old.first), last.max(old.last));
            continue;
        }
        if old.first < first {
            parts.push(Reading { last: old.last.min(first - 1), ..*old });
        }
        if old.last > last {
            parts.push(Reading { first: old.first.max(last + 1), ..*old });
        }
    }
    parts.push(Reading { first, last, at });
    let mut forget = connection.prepare_cached("DELETE FROM reading WHERE maildrop = ? AND first = ?")?;
    for old in overlapping {
        forget.execute((maildrop, signed(old.first)))?;
    }
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO reading (maildrop, first, last, at) VALUES (?, ?, ?, ?)")?;
    for part in parts {
        insert.execute((maildrop, signed(part.first), signed(part.last), part.at))?;
    }
    Ok(())
}

/// Takes the place of the verification before.
pub(super) fn verified(connection: &Connection, maildrop: i64, last: &LastVerification) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO verified (maildrop, at, read, damaged, missing) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute((maildrop, last.at, signed(last.read), signed(last.damaged), signed(last.missing)))?;
    Ok(())
}

/// A row with this number is to replace another one as soon as its copy is stored.
pub(super) fn intend(connection: &Connection, maildrop: i64, replacement: Replacement) -> Result<()> {
    let Replacement { new, of, bad } = replacement;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO replacement (maildrop, seq, replaces, bad) VALUES (?, ?, ?, ?)",
        )?
        .execute((maildrop, signed(new), signed(of), bad))?;
    Ok(())
}

/// Nothing came of a replacement.
pub(super) fn withdraw(connection: &Connection, maildrop: i64, new: Seq) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM replacement WHERE maildrop = ? AND seq = ?")?
        .execute((maildrop, signed(new)))?;
    Ok(())
}

/// The copies of these rows are stored: those that replace others give them their place and content, and are no more.
pub(super) fn settle(connection: &Connection, maildrop: i64, first: Seq, last: Seq) -> Result<()> {
    let replacements: Vec<Replacement> = connection
        .prepare_cached(
            "SELECT seq, replaces, bad FROM replacement WHERE maildrop = ? AND seq BETWEEN ? AND ? ORDER BY seq",
        )?
        .query_map((maildrop, signed(first), signed(last)), |row| {
            Ok(Replacement { new: unsigned(row.get(0)?), of: unsigned(row.get(1)?), bad: row.get(2)? })
        })?
        .collect::<Result<_>>()?;
    for replacement in replacements {
        replace(connection, maildrop, replacement)?;
    }
    Ok(())
}

fn replace(connection: &Connection, maildrop: i64, replacement: Replacement) -> Result<()> {
    let Replacement { new, of, bad } = replacement;
    let (Some(new), Some(old)) =
        (rows::one(connection, maildrop, new)?, rows::one(connection, maildrop, of)?)
    else {
        return Ok(());
    };
    if bad {
        let (key, offset, length) = rows::place_columns(&old.place);
        connection
            .prepare_cached(
                "INSERT INTO bad_copy (maildrop, id, maildir_key, mbox_offset, mbox_length) \
                 VALUES (?1, (SELECT coalesce(max(id), 0) + 1 FROM bad_copy WHERE maildrop = ?1), ?2, ?3, ?4)",
            )?
            .execute((maildrop, key, offset, length))?;
    }
    rows::replace_copy(connection, maildrop, of, &new)?;
    for table in ["message", "replacement"] {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE maildrop = ? AND seq = ?"))?
            .execute((maildrop, signed(new.seq)))?;
    }
    let mut forgotten = vec!["odd_copy", "accepted"];
    if old.digest != new.digest {
        // The server's own form is in the archive now.
        forgotten.extend(["served_as", "served_key"]);
    }
    for table in forgotten {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE maildrop = ? AND seq = ?"))?
            .execute((maildrop, signed(of)))?;
    }
    // What the last look has of it is no longer true.
    connection.prepare_cached("UPDATE look SET stamp = NULL WHERE maildrop = ?")?.execute([maildrop])?;
    super::look::is_present(connection, maildrop, of)
}

/// A bad copy is not in the archive any more.
pub(super) fn gone(connection: &Connection, maildrop: i64, place: &Place) -> Result<()> {
    let (key, offset, length) = rows::place_columns(place);
    connection
        .prepare_cached(
            "DELETE FROM bad_copy WHERE maildrop = ? AND maildir_key IS ? AND mbox_offset IS ? AND mbox_length IS ?",
        )?
        .execute((maildrop, key, offset, length))?;
    Ok(())
}
