//! `popkeep fetch`: the main job.

mod metrics;

use super::status::SignInStatus;
use super::{Failure, dry_run, load, output, run_document};
use crate::cli::{self, When};
use crate::clock;
use crate::config::{Account, Config, SecretSource};
use crate::event::{Observer, Outcome, Summary};
use crate::exit::Exit;
use crate::fetch::Orders;
use crate::fleet;
use crate::fleet::new_mail::{self, NewMail};
use crate::ledger::{LedgerFile, SqliteLedger, UnixTime};
use crate::progress::stderr::{self, Level, Line};
use crate::progress::{Detail, Progress, Style, problem, wording};
use crate::search;
use crate::stop;
use metrics::{AccountFacts, RunFacts};
use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Fetches the accounts named, or all of them.
pub fn run(file: Option<&Path>, options: &cli::Fetch, out: &mut dyn Write) -> Result<Exit, Failure> {
    let began = Instant::now();
    let done = work(file, options, began, out);
    if let (Err(failure), Some(path)) = (&done, &options.metrics) {
        // Whatever kept us from looking at any account is for the monitoring, too.
        write_metrics(path, &run_facts(failure.exit(), began, &[]), &[]);
    }
    done
}

fn work(
    file: Option<&Path>,
    options: &cli::Fetch,
    began: Instant,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let config = load(file)?;
    let mut accounts = config.select(&options.accounts)?;
    accounts.retain(|account| options.shard.is_none_or(|shard| shard.has(&account.name)));
    let detail = Detail::from_count(options.verbose);
    let names = accounts.iter().map(|account| account.name.as_str());
    let asks = accounts.iter().any(|account| matches!(account.access.secret, SecretSource::Ask));
    let progress: Arc<dyn Observer> = Arc::new(Progress::new(style(options, asks), detail, names));
    if options.dry_run {
        return dry_run::run(&config, &accounts, options, &progress, out);
    }
    let orders = Orders {
        quiet: options.quiet,
        limit: options.limit,
        trace: detail == Detail::Protocol,
        retry: options.retry,
        wait: options.wait,
    };
    let fleet = fleet::Options { orders, jobs: options.jobs };
    if !asks {
        // At a prompt, Ctrl-C is to end the program as ever.
        stop::listen().map_err(Failure::Signals)?;
    }
    let summaries = fleet::run(&config, &accounts, &fleet, &progress);
    let mut exit = Exit::merge(summaries.iter().map(|summary| summary.exit));
    let new_mail = new_mail::run(&accounts, &summaries);
    // Whoever sent a signal is to know that it came, whatever had been done by then.
    exit = Exit::merge([exit, stop::requested().unwrap_or(Exit::OK)]);
    if !options.quiet && io::stderr().is_terminal() {
        let sentence = wording::reconciliation(&summaries);
        stderr::say(&sentence.map(|text| (Level::Info, text)).into_iter().collect::<Vec<_>>());
    }
    if options.quiet {
        let lately = |summary: &Summary| {
            let account = accounts.iter().find(|account| account.name == summary.account);
            account.is_some_and(|account| succeeded_lately(&config, account))
        };
        stderr::say(&complaints(&summaries, lately));
    }
    stderr::say(&warnings(&new_mail));
    if let Some(path) = &options.metrics {
        let facts = account_facts(&config, &accounts, &summaries);
        exit = Exit::merge([exit, write_metrics(path, &run_facts(exit, began, &new_mail), &facts)]);
    }
    if options.json {
        let document = run_document::Run::new(exit, &summaries, &new_mail);
        output::document(out, &document)?;
        out.flush()?;
    }
    if let (None, Ok(folder)) = (stop::requested(), search::folder(&config)) {
        search::refresh(&folder, &config, &accounts);
    }
    Ok(exit)
}

fn run_facts(exit: Exit, began: Instant, new_mail: &[NewMail]) -> RunFacts {
    RunFacts {
        exit,
        ended: clock::now(),
        took: began.elapsed(),
        on_new_mail_failures: new_mail.iter().filter(|command| command.error.is_some()).count() as u64,
    }
}

/// What the run and the ledger say of each account.
fn account_facts<'s>(
    config: &Config,
    accounts: &[&Account],
    summaries: &'s [Summary],
) -> Vec<AccountFacts<'s>> {
    summaries
        .iter()
        .map(|summary| {
            let account = accounts.iter().find(|account| account.name == summary.account);
            let ledger = account.and_then(|account| existing(config, account));
            AccountFacts {
                summary,
                last_success: ledger.as_ref().and_then(|ledger| ledger.last_success(clock::now()).ok()?),
                verification: ledger.as_ref().and_then(|ledger| ledger.verified().ok()).unwrap_or_default(),
                quarantined: ledger.as_ref().and_then(|ledger| ledger.quarantined_count().ok()),
                sign_in: account.and_then(|account| SignInStatus::of(account)),
            }
        })
        .collect()
}

/// Writes the metrics, or says why that is not possible; the exit code of either.
fn write_metrics(path: &Path, run: &RunFacts, accounts: &[AccountFacts<'_>]) -> Exit {
    match metrics::write(path, run, accounts) {
        Ok(()) => Exit::OK,
        Err(error) => {
            output::complain(&format!("popkeep: {error}"));
            Exit::IO
        }
    }
}

/// What is drawn on stderr; `asks`: so is a prompt.
fn style(options: &cli::Fetch, asks: bool) -> Style {
    match options {
        cli::Fetch { quiet: true, .. } => return Style::Nothing,
        cli::Fetch { dry_run: true, .. } => return Style::Summaries,
        _ => {}
    }
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    // Lines of the protocol come too fast for anything to stand still beneath them.
    let protocol = Detail::from_count(options.verbose) == Detail::Protocol;
    drawn(options.progress, io::stderr().is_terminal(), dumb || protocol || asks)
}

/// What is drawn at a terminal, or elsewhere; `plain`: no bars can be drawn there.
fn drawn(wanted: When, terminal: bool, plain: bool) -> Style {
    match wanted {
        When::Never => Style::Summaries,
        When::Auto | When::Always if terminal && !plain => Style::Bars,
        // A person who sees no bars sees a line every few seconds.
        When::Auto => Style::Lines { regular: terminal },
        When::Always => Style::Lines { regular: true },
    }
}

/// Accounts with the same problem that are one line: a server that is down is one problem, however many accounts it has.
const SAME_PROBLEM: usize = 5;

/// Of these, the accounts that are named.
const NAMED: usize = 3;

/// What `--quiet` has to say: one line for each problem that is not to be passed over, and one for the same problem of
/// many accounts. `passed_over` is asked about accounts that failed in a way that may pass by itself.
fn complaints(summaries: &[Summary], passed_over: impl Fn(&Summary) -> bool) -> Vec<Line> {
    let problems: Vec<(Level, String, &str)> = summaries
        .iter()
        .filter(|summary| {
            // A refused login that rests was told of when it was refused.
            let rests = summary.outcome == Outcome::Skipped && summary.exit == Exit::REFUSED;
            !(summary.exit.is_ok() || rests || summary.exit.is_transient() && passed_over(summary))
        })
        .flat_map(|summary| {
            let lines = wording::problems_in_short(summary);
            lines.into_iter().map(move |line| (problem(summary.exit), line, summary.account.as_str()))
        })
        .collect();
    let mut of_text: HashMap<&str, Vec<&str>> = HashMap::new();
    for (_, text, account) in &problems {
        of_text.entry(text).or_default().push(account);
    }
    let line = |(level, text, account): &(Level, String, &str)| match of_text.get(text.as_str()) {
        Some(accounts) if accounts.len() >= SAME_PROBLEM => {
            let is_first = accounts.first() == Some(account);
            let named = accounts[..NAMED].join(", ");
            let others = accounts.len() - NAMED;
            is_first.then(|| {
                let count = accounts.len();
                (*level, format!("popkeep: {count} accounts ({named} and {others} more): {text}"))
            })
        }
        _ => Some((*level, format!("popkeep: {account}: {text}"))),
    };
    problems.iter().filter_map(line).collect()
}

/// What became of the commands that were to run on new mail, where nothing good did.
fn warnings(new_mail: &[NewMail]) -> Vec<Line> {
    let warning = |command: &NewMail| {
        let error = wording::printable(command.error.as_deref()?);
        Some((Level::Warning, format!("popkeep: {}: {error}", command.accounts.join(", "))))
    };
    new_mail.iter().filter_map(warning).collect()
}

/// Whether the account's last success is recent enough for `quiet_transient`.
fn succeeded_lately(config: &Config, account: &Account) -> bool {
    let last = existing(config, account).and_then(|ledger| ledger.last_success(clock::now()).ok()?);
    last.is_some_and(|last| is_within(last, account.quiet_transient, clock::now()))
}

/// Whether `last` is less than `span` ago. An instant in the future is not: a clock was wrong.
fn is_within(last: UnixTime, span: Duration, now: UnixTime) -> bool {
    clock::ago(last, now).is_some_and(|age| age < span.as_secs())
}

/// The account's part of the ledger, for reading; a ledger that cannot be read tells nothing.
fn existing(config: &Config, account: &Account) -> Option<SqliteLedger> {
    LedgerFile::read_only(&config.state_dir).ok()??.existing(&account.identity, &account.archive).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Missing, Outcome};

    fn failed(name: &str, exit: Exit, error: &str) -> Summary {
        Summary::of_nothing(name, Outcome::Failed, exit, Some(error.to_owned()))
    }

    #[test]
    fn quiet_has_one_line_for_each_problem_and_none_for_success() {
        let fine = Summary { outcome: Outcome::Ok, error: None, ..failed("fine", Exit::OK, "") };
        let refused = failed("work", Exit::REFUSED, "the server refused the login");
        assert!(complaints(std::slice::from_ref(&fine), |_| false).is_empty());
        let line = "popkeep: work: the server refused the login".to_owned();
        assert_eq!(complaints(&[fine, refused], |_| false), [(Level::Error, line)]);
    }

    #[test]
    fn quiet_transient_covers_what_may_pass_by_itself_and_nothing_else() {
        for exit in [Exit::NO_HOST, Exit::UNAVAILABLE, Exit::TRY_LATER] {
            assert!(complaints(&[failed("work", exit, "later")], |_| true).is_empty());
            assert_eq!(complaints(&[failed("work", exit, "later")], |_| false).len(), 1);
        }
        for exit in [Exit::REFUSED, Exit::MISSING, Exit::CANT_CREATE, Exit::CONFIG] {
            assert_eq!(complaints(&[failed("work", exit, "now")], |_| true).len(), 1);
        }
    }

    #[test]
    fn a_run_that_broke_off_is_one_line_whatever_it_left_undone() {
        let missing = (1..=700).map(|number| Missing {
            number,
            uid: None,
            reason: format!("reason {number}").into(),
            chosen: number > 650,
        });
        let broken = Summary {
            listed: 1000,
            archived: 300,
            missing: missing.collect(),
            ..failed("work", Exit::UNAVAILABLE, "the server closed the connection")
        };
        let line = "popkeep: work: the server closed the connection (650 of 1000 messages not fetched yet)";
        assert_eq!(complaints(&[broken], |_| false), [(Level::Warning, line.to_owned())]);
    }

    #[test]
    fn quiet_transient_is_counted_from_the_last_success() {
        let span = Duration::from_hours(6);
        assert!(is_within(1_000_000, span, 1_000_000 + 6 * 3600 - 1));
        assert!(!is_within(1_000_000, span, 1_000_000 + 6 * 3600));
        assert!(!is_within(1_000_000, span, 999_000), "a clock that was set back");
        assert!(!is_within(1_000_000, Duration::ZERO, 1_000_000), "the default covers nothing");
    }
}
