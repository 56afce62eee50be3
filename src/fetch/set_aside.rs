//! Messages that fail: one bad message must not keep the others from being fetched.
//!
//! What failed is in quarantine, also beyond the run: it is tried after all others, in a session of its
//! own, and after ever longer gaps. Between two tries it is reported missing, with its reason.
//!
//! Promises: whatever came to nothing is not asked for again in the same run; the message at which a
//! session broke off gets one more chance, since a connection may always be lost, but not twice at the
//! same place by accident; every message in quarantine has its reason. Must never: take a full disk or
//! a signal for a message's fault.

use super::minute;
use super::retrieve::Haul;
use crate::ledger::{Change, Quarantined, UnixTime};
use crate::plan::{Plan, Quarantine, Ward};
use crate::pop3::listing::Entry;
use crate::session::SessionError;
use std::collections::HashSet;

const HOUR: UnixTime = 3_600;

/// After how many seconds a message is tried again that failed in one run, in two, and so on; the last
/// one stands for all that follow. At once means: in the next run.
const GAPS: [UnixTime; 6] = [0, HOUR, 4 * HOUR, 24 * HOUR, 3 * 24 * HOUR, 7 * 24 * HOUR];

/// What a run knows of messages that fail.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    quarantine: Quarantine,
    /// Those that a listing of this run shows.
    listed: HashSet<Ward>,
    /// How often something failed in this run.
    failures: u64,
    /// How many messages were suspected in this run.
    suspected: u64,
    /// The message at which the last session broke.
    suspect: Option<Which>,
    /// Changes that are not in the ledger yet.
    changes: Vec<Change>,
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
    reason: String,
    /// The user's `max_size`, if it passed that.
    larger_than: Option<u64>,
}

impl SetAside {
    /// With what the ledger has. `retry`: everything is tried again, whatever the time. A message that was
    /// larger than a `max_size` which has grown since is no failure any more.
    pub(super) fn new(known: Vec<Quarantined>, retry: bool, max_size: u64, now: UnixTime) -> Self {
        let mut aside = SetAside::default();
        for facts in known {
            let rests =
                !retry && facts.next_at > now && facts.larger_than.is_none_or(|size| size >= max_size);
            aside.quarantine.put(facts, rests);
        }
        aside
    }

    /// For the plan.
    pub(super) fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// Never falls: when it grows, a new session has less to stumble over.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    /// How many messages broke a session that had brought nothing else, while there are others to try first.
    pub(super) fn suspected(&self) -> u64 {
        self.suspected
    }

    /// What the ledger is to learn.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Why the message at this place is missing, if it is in quarantine, and whether by the user's own wish.
    pub(super) fn reason(&self, plan: &Plan<'_>, place: usize) -> Option<(String, bool)> {
        let ward = self.ward(plan, place)?;
        let facts = self.quarantine.facts(ward);
        Some((words(facts), facts.larger_than.is_some()))
    }

    /// A listing shows these.
    pub(super) fn listed(&mut self, plan: &Plan<'_>) {
        self.listed.extend(plan.wards().map(|(_, ward)| ward));
    }

    /// A message is stored, or was stored before.
    pub(super) fn stored(&mut self, plan: &Plan<'_>, place: usize) {
        if let Some(ward) = plan.ward(place) {
            self.release(ward);
        }
    }

    /// The run is over: whatever no listing of it showed is gone from the server.
    pub(super) fn release_unlisted(&mut self) {
        let gone: Vec<Ward> =
            self.quarantine.iter().map(|(ward, _)| ward).filter(|ward| !self.listed.contains(ward)).collect();
        for ward in gone {
            self.release(ward);
        }
    }

    fn release(&mut self, ward: Ward) {
        let facts = self.quarantine.facts(ward);
        self.changes.push(Change::Released { uid: facts.uid.clone(), number: facts.number });
        self.quarantine.release(ward);
    }

    /// A message turned out larger than the user's `max_size`.
    pub(super) fn too_large(&mut self, plan: &Plan<'_>, place: usize, limit: u64, now: UnixTime) {
        let listed =
            plan.item(place).entry.size.map_or_else(|| "nothing".to_owned(), |size| size.to_string());
        let reason = format!("larger than max_size ({limit}), though LIST said {listed}");
        self.failed(plan, place, Failure { reason, larger_than: Some(limit) }, now);
    }

    /// What the server refused, or sent nothing or too little for. Where `renumbered` is set, this session
    /// deletes messages: then nothing is known again by its number.
    pub(super) fn missed(&mut self, plan: &Plan<'_>, haul: &Haul, renumbered: bool, now: UnixTime) {
        for (place, reason) in &haul.missed {
            if renumbered && !plan.has_own_uid(*place) {
                continue;
            }
            let failure = Failure { reason: reason.clone(), larger_than: None };
            if haul.passing.contains(place) {
                self.not_now(plan, *place, failure, now);
            } else {
                self.failed(plan, *place, failure, now);
            }
        }
    }

    /// A session broke while it fetched.
    pub(super) fn blame(&mut self, plan: &Plan<'_>, haul: &Haul, error: &SessionError, now: UnixTime) {
        let Some(place) = haul.broke_at else { return };
        let entry = plan.item(place).entry;
        let again =
            self.suspect.take().is_some_and(|suspect| suspect.is(entry)) || plan.ward(place).is_some();
        let alone = haul.filed.is_empty() && haul.missed.is_empty();
        let reason = format!("the session broke off at it: {error}");
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
        self.failures += 1;
    }

    /// The server says that it may work later: in the next run.
    fn not_now(&mut self, plan: &Plan<'_>, place: usize, failure: Failure, now: UnixTime) {
        if self.ward(plan, place).is_some() {
            return self.failed(plan, place, failure, now);
        }
        let facts = self.facts(plan, place, failure, now);
        let ward = self.quarantine.put(facts, true);
        self.listed.insert(ward);
        self.failures += 1;
    }

    fn take_in(&mut self, facts: Quarantined, rests: bool) {
        self.changes.push(Change::Quarantined(facts.clone()));
        let ward = self.quarantine.put(facts, rests);
        self.listed.insert(ward);
    }

    /// What is to be known of a message from now on, with the failures that it had before.
    fn facts(&self, plan: &Plan<'_>, place: usize, failure: Failure, now: UnixTime) -> Quarantined {
        let entry = plan.item(place).entry;
        let before = self.ward(plan, place).map(|ward| self.quarantine.facts(ward));
        Quarantined {
            uid: entry.uid.map(<[u8]>::to_vec),
            number: (!plan.has_own_uid(place)).then_some(entry.number),
            list_size: entry.size,
            reason: failure.reason,
            failures: before.map_or(0, |facts| facts.failures),
            first_at: before.map_or(now, |facts| facts.first_at),
            last_at: now,
            next_at: now,
            larger_than: failure.larger_than,
        }
    }

    /// The message at this place as it is known by now, which may be since this session only.
    fn ward(&self, plan: &Plan<'_>, place: usize) -> Option<Ward> {
        self.quarantine.find(plan.item(place).entry, plan.has_own_uid(place))
    }
}

/// Why a message in quarantine is missing, and when it is tried again.
pub(super) fn words(facts: &Quarantined) -> String {
    let reason = &facts.reason;
    match facts.failures {
        // It is to be tried in this run, or the server said "not now".
        0 => reason.clone(),
        _ if facts.next_at <= facts.last_at => format!("{reason}; next try in the next run"),
        failures => format!(
            "{reason}; next try {} (it failed in {failures} runs since {})",
            minute(facts.next_at),
            super::day(facts.first_at)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Limits, Planner};
    use crate::pop3::listing::{Listing, ListingBuilder};

    const NOW: UnixTime = 1_800_000_000;

    /// Message 1 has a UID of its own; 2 and 3 share one; 4 has none.
    fn listing() -> Listing {
        let mut builder = ListingBuilder::new();
        builder.uids_follow();
        for line in ["1 own", "2 equal", "3 equal", "4"] {
            builder.uidl_line(line.as_bytes()).unwrap();
        }
        builder.finish().unwrap()
    }

    fn plan<'l>(listing: &'l Listing, aside: &SetAside) -> Plan<'l> {
        Planner::new(listing).finish(&Limits { max_size: 1000, messages: None }, aside.quarantine())
    }

    /// A haul without these messages.
    fn without(places: &[usize]) -> Haul {
        let missed = places.iter().map(|&place| (place, "refused".to_owned())).collect();
        Haul { missed, ..Haul::default() }
    }

    fn broken_at(place: usize) -> Haul {
        Haul { broke_at: Some(place), ..Haul::default() }
    }

    fn closed() -> SessionError {
        SessionError::Closed { during: "RETR" }
    }

    /// What the ledger would have.
    fn recorded(aside: &mut SetAside) -> Vec<Quarantined> {
        let taken = aside.take_changes();
        let quarantined = taken.into_iter().filter_map(|change| match change {
            Change::Quarantined(facts) => Some(facts),
            _ => None,
        });
        quarantined.collect()
    }

    #[test]
    fn the_gaps_between_tries_grow_up_to_a_week() {
        let listing = listing();
        let (mut known, mut now, mut gaps) = (Vec::new(), NOW, Vec::new());
        for _ in 0..8 {
            let mut aside = SetAside::new(known, false, 1000, now);
            let plan = plan(&listing, &aside);
            aside.missed(&plan, &without(&[0]), false, now);
            known = recorded(&mut aside);
            gaps.push(known[0].next_at - now);
            now = known[0].next_at;
        }
        assert_eq!(gaps, [0, 3_600, 14_400, 86_400, 259_200, 604_800, 604_800, 604_800]);
        assert_eq!((known[0].failures, known[0].first_at), (8, NOW));
        assert!(words(&known[0]).starts_with("refused; next try 20"), "{}", words(&known[0]));
    }

    #[test]
    fn a_message_rests_until_its_time_unless_a_person_says_otherwise() {
        let listing = listing();
        let facts = Quarantined {
            uid: Some(b"own".to_vec()),
            number: None,
            list_size: None,
            reason: "refused".to_owned(),
            failures: 2,
            first_at: NOW,
            last_at: NOW,
            next_at: NOW + 3_600,
            larger_than: None,
        };
        let rests = |retry, now| {
            let aside = SetAside::new(vec![facts.clone()], retry, 1000, now);
            aside.quarantine().rests(plan(&listing, &aside).ward(0).unwrap())
        };
        assert!(rests(false, NOW + 3_599));
        assert!(!rests(false, NOW + 3_600));
        assert!(!rests(true, NOW));
        let large = Quarantined { larger_than: Some(999), ..facts.clone() };
        let aside = SetAside::new(vec![large], false, 1000, NOW);
        assert!(!aside.quarantine().rests(plan(&listing, &aside).ward(0).unwrap()), "max_size has grown");
    }

    #[test]
    fn messages_without_a_uid_of_their_own_are_known_by_number_unless_numbers_change() {
        let listing = listing();
        let mut aside = SetAside::default();
        let before = plan(&listing, &aside);
        aside.missed(&before, &without(&[0, 1, 3]), true, NOW);
        assert_eq!(recorded(&mut aside).len(), 1, "this session deletes messages");
        aside.missed(&before, &without(&[0, 1, 3]), false, NOW);
        let numbers: Vec<_> = recorded(&mut aside).into_iter().map(|facts| facts.number).collect();
        assert_eq!(numbers, [None, Some(2), Some(4)]);
        let after = plan(&listing, &aside);
        assert_eq!(
            after.wards().map(|(place, _)| place).collect::<Vec<_>>(),
            [0, 1, 3],
            "message 3 is fetched"
        );
    }

    #[test]
    fn a_message_that_breaks_a_session_is_tried_after_the_others_and_fails_at_the_second_time() {
        let listing = listing();
        let mut aside = SetAside::default();
        let first = plan(&listing, &aside);
        aside.blame(&first, &broken_at(0), &closed(), NOW);
        assert_eq!((aside.suspected(), aside.failures()), (1, 0));
        let second = plan(&listing, &aside);
        assert!(!aside.quarantine().rests(second.ward(0).unwrap()));
        aside.blame(&second, &broken_at(0), &closed(), NOW);
        assert_eq!(aside.failures(), 1);
        assert!(aside.quarantine().rests(second.ward(0).unwrap()), "not again in this run");
        assert_eq!(recorded(&mut aside).last().unwrap().failures, 1);
    }

    #[test]
    fn a_connection_lost_after_others_had_come_is_nobodys_fault_the_first_time() {
        let listing = listing();
        let mut aside = SetAside::default();
        let plan = plan(&listing, &aside);
        let after_others = Haul { missed: vec![(1, "refused".to_owned())], ..broken_at(0) };
        aside.blame(&plan, &after_others, &closed(), NOW);
        assert_eq!((aside.suspected(), aside.failures()), (0, 0));
        aside.blame(&plan, &broken_at(0), &closed(), NOW);
        assert_eq!(aside.failures(), 1, "two sessions broke off at it");
    }

    #[test]
    fn not_now_is_no_failure_beyond_the_run() {
        let listing = listing();
        let mut aside = SetAside::default();
        let before = plan(&listing, &aside);
        let haul = Haul { passing: HashSet::from([0]), ..without(&[0]) };
        aside.missed(&before, &haul, false, NOW);
        assert!(recorded(&mut aside).is_empty());
        assert!(aside.quarantine().rests(plan(&listing, &aside).ward(0).unwrap()));
    }

    #[test]
    fn what_is_stored_or_no_longer_listed_is_released() {
        let listing = listing();
        let mut aside = SetAside::default();
        let before = plan(&listing, &aside);
        aside.missed(&before, &without(&[0, 1]), false, NOW);
        let mut gone = recorded(&mut aside);
        gone[0].uid = Some(b"gone".to_vec());
        gone[1].number = Some(2);
        let mut aside = SetAside::new(gone, true, 1000, NOW);
        let plan = plan(&listing, &aside);
        aside.listed(&plan);
        aside.release_unlisted();
        assert_eq!(aside.quarantine().iter().count(), 1);
        aside.stored(&plan, 1);
        assert!(aside.quarantine().is_empty());
        assert_eq!(aside.take_changes().len(), 2);
    }
}
