//! Rows of the table `skipped`: messages that `skip_headers` leaves on the server, so that their headers are asked for once.
//!
//! Must never: keep what a header says.

use super::rows::{signed, unsigned};
use rusqlite::{Connection, Result};

/// A listed message whose header has a field that `skip_headers` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its UID, which no other listed message had.
    pub uid: Vec<u8>,
    /// Its size in LIST, in octets.
    pub list_size: Option<u64>,
    /// The setting: [`SkipHeaders::setting`](crate::mail::skip_headers::SkipHeaders::setting).
    pub setting: i64,
    /// The field's number in it, from 0.
    pub field: u32,
}

/// All of them, by UID.
pub(super) fn all(connection: &Connection, maildrop: i64) -> Result<Vec<Skipped>> {
    connection
        .prepare_cached("SELECT uid, list_size, setting, field FROM skipped WHERE maildrop = ? ORDER BY uid")?
        .query_map([maildrop], |row| {
            Ok(Skipped {
                uid: row.get(0)?,
                list_size: row.get::<_, Option<i64>>(1)?.map(unsigned),
                setting: row.get(2)?,
                field: row.get(3)?,
            })
        })?
        .collect()
}

/// Adds one, or replaces what is known of its UID.
pub(super) fn insert(connection: &Connection, maildrop: i64, skipped: &Skipped) -> Result<()> {
    let Skipped { uid, list_size, setting, field } = skipped;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO skipped (maildrop, uid, list_size, setting, field) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute((maildrop, uid, list_size.map(signed), setting, field))?;
    Ok(())
}

/// Forgets one.
pub(super) fn forget(connection: &Connection, maildrop: i64, uid: &[u8]) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM skipped WHERE maildrop = ? AND uid = ?")?
        .execute((maildrop, uid))?;
    Ok(())
}
