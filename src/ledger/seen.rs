//! Rows of the tables `quirk`, `unsteady`, `pipelining_failed`, `tallied_from` and `told`: what a server was seen doing.

use super::rows::{signed, unsigned};
use super::{PipeliningFailed, Quirks, Seq, UnixTime};
use rusqlite::{Connection, OptionalExtension as _, Result};

/// The quirk that [`Change::EqualUids`](super::Change::EqualUids) records.
pub(super) const EQUAL_UIDS: &str = "equal_uids";

/// The quirk that [`Change::ShowsParts`](super::Change::ShowsParts) records.
pub(super) const SHOWS_PARTS: &str = "shows_parts";

/// Notes a quirk, for good.
pub(super) fn note(connection: &Connection, maildrop: i64, name: &str) -> Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO quirk (maildrop, name) VALUES (?, ?)")?
        .execute((maildrop, name))?;
    Ok(())
}

/// Whether a quirk is on record.
pub(super) fn has(connection: &Connection, maildrop: i64, name: &str) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM quirk WHERE maildrop = ? AND name = ?")?.exists((maildrop, name))
}

/// Notes a server to which nothing is to be sent ahead, in the place of the one noted before.
pub(super) fn pipelining_failed(
    connection: &Connection,
    maildrop: i64,
    failed: &PipeliningFailed,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pipelining_failed (maildrop, server, until) VALUES (?, ?, ?)",
        )?
        .execute((maildrop, &failed.server, failed.until))?;
    Ok(())
}

/// Notes that this row's message comes with other octets each time.
pub(super) fn unsteady(connection: &Connection, maildrop: i64, seq: Seq) -> Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO unsteady (maildrop, seq) VALUES (?, ?)")?
        .execute((maildrop, signed(seq)))?;
    Ok(())
}

/// What was reported as missing, and when.
pub(super) fn told(connection: &Connection, maildrop: i64) -> Result<Vec<(Vec<u8>, UnixTime)>> {
    connection
        .prepare_cached("SELECT sign, at FROM told WHERE maildrop = ? ORDER BY sign")?
        .query_map([maildrop], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Replaces all of that.
pub(super) fn tell(connection: &Connection, maildrop: i64, told: &[(Vec<u8>, UnixTime)]) -> Result<()> {
    connection.prepare_cached("DELETE FROM told WHERE maildrop = ?")?.execute([maildrop])?;
    let mut insert = connection.prepare_cached("INSERT INTO told (maildrop, sign, at) VALUES (?, ?, ?)")?;
    for (sign, at) in told {
        insert.execute((maildrop, sign, at))?;
    }
    Ok(())
}

/// All of it.
pub(super) fn quirks(connection: &Connection, maildrop: i64) -> Result<Quirks> {
    let names: Vec<String> = connection
        .prepare_cached("SELECT name FROM quirk WHERE maildrop = ?")?
        .query_map([maildrop], |row| row.get(0))?
        .collect::<Result<_>>()?;
    let has = |name: &str| names.iter().any(|known| known == name);
    let pipelining_failed = connection
        .prepare_cached("SELECT server, until FROM pipelining_failed WHERE maildrop = ?")?
        .query_row([maildrop], |row| Ok(PipeliningFailed { server: row.get(0)?, until: row.get(1)? }))
        .optional()?;
    let unsteady = connection
        .prepare_cached("SELECT seq FROM unsteady WHERE maildrop = ?")?
        .query_map([maildrop], |row| row.get(0).map(unsigned))?
        .collect::<Result<_>>()?;
    let tallied_from = connection
        .prepare_cached("SELECT seq FROM tallied_from WHERE maildrop = ?")?
        .query_row([maildrop], |row| row.get(0).map(unsigned))
        .optional()?
        .unwrap_or_default();
    Ok(Quirks {
        tallied_from,
        equal_uids: has(EQUAL_UIDS),
        shows_parts: has(SHOWS_PARTS),
        pipelining_failed,
        unsteady,
    })
}
