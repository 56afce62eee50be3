//! Rows of the table `quarantine`.

use super::Quarantined;
use super::rows::{signed, unsigned};
use crate::mail::reason::{cut, shared};
use rusqlite::{Connection, Result, named_params};

/// Everything in it, those without a UID first.
pub(super) fn all(connection: &Connection, maildrop: i64) -> Result<Vec<Quarantined>> {
    connection
        .prepare_cached(
            "SELECT uid, number, list_size, reason, failures, first_at, last_at, next_at, larger_than \
             FROM quarantine WHERE maildrop = ? ORDER BY uid, number",
        )?
        .query_map([maildrop], read)?
        .collect()
}

/// Those that failed first, at most `limit` of them.
pub(super) fn oldest(connection: &Connection, maildrop: i64, limit: i64) -> Result<Vec<Quarantined>> {
    connection
        .prepare_cached(
            "SELECT uid, number, list_size, reason, failures, first_at, last_at, next_at, larger_than \
             FROM quarantine WHERE maildrop = ? ORDER BY first_at, uid, number LIMIT ?",
        )?
        .query_map((maildrop, limit), read)?
        .collect()
}

/// How many there are.
pub(super) fn count(connection: &Connection, maildrop: i64) -> Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM quarantine WHERE maildrop = ?")?
        .query_row([maildrop], |row| row.get(0).map(unsigned))
}

/// Adds a message, or replaces what is known of it.
pub(super) fn insert(connection: &Connection, maildrop: i64, message: &Quarantined) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO quarantine (maildrop, uid, number, list_size, reason, failures, \
             first_at, last_at, next_at, larger_than) VALUES (:maildrop, :uid, :number, :list_size, :reason, \
             :failures, :first_at, :last_at, :next_at, :larger_than)",
        )?
        .execute(named_params! {
            ":maildrop": maildrop,
            ":uid": message.uid.as_deref().unwrap_or_default(),
            ":number": message.number.unwrap_or(0),
            ":list_size": message.list_size.map(signed),
            ":reason": cut(&message.reason),
            ":failures": message.failures,
            ":first_at": message.first_at,
            ":last_at": message.last_at,
            ":next_at": message.next_at,
            ":larger_than": message.larger_than.map(signed),
        })?;
    Ok(())
}

/// Removes a message, if it is there.
pub(super) fn remove(
    connection: &Connection,
    maildrop: i64,
    uid: Option<&[u8]>,
    number: Option<u32>,
) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM quarantine WHERE maildrop = ? AND uid = ? AND number = ?")?
        .execute((maildrop, uid.unwrap_or_default(), number.unwrap_or(0)))?;
    Ok(())
}

fn read(row: &rusqlite::Row<'_>) -> Result<Quarantined> {
    let uid: Vec<u8> = row.get(0)?;
    let number: u32 = row.get(1)?;
    Ok(Quarantined {
        uid: (!uid.is_empty()).then_some(uid),
        number: (number != 0).then_some(number),
        list_size: row.get::<_, Option<i64>>(2)?.map(unsigned),
        reason: shared(row.get_ref(3)?.as_str()?, "it failed before"),
        failures: row.get(4)?,
        first_at: row.get(5)?,
        last_at: row.get(6)?,
        next_at: row.get(7)?,
        larger_than: row.get::<_, Option<i64>>(8)?.map(unsigned),
    })
}
