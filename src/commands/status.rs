//! `popkeep status`: what the ledger knows.

use super::{Failure, load, output};
use crate::cli;
use crate::config::Account;
use crate::exit::Exit;
use crate::ledger::{Ledger, LedgerError, LedgerFile, Overview, RunRecord, UnixTime};
use crate::progress::wording;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// The document of `status --json`. Times are RFC 3339.
#[derive(Debug, Serialize)]
struct Document {
    exit: u8,
    accounts: Vec<AccountStatus>,
}

#[derive(Debug, Serialize)]
struct AccountStatus {
    name: String,
    /// Why the ledger has no answer.
    error: Option<String>,
    held: u64,
    octets: u64,
    newest: Option<String>,
    last_started: Option<String>,
    last_success: Option<String>,
    last_run: Option<LastRun>,
    /// Older than `--max-age`; null without it.
    stale: Option<bool>,
}

#[derive(Debug, Serialize)]
struct LastRun {
    ended: String,
    exit: u8,
    error: Option<String>,
    listed: u64,
    held: u64,
    fetched: u64,
    octets: u64,
    deleted: u64,
    missing: u64,
}

/// Shows the accounts named, or all of them.
pub fn run(file: Option<&Path>, options: &cli::Status, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    let ledger = LedgerFile::read_only(&config.state_dir)?;
    let now = wording::now();
    let mut exits = Vec::new();
    let mut states = Vec::new();
    for account in accounts {
        let (overview, error) = match overview(ledger.as_ref(), account) {
            Ok(overview) => (overview, None),
            Err(error) => (Overview::default(), Some(error)),
        };
        let stale = options.max_age.map(|age| is_stale(overview.last_success, age, now));
        exits.push(match &error {
            Some(error) => error.exit(),
            None if stale == Some(true) => Exit::MISSING,
            None => Exit::OK,
        });
        if let Some(error) = &error {
            output::complain(&format!(
                "popkeep: {}: {}",
                account.name,
                wording::printable(&error.to_string())
            ));
        }
        if options.json {
            states.push(AccountStatus::new(account, &overview, error.as_ref(), stale));
        } else if error.is_none() {
            out.write_all(describe(account, &overview, stale, now).as_bytes())?;
        }
    }
    let exit = Exit::merge(exits);
    if options.json {
        let document = Document { exit: exit.code(), accounts: states };
        serde_json::to_writer(&mut *out, &document).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    Ok(exit)
}

/// What is on record about an account; nothing, if it was never run.
fn overview(ledger: Option<&LedgerFile>, account: &Account) -> Result<Overview, LedgerError> {
    let Some(file) = ledger else { return Ok(Overview::default()) };
    file.existing(&account.identity, &account.archive)?
        .map_or_else(|| Ok(Overview::default()), |l| l.overview())
}

/// Whether the last success is longer ago than `age`, or there never was one.
fn is_stale(last_success: Option<UnixTime>, age: Duration, now: UnixTime) -> bool {
    last_success
        .is_none_or(|last| u64::try_from(now.saturating_sub(last)).is_ok_and(|past| past > age.as_secs()))
}

/// An account's state in words.
fn describe(account: &Account, overview: &Overview, stale: Option<bool>, now: UnixTime) -> String {
    let when = |at| format!("{} ({})", wording::moment(at), wording::ago(at, now));
    let mut lines = Vec::new();
    match (&overview.last_run, overview.last_started) {
        (Some(run), _) => lines.push(("last run", format!("{}: {}", when(run.at), ending(run)))),
        (None, Some(at)) => lines.push(("last run", format!("begun {}, not ended", when(at)))),
        (None, None) => lines.push(("last run", "never run".to_owned())),
    }
    if let Some(error) = overview.last_run.as_ref().and_then(|run| run.error.as_deref()) {
        lines.push(("last error", wording::printable(error)));
    }
    let stale = if stale == Some(true) { ", too long ago" } else { "" };
    lines.push((
        "last success",
        overview.last_success.map_or_else(|| format!("never{stale}"), |at| format!("{}{stale}", when(at))),
    ));
    let newest = overview.newest.map(|at| format!(", the newest archived {}", when(at))).unwrap_or_default();
    lines.push((
        "held",
        format!("{}, {}{newest}", wording::messages(overview.held), wording::size(overview.octets)),
    ));
    lines.push(("archive", wording::printable(&account.archive.display().to_string())));
    let mut text = format!("{}\n", account.name);
    for (what, how) in lines {
        text.push_str(&format!("  {what:<13} {how}\n"));
    }
    text
}

/// How a run ended, in a line.
fn ending(run: &RunRecord) -> String {
    let end = if run.exit == 0 { "ok".to_owned() } else { format!("exit code {}", run.exit) };
    let missing = if run.missing > 0 { format!(", {} missing", run.missing) } else { String::new() };
    format!(
        "{end}, {} listed, {} held, {} fetched ({}), {} deleted{missing}",
        run.listed,
        run.held,
        run.fetched,
        wording::size(run.octets),
        run.deleted
    )
}

impl AccountStatus {
    fn new(account: &Account, overview: &Overview, error: Option<&LedgerError>, stale: Option<bool>) -> Self {
        Self {
            name: account.name.clone(),
            error: error.map(|error| wording::printable(&error.to_string())),
            held: overview.held,
            octets: overview.octets,
            newest: overview.newest.map(wording::rfc3339),
            last_started: overview.last_started.map(wording::rfc3339),
            last_success: overview.last_success.map(wording::rfc3339),
            last_run: overview.last_run.as_ref().map(LastRun::new),
            stale,
        }
    }
}

impl LastRun {
    fn new(run: &RunRecord) -> Self {
        Self {
            ended: wording::rfc3339(run.at),
            exit: run.exit,
            error: run.error.as_deref().map(wording::printable),
            listed: run.listed,
            held: run.held,
            fetched: run.fetched,
            octets: run.octets,
            deleted: run.deleted,
            missing: run.missing,
        }
    }
}
