//! `popkeep report`: how the backup fares, as a page to look at or as text for a mail from cron.
//!
//! Promises: connects nowhere and changes nothing but the page; exits 0 whatever it has to report, if the ledger can be read; the
//! page is replaced as a whole, and nobody else can read it. At most 1,000 accounts are in the table and 50 have a section of
//! their own, the worst first, so that neither the page nor what is kept in memory grows without bound.

mod calendar;
mod chart;
mod page;
mod text;
mod words;

use super::output::{self, Out, Printer};
use super::{Failure, load};
use crate::cli;
use crate::clock;
use crate::commands::status::SignInStatus;
use crate::config;
use crate::disk;
use crate::exit::Exit;
use crate::ledger::{LedgerError, Totals, UnixTime};
use crate::progress::wording::printable;
use crate::report::{Details, Facts, Gatherer, Health, Scope};
use jiff::civil::Date;
use std::io::{self, Write};
use std::path::Path;

/// Accounts in the table, at most.
const ROWS: usize = 1_000;

/// Accounts with a section of their own, at most.
const SECTIONS: usize = 50;

/// What stands for stdout.
const STDOUT: &str = "-";

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Page and text would be mixed up.
    #[error("--html - and --text would both go to stdout; name a file for the page")]
    BothToStdout,
    /// The page cannot be written.
    #[error("the report cannot be written to {path}: {source}; name a file in a folder that you can write")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl ReportError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            ReportError::BothToStdout => Exit::USAGE,
            ReportError::Write { .. } => Exit::IO,
        }
    }
}

/// What is reported.
struct Report {
    now: UnixTime,
    since: Option<Date>,
    /// How each account fares, also those that are not shown.
    healths: Vec<Health>,
    /// What all of them have archived.
    total: Totals,
    /// What of it came lately.
    lately: Totals,
    /// A line for each account that is shown, the worst first.
    rows: Vec<Row>,
    /// So many accounts are not shown.
    more: usize,
    /// What is known of the first of these.
    accounts: Vec<Account>,
}

/// An account's line of the table.
struct Row {
    name: String,
    health: Health,
    last_success: Option<UnixTime>,
    total: Totals,
    lately: Totals,
    /// Its runs, drawn.
    strip: String,
    /// Which section is about it.
    section: Option<usize>,
}

/// An account with a section.
struct Account {
    name: String,
    archive: String,
    health: Health,
    facts: Facts,
    /// `None`: the ledger cannot be read.
    details: Option<Details>,
}

/// Reports on the accounts named, or on all.
pub(super) fn run<W: Write>(
    file: Option<&Path>,
    options: &cli::Report,
    out: &mut Out<W>,
) -> Result<Exit, Failure> {
    let to_stdout = options.html.as_deref().is_some_and(|path| path == Path::new(STDOUT));
    if to_stdout && options.text {
        return Err(ReportError::BothToStdout.into());
    }
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    let scope = Scope { now: clock::now(), since: options.since };
    let mut gatherer = Gatherer::open(&config, scope)?;
    let (report, exit) = gather(&mut gatherer, &accounts, scope);
    if options.text {
        print(&text::text(&report), out)?;
    }
    match options.html.as_deref() {
        None => {}
        Some(_) if to_stdout => print(&page::page(&report), out)?,
        Some(path) => disk::replace_for_owner(path, page::page(&report).as_bytes())
            .map_err(|source| ReportError::Write { path: path.display().to_string(), source })?,
    }
    Ok(exit)
}

fn print<W: Write>(text: &str, out: &mut Out<W>) -> Result<(), Failure> {
    let mut printer = Printer::new(out, false);
    // A reader that has left has seen enough.
    let _ = printer.put(text.as_bytes());
    Ok(printer.finish()?)
}

/// What there is to report, and the exit code of a ledger that cannot be read.
fn gather(gatherer: &mut Gatherer<'_>, accounts: &[&config::Account], scope: Scope) -> (Report, Exit) {
    let mut exits = Vec::new();
    let mut report = Report {
        now: scope.now,
        since: scope.since,
        healths: Vec::new(),
        total: Totals::default(),
        lately: Totals::default(),
        rows: Vec::new(),
        more: 0,
        accounts: Vec::new(),
    };
    let mut shown: Vec<(&config::Account, Facts)> = Vec::new();
    let mut fail = |account: &config::Account, error: &LedgerError| {
        output::complain_about(&account.name, error);
        exits.push(error.exit());
    };
    for account in accounts {
        let sign_in = SignInStatus::of(account).is_some_and(|sign_in| sign_in.needs_person());
        let facts = gatherer.facts(account, sign_in).unwrap_or_else(|error| {
            fail(account, &error);
            Facts::unreadable(&error)
        });
        report.count(&account.name, &facts);
        shown.push((account, facts));
        if report.rows.len() >= 2 * ROWS {
            keep_worst(&mut report.rows, ROWS, |row| row.health);
        }
        if shown.len() >= 2 * SECTIONS {
            keep_worst(&mut shown, SECTIONS, |(_, facts)| facts.health());
        }
    }
    keep_worst(&mut report.rows, ROWS, |row| row.health);
    keep_worst(&mut shown, SECTIONS, |(_, facts)| facts.health());
    report.more = accounts.len() - report.rows.len();
    for (section, row) in report.rows.iter_mut().enumerate().take(shown.len()) {
        row.section = Some(section);
    }
    for (account, facts) in shown {
        let details = match gatherer.details(account) {
            Ok(details) => Some(details),
            // What cannot be read was told once.
            Err(_) if facts.is_unreadable() => None,
            Err(error) => {
                fail(account, &error);
                None
            }
        };
        report.accounts.push(Account {
            name: account.name.clone(),
            archive: printable(&account.archive.display().to_string()),
            health: facts.health(),
            facts,
            details,
        });
    }
    (report, Exit::merge(exits))
}

/// Puts the worst first, and leaves those that are equally bad in their order; so many at most.
fn keep_worst<T>(all: &mut Vec<T>, most: usize, health: impl Fn(&T) -> Health) {
    all.sort_by_key(|one| std::cmp::Reverse(health(one)));
    all.truncate(most);
}

impl Report {
    fn count(&mut self, name: &str, facts: &Facts) {
        let health = facts.health();
        let total = facts.history.archived;
        self.healths.push(health);
        self.total += total;
        self.lately += facts.growth.lately;
        self.rows.push(Row {
            name: name.to_owned(),
            health,
            last_success: facts.history.last_success,
            total,
            lately: facts.growth.lately,
            strip: calendar::strip(&facts.runs).into_string(),
            section: None,
        });
    }

    /// Which time counts as lately.
    fn lately_words(&self) -> String {
        match self.since {
            Some(since) => format!("since {}", words::long_date(since)),
            None => "in 12 weeks".to_owned(),
        }
    }
}
