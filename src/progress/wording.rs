//! What a person reads about a run: sizes, times, summaries, troubles.
//!
//! Promises: no octet that a server chose reaches a terminal raw; a list of messages stays a few
//! lines long, however many there are (`--json` has each one).

use crate::event::{Missing, Outcome, Summary};
use crate::ledger::UnixTime;
use crate::mail::safe_text::escape;
use bytesize::ByteSize;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// So many messages with one reason are named one by one; more become one line.
const NAMED_SINGLY: usize = 3;

/// So many ranges of message numbers are shown in a line.
const RANGES_SHOWN: usize = 6;

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

/// An instant for scripts: RFC 3339, UTC.
pub fn rfc3339(at: UnixTime) -> String {
    Timestamp::from_second(at).unwrap_or_default().to_string()
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

/// The time now.
pub fn now() -> UnixTime {
    Timestamp::now().as_second()
}

/// Text that is already in words but may hold something unprintable. Escapes that are in it
/// stay as they are, so that this can be applied to what was escaped before.
pub fn printable(text: &str) -> String {
    text.split('\\').map(|part| escape(part.as_bytes())).collect::<Vec<_>>().join("\\")
}

/// `1 message`, `2 messages`.
pub fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

/// The reconciliation in one line, without the account's name; `None` when the run ended before
/// the maildrop was listed.
pub fn summary(summary: &Summary) -> Option<String> {
    let unlisted = matches!(summary.outcome, Outcome::Failed | Outcome::Skipped) && summary.listed == 0;
    if unlisted {
        return None;
    }
    let mut line = format!(
        "{} listed, {} held, {} fetched ({}), {} deleted",
        summary.listed,
        summary.held,
        summary.fetched,
        size(summary.octets),
        summary.deleted
    );
    let (left, missing) = summary.missing.iter().fold((0_u64, 0_u64), |(left, missing), message| {
        if message.chosen { (left + 1, missing) } else { (left, missing + 1) }
    });
    for (count, word) in [(left, "left"), (missing, "missing")] {
        if count > 0 {
            // Writing into a String cannot fail.
            let _ = write!(line, ", {count} {word}");
        }
    }
    Some(line)
}

/// What went wrong, a line for each, without the account's name; empty when nothing did.
pub fn troubles(summary: &Summary) -> Vec<String> {
    let mut lines: Vec<String> = summary.error.as_deref().map(printable).into_iter().collect();
    lines.extend(listed(&summary.missing, false, "missing from the archive"));
    if lines.is_empty() && !summary.exit.is_ok() {
        lines.push(format!("ended with exit code {}", summary.exit.code()));
    }
    lines
}

/// What went wrong for cron: a run that broke off is one line, whatever it left undone.
pub fn troubles_in_short(summary: &Summary) -> Vec<String> {
    match (&summary.error, summary.outcome) {
        (Some(error), Outcome::Failed) => {
            let missing = summary.missing.iter().filter(|message| !message.chosen).count() as u64;
            let mut line = printable(error);
            if missing > 0 {
                let _ = write!(line, " ({missing} of {} not fetched yet)", messages(summary.listed));
            }
            vec![line]
        }
        _ => troubles(summary),
    }
}

/// What a person should know that is no trouble: what their own settings left on the server.
pub fn remarks(summary: &Summary) -> Vec<String> {
    let mut lines = listed(&summary.missing, true, "left on the server");
    if summary.kept_no_copy > 0 {
        lines.push(format!(
            "{} kept on the server: due for deletion, but the local copy was removed or changed",
            messages(summary.kept_no_copy)
        ));
    }
    lines
}

/// The messages of one kind, grouped by their reason in the order in which the reasons appear.
fn listed(missing: &[Missing], chosen: bool, what: &str) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&Missing>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for message in missing.iter().filter(|message| message.chosen == chosen) {
        let group = *known.entry(message.reason.as_str()).or_insert_with(|| {
            groups.push((&message.reason, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(message);
    }
    let mut lines = Vec::new();
    for (reason, group) in groups {
        let reason = escape(reason.as_bytes());
        if group.len() > NAMED_SINGLY {
            let numbers = ranges(group.iter().map(|message| message.number));
            lines.push(format!("{} messages ({numbers}) {what}: {reason}", group.len()));
        } else {
            lines.extend(
                group.iter().map(|m| format!("{} {what}: {reason}", message(m.number, m.uid.as_deref()))),
            );
        }
    }
    lines
}

/// `message 5 (UID 1a2b)`.
pub fn message(number: u32, uid: Option<&[u8]>) -> String {
    match uid {
        Some(uid) => format!("message {number} (UID {})", escape(uid)),
        None => format!("message {number}"),
    }
}

/// Ascending numbers in short: `1-3, 7, 9-12`.
fn ranges(numbers: impl Iterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let shown = ranges
        .iter()
        .take(RANGES_SHOWN)
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if ranges.len() > RANGES_SHOWN {
        text.push_str(", …");
    }
    text
}
