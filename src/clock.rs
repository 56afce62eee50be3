//! What time it is: the one place that asks the system for it.
//!
//! A clock may be wrong by decades: a machine without a battery believes in 1970 until the network has told it better,
//! and a mistyped year is seen at once or never. So a time that was stored is believed only as far as it can be true.
//!
//! Promises: never fails, and never gives a time that cannot be shown: what lies before 1970 is 1970, and what lies
//! behind the year 9999 is its end. Must never: let a stored time in the future count.

use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01 00:00 UTC.
pub type UnixTime = i64;

/// A day in seconds.
pub const DAY: UnixTime = 86_400;

/// Before any popkeep was in use, no clock that was right can have been read by one: 2026-01-01 00:00 UTC.
pub const RELEASE: UnixTime = 1_767_225_600;

/// Now, by the system's clock.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn now() -> UnixTime {
    #[cfg(test)]
    if let Some(set) = testing::SET.get() {
        return set;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    bounded(UnixTime::try_from(since.as_secs()).unwrap_or(UnixTime::MAX))
}

/// The same with nanoseconds.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn now_exact() -> (UnixTime, i64) {
    #[cfg(test)]
    if let Some(set) = testing::SET.get() {
        return (set, 0);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (bounded(UnixTime::try_from(since.as_secs()).unwrap_or(UnixTime::MAX)), i64::from(since.subsec_nanos()))
}

/// Work for another thread, where it sees the same clock as on this one: each test has its own.
pub(crate) fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    #[cfg(test)]
    let set = testing::SET.get();
    move || {
        #[cfg(test)]
        testing::SET.set(set);
        work()
    }
}

fn bounded(at: UnixTime) -> UnixTime {
    at.clamp(0, jiff::Timestamp::MAX.as_second())
}

/// Whether a clock that shows `now` can be right at all.
pub fn is_believable(now: UnixTime) -> bool {
    now >= RELEASE
}

/// The times that something can have been stored at, as far as can be told at `now`.
pub fn believable_until(now: UnixTime) -> RangeInclusive<UnixTime> {
    RELEASE..=now
}

/// Whether what was stored at `at`, to hold until `until` and for `longest` at most, still holds at `now`.
pub fn still_holds(at: UnixTime, until: UnixTime, longest: UnixTime, now: UnixTime) -> bool {
    at <= now && now < until && until.saturating_sub(at) <= longest
}

/// Whether `until`, which was stored `longest` ahead at most, is still to come.
pub fn is_to_come(until: UnixTime, longest: UnixTime, now: UnixTime) -> bool {
    now < until && until <= now.saturating_add(longest)
}

/// For how long `at` has been past; `None` if it lies in the future, which is no time that was ever read from a
/// clock that was right.
pub fn ago(at: UnixTime, now: UnixTime) -> Option<u64> {
    u64::try_from(now.saturating_sub(at)).ok()
}

/// A clock for tests, each of which has its own: that of its thread.
#[cfg(test)]
pub(crate) mod testing {
    use super::UnixTime;
    use std::cell::Cell;

    thread_local! {
        pub(super) static SET: Cell<Option<UnixTime>> = const { Cell::new(None) };
    }

    /// From here on it is `at` for this thread.
    pub(crate) fn set(at: UnixTime) {
        SET.set(Some(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_at_any_end_of_time_can_be_shown() {
        for at in [i64::MIN, -1, 0, RELEASE, 253_402_300_799, i64::MAX] {
            assert!(jiff::Timestamp::from_second(bounded(at)).is_ok(), "{at}");
        }
        testing::set(bounded(i64::MAX));
        assert_eq!(jiff::Timestamp::from_second(now()).unwrap().strftime("%Y").to_string(), "9999");
        testing::set(0);
        assert_eq!(now(), 0);
    }

    #[test]
    fn no_stored_time_in_the_future_is_believed() {
        let now = RELEASE + 1000;
        assert!(still_holds(now, now + 60, 60, now));
        assert!(!still_holds(now - 60, now, 60, now), "it is over");
        assert!(!still_holds(now + 1, now + 60, 60, now), "stored in the future");
        assert!(!still_holds(now - 1, now + 60, 60, now), "longer than it was ever stored for");
        assert!(!still_holds(i64::MIN, i64::MAX, 60, now));
        assert!(is_to_come(now + 60, 60, now) && !is_to_come(now + 61, 60, now) && !is_to_come(now, 60, now));
        assert!(!is_to_come(i64::MAX, DAY, now) && !is_to_come(i64::MIN, DAY, now));
        assert_eq!((ago(now - 5, now), ago(now + 5, now), ago(i64::MAX, now)), (Some(5), None, None));
        assert!(!believable_until(now).contains(&(now + 1)) && !believable_until(now).contains(&0));
        assert!(is_believable(now) && !is_believable(0));
    }
}
