//! Rows of the table `run`, for `status`.

use super::rows::{signed, unsigned};
use super::{RunRecord, UnixTime, adoption, run_log};
use crate::clock;
use rusqlite::{Connection, OptionalExtension as _, Result, named_params};
use std::ops::RangeInclusive;

/// So many runs are remembered one by one, and the last success besides.
pub(super) const REMEMBERED: i64 = 1_000;

/// A run begins. Folds what is too old.
pub(super) fn start(connection: &Connection, maildrop: i64, at: UnixTime) -> Result<()> {
    // What was adopted stays.
    adoption::settle(connection, maildrop)?;
    let number: i64 = connection
        .prepare_cached(
            "INSERT INTO run (maildrop, number, started_at) \
             SELECT ?1, 1 + coalesce(max(number), 0), ?2 FROM run WHERE maildrop = ?1 RETURNING number",
        )?
        .query_row((maildrop, at), |row| row.get(0))?;
    // Runs that are killed never end.
    run_log::fold(connection, maildrop, number - REMEMBERED, at)
}

/// The run that began last has ended. One that never began (its start could not be recorded) is
/// recorded as begun when it ended.
pub(super) fn end(connection: &Connection, maildrop: i64, record: &RunRecord) -> Result<()> {
    let open: Option<i64> = connection
        .prepare_cached(
            "SELECT number FROM run WHERE maildrop = ?1 AND ended_at IS NULL \
             AND number = (SELECT max(number) FROM run WHERE maildrop = ?1)",
        )?
        .query_row([maildrop], |row| row.get(0))
        .optional()?;
    if open.is_none() {
        start(connection, maildrop, record.at)?;
    }
    connection
        .prepare_cached(
            "UPDATE run SET ended_at = :at, exit = :exit, error = :error, listed = :listed, held = :archived, \
             fetched = :fetched, octets = :octets, deleted = :deleted, missing = :missing, \
             delete_policy = :delete_policy \
             WHERE maildrop = :maildrop AND number = (SELECT max(number) FROM run WHERE maildrop = :maildrop)",
        )?
        .execute(named_params! {
            ":maildrop": maildrop,
            ":at": record.at,
            ":exit": record.exit,
            ":error": record.error,
            ":listed": signed(record.listed),
            ":archived": signed(record.archived),
            ":fetched": signed(record.fetched),
            ":octets": signed(record.octets),
            ":deleted": signed(record.deleted),
            ":missing": signed(record.missing),
            ":delete_policy": record.delete_policy,
        })?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO run_remainder (maildrop, number, removed, left_alone, kept, kept_octets) \
             SELECT ?1, max(number), ?2, ?3, ?4, ?5 FROM run WHERE maildrop = ?1",
        )?
        .execute((
            maildrop,
            signed(record.removed),
            signed(record.left),
            signed(record.kept),
            signed(record.kept_octets),
        ))?;
    let newest: i64 = connection
        .prepare_cached("SELECT max(number) FROM run WHERE maildrop = ?")?
        .query_row([maildrop], |row| row.get(0))?;
    run_log::fold(connection, maildrop, newest - REMEMBERED, record.at)
}

/// When the last run began.
pub(super) fn last_started(connection: &Connection, maildrop: i64) -> Result<Option<UnixTime>> {
    connection
        .prepare_cached("SELECT started_at FROM run WHERE maildrop = ? ORDER BY number DESC LIMIT 1")?
        .query_row([maildrop], |row| row.get(0))
        .optional()
}

/// When the newest run began that has ended or was killed, and all of whose times are among these.
pub(super) fn last_within(
    connection: &Connection,
    maildrop: i64,
    times: &RangeInclusive<UnixTime>,
) -> Result<Option<UnixTime>> {
    connection
        .prepare_cached(
            "SELECT started_at FROM run WHERE maildrop = ?1 AND started_at BETWEEN ?2 AND ?3 \
             AND coalesce(ended_at, started_at) BETWEEN ?2 AND ?3 ORDER BY number DESC LIMIT 1",
        )?
        .query_row((maildrop, times.start(), times.end()), |row| row.get(0))
        .optional()
}

/// When a run of the same identity last logged in or ended, for whichever archive. A time in the future is none.
pub(super) fn last_active(connection: &Connection, maildrop: i64) -> Result<Option<UnixTime>> {
    connection
        .prepare_cached(
            "SELECT max(at) FROM \
             (SELECT last_login AS at FROM maildrop \
              WHERE identity = (SELECT identity FROM maildrop WHERE id = ?1) \
              UNION ALL SELECT ended_at FROM run WHERE maildrop IN \
              (SELECT id FROM maildrop WHERE identity = (SELECT identity FROM maildrop WHERE id = ?1))) \
             WHERE at <= ?2",
        )?
        .query_row((maildrop, clock::now()), |row| row.get(0))
}

/// The last run that ended.
pub(super) fn last_ended(connection: &Connection, maildrop: i64) -> Result<Option<RunRecord>> {
    connection
        .prepare_cached(
            "SELECT ended_at, exit, error, listed, held, fetched, octets, deleted, missing, delete_policy, \
             coalesce(removed, 0), coalesce(left_alone, 0), coalesce(kept, 0), coalesce(kept_octets, 0) \
             FROM run LEFT JOIN run_remainder USING (maildrop, number) \
             WHERE maildrop = ? AND ended_at IS NOT NULL ORDER BY number DESC LIMIT 1",
        )?
        .query_row([maildrop], |row| {
            Ok(RunRecord {
                at: row.get(0)?,
                exit: row.get(1)?,
                error: row.get(2)?,
                listed: unsigned(row.get(3)?),
                archived: unsigned(row.get(4)?),
                fetched: unsigned(row.get(5)?),
                octets: unsigned(row.get(6)?),
                deleted: unsigned(row.get(7)?),
                missing: unsigned(row.get(8)?),
                delete_policy: row.get(9)?,
                removed: unsigned(row.get(10)?),
                left: unsigned(row.get(11)?),
                kept: unsigned(row.get(12)?),
                kept_octets: unsigned(row.get(13)?),
            })
        })
        .optional()
}

/// When the last run with exit code 0 ended. One in the future was none: a clock that was wrong tells nothing.
pub(super) fn last_success(
    connection: &Connection,
    maildrop: i64,
    now: UnixTime,
) -> Result<Option<UnixTime>> {
    connection
        .prepare_cached(
            "SELECT ended_at FROM run WHERE maildrop = ? AND exit = 0 AND ended_at <= ? \
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row((maildrop, now), |row| row.get(0))
        .optional()
}
