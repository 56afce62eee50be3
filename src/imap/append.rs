//! APPEND (RFC 9051, section 6.3.12), of many messages at once where the server can (RFC 3502), and without waiting for
//! it where it allows that (RFC 7888).
//!
//! Promises: of each message it is told what became of it; whatever failed, a message of which not all octets were
//! sent is [`Outcome::NotSent`], and one that was sent whole and not answered is [`Outcome::Unknown`]; a message whose
//! octets cannot be read ends the connection before its literal is complete, so that nothing of its command is
//! appended; a folder's refusal is not answered with more of the same.
//!
//! Neither side can block the other for ever: at most [`WINDOW`] commands are not answered, whose answers fit into any
//! socket's buffer, and each write has its deadline.

use super::Connection;
use super::authenticated::Authenticated;
use super::capability::Abilities;
use super::code::{Code, Refusal};
use super::error::ImapError;
use super::fault::Fault;
use super::folder::Folder;
use super::outgoing::Outgoing;
use super::response::{Condition, Status};
use super::wire::{Heard, Tag};
use std::io::{self, ErrorKind};
use std::ops::Range;

/// APPENDs of one message each that may be under way at once.
const WINDOW: usize = 32;

/// Octets that are read of a message at once.
const CHUNK: usize = 16 << 10;

const APPEND: &str = "APPEND";

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it.
    Appended {
        /// Where, if the server said so.
        uid: Option<NewUid>,
    },
    /// The server does not have it, and said why: to it, to one that went in the same command, or to the folder.
    Refused(Refusal),
    /// It cannot be sent to this server; nothing of it was.
    Unsendable(Unsendable),
    /// Not all of it was sent, so that the server does not have it.
    NotSent,
    /// All of it was sent, and the connection ended before the answer came: the server may have it or not.
    Unknown,
}

/// The name of a message that was appended (RFC 4315).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewUid {
    /// The folder's UIDVALIDITY.
    pub validity: u32,
    /// The message's UID.
    pub uid: u32,
}

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// It holds NUL, and the server does not offer BINARY (RFC 3516).
    #[error("the message contains a NUL octet, which this server does not take (it does not offer BINARY)")]
    Nul,
    /// It is larger than the server's APPENDLIMIT (RFC 7889).
    #[error("the message has {octets} octets, and the server takes no more than {limit}")]
    TooLarge {
        /// Its octets.
        octets: u64,
        /// Octets that the server takes.
        limit: u64,
    },
    /// It has no octet: to a server that takes many messages at once that means to give up all of them.
    #[error("the message is empty")]
    Empty,
}

/// The connection ended while messages were appended.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Interrupted {
    /// What became of each message.
    pub outcomes: Vec<Outcome>,
    /// Why.
    #[source]
    pub error: ImapError,
}

impl Connection<Authenticated> {
    /// Appends the messages to the folder. With MULTIAPPEND they go in one command, and the server takes all or none of
    /// them; otherwise they go one by one, several under way at once where LITERAL+ allows it, and after the first that
    /// is refused no other is begun. The outcomes are in the order of the messages.
    pub fn append(
        &mut self,
        folder: &Folder,
        messages: &mut [Outgoing<'_>],
    ) -> Result<Vec<Outcome>, Interrupted> {
        let mut append = Append {
            abilities: self.abilities(),
            outcomes: vec![Outcome::NotSent; messages.len()],
            under_way: Vec::new(),
            refused: false,
            connection: self,
        };
        let done = append.all(folder, messages);
        let error = match done {
            Ok(()) => return Ok(append.outcomes),
            Err(error) => append.settle(error),
        };
        Err(Interrupted { outcomes: append.outcomes, error })
    }
}

/// One call of [`Connection::append`].
struct Append<'c> {
    connection: &'c mut Connection<Authenticated>,
    abilities: Abilities,
    outcomes: Vec<Outcome>,
    /// Commands that are not answered, and their messages.
    under_way: Vec<(Tag, Vec<usize>)>,
    /// One was refused.
    refused: bool,
}

impl Append<'_> {
    fn all(&mut self, folder: &Folder, messages: &mut [Outgoing<'_>]) -> Result<(), ImapError> {
        let mut sendable = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            match self.obstacle(message) {
                Some(obstacle) => self.outcomes[at] = Outcome::Unsendable(obstacle),
                None => sendable.push(at),
            }
        }
        if self.abilities.multiappend {
            self.command(folder, messages, &sendable)?;
        } else {
            for at in sendable {
                self.make_room(messages[at].octets)?;
                if self.refused {
                    break;
                }
                self.command(folder, messages, &[at])?;
            }
        }
        self.connection.wire.flush(APPEND)?;
        self.hear_until(0)
    }

    fn obstacle(&self, message: &Outgoing<'_>) -> Option<Unsendable> {
        let octets = message.octets;
        match self.abilities.append_limit {
            _ if octets == 0 => Some(Unsendable::Empty),
            _ if message.has_nul && !self.abilities.binary => Some(Unsendable::Nul),
            Some(limit) if octets > limit => Some(Unsendable::TooLarge { octets, limit }),
            _ => None,
        }
    }

    /// Hears answers until one more command may be begun. One that has to wait for the server waits alone.
    fn make_room(&mut self, octets: u64) -> Result<(), ImapError> {
        if !self.abilities.literal_plus.allows(octets) {
            self.connection.wire.flush(APPEND)?;
            self.hear_until(0)
        } else if self.under_way.len() >= WINDOW {
            self.connection.wire.flush(APPEND)?;
            self.hear_until(WINDOW / 2)
        } else {
            Ok(())
        }
    }

    /// One command with these messages, up to its end; the answer is due then, if it has not come already.
    fn command(
        &mut self,
        folder: &Folder,
        messages: &mut [Outgoing<'_>],
        which: &[usize],
    ) -> Result<(), ImapError> {
        if which.is_empty() {
            return Ok(());
        }
        let tag = self.connection.wire.begin()?;
        self.under_way.push((tag, which.to_vec()));
        self.connection.wire.text(format!("APPEND {}", folder.quoted()).as_bytes());
        for &at in which {
            if !self.message(at, &mut messages[at])? {
                return Ok(());
            }
        }
        self.connection.wire.end_line();
        Ok(())
    }

    /// One message of the present command; `false`: the server has answered the command already.
    fn message(&mut self, at: usize, message: &mut Outgoing<'_>) -> Result<bool, ImapError> {
        let wire = &mut self.connection.wire;
        let ahead = self.abilities.literal_plus.allows(message.octets);
        let (binary, plus) = (if message.has_nul { "~" } else { "" }, if ahead { "+" } else { "" });
        wire.text(format!("{}{binary}{{{}{plus}}}", message.head(), message.octets).as_bytes());
        wire.end_line();
        if !ahead && let Some((tag, status)) = wire.go_ahead(APPEND)? {
            self.answered(tag, status)?;
            return Ok(false);
        }
        let mut buffer = [0; CHUNK];
        let mut left = message.octets;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let part = match message.body.read(&mut buffer[..room]) {
                Ok(0) => Err(io::Error::new(ErrorKind::UnexpectedEof, "it is shorter than it was")),
                Ok(octets) => Ok(&buffer[..octets]),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let part = match part {
                Ok(part) => part,
                // What was gathered and not written goes nowhere.
                Err(error) => return Err(self.give_up(error)),
            };
            left -= part.len() as u64;
            if left == 0 {
                self.outcomes[at] = Outcome::Unknown;
            }
            self.connection.wire.octets(part, APPEND)?;
        }
        self.connection.wire.trace_body(message.octets);
        Ok(true)
    }

    /// A message cannot be read: what was complete before is answered yet, and then the connection is of no more use.
    fn give_up(&mut self, error: io::Error) -> ImapError {
        // The present command will never be complete, and the server takes all of it or nothing.
        if let Some((_, which)) = self.under_way.pop() {
            for at in which {
                self.outcomes[at] = Outcome::NotSent;
            }
        }
        let _ = self.connection.wire.break_off(APPEND).and_then(|()| self.hear_until(0));
        self.connection.wire.fail(ImapError::Source(error))
    }

    /// Hears answers until at most this number of commands is unanswered.
    fn hear_until(&mut self, most: usize) -> Result<(), ImapError> {
        while self.under_way.len() > most {
            match self.connection.wire.hear(APPEND)? {
                Heard::Answer(tag, status) => self.answered(tag, status)?,
                Heard::Continue(_) => {
                    return Err(self.connection.wire.fault(APPEND, Fault::UnexpectedContinuation));
                }
                Heard::Data(_) => {}
            }
        }
        Ok(())
    }

    /// A command is answered.
    fn answered(&mut self, tag: Tag, status: Status) -> Result<(), ImapError> {
        let Some(at) = self.under_way.iter().position(|(due, _)| *due == tag) else {
            return Err(self.connection.wire.fail(ImapError::Order("an answer to another command")));
        };
        let (_, which) = self.under_way.remove(at);
        if status.condition != Condition::Ok {
            self.refused = true;
            let refusal = status.into_refusal();
            for at in which {
                self.outcomes[at] = Outcome::Refused(refusal.clone());
            }
            return Ok(());
        }
        if which.iter().any(|at| self.outcomes[*at] != Outcome::Unknown) {
            // Of what was not sent whole nothing can have been appended.
            return Err(self.connection.wire.fault(APPEND, Fault::TooEarly));
        }
        let uids = new_uids(status.code.as_ref(), which.len());
        for (nth, at) in which.into_iter().enumerate() {
            let uid = uids.as_ref().and_then(|uids| uids.get(nth).copied());
            self.outcomes[at] = Outcome::Appended { uid };
        }
        Ok(())
    }

    /// After an error: hears what the server had said before it. The error to tell of is the server's, if it gave a
    /// reason.
    fn settle(&mut self, error: ImapError) -> ImapError {
        if !self.connection.wire.is_deaf() {
            return error;
        }
        let mut error = error;
        loop {
            let (answer, reason) = self.connection.wire.last_words(error, APPEND);
            let Some((tag, status)) = answer else { return reason };
            error = reason;
            if let Err(fault) = self.answered(tag, status) {
                return fault;
            }
            if self.under_way.is_empty() {
                return error;
            }
        }
    }
}

/// The UIDs of this number of messages; `None` unless there is exactly one for each.
fn new_uids(code: Option<&Code>, messages: usize) -> Option<Vec<NewUid>> {
    let Some(Code::AppendUid { validity, uids }) = code else { return None };
    let length = |range: &Range<u64>| range.end - range.start;
    let ranges = uids.iter().map(|uids| u64::from(*uids.start())..u64::from(*uids.end()) + 1);
    let count = ranges.map(|range| length(&range)).fold(0, u64::saturating_add);
    (count == messages as u64)
        .then(|| uids.iter().cloned().flatten().map(|uid| NewUid { validity: *validity, uid }).collect())
}
