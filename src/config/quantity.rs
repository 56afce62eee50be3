//! Durations ("30d", "1h30m") and sizes ("100 MiB") as people write them.

use bytesize::ByteSize;
use std::time::Duration;

/// What a duration must look like, for error messages.
pub(super) const DURATION_FORM: &str =
    "a duration such as \"90s\", \"5m\", \"6h\", \"30d\", \"30 days\" or \"2w\"";

/// What a size must look like, for error messages.
pub(super) const SIZE_FORM: &str = "a size such as \"100 MiB\", or a number of octets";

/// The longest duration: a thousand years, so that sums of times cannot overflow.
const LONGEST: u64 = 365_250 * 86_400_000;

/// Reads a duration: one or more of a whole number and its unit (`ms`, `s`, `m`, `h`, `d`, `w`, or
/// the words for them), spaces between allowed, at most a thousand years in all. `None` if it is none;
/// a number without its unit is none, except `0`. Only words may be written in capitals: "6M" may mean six
/// months, and six minutes would delete mail.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = leading(rest, |c| c.is_ascii_digit());
        let (unit, after) = leading(after.trim_start(), |c| c.is_ascii_alphabetic());
        let word = if unit.len() > 2 { unit.to_ascii_lowercase() } else { unit.to_owned() };
        let milliseconds = match word.as_str() {
            "ms" => 1,
            "s" | "sec" | "second" | "seconds" => 1_000,
            "m" | "min" | "minute" | "minutes" => 60_000,
            "h" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            "w" | "week" | "weeks" => 7 * 86_400_000,
            _ => return None,
        };
        let part = number.parse::<u64>().ok()?.checked_mul(milliseconds)?;
        total = total.checked_add(part).filter(|total| *total <= LONGEST)?;
        rest = after.trim_start();
    }
    Some(Duration::from_millis(total))
}

/// Reads a size in octets: a number and an optional unit (`KiB`, `MiB`, `GiB`, or `kB`, `MB`,
/// `GB` for powers of 1000). `None` if it is none.
pub fn parse_size(text: &str) -> Option<u64> {
    text.trim().parse::<ByteSize>().ok().map(|size| size.as_u64())
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::{parse_duration, parse_size};
    use std::time::Duration;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("0s", 0),
            ("0", 0),
            ("60s", 60),
            ("5m", 300),
            ("5 min", 300),
            ("6h", 21_600),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("1h30m", 5_400),
            (" 1h 30m ", 5_400),
            ("30 days", 2_592_000),
            ("1 day 12 hours", 129_600),
            ("2 Weeks", 1_209_600),
            ("30 DAYS", 2_592_000),
            ("5 Min", 300),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text:?}");
        }
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
    }

    #[test]
    fn what_is_no_duration_is_refused_and_overflows_nothing() {
        for text in [
            "",
            " ",
            "60",
            "s",
            "-1s",
            "1.5h",
            "1y",
            "1 fortnight",
            "1d1",
            "99999999999999999999s",
            "18446744073709551615w",
            "1000000d",
            "١s",
            "6M",
            "6 M",
            "1h6M",
            "2W",
            "30D",
            "6H",
            "90S",
            "250MS",
            "250Ms",
            "250 mS",
        ] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_size("100 MiB"), Some(100 << 20));
        assert_eq!(parse_size("1GiB"), Some(1 << 30));
        assert_eq!(parse_size("10 kB"), Some(10_000));
        assert_eq!(parse_size("5000"), Some(5000));
        for text in ["", "MiB", "-1", "much", "1 XB"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
    }
}
