//! The quarantine: messages that could not be had, and which listed message is one of them.
//!
//! Promises: a message is found by its UID alone only where the UID is its own in that listing;
//! otherwise UID, number and size must all fit, so that nobody else is kept waiting in its stead.

use crate::ledger::Quarantined;
use crate::pop3::listing::Entry;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// Where in a [`Quarantine`] a message is. Stays the same as long as the quarantine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ward(usize);

/// UID and number as a message is known by them, in few octets; a message without a UID has an empty one here.
type Key = [u8; 16];

fn key(uid: Option<&[u8]>, number: Option<u32>) -> Key {
    // The number, or none, has a length of its own, so that no UID can stand for another with a number.
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
    wards: Vec<Patient>,
    by_key: HashMap<Key, Ward>,
}

#[derive(Debug)]
struct Patient {
    facts: Quarantined,
    rests: bool,
}

impl Quarantine {
    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Takes a message in, or replaces what is known of it. While it rests it is not tried.
    pub fn put(&mut self, facts: Quarantined, rests: bool) -> Ward {
        let key = key(facts.uid.as_deref(), facts.number);
        let ward = *self.by_key.entry(key).or_insert(Ward(self.wards.len()));
        let patient = Patient { facts, rests };
        match self.wards.get_mut(ward.0) {
            Some(known) => *known = patient,
            None => self.wards.push(patient),
        }
        ward
    }

    /// Lets a message out.
    pub fn release(&mut self, ward: Ward) {
        let Some(Patient { facts, .. }) = self.wards.get(ward.0) else { return };
        self.by_key.remove(&key(facts.uid.as_deref(), facts.number));
    }

    /// Which of them a listed message is. `own_uid`: no other listed message has its UID.
    pub fn find(&self, entry: Entry<'_>, own_uid: bool) -> Option<Ward> {
        let number = (!own_uid).then_some(entry.number);
        let ward = *self.by_key.get(&key(entry.uid, number))?;
        (own_uid || self.facts(ward).list_size == entry.size).then_some(ward)
    }

    /// What is known of a message.
    ///
    /// # Panics
    ///
    /// If the ward is another quarantine's.
    pub fn facts(&self, ward: Ward) -> &Quarantined {
        &self.wards[ward.0].facts
    }

    /// Whether it is not to be tried now.
    pub fn rests(&self, ward: Ward) -> bool {
        self.wards.get(ward.0).is_some_and(|patient| patient.rests)
    }

    /// Everybody in it.
    pub fn iter(&self) -> impl Iterator<Item = (Ward, &Quarantined)> {
        self.by_key.values().map(|&ward| (ward, self.facts(ward)))
    }
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
        let ward = quarantine.put(failed("a", None), true);
        assert_eq!(quarantine.find(entry(7, "a", 99), true), Some(ward));
        assert_eq!(quarantine.find(entry(7, "b", 10), true), None);
        assert_eq!(quarantine.find(entry(7, "a", 10), false), None, "two messages have that UID now");
    }

    #[test]
    fn without_a_uid_of_its_own_number_and_size_must_fit() {
        for uid in ["", "equal"] {
            let mut quarantine = Quarantine::default();
            let ward = quarantine.put(failed(uid, Some(3)), true);
            assert_eq!(quarantine.find(entry(3, uid, 10), false), Some(ward));
            assert_eq!(quarantine.find(entry(4, uid, 10), false), None);
            assert_eq!(quarantine.find(entry(3, uid, 11), false), None);
        }
    }

    #[test]
    fn a_message_is_in_it_once_until_it_is_released() {
        let mut quarantine = Quarantine::default();
        let ward = quarantine.put(failed("a", None), false);
        assert_eq!(quarantine.put(Quarantined { failures: 2, ..failed("a", None) }, true), ward);
        assert!(quarantine.rests(ward));
        assert_eq!(quarantine.iter().map(|(_, facts)| facts.failures).collect::<Vec<_>>(), [2]);
        quarantine.release(ward);
        assert!(quarantine.is_empty());
    }
}
