//! The TRANSACTION state: the queue of RETR, TOP and DELE, and QUIT. Listings are in [`super::lists`].
//!
//! Promises: DELE leaves only with a receipt of this session, while no message is under way
//! and no octet lies unexplained; QUIT leaves alone, and its answer is waited for. With pipelining only a
//! command of the same kind rides behind RETR, TOP or DELE: `WildDuck` answers a simple command that rides
//! behind RETR while it is still sending the message, so that the answer arrives inside it. Without
//! pipelining one command is on the wire at a time, whatever is queued.

use super::{Incoming, Pipeline, QuitOutcome, Sent, Session, SessionError};
use crate::pop3::capability::Capabilities;
use crate::pop3::command::Command;
use crate::pop3::dialogue::Event;
use crate::pop3::listing::parse_stat;
use crate::pop3::refusal::{ends_the_login, is_about_the_account};
use crate::pop3::reply::Reply;
use crate::receipt::{Receipt, SessionId};
use std::collections::VecDeque;
use std::time::Duration;

/// Commands on the wire at most, with pipelining; refilled when half of them are answered, so
/// that a link of 40 ms and 10 KB messages is kept full. Together they are so short (under
/// 9 KiB; socket buffers take 16 at least) that writing them never waits for the server to
/// read, so neither side can block the other.
pub const DEPTH: usize = 512;

/// Commands handed to the session ahead of the answers: enough that its own queue never runs dry.
pub const QUEUED: usize = 2 * DEPTH;

/// After login.
#[derive(Debug)]
pub struct Transaction {
    id: SessionId,
    pub(super) capabilities: Capabilities,
    mechanism: &'static str,
    utf8: bool,
    pub(super) pipelining: bool,
    /// Commands whose replies are not complete, oldest first: those on the wire, then those queued.
    commands: VecDeque<(Sent, u32)>,
    /// How many of them are on the wire.
    on_wire: usize,
    /// The most commands that were on the wire together.
    pub(super) most_on_wire: usize,
    /// What STAT said when the maildrop was listed: messages and octets.
    pub(super) stat: Option<(u64, u64)>,
    /// The shortest wait for the first answer to a part of a listing.
    pub(super) turn: Option<Duration>,
}

impl Transaction {
    pub(super) fn new(
        capabilities: Capabilities,
        mechanism: &'static str,
        utf8: bool,
        pipeline: Pipeline,
    ) -> Self {
        let pipelining = pipeline.with(&capabilities);
        let commands = VecDeque::new();
        Transaction {
            id: SessionId::fresh(),
            capabilities,
            mechanism,
            utf8,
            pipelining,
            commands,
            on_wire: 0,
            most_on_wire: 0,
            stat: None,
            turn: None,
        }
    }
}

impl Session<Transaction> {
    /// This session, as receipts know it.
    pub fn id(&self) -> SessionId {
        self.state.id
    }

    /// What CAPA said after login.
    pub fn capabilities(&self) -> &Capabilities {
        &self.state.capabilities
    }

    /// How the login was done: `SCRAM-SHA-256`, say, or `USER/PASS`.
    pub fn mechanism(&self) -> &'static str {
        self.state.mechanism
    }

    /// Whether UTF8 is in force (RFC 6856): messages come as they are, with 8-bit headers.
    pub fn utf8(&self) -> bool {
        self.state.utf8
    }

    /// Whether commands are sent ahead of replies.
    pub fn pipelining(&self) -> bool {
        self.state.pipelining
    }

    /// From here on nothing is sent ahead of a reply.
    pub fn stop_pipelining(&mut self) {
        self.state.pipelining = false;
    }

    /// What STAT said when the maildrop was listed, if it could be read: messages and octets.
    pub fn listed_stat(&self) -> Option<(u64, u64)> {
        self.state.stat
    }

    /// About how long an answer takes that the server has ready; `None` before a listing.
    pub fn turn(&self) -> Option<Duration> {
        self.state.turn
    }

    /// Whether any command was sent ahead of a reply in this session. If the server's replies do not fit then,
    /// that may be why.
    pub fn sent_ahead(&self) -> bool {
        self.state.most_on_wire > 1
    }

    /// STAT: messages and octets. Text that cannot be read is a refusal.
    pub fn stat(&mut self) -> Result<(u64, u64), SessionError> {
        let reply = self.one(&Command::Stat)?;
        match parse_stat(reply.text()) {
            Some(stat) if reply.is_ok() => Ok(stat),
            _ => Err(refusal("STAT", reply)),
        }
    }

    /// `LIST number`; the reply may be `-ERR`.
    pub fn list_one(&mut self, number: u32) -> Result<Reply, SessionError> {
        self.one(&Command::List(Some(number)))
    }

    /// `UIDL number`; the reply may be `-ERR`.
    pub fn uidl_one(&mut self, number: u32) -> Result<Reply, SessionError> {
        self.one(&Command::Uidl(Some(number)))
    }

    /// NOOP; the reply may be `-ERR`.
    pub fn noop(&mut self) -> Result<Reply, SessionError> {
        self.one(&Command::Noop)
    }

    /// RSET: takes all deletion marks back. The reply may be `-ERR`.
    pub fn rset(&mut self) -> Result<Reply, SessionError> {
        self.one(&Command::Rset)
    }

    /// Queues RETR.
    pub fn queue_retr(&mut self, number: u32) {
        self.queue(Sent::Retr(number), 0);
    }

    /// Queues TOP: the header and the first `lines` lines after it.
    pub fn queue_top(&mut self, number: u32, lines: u32) {
        self.queue(Sent::Top(number), lines);
    }

    /// Queues DELE. Refused while a RETR or TOP is not complete: a server that mixes up its
    /// replies must not be trusted with a deletion.
    #[expect(clippy::needless_pass_by_value, reason = "a receipt is good for one DELE, so it is used up")]
    pub fn queue_dele(&mut self, receipt: Receipt) -> Result<(), SessionError> {
        let number = receipt.number();
        if receipt.session() != self.state.id {
            return Err(SessionError::ForeignReceipt { number });
        }
        if self.state.commands.iter().any(|(sent, _)| !matches!(sent, Sent::Dele(_))) {
            return Err(SessionError::Order("DELE while a message is under way"));
        }
        self.wire.check_surplus()?;
        self.queue(Sent::Dele(number), 0);
        Ok(())
    }

    /// Queues STAT. It leaves when nothing else is under way.
    pub fn queue_stat(&mut self) {
        self.queue(Sent::Stat, 0);
    }

    fn queue(&mut self, sent: Sent, lines: u32) {
        self.state.commands.push_back((sent, lines));
    }

    /// Commands whose replies are not complete, queued ones included.
    pub fn outstanding(&self) -> usize {
        self.state.commands.len()
    }

    /// The number of the message whose answer is due next.
    pub fn awaited(&self) -> Option<u32> {
        self.state.commands.front().and_then(|(sent, _)| sent.number())
    }

    /// Sends as much of the queue as may be on the wire, in one write.
    pub fn flush(&mut self) -> Result<(), SessionError> {
        let depth = self.depth();
        let under_way = self.state.commands.front().map(|(sent, _)| sent.keyword());
        let waiting = self.state.commands.range(self.state.on_wire..);
        let alike = waiting.take_while(|(sent, _)| Some(sent.keyword()) == under_way);
        for &(sent, lines) in alike.take(depth.saturating_sub(self.state.on_wire)) {
            self.wire.send(&match sent {
                Sent::Retr(number) => Command::Retr(number),
                Sent::Top(number) => Command::Top { number, lines },
                Sent::Dele(number) => Command::Dele(number),
                Sent::Stat => Command::Stat,
            })?;
            self.state.on_wire += 1;
        }
        self.state.most_on_wire = self.state.most_on_wire.max(self.state.on_wire);
        let during = self.state.commands.front().map_or("QUIT", |(sent, _)| sent.keyword());
        self.wire.flush(during)
    }

    fn depth(&self) -> usize {
        if self.state.pipelining { DEPTH } else { 1 }
    }

    /// Sends what is queued, then waits for the next event of the oldest command; `None` when
    /// there is none. Octets that belong to no command are [`SessionError::Surplus`].
    #[expect(clippy::should_implement_trait, reason = "it lends its buffer, which an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<Incoming<'_>>, SessionError> {
        let Some(&(command, _)) = self.state.commands.front() else {
            self.wire.check_surplus()?;
            return Ok(None);
        };
        if self.state.on_wire <= self.depth() / 2 {
            self.flush()?;
        }
        match self.wire.event(command.keyword())? {
            Event::Status { reply, more } => {
                if !more {
                    self.complete();
                }
                Ok(Some(Incoming::Status { command, reply }))
            }
            Event::Body(range) => Ok(Some(Incoming::Body { command, octets: self.wire.octets(range) })),
            Event::End => {
                self.complete();
                Ok(Some(Incoming::End { command }))
            }
            Event::Challenge(_) | Event::Line(_) => {
                Err(self.wire.fail(SessionError::Order("a message turned into something else")))
            }
        }
    }

    /// Sends QUIT, alone, and waits for its answer. Any error means that deletions are not
    /// confirmed.
    pub fn quit(mut self) -> Result<QuitOutcome, SessionError> {
        let reply = self.one(&Command::Quit)?;
        // An answer too many: the one just read may have been another command's.
        self.wire.check_surplus()?;
        Ok(if reply.is_ok() { QuitOutcome::Confirmed(reply) } else { QuitOutcome::Refused(reply) })
    }

    fn complete(&mut self) {
        self.state.commands.pop_front();
        self.state.on_wire -= 1;
    }

    pub(super) fn check_idle(&self) -> Result<(), SessionError> {
        if self.state.commands.is_empty() {
            Ok(())
        } else {
            Err(SessionError::Order("a command of its own while others are under way"))
        }
    }

    fn one(&mut self, command: &Command<'_>) -> Result<Reply, SessionError> {
        self.check_idle()?;
        self.wire.ask(command)
    }
}

pub(super) fn refusal(command: &'static str, reply: Reply) -> SessionError {
    if ends_the_login(&reply) {
        SessionError::LoginOver { during: command, reply }
    } else if is_about_the_account(&reply) {
        SessionError::TryLater { during: command, reply }
    } else {
        SessionError::Refused { command, reply }
    }
}
