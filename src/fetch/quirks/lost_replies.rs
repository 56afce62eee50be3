//! Replies that never came, in a session that sent commands ahead and broke off; and replies that nobody
//! asked for.
//!
//! A server that leaves out one answer gives every later message in answer to its neighbour's RETR: each
//! comes whole, and under the wrong UID. The last RETRs then stay without answer, so such a session never
//! ends well: it waits until its time is up, or is closed. One that lost its connection halfway looks the same.
//! What tells them apart is sizes: behind a lost reply a message has the size that LIST gives for one
//! that was asked for later.
//!
//! A size is evidence enough here since it decides nothing but a doubt: a message in doubt is fetched once more,
//! and recognised by its content. It must never be evidence that two messages are one.
//!
//! Promises: if no more than replies were lost, and the sizes in LIST are right (to [`SLACK`], or as files
//! with LF line ends have them), no message stays filed under another's UID; a message whose size is
//! not the one in LIST is in doubt always. A server whose sizes are never right pays for a
//! broken session with one more download of what it brought, and nothing is stored twice.
//!
//! A reply that is made up does the same in the other direction: behind it each message comes in answer to a later
//! one's RETR. A message that an undoubled dot has cut in two looks like one more reply.
//!
//! A session in which as many answers came as questions were asked, and no octet more, has lost none of them:
//! it would have to lose one and make up another.
//! Against a server that invents whole messages there is no defence, with pipelining or without.
//!
//! What is beyond this: after `kill -9` or a power failure nobody is left to doubt what the session brought.

use crate::fetch::download::storer::Filed;
use crate::plan::Plan;

/// By how many octets LIST sizes of honest servers were seen to be off.
const SLACK: u64 = 2;

/// In which way replies may not be their questions'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replies {
    /// The last RETRs of those sent, this number of them, had no whole answer: as many may have been lost.
    Lost(usize),
    /// There was at least one reply too many.
    MadeUp,
}

/// Replies that a server is thought to make up at most.
const MADE_UP: usize = 16;

impl Replies {
    /// By how many places a message can be shifted at most, and the place in the order that it belongs to.
    fn most(self) -> usize {
        match self {
            Replies::Lost(unanswered) => unanswered,
            Replies::MadeUp => MADE_UP,
        }
    }

    fn shifted(self, position: usize, shift: usize) -> Option<usize> {
        match self {
            Replies::Lost(_) => position.checked_add(shift),
            Replies::MadeUp => position.checked_sub(shift),
        }
    }
}

/// Splits what came in answer to `order` (places in the plan) into what is certainly the message that it was
/// filed as, and what is in doubt.
pub(crate) fn split(
    filed: Vec<Filed>,
    order: &[usize],
    plan: &Plan<'_>,
    replies: Replies,
) -> (Vec<Filed>, Vec<Filed>) {
    let announced: Vec<Option<u64>> = order.iter().map(|&place| plan.item(place).entry.size).collect();
    let mut positions = order.iter().enumerate();
    let came: Vec<Came> = filed
        .iter()
        .filter_map(|message| {
            let (position, _) = positions.by_ref().find(|(_, place)| **place == message.item)?;
            Some(Came { position, wire: message.wire_octets, stored: message.size })
        })
        .collect();
    let mut doubts = doubts(&announced, &came, replies).into_iter();
    filed.into_iter().partition(|_| doubts.next() == Some(false))
}

/// What came in answer to a RETR.
struct Came {
    /// The RETR's position in the order of asking.
    position: usize,
    /// Octets on the wire.
    wire: u64,
    /// Octets with LF line ends, which is what some servers count.
    stored: u64,
}

impl Came {
    fn has_size(&self, announced: Option<u64>) -> bool {
        announced.is_some_and(|size| size.abs_diff(self.wire) <= SLACK || size.abs_diff(self.stored) <= SLACK)
    }
}

/// Which of them are in doubt. A lost reply never comes after all, and a made-up one stays: seen from the end,
/// messages can be shifted by ever fewer places down to one, until there is one that is not shifted. It vouches
/// for those before it, as far as they have their own sizes.
fn doubts(announced: &[Option<u64>], came: &[Came], replies: Replies) -> Vec<bool> {
    let mut doubts = vec![true; came.len()];
    let mut shift = replies.most();
    let mut vouched = false;
    for (message, doubt) in came.iter().zip(&mut doubts).rev() {
        let own = message.has_size(announced[message.position]);
        if !vouched {
            let shifted = (1..=shift).rev().find(|shift| {
                let place = replies.shifted(message.position, *shift);
                place.and_then(|place| announced.get(place)).is_some_and(|size| message.has_size(*size))
            });
            shift = shifted.unwrap_or(shift);
            vouched = own && shifted.is_none();
        }
        *doubt = !(vouched && own);
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::{Came, Replies, doubts};

    /// A session that asked for messages of the sizes in LIST; what came, in stored order, had these sizes.
    fn in_doubt(listed: &[u64], came: &[u64]) -> String {
        let announced: Vec<Option<u64>> = listed.iter().map(|size| Some(*size)).collect();
        let messages: Vec<Came> = (0..)
            .zip(came)
            .map(|(position, &wire)| Came { position, wire, stored: wire - wire / 40 })
            .collect();
        let doubts = doubts(&announced, &messages, Replies::Lost(listed.len() - came.len()));
        doubts.iter().map(|doubt| if *doubt { '?' } else { '.' }).collect()
    }

    #[test]
    fn whatever_came_behind_a_lost_reply_is_in_doubt() {
        assert_eq!(in_doubt(&[100, 200, 300, 400, 500], &[100, 200, 400, 500]), "..??");
        assert_eq!(in_doubt(&[100, 200, 300, 400, 500, 600], &[200, 300, 500, 600]), "????", "two lost");
    }

    #[test]
    fn a_neighbour_of_the_same_size_vouches_for_nobody() {
        assert_eq!(in_doubt(&[100, 200, 200, 201, 500], &[100, 200, 201, 500]), ".???");
        assert_eq!(in_doubt(&[200; 6], &[200; 5]), "?????");
    }

    #[test]
    fn behind_a_reply_that_was_made_up_everything_is_in_doubt() {
        let announced = [100, 200, 300, 400, 500].map(Some);
        let came = [100, 200, 222, 300, 400].into_iter().enumerate();
        let came: Vec<Came> =
            came.map(|(position, wire)| Came { position, wire, stored: wire - wire / 40 }).collect();
        assert_eq!(doubts(&announced, &came, Replies::MadeUp), [false, false, true, true, true]);
    }

    #[test]
    fn a_lost_connection_costs_nothing_where_sizes_are_right() {
        let sizes: Vec<u64> = (1..=1_000).map(|number| 2_000 + number * number * 7_919 % 10_007).collect();
        let with_lf: Vec<u64> = sizes.iter().map(|size| size - size / 40).collect();
        for listed in [&sizes, &with_lf] {
            let doubts = in_doubt(listed, &sizes[..600]);
            assert!(doubts.matches('?').count() <= 4, "{doubts}");
        }
    }

    #[test]
    fn one_wrong_size_makes_one_doubt_and_only_wrong_ones_doubt_everything() {
        assert_eq!(in_doubt(&[100, 200, 999, 400, 500, 600], &[100, 200, 300, 400, 500]), "..?..");
        assert_eq!(in_doubt(&[111, 222, 333, 444], &[100, 200, 300]), "???");
    }
}
