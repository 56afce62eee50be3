//! Which UIDs were listed beside one another in this run: those are of different messages, whatever their content.

use crate::pop3::listing::Listing;
use std::hash::{BuildHasher as _, RandomState};

/// For each UID listed in this run the first and the last session that showed it.
#[derive(Debug, Default)]
pub(crate) struct ListedTogether {
    hashes: RandomState,
    session: u16,
    /// By ascending hash.
    shown: Vec<Shown>,
}

/// A UID's hash, and its first and last session.
type Shown = (u64, u16, u16);

impl ListedTogether {
    /// A session shows this listing.
    pub(crate) fn listed(&mut self, listing: &Listing) {
        self.session = self.session.saturating_add(1);
        let (now, hashes) = (self.session, &self.hashes);
        let mut here: Vec<Shown> = listing
            .iter()
            .filter_map(|entry| entry.uid)
            .map(|uid| (hashes.hash_one(uid), now, now))
            .collect();
        here.sort_unstable();
        here.dedup();
        if self.shown.is_empty() {
            self.shown = here;
            return;
        }
        here.retain(|&(hash, ..)| match self.shown.binary_search_by_key(&hash, |shown| shown.0) {
            Ok(at) => {
                self.shown[at].2 = now;
                false
            }
            Err(_) => true,
        });
        self.shown.append(&mut here);
        self.shown.sort_unstable();
    }

    /// Whether a session of this run has shown both. A UID that one listing between two others left out was there.
    pub(crate) fn were(&self, one: &[u8], other: &[u8]) -> bool {
        let (Some(one), Some(other)) = (self.find(one), self.find(other)) else { return false };
        one.1 <= other.2 && other.1 <= one.2
    }

    fn find(&self, uid: &[u8]) -> Option<Shown> {
        let hash = self.hashes.hash_one(uid);
        let at = self.shown.binary_search_by_key(&hash, |shown| shown.0).ok()?;
        self.shown.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::ListedTogether;
    use crate::pop3::listing::listing_of as listing;

    #[test]
    fn only_what_one_session_has_shown_together_was_side_by_side() {
        let mut beside = ListedTogether::default();
        assert!(!beside.were(b"a", b"b"));
        beside.listed(&listing(&["a", "b"]));
        beside.listed(&listing(&["b", "c"]));
        beside.listed(&listing(&["c", "d"]));
        for (one, other, were) in
            [("a", "b", true), ("b", "c", true), ("a", "c", false), ("b", "d", false), ("a", "z", false)]
        {
            assert_eq!(beside.were(one.as_bytes(), other.as_bytes()), were, "{one} and {other}");
            assert_eq!(beside.were(other.as_bytes(), one.as_bytes()), were, "{other} and {one}");
        }
    }
}
