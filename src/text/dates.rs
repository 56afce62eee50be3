//! Instants as people and scripts read them.
//!
//! Promise: any number gives a text, also one beyond the calendar, which ends with the year 9999.

use crate::clock::UnixTime;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The day, in the local time zone: `2026-11-23`.
pub fn day(at: UnixTime) -> String {
    written(at, "%Y-%m-%d", TimeZone::system())
}

/// The same as a date; `None` beyond the calendar.
pub fn date(at: UnixTime) -> Option<Date> {
    Timestamp::from_second(at).ok().map(|at| at.to_zoned(TimeZone::system()).date())
}

/// The day, in UTC: a certificate's.
pub fn day_utc(at: UnixTime) -> String {
    written(at, "%Y-%m-%d", TimeZone::UTC)
}

/// To the minute, in the local time zone: `2026-11-23 06:05`.
pub fn minute(at: UnixTime) -> String {
    written(at, "%Y-%m-%d %H:%M", TimeZone::system())
}

/// To the second, in the local time zone: `2026-11-22 06:00:12`.
pub fn moment(at: UnixTime) -> String {
    written(at, "%Y-%m-%d %H:%M:%S", TimeZone::system())
}

/// What HTTP writes, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7); `None` if it is something else.
pub fn from_http(text: &str) -> Option<UnixTime> {
    jiff::fmt::rfc2822::parse(text.trim()).ok().map(|at| at.timestamp().as_second())
}

fn written(at: UnixTime, format: &str, zone: TimeZone) -> String {
    match Timestamp::from_second(at) {
        Ok(at) => at.to_zoned(zone).strftime(format).to_string(),
        Err(_) => "a day beyond the calendar".to_owned(),
    }
}

/// For scripts: RFC 3339, UTC; `None` beyond the calendar.
pub fn rfc3339(at: UnixTime) -> Option<String> {
    Timestamp::from_second(at).ok().map(|at| at.to_string())
}

/// How long ago `at` was at `now`: `3 h ago`.
pub fn ago(at: UnixTime, now: UnixTime) -> String {
    match now.saturating_sub(at) {
        ..0 => "in the future".to_owned(),
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(written(1_795_323_612, "%Y-%m-%d %H:%M:%S", zone), "2026-11-22 06:00:12");
        assert_eq!(day_utc(1_795_323_612), "2026-11-22");
        assert_eq!(rfc3339(1_795_323_612).as_deref(), Some("2026-11-22T05:00:12Z"));
        assert_eq!(rfc3339(253_402_300_800), None, "no time in 1970 either");
        assert_eq!(from_http("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!((from_http("120"), from_http("")), (None, None));
        assert_eq!(ago(100, 130), "30 s ago");
        assert_eq!(ago(0, 119 * 60), "119 min ago");
        assert_eq!(ago(0, 26 * 3600), "26 h ago");
        assert_eq!(ago(0, 3 * 86_400), "3 days ago");
        assert_eq!(ago(10, 0), "in the future");
        for beyond in [i64::MIN, i64::MAX] {
            assert_eq!((day(beyond), moment(beyond)), (day_utc(beyond), minute(beyond)));
            assert_eq!((day(beyond).as_str(), date(beyond)), ("a day beyond the calendar", None));
        }
    }
}
