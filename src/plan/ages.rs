//! How old an archived message is, by clocks that may have been wrong.
//!
//! Promises: what was archived by a clock that was wrong ages from the first later run whose clock can be right; after
//! more than 30 days without a run nothing is old enough for anything, in that run: it may be the clock that has
//! jumped. A clock that jumps in mid-run makes nothing older. Must never: believe a stored time in the future.

use crate::clock::{self, DAY};
use crate::ledger::{Change, Seq, UnixTime};
use std::collections::HashMap;
use std::time::Duration;

/// The longest time between two runs after which ages still count.
pub(super) const LONGEST_GAP: UnixTime = 30 * DAY;

/// See the module's page. The default knows no time at all, and so of nothing that is old.
#[derive(Clone, Debug, Default)]
pub struct Ages {
    /// When the run began.
    now: UnixTime,
    /// Ages count in this run.
    count: bool,
    /// From when the age of these rows counts, instead of when they say that they were archived.
    since: HashMap<Seq, UnixTime>,
    /// The newest row so far that a clock which can be right has written.
    newest: UnixTime,
    /// Rows whose age counts from now on.
    found: Vec<Seq>,
}

impl Ages {
    /// For a run that begins `now`, with what earlier runs found. `last_run`: when the last one began whose times can be
    /// right.
    pub fn at(now: UnixTime, last_run: Option<UnixTime>, found_before: Vec<(Seq, UnixTime)>) -> Self {
        let lately = last_run.is_some_and(|last| (0..=LONGEST_GAP).contains(&now.saturating_sub(last)));
        Ages {
            now,
            count: lately && clock::is_believable(now),
            since: found_before.into_iter().collect(),
            newest: UnixTime::MIN,
            found: Vec::new(),
        }
    }

    /// Looks at an archived row; to be called for all, by ascending number.
    pub fn row(&mut self, seq: Seq, archived_at: UnixTime) {
        let believable = clock::believable_until(self.now);
        let counted = self.since.get(&seq);
        if counted.is_some_and(|since| believable.contains(since)) {
            return;
        }
        if counted.is_none() && believable.contains(&archived_at) && archived_at >= self.newest {
            self.newest = archived_at;
            return;
        }
        // A clock that cannot be right tells no time to count from.
        let from = if clock::is_believable(self.now) { self.now } else { UnixTime::MAX };
        self.since.insert(seq, from);
        self.found.push(seq);
    }

    /// What the ledger is to learn: rows whose age counts from this run on.
    pub fn changes(&mut self) -> Vec<Change> {
        let found = std::mem::take(&mut self.found);
        if !clock::is_believable(self.now) {
            return Vec::new();
        }
        found.into_iter().map(|seq| Change::AgeCounts { seq, from: self.now }).collect()
    }

    /// Whether ages count in this run.
    pub fn count(&self) -> bool {
        self.count
    }

    /// Whether a message is at least so old. `archived_at` is what its row says.
    pub fn is_at_least(&self, age: Duration, seq: Seq, archived_at: UnixTime) -> bool {
        let since = self.since.get(&seq).copied().unwrap_or(archived_at);
        self.count
            && clock::believable_until(self.now).contains(&since)
            && clock::ago(since, self.now).is_some_and(|ago| ago >= age.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RELEASE;

    const MONTH: Duration = Duration::from_hours(30 * 24);
    /// A clock that is right.
    const NOW: UnixTime = RELEASE + 300 * DAY;
    /// Ten years ahead.
    const AHEAD: UnixTime = NOW + 3650 * DAY;

    fn ages(
        now: UnixTime,
        last_run: Option<UnixTime>,
        before: &[(Seq, UnixTime)],
        rows: &[UnixTime],
    ) -> Ages {
        let mut ages = Ages::at(now, last_run, before.to_vec());
        for (seq, at) in (1..).zip(rows) {
            ages.row(seq, *at);
        }
        ages
    }

    /// Which rows are a month old, by number.
    fn old(ages: &Ages, rows: &[UnixTime]) -> Vec<Seq> {
        let rows = (1..).zip(rows);
        rows.filter(|(seq, at)| ages.is_at_least(MONTH, *seq, **at)).map(|(seq, _)| seq).collect()
    }

    fn found(ages: &mut Ages) -> Vec<(Seq, UnixTime)> {
        let changes = ages.changes().into_iter();
        changes
            .map(|change| match change {
                Change::AgeCounts { seq, from } => (seq, from),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_clock_that_is_right_makes_messages_older() {
        let rows = [NOW - 31 * DAY, NOW - 30 * DAY, NOW - 30 * DAY + 1, NOW];
        let mut ages = ages(NOW, Some(NOW - DAY), &[], &rows);
        assert_eq!(old(&ages, &rows), [1, 2]);
        assert_eq!(found(&mut ages), []);
    }

    #[test]
    fn what_a_wrong_clock_archived_ages_from_the_first_run_with_a_right_one() {
        // 1972; a year behind; ten years ahead; and what came between and after, by a clock that was right.
        let rows = [2 * 365 * DAY, NOW - 40 * DAY, NOW - 365 * DAY + 1, AHEAD, NOW - 35 * DAY];
        let mut first = ages(NOW, Some(NOW - DAY), &[], &rows);
        assert_eq!(old(&first, &rows), [2, 5]);
        let before = found(&mut first);
        assert_eq!(before, [(1, NOW), (3, NOW), (4, NOW)]);
        let mut later = ages(NOW + 29 * DAY, Some(NOW + 28 * DAY), &before, &rows);
        assert_eq!((old(&later, &rows), found(&mut later)), (vec![2, 5], vec![]));
        let later = ages(NOW + 30 * DAY, Some(NOW + 29 * DAY), &before, &rows);
        assert_eq!(old(&later, &rows), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_is_older_by_its_time_than_what_came_before_it_was_archived_by_a_wrong_clock() {
        let rows = [NOW - 40 * DAY, NOW - 200 * DAY, NOW - 35 * DAY];
        let mut ages = ages(NOW, Some(NOW - DAY), &[], &rows);
        assert_eq!(old(&ages, &rows), [1, 3]);
        assert_eq!(found(&mut ages), [(2, NOW)]);
    }

    #[test]
    fn a_clock_that_cannot_be_right_makes_nothing_older() {
        let rows = [2 * 365 * DAY, NOW - 300 * DAY];
        for now in [0, RELEASE - 1] {
            let mut ages = ages(now, Some(now), &[], &rows);
            assert!(!ages.count());
            assert_eq!((old(&ages, &rows), found(&mut ages)), (vec![], vec![]));
        }
    }

    #[test]
    fn after_a_long_time_without_a_run_nothing_is_old_in_that_run() {
        let rows = [NOW - 60 * DAY];
        assert_eq!(old(&ages(NOW, Some(NOW - LONGEST_GAP), &[], &rows), &rows), [1]);
        for last_run in [None, Some(NOW - LONGEST_GAP - 1), Some(NOW + 1), Some(i64::MIN), Some(i64::MAX)] {
            assert_eq!(old(&ages(NOW, last_run, &[], &rows), &rows), [0; 0], "{last_run:?}");
        }
        assert_eq!(old(&ages(AHEAD, Some(NOW), &[], &rows), &rows), [0; 0], "the clock has jumped");
    }

    #[test]
    fn from_when_a_wrong_clock_let_ages_count_is_found_anew() {
        let rows = [2 * 365 * DAY];
        let mut ahead = ages(AHEAD, Some(NOW), &[], &rows);
        let before = found(&mut ahead);
        assert_eq!(before, [(1, AHEAD)]);
        let mut right = ages(NOW, Some(NOW), &before, &rows);
        assert_eq!(found(&mut right), [(1, NOW)]);
    }

    #[test]
    fn what_comes_in_this_run_has_no_age_whatever_the_clock_does_meanwhile() {
        let ages = ages(NOW, Some(NOW), &[], &[]);
        for at in [0, NOW + 1, AHEAD] {
            assert!(!ages.is_at_least(Duration::from_secs(1), 9, at), "{at}");
        }
    }
}
