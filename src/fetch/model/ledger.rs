//! A ledger whose commit is one atomic step.

use super::strike::Strike;
use crate::ledger::{
    Adoption, ArchivedDay, Change, Known, Ledger, LedgerError, Logins, LookRecord, Marks, Other, Place,
    Quarantined, Quirks, Row, RunRecord, SeenElsewhere, Seq, Skipped, SqliteLedger, UnixTime, UnknownCopy,
    VerificationRecord, Which,
};
use crate::mail::digest::{Digest, Hash};
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

/// The record as one process sees it; the record itself outlives the process.
pub(crate) struct ModelLedger {
    pub record: Arc<Mutex<SqliteLedger>>,
    pub strike: Arc<Strike>,
}

impl ModelLedger {
    fn record(&self) -> MutexGuard<'_, SqliteLedger> {
        self.record.lock().unwrap()
    }

    fn look<T>(
        &self,
        effect: impl FnOnce(&SqliteLedger) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        reach(|effect| self.strike.look(effect), || effect(&self.record()))
    }
}

/// Passes the record's own errors on, and turns the model's into the like.
fn reach<T>(
    step: impl FnOnce(&mut dyn FnMut() -> io::Result<()>) -> io::Result<()>,
    effect: impl FnOnce() -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let (mut effect, mut outcome) = (Some(effect), None);
    let reached = step(&mut || {
        outcome = effect.take().map(|effect| effect());
        Ok(())
    });
    match (reached, outcome) {
        (Ok(()), Some(outcome)) => outcome,
        (lost, _) => Err(LedgerError::Failed { path: "model".to_owned(), reason: format!("{lost:?}") }),
    }
}

impl Ledger for ModelLedger {
    fn next_seq(&mut self) -> Seq {
        self.record().next_seq()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), LedgerError> {
        reach(|effect| self.strike.change(effect), || self.record().commit(changes))
    }

    fn known(&self, each: &mut dyn FnMut(Known<'_>)) -> Result<(), LedgerError> {
        self.look(|record| record.known(each))
    }

    fn row(&self, seq: Seq) -> Result<Option<Row>, LedgerError> {
        self.look(|record| record.row(seq))
    }

    fn intents(&self) -> Result<Vec<Row>, LedgerError> {
        self.look(Ledger::intents)
    }

    fn by_content(&self, digest: &Digest) -> Result<Vec<Seq>, LedgerError> {
        self.look(|record| record.by_content(digest))
    }

    fn by_core(&self, digest: &Digest) -> Result<Vec<Seq>, LedgerError> {
        self.look(|record| record.by_core(digest))
    }

    fn core_headers(&self, each: &mut dyn FnMut(Seq, Hash)) -> Result<(), LedgerError> {
        self.look(|record| record.core_headers(each))
    }

    fn quarantined(&self) -> Result<Vec<Quarantined>, LedgerError> {
        self.look(Ledger::quarantined)
    }

    fn unknown_copy(&self, which: Which<'_>, after: u64) -> Result<Option<UnknownCopy>, LedgerError> {
        self.look(|record| record.unknown_copy(which, after))
    }

    fn has_unknown_copies(&self) -> Result<bool, LedgerError> {
        self.look(Ledger::has_unknown_copies)
    }

    fn is_taken(&self, place: &Place) -> Result<bool, LedgerError> {
        self.look(|record| record.is_taken(place))
    }

    fn count_unknown_copies(&self) -> Result<u64, LedgerError> {
        self.look(Ledger::count_unknown_copies)
    }

    fn count_unread_unknown_copies(&self) -> Result<u64, LedgerError> {
        self.look(Ledger::count_unread_unknown_copies)
    }

    fn unread_unknown_copies(&self, limit: usize) -> Result<Vec<UnknownCopy>, LedgerError> {
        self.look(|record| record.unread_unknown_copies(limit))
    }

    fn seen_elsewhere(&self) -> Result<SeenElsewhere, LedgerError> {
        self.look(Ledger::seen_elsewhere)
    }

    fn skipped(&self) -> Result<Vec<Skipped>, LedgerError> {
        self.look(Ledger::skipped)
    }

    fn adoption(&self) -> Result<Option<Adoption>, LedgerError> {
        self.look(Ledger::adoption)
    }

    fn first_look(&self) -> Result<bool, LedgerError> {
        self.look(Ledger::first_look)
    }

    fn other_places(&self, each: &mut dyn FnMut(Other, &Place)) -> Result<(), LedgerError> {
        self.look(|record| record.other_places(each))
    }

    fn unknown_copies_seen(&self) -> Result<Option<String>, LedgerError> {
        self.look(Ledger::unknown_copies_seen)
    }

    fn served_as(&self, seq: Seq) -> Result<Option<Digest>, LedgerError> {
        self.look(|record| record.served_as(seq))
    }

    fn marks(&self) -> Result<Marks, LedgerError> {
        self.look(Ledger::marks)
    }

    fn quirks(&self) -> Result<Quirks, LedgerError> {
        self.look(Ledger::quirks)
    }

    fn logins(&self) -> Result<Logins, LedgerError> {
        self.look(Ledger::logins)
    }

    fn newest(&self, before: Seq, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.look(|record| record.newest(before, limit))
    }

    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.look(|record| record.rows(from, limit))
    }

    fn verification(&self) -> Result<VerificationRecord, LedgerError> {
        self.look(Ledger::verification)
    }

    fn places(&self, each: &mut dyn FnMut(Seq, u64, &Place)) -> Result<(), LedgerError> {
        self.look(|record| record.places(each))
    }

    fn last_look(&self) -> Result<LookRecord, LedgerError> {
        self.look(Ledger::last_look)
    }

    fn told(&self) -> Result<Vec<(Vec<u8>, UnixTime)>, LedgerError> {
        self.look(Ledger::told)
    }

    fn accepted(&self) -> Result<Vec<Seq>, LedgerError> {
        self.look(Ledger::accepted)
    }

    fn last_run(&self) -> Result<Option<RunRecord>, LedgerError> {
        self.look(Ledger::last_run)
    }

    fn last_run_within(&self, times: RangeInclusive<UnixTime>) -> Result<Option<UnixTime>, LedgerError> {
        self.look(|record| record.last_run_within(times))
    }

    fn ages(&self) -> Result<Vec<(Seq, UnixTime)>, LedgerError> {
        self.look(Ledger::ages)
    }

    fn last_login(&self) -> Result<Option<UnixTime>, LedgerError> {
        self.look(Ledger::last_login)
    }

    fn last_active(&self) -> Result<Option<UnixTime>, LedgerError> {
        self.look(Ledger::last_active)
    }

    fn archived_days(&self) -> Result<Vec<ArchivedDay>, LedgerError> {
        self.look(Ledger::archived_days)
    }
}
