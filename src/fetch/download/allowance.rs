//! What a provider allows in a day: a refusal of a message in words that speak of the account, the day or the rate.
//!
//! One such refusal may be about its message all the same ("try again later", for a mailbox that is being mended). So
//! it counts as the provider's limit only when the message asked for next is refused in such words as well, or the
//! server hangs up. Then it does not count against any message: the session does what is left to do, and the run
//! ends with 75.
//!
//! Promise: a message that ended two runs so is asked for last, so that it keeps no other from coming.

use crate::pop3::refusal::is_about_the_account;
use crate::pop3::reply::Reply;

/// What is known of the provider's limit.
#[derive(Debug, Default)]
pub(crate) enum Allowance {
    /// Nothing.
    #[default]
    Open,
    /// The message at this place was refused in such words; the next answer decides.
    Doubted(usize, Reply),
    /// It is used up. This message was the first to meet it.
    Used(usize, Reply),
}

impl Allowance {
    /// A message was refused. Gives the refusals that are known now to be their messages' own, this one or that
    /// before it.
    pub(crate) fn refused(&mut self, place: usize, reply: &Reply) -> Vec<(usize, Reply)> {
        let about_the_account = is_about_the_account(reply);
        match (std::mem::take(self), about_the_account) {
            (Allowance::Used(first, said) | Allowance::Doubted(first, said), true) => {
                *self = Allowance::Used(first, said);
                Vec::new()
            }
            (Allowance::Open, true) => {
                *self = Allowance::Doubted(place, reply.clone());
                Vec::new()
            }
            (Allowance::Used(first, said), false) => {
                *self = Allowance::Used(first, said);
                vec![(place, reply.clone())]
            }
            (Allowance::Doubted(before, said), false) => vec![(before, said), (place, reply.clone())],
            (Allowance::Open, false) => vec![(place, reply.clone())],
        }
    }

    /// A message came, or there is no next one: a refusal that was doubted is its message's own.
    pub(crate) fn went_on(&mut self) -> Option<(usize, Reply)> {
        match std::mem::take(self) {
            Allowance::Doubted(place, reply) => Some((place, reply)),
            other => {
                *self = other;
                None
            }
        }
    }

    /// The server hung up, or fell silent.
    pub(crate) fn hung_up(&mut self) {
        if let Allowance::Doubted(place, reply) = std::mem::take(self) {
            *self = Allowance::Used(place, reply);
        }
    }

    /// Whether it is used up: the first message that met it, and the words.
    pub(crate) fn used(&self) -> Option<(usize, &Reply)> {
        match self {
            Allowance::Used(place, reply) => Some((*place, reply)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Reply {
        Reply::parse(format!("-ERR {text}").as_bytes()).unwrap()
    }

    fn limit() -> Reply {
        reply("daily download limit exceeded")
    }

    fn own() -> Reply {
        reply("no such message")
    }

    fn places(refusals: impl IntoIterator<Item = (usize, Reply)>) -> Vec<usize> {
        refusals.into_iter().map(|(place, _)| place).collect()
    }

    #[test]
    fn two_in_a_row_are_the_provider_s_and_one_alone_is_its_message_s() {
        let mut allowance = Allowance::default();
        assert!(allowance.refused(3, &limit()).is_empty());
        assert!(allowance.used().is_none());
        assert!(allowance.refused(4, &reply("[SYS/TEMP] later")).is_empty());
        assert_eq!(allowance.used().map(|used| used.0), Some(3));
        assert!(allowance.refused(5, &limit()).is_empty());
        assert_eq!(places(allowance.refused(6, &own())), [6]);
        assert_eq!(places(allowance.went_on()), [0usize; 0]);
        assert_eq!(allowance.used().map(|used| used.0), Some(3));
    }

    #[test]
    fn whatever_comes_next_settles_a_single_one() {
        let mut allowance = Allowance::default();
        assert!(allowance.refused(1, &limit()).is_empty());
        assert_eq!(places(allowance.refused(2, &own())), [1, 2]);
        assert!(allowance.refused(3, &limit()).is_empty());
        assert_eq!(places(allowance.went_on()), [3]);
        assert!(allowance.refused(4, &limit()).is_empty());
        assert!(allowance.used().is_none());
        allowance.hung_up();
        assert_eq!(allowance.used().map(|used| used.0), Some(4));
        let mut fresh = Allowance::default();
        fresh.hung_up();
        assert!(fresh.used().is_none(), "a connection may always be lost");
    }
}
