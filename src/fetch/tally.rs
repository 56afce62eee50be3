//! The reconciliation of one account's run, over all of its sessions.
//!
//! Promise: `listed == held + missing`, always, whatever went wrong and however many
//! sessions it took.

use crate::event::Missing;
use crate::ledger::Seq;
use std::collections::HashSet;

/// What the sessions so far add up to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// There was a listing.
    listed: bool,
    /// Rows that explained a listed message of an earlier session.
    earlier: HashSet<Seq>,
    /// Rows that explain a message of the current listing.
    current: Vec<Seq>,
    /// Messages of the current listing that are not held.
    missing: Vec<Missing>,
    /// Messages stored.
    pub fetched: u64,
    /// Octets of them, in stored form.
    pub octets: u64,
    /// Deletions that QUIT confirmed.
    pub deleted: u64,
    /// Held messages that were due for deletion and stay, since their copy is gone or changed.
    pub kept_no_copy: u64,
}

impl Tally {
    /// A new session has listed the maildrop: what earlier ones found missing is told anew.
    pub(super) fn new_listing(&mut self) {
        self.listed = true;
        self.earlier.extend(self.current.drain(..));
        self.missing.clear();
    }

    /// Whether any session has listed the maildrop.
    pub(super) fn has_listed(&self) -> bool {
        self.listed
    }

    /// A listed message is held as this row.
    pub(super) fn held(&mut self, seq: Seq) {
        self.current.push(seq);
    }

    /// A listed message is not held.
    pub(super) fn missing(&mut self, missing: Missing) {
        self.missing.push(missing);
    }

    /// Messages held, and what is missing, by number.
    pub(super) fn close(&mut self) -> (u64, Vec<Missing>) {
        for seq in &self.current {
            self.earlier.remove(seq);
        }
        let held = (self.earlier.len() + self.current.len()) as u64;
        let mut missing = std::mem::take(&mut self.missing);
        missing.sort_by_key(|message| message.number);
        (held, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::event::Missing;

    fn missing(number: u32) -> Missing {
        Missing { number, uid: None, reason: "gone".into(), chosen: false }
    }

    #[test]
    fn a_message_held_in_two_sessions_counts_once() {
        let mut tally = Tally::default();
        tally.new_listing();
        tally.held(1);
        tally.held(2);
        tally.missing(missing(3));
        tally.new_listing();
        tally.held(2);
        tally.held(3);
        let (held, missing) = tally.close();
        assert_eq!((held, missing), (3, vec![]));
    }

    #[test]
    fn what_is_missing_is_told_by_the_last_listing_in_order() {
        let mut tally = Tally::default();
        tally.new_listing();
        tally.missing(missing(9));
        tally.new_listing();
        tally.missing(missing(2));
        tally.missing(missing(1));
        let (held, missing) = tally.close();
        assert_eq!(held, 0);
        assert_eq!(missing.iter().map(|message| message.number).collect::<Vec<_>>(), [1, 2]);
    }
}
