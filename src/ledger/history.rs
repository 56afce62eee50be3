//! How a maildrop has fared: for `status` and metrics, never for a run's own decisions.
//!
//! Promises: one pass over the messages, in memory that does not grow with them; at most
//! [`REMEMBERED`](super::runs::REMEMBERED) runs are looked at.

use super::rows::unsigned;
use super::{
    LedgerError, Logged, Quarantined, RunRecord, SqliteLedger, UnixTime, Verification, quarantine, run_log,
    runs, verification,
};
use rusqlite::{Connection, Result};

/// A week in seconds.
const WEEK: i64 = 7 * 86_400;
/// So many different failures are told, the newest first.
const FAILURES_TOLD: i64 = 5;

/// So many messages in quarantine are told, those that failed first.
const QUARANTINE_TOLD: i64 = 20;

/// What `status` tells of a maildrop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Messages archived (stored, whether or not deleted from the server since).
    pub archived: u64,
    /// Octets of their stored forms.
    pub octets: u64,
    /// When the newest of them was archived.
    pub newest: Option<UnixTime>,
    /// What came in, week by week, the oldest first; the last week ends now.
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
    /// Messages archived in them.
    pub messages: u64,
    /// Octets of their stored forms.
    pub octets: u64,
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

    /// How many messages are in quarantine.
    pub fn quarantined_count(&self) -> std::result::Result<u64, LedgerError> {
        self.ask(quarantine::count)
    }
}

fn history(connection: &Connection, maildrop: i64, now: UnixTime, weeks: usize) -> Result<History> {
    let mut history = History {
        weeks: (1..=weeks).rev().map(|back| Week { from: before(now, back), ..Week::default() }).collect(),
        last_started: runs::last_started(connection, maildrop)?,
        last_run: runs::last_ended(connection, maildrop)?,
        last_success: runs::last_success(connection, maildrop, now)?,
        ..History::default()
    };
    let mut messages = connection
        .prepare("SELECT archived_at, size FROM message WHERE maildrop = ? AND state <> 'intent'")?;
    let mut messages = messages.query([maildrop])?;
    while let Some(message) = messages.next()? {
        history.add(message.get(0)?, unsigned(message.get(1)?), now);
    }
    (history.failed_runs, history.failures) = failures(connection, maildrop)?;
    history.quarantined = quarantine::count(connection, maildrop)?;
    history.verification = verification::status(connection, maildrop)?;
    history.quarantine = quarantine::oldest(connection, maildrop, QUARANTINE_TOLD)?;
    Ok(history)
}

impl History {
    fn add(&mut self, archived_at: UnixTime, size: u64, now: UnixTime) {
        self.archived += 1;
        self.octets = self.octets.saturating_add(size);
        self.newest = self.newest.max(Some(archived_at.min(now)));
        // What a clock that was set back left in the future counts as new.
        let age = usize::try_from(now.saturating_sub(archived_at).max(0) / WEEK).unwrap_or(usize::MAX);
        let week = self.weeks.len().checked_sub(1).and_then(|last| last.checked_sub(age));
        if let Some(week) = week.and_then(|week| self.weeks.get_mut(week)) {
            week.messages += 1;
            week.octets = week.octets.saturating_add(size);
        }
    }
}

/// So many weeks before `now`, and a second: a week does not contain the instant it begins after.
fn before(now: UnixTime, weeks: usize) -> UnixTime {
    now.saturating_sub(WEEK.saturating_mul(i64::try_from(weeks).unwrap_or(i64::MAX))).saturating_add(1)
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
    use crate::ledger::{Change, Ledger as _, Place, Row, RowState};
    use crate::mail::digest::Digester;

    const NOW: UnixTime = 1_795_323_612;
    const DAY: i64 = 86_400;

    fn ledger() -> SqliteLedger {
        SqliteLedger::in_memory("jane@pop.example.com").unwrap()
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
        for (age, size) in [(0, 1), (7 * DAY - 1, 2), (7 * DAY, 4), (20 * DAY, 8), (21 * DAY, 16), (-DAY, 32)]
        {
            archive(&mut ledger, NOW - age, size);
        }
        let history = ledger.history(NOW, 3).unwrap();
        assert_eq!((history.archived, history.octets, history.newest), (6, 63, Some(NOW)));
        let weeks: Vec<_> = history.weeks.iter().map(|week| (week.messages, week.octets)).collect();
        assert_eq!(weeks, [(1, 8), (1, 4), (3, 35)]);
        assert_eq!(history.weeks[2].from, NOW - 7 * DAY + 1);
        assert_eq!(ledger.history(NOW, 0).unwrap().archived, 6);
    }

    #[test]
    fn what_is_only_intended_is_not_held() {
        let mut ledger = ledger();
        archive(&mut ledger, NOW, 1);
        let seq = ledger.next_seq();
        let row = Row { seq, ..ledger.row(1).unwrap().unwrap() };
        ledger.commit(&[Change::Intent(row)]).unwrap();
        assert_eq!(ledger.history(NOW, 1).unwrap().archived, 1);
    }

    #[test]
    fn failures_since_the_last_success_are_told_by_kind() {
        let mut ledger = ledger();
        assert_eq!(
            ledger.history(NOW, 1).unwrap(),
            History {
                weeks: vec![Week { from: NOW - 7 * DAY + 1, ..Week::default() }],
                ..History::default()
            }
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
