//! How a maildrop has fared: for `status` and metrics, never for a run's own decisions.
//!
//! Promises: no look at each message: what takes time are days on which mail came, and at most
//! [`REMEMBERED`](super::runs::REMEMBERED) runs.

use super::rows::unsigned;
use super::{
    ArchivedDay, Deletable, LedgerError, Logged, Quarantined, Row, RunRecord, SqliteLedger, Totals, UnixTime,
    Verification, quarantine, rows, run_log, runs, totals, verification,
};
use rusqlite::{Connection, Result};

/// Days of a week.
const WEEK: i64 = 7;
/// So many different failures are told, the newest first.
const FAILURES_TOLD: i64 = 5;

/// So many messages in quarantine are told, those that failed first.
const QUARANTINE_TOLD: i64 = 20;

/// What `status` tells of a maildrop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// What is archived.
    pub archived: Totals,
    /// When the newest of it was archived.
    pub newest: Option<UnixTime>,
    /// What came in, week by week, the oldest first; the last week ends with today, in UTC.
    pub weeks: Vec<Week>,
    /// When the last run began.
    pub last_started: Option<UnixTime>,
    /// The last run that ended.
    pub last_run: Option<RunRecord>,
    /// When the last run with exit code 0 ended.
    pub last_success: Option<UnixTime>,
    /// How many runs have failed since.
    pub failed_runs: u64,
    /// How they failed, the newest first, each kind once.
    pub failures: Vec<Failures>,
    /// So many messages are in quarantine.
    pub quarantined: u64,
    /// The ones that are there longest.
    pub quarantine: Vec<Quarantined>,
    /// How far the archive is verified.
    pub verification: Verification,
}

/// What was archived in seven days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Week {
    /// When they begin.
    pub from: UnixTime,
    /// What was archived in them.
    pub archived: Totals,
}

/// Runs that ended in the same way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub runs: u64,
    /// When the newest of them ended.
    pub last: UnixTime,
    /// Their exit code.
    pub exit: u8,
    /// Why, in words; `None` when messages were missing and nothing else was wrong.
    pub error: Option<String>,
}

impl Week {
    /// The days as this number of weeks, the last of which ends with the day of `now`.
    pub fn of_days(days: &[ArchivedDay], now: UnixTime, weeks: usize) -> Vec<Week> {
        let today = ArchivedDay::of(now);
        let mut found: Vec<Week> = (1..)
            .take(weeks)
            .map(|back| {
                let first = ArchivedDay { day: today + 1 - WEEK * back, ..ArchivedDay::default() };
                Week { from: first.begins(), ..Week::default() }
            })
            .collect();
        for day in days {
            // What a clock that was set back left in the future counts as new.
            let back = usize::try_from((today - day.day).max(0) / WEEK).unwrap_or(usize::MAX);
            if let Some(week) = found.get_mut(back) {
                week.archived += day.archived;
            }
        }
        found.reverse();
        found
    }
}

impl SqliteLedger {
    /// The history up to `now`, with this number of weeks.
    pub fn history(&self, now: UnixTime, weeks: usize) -> std::result::Result<History, LedgerError> {
        self.ask(|connection, maildrop| history(connection, maildrop, now, weeks))
    }

    /// All runs on record, the newest first: a few thousand lines after ten years.
    pub fn log(&self) -> std::result::Result<Vec<Logged>, LedgerError> {
        self.ask(run_log::log)
    }

    /// When the last run with exit code 0 ended, up to `now`; does not look at messages.
    pub fn last_success(&self, now: UnixTime) -> std::result::Result<Option<UnixTime>, LedgerError> {
        self.ask(|connection, maildrop| runs::last_success(connection, maildrop, now))
    }

    /// How far the archive is verified.
    pub fn verified(&self) -> std::result::Result<Verification, LedgerError> {
        self.ask(verification::status)
    }

    /// The largest messages that were archived at `since` or later, by descending size.
    pub fn largest(&self, since: UnixTime, limit: usize) -> std::result::Result<Vec<Row>, LedgerError> {
        self.ask(|connection, maildrop| rows::largest(connection, maildrop, since, limit))
    }

    /// Calls `each` for every stored or deleted row, by ascending number, with whether it could be deleted at `now`.
    pub fn deletable(
        &self,
        now: UnixTime,
        each: &mut dyn FnMut(Deletable),
    ) -> std::result::Result<(), LedgerError> {
        self.ask(|connection, maildrop| rows::deletable(connection, maildrop, now, each))
    }

    /// How many messages are in quarantine.
    pub fn quarantined_count(&self) -> std::result::Result<u64, LedgerError> {
        self.ask(quarantine::count)
    }
}

fn history(connection: &Connection, maildrop: i64, now: UnixTime, weeks: usize) -> Result<History> {
    let (failed_runs, failures) = failures(connection, maildrop)?;
    let days = totals::days(connection, maildrop)?;
    Ok(History {
        archived: days.iter().map(|day| day.archived).sum(),
        newest: rows::newest_at(connection, maildrop)?.map(|at| at.min(now)),
        weeks: Week::of_days(&days, now, weeks),
        last_started: runs::last_started(connection, maildrop)?,
        last_run: runs::last_ended(connection, maildrop)?,
        last_success: runs::last_success(connection, maildrop, now)?,
        failed_runs,
        failures,
        quarantined: quarantine::count(connection, maildrop)?,
        quarantine: quarantine::oldest(connection, maildrop, QUARANTINE_TOLD)?,
        verification: verification::status(connection, maildrop)?,
    })
}

/// The runs that failed after the last success: how many, and the kinds of them.
fn failures(connection: &Connection, maildrop: i64) -> Result<(u64, Vec<Failures>)> {
    let mut kinds = connection.prepare(
        "SELECT count(*), max(ended_at), exit, error, sum(count(*)) OVER () FROM run \
         WHERE maildrop = ?1 AND exit <> 0 AND number > coalesce( \
         (SELECT max(number) FROM run WHERE maildrop = ?1 AND exit = 0), 0) \
         GROUP BY exit, error ORDER BY max(number) DESC LIMIT ?2",
    )?;
    let mut kinds = kinds.query((maildrop, FAILURES_TOLD))?;
    let (mut all, mut told) = (0, Vec::new());
    while let Some(kind) = kinds.next()? {
        all = unsigned(kind.get(4)?);
        told.push(Failures {
            runs: unsigned(kind.get(0)?),
            last: kind.get(1)?,
            exit: kind.get(2)?,
            error: kind.get(3)?,
        });
    }
    Ok((all, told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Change, Ledger as _, Place, RowState, Seq};
    use crate::mail::digest::Digester;

    const NOW: UnixTime = 1_795_323_612;
    const DAY: i64 = 86_400;
    const TODAY: UnixTime = NOW / DAY * DAY;

    fn ledger() -> SqliteLedger {
        SqliteLedger::in_memory("jane@pop.example.com").unwrap()
    }

    fn can_go(ledger: &SqliteLedger) -> Vec<(Seq, u64, bool)> {
        let mut rows = Vec::new();
        ledger.deletable(NOW, &mut |row| rows.push((row.seq, row.octets, row.can_go))).unwrap();
        rows
    }

    fn archive(ledger: &mut SqliteLedger, archived_at: UnixTime, size: u64) {
        let seq = ledger.next_seq();
        let mut digester = Digester::new();
        digester.update(&seq.to_be_bytes());
        let row = Row {
            seq,
            uid: None,
            list_size: None,
            size,
            digest: digester.finish().0,
            place: Place::Maildir { key: format!("U{seq}C{seq}") },
            state: RowState::Intent,
            utf8: false,
            archived_at,
        };
        ledger.commit(&[Change::Intent(row), Change::Stored(seq)]).unwrap();
    }

    fn end(ledger: &mut SqliteLedger, at: UnixTime, exit: u8, error: Option<&str>) {
        let error = error.map(str::to_owned);
        let record = RunRecord { at, exit, error, ..RunRecord::default() };
        ledger.commit(&[Change::RunStarted { at }, Change::RunEnded(record)]).unwrap();
    }

    #[test]
    fn growth_is_told_week_by_week() {
        let mut ledger = ledger();
        for (at, size) in [
            (NOW, 1),
            (TODAY - 6 * DAY, 2),
            (TODAY - 6 * DAY - 1, 4),
            (TODAY - 19 * DAY, 8),
            (TODAY - 20 * DAY - 1, 16),
            (NOW + DAY, 32),
        ] {
            archive(&mut ledger, at, size);
        }
        let history = ledger.history(NOW, 3).unwrap();
        assert_eq!(history.archived, Totals { messages: 6, octets: 63 });
        assert_eq!(history.newest, Some(NOW), "no time in the future is believed");
        let weeks: Vec<_> =
            history.weeks.iter().map(|week| (week.archived.messages, week.archived.octets)).collect();
        assert_eq!(weeks, [(1, 8), (1, 4), (3, 35)]);
        assert_eq!(history.weeks[2].from, TODAY - 6 * DAY);
        assert_eq!(ledger.history(NOW, 0).unwrap().archived.messages, 6);
    }

    #[test]
    fn what_is_only_intended_is_not_held() {
        let mut ledger = ledger();
        archive(&mut ledger, NOW, 1);
        let seq = ledger.next_seq();
        let row = Row { seq, ..ledger.row(1).unwrap().unwrap() };
        ledger.commit(&[Change::Intent(row)]).unwrap();
        assert_eq!(ledger.history(NOW, 1).unwrap().archived.messages, 1);
    }

    #[test]
    fn the_largest_messages_come_in_order_of_size() {
        let mut ledger = ledger();
        for size in [3, 9, 1, 9, 7] {
            archive(&mut ledger, NOW - i64::try_from(size).unwrap(), size);
        }
        let largest = |since, limit| {
            let rows = ledger.largest(since, limit).unwrap();
            rows.iter().map(|row| (row.seq, row.size)).collect::<Vec<_>>()
        };
        assert_eq!(largest(i64::MIN, 3), [(4, 9), (2, 9), (5, 7)]);
        assert_eq!(largest(NOW - 8, 9), [(5, 7), (1, 3), (3, 1)]);
    }

    #[test]
    fn what_is_gone_from_the_server_or_stays_there_cannot_be_deleted() {
        let mut ledger = ledger();
        for size in 1..=5 {
            archive(&mut ledger, NOW, size);
        }
        let until = NOW + DAY;
        ledger
            .commit(&[
                Change::Listed { gone: vec![2], back: vec![] },
                Change::Leaving(3),
                Change::Deleted { seq: 3, at: NOW },
                Change::Stays { seq: 4, until },
                Change::Stays { seq: 5, until: NOW },
            ])
            .unwrap();
        let expected = [(1, 1, true), (2, 2, false), (3, 3, false), (4, 4, false), (5, 5, true)];
        assert_eq!(can_go(&ledger), expected);
    }

    #[test]
    fn failures_since_the_last_success_are_told_by_kind() {
        let mut ledger = ledger();
        assert_eq!(
            ledger.history(NOW, 1).unwrap(),
            History { weeks: vec![Week { from: TODAY - 6 * DAY, ..Week::default() }], ..History::default() }
        );
        end(&mut ledger, NOW, 77, Some("old"));
        end(&mut ledger, NOW + 1, 0, None);
        assert_eq!(ledger.history(NOW, 1).unwrap().failed_runs, 0);
        assert_eq!(ledger.last_success(NOW + 5).unwrap(), Some(NOW + 1));
        end(&mut ledger, NOW + 2, 69, Some("cannot connect"));
        end(&mut ledger, NOW + 3, 1, None);
        end(&mut ledger, NOW + 4, 69, Some("cannot connect"));
        let history = ledger.history(NOW + 5, 1).unwrap();
        assert_eq!((history.failed_runs, history.last_success), (3, Some(NOW + 1)));
        assert_eq!(
            history.failures,
            [
                Failures { runs: 2, last: NOW + 4, exit: 69, error: Some("cannot connect".to_owned()) },
                Failures { runs: 1, last: NOW + 3, exit: 1, error: None },
            ]
        );
    }

    #[test]
    fn those_longest_in_quarantine_are_told_and_all_are_counted() {
        let mut ledger = ledger();
        for number in 0..30 {
            let message = Quarantined {
                uid: Some(format!("uid-{number}").into_bytes()),
                number: None,
                list_size: None,
                reason: "-ERR".into(),
                failures: 1,
                first_at: NOW - number,
                last_at: NOW,
                next_at: NOW + 60,
                larger_than: None,
            };
            ledger.commit(&[Change::Quarantined(message)]).unwrap();
        }
        let history = ledger.history(NOW, 1).unwrap();
        assert_eq!((history.quarantined, history.quarantine.len()), (30, 20));
        assert_eq!(history.quarantine[0].uid.as_deref(), Some(&b"uid-29"[..]));
        assert_eq!(ledger.quarantined_count().unwrap(), 30);
    }

    #[test]
    fn many_kinds_of_failure_are_counted_though_not_told() {
        let mut ledger = ledger();
        for number in 0..9 {
            end(&mut ledger, NOW + number, 76, Some(&format!("failure {number}")));
        }
        let history = ledger.history(NOW, 1).unwrap();
        assert_eq!((history.failed_runs, history.failures.len()), (9, 5));
        assert_eq!(history.failures[0].error.as_deref(), Some("failure 8"));
    }
}
