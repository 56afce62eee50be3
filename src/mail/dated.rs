//! When a message came, by its own header: what mail programs sort an archive's files by.
//!
//! Promises: a header that cannot be read yields nothing, never an error; what is looked at of a field is bounded.

use super::caption;

/// No message is older, whatever its header says: 1980-01-01 00:00 UTC, in seconds since 1970.
const EARLIEST: i64 = 315_532_800;

/// Octets of a field's end, or of a whole Date, that are looked at.
const LIMIT: usize = 256;

/// The dates of the topmost Received line and of the Date line, in seconds since 1970 UTC, as far as they can be read.
/// `header` is in stored form (LF line ends), without the empty line at its end.
fn dates(header: &[u8]) -> impl Iterator<Item = i64> {
    let received = field(header, b"received:").and_then(|value| {
        let at = memchr::memrchr(b';', value)?;
        date(&value[at + 1..])
    });
    let dated = field(header, b"date:").and_then(date);
    received.into_iter().chain(dated)
}

/// The first of its dates (see `dates`) that can be when it came: neither before 1980 nor after `now`.
pub fn arrival(header: &[u8], now: i64) -> Option<i64> {
    dates(header).find(|at| (EARLIEST..=now).contains(at))
}

/// The value of the first field of this name (lower case, with its colon), with the lines that continue it.
fn field<'h>(header: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    let mut rest = header;
    while !rest.is_empty() {
        let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |lf| lf + 1);
        if rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            let mut end = line;
            while matches!(rest.get(end), Some(b' ' | b'\t')) {
                end += memchr::memchr(b'\n', &rest[end..]).map_or(rest.len() - end, |lf| lf + 1);
            }
            return Some(&rest[name.len()..end]);
        }
        rest = &rest[line..];
    }
    None
}

fn date(value: &[u8]) -> Option<i64> {
    let text = String::from_utf8_lossy(value.get(..LIMIT).unwrap_or(value));
    // What is put into brackets, as a rule the zone's name, is no part of the date.
    let text = text.split('(').next().unwrap_or_default();
    caption::date(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::dates;
    use proptest::prelude::*;

    fn of(header: &str) -> Vec<i64> {
        dates(header.as_bytes()).collect()
    }

    #[test]
    fn the_topmost_received_line_comes_first_then_the_date() {
        let header = "Return-Path: <x@y>\nReceived: from a (b; c)\n by d;\n\tThu, 1 Jan 2015 00:00:00 +0100 (CET)\n\
                      Received: by e; Wed, 1 Jan 2014 00:00:00 +0000\nDATE: Tue, 1 Jan 2013 00:00:00 +0000\n";
        assert_eq!(of(header), [1_420_066_800, 1_356_998_400]);
        assert_eq!(of("Date: Tue, 1 Jan 2013 00:00:00 +0000"), [1_356_998_400]);
        assert_eq!(
            of("Received: by e without a date\nDate: Tue, 1 Jan 2013 00:00:00 +0000\n"),
            [1_356_998_400]
        );
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        for header in [
            "",
            "Received:",
            "Received: ;",
            "Date:\n",
            "X-Date: Tue, 1 Jan 2013 00:00:00 +0000\n",
            "Date: 99999999",
        ] {
            assert_eq!(of(header), [0; 0], "{header:?}");
        }
        assert_eq!(of(&format!("Received: {};{}\n", "(".repeat(60_000), ")".repeat(60_000))), [0; 0]);
    }

    proptest! {
        #[test]
        fn rubbish_is_no_error(octets in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,60}") {
            let _ = dates(&octets).count();
            let _ = dates(format!("Received: x; {text}\nDate: {text}\n").as_bytes()).count();
        }
    }
}
