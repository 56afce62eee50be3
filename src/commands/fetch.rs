//! `popkeep fetch`: the main job.

use super::{Failure, dry_run, load, output, report};
use crate::cli::{self, When};
use crate::config::{Account, Config};
use crate::event::{Observer, Summary};
use crate::exit::Exit;
use crate::fleet;
use crate::ledger::{Ledger, LedgerFile, UnixTime};
use crate::progress::{Detail, Progress, Style, wording};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// Fetches the accounts named, or all of them.
pub fn run(file: Option<&Path>, options: &cli::Fetch, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    let detail = Detail::from_count(options.verbose);
    let names = accounts.iter().map(|account| account.name.as_str());
    let progress: Arc<dyn Observer> = Arc::new(Progress::new(style(options), detail, names));
    if options.dry_run {
        return dry_run::run(&config, &accounts, options, &progress, out);
    }
    let orders =
        fleet::Options { limit: options.limit, jobs: options.jobs, trace: detail == Detail::Protocol };
    let summaries = fleet::run(&config, &accounts, &orders, &progress);
    let exit = Exit::merge(summaries.iter().map(|summary| summary.exit));
    if options.quiet {
        complain(&config, &accounts, &summaries);
    }
    if options.json {
        serde_json::to_writer(&mut *out, &report::Run::new(exit, &summaries)).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    Ok(exit)
}

/// What is drawn on stderr.
fn style(options: &cli::Fetch) -> Style {
    if options.quiet {
        return Style::Nothing;
    }
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let bars = io::stderr().is_terminal() && !dumb;
    match options.progress {
        When::Never => Style::Summaries,
        When::Auto | When::Always if bars => Style::Bars,
        When::Auto => Style::Lines { regular: false },
        When::Always => Style::Lines { regular: true },
    }
}

/// What `--quiet` has to say: one line for each trouble that is not to be passed over.
fn complain(config: &Config, accounts: &[&Account], summaries: &[Summary]) {
    let now = wording::now();
    for summary in summaries.iter().filter(|summary| !summary.exit.is_ok()) {
        let account = accounts.iter().find(|account| account.name == summary.account);
        let passed_over = account.is_some_and(|account| {
            summary.exit.is_transient() && passes(account, last_success(config, account), now)
        });
        if !passed_over {
            for line in wording::troubles_in_short(summary) {
                output::complain(&format!("popkeep: {}: {line}", summary.account));
            }
        }
    }
}

/// Whether `quiet_transient` covers a transient failure of this account.
fn passes(account: &Account, last_success: Option<UnixTime>, now: UnixTime) -> bool {
    last_success.is_some_and(|last| {
        let age = u64::try_from(now.saturating_sub(last)).unwrap_or(0);
        age < account.quiet_transient.as_secs()
    })
}

/// When the account was last fetched without trouble; a ledger that cannot be read tells nothing.
fn last_success(config: &Config, account: &Account) -> Option<UnixTime> {
    let file = LedgerFile::read_only(&config.state_dir).ok()??;
    let ledger = file.existing(&account.identity, &account.archive).ok()??;
    ledger.overview().ok()?.last_success
}
