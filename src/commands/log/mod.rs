//! `popkeep log`: the runs on record, the newest first.
//!
//! Promises: connects nowhere, makes and changes no file; exits 0 if the ledger can be read, whatever the runs came to, and also
//! when there is none.

mod document;
mod table;

use super::output::{Out, Printer};
use super::{Failure, load, output, pager};
use crate::cli;
use crate::config::Account;
use crate::exit::Exit;
use crate::ledger::{LedgerError, LedgerFile, Logged, UnixTime};
use crate::search::query::Period;
use crate::text::dates;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::io::Write;
use std::iter::Peekable;
use std::path::Path;
use std::vec::IntoIter;

/// One line of the log, and the place of its account among those that are shown.
struct Line {
    account: usize,
    logged: Logged,
}

/// Shows the runs of the accounts named, or of all.
pub(super) fn run<W: Write>(
    file: Option<&Path>,
    options: &cli::Log,
    out: &mut Out<W>,
) -> Result<Exit, Failure> {
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    let ledger = LedgerFile::read_only(&config.state_dir)?;
    let (mut logs, mut errors) = (Vec::new(), Vec::new());
    for account in &accounts {
        let (log, error) = match log(ledger.as_ref(), account) {
            Ok(log) => (log, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        if let Some(error) = &error {
            output::complain_about(&account.name, error);
        }
        logs.push(log);
        errors.push(error);
    }
    let exit = Exit::merge(errors.iter().flatten().map(LedgerError::exit));
    let most = options.limit.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let lines = merged(logs, options.since).take(most).collect::<Vec<Line>>();
    if options.json {
        output::document(out, &document::Document::new(exit, &accounts, &errors, &lines))?;
        return Ok(exit);
    }
    let names = accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>();
    let text = table::table(&names, &lines, output::width());
    if exit.is_ok() && pager::is_wanted(lines.len() + 1) {
        pager::page(&config.state_dir, out, |out| print(&text, out))?;
    } else {
        print(&text, out)?;
    }
    Ok(exit)
}

fn print<W: Write>(text: &str, out: &mut Out<W>) -> Result<(), Failure> {
    let mut printer = Printer::new(out, false);
    // A reader that has left has seen enough.
    let _ = printer.put(text.as_bytes());
    Ok(printer.finish()?)
}

/// What is on record about an account's runs; nothing, if there was none.
fn log(ledger: Option<&LedgerFile>, account: &Account) -> Result<Vec<Logged>, LedgerError> {
    let Some(file) = ledger else { return Ok(Vec::new()) };
    file.existing(&account.identity, &account.archive)?.map_or_else(|| Ok(Vec::new()), |ledger| ledger.log())
}

/// The lines of all accounts, the newest first; those of one account stay in their order, whatever its clock did.
fn merged(logs: Vec<Vec<Logged>>, since: Option<Date>) -> impl Iterator<Item = Line> {
    let from = since.and_then(|day| {
        let period = Period { from: Some(day), before: None };
        period.instants(&TimeZone::system()).0
    });
    let first_day = since.map(|day| day.to_string()).unwrap_or_default();
    let is_shown = move |logged: &Logged| match logged {
        Logged::Run(run) => from.is_none_or(|from| run.started_at >= from),
        Logged::Day(day) => day.day >= first_day,
    };
    let mut logs: Vec<Peekable<IntoIter<Logged>>> = logs
        .into_iter()
        .map(|log| log.into_iter().filter(&is_shown).collect::<Vec<_>>().into_iter().peekable())
        .collect();
    std::iter::from_fn(move || {
        let heads = logs.iter_mut().enumerate();
        let heads = heads.filter_map(|(account, log)| Some((time(log.peek()?), account)));
        // Of two at the same time the first account's.
        let account = heads.max_by_key(|(time, account)| (time.clone(), std::cmp::Reverse(*account)))?.1;
        logs.get_mut(account)?.next().map(|logged| Line { account, logged })
    })
}

/// What the accounts' lines are put in order by: a day's older runs come behind its others.
fn time(logged: &Logged) -> (String, UnixTime) {
    match logged {
        Logged::Run(run) => (dates::day(run.started_at), run.started_at),
        Logged::Day(day) => (day.day.clone(), UnixTime::MIN),
    }
}
