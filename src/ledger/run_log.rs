//! The runs on record, for `log`: the newest ones whole, and those before them as a row of the table `run_day` for each day.
//!
//! Promises: each run is told once, whole or in its day, whatever the clock did; a run is folded in the step that deletes it,
//! by its number and never by its time; one step folds at most [`AT_ONCE`] runs.

use super::rows::unsigned;
use super::{RunRecord, UnixTime};
use crate::text::dates::day;
use rusqlite::{Connection, Result};

/// The most runs that are folded at once. One is enough to keep up; a backlog is folded little by little.
const AT_ONCE: i64 = 32;

/// The last second of the calendar, in any time zone.
const LAST: UnixTime = 253_402_207_200;

/// A run on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRun {
    /// Runs of a maildrop are numbered as they begin.
    pub number: u64,
    /// When it began.
    pub started_at: UnixTime,
    /// What it did; `None`: it is still at work, or was killed.
    pub record: Option<RunRecord>,
}

impl LoggedRun {
    /// How long it took, in seconds; `None` if it has not ended, or the clock was set back meanwhile.
    pub fn seconds(&self) -> Option<u64> {
        let ended_at = self.record.as_ref()?.at;
        u64::try_from(ended_at.checked_sub(self.started_at)?).ok()
    }
}

/// The runs that began on one day and are not on record one by one any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunDay {
    /// `2026-11-23`, in the time zone that was the local one when they were folded.
    pub day: String,
    /// The number of the last of them.
    pub last: u64,
    /// How many.
    pub runs: u64,
    /// Those with exit code 0.
    pub succeeded: u64,
    /// Those with another one; the rest were killed.
    pub failed: u64,
    /// Messages fetched and stored.
    pub fetched: u64,
    /// Octets of these.
    pub octets: u64,
    /// Messages deleted from the server, confirmed.
    pub deleted: u64,
    /// The highest exit code; `None`: all were killed.
    pub exit: Option<u8>,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logged {
    /// A run.
    Run(Box<LoggedRun>),
    /// A day's older runs.
    Day(RunDay),
}

impl Logged {
    /// The number of the last run that it tells of.
    pub fn last(&self) -> u64 {
        match self {
            Logged::Run(run) => run.number,
            Logged::Day(day) => day.last,
        }
    }
}

/// Folds runs up to this number into their days, and deletes them, but for those that tell of the last success: the newest
/// one, and the newest one that is not in the future at `now`.
pub(super) fn fold(connection: &Connection, maildrop: i64, up_to: i64, now: UnixTime) -> Result<()> {
    let old: Vec<(i64, UnixTime)> = connection
        .prepare_cached(
            "SELECT number, started_at FROM run WHERE maildrop = ?1 AND number <= ?2 \
             AND number IS NOT (SELECT max(number) FROM run WHERE maildrop = ?1 AND exit = 0) \
             AND number IS NOT (SELECT max(number) FROM run WHERE maildrop = ?1 AND exit = 0 AND ended_at <= ?3) \
             ORDER BY number LIMIT ?4",
        )?
        .query_map((maildrop, up_to, now, AT_ONCE), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    for (number, started_at) in old {
        connection
            .prepare_cached(
                "INSERT INTO run_day (maildrop, day, last, runs, succeeded, failed, fetched, octets, deleted, exit) \
                 SELECT maildrop, ?3, number, 1, coalesce(exit = 0, 0), coalesce(exit <> 0, 0), coalesce(fetched, 0), \
                 coalesce(octets, 0), coalesce(deleted, 0), exit FROM run WHERE maildrop = ?1 AND number = ?2 \
                 ON CONFLICT (maildrop, day) DO UPDATE SET last = max(last, excluded.last), runs = runs + 1, \
                 succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed, \
                 fetched = fetched + excluded.fetched, octets = octets + excluded.octets, \
                 deleted = deleted + excluded.deleted, \
                 exit = max(coalesce(exit, excluded.exit), coalesce(excluded.exit, exit))",
            )?
            .execute((maildrop, number, day(started_at.clamp(0, LAST))))?;
        for table in ["run", "run_remainder"] {
            connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE maildrop = ? AND number = ?"))?
                .execute((maildrop, number))?;
        }
    }
    Ok(())
}

/// All that is on record, the newest first.
pub(super) fn log(connection: &Connection, maildrop: i64) -> Result<Vec<Logged>> {
    let mut all: Vec<Logged> = connection
        .prepare_cached(
            "SELECT number, started_at, ended_at, exit, error, listed, held, fetched, octets, deleted, missing, \
             delete_policy, coalesce(removed, 0), coalesce(left_alone, 0), coalesce(kept, 0), \
             coalesce(kept_octets, 0) FROM run LEFT JOIN run_remainder USING (maildrop, number) WHERE maildrop = ?",
        )?
        .query_map([maildrop], |row| {
            let record = match row.get::<_, Option<UnixTime>>(2)? {
                None => None,
                Some(at) => Some(RunRecord {
                    at,
                    exit: row.get(3)?,
                    error: row.get(4)?,
                    listed: unsigned(row.get(5)?),
                    archived: unsigned(row.get(6)?),
                    fetched: unsigned(row.get(7)?),
                    octets: unsigned(row.get(8)?),
                    deleted: unsigned(row.get(9)?),
                    missing: unsigned(row.get(10)?),
                    delete_policy: row.get(11)?,
                    removed: unsigned(row.get(12)?),
                    left: unsigned(row.get(13)?),
                    kept: unsigned(row.get(14)?),
                    kept_octets: unsigned(row.get(15)?),
                }),
            };
            let run = LoggedRun { number: unsigned(row.get(0)?), started_at: row.get(1)?, record };
            Ok(Logged::Run(Box::new(run)))
        })?
        .collect::<Result<_>>()?;
    let mut days = connection.prepare_cached(
        "SELECT day, last, runs, succeeded, failed, fetched, octets, deleted, exit FROM run_day WHERE maildrop = ?",
    )?;
    let days = days.query_map([maildrop], |row| {
        Ok(Logged::Day(RunDay {
            day: row.get(0)?,
            last: unsigned(row.get(1)?),
            runs: unsigned(row.get(2)?),
            succeeded: unsigned(row.get(3)?),
            failed: unsigned(row.get(4)?),
            fetched: unsigned(row.get(5)?),
            octets: unsigned(row.get(6)?),
            deleted: unsigned(row.get(7)?),
            exit: row.get(8)?,
        }))
    })?;
    for day in days {
        all.push(day?);
    }
    all.sort_by_key(|logged| std::cmp::Reverse(logged.last()));
    Ok(all)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files as a user does")]
mod tests {
    use super::{AT_ONCE, Logged, RunDay};
    use crate::ledger::{Change, Ledger as _, LedgerFile, RunRecord, SqliteLedger, UnixTime};
    use std::path::Path;

    /// So many runs stay whole.
    const REMEMBERED: i64 = 1_000;
    const NOON: UnixTime = 1_795_348_800;
    const DAY: UnixTime = 86_400;

    fn run(at: UnixTime, exit: u8, fetched: u64) -> [Change; 2] {
        let error = (exit != 0).then(|| "the server cannot be reached".to_owned());
        let record =
            RunRecord { at: at + 5, exit, error, fetched, octets: 10 * fetched, ..RunRecord::default() };
        [Change::RunStarted { at }, Change::RunEnded(record)]
    }

    fn days(log: &[Logged]) -> Vec<&RunDay> {
        log.iter().filter_map(|one| if let Logged::Day(day) = one { Some(day) } else { None }).collect()
    }

    /// All runs that the log tells of, and what they have fetched.
    fn sums(log: &[Logged]) -> (u64, u64) {
        log.iter().fold((0, 0), |(runs, fetched), one| match one {
            Logged::Run(run) => (runs + 1, fetched + run.record.as_ref().map_or(0, |record| record.fetched)),
            Logged::Day(day) => (runs + day.runs, fetched + day.fetched),
        })
    }

    #[test]
    fn the_last_runs_are_told_whole_and_those_before_by_day() {
        let mut ledger = SqliteLedger::in_memory("jane@pop.example.com").unwrap();
        let mut changes: Vec<Change> = Vec::new();
        for exit in [0, 69, 1] {
            changes.extend(run(NOON, exit, 2));
        }
        changes.push(Change::RunStarted { at: NOON });
        changes.extend(run(NOON + DAY, 0, 3));
        changes.extend((0..REMEMBERED).flat_map(|number| run(NOON + 2 * DAY + number, 0, 1)));
        ledger.commit(&changes).unwrap();
        let log = ledger.log().unwrap();
        assert_eq!(log.len(), 1_000 + 2);
        assert!(log.is_sorted_by_key(|one| std::cmp::Reverse(one.last())));
        assert_eq!(sums(&log), (1_005, 1_009));
        let [newer, older] = days(&log)[..] else { panic!("{:?}", days(&log)) };
        assert_eq!((newer.runs, newer.succeeded, newer.fetched, newer.exit), (1, 1, 3, Some(0)));
        assert_eq!(
            (older.runs, older.succeeded, older.failed, older.fetched),
            (4, 1, 2, 6),
            "one was killed"
        );
        assert_eq!((older.exit, older.octets, older.last), (Some(69), 60, 4));
    }

    #[test]
    fn runs_that_never_end_are_folded_as_well() {
        let mut ledger = SqliteLedger::in_memory("jane@pop.example.com").unwrap();
        let starts: Vec<Change> = (0..3_000).map(|at| Change::RunStarted { at: NOON + at }).collect();
        ledger.commit(&starts).unwrap();
        let log = ledger.log().unwrap();
        assert_eq!((log.len(), sums(&log).0), (1_001, 3_000));
        assert_eq!((days(&log)[0].failed, days(&log)[0].exit), (0, None));
    }

    #[test]
    fn a_clock_that_jumps_loses_no_run_and_no_success() {
        let mut ledger = SqliteLedger::in_memory("jane@pop.example.com").unwrap();
        let mut changes = Vec::new();
        let success = NOON + 7;
        changes.extend(run(success, 0, 1));
        for number in 0..4_000_u32 {
            // Into the future, before 1970, beyond the calendar, and back again.
            let jump = [0, 40 * 365 * DAY, -NOON - 7 * DAY, i64::MAX / 2][number as usize % 4];
            changes.extend(run((NOON + i64::from(number) * 60).saturating_add(jump), 75, 1));
        }
        for portion in changes.chunks(50) {
            ledger.commit(portion).unwrap();
        }
        let log = ledger.log().unwrap();
        assert_eq!(sums(&log), (4_001, 4_001));
        assert!(log.is_sorted_by_key(|one| std::cmp::Reverse(one.last())));
        assert_eq!(ledger.last_success(i64::MAX).unwrap(), Some(success + 5));
        let runs: u64 = days(&log).iter().map(|day| day.runs).sum();
        let beyond =
            days(&log).iter().filter(|day| day.day.starts_with("9999-12-3")).map(|day| day.runs).sum();
        assert_eq!((runs, beyond), (3_000, 750));
    }

    #[test]
    fn one_step_folds_no_more_than_it_may() {
        let mut ledger = SqliteLedger::in_memory("jane@pop.example.com").unwrap();
        let at_once = u64::try_from(AT_ONCE).unwrap();
        // An older popkeep's ledger has as many runs as one of ours, so that there is nothing to catch up with, or little.
        ledger.commit(&(0..1_010).map(|at| Change::RunStarted { at }).collect::<Vec<_>>()).unwrap();
        let before = days(&ledger.log().unwrap()).iter().map(|day| day.runs).sum::<u64>();
        ledger.commit(&[Change::RunStarted { at: NOON }]).unwrap();
        let after = days(&ledger.log().unwrap()).iter().map(|day| day.runs).sum::<u64>();
        assert!(after > before && after - before <= at_once, "{before} {after}");
    }

    /// Ten years of a run every 15 minutes take no more than 10 MB.
    #[test]
    fn ten_years_of_runs_take_little_room() {
        const RUNS: i64 = 10 * 365 * 96;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let file = LedgerFile::open(&state).unwrap();
        let mut ledger = file.maildrop("jane@pop.example.com", Path::new("/mail"), &[]).unwrap();
        let mut changes = Vec::new();
        for number in 0..RUNS {
            let exit = [0, 0, 0, 69][usize::try_from(number % 4).unwrap()];
            changes.extend(run(NOON + number * 900, exit, 1));
            if changes.len() >= 2_000 {
                ledger.commit(&std::mem::take(&mut changes)).unwrap();
            }
        }
        ledger.commit(&changes).unwrap();
        let log = ledger.log().unwrap();
        assert_eq!(sums(&log), (350_400, 350_400));
        assert!(log.len() < 1_000 + 3_660, "{}", log.len());
        drop((ledger, file));
        let octets: u64 =
            std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        println!("{octets} octets");
        assert!(octets < 10_000_000, "{octets}");
    }
}
