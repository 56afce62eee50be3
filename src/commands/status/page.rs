//! What a person reads of an account's status.

use super::sign_in::SignInStatus;
use super::{Known, chart};
use crate::ledger::{History, RunRecord, UnixTime};
use crate::progress::wording;
use crate::text::figures::counted;
use crate::text::safe::escape;
use std::fmt::Write as _;

/// How many messages in quarantine are shown.
const QUARANTINE_SHOWN: usize = 5;

/// How the page is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The time now.
    pub(super) now: UnixTime,
    /// Bars of more than ASCII.
    pub(super) unicode: bool,
}

/// An account's status in words.
pub(super) fn describe(known: &Known<'_>, terms: Terms) -> String {
    let Known { name, archive, history, stale, unverified, sign_in } = *known;
    let when = |at| format!("{} ({})", wording::moment(at), wording::ago(at, terms.now));
    let mut lines = vec![("last run", last_run(history, when))];
    if let Some(at) = unended(history).filter(|_| history.last_run.is_some()) {
        lines.push(("started", format!("{}, not finished: running, or cut off", when(at))));
    }
    let stale = if stale == Some(true) { ", too long ago" } else { "" };
    lines.push((
        "last success",
        history.last_success.map_or_else(|| format!("never{stale}"), |at| format!("{}{stale}", when(at))),
    ));
    lines.extend(failures(history, when).into_iter().map(|line| ("failures", line)));
    let sign_in = sign_in.map(|sign_in| sign_in.lines(name, when)).unwrap_or_default();
    lines.extend(sign_in.into_iter().map(|line| ("sign-in", line)));
    let newest = history.newest.map(|at| format!(", the newest archived {}", when(at))).unwrap_or_default();
    lines.push((
        "archived",
        format!(
            "{}, {}{newest}",
            wording::messages(history.archived.messages),
            wording::size(history.archived.octets)
        ),
    ));
    lines.extend(verified(history, unverified, when).map(|line| ("verified", line)));
    lines.extend(quarantine(history, when).into_iter().map(|line| ("quarantine", line)));
    if history.archived.messages > 0 {
        lines.push(("growth", growth(history, terms.unicode)));
    }
    lines.push(("archive", wording::printable(&archive.display().to_string())));
    let mut text = format!("{name}\n");
    let mut before = "";
    for (what, how) in lines {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  {:<13} {how}", if what == before { "" } else { what });
        before = what;
    }
    text
}

/// The head of the table.
const HEAD: [&str; 5] = ["ACCOUNT", "LAST SUCCESS", "ARCHIVED", "SIZE", "LAST RUN"];

/// An account's line of the table.
pub(super) fn row(known: &Known<'_>, now: UnixTime) -> [String; 5] {
    let Known { name, history, stale, unverified, sign_in, .. } = *known;
    let stale = if stale == Some(true) { ", too long ago" } else { "" };
    let success = history.last_success.map_or_else(|| "never".to_owned(), |at| wording::ago(at, now));
    let end = match &history.last_run {
        _ if unended(history).is_some() => "not finished: running, or cut off".to_owned(),
        None => "never run".to_owned(),
        Some(run) if run.exit == 0 => "ok".to_owned(),
        Some(run) if run.missing > 0 => format!("exit code {}, {} missing", run.exit, run.missing),
        Some(run) => format!("exit code {}", run.exit),
    };
    let bad = history.verification.last.map_or(0, |last| last.damaged + last.missing);
    let damaged = if bad > 0 { format!(", {bad} damaged or missing in the archive") } else { String::new() };
    let unverified = if unverified == Some(true) && bad == 0 { ", not verified in time" } else { "" };
    let needed = if sign_in.is_some_and(SignInStatus::needs_person) { ", sign-in needed" } else { "" };
    let archived = history.archived.messages.to_string();
    let success = format!("{success}{stale}");
    [
        name.to_owned(),
        success,
        archived,
        wording::size(history.archived.octets),
        format!("{end}{needed}{damaged}{unverified}"),
    ]
}

/// The table of these lines; nothing, if there is none.
pub(super) fn table(rows: &[[String; 5]]) -> String {
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let width =
        |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0).max(HEAD[column].len());
    let widths: [usize; 5] = std::array::from_fn(width);
    for [account, success, archived, size, run] in
        std::iter::once(HEAD).chain(rows.iter().map(|row| row.each_ref().map(String::as_str)))
    {
        let [first, second, third, fourth, _] = widths;
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "{account:<first$}  {success:<second$}  {archived:>third$}  {size:>fourth$}  {run}"
        );
    }
    text
}

fn last_run(history: &History, when: impl Fn(UnixTime) -> String) -> String {
    match (&history.last_run, history.last_started) {
        (Some(run), _) => format!("{}: {}", when(run.at), ending(run)),
        (None, Some(at)) => format!("started {}, not finished: running, or cut off", when(at)),
        (None, None) => "never run".to_owned(),
    }
}

/// When a run began that has not ended.
fn unended(history: &History) -> Option<UnixTime> {
    let ended = history.last_run.as_ref().map_or(UnixTime::MIN, |run| run.at);
    history.last_started.filter(|began| *began > ended)
}

/// How a run ended, in a line.
fn ending(run: &RunRecord) -> String {
    let end = if run.exit == 0 { "ok".to_owned() } else { format!("exit code {}", run.exit) };
    if run.exit != 0 && run.listed == 0 {
        return end;
    }
    let counts = wording::counts(run.listed, run.archived, run.fetched, run.octets, run.deleted);
    let mut others: Vec<String> = [(run.removed, "removed"), (run.left, "left"), (run.missing, "missing")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!(", {count} {word}"))
        .collect();
    if run.kept > 0 {
        let octets = wording::size(run.kept_octets);
        others.push(format!(
            ", {} ({octets}) due for deletion but kept: their copy is gone or changed",
            run.kept
        ));
    }
    format!("{end}, {counts}{}", others.concat())
}

/// The last verification, and what is not verified.
fn verified(
    history: &History,
    unverified: Option<bool>,
    when: impl Fn(UnixTime) -> String,
) -> Option<String> {
    let too_old = if unverified == Some(true) { ", not within the time allowed" } else { "" };
    let Some(last) = history.verification.last else {
        return (history.archived.messages > 0 && unverified.is_some()).then(|| format!("never{too_old}"));
    };
    let since = history.verification.read_since.map(|at| format!(", all read since {}", when(at)));
    let bad: Vec<String> = [(last.damaged, "damaged"), (last.missing, "missing")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!(", {count} {word}"))
        .collect();
    Some(format!("{}{}{}{too_old}", when(last.at), bad.concat(), since.unwrap_or_default()))
}

/// The failures since the last success: how many, and a line for each kind.
fn failures(history: &History, when: impl Fn(UnixTime) -> String) -> Vec<String> {
    let told: u64 = history.failures.iter().map(|kind| kind.runs).sum();
    let mut lines: Vec<String> = history
        .failures
        .iter()
        .map(|kind| {
            let why = kind.error.as_deref().map_or_else(
                || format!("exit code {}: messages were missing", kind.exit),
                |error| format!("exit code {}: {}", kind.exit, wording::printable(error)),
            );
            format!("{}, last {}: {why}", counted(kind.runs, "run"), when(kind.last))
        })
        .collect();
    if told < history.failed_runs {
        lines.push(format!("{} for other reasons", counted(history.failed_runs - told, "run")));
    }
    lines
}

/// The messages in quarantine: how many, and a line for each of the first.
fn quarantine(history: &History, when: impl Fn(UnixTime) -> String) -> Vec<String> {
    if history.quarantined == 0 {
        return Vec::new();
    }
    let mut lines =
        vec![format!("{} failed and will be tried again", wording::messages(history.quarantined))];
    for message in history.quarantine.iter().take(QUARANTINE_SHOWN) {
        let name = match (&message.uid, message.number) {
            (Some(uid), _) => format!("UID {}", escape(uid)),
            (None, Some(number)) => format!("message {number}"),
            (None, None) => "a message without a UID".to_owned(),
        };
        let (since, reason) = (when(message.first_at), wording::printable(&message.reason));
        lines.push(format!("{name}, since {since}: {reason}"));
    }
    if history.quarantined > QUARANTINE_SHOWN as u64 {
        lines.push(format!("and {} more", history.quarantined - QUARANTINE_SHOWN as u64));
    }
    lines
}

/// The messages of each week, as bars and in figures.
fn growth(history: &History, unicode: bool) -> String {
    let weeks = &history.weeks;
    let sum = weeks.iter().fold((0_u64, 0_u64), |(messages, octets), week| {
        (messages + week.archived.messages, octets.saturating_add(week.archived.octets))
    });
    let bars = chart::bars(weeks.iter().map(|week| week.archived.messages), unicode);
    format!("{bars}  {}, {} in {} weeks", wording::messages(sum.0), wording::size(sum.1), weeks.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Failures, Quarantined, Totals, Week};
    use std::path::Path;

    const NOW: UnixTime = 1_795_323_612;

    fn known<'a>(name: &'a str, history: &'a History, stale: Option<bool>) -> Known<'a> {
        Known { name, archive: Path::new("/mail/work"), history, stale, unverified: None, sign_in: None }
    }

    fn page(history: &History, stale: Option<bool>) -> String {
        describe(&known("work", history, stale), Terms { now: NOW, unicode: true })
    }

    fn failed(at: UnixTime, exit: u8, error: &str) -> History {
        let run = RunRecord { at, exit, error: Some(error.to_owned()), ..RunRecord::default() };
        let failures = vec![Failures { runs: 1, last: at, exit, error: Some(error.to_owned()) }];
        History { last_run: Some(run), failed_runs: 1, failures, ..History::default() }
    }

    #[test]
    fn the_last_run_is_told_in_one_line() {
        let mut run =
            RunRecord { listed: 12, archived: 12, fetched: 3, octets: 46_080, ..RunRecord::default() };
        assert_eq!(ending(&run), "ok, 12 listed, 12 archived, 3 fetched (45.0 KiB), 0 deleted");
        (run.exit, run.archived, run.missing) = (75, 10, 2);
        assert_eq!(
            ending(&run),
            "exit code 75, 12 listed, 10 archived, 3 fetched (45.0 KiB), 0 deleted, 2 missing"
        );
        let refused = RunRecord { exit: 77, ..RunRecord::default() };
        assert_eq!(ending(&refused), "exit code 77", "it never saw the maildrop");
    }

    #[test]
    fn an_account_that_never_ran_is_told_in_four_lines() {
        assert_eq!(
            page(&History::default(), Some(true)),
            "work\n  last run      never run\n  last success  never, too long ago\n  \
             archived      0 messages, 0 B\n  archive       /mail/work\n"
        );
    }

    #[test]
    fn failures_since_the_last_success_have_a_line_for_each_kind() {
        let text = page(&failed(NOW - 7200, 69, "cannot connect\u{1b}[2J"), None);
        assert!(text.contains("(2 h ago): exit code 69\n"), "{text}");
        assert!(text.contains("\n  failures      1 run, last "), "{text}");
        assert!(text.contains("exit code 69: cannot connect\\x1b[2J\n"), "{text}");

        let mut several = failed(NOW - 60, 69, "cannot connect");
        several.failures.push(Failures { runs: 2, last: NOW - 90, exit: 1, error: None });
        several.failed_runs = 7;
        let text = page(&several, None);
        assert!(text.contains("\n                2 runs, last "), "{text}");
        assert!(
            text.contains("exit code 1: messages were missing\n                4 runs for other reasons\n"),
            "{text}"
        );
    }

    #[test]
    fn messages_in_quarantine_are_named_with_their_reason() {
        let message = |uid: Option<&[u8]>, number| Quarantined {
            uid: uid.map(<[u8]>::to_vec),
            number,
            list_size: None,
            reason: "-ERR \u{7}".into(),
            failures: 2,
            first_at: NOW - 3 * 86_400,
            last_at: NOW,
            next_at: NOW + 60,
            larger_than: None,
        };
        let quarantine = vec![message(Some(b"1a\x1b"), None), message(None, Some(7))];
        let text = page(&History { quarantined: 9, quarantine, ..History::default() }, None);
        assert!(text.contains("\n  quarantine    9 messages failed and will be tried again\n"), "{text}");
        assert!(
            text.contains("UID 1a\\x1b, since ") && text.contains("(3 days ago): -ERR \\x07\n"),
            "{text}"
        );
        assert!(text.contains("message 7, since") && text.contains("and 4 more\n"), "{text}");
    }

    #[test]
    fn many_accounts_are_a_table() {
        let fine = RunRecord { at: NOW, listed: 3, archived: 3, ..RunRecord::default() };
        let fine = History {
            last_run: Some(fine),
            last_success: Some(NOW - 7200),
            archived: Totals { messages: 12, octets: 2048 },
            ..History::default()
        };
        let never = History::default();
        let rows = [
            row(&known("work", &fine, None), NOW),
            row(&known("home", &failed(NOW - 60, 77, "refused"), Some(true)), NOW),
            row(
                &Known { sign_in: Some(&SignInStatus::Missing), ..known("jane@example.com", &never, None) },
                NOW,
            ),
        ];
        let text = table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[0], "ACCOUNT           LAST SUCCESS         ARCHIVED     SIZE  LAST RUN");
        assert_eq!(lines[1], "work              2 h ago                    12  2.0 KiB  ok");
        assert_eq!(lines[2], "home              never, too long ago         0      0 B  exit code 77");
        assert_eq!(
            lines[3],
            "jane@example.com  never                       0      0 B  never run, sign-in needed"
        );
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn a_run_that_has_not_ended_is_told() {
        let first = History { last_started: Some(NOW - 30), ..History::default() };
        assert!(page(&first, None).contains("(30 s ago), not finished: running, or cut off"));
        let later = History { last_started: Some(NOW - 30), ..failed(NOW - 7200, 69, "x") };
        let text = page(&later, None);
        assert!(text.contains("(2 h ago): exit code 69\n  started "), "{text}");
        let ended = History { last_started: Some(NOW - 7200), ..failed(NOW - 7200, 69, "x") };
        assert!(!page(&ended, None).contains("started "));
    }

    #[test]
    fn growth_is_a_bar_for_each_week() {
        let weeks = [1, 0, 4]
            .map(|messages| Week { from: NOW, archived: Totals { messages, octets: messages * 1024 } });
        let history = History {
            archived: Totals { messages: 9, octets: 9216 },
            newest: Some(NOW),
            weeks: weeks.to_vec(),
            ..History::default()
        };
        let text = page(&history, None);
        assert!(text.contains("\n  growth        ▂·█  5 messages, 5.0 KiB in 3 weeks\n"), "{text}");
        assert_eq!(growth(&history, false), "-.@  5 messages, 5.0 KiB in 3 weeks");
    }
}
