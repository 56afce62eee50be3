//! The TRANSACTION and UPDATE states (RFC 1939, sections 5 and 6).

use super::maildrop::{Claim, Message};
use super::replies::{error, ok};
use crate::pop3::command::Command;
use crate::pop3::dot;
use std::sync::Arc;

/// A session that has a maildrop open.
#[derive(Debug)]
pub(super) struct Transaction {
    claim: Claim,
    /// As the maildrop was at login: message number n is at n - 1, until the session ends.
    messages: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    message: Arc<Message>,
    deleted: bool,
}

impl Transaction {
    /// Begins.
    pub(super) fn begin(claim: Claim) -> Self {
        let messages = claim.messages().into_iter().map(|message| Slot { message, deleted: false }).collect();
        Transaction { claim, messages }
    }

    /// How many messages there are, and their octets: those not marked as deleted.
    pub(super) fn count(&self) -> (usize, u64) {
        self.present().fold((0, 0), |(count, octets), (_, message)| (count + 1, octets + message.size()))
    }

    /// Answers a command of this state.
    pub(super) fn answer(&mut self, command: Command<'_>, out: &mut Vec<u8>) {
        match command {
            Command::Stat => {
                let (count, octets) = self.count();
                ok(out, &format!("{count} {octets}"));
            }
            Command::List(None) => {
                let (count, octets) = self.count();
                ok(out, &format!("{count} messages ({octets} octets)"));
                self.list(out, |message| message.size().to_string());
            }
            Command::Uidl(None) => {
                ok(out, "unique-id listing follows");
                self.list(out, |message| message.uid().to_owned());
            }
            Command::List(Some(number)) => self.with(number, out, |message, out| {
                ok(out, &format!("{number} {}", message.size()));
            }),
            Command::Uidl(Some(number)) => self.with(number, out, |message, out| {
                ok(out, &format!("{number} {}", message.uid()));
            }),
            Command::Retr(number) => self.with(number, out, |message, out| {
                ok(out, &format!("{} octets", message.size()));
                dot::stuff(message.wire(), out);
            }),
            Command::Top { number, lines } => self.with(number, out, |message, out| {
                ok(out, "top of message follows");
                dot::stuff(message.top(lines), out);
            }),
            Command::Dele(number) => match self.slot(number) {
                Some(slot) if !slot.deleted => {
                    slot.deleted = true;
                    ok(out, &format!("message {number} deleted"));
                }
                Some(_) => error(out, &format!("message {number} already deleted")),
                None => error(out, "no such message"),
            },
            Command::Noop => ok(out, ""),
            Command::Rset => {
                for slot in &mut self.messages {
                    slot.deleted = false;
                }
                let (count, octets) = self.count();
                ok(out, &format!("maildrop has {count} messages ({octets} octets)"));
            }
            _ => error(out, "not after login"),
        }
    }

    /// QUIT: the UPDATE state. The maildrop is free again when this returns.
    pub(super) fn update(self, out: &mut Vec<u8>) {
        let doomed: Vec<Arc<Message>> =
            self.messages.into_iter().filter(|slot| slot.deleted).map(|slot| slot.message).collect();
        if self.claim.remove(&doomed) {
            ok(out, &format!("good-bye ({} deleted)", doomed.len()));
        } else {
            error(out, "[SYS/TEMP] some deleted messages not removed");
        }
    }

    fn present(&self) -> impl Iterator<Item = (usize, &Message)> {
        let numbered = (1..).zip(&self.messages);
        numbered.filter(|(_, slot)| !slot.deleted).map(|(number, slot)| (number, &*slot.message))
    }

    fn list(&self, out: &mut Vec<u8>, fact: impl Fn(&Message) -> String) {
        for (number, message) in self.present() {
            out.extend_from_slice(format!("{number} {}\r\n", fact(message)).as_bytes());
        }
        out.extend_from_slice(b".\r\n");
    }

    fn slot(&mut self, number: u32) -> Option<&mut Slot> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.messages.get_mut(index)
    }

    fn with(&mut self, number: u32, out: &mut Vec<u8>, answer: impl FnOnce(&Message, &mut Vec<u8>)) {
        match self.slot(number) {
            Some(slot) if !slot.deleted => answer(&slot.message, out),
            Some(_) => error(out, "message is deleted"),
            None => error(out, "no such message"),
        }
    }
}
