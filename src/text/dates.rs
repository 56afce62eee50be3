//! Instants as people and scripts read them.
//!
//! Promise: any number gives a text; a date beyond the calendar is called unknown.

use crate::clock::UnixTime;
use jiff::tz::TimeZone;

/// The day of an instant, in the local time zone: `2026-11-23`.
pub fn day(at: UnixTime) -> String {
    local(at, "%Y-%m-%d", &TimeZone::system())
}

/// An instant to the minute, in the local time zone: `2026-11-23 06:05`.
pub fn minute(at: UnixTime) -> String {
    local(at, "%Y-%m-%d %H:%M", &TimeZone::system())
}

fn local(at: UnixTime, format: &str, zone: &TimeZone) -> String {
    jiff::Timestamp::from_second(at).map_or_else(
        |_| "on an unknown day".to_owned(),
        |at| at.to_zoned(zone.clone()).strftime(format).to_string(),
    )
}
