//! The log as people read it: a line for each run, and one for each day of older ones.

use super::Line;
use crate::commands::columns::{cut, filled, width};
use crate::ledger::{Logged, LoggedRun, RunDay};
use crate::progress::wording::{printable, size};
use crate::text::dates;

/// What stands where there is nothing to show.
const NOTHING: &str = "-";

/// Between two columns.
const GAP: &str = "  ";

/// What is above the columns. An account's name comes before them where there are several.
const HEAD: [&str; COLUMNS] = ["STARTED", "TOOK", "RESULT", "LISTED", "FETCHED", "SIZE", "DELETED", "WHY"];

const COLUMNS: usize = 8;

/// These columns are numbers, which end at the right.
const NUMBERS: [bool; COLUMNS] = [false, true, false, true, true, true, true, false];

/// The whole table; nothing if there is no line. `terminal`: the columns beyond which nothing is shown.
pub(super) fn table(names: &[&str], lines: &[Line], terminal: Option<usize>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let head = HEAD.map(str::to_owned);
    let rows: Vec<[String; COLUMNS]> =
        std::iter::once(head).chain(lines.iter().map(|line| row(&line.logged))).collect();
    let mut widths = [0; COLUMNS];
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(widest, text)| *widest = width(text).max(*widest));
    }
    let accounts = if names.len() > 1 { names } else { &[] };
    let widest = accounts.iter().map(|name| width(name)).max().unwrap_or(0).max("ACCOUNT".len());
    let mut table = String::new();
    for (row, line) in rows.iter().zip(std::iter::once(None).chain(lines.iter().map(Some))) {
        let mut columns = Vec::with_capacity(COLUMNS + 1);
        if !accounts.is_empty() {
            let name = line.map_or(Some(&"ACCOUNT"), |line| accounts.get(line.account));
            columns.push(filled(name.unwrap_or(&NOTHING), widest));
        }
        for ((text, to), is_number) in row.iter().zip(widths).zip(NUMBERS) {
            columns.push(if is_number { format!("{text:>to$}") } else { filled(text, to) });
        }
        let text = columns.join(GAP);
        let text = terminal.map_or_else(|| text.clone(), |to| cut(&text, to));
        table.push_str(text.trim_end());
        table.push('\n');
    }
    table
}

fn row(logged: &Logged) -> [String; COLUMNS] {
    match logged {
        Logged::Run(run) => row_of_run(run),
        Logged::Day(day) => row_of_day(day),
    }
}

fn row_of_run(run: &LoggedRun) -> [String; COLUMNS] {
    let nothing = || NOTHING.to_owned();
    let started = dates::minute(run.started_at);
    let Some(record) = &run.record else {
        let why = "at work, or killed".to_owned();
        return [started, nothing(), "not ended".into(), nothing(), nothing(), nothing(), nothing(), why];
    };
    let why = match (&record.error, record.missing) {
        (Some(error), _) => printable(error),
        (None, 0) => String::new(),
        (None, missing) => format!("{missing} missing"),
    };
    [
        started,
        run.seconds().map_or_else(nothing, took),
        if record.exit == 0 { "ok".to_owned() } else { format!("exit {}", record.exit) },
        record.listed.to_string(),
        record.fetched.to_string(),
        if record.fetched > 0 { size(record.octets) } else { nothing() },
        record.deleted.to_string(),
        why,
    ]
}

fn row_of_day(day: &RunDay) -> [String; COLUMNS] {
    let killed = day.runs.saturating_sub(day.succeeded + day.failed);
    let counts = [(day.succeeded, "ok"), (day.failed, "failed"), (killed, "killed")];
    let result: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    [
        day.day.clone(),
        NOTHING.to_owned(),
        result.join(", "),
        NOTHING.to_owned(),
        day.fetched.to_string(),
        if day.fetched > 0 { size(day.octets) } else { NOTHING.to_owned() },
        day.deleted.to_string(),
        match day.exit {
            Some(exit @ 1..) => format!("highest exit code {exit}"),
            _ => String::new(),
        },
    ]
}

/// How long a run took: `12 s`.
fn took(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RunRecord;

    const AT: i64 = 1_795_323_612;

    fn lines() -> Vec<Line> {
        let run = |number, exit, error: Option<&str>, fetched| {
            let error = error.map(str::to_owned);
            let octets = fetched * 1024;
            let record =
                RunRecord { at: AT + 12, exit, error, listed: 120, fetched, octets, ..RunRecord::default() };
            Logged::Run(Box::new(LoggedRun { number, started_at: AT, record: Some(record) }))
        };
        let killed = Logged::Run(Box::new(LoggedRun { number: 3, started_at: AT, record: None }));
        let day = RunDay {
            day: "2026-11-20".to_owned(),
            last: 1,
            runs: 96,
            succeeded: 93,
            failed: 2,
            fetched: 7,
            octets: 7 * 1024,
            exit: Some(69),
            ..RunDay::default()
        };
        let logged = [run(4, 0, None, 3), killed, run(2, 69, Some("cannot\x1bconnect"), 0), Logged::Day(day)];
        logged.into_iter().map(|logged| Line { account: 0, logged }).collect()
    }

    #[test]
    fn each_run_and_each_day_is_a_line() {
        let started = dates::minute(AT);
        assert_eq!(
            table(&["work"], &lines(), None),
            format!(
                "STARTED           TOOK  RESULT                     LISTED  FETCHED     SIZE  DELETED  WHY\n\
                 {started}  12 s  ok                            120        3  3.0 KiB        0\n\
                 {started}     -  not ended                       -        -        -        -  at work, or killed\n\
                 {started}  12 s  exit 69                       120        0        -        0  cannot\\x1bconnect\n\
                 2026-11-20           -  93 ok, 2 failed, 1 killed       -        7  7.0 KiB        0  highest exit code 69\n"
            )
        );
        assert_eq!(table(&["work"], &[], None), "");
    }

    #[test]
    fn several_accounts_are_named_and_a_terminal_gets_what_fits() {
        let text = table(&["a-long-name", "home"], &lines(), Some(60));
        assert!(
            text.starts_with("ACCOUNT      STARTED") && text.lines().all(|line| width(line) <= 60),
            "{text}"
        );
        assert!(text.lines().skip(1).all(|line| line.starts_with("a-long-name  2")), "{text}");
    }
}
