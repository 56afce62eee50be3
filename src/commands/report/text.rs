//! The report as text: what a monthly mail from cron shows.
//!
//! Promises: no line is wider than [`WIDTH`] columns; no colours, no control characters. With many accounts there is a line
//! for each, and more only of those with problems.

use super::{Account, Report, words};
use crate::commands::columns::{cut, filled, width};
use crate::ledger::UnixTime;
use crate::progress::wording::{printable, size};
use crate::report::{DayState, Facts, Growth, Health, Runs};
use crate::text::dates;
use crate::text::figures::grouped;

/// Columns of a mail.
const WIDTH: usize = 78;

/// Where the text of a line begins.
const INDENT: usize = 16;

/// So few accounts are all told in full.
const FEW: usize = 3;

/// The longest bar of a year.
const BAR: u64 = 24;

/// So many of the largest messages are told.
const LARGEST: usize = 5;

/// Columns for an account's name in the table.
const NAME: usize = 24;

pub(super) fn text(report: &Report) -> String {
    let mut page = Page::default();
    page.line(&format!("popkeep report, {}", dates::minute(report.now)));
    page.wrapped("", &format!("{}.", words::headline(&report.healths)));
    let all = report.rows.len() + report.more;
    if all > 1 {
        table(&mut page, report);
    }
    for account in &report.accounts {
        if all <= FEW || account.health != Health::Good {
            section(&mut page, account, report);
        }
    }
    page.text
}

/// A line for each account.
fn table(page: &mut Page, report: &Report) {
    page.line("");
    page.wrapped(
        "",
        &format!(
            "{} in {}; {} ({}) came {}.",
            words::messages(report.total.messages),
            size(report.total.octets),
            words::messages(report.lately.messages),
            size(report.lately.octets),
            report.lately_words()
        ),
    );
    page.line("");
    let name = report.rows.iter().map(|row| width(&row.name)).max().unwrap_or(0).clamp(7, NAME);
    let line = |cells: [&str; 6]| {
        let [account, state, success, messages, size, new] = cells;
        let account = filled(&cut(account, name), name);
        format!("{account}  {state:<9}  {success:<13}  {messages:>9}  {size:>9}  {new:>6}")
    };
    page.line(&line(["ACCOUNT", "STATE", "LAST SUCCESS", "MESSAGES", "SIZE", "NEW"]));
    for row in &report.rows {
        let success = row.last_success.map_or_else(|| "never".to_owned(), |at| dates::ago(at, report.now));
        let (messages, octets) = (grouped(row.total.messages), size(row.total.octets));
        let new = grouped(row.lately.messages);
        page.line(&line([&row.name, words::health(row.health), &success, &messages, &octets, &new]));
    }
    if report.more > 0 {
        page.wrapped(
            "",
            &format!("{} more accounts are not shown; none is worse.", grouped(report.more as u64)),
        );
    }
}

/// What is known of an account.
fn section(page: &mut Page, account: &Account, report: &Report) {
    let Account { name, archive, health, facts, details } = account;
    let (history, now) = (&facts.history, report.now);
    page.line("");
    page.wrapped("", &format!("{name}: {}", words::health(*health)));
    for problem in &facts.problems {
        page.field("  !", 4, &words::problem(problem, name, now));
    }
    let on = |at: UnixTime| format!("{}, {}", dates::ago(at, now), words::long_day(at));
    page.entry("last run", &words::last_run(history, now));
    page.entry("last success", &history.last_success.map_or_else(|| "never".to_owned(), on));
    failures(page, facts, now);
    missing(page, facts);
    let lately = facts.growth.lately;
    let new = format!("{} ({}) {}", grouped(lately.messages), size(lately.octets), report.lately_words());
    page.entry(
        "archived",
        &format!("{}, {}; {new}", words::messages(history.archived.messages), size(history.archived.octets)),
    );
    years(page, &facts.growth);
    if facts.runs.runs > 0 {
        runs(page, &facts.runs);
    }
    if let Some(details) = details {
        page.entry("verified", &words::verified(facts, name, now));
        for remark in words::remarks(history) {
            page.entry("on the server", &remark);
        }
        page.entry("deletion", &words::due(&details.due));
        for (place, message) in details.largest.iter().take(LARGEST).enumerate() {
            let day = dates::day(message.archived_at);
            let line = format!("{:>10}  archived {day}  {}", size(message.size), message.id);
            page.entry(if place == 0 { "largest" } else { "" }, &line);
        }
    }
    page.entry("archive", archive);
}

fn failures(page: &mut Page, facts: &Facts, now: UnixTime) {
    for (place, kind) in facts.history.failures.iter().enumerate() {
        let (runs, last, why) = (words::runs(kind.runs), dates::ago(kind.last, now), words::failure(kind));
        let name = if place == 0 { "failures" } else { "" };
        page.entry(name, &format!("{runs}, the last {last}, exit code {}: {why}", kind.exit));
    }
}

fn missing(page: &mut Page, facts: &Facts) {
    let history = &facts.history;
    for (place, message) in history.quarantine.iter().enumerate() {
        let (which, tried) = (words::quarantined(message), words::tried(message));
        let name = if place == 0 { "missing" } else { "" };
        page.entry(name, &format!("{which}: {} ({tried})", printable(&message.reason)));
    }
    let more = history.quarantined.saturating_sub(history.quarantine.len() as u64);
    if more > 0 {
        page.entry("", &format!("and {} more", words::messages(more)));
    }
}

/// A bar for each year.
fn years(page: &mut Page, growth: &Growth) {
    let largest = growth.years.iter().map(|year| year.new.messages).max().unwrap_or(0).max(1);
    for (place, year) in growth.years.iter().enumerate() {
        // Rounded up, so that one message in a year of thousands still shows.
        let bar = (u128::from(year.new.messages) * u128::from(BAR)).div_ceil(u128::from(largest));
        let bar = "#".repeat(usize::try_from(bar).unwrap_or(0));
        let (messages, size) = (grouped(year.new.messages), size(year.new.octets));
        page.entry(
            if place == 0 { "by year" } else { "" },
            &format!("{}  {messages:>9}  {size:>9}  {bar}", year.year),
        );
    }
}

/// The calendar, a line for each day of the week.
fn runs(page: &mut Page, runs: &Runs) {
    page.entry(
        "runs",
        &format!(
            "{}, {} succeeded; {} fetched, {} deleted from the server",
            words::runs(runs.runs),
            grouped(runs.succeeded),
            words::messages(runs.fetched),
            grouped(runs.deleted)
        ),
    );
    if let Some(took) = words::took(runs) {
        page.entry("", &took);
    }
    page.entry("by day", &words::days(runs));
    let Some(first) = runs.days.first() else { return };
    let empty = usize::from(first.date.weekday().to_monday_zero_offset().unsigned_abs());
    for (row, name) in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].into_iter().enumerate() {
        // Each line has as many columns, so that the legend stands beside them.
        let cells = (0..(runs.days.len() + empty).div_ceil(7)).map(|column| 7 * column + row);
        let cells: Vec<&str> = cells
            .map(|place| place.checked_sub(empty).and_then(|place| runs.days.get(place)))
            .map(|day| day.map_or(" ", |day| mark(day.state())))
            .collect();
        let legend = match row {
            0 => "   + done",
            1 => "   ~ partly",
            2 => "   x failed",
            3 => "   . none",
            _ => "",
        };
        page.line(format!("{:INDENT$}{name}  {}{legend}", "", cells.join(" ")).trim_end());
    }
}

fn mark(state: DayState) -> &'static str {
    match state {
        DayState::NoRun => ".",
        DayState::Done => "+",
        DayState::Partly => "~",
        DayState::Failed => "x",
    }
}

/// Lines that are no wider than [`WIDTH`].
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// What is told under a name.
    fn entry(&mut self, name: &str, text: &str) {
        self.field(&format!("  {name}"), INDENT, text);
    }

    /// Text without a name.
    fn wrapped(&mut self, name: &str, text: &str) {
        self.field(name, 0, text);
    }

    /// A name, and from a column on its text, in as many lines as it takes.
    fn field(&mut self, name: &str, column: usize, text: &str) {
        let mut lead = filled(name, column);
        for line in wrap(text, WIDTH - column) {
            self.line(format!("{lead}{line}").trim_end());
            lead = " ".repeat(column);
        }
    }
}

/// Breaks text at blanks, and where there is none in the middle of a word.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut left = text;
    while !left.is_empty() {
        let (word, rest) = left.split_at(left.find(' ').map_or(left.len(), |at| at.max(1)));
        left = rest;
        let line = lines.last_mut().map_or("", |line| line.as_str());
        if width(line) + width(word) <= columns {
            if let Some(line) = lines.last_mut() {
                line.push_str(word);
            }
            continue;
        }
        let word = word.trim_start();
        let mut piece = String::new();
        for character in word.chars() {
            piece.push(character);
            if width(&piece) > columns {
                piece.pop();
                lines.push(std::mem::replace(&mut piece, character.to_string()));
            }
        }
        lines.push(piece);
    }
    lines.retain(|line| !line.trim().is_empty());
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Day;
    use jiff::ToSpan as _;
    use proptest::prelude::*;

    #[test]
    fn long_text_is_broken_at_blanks_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("a 0123456789", 4), ["a", "0123", "4567", "89"]);
        assert_eq!(wrap("  12.0 KiB  x", 20), ["  12.0 KiB  x"], "what stands in columns stays there");
        assert_eq!(wrap("", 8), [""; 0]);
    }

    #[test]
    fn the_calendar_has_its_legend_beside_it() {
        let first = jiff::civil::date(2026, 11, 26);
        let day =
            |at: i32| Day { date: first + at.days(), succeeded: 1, failed: 0, killed: 0, exit: Some(0) };
        let mut page = Page::default();
        runs(&mut page, &Runs { days: (0..9).map(day).collect(), runs: 9, ..Runs::default() });
        let calendar: Vec<&str> = page.text.lines().filter_map(|line| line.get(INDENT..)).skip(2).collect();
        let expected = [
            "Mon    +   + done",
            "Tue    +   ~ partly",
            "Wed    +   x failed",
            "Thu  + +   . none",
            "Fri  + +",
            "Sat  +",
            "Sun  +",
        ];
        assert_eq!(calendar[calendar.len() - 7..], expected);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_letter_is_lost(text in "[a-z0-9 日é]{0,80}", columns in 2_usize..30) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
