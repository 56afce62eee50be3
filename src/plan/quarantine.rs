//! The quarantine: messages that could not be had, and which listed message is one of them.
//!
//! Promises: a message is found by its UID alone only where the UID is its own in that listing;
//! otherwise UID, number and size must all fit, so that nobody else is kept waiting in its stead.

use crate::clock;
use crate::ledger::{Quarantined, UnixTime};
use crate::mail::reason;
use crate::pop3::listing::Entry;
use crate::text::dates::{day, minute};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

const HOUR: UnixTime = 3_600;

/// After how many seconds a message is tried again that failed in one run, in two, and so on; the last
/// one counts for all that follow. At once means: in the next run.
pub const GAPS: [UnixTime; 6] = [0, HOUR, 4 * HOUR, 24 * HOUR, 3 * 24 * HOUR, 7 * 24 * HOUR];

/// Where in a [`Quarantine`] a message is. Stays the same as long as the quarantine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuarantineId(usize);

/// UID and number as a message is known by them, in few octets; a message without a UID has an empty one here.
type Key = [u8; 16];

fn key(uid: Option<&[u8]>, number: Option<u32>) -> Key {
    // The number, or none, has a length of its own, so that no UID can be taken for another with a number.
    let number = number.map_or([0; 5], |number| {
        let [a, b, c, d] = number.to_be_bytes();
        [1, a, b, c, d]
    });
    let digest = Sha256::new().chain_update(number).chain_update(uid.unwrap_or_default()).finalize();
    digest.first_chunk().copied().unwrap_or_default()
}

/// See the module's page.
#[derive(Debug, Default)]
pub struct Quarantine {
    cases: Vec<Case>,
    by_key: HashMap<Key, QuarantineId>,
}

#[derive(Debug)]
struct Case {
    facts: Quarantined,
    rests: bool,
}

impl Quarantine {
    /// What the ledger has of it. `retry`: everything is tried again, whatever the time. A message that was
    /// larger than a `max_size` which has grown since is no failure any more.
    pub fn on_record(known: Vec<Quarantined>, retry: bool, max_size: u64, now: UnixTime) -> Self {
        let mut quarantine = Quarantine::default();
        for facts in known {
            // What a wrong clock stored tells nothing.
            let longest = GAPS[GAPS.len() - 1];
            let rests = !retry
                && clock::still_holds(facts.last_at, facts.next_at, longest, now)
                && facts.larger_than.is_none_or(|size| size >= max_size);
            quarantine.put(facts, rests);
        }
        quarantine
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Takes a message in, or replaces what is known of it. While it rests it is not tried.
    pub fn put(&mut self, facts: Quarantined, rests: bool) -> QuarantineId {
        let key = key(facts.uid.as_deref(), facts.number);
        let id = *self.by_key.entry(key).or_insert(QuarantineId(self.cases.len()));
        let case = Case { facts, rests };
        match self.cases.get_mut(id.0) {
            Some(known) => *known = case,
            None => self.cases.push(case),
        }
        id
    }

    /// Lets a message out.
    pub fn release(&mut self, id: QuarantineId) {
        let Some(Case { facts, .. }) = self.cases.get(id.0) else { return };
        self.by_key.remove(&key(facts.uid.as_deref(), facts.number));
    }

    /// Which of them a listed message is. `own_uid`: no other listed message has its UID.
    pub fn find(&self, entry: Entry<'_>, own_uid: bool) -> Option<QuarantineId> {
        let number = (!own_uid).then_some(entry.number);
        let id = *self.by_key.get(&key(entry.uid, number))?;
        (own_uid || self.facts(id).list_size == entry.size).then_some(id)
    }

    /// What is known of a message.
    ///
    /// # Panics
    ///
    /// If it is another quarantine's.
    pub fn facts(&self, id: QuarantineId) -> &Quarantined {
        &self.cases[id.0].facts
    }

    /// Why a listed message is missing, if it is one of them, and whether by the user's own wish. `own_uid` as in
    /// [`Quarantine::find`].
    pub fn reason(&self, entry: Entry<'_>, own_uid: bool) -> Option<(Arc<str>, bool)> {
        let facts = self.facts(self.find(entry, own_uid)?);
        Some((words(facts), facts.larger_than.is_some()))
    }

    /// Whether it is not to be tried now.
    pub fn rests(&self, id: QuarantineId) -> bool {
        self.cases.get(id.0).is_some_and(|case| case.rests)
    }

    /// Everybody in it.
    pub fn iter(&self) -> impl Iterator<Item = (QuarantineId, &Quarantined)> {
        self.by_key.values().map(|&id| (id, self.facts(id)))
    }
}

/// Why a message in quarantine is missing, and when it is tried again.
fn words(facts: &Quarantined) -> Arc<str> {
    let reason = &facts.reason;
    let words = match facts.failures {
        // It is to be tried in this run, or the server said "not now".
        0 => return Arc::clone(reason),
        _ if facts.next_at <= facts.last_at => format!("{reason}; next try in the next run"),
        failures => format!(
            "{reason}; next try {} (it failed in {failures} runs since {})",
            minute(facts.next_at),
            day(facts.first_at)
        ),
    };
    reason::shared_whole(&words, reason)
}

#[cfg(test)]
mod tests {
    use super::Quarantine;
    use crate::ledger::Quarantined;
    use crate::pop3::listing::Entry;

    fn failed(uid: &str, number: Option<u32>) -> Quarantined {
        Quarantined {
            uid: (!uid.is_empty()).then(|| uid.as_bytes().to_vec()),
            number,
            list_size: Some(10),
            reason: "".into(),
            failures: 1,
            first_at: 0,
            last_at: 0,
            next_at: 0,
            larger_than: None,
        }
    }

    fn entry(number: u32, uid: &'static str, size: u64) -> Entry<'static> {
        Entry { number, size: Some(size), uid: (!uid.is_empty()).then_some(uid.as_bytes()) }
    }

    #[test]
    fn a_uid_of_its_own_is_enough_wherever_the_message_stands() {
        let mut quarantine = Quarantine::default();
        let id = quarantine.put(failed("a", None), true);
        assert_eq!(quarantine.find(entry(7, "a", 99), true), Some(id));
        assert_eq!(quarantine.find(entry(7, "b", 10), true), None);
        assert_eq!(quarantine.find(entry(7, "a", 10), false), None, "two messages have that UID now");
    }

    #[test]
    fn without_a_uid_of_its_own_number_and_size_must_fit() {
        for uid in ["", "equal"] {
            let mut quarantine = Quarantine::default();
            let id = quarantine.put(failed(uid, Some(3)), true);
            assert_eq!(quarantine.find(entry(3, uid, 10), false), Some(id));
            assert_eq!(quarantine.find(entry(4, uid, 10), false), None);
            assert_eq!(quarantine.find(entry(3, uid, 11), false), None);
        }
    }

    #[test]
    fn a_message_is_in_it_once_until_it_is_released() {
        let mut quarantine = Quarantine::default();
        let id = quarantine.put(failed("a", None), false);
        assert_eq!(quarantine.put(Quarantined { failures: 2, ..failed("a", None) }, true), id);
        assert!(quarantine.rests(id));
        assert_eq!(quarantine.iter().map(|(_, facts)| facts.failures).collect::<Vec<_>>(), [2]);
        quarantine.release(id);
        assert!(quarantine.is_empty());
    }
}
