//! What an archive holds in all, without a look at its messages.
//!
//! Promises: as many rows are read as there are days on which mail came; they always agree with the table `message`
//! (triggers keep them), and `verify` compares the two.

use super::UnixTime;
use super::rows::unsigned;
use crate::clock::DAY;
use rusqlite::{Connection, Result};
use std::iter::Sum;
use std::ops::AddAssign;

/// What is archived (stored, whether or not deleted from the server since).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages.
    pub messages: u64,
    /// Octets of their stored forms.
    pub octets: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Totals) {
        self.messages = self.messages.saturating_add(other.messages);
        self.octets = self.octets.saturating_add(other.octets);
    }
}

impl Sum for Totals {
    fn sum<I: Iterator<Item = Totals>>(parts: I) -> Totals {
        parts.fold(Totals::default(), |mut all, part| {
            all += part;
            all
        })
    }
}

/// What was archived on a day, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchivedDay {
    /// Days since 1970-01-01. It may be in the future, if a clock was wrong.
    pub day: i64,
    /// What is archived since then, and still on record.
    pub archived: Totals,
}

impl ArchivedDay {
    /// The day, since 1970-01-01, on which an instant falls.
    pub fn of(at: UnixTime) -> i64 {
        at / DAY
    }

    /// When the day begins.
    pub fn begins(&self) -> UnixTime {
        self.day.saturating_mul(DAY)
    }
}

pub(super) fn days(connection: &Connection, maildrop: i64) -> Result<Vec<ArchivedDay>> {
    connection
        .prepare_cached(
            "SELECT day, messages, octets FROM archived_day WHERE maildrop = ? AND messages > 0 ORDER BY day",
        )?
        .query_map([maildrop], |row| {
            let archived = Totals { messages: unsigned(row.get(1)?), octets: unsigned(row.get(2)?) };
            Ok(ArchivedDay { day: row.get(0)?, archived })
        })?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Change, Ledger as _, Place, Replacement, Row, RowState, Seq, SqliteLedger};
    use crate::mail::digest::Digester;

    fn row(seq: Seq, archived_at: UnixTime, size: u64) -> Row {
        let mut digester = Digester::new();
        digester.update(&seq.to_be_bytes());
        Row {
            seq,
            uid: None,
            list_size: None,
            size,
            digest: digester.finish().0,
            place: Place::Maildir { key: format!("U{seq}C{seq}") },
            state: RowState::Intent,
            utf8: false,
            archived_at,
        }
    }

    #[test]
    fn every_change_of_a_message_changes_the_totals_of_its_day() {
        let mut ledger = SqliteLedger::in_memory("jane@pop.example.com").unwrap();
        let days = |ledger: &SqliteLedger| {
            let day = |day: ArchivedDay| (day.day, day.archived.messages, day.archived.octets);
            ledger.archived_days().unwrap().into_iter().map(day).collect::<Vec<_>>()
        };
        ledger.commit(&[1, 2, 3].map(|seq| Change::Intent(row(seq, DAY - 1, 10)))).unwrap();
        assert_eq!(days(&ledger), [], "an intent is not archived");
        ledger.commit(&[Change::Stored(1), Change::Stored(2), Change::Withdrawn(3)]).unwrap();
        ledger.commit(&[Change::Adopted(row(4, DAY, 5))]).unwrap();
        assert_eq!(days(&ledger), [(0, 2, 20), (1, 1, 5)]);

        ledger.commit(&[Change::Deleted { seq: 1, at: DAY }]).unwrap();
        ledger.commit(&[Change::Recognised { seq: 1, uid: None, list_size: None }]).unwrap();
        assert_eq!(days(&ledger), [(0, 2, 20), (1, 1, 5)], "what the server deletes stays archived");

        let replacement = Replacement { new: 5, of: 4, bad: true };
        ledger.commit(&[Change::Intent(row(5, 9 * DAY, 7)), Change::Replaces(replacement)]).unwrap();
        ledger.commit(&[Change::Stored(5)]).unwrap();
        assert_eq!(days(&ledger), [(0, 2, 20), (1, 1, 7)], "a repaired copy is the same message");
        assert_eq!(ledger.totals().unwrap(), Totals { messages: 3, octets: 27 });
    }
}
