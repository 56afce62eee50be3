//! Rows of the tables `unlisted`, `migration`, `returned` and `size_change`: what earlier listings have shown of the
//! messages on record, as far as a plan depends on it.

use super::rows::{signed, unsigned};
use super::{Seq, UnixTime, seen};
use rusqlite::{Connection, OptionalExtension as _, Result};
use std::collections::HashMap;

/// The quirk that [`Change::SizeTold`](super::Change::SizeTold) records.
const SIZES_TELL: &str = "sizes_tell";

/// How often a message's size must have changed while its content did not before the size says nothing.
const OFTEN: u32 = 2;

/// Messages whose sizes say nothing: with this number of them no size of their server says anything.
const MANY: usize = 10;

/// What earlier listings have shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Stored rows that the last complete listing left out, ascending.
    pub unlisted: Vec<Seq>,
    /// Since when the maildrop has been moving to other UIDs, and is not done.
    pub moving_since: Option<UnixTime>,
    /// Rows of messages that were listed again after the server had confirmed their deletion.
    pub returned: HashMap<Seq, Returned>,
    /// How often the LIST size of a row's message changed while its content did not.
    pub size_changes: HashMap<Seq, u32>,
    /// [`Change::SizeTold`](super::Change::SizeTold).
    pub sizes_tell: bool,
}

/// A message that the server does not delete, or did not once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// How often it came back.
    pub times: u32,
    /// Until when it is not to be deleted again.
    pub until: UnixTime,
}

impl Marks {
    /// Whether the last complete listing left a stored row out.
    pub fn is_unlisted(&self, seq: Seq) -> bool {
        self.unlisted.binary_search(&seq).is_ok()
    }

    /// Whether the size of this row's message says nothing about it.
    pub fn has_idle_size(&self, seq: Seq) -> bool {
        self.size_changes.get(&seq).is_some_and(|times| *times >= OFTEN)
    }

    /// Whether no size says anything here: TOP has to tell.
    pub fn sizes_are_idle(&self) -> bool {
        !self.sizes_tell && self.size_changes.values().filter(|times| **times >= OFTEN).count() >= MANY
    }
}

/// All of them.
pub(super) fn read(connection: &Connection, maildrop: i64) -> Result<Marks> {
    let unlisted = connection
        .prepare_cached("SELECT seq FROM unlisted WHERE maildrop = ? ORDER BY seq")?
        .query_map([maildrop], |row| row.get(0).map(unsigned))?
        .collect::<Result<_>>()?;
    let moving_since = connection
        .prepare_cached("SELECT since FROM migration WHERE maildrop = ?")?
        .query_row([maildrop], |row| row.get(0))
        .optional()?;
    let returned = connection
        .prepare_cached("SELECT seq, times, until FROM returned WHERE maildrop = ?")?
        .query_map([maildrop], |row| {
            Ok((unsigned(row.get(0)?), Returned { times: row.get(1)?, until: row.get(2)? }))
        })?
        .collect::<Result<_>>()?;
    let size_changes = connection
        .prepare_cached("SELECT seq, times FROM size_change WHERE maildrop = ?")?
        .query_map([maildrop], |row| Ok((unsigned(row.get(0)?), row.get(1)?)))?
        .collect::<Result<_>>()?;
    let sizes_tell = seen::has(connection, maildrop, SIZES_TELL)?;
    Ok(Marks { unlisted, moving_since, returned, size_changes, sizes_tell })
}

/// The last complete listing left these rows out, and shows those again.
pub(super) fn listed(connection: &Connection, maildrop: i64, gone: &[Seq], back: &[Seq]) -> Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO unlisted (maildrop, seq) VALUES (?, ?)")?;
    for seq in gone {
        insert.execute((maildrop, signed(*seq)))?;
    }
    back.iter().try_for_each(|seq| is_listed(connection, maildrop, *seq))
}

/// This row's message is listed.
pub(super) fn is_listed(connection: &Connection, maildrop: i64, seq: Seq) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM unlisted WHERE maildrop = ? AND seq = ?")?
        .execute((maildrop, signed(seq)))?;
    Ok(())
}

/// The maildrop is moving to other UIDs since then; `None`: not any more.
pub(super) fn moving(connection: &Connection, maildrop: i64, since: Option<UnixTime>) -> Result<()> {
    match since {
        Some(since) => connection
            .prepare_cached("INSERT OR IGNORE INTO migration (maildrop, since) VALUES (?, ?)")?
            .execute((maildrop, since))?,
        None => connection.prepare_cached("DELETE FROM migration WHERE maildrop = ?")?.execute([maildrop])?,
    };
    Ok(())
}

/// A deleted row's message is listed again.
pub(super) fn returned(connection: &Connection, maildrop: i64, seq: Seq) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO returned (maildrop, seq, times, until) VALUES (?, ?, 1, 0) \
             ON CONFLICT DO UPDATE SET times = times + 1",
        )?
        .execute((maildrop, signed(seq)))?;
    Ok(())
}

/// The server does not delete this row's message: not to be tried again until then.
pub(super) fn stays(connection: &Connection, maildrop: i64, seq: Seq, until: UnixTime) -> Result<()> {
    returned(connection, maildrop, seq)?;
    connection.prepare_cached("UPDATE returned SET until = ? WHERE maildrop = ? AND seq = ?")?.execute((
        until,
        maildrop,
        signed(seq),
    ))?;
    Ok(())
}

/// The size of this row's message has changed, and its content has not.
pub(super) fn size_changed(connection: &Connection, maildrop: i64, seq: Seq) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO size_change (maildrop, seq, times) VALUES (?, ?, 1) \
             ON CONFLICT DO UPDATE SET times = times + 1",
        )?
        .execute((maildrop, signed(seq)))?;
    Ok(())
}

/// A size has changed, and so had the content.
pub(super) fn size_told(connection: &Connection, maildrop: i64) -> Result<()> {
    seen::note(connection, maildrop, SIZES_TELL)
}
