//! What befalls a session's replies on their way: cut, stalled, slowed, mutated.

use super::super::Mail;
use super::mutation::Mutant;
use super::session::Session;
use super::{Problem, UNSTEADY};

impl Session<'_> {
    /// Sends octets, as far as the connection lasts.
    pub(super) fn send(&mut self, octets: &[u8]) {
        if let Some(kept_back) = &mut self.kept_back {
            return kept_back.extend_from_slice(octets);
        }
        let mutant = self.mutations.as_mut().and_then(|mutations| mutations.mutate(octets));
        let octets = match &mutant {
            None => octets,
            Some(Mutant::Octets(octets)) => octets,
            Some(Mutant::HangUp) => {
                self.left = Some(0);
                return self.wire.hang_up();
            }
        };
        let (sent, rest) = octets.split_at(self.left.map_or(octets.len(), |left| left.min(octets.len())));
        self.wire.send(sent);
        self.shared.note(self.record, |record| record.sent += sent.len());
        let Some(left) = &mut self.left else { return };
        *left -= sent.len();
        if *left > 0 {
            return;
        }
        match self.behaviour.problem {
            Some((_, Problem::Cut)) => self.wire.hang_up(),
            Some((_, Problem::Stall)) => self.wire.stall(),
            Some((_, Problem::Dribble(pause))) => {
                for octet in rest {
                    std::thread::sleep(pause);
                    self.wire.send(&[*octet]);
                }
            }
            None => {}
        }
    }

    /// Whether the connection is over, as far as the server is concerned.
    pub(super) fn is_over(&self) -> bool {
        self.left == Some(0) && !matches!(self.behaviour.problem, Some((_, Problem::Dribble(_))))
    }

    /// The message as it is shown this time.
    pub(super) fn shown(&self, mail: Mail) -> Mail {
        if !self.behaviour.unsteady.contains(&mail.uid) {
            return mail;
        }
        let mut state = self.shared.lock();
        state.shown += 1;
        let text = String::from_utf8(mail.wire).expect("an unsteady message is text");
        Mail { wire: text.replace(UNSTEADY, &format!("{:07}", state.shown)).into_bytes(), ..mail }
    }
}
