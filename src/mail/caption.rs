//! What a person recognises a message by: date, sender and subject, decoded.
//!
//! Promises: RFC 2047 and raw 8-bit text become Unicode as well as can be; a header that cannot be
//! read yields nothing, never an error; what is looked at is bounded, so that no header, however made, costs
//! more than a moment. The text is not fit for a terminal yet:
//! [`escape`](crate::text::safe::escape) makes it so.

use super::field::text;
use mailparse::MailHeaderMap as _;

/// Date, sender and subject of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// Date, in seconds as Unix counts them.
    pub date: Option<i64>,
    /// From: names and addresses as written.
    pub from: Option<String>,
    /// Subject.
    pub subject: Option<String>,
}

impl Caption {
    /// Reads a header in stored form (LF line ends), without the empty line at its end.
    pub fn of(header: &[u8]) -> Caption {
        let Ok((headers, _)) = mailparse::parse_headers(header) else { return Caption::default() };
        let text = |name: &str| headers.get_first_header(name).and_then(text);
        Caption { date: text("Date").as_deref().and_then(date), from: text("From"), subject: text("Subject") }
    }
}

/// The instant of a Date field.
pub(super) fn date(text: &str) -> Option<i64> {
    // A year of five digits or more is no date, and would be counted up to.
    let sane = text.split(|c: char| !c.is_ascii_digit()).all(|digits| digits.len() <= 4);
    // What is no date at all comes out as the beginning of time.
    // What lies beyond the calendar could not be shown.
    let shows = |at: &i64| jiff::Timestamp::from_second(*at).is_ok();
    mailparse::dateparse(text).ok().filter(|at| sane && *at != 0 && shows(at))
}

#[cfg(test)]
mod tests {
    use super::Caption;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn caption(header: &str) -> Caption {
        Caption::of(header.as_bytes())
    }

    #[test]
    fn a_header_is_decoded() {
        let seen = caption(concat!(
            "Received: from x\n by y; Mon, 1 Jan 2001 00:00:00 +0000\n",
            "DATE: Thu, 19 Aug 1999 20:15:55 -0500\n",
            "From: =?iso-8859-1?Q?J=E4ne?= <jane@example.com>\n",
            "Subject: =?utf-8?b?R3LDvMOfZQ==?=\n =?utf-8?q?_aus?=\tK\u{f6}ln\n",
        ));
        assert_eq!(seen.date, Some(935_111_755));
        assert_eq!(seen.from.as_deref(), Some("Jäne <jane@example.com>"));
        assert_eq!(seen.subject.as_deref(), Some("Grüße aus Köln"));
    }

    #[test]
    fn eight_bit_text_without_a_charset_is_read_as_well_as_can_be() {
        assert_eq!(Caption::of(b"Subject: caf\xe9\n").subject.as_deref(), Some("café"));
        assert_eq!(Caption::of("Subject: café\n".as_bytes()).subject.as_deref(), Some("café"));
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_nothing() {
        for header in ["", "X: y\n", "no header at all\n", "Date: soon\nSubject:\nFrom: \n", "Date:\n"] {
            assert_eq!(caption(header), Caption::default(), "{header:?}");
        }
        assert_eq!(caption("Date: 1 Jan 4294967295 00:00:00 +0000\n").date, None);
        assert_eq!(caption("Date: 31 Dec 9999 23:59:59 -2300\n").date, None, "after the year 9999");
        assert_eq!(caption("Date: 31 Dec 2026\n").date, Some(1_798_675_200));
    }

    #[test]
    fn a_field_made_to_be_slow_is_not() {
        for piece in ["=?", "?=", "=?utf-8?q?", "(", "=?a?b?c?= "] {
            let header = format!("Subject: {}\n", piece.repeat(60_000 / piece.len()));
            let begun = Instant::now();
            let _ = caption(&header);
            assert!(begun.elapsed() < Duration::from_secs(2), "{piece:?} took {:?}", begun.elapsed());
        }
    }

    proptest! {
        #[test]
        fn rubbish_is_no_error(octets in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,60}") {
            let _ = Caption::of(&octets);
            let _ = caption(&format!("Date: {text}\nFrom: {text}\nSubject: =?utf-8?q?{text}?=\n"));
        }
    }
}
