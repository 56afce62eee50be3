//! Rows of the tables `seen_elsewhere`, `adoption` and `adopted_copy`: what taking over from another program has left on
//! record.
//!
//! Promise: an adoption can be taken back until a run begins; nothing of it ever becomes a receipt.

use super::file::path_value;
use super::rows::{self, signed, unsigned};
use super::{Seq, UnixTime, UnknownCopy, unknown};
use crate::mail::names::ShortHash;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// What `adopt` has done for an account, until the next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The account's name in the configuration.
    pub account: String,
    /// The program from which it was taken over, or "archive".
    pub program: String,
    /// When.
    pub at: UnixTime,
    /// The configuration file.
    pub config: PathBuf,
    /// The lines that were added to it; empty: none.
    pub added: String,
}

/// Messages that another program had seen, and that are not to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenElsewhere {
    exact: HashSet<Vec<u8>>,
    /// With each `/` written as `-`.
    folded: HashSet<Vec<u8>>,
}

impl SeenElsewhere {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.folded.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.exact.len() + self.folded.len()
    }

    /// Adds one; `folded`: with each `/` written as `-`.
    pub fn add(&mut self, uid: Vec<u8>, folded: bool) {
        if folded { &mut self.folded } else { &mut self.exact }.insert(uid);
    }

    /// Whether a message that is listed under this UID is one of them; `shares`: of all listed UIDs another one becomes the
    /// same when each `/` is written as `-`, so that neither is.
    pub fn has(&self, uid: &[u8], shares: impl FnOnce(&[u8]) -> bool) -> bool {
        if self.exact.contains(uid) {
            return true;
        }
        if self.folded.is_empty() {
            return false;
        }
        let folded = fold(uid);
        self.folded.contains(&folded) && !shares(&folded)
    }

    /// All of them, each with whether it is folded.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let exact = self.exact.iter().map(|uid| (uid.as_slice(), false));
        exact.chain(self.folded.iter().map(|uid| (uid.as_slice(), true)))
    }
}

/// A UID with each `/` written as `-`.
pub fn fold(uid: &[u8]) -> Vec<u8> {
    uid.iter().map(|octet| if *octet == b'/' { b'-' } else { *octet }).collect()
}

/// All of them.
pub(super) fn seen(connection: &Connection, maildrop: i64) -> Result<SeenElsewhere> {
    let mut seen = SeenElsewhere::default();
    let mut statement =
        connection.prepare_cached("SELECT uid, folded FROM seen_elsewhere WHERE maildrop = ?")?;
    let mut found = statement.query([maildrop])?;
    while let Some(row) = found.next()? {
        seen.add(row.get(0)?, row.get(1)?);
    }
    Ok(seen)
}

/// Puts an adoption on record, with the messages that are not to be fetched for it.
pub(super) fn adopt(
    connection: &Connection,
    maildrop: i64,
    adoption: &Adoption,
    seen: &SeenElsewhere,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO adoption (maildrop, account, program, at, config, added) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            maildrop,
            &adoption.account,
            &adoption.program,
            adoption.at,
            path_value(&adoption.config),
            &adoption.added,
        ))?;
    let mut insert = connection
        .prepare_cached("INSERT OR IGNORE INTO seen_elsewhere (maildrop, uid, folded) VALUES (?, ?, ?)")?;
    for (uid, folded) in seen.iter() {
        insert.execute((maildrop, uid, folded))?;
    }
    Ok(())
}

/// A run begins: what was adopted stays.
pub(super) fn settle(connection: &Connection, maildrop: i64) -> Result<()> {
    connection.prepare_cached("DELETE FROM adoption WHERE maildrop = ?")?.execute([maildrop])?;
    Ok(())
}

/// Takes an adoption back: nothing is seen elsewhere, and what is in the archive will be looked for again.
pub(super) fn undo(connection: &Connection, maildrop: i64) -> Result<()> {
    settle(connection, maildrop)?;
    connection.prepare_cached("DELETE FROM seen_elsewhere WHERE maildrop = ?")?.execute([maildrop])?;
    unknown::forget(connection, maildrop)?;
    unknown::set_first_look(connection, maildrop, false)
}

/// The adoption of this maildrop, until a run begins.
pub(super) fn of_maildrop(connection: &Connection, maildrop: i64) -> Result<Option<Adoption>> {
    connection
        .prepare_cached("SELECT account, program, at, config, added FROM adoption WHERE maildrop = ?")?
        .query_row([maildrop], read)
        .optional()
}

fn read(row: &Row<'_>) -> Result<Adoption> {
    let config = match row.get(3)? {
        Value::Text(text) => PathBuf::from(text),
        Value::Blob(octets) => PathBuf::from(OsString::from_vec(octets)),
        _ => PathBuf::new(),
    };
    Ok(Adoption { account: row.get(0)?, program: row.get(1)?, at: row.get(2)?, config, added: row.get(4)? })
}

/// This intent is a copy of another program's message; of `copy` its place is not looked at.
pub(super) fn copying(connection: &Connection, maildrop: i64, seq: Seq, copy: &UnknownCopy) -> Result<()> {
    let header = copy.header.as_ref().map_or(&[][..], |header| header);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO adopted_copy (maildrop, seq, content, header, uid) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute((maildrop, signed(seq), &copy.content[..], header, &copy.uid))?;
    Ok(())
}

/// Of rows from `first` to `last` that are stored now, those that are copies of another program's messages become
/// unknown copies: whose messages they are, the next run finds out.
pub(super) fn copied(connection: &Connection, maildrop: i64, first: Seq, last: Seq) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, adopted_copy.content, header, adopted_copy.uid, maildir_key, mbox_offset, mbox_length, archived_at \
         FROM adopted_copy JOIN message USING (maildrop, seq) \
         WHERE maildrop = ? AND seq BETWEEN ? AND ? ORDER BY seq",
    )?;
    let hash = |octets: Vec<u8>| ShortHash::try_from(octets).ok();
    let found: Vec<(Seq, UnknownCopy)> = statement
        .query_map((maildrop, signed(first), signed(last)), |row| {
            let copy = UnknownCopy {
                id: 0,
                place: rows::place(row.get(4)?, (row.get(5)?, row.get(6)?))?,
                origin: None,
                content: hash(row.get(1)?).unwrap_or_default(),
                header: hash(row.get(2)?),
                uid: row.get(3)?,
                arrived: row.get(7)?,
            };
            Ok((unsigned(row.get(0)?), copy))
        })?
        .collect::<Result<_>>()?;
    for (seq, copy) in &found {
        connection
            .prepare_cached("DELETE FROM message WHERE maildrop = ? AND seq = ?")?
            .execute((maildrop, signed(*seq)))?;
        withdrawn(connection, maildrop, *seq)?;
        unknown::insert(connection, maildrop, copy)?;
    }
    if !found.is_empty() {
        unknown::set_first_look(connection, maildrop, true)?;
    }
    Ok(())
}

/// This row is no such copy any more.
pub(super) fn withdrawn(connection: &Connection, maildrop: i64, seq: Seq) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM adopted_copy WHERE maildrop = ? AND seq = ?")?
        .execute((maildrop, signed(seq)))?;
    Ok(())
}
