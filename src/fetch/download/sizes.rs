//! Whether a message's octets tally with the size that LIST gave.
//!
//! Servers count in one of two ways, the same for all messages of a session: the octets on the wire, without
//! the line end that POP3 adds to an unfinished last line (Dovecot, Courier), or the octets of a file with LF
//! line ends (Twisted). A message that tallies in neither way, or not in the way that the others did, may hold
//! octets that are not its own.
//!
//! Must never: be taken for evidence that a message is a certain one. A size is a hint that servers get wrong.

use crate::plan::Plan;
use std::collections::HashSet;

/// What one session has shown of how its server counts.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    /// No message has spoken against octets on the wire.
    crlf: bool,
    /// No message has spoken against octets with LF line ends.
    lf: bool,
    /// Messages that tallied.
    tallied: u64,
    /// Every size in the listing, once somebody has asked for them.
    listed: Option<HashSet<u64>>,
    /// Messages in a row that tallied with another entry's size and not with their own.
    not_its_own: u32,
}

impl Sizes {
    /// Before the first message.
    pub(crate) fn new() -> Self {
        Sizes { crlf: true, lf: true, tallied: 0, listed: None, not_its_own: 0 }
    }

    /// Whether a message tallies: LIST said `listed`, and `wire` octets came, which are `stored` octets with LF
    /// line ends.
    pub(crate) fn tallies(&mut self, listed: u64, wire: u64, stored: u64) -> bool {
        let (crlf, lf) = (self.crlf && fits(listed, wire, 2), self.lf && fits(listed, stored, 1));
        if !crlf && !lf {
            return false;
        }
        (self.crlf, self.lf) = (crlf, lf);
        self.tallied += 1;
        true
    }

    /// Takes note of a message that did not tally; whether it is the second in a row that has another listed
    /// message's size, while sizes have been right so far: perhaps the server has changed its numbers.
    pub(crate) fn suggest_other_numbers(&mut self, plan: &Plan<'_>, wire: u64, stored: u64) -> bool {
        if self.tallied == 0 {
            return false;
        }
        let sizes = || plan.iter().filter_map(|item| item.entry.size).collect();
        let listed = self.listed.get_or_insert_with(sizes);
        let has = |size: u64| listed.contains(&size);
        let crlf = self.crlf && (has(wire) || has(wire.saturating_sub(2)));
        let lf = self.lf && (has(stored) || has(stored.saturating_sub(1)));
        self.not_its_own = if crlf || lf { self.not_its_own + 1 } else { 0 };
        self.not_its_own >= 2
    }

    /// Whether any message has tallied.
    pub(crate) fn has_tallied(&self) -> bool {
        self.tallied > 0
    }

    /// A message tallied: the row of those that did not is broken.
    pub(crate) fn end_of_others(&mut self) {
        self.not_its_own = 0;
    }
}

/// The size, or the size and the line end that the message lacks at the server.
fn fits(listed: u64, came: u64, line_end: u64) -> bool {
    listed == came || listed.checked_add(line_end) == Some(came)
}

/// Less than half of what LIST says: far below what any server that only counts wrongly was seen to be off by.
pub(crate) fn is_short(listed: Option<u64>, wire: u64) -> bool {
    listed.is_some_and(|listed| wire < listed / 2)
}

#[cfg(test)]
mod tests {
    use super::Sizes;

    /// Which of these messages tally: listed size, octets on the wire, lines.
    fn tally(messages: &[(u64, u64, u64)]) -> String {
        let mut sizes = Sizes::new();
        let tallies = |&(listed, wire, lines): &(u64, u64, u64)| {
            if sizes.tallies(listed, wire, wire - lines) { 'y' } else { 'n' }
        };
        messages.iter().map(tallies).collect()
    }

    #[test]
    fn octets_on_the_wire_or_of_a_file_with_lf_tally() {
        assert_eq!(tally(&[(100, 100, 5), (98, 100, 5), (300, 300, 9)]), "yyy", "an unfinished last line");
        assert_eq!(tally(&[(95, 100, 5), (94, 100, 5), (291, 300, 9)]), "yyy");
        assert_eq!(tally(&[(99, 100, 5), (97, 100, 5), (102, 100, 5), (300, 100, 5)]), "nnnn");
    }

    #[test]
    fn all_messages_of_a_session_tally_in_one_way() {
        assert_eq!(tally(&[(100, 100, 5), (95, 100, 5), (200, 200, 5)]), "yny");
        assert_eq!(tally(&[(95, 100, 5), (100, 100, 5)]), "yn");
        // Two octets less may be either way, until a message tells.
        assert_eq!(tally(&[(98, 100, 2), (95, 100, 5), (100, 100, 5)]), "yyn");
    }

    #[test]
    fn an_answer_of_the_server_inside_a_message_is_noticed() {
        let answer = "+OK 35 26667519\r\n".len() as u64;
        assert_eq!(tally(&[(100, 100, 5), (200, 200 + answer, 10)]), "yn");
    }
}
