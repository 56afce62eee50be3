//! How the runs of an account went: day by day, in sum, and how long they took.
//!
//! Promises: at most [`DAYS`] days and [`GROUPS`] groups, however many runs there were. Must never: count the run that
//! began last as killed; it may be at work.

use super::Scope;
use crate::exit::Exit;
use crate::ledger::{Logged, LoggedRun, RunDay, UnixTime};
use crate::text::dates;
use jiff::ToSpan as _;
use jiff::civil::Date;

/// Twelve weeks, of which the last one is this one.
const WEEKS: i64 = 12;

/// Days that are told one by one, at most.
const DAYS: usize = 84;

/// Groups that runs are put into, at most.
const GROUPS: usize = 48;

/// What became of the runs that began on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DayState {
    /// There were none.
    #[default]
    NoRun,
    /// All succeeded.
    Done,
    /// Some did, or messages were missing and nothing else was wrong.
    Partly,
    /// None did.
    Failed,
}

/// The runs that began on a day, in the local time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// How many ended with exit code 0.
    pub succeeded: u64,
    /// With another one.
    pub failed: u64,
    /// Not at all.
    pub killed: u64,
    /// The highest exit code.
    pub exit: Option<u8>,
}

impl Day {
    fn new(date: Date) -> Day {
        Day { date, succeeded: 0, failed: 0, killed: 0, exit: None }
    }

    /// How many began.
    pub fn runs(&self) -> u64 {
        self.succeeded + self.failed + self.killed
    }

    /// What became of them.
    pub fn state(&self) -> DayState {
        let only_missing = self.failed > 0 && self.exit == Some(Exit::MISSING.code());
        match (self.succeeded, self.failed + self.killed) {
            (0, 0) => DayState::NoRun,
            (_, 0) => DayState::Done,
            (0, _) if !only_missing => DayState::Failed,
            _ => DayState::Partly,
        }
    }
}

/// Runs that followed each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// When the first of them began.
    pub from: UnixTime,
    /// When the last of them began.
    pub to: UnixTime,
    /// How many they are.
    pub runs: usize,
    /// Half of them took no longer, in seconds.
    pub median: u64,
    /// None took longer, in seconds.
    pub longest: u64,
}

/// How the runs of an account went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// The first day whose runs count.
    pub from: Option<Date>,
    /// Each of the last days, the oldest first; the first is a Monday unless runs count from a later day on.
    pub days: Vec<Day>,
    /// Runs since `from`.
    pub runs: u64,
    /// Those with exit code 0.
    pub succeeded: u64,
    /// Messages fetched by them.
    pub fetched: u64,
    /// Octets of these.
    pub octets: u64,
    /// Messages deleted from the server by them.
    pub deleted: u64,
    /// Those that are on record one by one and have ended, in groups, the oldest first.
    pub took: Vec<Took>,
    /// How long half of these took at most, in seconds.
    pub median: Option<u64>,
    /// How long the longest took, in seconds, and when it began.
    pub longest: Option<(u64, UnixTime)>,
}

impl Runs {
    /// From what is on record, the newest first.
    pub(super) fn of(log: &[Logged], scope: Scope) -> Runs {
        let Some(today) = dates::date(scope.now) else { return Runs::default() };
        let monday = monday_before(today);
        let from = scope.since.unwrap_or(monday).min(today);
        let first = from.max(monday);
        let mut runs = Runs { from: Some(from), days: days(first, today), ..Runs::default() };
        let newest = log.first().map(Logged::last);
        let mut spans: Vec<(UnixTime, u64)> = Vec::new();
        for logged in log {
            let day = match logged {
                Logged::Run(run) if run.record.is_none() && Some(run.number) == newest => continue,
                Logged::Run(run) => of_run(run),
                Logged::Day(day) => of_day(day),
            };
            let Some(day) = day.filter(|day| (from..=today).contains(&day.date)) else { continue };
            runs.count(logged, &day);
            if let Logged::Run(run) = logged
                && let Some(seconds) = run.seconds()
            {
                spans.push((run.started_at, seconds));
            }
        }
        spans.reverse();
        runs.median = median(spans.iter().map(|(_, seconds)| *seconds).collect());
        runs.longest = spans.iter().max_by_key(|(_, seconds)| *seconds).map(|(at, seconds)| (*seconds, *at));
        let group = spans.len().div_ceil(GROUPS).max(1);
        runs.took = spans.chunks(group).filter_map(took).collect();
        runs
    }

    fn count(&mut self, logged: &Logged, day: &Day) {
        let (fetched, octets, deleted) = match logged {
            Logged::Run(run) => run
                .record
                .as_ref()
                .map_or((0, 0, 0), |record| (record.fetched, record.octets, record.deleted)),
            Logged::Day(day) => (day.fetched, day.octets, day.deleted),
        };
        self.runs += day.runs();
        self.succeeded += day.succeeded;
        self.fetched = self.fetched.saturating_add(fetched);
        self.octets = self.octets.saturating_add(octets);
        self.deleted = self.deleted.saturating_add(deleted);
        if let Some(known) = self.days.iter_mut().find(|known| known.date == day.date) {
            known.succeeded += day.succeeded;
            known.failed += day.failed;
            known.killed += day.killed;
            known.exit = known.exit.max(day.exit);
        }
    }

    /// How many days are in this state.
    pub fn days_in(&self, state: DayState) -> usize {
        self.days.iter().filter(|day| day.state() == state).count()
    }
}

fn of_run(run: &LoggedRun) -> Option<Day> {
    let exit = run.record.as_ref().map(|record| record.exit);
    let (succeeded, failed) = (u64::from(exit == Some(0)), u64::from(exit.is_some_and(|exit| exit != 0)));
    let killed = u64::from(exit.is_none());
    Some(Day { succeeded, failed, killed, exit, ..Day::new(dates::date(run.started_at)?) })
}

fn of_day(day: &RunDay) -> Option<Day> {
    let &RunDay { runs, succeeded, failed, exit, .. } = day;
    let killed = runs.saturating_sub(succeeded).saturating_sub(failed);
    Some(Day { succeeded, failed, killed, exit, ..Day::new(day.day.parse().ok()?) })
}

/// The Monday with which the last weeks begin.
fn monday_before(today: Date) -> Date {
    let back = i64::from(today.weekday().to_monday_zero_offset()) + (WEEKS - 1) * 7;
    today.checked_sub(back.days()).unwrap_or(today)
}

fn days(first: Date, last: Date) -> Vec<Day> {
    first.series(1.day()).take_while(|day| *day <= last).take(DAYS).map(Day::new).collect()
}

fn took(spans: &[(UnixTime, u64)]) -> Option<Took> {
    let ((from, _), (to, _)) = (spans.first()?, spans.last()?);
    Some(Took {
        from: *from,
        to: *to,
        runs: spans.len(),
        median: median(spans.iter().map(|(_, seconds)| *seconds).collect())?,
        longest: spans.iter().map(|(_, seconds)| *seconds).max()?,
    })
}

/// What half of them do not exceed.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;
    use crate::ledger::RunRecord;

    /// A Monday; noon in UTC is the same day nearly everywhere.
    const NOW: UnixTime = 1_795_435_200;

    fn run(number: u64, started_at: UnixTime, exit: Option<u8>, seconds: i64) -> Logged {
        let record =
            exit.map(|exit| RunRecord { at: started_at + seconds, exit, fetched: 2, ..RunRecord::default() });
        Logged::Run(Box::new(LoggedRun { number, started_at, record }))
    }

    fn runs(log: &[Logged], since: Option<Date>) -> Runs {
        Runs::of(log, Scope { now: NOW, since })
    }

    fn state(runs: &Runs, back: usize) -> DayState {
        runs.days[runs.days.len() - 1 - back].state()
    }

    #[test]
    fn twelve_weeks_end_today_and_begin_on_a_monday() {
        for day in 0..7 {
            let runs = Runs::of(&[], Scope { now: NOW + day * DAY, since: None });
            let weekday = runs.days[0].date.weekday();
            assert_eq!(
                (weekday, runs.days.len()),
                (jiff::civil::Weekday::Monday, 78 + usize::try_from(day).unwrap())
            );
            assert_eq!(runs.days.last().map(|day| day.date), dates::date(NOW + day * DAY));
        }
    }

    #[test]
    fn a_day_is_what_all_of_its_runs_came_to() {
        use DayState::{Done, Failed, NoRun, Partly};
        let log = [
            run(9, NOW, Some(0), 1),
            run(8, NOW, Some(69), 1),
            run(7, NOW - DAY, Some(77), 1),
            run(6, NOW - 2 * DAY, None, 1),
            run(5, NOW - 3 * DAY, Some(1), 1),
            run(4, NOW - 4 * DAY, Some(0), 1),
            run(3, NOW - 5 * DAY, Some(1), 1),
            run(2, NOW - 5 * DAY, Some(69), 1),
        ];
        let runs = runs(&log, None);
        let states: Vec<_> = (0..7).map(|back| state(&runs, back)).collect();
        assert_eq!(states, [Partly, Failed, Failed, Partly, Done, Failed, NoRun]);
        assert_eq!((runs.runs, runs.succeeded, runs.fetched), (8, 2, 14));
    }

    #[test]
    fn the_run_that_is_at_work_is_not_called_killed() {
        let log = [run(2, NOW, None, 0), run(1, NOW, Some(0), 1)];
        assert_eq!(state(&runs(&log, None), 0), DayState::Done);
    }

    #[test]
    fn runs_that_are_on_record_by_day_count_like_others() {
        let day = |back: i64, runs, succeeded, failed, exit| {
            let day = dates::day(NOW - back * DAY);
            Logged::Day(RunDay { day, runs, succeeded, failed, exit, fetched: 5, ..RunDay::default() })
        };
        let log = [
            run(900, NOW, Some(0), 1),
            day(0, 95, 94, 1, Some(69)),
            day(1, 96, 96, 0, Some(0)),
            day(2, 2, 0, 0, None),
            day(300, 96, 0, 96, Some(1)),
        ];
        let twelve_weeks = runs(&log, None);
        let states: Vec<_> = (0..3).map(|back| state(&twelve_weeks, back)).collect();
        assert_eq!(states, [DayState::Partly, DayState::Done, DayState::Failed]);
        assert_eq!((twelve_weeks.runs, twelve_weeks.succeeded, twelve_weeks.fetched), (194, 191, 17));
        let all = runs(&log, dates::date(NOW - 400 * DAY));
        assert_eq!((all.runs, all.days.len()), (290, 78), "the calendar is no longer");
        let few = runs(&log, dates::date(NOW - DAY));
        assert_eq!((few.runs, few.days.len()), (192, 2));
    }

    #[test]
    fn how_long_runs_took_is_told_in_groups() {
        let log: Vec<Logged> = (0..1000)
            .rev()
            .map(|at: u64| run(at + 1, NOW - 100_000 + at.cast_signed(), Some(0), at.cast_signed() % 10))
            .collect();
        let many = runs(&log, None);
        assert!(many.took.len() <= GROUPS && many.took.len() > GROUPS / 2, "{}", many.took.len());
        assert_eq!(many.took.iter().map(|group| group.runs).sum::<usize>(), 1000);
        assert_eq!((many.median, many.longest), (Some(4), Some((9, NOW - 100_000 + 999))));
        assert!(many.took.windows(2).all(|two| two[0].to < two[1].from));
        let one = runs(&[run(1, NOW, Some(0), 7)], None);
        assert_eq!(one.took, [Took { from: NOW, to: NOW, runs: 1, median: 7, longest: 7 }]);
        assert_eq!(runs(&[run(1, NOW, Some(0), -7)], None).took, [], "the clock was set back");
    }

    #[test]
    fn times_that_cannot_be_draw_nothing() {
        let log =
            [run(3, i64::MAX, Some(0), 0), run(2, NOW + 400 * DAY, Some(0), 1), run(1, i64::MIN, Some(0), 0)];
        let runs = runs(&log, None);
        assert_eq!((runs.runs, runs.days_in(DayState::NoRun), runs.took.len()), (0, 78, 0));
    }
}
