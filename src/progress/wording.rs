//! What a person reads about a run: sizes, times, summaries, problems.
//!
//! Promises: no octet that a server chose reaches a terminal raw; a list of messages stays a few
//! lines long, however many there are (`--json` has each one).

mod reconciliation;

pub use crate::text::dates::{ago, moment, rfc3339};
pub use crate::text::figures::{messages, size, span};
pub use crate::text::safe::printable;
pub use reconciliation::reconciliation;

use crate::event::{Missing, Outcome, Summary};
use crate::exit::Exit;
use crate::text::safe::escape;
use std::fmt::Write as _;

/// So many messages with one reason are named one by one; more become one line.
const NAMED_SINGLY: usize = 3;

/// So many lines about messages are shown; `--json` has each message.
const LINES_SHOWN: usize = 20;

/// So many ranges of message numbers are shown in a line.
const RANGES_SHOWN: usize = 6;

/// What a report of a problem has to begin with: `popkeep 0.1.0 on linux, x86_64`.
pub fn version() -> String {
    use std::env::consts::{ARCH, OS};
    format!("popkeep {} on {OS}, {ARCH}", env!("CARGO_PKG_VERSION"))
}

/// What a run did, in figures: `12 listed, 12 archived, 3 fetched (45.0 KiB), 0 deleted`.
pub fn counts(listed: u64, archived: u64, fetched: u64, octets: u64, deleted: u64) -> String {
    let octets = if fetched > 0 { format!(" ({})", size(octets)) } else { String::new() };
    format!("{listed} listed, {archived} archived, {fetched} fetched{octets}, {deleted} deleted")
}

/// The reconciliation in one line, without the account's name; `None` when the run ended before
/// the maildrop was listed.
pub fn summary(summary: &Summary) -> Option<String> {
    let unlisted = matches!(summary.outcome, Outcome::Failed | Outcome::Skipped) && summary.listed == 0;
    if unlisted {
        return None;
    }
    let mut line = counts(summary.listed, summary.archived, summary.fetched, summary.octets, summary.deleted);
    let missing = summary.really_missing().count() as u64;
    for (count, word) in [(summary.removed, "removed"), (summary.left(), "left"), (missing, "missing")] {
        if count > 0 {
            // Writing into a String cannot fail.
            let _ = write!(line, ", {count} {word}");
        }
    }
    Some(line)
}

/// What went wrong, a line for each, without the account's name; empty when nothing did.
pub fn problems(summary: &Summary) -> Vec<String> {
    let mut lines: Vec<String> = summary.error.as_deref().map(printable).into_iter().collect();
    lines.extend(listed(&summary.missing, false, "missing from the archive"));
    if lines.is_empty() && !summary.exit.is_ok() {
        lines.push(format!("ended with exit code {}", summary.exit.code()));
    }
    lines
}

/// What kind of problem an exit code stands for, in a few words.
pub fn kind(exit: Exit) -> &'static str {
    match exit {
        Exit::MISSING => "messages missing, or something else that needs a look",
        Exit::DATA => "damaged data",
        Exit::NO_HOST => "host name unknown",
        Exit::UNAVAILABLE => "server unavailable",
        Exit::CANT_CREATE => "archive cannot be written",
        Exit::IO => "reading or writing failed",
        Exit::TRY_LATER => "to be tried again later",
        Exit::PROTOCOL => "server broke the protocol",
        Exit::REFUSED => "login or certificate refused",
        Exit::CONFIG => "configuration error",
        Exit::INTERRUPTED | Exit::TERMINATED => "stopped by a signal",
        _ => "failed",
    }
}

/// What went wrong for cron: a run that broke off is one line, whatever it left undone.
pub fn problems_in_short(summary: &Summary) -> Vec<String> {
    match (&summary.error, summary.outcome) {
        (Some(error), Outcome::Failed) => {
            let missing = summary.really_missing().count() as u64;
            let mut line = printable(error);
            if missing > 0 {
                let _ = write!(line, " ({missing} of {} not fetched yet)", messages(summary.listed));
            }
            vec![line]
        }
        _ if summary.told.messages.is_empty() => problems(summary),
        _ => {
            let news =
                summary.missing.iter().filter(|message| !summary.told.messages.contains(&message.number));
            let mut lines: Vec<String> = summary.error.as_deref().map(printable).into_iter().collect();
            lines.extend(listed(&news.cloned().collect::<Vec<_>>(), false, "missing from the archive"));
            lines
        }
    }
}

/// What a person should know although nothing has failed, and was not told lately.
pub fn warnings(summary: &Summary) -> impl Iterator<Item = String> {
    let news = summary.warnings.iter().filter(|warning| !summary.told.warnings.contains(warning));
    news.map(|warning| printable(&warning.to_string()))
}

/// What a person should know that is no problem: what their own settings left on the server.
pub fn remarks(summary: &Summary) -> Vec<String> {
    let mut lines = listed(&summary.missing, true, "left on the server");
    if summary.kept_no_copy > 0 {
        lines.push(format!(
            "{} ({}) kept on the server: due for deletion, but the local copy was removed or changed",
            messages(summary.kept_no_copy),
            size(summary.kept_octets)
        ));
    }
    lines
}

/// The messages of one kind, grouped by their reason in the order in which the reasons appear.
fn listed(missing: &[Missing], chosen: bool, what: &str) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&Missing>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for message in missing.iter().filter(|message| message.chosen == chosen) {
        let group = *known.entry(&*message.reason).or_insert_with(|| {
            groups.push((&message.reason, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(message);
    }
    let mut lines = Vec::new();
    let mut unsaid = 0;
    for (reason, group) in groups {
        if lines.len() >= LINES_SHOWN {
            unsaid += group.len() as u64;
            continue;
        }
        let reason = printable(reason);
        if group.len() > NAMED_SINGLY {
            let numbers = ranges(group.iter().map(|message| message.number));
            lines.push(format!("{} messages ({numbers}) {what}: {reason}", group.len()));
        } else {
            lines.extend(
                group.iter().map(|m| format!("{} {what}: {reason}", message(m.number, m.uid.as_deref()))),
            );
        }
    }
    if unsaid > 0 {
        lines.push(format!("and {} {what}; --json has a reason for each", messages(unsaid)));
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
pub fn ranges(numbers: impl Iterator<Item = u32>) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn missing(number: u32, reason: &str, chosen: bool) -> Missing {
        Missing { number, uid: None, reason: reason.into(), chosen }
    }

    pub(super) fn run(missing: Vec<Missing>) -> Summary {
        Summary {
            account: "work".to_owned(),
            outcome: Outcome::Partial,
            exit: Exit::MISSING,
            error: None,
            listed: 12,
            archived: 12_u64.saturating_sub(missing.len() as u64),
            fetched: 3,
            octets: 46_080,
            deleted: 0,
            removed: 0,
            kept_no_copy: 0,
            kept_octets: 0,
            missing,
            warnings: Vec::new(),
            certificate_ends: None,
            free: None,
            told: crate::event::Told::default(),
            seconds: 1.5,
        }
    }

    #[test]
    fn a_summary_is_one_line_that_adds_up() {
        assert_eq!(summary(&run(vec![])).unwrap(), "12 listed, 12 archived, 3 fetched (45.0 KiB), 0 deleted");
        let some =
            run(vec![missing(4, "too large", true), missing(5, "empty", false), missing(6, "empty", false)]);
        assert_eq!(
            summary(&some).unwrap(),
            "12 listed, 9 archived, 3 fetched (45.0 KiB), 0 deleted, 1 left, 2 missing"
        );
    }

    #[test]
    fn a_run_that_never_saw_the_maildrop_has_no_summary() {
        let failed = Summary { outcome: Outcome::Failed, listed: 0, archived: 0, ..run(vec![]) };
        assert_eq!(summary(&failed), None);
    }

    #[test]
    fn each_missing_message_is_named_with_its_uid_and_reason() {
        let mut poisoned = missing(5, "the server sent nothing for RETR", false);
        poisoned.uid = Some((*b"1a\x1b[2J").into());
        assert_eq!(
            problems(&run(vec![poisoned])),
            ["message 5 (UID 1a\\x1b[2J) missing from the archive: the server sent nothing for RETR"]
        );
    }

    #[test]
    fn many_messages_with_one_reason_are_one_line() {
        let many = [1, 2, 3, 7, 9, 10].map(|number| missing(number, "refused", false)).to_vec();
        assert_eq!(problems(&run(many)), ["6 messages (1-3, 7, 9-10) missing from the archive: refused"]);
        let scattered = (0..40).map(|n| missing(2 * n + 1, "refused", false)).collect();
        assert_eq!(
            problems(&run(scattered)),
            ["40 messages (1, 3, 5, 7, 9, 11, …) missing from the archive: refused"]
        );
    }

    #[test]
    fn many_messages_with_a_reason_each_stay_a_few_lines() {
        let large = (1..=500).map(|n| missing(n, &format!("{n} octets too large"), true)).collect();
        let lines = remarks(&run(large));
        assert_eq!(lines.len(), LINES_SHOWN + 1);
        assert_eq!(lines[LINES_SHOWN], "and 480 messages left on the server; --json has a reason for each");
    }

    #[test]
    fn what_the_user_chose_to_leave_is_a_remark_and_no_problem() {
        let mut left = run(vec![missing(4, "larger than max_size", true)]);
        left.exit = Exit::OK;
        (left.kept_no_copy, left.kept_octets) = (2, 2048);
        assert!(problems(&left).is_empty());
        assert_eq!(
            remarks(&left),
            [
                "message 4 left on the server: larger than max_size",
                "2 messages (2.0 KiB) kept on the server: due for deletion, but the local copy was removed or changed"
            ]
        );
    }

    #[test]
    fn a_failure_without_words_still_says_its_code() {
        let failed = Summary { exit: Exit::IO, ..run(vec![]) };
        assert_eq!(problems(&failed), ["ended with exit code 74"]);
    }

    #[test]
    fn a_servers_text_never_reaches_a_terminal_raw() {
        let mut hostile = run(vec![missing(1, "-ERR \x1b]0;pwned\x07\u{202e}", false)]);
        hostile.error = Some("refused: \x1b[2J\r\n".to_owned());
        for line in problems(&hostile).into_iter().chain(problems_in_short(&hostile)) {
            assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
        }
    }
}
