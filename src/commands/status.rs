//! `popkeep status`: what the ledger knows.

use super::{Failure, load, output};
use crate::cli;
use crate::config::Account;
use crate::exit::Exit;
use crate::ledger::{Ledger, LedgerError, LedgerFile, Overview, RunRecord, UnixTime};
use crate::progress::wording;
use serde::Serialize;
use std::fmt::Write as _;
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
            states.push(AccountStatus::new(&account.name, &overview, error.as_ref(), stale));
        } else if error.is_none() {
            out.write_all(describe(&account.name, &account.archive, &overview, stale, now).as_bytes())?;
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
fn describe(name: &str, archive: &Path, overview: &Overview, stale: Option<bool>, now: UnixTime) -> String {
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
    lines.push(("archive", wording::printable(&archive.display().to_string())));
    let mut text = format!("{name}\n");
    for (what, how) in lines {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  {what:<13} {how}");
    }
    text
}

/// How a run ended, in a line.
fn ending(run: &RunRecord) -> String {
    let end = if run.exit == 0 { "ok".to_owned() } else { format!("exit code {}", run.exit) };
    if run.exit != 0 && run.listed == 0 {
        return end;
    }
    let counts = wording::counts(run.listed, run.held, run.fetched, run.octets, run.deleted);
    let missing = if run.missing > 0 { format!(", {} missing", run.missing) } else { String::new() };
    format!("{end}, {counts}{missing}")
}

impl AccountStatus {
    fn new(name: &str, overview: &Overview, error: Option<&LedgerError>, stale: Option<bool>) -> Self {
        Self {
            name: name.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = 1_795_323_612;

    #[test]
    fn an_account_is_stale_when_its_last_success_is_too_old_or_missing() {
        let age = Duration::from_hours(26);
        assert!(!is_stale(Some(NOW - 26 * 3600), age, NOW));
        assert!(is_stale(Some(NOW - 26 * 3600 - 1), age, NOW));
        assert!(is_stale(None, age, NOW));
        assert!(!is_stale(Some(NOW + 60), age, NOW), "a clock that was set back");
    }

    #[test]
    fn the_last_run_is_told_in_one_line() {
        let mut run = RunRecord { listed: 12, held: 12, fetched: 3, octets: 46_080, ..RunRecord::default() };
        assert_eq!(ending(&run), "ok, 12 listed, 12 held, 3 fetched (45.0 KiB), 0 deleted");
        (run.exit, run.held, run.missing) = (75, 10, 2);
        assert_eq!(
            ending(&run),
            "exit code 75, 12 listed, 10 held, 3 fetched (45.0 KiB), 0 deleted, 2 missing"
        );
        let refused = RunRecord { exit: 77, ..RunRecord::default() };
        assert_eq!(ending(&refused), "exit code 77", "it never saw the maildrop");
    }

    #[test]
    fn the_document_has_the_documented_shape() {
        let overview = Overview {
            held: 2,
            octets: 2048,
            newest: Some(NOW),
            last_started: Some(NOW),
            last_run: Some(RunRecord {
                at: NOW,
                exit: 77,
                error: Some("refused".into()),
                ..RunRecord::default()
            }),
            last_success: None,
            last_login: None,
            equal_uids: false,
        };
        let document =
            Document { exit: 1, accounts: vec![AccountStatus::new("work", &overview, None, Some(true))] };
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            concat!(
                r#"{"exit":1,"accounts":[{"name":"work","error":null,"held":2,"octets":2048,"#,
                r#""newest":"2026-11-22T05:00:12Z","last_started":"2026-11-22T05:00:12Z","last_success":null,"#,
                r#""last_run":{"ended":"2026-11-22T05:00:12Z","exit":77,"error":"refused","listed":0,"held":0,"#,
                r#""fetched":0,"octets":0,"deleted":0,"missing":0},"stale":true}]}"#
            )
        );
    }

    #[test]
    fn what_a_person_reads_names_the_facts() {
        let fresh = describe("work", Path::new("/mail/work"), &Overview::default(), Some(true), NOW);
        assert_eq!(
            fresh,
            "work\n  last run      never run\n  last success  never, too long ago\n  \
             held          0 messages, 0 B\n  archive       /mail/work\n"
        );
        let failed = Overview {
            last_run: Some(RunRecord {
                at: NOW,
                exit: 69,
                error: Some("cannot connect".into()),
                ..RunRecord::default()
            }),
            ..Overview::default()
        };
        let text = describe("work", Path::new("/mail/work"), &failed, None, NOW + 7200);
        assert!(text.contains("(2 h ago): exit code 69"), "{text}");
        assert!(text.contains("  last error    cannot connect\n"), "{text}");
        let cut_off = Overview { last_started: Some(NOW), ..Overview::default() };
        assert!(
            describe("work", Path::new("/m"), &cut_off, None, NOW + 30).contains("(30 s ago), not ended")
        );
    }
}
