//! The summary of a run, for its user and for the ledger.

use super::repetition;
use crate::account_error::AccountError;
use crate::archive::Whereabouts;
use crate::clock::now;
use crate::connect::ConnectError;
use crate::event::{Outcome, Summary, Told};
use crate::exit::Exit;
use crate::fetch::run::Run;
use crate::ledger::{Change, RowState, RunRecord};
use crate::plan::policy_words;

impl Run<'_> {
    /// Ends the run, whose first error this is, and puts it on record.
    pub(crate) fn close(mut self, error: Option<&AccountError>) -> Summary {
        let seen_ahead = self.look_ahead(error.is_some());
        let mut summary = self.summary(error);
        let mut ending = self.server_record.take_changes();
        if self.orders.quiet
            && let Ok(known) = self.store.ledger.told()
        {
            ending.extend(repetition::pass_over(&mut summary, &known, now()));
        }
        ending.push(Change::RunEnded(self.record(&summary)));
        let told = self.copies.told(&*self.store.ledger, summary.outcome == Outcome::Failed);
        let recorded = seen_ahead.and(told).and_then(|told| {
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

    fn summary(&mut self, error: Option<&AccountError>) -> Summary {
        let ledger = &*self.store.ledger;
        let presence = &self.copies.presence;
        let is_removed = |seq| presence.of(seq) == Whereabouts::Removed;
        let (archived, removed, missing) = self.tally.close(is_removed, |seq| {
            let row = ledger.row(seq).ok().flatten()?;
            (row.state != RowState::Deleted).then_some(row.uid)
        });
        let missed = missing.iter().any(|message| !message.chosen);
        let (unconfirmed, words) = self.deletions.unconfirmed.take().unzip();
        let (alarm, alarming) = self.copies.alarm(self.account).unzip();
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
            warnings: std::mem::take(&mut self.warnings),
            certificate_ends: self.certificate_ends,
            free: self.free,
            told: Told::default(),
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
