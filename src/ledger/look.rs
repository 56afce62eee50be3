//! Rows of the tables `look`, `odd_copy` and `accepted`: what was seen of the archive when it was last looked at, and
//! what its owner has said of what is gone.

use super::rows::{signed, unsigned};
use super::{Seq, UnixTime};
use rusqlite::{Connection, OptionalExtension as _, Result};

/// What was seen of an archive when it was last looked at. It saves a look where nothing has changed since, and is
/// never itself the reason to call a message removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookRecord {
    /// What the archive's folders, or its file, were then, as the archive writes it; `None` where that look is
    /// not to be relied on.
    pub stamp: Option<String>,
    /// Rows whose copies were not there, ascending.
    pub absent: Vec<Seq>,
    /// Rows whose copies were not as recorded, ascending.
    pub odd: Vec<OddCopy>,
    /// The row from which on sizes are looked at next.
    pub turn: Seq,
    /// When sizes were last looked at.
    pub turn_at: UnixTime,
    /// How many removed messages the account's owner knows of, from a message or a summary.
    pub told: u64,
    /// That more than half vanished was said, and not settled since.
    pub said_half: bool,
}

/// A copy that is not as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddCopy {
    /// Its row.
    pub seq: Seq,
    /// What the file was when it was read, as the archive writes it.
    pub stamp: String,
    /// What is wrong with it; `None` where it differs in header marks alone.
    pub problem: Option<String>,
}

/// The last look; the default where there was none.
pub(super) fn last(connection: &Connection, maildrop: i64) -> Result<LookRecord> {
    let record = connection
        .prepare_cached("SELECT stamp, absent, turn, turn_at, told, said_half FROM look WHERE maildrop = ?")?
        .query_row([maildrop], |row| {
            Ok(LookRecord {
                stamp: row.get(0)?,
                absent: unpacked(row.get_ref(1)?.as_blob()?),
                odd: Vec::new(),
                turn: unsigned(row.get(2)?),
                turn_at: row.get(3)?,
                told: unsigned(row.get(4)?),
                said_half: row.get(5)?,
            })
        })
        .optional()?;
    let Some(record) = record else { return Ok(LookRecord::default()) };
    let odd = connection
        .prepare_cached("SELECT seq, stamp, problem FROM odd_copy WHERE maildrop = ? ORDER BY seq")?
        .query_map([maildrop], |row| {
            Ok(OddCopy { seq: unsigned(row.get(0)?), stamp: row.get(1)?, problem: row.get(2)? })
        })?
        .collect::<Result<_>>()?;
    Ok(LookRecord { odd, ..record })
}

/// Takes the place of the look before.
pub(super) fn replace(connection: &Connection, maildrop: i64, look: &LookRecord) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO look (maildrop, stamp, absent, turn, turn_at, told, said_half) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            maildrop,
            &look.stamp,
            packed(&look.absent),
            signed(look.turn),
            look.turn_at,
            signed(look.told),
            look.said_half,
        ))?;
    connection.prepare_cached("DELETE FROM odd_copy WHERE maildrop = ?")?.execute([maildrop])?;
    let mut insert = connection
        .prepare_cached("INSERT INTO odd_copy (maildrop, seq, stamp, problem) VALUES (?, ?, ?, ?)")?;
    for odd in &look.odd {
        insert.execute((maildrop, signed(odd.seq), &odd.stamp, &odd.problem))?;
    }
    Ok(())
}

/// A row's copy is there again.
pub(super) fn is_present(connection: &Connection, maildrop: i64, seq: Seq) -> Result<()> {
    let mut absent = last(connection, maildrop)?.absent;
    if let Ok(at) = absent.binary_search(&seq) {
        absent.remove(at);
        connection
            .prepare_cached("UPDATE look SET absent = ? WHERE maildrop = ?")?
            .execute((packed(&absent), maildrop))?;
    }
    Ok(())
}

/// Rows whose copies are gone or changed on purpose, ascending.
pub(super) fn accepted(connection: &Connection, maildrop: i64) -> Result<Vec<Seq>> {
    connection
        .prepare_cached("SELECT seq FROM accepted WHERE maildrop = ? ORDER BY seq")?
        .query_map([maildrop], |row| row.get(0).map(unsigned))?
        .collect()
}

/// Notes that what is gone, or changed, of this row's copy is so on purpose.
pub(super) fn accept(connection: &Connection, maildrop: i64, seq: Seq) -> Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO accepted (maildrop, seq) VALUES (?, ?)")?
        .execute((maildrop, signed(seq)))?;
    Ok(())
}

/// Ascending numbers in few octets: of each the difference from the one before, seven bits to an octet.
fn packed(numbers: &[Seq]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(numbers.len() + 8);
    let mut before = 0;
    for &number in numbers {
        let mut rest = number.wrapping_sub(before);
        before = number;
        while rest >= 0x80 {
            octets.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        octets.push((rest & 0x7f) as u8);
    }
    octets
}

/// The other way of [`packed`]; of octets that it never made, some numbers.
fn unpacked(octets: &[u8]) -> Vec<Seq> {
    let (mut numbers, mut before, mut rest, mut shift) = (Vec::new(), 0_u64, 0_u64, 0);
    for &octet in octets {
        rest |= u64::from(octet & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if octet & 0x80 == 0 {
            before = before.wrapping_add(rest);
            numbers.push(before);
            (rest, shift) = (0, 0);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::{packed, unpacked};

    #[test]
    fn numbers_come_back_as_they_were_packed() {
        for numbers in [vec![], vec![0], vec![1, 2, 3, 130, 131, 70_000, u64::MAX], (0..5000).collect()] {
            assert_eq!(unpacked(&packed(&numbers)), numbers);
        }
        assert_eq!(packed(&(1..=1000).collect::<Vec<_>>()).len(), 1000);
        unpacked(&[0xff; 40]);
    }
}
