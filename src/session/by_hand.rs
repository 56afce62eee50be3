//! The TRANSACTION state with a person at the keyboard: one command at a time, answers as they come.
//!
//! Promises: what is sent is a [`Typed`] command; what is heard is what the server said, dot-stuffing undone
//! and, outside of messages, secrets masked. Must never: send anything of its own, or turn back into a session for programs, for
//! what a person has marked has no receipts.

use super::{Session, SessionError, Transaction};
use crate::pop3::dialogue::Event;
use crate::pop3::reply::Reply;
use crate::pop3::typed::Typed;

/// A person has the word.
#[derive(Debug)]
pub struct ByHand(());

/// A piece of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// The status line, without its end.
    Status(&'a [u8]),
    /// A line of a listing, without its end.
    Line(&'a [u8]),
    /// Octets of a message, CRLF as it came; never empty.
    Octets(&'a [u8]),
    /// The lone dot behind a listing or a message.
    End,
}

impl Session<Transaction> {
    /// Hands the session over to a person, for good. Refused while an answer is due.
    pub fn by_hand(mut self) -> Result<Session<ByHand>, SessionError> {
        self.check_idle()?;
        self.wire.check_surplus()?;
        Ok(Session { wire: self.wire, pipeline: self.pipeline, state: ByHand(()) })
    }
}

impl Session<ByHand> {
    /// Says this and hears the whole answer, piece by piece; its status line is returned as well. After QUIT
    /// there is nothing more to say.
    pub fn say(&mut self, typed: &Typed, heard: &mut dyn FnMut(Heard<'_>)) -> Result<Reply, SessionError> {
        let during = typed.command().keyword();
        self.wire.send(typed.command())?;
        self.wire.flush(during)?;
        let (Event::Status { reply, more }, line) = self.wire.event_and_line(during)? else {
            return Err(self.wire.fail(SessionError::Order("an answer began in its middle")));
        };
        heard(Heard::Status(&line));
        let mut more = more;
        while more {
            match self.wire.event(during)? {
                Event::Line(range) => heard(Heard::Line(&self.wire.masks.hidden(self.wire.octets(range)))),
                Event::Body(range) => heard(Heard::Octets(self.wire.octets(range))),
                Event::End => {
                    heard(Heard::End);
                    more = false;
                }
                Event::Status { .. } | Event::Challenge(_) => {
                    return Err(self.wire.fail(SessionError::Order("an answer turned into another")));
                }
            }
        }
        self.wire.check_surplus()?;
        Ok(reply)
    }
}
