//! What an adoption comes to, for people.

use super::candidate::{Candidate, NotTaken};
use super::document::Outcome;
use crate::adopt::places::Here;
use crate::adopt::survey::Counts;
use crate::cli::Seen;
use crate::progress::wording::printable;
use crate::text::figures::{grouped, messages};
use std::fmt::Write as _;

/// One account.
pub(super) fn account(here: &Here, candidate: &Candidate, outcome: &Outcome, seen: Seen) -> String {
    let Candidate { proposal, account, configured, table, counts, unasked, .. } = candidate;
    let mut text = String::new();
    let from = match (&proposal.settings, proposal.line) {
        (Some(file), line @ 1..) => format!(" ({}, line {line})", here.shorten(file)),
        (Some(file), 0) => format!(" ({})", here.shorten(file)),
        (None, _) => String::new(),
    };
    let state = if *configured { ", which is configured already" } else { "" };
    // Writing into a String cannot fail.
    let _ = writeln!(text, "Account {}{state}{from}", account.name);
    let source = proposal.mail.as_ref().map(|mail| here.shorten(&mail.path));
    let _ = writeln!(text, "  {}", sentence(counts, source.as_deref(), seen));
    if let Some(found) = counts.archive {
        for (count, what) in [
            (found.deleted, "marked as deleted in the program, and left out"),
            (found.partial, "fetched only in part by the program, and left out"),
            (found.unreadable, "unreadable, and left out"),
        ] {
            if count > 0 {
                let _ = writeln!(text, "  {} {what}", messages(count));
            }
        }
    }
    if proposal.copies {
        let _ = writeln!(text, "  its messages are copied into {}", here.shorten(&account.archive));
    }
    if let Some(why) = unasked {
        let _ = writeln!(text, "  {}", printable(why));
    }
    for warning in &proposal.warnings {
        let _ = writeln!(text, "  note: {}", printable(warning));
    }
    if !table.is_empty() && (proposal.tool.is_some() || outcome.written) {
        let _ = write!(text, "\n{table}");
    }
    if let (true, Some(taken)) = (outcome.written, &outcome.taken) {
        let _ = match taken.copied {
            Some(copied) => writeln!(
                text,
                "\nDone: {} copied into {}, {} there already.",
                messages(copied.copied),
                here.shorten(&account.archive),
                copied.there
            ),
            None => writeln!(
                text,
                "\nDone: the next fetch looks for {} in {} before it fetches anything.",
                messages(taken.indexed),
                here.shorten(&account.archive)
            ),
        };
    }
    text.push('\n');
    text
}

/// `3,120 in its list, 3,095 on the server: 3,090 found in ~/Mail/work, 5 not found (will be fetched)`.
fn sentence(counts: &Counts, source: Option<&str>, seen: Seen) -> String {
    let mut text = Vec::new();
    text.extend(counts.in_list.map(|count| format!("{} in its list", grouped(count))));
    text.extend(counts.on_server.map(|count| format!("{} on the server", grouped(count))));
    let mut text = text.join(", ");
    let place = source.unwrap_or("an archive");
    match (counts.found, counts.not_found, counts.archive) {
        (Some(found), Some(not_found), _) => {
            let fate = match (seen, counts.in_list) {
                (Seen::Skip, Some(_)) => "will be left",
                _ => "will be fetched",
            };
            let _ = write!(
                text,
                ": {} found in {place}, {} not found ({fate})",
                grouped(found),
                grouped(not_found)
            );
        }
        (_, _, Some(found)) => {
            let separator = if text.is_empty() { "" } else { "; " };
            let noun = if found.messages == 1 { "message" } else { "messages" };
            let _ = write!(text, "{separator}{} {noun} in {place}", grouped(found.messages));
        }
        _ => {}
    }
    if let (Some(others @ 1..), Some(_)) = (counts.others, counts.in_list) {
        let _ = write!(text, "; {} on the server are not in its list", grouped(others));
    }
    if text.is_empty() { "nothing is known of its messages".to_owned() } else { text }
}

/// What is not taken over.
pub(super) fn not_taken(here: &Here, all: &[NotTaken]) -> String {
    let mut text = String::new();
    if !all.is_empty() {
        text.push_str("Not taken over:\n");
        for NotTaken { file, line, what } in all {
            let _ = writeln!(text, "  {}:{line}: {}", here.shorten(file), printable(what));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, sentence};
    use crate::adopt::source::Found;
    use crate::adopt::survey::Counts;
    use crate::cli::Seen;

    #[test]
    fn counts_are_a_sentence() {
        let archive = Some(Found { messages: 3090, ..Found::default() });
        let here = Counts { in_list: Some(3120), archive, ..Counts::default() };
        assert_eq!(
            sentence(&here, Some("~/Mail/work"), Seen::Fetch),
            "3,120 in its list; 3,090 messages in ~/Mail/work"
        );
        let there =
            Counts { on_server: Some(3095), found: Some(3090), not_found: Some(5), others: Some(0), ..here };
        assert_eq!(
            sentence(&there, Some("~/Mail/work"), Seen::Fetch),
            "3,120 in its list, 3,095 on the server: 3,090 found in ~/Mail/work, 5 not found (will be fetched)"
        );
        assert!(sentence(&there, None, Seen::Skip).ends_with("5 not found (will be left)"));
        assert_eq!((grouped(7), grouped(1_234_567)), ("7".to_owned(), "1,234,567".to_owned()));
    }
}
