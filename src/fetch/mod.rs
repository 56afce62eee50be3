//! One account's run: session × plan × ledger × archive.
//!
//! Promises: one lock per maildrop; the archive is known to be there before anybody logs in; a
//! message is deleted only with a receipt; after a dropped connection the run goes on in a
//! new session as long as the last one got somewhere; every run ends with a reconciliation in
//! which `listed == archived + removed + left + missing`.
//!
//! Must never: let one message or one failure hide another.

mod deletion;
mod download;
mod failures;
#[cfg(test)]
mod model;
mod portions;
mod quirks;
mod recognition;
mod report;
mod session;
mod sessions;

use recognition::listed_together::ListedTogether;

use crate::account_error::AccountError;
use crate::archive::{Recovery, Whereabouts};
use crate::clock::now;
use crate::config::{Account, Config, DeletePolicy};
use crate::connect::{self, ConnectError, Connector, ServerRecord};
use crate::event::{Event, Observer, Outcome, Summary};
use crate::exit::Exit;
use crate::inventory;
use crate::ledger::{Change, RunRecord, State};
use crate::plan::{Ages, Quarantine, policy_words};
use crate::stop::{self, Stopped};
use crate::store::Store;
use failures::Failures;
use portions::Portions;
use report::copies::Sight;
use report::tally::Tally;
use session::{Open, Run, ServerBehaviour, SessionPurpose, Top};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a run is asked to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Orders {
    /// At most so many messages.
    pub limit: Option<u64>,
    /// Show the protocol.
    pub trace: bool,
    /// Try everything in quarantine, whatever the time.
    pub retry: bool,
    /// What was reported in the last week is not reported again.
    pub quiet: bool,
    /// How long to wait for a maildrop that is in use, here or elsewhere; `None`: not at all.
    pub wait: Option<Duration>,
}

/// Fetches one account. Never fails as such: the summary says what happened.
pub fn run(config: &Config, account: &Account, orders: Orders, observer: &Arc<dyn Observer>) -> Summary {
    let began = Instant::now();
    let until = orders.wait.and_then(|wait| began.checked_add(wait));
    observer.event(&account.name, Event::Started);
    let run = || -> Result<Summary, AccountError> {
        let store = Store::open(config, account, until)?;
        let record = ServerRecord::read(config, account, &*store.ledger)?;
        record.may_log_in(account)?;
        Ok(work(store, account, orders, &Rc::new(record), until, observer))
    };
    let mut summary = run().map_err(or_stopped).unwrap_or_else(|error| {
        let outcome = match error {
            AccountError::Connect(ConnectError::Resting { .. }) => Outcome::Skipped,
            _ => Outcome::Failed,
        };
        Summary { outcome, ..failed(account, &error) }
    });
    summary.seconds = began.elapsed().as_secs_f64();
    observer.event(&account.name, Event::Finished(&summary));
    summary
}

/// The summary of an account that a signal left no time for.
pub(crate) fn not_begun(account: &Account, exit: Exit) -> Summary {
    Summary { outcome: Outcome::Skipped, ..failed(account, &Stopped { exit }.into()) }
}

fn failed(account: &Account, error: &AccountError) -> Summary {
    Summary::of_nothing(&account.name, Outcome::Failed, error.exit(), Some(error.to_string()))
}

fn work(
    store: Store,
    account: &Account,
    orders: Orders,
    server_record: &Rc<ServerRecord>,
    wait_until: Option<Instant>,
    observer: &Arc<dyn Observer>,
) -> Summary {
    if let Some(from) = &store.moved_from {
        let to = account.archive.display();
        let text = format!("the archive was moved from {from} to {to}; that is on record now");
        observer.event(&account.name, Event::Note(&text));
    }
    let run_until = connect::run_deadline(account);
    let connector = Connector::new(account, Rc::clone(server_record), run_until, orders.trace, observer)
        .waiting_until(wait_until);
    let open = |one_at_a_time| Ok(connector.open(one_at_a_time)?);
    Run {
        messages_left: orders.limit,
        retry: orders.retry,
        quiet: orders.quiet,
        server_record: Rc::clone(server_record),
        ..Run::new(account, observer, &open, store)
    }
    .complete()
}

impl<'a> Run<'a> {
    /// A run that has done nothing yet.
    fn new(account: &'a Account, observer: &'a Arc<dyn Observer>, open: Open<'a>, store: Store) -> Self {
        Run {
            account,
            observer,
            open,
            portions: Portions::of(account.format),
            store,
            tally: Tally::default(),
            messages_left: None,
            retry: false,
            quiet: false,
            purpose: SessionPurpose::default(),
            server: ServerBehaviour::default(),
            top_answers: false,
            listed_together: ListedTogether::default(),
            failures: Failures::default(),
            ages: Ages::default(),
            sight: Sight::default(),
            stay: HashSet::new(),
            last: None,
            deleted: HashSet::new(),
            gone: HashSet::new(),
            refused: 0,
            renumbered: 0,
            unconfirmed: None,
            delete_was: None,
            server_record: Rc::default(),
        }
    }

    /// Everything, with the record of it. Never fails as such: the summary says what happened.
    fn complete(mut self) -> Summary {
        let result = self.whole().map_err(or_stopped);
        let mut summary = self.summary(result.err().as_ref());
        let mut ending = self.server_record.take_changes();
        if self.quiet
            && let Ok(known) = self.store.ledger.told()
        {
            ending.extend(report::repetition::pass_over(&mut summary, &known, now()));
        }
        ending.push(Change::RunEnded(self.record(&summary)));
        let told = self.told(summary.outcome == Outcome::Failed);
        let recorded = told.and_then(|told| {
            ending.extend(told);
            self.store.ledger.commit(&ending)
        });
        if let Err(error) = recorded {
            let error = AccountError::from(error);
            summary.exit = Exit::merge([summary.exit, error.exit()]);
            summary.outcome = Outcome::Failed;
            summary.error.get_or_insert_with(|| error.to_string());
        }
        summary
    }

    /// Sessions until nothing is left to do, or no session gets anywhere any more.
    fn whole(&mut self) -> Result<(), AccountError> {
        let policy = policy_words(self.account.delete);
        let last_run = self.store.ledger.last_run()?;
        self.portions.batch.gently = last_run.as_ref().is_some_and(|run| run.exit == Exit::IO.code());
        self.delete_was = last_run.map(|run| run.delete_policy).filter(|was| *was != policy);
        self.see_ages()?;
        self.store.ledger.commit(&[Change::RunStarted { at: now() }])?;
        self.store.archive.open(&mut *self.store.ledger)?;
        let recovery = self.store.archive.recover(&mut *self.store.ledger)?;
        self.tell(&recovery);
        self.look_at_the_archive()?;
        self.failures = Failures::new(Quarantine::on_record(
            self.store.ledger.quarantined()?,
            self.retry,
            self.account.max_size,
            now(),
        ));
        self.server.disorder = connect::one_at_a_time_until(self.account, &*self.store.ledger)?.is_some();
        let quirks = self.store.ledger.quirks()?;
        self.server.parts = quirks.shows_parts;
        // What the server sends for these cannot be relied on: they are never deleted.
        self.stay.extend(quirks.unsteady);
        let (silent, enough) = self.server_record.silent_tops();
        self.server.silent_tops = silent;
        self.server.top = if enough { Top::Avoided } else { Top::Free };
        let outcome = self.sessions();
        if outcome.is_ok() {
            self.remember_silence()?;
        }
        // A connection that was lost while TOP did its work says nothing.
        if let Some(message) = self.server.silent_top.take()
            && self.server.top == Top::Avoided
            && outcome.as_ref().map_or_else(AccountError::is_for_later, |()| true)
        {
            self.server_record.top_was_silent(message);
        }
        if self.tally.has_listed() {
            self.failures.release_unlisted();
            self.failures.record(&mut *self.store.ledger)?;
        }
        outcome
    }

    /// Before this run is on record: where messages are deleted by their age, how old they are.
    fn see_ages(&mut self) -> Result<(), AccountError> {
        let DeletePolicy::After(_) = self.account.delete else { return Ok(()) };
        self.ages = inventory::ages(&*self.store.ledger)?;
        let mut any = false;
        let ages = &mut self.ages;
        self.store.ledger.known(&mut |row| {
            any = true;
            ages.row(row.seq, row.archived_at);
        })?;
        if any && !ages.count() {
            let text = "the clock is wrong, or the last run is more than 30 days ago: nothing is deleted by its age in this run";
            self.observer.event(&self.account.name, Event::Note(text));
        }
        Ok(self.store.ledger.commit(&self.ages.changes())?)
    }

    fn tell(&self, recovery: &Recovery) {
        let note = |text: &str| self.observer.event(&self.account.name, Event::Note(text));
        if recovery.completed + recovery.withdrawn > 0 {
            note(&format!(
                "the last run broke off: {} of its messages are safe in the archive, {} will be fetched again",
                recovery.completed, recovery.withdrawn
            ));
        }
        for problem in &recovery.left_alone {
            note(problem);
        }
    }

    fn summary(&mut self, error: Option<&AccountError>) -> Summary {
        let ledger = &*self.store.ledger;
        let presence = &self.sight.presence;
        let is_removed = |seq| presence.of(seq) == Whereabouts::Removed;
        let (archived, removed, missing) = self.tally.close(is_removed, |seq| {
            let row = ledger.row(seq).ok().flatten()?;
            (row.state != State::Deleted).then_some(row.uid)
        });
        let missed = missing.iter().any(|message| !message.chosen);
        let (unconfirmed, words) = self.unconfirmed.take().unzip();
        let (alarm, alarming) = self.alarm().unzip();
        let exit = match error {
            Some(error) => error.exit(),
            None => Exit::merge([
                if missed { Exit::MISSING } else { Exit::OK },
                unconfirmed.unwrap_or(Exit::OK),
                alarm.unwrap_or(Exit::OK),
            ]),
        };
        let words = match (alarming, words) {
            (Some(alarming), Some(words)) => Some(format!("{alarming}; {words}")),
            (alarming, words) => alarming.or(words),
        };
        Summary {
            account: self.account.name.clone(),
            outcome: match error {
                Some(AccountError::Connect(ConnectError::TooSoon { .. })) if self.tally.fetched == 0 => {
                    Outcome::Skipped
                }
                Some(_) => Outcome::Failed,
                None if exit.is_ok() => Outcome::Ok,
                None => Outcome::Partial,
            },
            exit,
            error: error.map(ToString::to_string).or(words),
            listed: archived + removed + missing.len() as u64,
            archived,
            fetched: self.tally.fetched,
            octets: self.tally.octets,
            deleted: self.tally.deleted,
            removed,
            kept_no_copy: self.tally.kept_no_copy,
            kept_octets: self.tally.kept_octets,
            missing,
            told: std::collections::HashSet::new(),
            seconds: 0.0,
        }
    }

    fn record(&self, summary: &Summary) -> RunRecord {
        RunRecord {
            at: now(),
            exit: summary.exit.code(),
            error: summary.error.clone(),
            listed: summary.listed,
            archived: summary.archived,
            fetched: summary.fetched,
            octets: summary.octets,
            deleted: summary.deleted,
            removed: summary.removed,
            left: summary.left(),
            kept: summary.kept_no_copy,
            kept_octets: summary.kept_octets,
            missing: summary.really_missing().count() as u64,
            delete_policy: policy_words(self.account.delete),
        }
    }
}

/// What went wrong, or the signal that came meanwhile: after one no wait goes on to its end, so that it explains most
/// of what goes wrong then.
fn or_stopped(error: AccountError) -> AccountError {
    stop::check().map_or_else(AccountError::from, |()| error)
}
