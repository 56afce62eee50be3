//! Sizes, times and counts as people read them.

use crate::ledger::UnixTime;
use bytesize::ByteSize;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Octets as people read them: `45.0 KiB`.
pub fn size(octets: u64) -> String {
    ByteSize(octets).display().iec().to_string()
}

/// An instant in the local time zone: `2026-11-22 06:00:12`.
pub fn moment(at: UnixTime) -> String {
    local(at, &TimeZone::system())
}

fn local(at: UnixTime, zone: &TimeZone) -> String {
    match Timestamp::from_second(at) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => format!("{at} s after 1970"),
    }
}

/// An instant for scripts: RFC 3339, UTC; `None` beyond the year 9999.
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

/// A span as the configuration has it: `30d`, `90s`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match [(86_400, 'd'), (3_600, 'h'), (60, 'm')]
        .into_iter()
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit))
    {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// The time now.
pub fn now() -> UnixTime {
    crate::clock::now()
}

/// `1 message`, `2 messages`.
pub fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_well() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(local(1_795_323_612, &zone), "2026-11-22 06:00:12");
        assert_eq!(rfc3339(1_795_323_612).as_deref(), Some("2026-11-22T05:00:12Z"));
        assert_eq!(rfc3339(253_402_300_800), None, "no time in 1970 either");
        assert_eq!(ago(100, 130), "30 s ago");
        assert_eq!(ago(0, 119 * 60), "119 min ago");
        assert_eq!(ago(0, 26 * 3600), "26 h ago");
        assert_eq!(ago(0, 3 * 86_400), "3 days ago");
        assert_eq!(ago(10, 0), "in the future");
        assert_eq!((size(0), size(1024)), ("0 B".to_owned(), "1.0 KiB".to_owned()));
        assert_eq!(span(Duration::from_hours(720)), "30d");
        assert_eq!(span(Duration::from_mins(90)), "90m");
        assert_eq!(span(Duration::from_secs(61)), "61s");
        assert_eq!((messages(1), messages(2)), ("1 message".to_owned(), "2 messages".to_owned()));
    }
}
