//! Days, months and years as a query names them.

use crate::ledger::UnixTime;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// Days in the local time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first one; `None`: no message is too old.
    pub from: Option<Date>,
    /// The first one that does not belong to it; `None`: no message is too new.
    pub before: Option<Date>,
}

impl Period {
    /// When it begins, and when it is over.
    pub fn instants(&self, zone: &TimeZone) -> (Option<UnixTime>, Option<UnixTime>) {
        let begins = |day: Date| {
            let begin = day.to_zoned(zone.clone()).map(|begin| begin.timestamp());
            begin.unwrap_or(Timestamp::MAX).as_second()
        };
        (self.from.map(begins), self.before.map(begins))
    }
}

/// Reads `2025-01-31`, `2025-01` or `2025`: the first day of that time, and the first one behind it.
pub fn days(text: &str) -> Option<(Date, Date)> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| match parts.next() {
        None => Some(None),
        Some(part) if part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()) => {
            part.parse::<i16>().ok().map(Some)
        }
        Some(_) => None,
    };
    let (year, month, day) = (number(4)??, number(2)?, number(2)?);
    if parts.next().is_some() {
        return None;
    }
    let small = |number: Option<i16>| i8::try_from(number.unwrap_or(1)).ok();
    let first = Date::new(year, small(month)?, small(day)?).ok()?;
    let span = match (month, day) {
        (_, Some(_)) => 1.day(),
        (Some(_), None) => 1.month(),
        (None, None) => 1.year(),
    };
    Some((first, first.checked_add(span).unwrap_or(date(9999, 12, 31))))
}
