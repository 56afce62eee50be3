//! `popkeep fetch`: the main job.

mod metrics;
mod rounds;

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
use crate::ledger::{LedgerError, LedgerFile, SqliteLedger, UnixTime};
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
    let Some(every) = options.every else { return round(file, options, out) };
    load(file)?.select(&options.accounts)?;
    stop::listen().map_err(Failure::Signals)?;
    rounds::run(every, || round(file, options, out))
}

/// One run.
fn round(file: Option<&Path>, options: &cli::Fetch, out: &mut dyn Write) -> Result<Exit, Failure> {
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
        ..Orders::default()
    };
    let fleet = fleet::Options { orders, jobs: options.jobs };
    if !asks && options.every.is_none() {
        // At a prompt, Ctrl-C is to end the program as ever.
        stop::listen().map_err(Failure::Signals)?;
    }
    let summaries = fleet::run(&config, &accounts, &fleet, &progress);
    let mut exit = Exit::merge(summaries.iter().map(|summary| summary.exit));
    let new_mail = new_mail::run(&accounts, &summaries);
    // Whoever sent a signal is to know that it came, whatever had been done by then.
    exit = Exit::merge([exit, stop::requested().unwrap_or(Exit::OK)]);
    if options.quiet {
        let successes = Successes { accounts: &accounts, ledger: ledger_to_read(&config) };
        stderr::say(&complaints(&summaries, |place| successes.are_recent(place)));
        stderr::say(&what_is_ahead(&summaries));
    } else {
        if io::stderr().is_terminal() {
            let sentence = wording::reconciliation(&summaries);
            stderr::say(&sentence.map(|text| (Level::Info, text)).into_iter().collect::<Vec<_>>());
        }
        stderr::say(&kinds_of_problems(&summaries));
    }
    stderr::say(&warnings(&new_mail));
    exit = Exit::merge([exit, back_up_ledger(&config, &summaries)]);
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
        // What is read, moved or removed without a fetch is for the next search to see.
        let news = accounts.iter().zip(&summaries).filter(|(_, summary)| summary.fetched > 0);
        search::refresh(&folder, &config, &news.map(|(account, _)| *account).collect::<Vec<_>>());
    }
    Ok(exit)
}

/// Brings the ledger's backup up to date, or says why that is not possible.
fn back_up_ledger(config: &Config, summaries: &[Summary]) -> Exit {
    let has_room = !summaries.iter().any(|summary| [Exit::IO, Exit::CANT_CREATE].contains(&summary.exit));
    // What a disk cannot do was said already; after a signal nothing is begun.
    if !has_room || stop::requested().is_some() || !matches!(LedgerFile::exists(&config.state_dir), Ok(true))
    {
        return Exit::OK;
    }
    let changed = summaries.iter().any(|summary| summary.fetched + summary.deleted > 0);
    match LedgerFile::open(&config.state_dir).and_then(|ledger| ledger.back_up(changed)) {
        Err(error @ LedgerError::NoBackup { .. }) => {
            output::complain(&format!("popkeep: {error}"));
            error.exit()
        }
        // What is wrong with the ledger itself was said of each account.
        _ => Exit::OK,
    }
}

fn run_facts(exit: Exit, began: Instant, new_mail: &[NewMail]) -> RunFacts {
    RunFacts {
        exit,
        ended: clock::now(),
        took: began.elapsed(),
        on_new_mail_failures: new_mail.iter().filter(|command| command.error.is_some()).count() as u64,
    }
}

/// What the run and the ledger say of each account; the summaries are in the order of the accounts.
fn account_facts<'s>(
    config: &Config,
    accounts: &[&Account],
    summaries: &'s [Summary],
) -> Vec<AccountFacts<'s>> {
    let file = ledger_to_read(config);
    let facts = |(account, summary): (&&Account, &'s Summary)| {
        let ledger = part(file.as_ref(), account);
        let ledger = ledger.as_ref();
        AccountFacts {
            summary,
            last_success: ledger.and_then(|ledger| ledger.last_success(clock::now()).ok()?),
            verification: ledger.and_then(|ledger| ledger.verified().ok()).unwrap_or_default(),
            quarantined: ledger.and_then(|ledger| ledger.quarantined_count().ok()),
            sign_in: SignInStatus::of(account),
        }
    };
    accounts.iter().zip(summaries).map(facts).collect()
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

/// More lines than these nobody reads: then the problems of one kind are one line, whatever else is said of each.
const MOST_LINES: usize = 50;

/// A problem that accounts have.
struct Problem<'s> {
    exit: Exit,
    text: String,
    accounts: Vec<&'s str>,
}

impl Problem<'_> {
    /// A line for all of the accounts, or one for each where they are few.
    fn lines(&self) -> Vec<Line> {
        let Problem { exit, text, accounts } = self;
        if accounts.len() < SAME_PROBLEM {
            let line = |account| (problem(*exit), format!("popkeep: {account}: {text}"));
            return accounts.iter().map(line).collect();
        }
        let (count, others) = (accounts.len(), accounts.len() - NAMED);
        let named = accounts[..NAMED].join(", ");
        vec![(problem(*exit), format!("popkeep: {count} accounts ({named} and {others} more): {text}"))]
    }
}

/// What `--quiet` has to say: one line for each problem that is not to be passed over, and one for the same problem of
/// many accounts. `passed_over` is asked about accounts that failed in a way that may pass by itself, by their places.
fn complaints(summaries: &[Summary], mut passed_over: impl FnMut(usize) -> bool) -> Vec<Line> {
    let told = summaries.iter().enumerate().filter(|(place, summary)| {
        // The refusal itself was reported; that the login rests is no news.
        let rests = summary.outcome == Outcome::Skipped && summary.exit == Exit::REFUSED;
        !(summary.exit.is_ok() || rests || summary.exit.is_transient() && passed_over(*place))
    });
    let problems: Vec<Problem<'_>> = together(told.flat_map(|(_, summary)| {
        let texts = wording::problems_in_short(summary);
        texts.into_iter().map(move |text| (summary.exit, text, summary.account.as_str()))
    }));
    let lines: Vec<Line> = problems.iter().flat_map(Problem::lines).collect();
    if lines.len() <= MOST_LINES {
        return lines;
    }
    let (many, few): (Vec<Problem<'_>>, Vec<Problem<'_>>) =
        problems.into_iter().partition(|problem| problem.accounts.len() >= SAME_PROBLEM);
    let few = few.iter().flat_map(|problem| problem.accounts.iter().map(|account| (problem.exit, *account)));
    many.iter().chain(&by_kind(few)).flat_map(Problem::lines).collect()
}

/// What becomes a problem if nobody does anything, as far as `--quiet` has not said it lately.
fn what_is_ahead(summaries: &[Summary]) -> Vec<Line> {
    let ahead: Vec<Problem<'_>> = together(summaries.iter().flat_map(|summary| {
        wording::warnings(summary).map(|text| (summary.exit, text, summary.account.as_str()))
    }));
    ahead.iter().flat_map(Problem::lines).map(|(_, line)| (Level::Warning, line)).collect()
}

/// At the end of a run that has told of each account as it ended: what kinds of problems there were, if there were many.
fn kinds_of_problems(summaries: &[Summary]) -> Vec<Line> {
    let failed = summaries.iter().filter(|summary| !summary.exit.is_ok());
    let kinds = by_kind(failed.map(|summary| (summary.exit, summary.account.as_str())));
    kinds.iter().filter(|kind| kind.accounts.len() >= SAME_PROBLEM).flat_map(Problem::lines).collect()
}

/// The problems of accounts by their exit codes, those of most accounts first.
fn by_kind<'s>(failed: impl Iterator<Item = (Exit, &'s str)>) -> Vec<Problem<'s>> {
    let mut kinds = together(failed.map(|(exit, account)| (exit, wording::kind(exit).to_owned(), account)));
    for kind in &mut kinds {
        kind.accounts.dedup();
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.accounts.len()));
    kinds
}

/// Each problem once, in the order in which they appear.
fn together<'s>(problems: impl Iterator<Item = (Exit, String, &'s str)>) -> Vec<Problem<'s>> {
    let mut known = HashMap::new();
    let mut together: Vec<Problem<'_>> = Vec::new();
    for (exit, text, account) in problems {
        let place = *known.entry((exit, text)).or_insert_with_key(|(exit, text)| {
            together.push(Problem { exit: *exit, text: text.clone(), accounts: Vec::new() });
            together.len() - 1
        });
        together[place].accounts.push(account);
    }
    together
}

/// What became of the commands that were to run on new mail, where nothing good did.
fn warnings(new_mail: &[NewMail]) -> Vec<Line> {
    let warning = |command: &NewMail| {
        let error = wording::printable(command.error.as_deref()?);
        Some((Level::Warning, format!("popkeep: {}: {error}", command.accounts.join(", "))))
    };
    new_mail.iter().filter_map(warning).collect()
}

/// When the accounts of a run last succeeded.
struct Successes<'a> {
    accounts: &'a [&'a Account],
    ledger: Option<LedgerFile>,
}

impl Successes<'_> {
    /// Whether the last success of the account in this place is recent enough for `quiet_transient`.
    fn are_recent(&self, place: usize) -> bool {
        let Some(account) = self.accounts.get(place).filter(|account| !account.quiet_transient.is_zero())
        else {
            return false;
        };
        let last =
            part(self.ledger.as_ref(), account).and_then(|ledger| ledger.last_success(clock::now()).ok()?);
        last.is_some_and(|last| is_within(last, account.quiet_transient, clock::now()))
    }
}

/// Whether `last` is less than `span` ago. An instant in the future is not: a clock was wrong.
fn is_within(last: UnixTime, span: Duration, now: UnixTime) -> bool {
    clock::ago(last, now).is_some_and(|age| age < span.as_secs())
}

/// The ledger, for reading; one that cannot be read tells nothing.
fn ledger_to_read(config: &Config) -> Option<LedgerFile> {
    LedgerFile::read_only(&config.state_dir).ok()?
}

/// The account's part of it.
fn part(ledger: Option<&LedgerFile>, account: &Account) -> Option<SqliteLedger> {
    ledger?.existing(&account.identity, &account.archive).ok()?
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
    fn the_same_problem_of_many_accounts_is_one_line_and_many_problems_are_few() {
        let names: Vec<String> = (0..2_000).map(|number| format!("a{number}")).collect();
        let one = |number: usize| match number % 4 {
            0 => failed(&names[number], Exit::UNAVAILABLE, "cannot connect"),
            1 => Summary { outcome: Outcome::Ok, error: None, ..failed(&names[number], Exit::OK, "") },
            _ => failed(&names[number], Exit::REFUSED, &format!("no: user {number}")),
        };
        let said = |count: usize| {
            let summaries: Vec<Summary> = (0..count).map(one).collect();
            complaints(&summaries, |_| false).into_iter().map(|(_, line)| line).collect::<Vec<_>>()
        };
        assert_eq!(said(17).len(), 1 + 8, "five cannot connect, eight are refused in other words");
        assert_eq!(
            said(2_000),
            [
                "popkeep: 500 accounts (a0, a4, a8 and 497 more): cannot connect",
                "popkeep: 1000 accounts (a2, a3, a6 and 997 more): login or certificate refused",
            ]
        );
    }

    #[test]
    fn the_end_of_a_run_says_what_kinds_of_problems_there_were_if_there_were_many() {
        let mut summaries: Vec<Summary> =
            (0..4).map(|number| failed(&format!("a{number}"), Exit::REFUSED, &number.to_string())).collect();
        summaries.push(failed("b", Exit::IO, "disk"));
        assert_eq!(kinds_of_problems(&summaries), []);
        summaries.push(failed("c", Exit::REFUSED, "x"));
        let line = "popkeep: 5 accounts (a0, a1, a2 and 2 more): login or certificate refused".to_owned();
        assert_eq!(kinds_of_problems(&summaries), [(Level::Error, line)]);
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
