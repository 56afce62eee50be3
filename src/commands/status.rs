//! `popkeep status`: what the ledger knows.
//!
//! Promises: connects nowhere, makes and changes no file; its memory does not grow with the ledger.

mod chart;
mod document;
mod page;
mod sign_in;

use super::{Failure, load, output};
use crate::cli;
use crate::clock;
use crate::config::Account;
use crate::exit::Exit;
use crate::ledger::{History, LedgerError, LedgerFile, UnixTime};
use document::{AccountStatus, Document};
pub(super) use sign_in::SignInStatus;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// How many weeks are shown.
const WEEKS: usize = 12;

/// More accounts than these are shown as a table, with a line for each.
const PAGES: usize = 3;

/// What is known of an account.
struct Known<'a> {
    name: &'a str,
    archive: &'a Path,
    history: &'a History,
    /// What `--max-age` found.
    stale: Option<bool>,
    /// What `--verified-within` found.
    unverified: Option<bool>,
    /// `None` if it does not sign in with OAuth2.
    sign_in: Option<&'a SignInStatus>,
}

/// Shows the accounts named, or all of them.
pub fn run(file: Option<&Path>, options: &cli::Status, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    let ledger = LedgerFile::read_only(&config.state_dir)?;
    let now = clock::now();
    let terms = page::Terms { now, unicode: output::unicode() };
    let mut exits = Vec::new();
    let mut states = Vec::new();
    let mut shown = Vec::new();
    let table = accounts.len() > PAGES;
    for account in accounts {
        let (history, error) = match history(ledger.as_ref(), account, now) {
            Ok(history) => (history, None),
            Err(error) => (History::default(), Some(error)),
        };
        let stale = options.max_age.map(|age| is_stale(history.last_success, age, now));
        let unverified = options.verified_within.map(|span| is_unverified(&history, span, now));
        let sign_in = SignInStatus::of(account);
        let needs_person = sign_in.as_ref().is_some_and(SignInStatus::needs_person);
        exits.push(match &error {
            Some(error) => error.exit(),
            None if stale == Some(true) || unverified == Some(true) || needs_person => Exit::MISSING,
            None => Exit::OK,
        });
        if let Some(error) = &error {
            output::complain_about(&account.name, error);
        }
        if options.failed && error.is_none() && !needs_person && !has_problem(&history, [stale, unverified]) {
            continue;
        }
        let known = Known {
            name: &account.name,
            archive: &account.archive,
            history: &history,
            stale,
            unverified,
            sign_in: sign_in.as_ref(),
        };
        if options.json {
            states.push(AccountStatus::new(&known, error.as_ref()));
        } else if error.is_none() && table {
            shown.push(page::row(&known, now));
        } else if error.is_none() {
            out.write_all(page::describe(&known, terms).as_bytes())?;
        }
    }
    out.write_all(page::table(&shown).as_bytes())?;
    let exit = Exit::merge(exits);
    if options.json {
        output::document(out, &Document::new(exit, states))?;
    }
    Ok(exit)
}

/// What is on record about an account; nothing, if it was never run.
fn history(ledger: Option<&LedgerFile>, account: &Account, now: UnixTime) -> Result<History, LedgerError> {
    let Some(file) = ledger else { return Ok(History::default()) };
    file.existing(&account.identity, &account.archive)?
        .map_or_else(|| Ok(History::default()), |ledger| ledger.history(now, WEEKS))
}

/// Whether a person should look: the last run failed, there was none, the last success or verification is too old, or
/// something is damaged.
fn has_problem(history: &History, too_old: [Option<bool>; 2]) -> bool {
    let failed = history.last_run.as_ref().is_none_or(|run| run.exit != 0);
    let damaged = history.verification.last.is_some_and(|last| last.damaged > 0);
    failed || damaged || history.last_success.is_none() || too_old.contains(&Some(true))
}

/// Whether a copy has neither been read nor arrived within `span`, or the last verification found something damaged or
/// missing. Nothing archived is nothing to verify.
fn is_unverified(history: &History, span: Duration, now: UnixTime) -> bool {
    let verification = &history.verification;
    let is_bad = verification.last.is_some_and(|last| last.damaged + last.missing > 0);
    history.archived.messages > 0 && (is_bad || is_stale(verification.read_since, span, now))
}

/// Whether the last success is longer ago than `age`, or there never was one.
fn is_stale(last_success: Option<UnixTime>, age: Duration, now: UnixTime) -> bool {
    // A success in the future is none: a clock was wrong.
    last_success.and_then(|last| clock::ago(last, now)).is_none_or(|past| past > age.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_stale_when_its_last_success_is_too_old_or_missing() {
        const NOW: UnixTime = 1_795_323_612;
        let age = Duration::from_hours(26);
        assert!(!is_stale(Some(NOW - 26 * 3600), age, NOW));
        assert!(is_stale(Some(NOW - 26 * 3600 - 1), age, NOW));
        assert!(is_stale(None, age, NOW));
        assert!(is_stale(Some(NOW + 60), age, NOW), "a clock that was set back");
    }
}
