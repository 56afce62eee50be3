//! Messages that fail: one bad message must not keep the others from being fetched.
//!
//! What failed is in quarantine, also beyond the run: it is tried after all others, in a session of its
//! own, and after ever longer gaps. Between two tries it is reported missing, with its reason.
//!
//! Promises: whatever came to nothing is not asked for again in the same run; the message at which a
//! session broke off gets one more chance, since a connection may always be lost, but not twice at the
//! same place by accident; every message in quarantine has its reason. Must never: take a full disk or
//! a signal for a message's fault.

use crate::fetch::download::outcome::Download;
use crate::ledger::{Change, Ledger, LedgerError, Quarantined, UnixTime};
use crate::mail::reason;
use crate::plan::{GAPS, Plan, Quarantine, QuarantineId};
use crate::pop3::listing::Entry;
use crate::session::SessionError;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// Where there are too many different reasons.
const BROKE_OFF: &str = "the session broke off";

/// What a run knows of messages that fail.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    quarantine: Quarantine,
    /// Those that a listing of this run shows.
    listed: HashSet<QuarantineId>,
    /// How often something failed in this run.
    count: u64,
    /// How many messages were suspected in this run.
    suspected: u64,
    /// The message at which the last session broke.
    suspect: Option<Which>,
    /// Changes that are not in the ledger yet.
    changes: VecDeque<Step>,
}

/// Messages that are kept apart from all others, at most: a server may refuse everything.
const MOST: usize = 10_000;

/// Changes that are made final together. There may be hundreds of thousands, each far larger than what it says.
const PORTION: usize = 1_000;

/// What the ledger is to learn, in few octets.
#[derive(Debug)]
enum Step {
    /// This one is in quarantine, as it is known by then.
    Into(QuarantineId),
    /// This one is out of it.
    Out { uid: Option<Vec<u8>>, number: Option<u32> },
}

/// A message, as it is known from one session to the next.
#[derive(Debug)]
struct Which {
    uid: Option<Vec<u8>>,
    number: u32,
}

impl Which {
    fn of(entry: Entry<'_>) -> Self {
        Which { uid: entry.uid.map(<[u8]>::to_vec), number: entry.number }
    }

    /// The same UID, or the same number where there is none.
    fn is(&self, entry: Entry<'_>) -> bool {
        match (entry.uid, self.uid.as_deref()) {
            (Some(uid), Some(mine)) => uid == mine,
            (None, None) => self.number == entry.number,
            _ => false,
        }
    }
}

/// Why a message failed.
struct Failure {
    reason: Arc<str>,
    /// The user's `max_size`, if it passed that.
    larger_than: Option<u64>,
}

impl Failures {
    /// With what the ledger has.
    pub(crate) fn new(quarantine: Quarantine) -> Self {
        Failures { quarantine, ..Failures::default() }
    }

    /// For the plan.
    pub(crate) fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// Never falls: when it grows, a new session has less to stumble over.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How many messages broke a session that had brought nothing else, while there are others to try first.
    pub(crate) fn suspected(&self) -> u64 {
        self.suspected
    }

    /// What the ledger is to learn.
    pub(crate) fn record(&mut self, ledger: &mut dyn Ledger) -> Result<(), LedgerError> {
        loop {
            let portion = self.take_changes(PORTION);
            if portion.is_empty() {
                return Ok(());
            }
            ledger.commit(&portion)?;
        }
    }

    fn take_changes(&mut self, at_most: usize) -> Vec<Change> {
        let portion = self.changes.drain(..at_most.min(self.changes.len()));
        let change = |step| match step {
            Step::Into(id) => Change::Quarantined(self.quarantine.facts(id).clone()),
            Step::Out { uid, number } => Change::Released { uid, number },
        };
        portion.map(change).collect()
    }

    /// A listing shows these.
    pub(crate) fn listed(&mut self, plan: &Plan<'_>) {
        self.listed.extend(plan.quarantined().map(|(_, id)| id));
    }

    /// A message is stored, or was stored before.
    pub(crate) fn stored(&mut self, plan: &Plan<'_>, place: usize) {
        if let Some(id) = plan.quarantine_id(place) {
            self.release(id);
        }
    }

    /// The run is over: whatever no listing of it showed is gone from the server.
    pub(crate) fn release_unlisted(&mut self) {
        let gone: Vec<QuarantineId> =
            self.quarantine.iter().map(|(id, _)| id).filter(|id| !self.listed.contains(id)).collect();
        for id in gone {
            self.release(id);
        }
    }

    fn release(&mut self, id: QuarantineId) {
        let facts = self.quarantine.facts(id);
        self.changes.push_back(Step::Out { uid: facts.uid.clone(), number: facts.number });
        self.quarantine.release(id);
    }

    /// A message turned out larger than the user's `max_size`.
    pub(crate) fn too_large(&mut self, plan: &Plan<'_>, place: usize, limit: u64, now: UnixTime) {
        let listed =
            plan.item(place).entry.size.map_or_else(|| "nothing".to_owned(), |size| size.to_string());
        let reason = format!("larger than max_size ({limit}), though LIST said {listed}");
        let reason = reason::shared(&reason, "larger than max_size");
        self.failed(plan, place, Failure { reason, larger_than: Some(limit) }, now);
    }

    /// What the server refused, or sent nothing or too little for. Where `renumbered` is set, this session
    /// deletes messages: then nothing is known again by its number.
    pub(crate) fn missed(&mut self, plan: &Plan<'_>, download: &Download, renumbered: bool, now: UnixTime) {
        for (place, reason) in &download.missed {
            if self.quarantine.len() >= MOST && self.quarantine_id(plan, *place).is_none() {
                // Missing in this run, like the others, and asked for again in the next.
                continue;
            }
            if renumbered && !plan.has_own_uid(*place) {
                continue;
            }
            let failure = Failure { reason: Arc::clone(reason), larger_than: None };
            if download.passing.contains(place) {
                self.not_now(plan, *place, failure, now);
            } else {
                self.failed(plan, *place, failure, now);
            }
        }
    }

    /// A session broke while it fetched.
    pub(crate) fn blame(
        &mut self,
        plan: &Plan<'_>,
        download: &Download,
        error: &SessionError,
        now: UnixTime,
    ) {
        if let Some(place) = download.ended_badly {
            // Octets that are no answer came behind it, or it does not tally where others do.
            let failure = Failure {
                reason: reason::shared(&format!("the session broke off after it: {error}"), BROKE_OFF),
                larger_than: None,
            };
            if self.quarantine_id(plan, place).is_some() {
                return self.failed(plan, place, failure, now);
            }
            // The fault may be the next one's: it is tried again at the end of the run, alone.
            let facts = self.facts(plan, place, failure, now);
            self.take_in(facts, false);
            self.count += 1;
            return;
        }
        let Some(place) = download.broke_at else { return };
        let entry = plan.item(place).entry;
        let again = self.suspect.take().is_some_and(|suspect| suspect.is(entry))
            || plan.quarantine_id(place).is_some();
        let alone = download.durable().next().is_none()
            && download.missed.is_empty()
            && download.findings.unsettled.is_empty();
        let reason = reason::shared(&format!("the session broke off at it: {error}"), BROKE_OFF);
        if error.may_go_better_anew() && again {
            self.failed(plan, place, Failure { reason, larger_than: None }, now);
        } else if alone && !again {
            // Others first: it may be the message, and it may be the connection.
            let facts = self.facts(plan, place, Failure { reason, larger_than: None }, now);
            self.take_in(facts, false);
            self.suspected += u64::from(plan.to_fetch().0 > 1);
        } else {
            self.suspect = Some(Which::of(entry));
        }
    }

    fn failed(&mut self, plan: &Plan<'_>, place: usize, failure: Failure, now: UnixTime) {
        let mut facts = self.facts(plan, place, failure, now);
        let gap = GAPS[GAPS.len().min(facts.failures as usize + 1) - 1];
        facts.failures = facts.failures.saturating_add(1);
        facts.next_at = now.saturating_add(gap);
        self.take_in(facts, true);
        self.count += 1;
    }

    /// The server says that it may work later: in the next run.
    fn not_now(&mut self, plan: &Plan<'_>, place: usize, failure: Failure, now: UnixTime) {
        if self.quarantine_id(plan, place).is_some() {
            return self.failed(plan, place, failure, now);
        }
        let facts = self.facts(plan, place, failure, now);
        let id = self.quarantine.put(facts, true);
        self.listed.insert(id);
        self.count += 1;
    }

    fn take_in(&mut self, facts: Quarantined, rests: bool) {
        let id = self.quarantine.put(facts, rests);
        self.changes.push_back(Step::Into(id));
        self.listed.insert(id);
    }

    /// What is to be known of a message from now on, with the failures that it had before.
    fn facts(&self, plan: &Plan<'_>, place: usize, failure: Failure, now: UnixTime) -> Quarantined {
        let entry = plan.item(place).entry;
        let before = self.quarantine_id(plan, place).map(|id| self.quarantine.facts(id));
        Quarantined {
            uid: entry.uid.map(<[u8]>::to_vec),
            number: (!plan.has_own_uid(place)).then_some(entry.number),
            list_size: entry.size,
            reason: failure.reason,
            failures: before.map_or(0, |facts| facts.failures),
            first_at: before.map_or(now, |facts| facts.first_at.min(now)),
            last_at: now,
            next_at: now,
            larger_than: failure.larger_than,
        }
    }

    /// The message at this place as it is known by now, which may be since this session only.
    fn quarantine_id(&self, plan: &Plan<'_>, place: usize) -> Option<QuarantineId> {
        self.quarantine.find(plan.item(place).entry, plan.has_own_uid(place))
    }
}

#[cfg(test)]
mod tests;
