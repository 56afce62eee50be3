//! One account's run, from its lock to its summary.
//!
//! | step | where |
//! | --- | --- |
//! | lock, ledger, archive | [`crate::store`] |
//! | what a crash left is settled, and the archive is looked at | [`crate::archive`], `report` |
//! | one session after another, until nothing is left to do | `sessions.rs` |
//! | one session: list, compare, download, delete, quit | `session.rs` |
//! | which message is it? | `recognition` |
//! | how messages come, and become durable | `download` |
//! | when is a message deleted from the server? | `deletion` |
//! | what servers were seen doing wrong | `quirks` |
//! | which messages `skip_headers` leaves | `skipping.rs` |
//! | messages that fail, and when they are tried again | `failures.rs` |
//! | what becomes a problem if nobody does anything | `ahead.rs` |
//! | what it all comes to | `report` |
//!
//! Promises: one run at a time for each maildrop; the archive is known to be there before anybody logs in; a message is
//! deleted only with a receipt; after a dropped connection the run goes on in a new session as long as the last one got
//! somewhere; every run accounts for every listed message: `listed == archived + removed + left + missing`.
//!
//! Must never: let one message or one failure hide another.

mod ahead;
mod deletion;
mod download;
mod failures;
#[cfg(test)]
pub(crate) mod model;
mod portions;
mod quirks;
mod recognised;
mod recognition;
mod report;
mod run;
mod session;
mod sessions;
mod skipping;
mod work;

pub use recognised::{Listed, recognised};
pub use run::Orders;

use crate::account_error::AccountError;
use crate::archive::Recovery;
use crate::clock::now;
use crate::config::Account;
use crate::connect::{self, ConnectError, Connector, HostSessions, ServerRecord};
use crate::event::{Event, Observer, Outcome, Reporter, Summary, Warning};
use crate::exit::Exit;
use crate::inventory;
use crate::ledger::{Change, Restored};
use crate::plan::{Quarantine, policy_words};
use crate::stop::{self, Stopped};
use crate::store::{Store, Stores};
use deletion::deletions::Deletions;
use failures::Failures;
use report::copies::Copies;
use run::{Run, Top};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Fetches one account, whose host also has other `sessions` of ours. Never fails as such: the summary says what happened.
pub fn run(
    stores: &Stores<'_>,
    account: &Account,
    orders: Orders,
    sessions: &Arc<HostSessions>,
    observer: &Arc<dyn Observer>,
) -> Summary {
    let began = Instant::now();
    let until = orders.wait.and_then(|wait| began.checked_add(wait));
    observer.event(&account.name, Event::Started);
    let run = || -> Result<Summary, AccountError> {
        let (config, mut store) = (stores.config(), stores.open(account, until)?);
        if let Some(at_most) = orders.open_messages {
            store.archive.keep_open(at_most);
        }
        let record = ServerRecord::read(config, account, &*store.ledger)?;
        record.may_log_in(&account.access)?;
        let restored = inventory::restored(config, account, &*store.ledger)?;
        let deletions = Deletions { restored, ..Deletions::default() };
        let record = Rc::new(record);
        let run_until = connect::run_deadline(&account.access);
        let connector = Connector::new(account, Rc::clone(&record), run_until, orders.trace, observer)
            .waiting_until(until)
            .among(sessions);
        Ok(work((store, deletions), account, orders, &record, &connector, observer))
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
    (store, deletions): (Store, Deletions),
    account: &Account,
    orders: Orders,
    server_record: &Rc<ServerRecord>,
    connector: &Connector,
    observer: &Arc<dyn Observer>,
) -> Summary {
    let mut warnings = Vec::new();
    if let Some(Restored { made_at, damaged }) = store.restored.clone() {
        warnings.push(Warning::LedgerRestored { made_at, damaged });
    }
    if let Some(from) = &store.moved_from {
        let to = account.archive.display();
        let text = format!("the archive was moved from {from} to {to}; that is on record now");
        observer.event(&account.name, Event::Note(&text));
    }
    let open = |one_at_a_time| Ok(connector.open(one_at_a_time)?);
    let run = Run::new(account, observer, &open, store);
    Run { orders, deletions, warnings, server_record: Rc::clone(server_record), ..run }.complete()
}

impl Run<'_> {
    /// Everything, with the record of it. Never fails as such: the summary says what happened.
    fn complete(mut self) -> Summary {
        let outcome = self.whole_run().map_err(or_stopped);
        self.close(outcome.err().as_ref())
    }

    fn whole_run(&mut self) -> Result<(), AccountError> {
        self.begin()?;
        self.open_archive()?;
        self.remember()?;
        let outcome = self.sessions();
        self.learn_silence(&outcome)?;
        if self.tally.has_listed() {
            self.failures.release_unlisted();
            self.failures.record(&mut *self.store.ledger)?;
        }
        outcome
    }

    /// Puts the run on record, and looks at what the one before says about this one.
    fn begin(&mut self) -> Result<(), AccountError> {
        let policy = policy_words(self.account.delete);
        let last_run = self.store.ledger.last_run()?;
        self.portions.batch.gently = last_run.as_ref().is_some_and(|run| run.exit == Exit::IO.code());
        self.deletions.policy_before =
            last_run.map(|run| run.delete_policy).filter(|before| *before != policy);
        self.see_ages()?;
        Ok(self.store.ledger.commit(&[Change::RunStarted { at: now() }])?)
    }

    /// Opens the archive, settles what a crash left, and looks at what is there.
    fn open_archive(&mut self) -> Result<(), AccountError> {
        let Store { archive, ledger, .. } = &mut self.store;
        archive.open(&mut **ledger)?;
        let recovery = archive.recover(&mut **ledger)?;
        self.report_recovery(&recovery);
        let reporter = Reporter::new(&self.account.name, &**self.observer);
        self.copies = Copies::look(&mut self.store, reporter)?;
        stop::check()?;
        if let Some(why) = self.copies.presence.why_unseen() {
            self.note(&format!("popkeep did not look at the archive: {why}"));
        }
        Ok(())
    }

    fn report_recovery(&self, recovery: &Recovery) {
        if recovery.completed + recovery.withdrawn > 0 {
            self.note(&format!(
                "the last run broke off: {} of its messages are safe in the archive, {} will be fetched again",
                recovery.completed, recovery.withdrawn
            ));
        }
        for problem in &recovery.left_alone {
            self.note(problem);
        }
    }

    /// What earlier runs have learnt about messages and the server.
    fn remember(&mut self) -> Result<(), AccountError> {
        let ledger = &*self.store.ledger;
        let known = ledger.quarantined()?;
        self.failures =
            Failures::new(Quarantine::on_record(known, self.orders.retry, self.account.max_size, now()));
        self.server.disorder = connect::one_at_a_time_until(self.account, ledger)?.is_some();
        let quirks = ledger.quirks()?;
        self.server.parts = quirks.shows_parts;
        // What the server sends for these cannot be relied on: they are never deleted.
        self.deletions.stay.extend(quirks.unsteady);
        let (silent, enough) = self.server_record.silent_tops();
        self.server.silent_tops = silent;
        self.server.top = if enough { Top::Avoided } else { Top::Free };
        Ok(())
    }

    /// What the server did not answer is remembered, if the run got on without it.
    fn learn_silence(&mut self, outcome: &Result<(), AccountError>) -> Result<(), AccountError> {
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
        Ok(())
    }
}

/// What went wrong, or the signal that came meanwhile: after one no wait goes on to its end, so that it explains most
/// of what goes wrong then.
fn or_stopped(error: AccountError) -> AccountError {
    stop::check().map_or_else(AccountError::from, |()| error)
}
