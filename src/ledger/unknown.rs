//! Rows of the tables `stranger`, `stranger_uid`, `stranger_header`, `stranger_label`, `strangers_seen`, `first_look` and `served_as`:
//! what is in the archive and no row explains, and what of it has been recognised.

use super::rows::{self, signed, unsigned};
use super::{Place, Seq, UnixTime};
use crate::mail::digest::Digest;
use crate::mail::names::ShortHash;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

/// A message in the archive that no row explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCopy {
    /// Its number; 0 before it is on record.
    pub id: u64,
    /// Where it is. In a Maildir the KEY, or the file's name without flags.
    pub place: Place,
    /// The hash of identity and UID, if its name has one.
    pub origin: Option<ShortHash>,
    /// If its name has an origin: the hash of its content, as the name has it. Otherwise that of its content but for
    /// what fetchers add ([`crate::mail::bare`]).
    pub content: ShortHash,
    /// The hash of its header but for what fetchers add, if it was read.
    pub header: Option<ShortHash>,
    /// The UID that another program has written into it: a hint.
    pub uid: Option<Vec<u8>>,
    /// When it arrived, as its name has it; 0 if it does not.
    pub arrived: UnixTime,
}

/// What unknown copies there are, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'s> {
    /// Of this content.
    Content(&'s ShortHash),
    /// Of this identity and UID.
    Origin(&'s ShortHash),
    /// Of this header but for what fetchers add.
    Header(&'s ShortHash),
    /// Into which another program has written this UID.
    Uid(&'s [u8]),
}

/// What an unknown copy is read from.
const COLUMNS: &str = "stranger.id, maildir_key, mbox_offset, mbox_length, stranger.origin, stranger.content, arrived, \
                       (SELECT header FROM stranger_header AS has \
                        WHERE has.maildrop = stranger.maildrop AND has.id = stranger.id), \
                       (SELECT uid FROM stranger_label AS has \
                        WHERE has.maildrop = stranger.maildrop AND has.id = stranger.id)";

fn read(row: &Row<'_>) -> Result<UnknownCopy> {
    let hash = |blob: Option<Vec<u8>>| blob.and_then(|blob| ShortHash::try_from(blob).ok());
    Ok(UnknownCopy {
        id: unsigned(row.get(0)?),
        place: rows::place(row.get(1)?, (row.get(2)?, row.get(3)?))?,
        origin: hash(row.get(4)?),
        content: hash(row.get(5)?).unwrap_or_default(),
        header: hash(row.get(7)?),
        uid: row.get(8)?,
        arrived: row.get(6)?,
    })
}

/// The first one behind the number `after`.
pub(super) fn next(
    connection: &Connection,
    maildrop: i64,
    which: Which<'_>,
    after: u64,
) -> Result<Option<UnknownCopy>> {
    let (tables, hash): (_, &[u8]) = match which {
        Which::Content(content) => ("stranger WHERE maildrop = ?1 AND stranger.content = ?2", content),
        Which::Origin(origin) => (
            "stranger_uid JOIN stranger USING (maildrop, content, id) \
             WHERE maildrop = ?1 AND stranger_uid.origin = ?2",
            origin,
        ),
        Which::Header(header) => (
            "stranger_header JOIN stranger USING (maildrop, content, id) \
             WHERE maildrop = ?1 AND stranger_header.header = ?2",
            header,
        ),
        Which::Uid(uid) => (
            "stranger_label JOIN stranger USING (maildrop, content, id) \
             WHERE maildrop = ?1 AND stranger_label.uid = ?2",
            uid,
        ),
    };
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {tables} AND id > ?3 ORDER BY id LIMIT 1"))?
        .query_row((maildrop, hash, signed(after)), read)
        .optional()
}

/// Those whose headers were not read.
const UNREAD: &str =
    "FROM stranger WHERE maildrop = ?1 AND id NOT IN (SELECT id FROM stranger_header WHERE maildrop = ?1)";

/// How many they are.
pub(super) fn count_unread(connection: &Connection, maildrop: i64) -> Result<u64> {
    connection
        .prepare_cached(&format!("SELECT count(*) {UNREAD}"))?
        .query_row([maildrop], |row| row.get(0).map(unsigned))
}

/// Up to `limit` of them.
pub(super) fn unread(connection: &Connection, maildrop: i64, limit: usize) -> Result<Vec<UnknownCopy>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} {UNREAD} LIMIT ?2"))?
        .query_map((maildrop, i64::try_from(limit).unwrap_or(i64::MAX)), read)?
        .collect()
}

/// Whether a row of another maildrop in this archive has this place. There seldom is another one.
pub(super) fn is_taken(connection: &Connection, maildrop: i64, place: &Place) -> Result<bool> {
    let others: Vec<i64> = connection
        .prepare_cached(
            "SELECT id FROM maildrop WHERE id <> ?1 AND archive = (SELECT archive FROM maildrop WHERE id = ?1)",
        )?
        .query_map([maildrop], |row| row.get(0))?
        .collect::<Result<_>>()?;
    let (key, offset) = match place {
        Place::Maildir { key } => (Some(key), None),
        Place::Mbox { offset, .. } => (None, Some(signed(*offset))),
    };
    let mut taken = connection.prepare_cached(
        "SELECT 1 FROM message WHERE maildrop = ?1 AND state <> 'intent' AND (maildir_key = ?2 OR mbox_offset = ?3)",
    )?;
    for other in others {
        if taken.exists((other, key, offset))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many there are.
pub(super) fn count(connection: &Connection, maildrop: i64) -> Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM stranger WHERE maildrop = ?")?
        .query_row([maildrop], |row| row.get(0).map(unsigned))
}

/// Whether there are any.
pub(super) fn any(connection: &Connection, maildrop: i64) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM stranger WHERE maildrop = ? LIMIT 1")?.exists([maildrop])
}

/// What is in an archive beside the copies of a maildrop's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// An unknown copy.
    Unknown,
    /// Another account's copy.
    OfAnotherAccount,
    /// A bad copy that was replaced.
    Bad,
}

/// Where each of them is, what other accounts have in this archive, and bad copies that were replaced.
pub(super) fn places(
    connection: &Connection,
    maildrop: i64,
    each: &mut dyn FnMut(Other, &Place),
) -> Result<()> {
    for (other, sql) in [
        (Other::Unknown, "SELECT maildir_key, mbox_offset, mbox_length FROM stranger WHERE maildrop = ?1"),
        (
            Other::OfAnotherAccount,
            "SELECT maildir_key, mbox_offset, mbox_length FROM message \
             JOIN maildrop ON maildrop.id = message.maildrop \
             WHERE archive = (SELECT archive FROM maildrop WHERE id = ?1) AND maildrop.id <> ?1 AND state <> 'intent'",
        ),
        (
            Other::Bad,
            "SELECT maildir_key, mbox_offset, mbox_length FROM bad_copy \
             JOIN maildrop ON maildrop.id = bad_copy.maildrop \
             WHERE archive = (SELECT archive FROM maildrop WHERE id = ?1)",
        ),
    ] {
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query([maildrop])?;
        while let Some(row) = found.next()? {
            each(other, &rows::place(row.get(0)?, (row.get(1)?, row.get(2)?))?);
        }
    }
    Ok(())
}

/// What the archive was when unknown copies were looked for last.
pub(super) fn seen(connection: &Connection, maildrop: i64) -> Result<Option<String>> {
    connection
        .prepare_cached("SELECT stamp FROM strangers_seen WHERE maildrop = ?")?
        .query_row([maildrop], |row| row.get(0))
        .optional()
}

/// Unknown copies were looked for, and the archive was this.
pub(super) fn note_seen(connection: &Connection, maildrop: i64, stamp: &str) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO strangers_seen (maildrop, stamp) VALUES (?, ?)")?
        .execute((maildrop, stamp))?;
    Ok(())
}

/// Adds one; its number is the next.
pub(super) fn insert(connection: &Connection, maildrop: i64, stranger: &UnknownCopy) -> Result<()> {
    let (key, offset, length) = rows::place_columns(&stranger.place);
    let id: i64 = connection
        .prepare_cached(
            "INSERT INTO stranger_count (maildrop, last) VALUES (?, 1) \
             ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",
        )?
        .query_row([maildrop], |row| row.get(0))?;
    let origin = stranger.origin.as_ref().map(|origin| &origin[..]);
    connection
        .prepare_cached(
            "INSERT INTO stranger (maildrop, content, id, maildir_key, mbox_offset, mbox_length, origin, arrived) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((maildrop, &stranger.content[..], id, key, offset, length, origin, stranger.arrived))?;
    if let Some(origin) = origin {
        connection
            .prepare_cached("INSERT INTO stranger_uid (maildrop, origin, id, content) VALUES (?, ?, ?, ?)")?
            .execute((maildrop, origin, id, &stranger.content[..]))?;
    }
    if let Some(uid) = &stranger.uid {
        connection
            .prepare_cached("INSERT INTO stranger_label (maildrop, id, content, uid) VALUES (?, ?, ?, ?)")?
            .execute((maildrop, id, &stranger.content[..], uid))?;
    }
    if stranger.header.is_some() {
        header_read(connection, maildrop, &UnknownCopy { id: unsigned(id), ..stranger.clone() })?;
    }
    Ok(())
}

/// The header of one was read; it may have none that it is known by.
pub(super) fn header_read(connection: &Connection, maildrop: i64, stranger: &UnknownCopy) -> Result<()> {
    let header = stranger.header.as_ref().map_or(&[][..], |header| header);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO stranger_header (maildrop, id, content, header) VALUES (?, ?, ?, ?)",
        )?
        .execute((maildrop, signed(stranger.id), &stranger.content[..], header))?;
    Ok(())
}

/// One is an unknown copy no longer, or not there any more.
pub(super) fn remove(connection: &Connection, maildrop: i64, stranger: &UnknownCopy) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM stranger WHERE maildrop = ? AND content = ? AND id = ?")?
        .execute((maildrop, &stranger.content[..], signed(stranger.id)))?;
    for table in ["stranger_header", "stranger_label"] {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE maildrop = ? AND id = ?"))?
            .execute((maildrop, signed(stranger.id)))?;
    }
    if let Some(origin) = &stranger.origin {
        connection
            .prepare_cached("DELETE FROM stranger_uid WHERE maildrop = ? AND origin = ? AND id = ?")?
            .execute((maildrop, &origin[..], signed(stranger.id)))?;
    }
    Ok(())
}

/// All are forgotten: they will be looked for again.
pub(super) fn forget(connection: &Connection, maildrop: i64) -> Result<()> {
    for table in ["stranger", "stranger_uid", "stranger_header", "stranger_label", "strangers_seen"] {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE maildrop = ?"))?.execute([maildrop])?;
    }
    Ok(())
}

/// Whether listed messages are still to be looked for among them by their headers.
pub(super) fn first_look(connection: &Connection, maildrop: i64) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM first_look WHERE maildrop = ?")?.exists([maildrop])
}

/// Listed messages are to be looked for among them by their headers, or were.
pub(super) fn set_first_look(connection: &Connection, maildrop: i64, begins: bool) -> Result<()> {
    let sql = if begins {
        "INSERT OR IGNORE INTO first_look (maildrop) VALUES (?)"
    } else {
        "DELETE FROM first_look WHERE maildrop = ?"
    };
    connection.prepare_cached(sql)?.execute([maildrop])?;
    Ok(())
}

/// Notes the form in which the server has the message of a row.
pub(super) fn served_as(connection: &Connection, maildrop: i64, seq: Seq, digest: &Digest) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO served_as (maildrop, seq, header_hash, core_header_hash, rest_hash) \
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute((maildrop, signed(seq), digest.header, digest.core_header, digest.rest))?;
    connection
        .prepare_cached("INSERT OR IGNORE INTO served_key (maildrop, core_key, seq) VALUES (?, ?, ?)")?
        .execute((maildrop, rows::core_key(digest), signed(seq)))?;
    Ok(())
}

/// Rows whose copies another program has made, and whose messages the server has in this form, as `alike` says.
pub(super) fn served(
    connection: &Connection,
    maildrop: i64,
    digest: &Digest,
    alike: impl Fn(&Digest) -> bool,
) -> Result<Vec<Seq>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, header_hash, core_header_hash, rest_hash FROM served_key JOIN served_as USING (maildrop, seq) \
         WHERE maildrop = ? AND core_key = ? ORDER BY seq",
    )?;
    let mut found = statement.query((maildrop, rows::core_key(digest)))?;
    let mut seqs = Vec::new();
    while let Some(row) = found.next()? {
        if alike(&Digest { header: row.get(1)?, core_header: row.get(2)?, rest: row.get(3)? }) {
            seqs.push(unsigned(row.get(0)?));
        }
    }
    Ok(seqs)
}

/// The form in which the server has the message of a row, if its copy is another program's.
pub(super) fn form(connection: &Connection, maildrop: i64, seq: Seq) -> Result<Option<Digest>> {
    connection
        .prepare_cached(
            "SELECT header_hash, core_header_hash, rest_hash FROM served_as WHERE maildrop = ? AND seq = ?",
        )?
        .query_row((maildrop, signed(seq)), |row| {
            Ok(Digest { header: row.get(0)?, core_header: row.get(1)?, rest: row.get(2)? })
        })
        .optional()
}
