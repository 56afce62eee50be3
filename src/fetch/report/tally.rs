//! The reconciliation of one account's run, over all of its sessions.
//!
//! Promise: `listed == archived + removed + missing`, always, whatever went wrong and however many
//! sessions it took.

use crate::event::Missing;
use crate::fetch::report::unreached::Unreached;
use crate::ledger::Seq;
use crate::pop3::listing::Listing;
use std::collections::{HashMap, HashSet};

/// What the sessions so far add up to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// There was a listing.
    listed: bool,
    /// Rows that explained a listed message of an earlier session.
    earlier: HashSet<Seq>,
    /// Rows that explain a message of the current listing.
    current: Vec<Seq>,
    /// Messages of the current listing that are not archived.
    missing: Vec<Missing>,
    /// Messages of the current listing that its session did not come to.
    unreached: Unreached,
    /// Messages that an earlier listing showed, with a UID, and that are neither archived nor listed now.
    hidden: Vec<Missing>,
    /// Messages stored.
    pub fetched: u64,
    /// Messages recognised as copies of which it was not known which messages they are.
    pub named: u64,
    /// Octets of them, in stored form.
    pub octets: u64,
    /// Deletions that QUIT confirmed.
    pub deleted: u64,
    /// Archived messages that were due for deletion and stay, since their copy is gone or changed.
    pub kept_no_copy: u64,
    /// Octets of them, as listed.
    pub kept_octets: u64,
}

impl Tally {
    /// A new session has listed the maildrop: what earlier ones found missing is counted again.
    /// A message that it does not show any more was listed in this run all the same.
    pub(crate) fn new_listing(&mut self, listing: &Listing) {
        self.listed = true;
        self.earlier.extend(self.current.drain(..));
        self.hidden.append(&mut self.missing);
        let unreached = std::mem::take(&mut self.unreached);
        if !(self.hidden.is_empty() && unreached.is_empty()) {
            let shown: HashSet<&[u8]> = listing.iter().filter_map(|entry| entry.uid).collect();
            let is_hidden = |uid: Option<&[u8]>| uid.is_some_and(|uid| !shown.contains(uid));
            self.hidden.retain(|message| is_hidden(message.uid.as_deref()));
            self.hidden.extend(unreached.told(is_hidden));
        }
    }

    /// Whether any session has listed the maildrop.
    pub(crate) fn has_listed(&self) -> bool {
        self.listed
    }

    /// A listed message is archived as this row.
    pub(crate) fn archived(&mut self, seq: Seq) {
        self.current.push(seq);
    }

    /// A listed message is not archived.
    pub(crate) fn missing(&mut self, missing: Missing) {
        self.missing.push(missing);
    }

    /// These listed messages are not archived as far as this session knows, which did not come to them.
    pub(crate) fn unreached(&mut self, unreached: Unreached) {
        self.unreached = unreached;
    }

    /// Messages archived, those whose copies were removed (as `is_removed` tells of a row), and what is missing, by
    /// number. `listed_as` tells the UID of a row whose message has not been
    /// deleted from the server: where UIDs do not tell messages apart, a message that the last session
    /// did not come to is one of those that an earlier one found archived, and counts once.
    pub(crate) fn close(
        &mut self,
        is_removed: impl Fn(Seq) -> bool,
        mut listed_as: impl FnMut(Seq) -> Option<Option<Vec<u8>>>,
    ) -> (u64, u64, Vec<Missing>) {
        for seq in &self.current {
            self.earlier.remove(seq);
        }
        let rows = self.earlier.iter().chain(&self.current);
        let removed = rows.filter(|&&seq| is_removed(seq)).count() as u64;
        let archived = (self.earlier.len() + self.current.len()) as u64 - removed;
        let mut missing: Vec<Missing> = std::mem::take(&mut self.unreached).told(|_| true).collect();
        missing.append(&mut self.missing);
        if !missing.is_empty() {
            let mut before: HashMap<Option<Box<[u8]>>, u64> = HashMap::new();
            for uid in self.earlier.iter().filter_map(|&seq| listed_as(seq)) {
                *before.entry(uid.map(Vec::into_boxed_slice)).or_default() += 1;
            }
            missing.retain(|message| match before.get_mut(&message.uid) {
                Some(rows) if *rows > 0 => {
                    *rows -= 1;
                    false
                }
                _ => true,
            });
        }
        missing.append(&mut self.hidden);
        missing.sort_by_key(|message| message.number);
        (archived, removed, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::{Tally, Unreached};
    use crate::event::Missing;
    use crate::pop3::listing::listing_of as listing;

    fn missing(number: u32) -> Missing {
        Missing { number, uid: None, reason: "gone".into(), chosen: false }
    }

    /// Messages with this UID.
    fn unreached(numbers: &[u32], uid: &str) -> Unreached {
        let mut unreached = Unreached::because("the line was cut".to_owned());
        for &number in numbers {
            unreached.add(number, Some(uid.as_bytes()));
        }
        unreached
    }

    #[test]
    fn what_a_later_listing_hides_is_missing_all_the_same() {
        let with_uid = |uid: &str| Missing { uid: Some(uid.as_bytes().into()), ..missing(1) };
        let mut tally = Tally::default();
        tally.new_listing(&listing(&["a", "b"]));
        tally.missing(with_uid("a"));
        tally.missing(with_uid("b"));
        tally.new_listing(&listing(&["b"]));
        tally.archived(7);
        tally.new_listing(&listing(&["c"]));
        tally.missing(with_uid("c"));
        let (archived, _, missing) = tally.close(|_| false, |_| None);
        assert_eq!(archived, 1);
        let uids: Vec<_> = missing.iter().filter_map(|message| message.uid.as_deref()).collect();
        assert_eq!(uids, [b"c", b"a"], "b was fetched after all");
    }

    #[test]
    fn a_message_held_in_two_sessions_counts_once() {
        let mut tally = Tally::default();
        tally.new_listing(&listing(&[]));
        tally.archived(1);
        tally.archived(2);
        tally.missing(missing(3));
        tally.new_listing(&listing(&[]));
        tally.archived(2);
        tally.archived(3);
        let (archived, _, missing) = tally.close(|_| false, |_| None);
        assert_eq!((archived, missing), (3, vec![]));
    }

    #[test]
    fn what_is_missing_is_told_by_the_last_listing_in_order() {
        let mut tally = Tally::default();
        tally.new_listing(&listing(&[]));
        tally.missing(missing(9));
        tally.new_listing(&listing(&[]));
        tally.missing(missing(2));
        tally.missing(missing(1));
        let (archived, _, missing) = tally.close(|_| false, |_| None);
        assert_eq!(archived, 0);
        assert_eq!(missing.iter().map(|message| message.number).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn where_uids_are_equal_what_an_earlier_session_held_is_not_missing_from_a_later_one() {
        let mut tally = Tally::default();
        tally.new_listing(&listing(&["same", "same", "same", "other"]));
        (1..=2).for_each(|seq| tally.archived(seq));
        tally.unreached(unreached(&[3], "same"));
        tally.missing(Missing { uid: Some((*b"other").into()), ..missing(4) });
        tally.new_listing(&listing(&["same", "same", "same", "other"]));
        tally.archived(2);
        tally.unreached(unreached(&[2, 3], "same"));
        tally.missing(Missing { uid: Some((*b"other").into()), ..missing(4) });
        let (archived, _, missing) = tally.close(|_| false, |_| Some(Some(b"same".to_vec())));
        assert_eq!((archived, missing.iter().map(|message| message.number).collect()), (2, vec![3, 4]));
    }

    #[test]
    fn what_was_deleted_in_an_earlier_session_is_no_message_of_a_later_one() {
        let mut tally = Tally::default();
        tally.new_listing(&listing(&["same", "same"]));
        tally.archived(1);
        tally.new_listing(&listing(&["same"]));
        tally.unreached(unreached(&[1], "same"));
        let (archived, _, missing) = tally.close(|_| false, |_| None);
        assert_eq!((archived, missing.len()), (1, 1));
    }
}
