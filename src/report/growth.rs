//! How an archive has grown: totals by month, quarter or year, from those by day.
//!
//! Promises: at most [`PERIODS`] periods and [`YEARS`] years, whatever the days say; each message is counted in `total`,
//! also one that a wrong clock dated into another age.

use crate::clock::{self, DAY};
use crate::ledger::{ArchivedDay, Totals, UnixTime};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};

/// Periods, at most.
const PERIODS: usize = 48;

/// Months are shown as long as there are no more of them.
const MONTHS: usize = 36;

/// Years that are told one by one, at most.
const YEARS: usize = 12;

/// How long a period is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// A month.
    #[default]
    Month,
    /// Three months.
    Quarter,
    /// A year.
    Year,
}

impl Unit {
    fn months(self) -> usize {
        match self {
            Unit::Month => 1,
            Unit::Quarter => 3,
            Unit::Year => 12,
        }
    }
}

/// What was archived in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub from: Date,
    /// What was archived in it.
    pub new: Totals,
}

/// What was archived in a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Year {
    /// Which.
    pub year: i16,
    /// What was archived in it.
    pub new: Totals,
    /// All that was archived until its end.
    pub total: Totals,
}

/// How an archive has grown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// All that was ever archived.
    pub total: Totals,
    /// What was archived lately: in the time whose runs are told.
    pub lately: Totals,
    /// How long the periods are.
    pub unit: Unit,
    /// Each of them, the oldest first, the last one being now's. Empty: nothing was archived in that time.
    pub periods: Vec<Period>,
    /// What was archived before the first of them, or at a time that cannot be.
    pub before: Totals,
    /// Each year, the newest first.
    pub years: Vec<Year>,
}

impl Growth {
    /// From totals by day (UTC). `since`: what is older is not told one by one. `lately`: from when on it is lately.
    pub(super) fn of(
        days: &[ArchivedDay],
        now: UnixTime,
        since: Option<Date>,
        lately: Option<Date>,
    ) -> Growth {
        let Some(today) = date_of(now.div_euclid(DAY)) else { return Growth::default() };
        let release = date_of(clock::RELEASE.div_euclid(DAY)).unwrap_or(today);
        let since = since.map_or(release, |since| since.max(release));
        let mut growth = Growth::default();
        let mut dated: Vec<(Date, Totals)> = Vec::new();
        for day in days {
            let new = day.archived;
            growth.total += new;
            // What lies ahead was archived by a clock that has been set back since.
            let at = date_of(day.day).unwrap_or(Date::MAX).min(today);
            if lately.is_some_and(|lately| at >= lately) {
                growth.lately += new;
            }
            if day.day < 0 || at < since {
                growth.before += new;
            } else {
                dated.push((at, new));
            }
        }
        let Some(first) = dated.iter().map(|(at, _)| *at).min() else { return growth };
        growth.unit = [(Unit::Month, MONTHS), (Unit::Quarter, PERIODS)]
            .into_iter()
            .find(|(unit, most)| places_between(first, today, *unit) < *most)
            .map_or(Unit::Year, |(unit, _)| unit);
        growth.periods = periods(first, today, growth.unit);
        let first = growth.periods.first().map_or(today, |period| period.from);
        for (at, new) in dated {
            let place = places_between(first, at, growth.unit);
            match growth.periods.get_mut(place).filter(|_| at >= first) {
                Some(period) => period.new += new,
                None => growth.before += new,
            }
        }
        growth.years = years(&growth);
        growth
    }

    /// All that was archived until the end of each period.
    pub fn sums(&self) -> impl Iterator<Item = (Date, Totals)> + '_ {
        self.periods.iter().scan(self.before, |sum, period| {
            *sum += period.new;
            Some((period.from, *sum))
        })
    }
}

/// The years of the periods, the newest first.
fn years(growth: &Growth) -> Vec<Year> {
    let mut years: Vec<Year> = Vec::new();
    let mut total = growth.before;
    for period in &growth.periods {
        total += period.new;
        match years.last_mut().filter(|year| year.year == period.from.year()) {
            Some(year) => {
                year.new += period.new;
                year.total = total;
            }
            None => years.push(Year { year: period.from.year(), new: period.new, total }),
        }
    }
    years.reverse();
    years.truncate(YEARS);
    years
}

/// The periods from one day to another, the last [`PERIODS`] of them.
fn periods(first: Date, last: Date, unit: Unit) -> Vec<Period> {
    let count = (places_between(first, last, unit) + 1).min(PERIODS);
    let end = begin(last, unit);
    let back = |by: usize| {
        let months = i64::try_from(by * unit.months()).unwrap_or(0);
        end.checked_sub(months.months()).ok()
    };
    (0..count).rev().filter_map(back).map(|from| Period { from, new: Totals::default() }).collect()
}

/// The first day of the period that this day is in.
fn begin(day: Date, unit: Unit) -> Date {
    let month = match unit {
        Unit::Month => day.month(),
        Unit::Quarter => (day.month() - 1) / 3 * 3 + 1,
        Unit::Year => 1,
    };
    date(day.year(), month, 1)
}

/// How many periods after that of `first` the one of `day` is.
fn places_between(first: Date, day: Date, unit: Unit) -> usize {
    let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month() - 1);
    let between = months(begin(day, unit)) - months(begin(first, unit));
    usize::try_from(between).unwrap_or(0) / unit.months()
}

/// The day that is so many days after 1970-01-01; `None` beyond the calendar.
fn date_of(day: i64) -> Option<Date> {
    // A span of days has a limit of its own.
    let day = (-4_000_000..4_000_000).contains(&day).then_some(day)?;
    date(1970, 1, 1).checked_add(day.days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon on a day.
    fn noon(year: i16, month: i8, day: i8) -> UnixTime {
        day_number(date(year, month, day)) * DAY + DAY / 2
    }

    fn day_number(day: Date) -> i64 {
        i64::from((day - date(1970, 1, 1)).get_days())
    }

    fn archived(day: Date, messages: u64) -> ArchivedDay {
        ArchivedDay { day: day_number(day), archived: Totals { messages, octets: messages * 1000 } }
    }

    fn new(growth: &Growth) -> Vec<(Date, u64)> {
        growth.periods.iter().map(|period| (period.from, period.new.messages)).collect()
    }

    #[test]
    fn a_young_archive_is_told_by_month_without_a_gap() {
        let days =
            [archived(date(2026, 1, 31), 2), archived(date(2026, 2, 1), 3), archived(date(2026, 4, 9), 4)];
        let growth = Growth::of(&days, noon(2026, 5, 2), None, Some(date(2026, 2, 1)));
        let expected =
            [(1, 2), (2, 3), (3, 0), (4, 4), (5, 0)].map(|(month, new)| (date(2026, month, 1), new));
        assert_eq!((new(&growth), growth.unit), (expected.to_vec(), Unit::Month));
        assert_eq!((growth.total.messages, growth.total.octets, growth.lately.messages), (9, 9000, 7));
        let sums: Vec<u64> = growth.sums().map(|(_, sum)| sum.messages).collect();
        assert_eq!(sums, [2, 5, 5, 9, 9]);
    }

    #[test]
    fn the_older_it_is_the_longer_are_the_periods() {
        for (year, unit, count) in [
            (2028, Unit::Month, 36),
            (2029, Unit::Quarter, 16),
            (2037, Unit::Quarter, 48),
            (2038, Unit::Year, 13),
            (2090, Unit::Year, PERIODS),
        ] {
            let growth = Growth::of(&[archived(date(2026, 1, 1), 1)], noon(year, 12, 31), None, None);
            assert_eq!((growth.unit, growth.periods.len()), (unit, count), "{year}");
            assert!(growth.years.len() <= YEARS && growth.years[0].year == year);
            assert_eq!(growth.years[0].total.messages, 1, "{year}");
        }
    }

    #[test]
    fn years_are_told_the_newest_first_with_all_until_then() {
        let days =
            [archived(date(2026, 3, 1), 5), archived(date(2027, 7, 1), 2), archived(date(2028, 1, 2), 1)];
        let growth = Growth::of(&days, noon(2028, 2, 1), None, None);
        let years: Vec<_> =
            growth.years.iter().map(|year| (year.year, year.new.messages, year.total.messages)).collect();
        assert_eq!(years, [(2028, 1, 8), (2027, 2, 7), (2026, 5, 5)]);
    }

    #[test]
    fn what_a_wrong_clock_dated_is_counted_and_draws_no_century() {
        let odd = |day| ArchivedDay { day, archived: Totals { messages: 1, octets: 1 } };
        let days =
            [odd(i64::MIN), odd(-1), odd(0), archived(date(2026, 4, 1), 1), odd(1 << 20), odd(i64::MAX)];
        let growth = Growth::of(&days, noon(2026, 4, 30), None, None);
        assert_eq!((growth.total.messages, growth.before.messages), (6, 3));
        assert_eq!(new(&growth), [(date(2026, 4, 1), 3)], "what lies ahead is new");
    }

    #[test]
    fn since_begins_the_periods_and_the_rest_comes_before() {
        let days =
            [archived(date(2026, 1, 31), 2), archived(date(2026, 2, 1), 3), archived(date(2026, 4, 9), 4)];
        let growth = Growth::of(&days, noon(2026, 4, 30), Some(date(2026, 2, 1)), None);
        assert_eq!((growth.before.messages, growth.total.messages, growth.periods.len()), (2, 9, 3));
        assert_eq!(growth.sums().last().map(|(_, sum)| sum.messages), Some(9));
        let nothing = Growth::of(&days, noon(2026, 4, 30), Some(date(2026, 4, 10)), None);
        assert_eq!((nothing.periods.len(), nothing.before.messages), (0, 9));
    }
}
