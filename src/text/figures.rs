//! Sizes, spans and counts as people read them.

use bytesize::ByteSize;
use std::time::Duration;

/// Octets as people read them: `45.0 KiB`.
pub fn size(octets: u64) -> String {
    ByteSize(octets).display().iec().to_string()
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

/// `1 message`, `2 messages`.
pub fn messages(count: u64) -> String {
    counted(count, "message")
}

/// `1 day`, `2 days`.
pub fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// A number with a comma between each three digits: `51,204`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_spans_and_counts_read_well() {
        assert_eq!((size(0), size(1024)), ("0 B".to_owned(), "1.0 KiB".to_owned()));
        assert_eq!(span(Duration::from_hours(720)), "30d");
        assert_eq!(span(Duration::from_mins(90)), "90m");
        assert_eq!(span(Duration::from_secs(61)), "61s");
        assert_eq!((messages(1), messages(2)), ("1 message".to_owned(), "2 messages".to_owned()));
        assert_eq!((counted(0, "day"), counted(1, "day")), ("0 days".to_owned(), "1 day".to_owned()));
    }
}
