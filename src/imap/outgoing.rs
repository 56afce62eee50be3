//! A message to append, with what IMAP says of one: flags and a date.

use crate::clock::UnixTime;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use std::fmt::{self, Write as _};
use std::io::Read;

/// The flags that every server knows (RFC 9051, section 2.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "flags that do not depend on each other")]
pub struct Flags {
    /// `\Seen`.
    pub seen: bool,
    /// `\Answered`.
    pub answered: bool,
    /// `\Flagged`.
    pub flagged: bool,
    /// `\Draft`.
    pub draft: bool,
    /// `\Deleted`.
    pub deleted: bool,
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.seen, "\\Seen"),
            (self.answered, "\\Answered"),
            (self.flagged, "\\Flagged"),
            (self.draft, "\\Draft"),
            (self.deleted, "\\Deleted"),
        ];
        let set: Vec<&str> = all.iter().filter(|(set, _)| *set).map(|(_, flag)| *flag).collect();
        write!(f, "({})", set.join(" "))
    }
}

/// When a message came: `INTERNALDATE` (RFC 9051, section 2.3.3), to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InternalDate {
    at: UnixTime,
    minutes: i32,
}

impl InternalDate {
    /// In UTC; `None` outside of the years 1 to 9999, which IMAP cannot write.
    pub fn utc(at: UnixTime) -> Option<InternalDate> {
        InternalDate::new(at, 0)
    }

    /// As a clock shows it that is this number of minutes ahead of UTC (behind it, if negative); `None` outside of the years 1 to 9999,
    /// and for an offset of a day or more.
    pub fn new(at: UnixTime, minutes: i32) -> Option<InternalDate> {
        let date = InternalDate { at, minutes };
        let year = date.zoned()?.year();
        ((1..=9999).contains(&year) && minutes.abs() < 24 * 60).then_some(date)
    }

    fn zoned(self) -> Option<jiff::Zoned> {
        let offset = Offset::from_seconds(self.minutes.checked_mul(60)?).ok()?;
        Some(Timestamp::from_second(self.at).ok()?.to_zoned(TimeZone::fixed(offset)))
    }
}

/// With its quotes.
impl fmt::Display for InternalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let zoned = self.zoned().ok_or(fmt::Error)?;
        let month = usize::try_from(zoned.month() - 1).ok().and_then(|month| MONTHS.get(month));
        let (day, year, time) = (zoned.day(), zoned.year(), zoned.time());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let (sign, off) = if self.minutes < 0 { ('-', -self.minutes) } else { ('+', self.minutes) };
        write!(f, "\"{day:2}-{}-{year:04} {hour:02}:{minute:02}:{second:02}", month.ok_or(fmt::Error)?)?;
        write!(f, " {sign}{:02}{:02}\"", off / 60, off % 60)
    }
}

/// A message to append.
pub struct Outgoing<'m> {
    /// Its flags.
    pub flags: Flags,
    /// When it came; `None`: the server takes the present time.
    pub date: Option<InternalDate>,
    /// How many octets `body` has.
    pub octets: u64,
    /// One of them is NUL.
    pub has_nul: bool,
    /// The message as it crosses the wire, its line ends CRLF. Exactly `octets` octets are read.
    pub body: &'m mut dyn Read,
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} octets, {})", self.octets, self.flags)
    }
}

impl Outgoing<'_> {
    /// What stands before the literal in APPEND, with a blank on each side.
    pub(super) fn head(&self) -> String {
        let mut head = format!(" {} ", self.flags);
        if let Some(date) = self.date {
            // Writing to a String cannot fail.
            let _ = write!(head, "{date} ");
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_written_as_rfc_9051_shows_it() {
        // Section 6.3.12.
        let date = InternalDate::new(760_686_745, -8 * 60).unwrap();
        assert_eq!(date.to_string(), r#"" 7-Feb-1994 21:52:25 -0800""#);
        assert_eq!(InternalDate::utc(0).unwrap().to_string(), r#"" 1-Jan-1970 00:00:00 +0000""#);
        assert_eq!(InternalDate::new(0, 5 * 60 + 45).unwrap().to_string(), r#"" 1-Jan-1970 05:45:00 +0545""#);
    }

    #[test]
    fn flags_stand_in_brackets() {
        assert_eq!(Flags::default().to_string(), "()");
        let flags = Flags { seen: true, flagged: true, ..Flags::default() };
        assert_eq!(flags.to_string(), "(\\Seen \\Flagged)");
    }

    proptest! {
        #[test]
        fn any_number_is_a_date_of_28_characters_or_none(at: i64, minutes in -2000..2000) {
            for at in [at, at % 400_000_000_000] {
                if let Some(date) = InternalDate::new(at, minutes) {
                    prop_assert_eq!(date.to_string().len(), 28);
                }
            }
        }
    }
}
