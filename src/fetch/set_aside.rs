//! Messages that a run gives up: one bad message must not keep the others from being fetched.
//!
//! Promises: whatever came to nothing before a session broke is not asked for again in the same
//! run; the message at which it broke gets one more chance, since a connection may always be
//! lost, but not twice at the same place by accident. Every message given up has its reason.

use super::retrieve::Haul;
use crate::plan::Plan;
use crate::pop3::listing::Entry;
use crate::session::SessionError;

/// What a run has given up so far.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    given_up: Vec<GivenUp>,
    /// The message at which the last session broke.
    suspect: Option<Which>,
}

/// A message that this run does not ask for again.
#[derive(Debug)]
pub(super) struct GivenUp {
    which: Which,
    /// Why, in words.
    pub reason: String,
    /// By the user's own `max_size`: no failure.
    pub chosen: bool,
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

impl SetAside {
    /// How many. Never falls: when it grows, a new session has less to stumble over.
    pub(super) fn len(&self) -> u64 {
        self.given_up.len() as u64
    }

    /// What is known of a message, if it was given up.
    pub(super) fn find(&self, entry: Entry<'_>) -> Option<&GivenUp> {
        self.given_up.iter().find(|aside| aside.which.is(entry))
    }

    /// Gives up a message.
    pub(super) fn add(&mut self, entry: Entry<'_>, reason: String, chosen: bool) {
        if self.find(entry).is_none() {
            self.given_up.push(GivenUp { which: Which::of(entry), reason, chosen });
        }
    }

    /// Gives up a message that turned out larger than the user's `max_size`.
    pub(super) fn too_large(&mut self, entry: Entry<'_>, limit: u64) {
        let listed = entry.size.map_or_else(|| "nothing".to_owned(), |size| size.to_string());
        self.add(entry, format!("larger than max_size ({limit}), though LIST said {listed}"), true);
    }

    /// Gives up what a session that broke could not bring: it may be what broke it.
    pub(super) fn missed(&mut self, plan: &Plan<'_>, haul: &Haul) {
        for (place, reason) in &haul.missed {
            self.add(plan.item(*place).entry, reason.clone(), false);
        }
    }

    /// Other messages are to have their turn in a next session. Without a UID nothing is known
    /// again there: the deletions of this session change the numbers.
    pub(super) fn refused(&mut self, plan: &Plan<'_>, haul: &Haul) {
        for (place, reason) in &haul.missed {
            let entry = plan.item(*place).entry;
            if entry.uid.is_some() {
                self.add(entry, reason.clone(), false);
            }
        }
    }

    /// A session broke while it fetched.
    pub(super) fn blame(&mut self, plan: &Plan<'_>, haul: &Haul, error: &SessionError) {
        self.missed(plan, haul);
        let Some(place) = haul.broke_at else { return };
        let entry = plan.item(place).entry;
        if self.suspect.take().is_some_and(|suspect| suspect.is(entry)) {
            self.add(entry, format!("two sessions broke off at it: {error}"), false);
        } else {
            self.suspect = Some(Which::of(entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SetAside;
    use crate::pop3::listing::Entry;

    fn entry(number: u32, uid: Option<&'static str>) -> Entry<'static> {
        Entry { number, size: None, uid: uid.map(str::as_bytes) }
    }

    #[test]
    fn a_message_is_known_again_by_its_uid_or_else_by_its_number() {
        let mut aside = SetAside::default();
        aside.add(entry(3, Some("a")), "torn".to_owned(), false);
        aside.add(entry(5, None), "torn".to_owned(), false);
        assert!(aside.find(entry(1, Some("a"))).is_some(), "numbers change from session to session");
        assert!(aside.find(entry(3, Some("b"))).is_none());
        assert!(aside.find(entry(5, None)).is_some());
        assert!(aside.find(entry(5, Some("c"))).is_none());
    }

    #[test]
    fn a_message_is_given_up_once_and_keeps_its_first_reason() {
        let mut aside = SetAside::default();
        aside.add(entry(3, Some("a")), "first".to_owned(), false);
        aside.add(entry(3, Some("a")), "second".to_owned(), true);
        assert_eq!(aside.len(), 1);
        assert_eq!(aside.find(entry(3, Some("a"))).map(|aside| aside.reason.as_str()), Some("first"));
    }
}
