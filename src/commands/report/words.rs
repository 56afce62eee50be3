//! What the page and the text both say.

use crate::ledger::{Failures, History, Quarantined, UnixTime};
use crate::progress::wording::{self, printable};
use crate::report::{Day, DayState, Due, Facts, Health, Period, Problem, Runs, Unit};
use crate::text::dates;
use crate::text::figures::{counted, grouped};
use crate::text::safe::escape;
use jiff::civil::Date;
use std::fmt::Write as _;

/// A state of an account in a word or two.
pub(super) fn health(health: Health) -> &'static str {
    match health {
        Health::Good => "good",
        Health::NeverRun => "never run",
        Health::Attention => "attention",
        Health::Failing => "failing",
    }
}

/// A state of a day in a word.
pub(super) fn day_state(state: DayState) -> &'static str {
    match state {
        DayState::NoRun => "none",
        DayState::Done => "done",
        DayState::Partly => "partly",
        DayState::Failed => "failed",
    }
}

/// How the accounts fare, in a sentence.
pub(super) fn headline(healths: &[Health]) -> String {
    let count = |wanted: Health| healths.iter().filter(|health| **health == wanted).count() as u64;
    let (good, all) = (count(Health::Good), healths.len() as u64);
    match (good, all) {
        (0, 0) => return "No account is configured".to_owned(),
        (1, 1) => return "The backup is in good order".to_owned(),
        _ if good == all => return format!("All {} accounts are in good order", grouped(all)),
        _ => {}
    }
    let bad = [
        (Health::Failing, "is failing", "are failing"),
        (Health::Attention, "needs attention", "need attention"),
        (Health::NeverRun, "has never run", "have never run"),
    ];
    let mut clauses = Vec::new();
    for (health, one, several) in bad {
        let count = count(health);
        let verb = if count == 1 { one } else { several };
        match (count, clauses.len()) {
            (0, _) => {}
            (1, _) if all == 1 => clauses.push(format!("The backup {verb}")),
            // The first one says of how many.
            (_, 0) => clauses.push(format!("{} of {} accounts {verb}", grouped(count), grouped(all))),
            _ => clauses.push(format!("{} {verb}", grouped(count))),
        }
    }
    clauses.join(", ")
}

/// What a person should look at, in a sentence or two.
pub(super) fn problem(problem: &Problem, account: &str, now: UnixTime) -> String {
    match problem {
        Problem::Unreadable(why) => printable(why),
        Problem::NeverRun => format!("No run on record. Run popkeep fetch {account}"),
        Problem::SignIn => format!("You need to sign in: run popkeep login {account}"),
        Problem::Stale { last_success: Some(at) } => {
            format!("The last success was {}, on {}", dates::ago(*at, now), long_day(*at))
        }
        Problem::Stale { last_success: None } => "No run has ever succeeded".to_owned(),
        Problem::Failed { at, exit, error, .. } => {
            let why = error.as_deref().map(|error| format!(": {}", printable(error))).unwrap_or_default();
            format!("The last run ended {} with exit code {exit}{why}", dates::ago(*at, now))
        }
        Problem::Missing(1) => "1 message on the server could not be fetched yet".to_owned(),
        Problem::Missing(count) => {
            format!("{} messages on the server could not be fetched yet", grouped(*count))
        }
        Problem::Damaged { damaged, missing } => {
            let found: Vec<String> = [(damaged, "damaged"), (missing, "missing")]
                .iter()
                .filter(|(count, _)| **count > 0)
                .map(|(count, word)| format!("{} {word}", grouped(**count)))
                .collect();
            let things = if damaged + missing == 1 { "message" } else { "messages" };
            let found = found.join(" and ");
            format!(
                "Verification found {found} {things} in the archive: run popkeep verify {account} --repair"
            )
        }
    }
}

/// A number of messages: `51,204 messages`.
pub(super) fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{} messages", grouped(count)) }
}

/// A number of runs.
pub(super) fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{} runs", grouped(count)) }
}

/// Octets without a zero behind the point: `5 GiB`.
pub(super) fn short_size(octets: u64) -> String {
    wording::size(octets).replace(".0 ", " ")
}

/// How long something took: `12 s`, `4 min`.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

/// A day in full: `29 November 2026`.
pub(super) fn long_date(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

/// A day in short, in its year: `29 Nov`.
pub(super) fn short_date(date: Date) -> String {
    date.strftime("%-d %b").to_string()
}

/// The day of an instant in full.
pub(super) fn long_day(at: UnixTime) -> String {
    dates::date(at).map_or_else(|| dates::day(at), long_date)
}

/// A period: `March 2026`, `January to March 2026`, `2026`.
pub(super) fn period(period: &Period, unit: Unit) -> String {
    let from = period.from;
    match unit {
        Unit::Month => from.strftime("%B %Y").to_string(),
        Unit::Quarter => {
            let last = from.with().month((from.month() + 2).min(12)).build().unwrap_or(from);
            format!("{} to {}", from.strftime("%B"), last.strftime("%B %Y"))
        }
        Unit::Year => from.strftime("%Y").to_string(),
    }
}

/// How long a period is: `month`.
pub(super) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Month => "month",
        Unit::Quarter => "quarter",
        Unit::Year => "year",
    }
}

/// The runs of a day: `Monday 23 November 2026, partly: 96 runs, 94 succeeded, 2 failed (highest exit code 69)`.
pub(super) fn day(day: &Day) -> String {
    let date = day.date.strftime("%A %-d %B %Y");
    if day.runs() == 0 {
        return format!("{date}: no run");
    }
    // Writing into a String cannot fail.
    let mut text = format!("{date}, {}: {}", day_state(day.state()), runs(day.runs()));
    for (count, word) in [(day.succeeded, "succeeded"), (day.failed, "failed"), (day.killed, "did not end")] {
        if count > 0 && day.runs() > day.succeeded {
            let _ = write!(text, ", {} {word}", grouped(count));
        }
    }
    if let Some(exit @ 1..) = day.exit {
        let _ = write!(text, " (highest exit code {exit})");
    }
    text
}

/// How many days were how: `80 days done, 2 partly, 1 failed, 1 without a run`.
pub(super) fn days(runs: &Runs) -> String {
    let of = [
        (DayState::Done, "done"),
        (DayState::Partly, "partly"),
        (DayState::Failed, "failed"),
        (DayState::NoRun, "without a run"),
    ];
    let mut parts: Vec<String> = of
        .iter()
        .map(|(state, word)| (runs.days_in(*state) as u64, word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if let Some(first) = parts.first_mut()
        && let Some((count, word)) = first.split_once(' ')
    {
        *first = format!("{} {word}", counted(count.parse().unwrap_or(0), "day"));
    }
    parts.join(", ")
}

/// How long runs took.
pub(super) fn took(runs: &Runs) -> Option<String> {
    let (median, (longest, at)) = (runs.median?, runs.longest?);
    if median == longest {
        return Some(format!("No run took longer than {}", span(longest)));
    }
    Some(format!(
        "Half of the runs took {} or less; the longest took {}, on {}",
        span(median),
        span(longest),
        long_day(at)
    ))
}

/// The last run in a line: when, and what it came to.
pub(super) fn last_run(history: &History, now: UnixTime) -> String {
    match (&history.last_run, history.last_started) {
        (Some(run), _) => {
            let end = if run.exit == 0 { "ok".to_owned() } else { format!("exit code {}", run.exit) };
            format!("{}, {end}", dates::ago(run.at, now))
        }
        (None, Some(at)) => format!("began {}, has not ended", dates::ago(at, now)),
        (None, None) => "never".to_owned(),
    }
}

/// What the last run left on the server or did not find in the archive, and is no failure.
pub(super) fn remarks(history: &History) -> Vec<String> {
    let Some(run) = &history.last_run else { return Vec::new() };
    let mut remarks = Vec::new();
    if run.removed > 0 {
        let removed = messages(run.removed);
        remarks.push(format!("{removed} archived once, and removed from the archive since"));
    }
    if run.left > 0 {
        remarks.push(format!("{} left there by your own settings", messages(run.left)));
    }
    if run.kept > 0 {
        let kept = messages(run.kept);
        remarks.push(format!("{kept} due for deletion but kept: their copies are gone or changed"));
    }
    remarks
}

/// The last verification, in a sentence.
pub(super) fn verified(facts: &Facts, account: &str, now: UnixTime) -> String {
    let verification = &facts.history.verification;
    let Some(last) = verification.last else {
        if facts.history.archived.messages == 0 {
            return "There is nothing to verify yet".to_owned();
        }
        return format!("The archive was never verified: run popkeep verify {account}");
    };
    let bad: Vec<String> = [(last.damaged, "damaged"), (last.missing, "missing")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", grouped(*count)))
        .collect();
    let found = if bad.is_empty() { "all of them good".to_owned() } else { bad.join(", ") };
    let read = messages(last.read);
    let mut text = format!(
        "Last verified on {} ({}): {read} read, {found}",
        long_day(last.at),
        dates::ago(last.at, now)
    );
    if let Some(since) = verification.read_since {
        let _ = write!(text, ". Every message was read, or arrived, since {}", long_day(since));
    }
    text
}

/// What would be deleted, in a sentence.
pub(super) fn due(due: &Due) -> String {
    let Some(policy) = &due.policy else {
        return "Nothing is deleted from the server (delete = \"never\")".to_owned();
    };
    let restored = if due.after_restore { ", once restored" } else { "" };
    let setting = format!("delete = \"{policy}\"{restored}");
    if due.put_off {
        return format!(
            "The next run deletes nothing by age ({setting}): there was no run for more than 30 days, or the clock was wrong"
        );
    }
    match due.oldest {
        None => format!("Nothing is due for deletion from the server ({setting})"),
        Some(oldest) => {
            let verb = if due.messages == 1 { "is" } else { "are" };
            let (messages, size) = (messages(due.messages), wording::size(due.octets));
            let oldest = long_day(oldest);
            format!(
                "{messages} ({size}) {verb} due for deletion from the server if still there ({setting}), the oldest \
                 archived on {oldest}"
            )
        }
    }
}

/// Why runs failed.
pub(super) fn failure(kind: &Failures) -> String {
    match &kind.error {
        Some(error) => printable(error),
        None => "messages were missing".to_owned(),
    }
}

/// Which message is in quarantine.
pub(super) fn quarantined(message: &Quarantined) -> String {
    match (&message.uid, message.number) {
        (Some(uid), _) => format!("UID {}", escape(uid)),
        (None, Some(number)) => format!("message {number}"),
        (None, None) => "a message without a UID".to_owned(),
    }
}

/// Since when a message is in quarantine, and when it is tried again.
pub(super) fn tried(message: &Quarantined) -> String {
    let size = message.list_size.map(|size| format!("{}, ", wording::size(size))).unwrap_or_default();
    let next = if message.next_at <= message.last_at {
        "tried again in the next run".to_owned()
    } else {
        format!("tried again on {}", dates::day(message.next_at))
    };
    let failed = runs(u64::from(message.failures));
    format!("{size}failed in {failed} since {}, {next}", dates::day(message.first_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Attention, Failing, Good, NeverRun};

    #[test]
    fn the_headline_says_how_many_accounts_are_how() {
        assert_eq!(headline(&[Good]), "The backup is in good order");
        assert_eq!(headline(&[Failing]), "The backup is failing");
        assert_eq!(headline(&[Good, Good]), "All 2 accounts are in good order");
        assert_eq!(
            headline(&[Good, Attention, Failing, Failing, NeverRun]),
            "2 of 5 accounts are failing, 1 needs attention, 1 has never run"
        );
        assert_eq!(headline(&vec![Failing; 1200]), "1,200 of 1,200 accounts are failing");
        assert_eq!(headline(&[]), "No account is configured");
    }

    #[test]
    fn what_a_server_said_is_made_printable() {
        let failed = Problem::Failed {
            at: 0,
            exit: 77,
            error: Some("-ERR \u{1b}[2J\u{202e}".to_owned()),
            is_first: false,
        };
        let text = problem(&failed, "work", 60);
        assert_eq!(text, "The last run ended 60 s ago with exit code 77: -ERR \\x1b[2J\\u{202e}");
    }

    #[test]
    fn what_is_due_is_told_with_the_setting() {
        assert!(due(&Due::default()).contains("never"));
        let some = Due {
            policy: Some("30d".to_owned()),
            messages: 1,
            octets: 2048,
            oldest: Some(1_795_323_612),
            ..Due::default()
        };
        assert_eq!(
            due(&some),
            "1 message (2.0 KiB) is due for deletion from the server if still there (delete = \"30d\"), the oldest archived \
             on 22 November 2026"
        );
        let put_off = Due { put_off: true, ..some };
        assert!(due(&put_off).starts_with("The next run deletes nothing by age"));
    }
}
