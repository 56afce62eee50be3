//! A POP3 session: its states are types (RFC 1939, section 3).
//!
//! ```text
//! open ─► Session<Authorization> ──login──► Session<Transaction> ──quit──► QuitOutcome
//!              └─ stls ─┘                          │  └─ drop: the socket closes, nothing is deleted
//!                                                  └─by_hand─► Session<ByHand>, for a person at a prompt
//! ```
//!
//! Promises: a command that the state does not know cannot be sent; DELE takes a
//! [`Receipt`](crate::receipt::Receipt); replies are matched to commands strictly in order;
//! nothing is pipelined across STLS or login; after an error nothing more is sent. Must never:
//! send QUIT from `Drop`; put a secret in a trace, a reply or an error.

mod authorization;
mod by_hand;
mod error;
pub mod headers;
mod lists;
mod login;
mod loss;
pub(crate) use loss::Loss;
mod masks;
pub(crate) use masks::{Masks, forms};
mod omissions;
mod patience;
pub(crate) use patience::Patience;
mod transaction;
mod wire;

#[cfg(test)]
mod tests;

pub use authorization::Authorization;
pub use by_hand::{ByHand, Heard};
pub use error::{LoginRefusal, SessionError};
pub(crate) use error::{advice, secret_words};
pub use login::{Choice, Login};
pub use omissions::{Course, Omissions};
pub use patience::WINDOW;
pub use transaction::{DEPTH, QUEUED, Transaction};

use crate::event::Side;
use crate::net::Security;
use crate::pop3::capability::Capabilities;
use crate::pop3::reply::Reply;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::Wire;

/// A session in state `S`.
pub struct Session<S> {
    wire: Wire,
    pipeline: Pipeline,
    state: S,
}

/// Told of every line that crosses the wire, without its end, secrets masked. A message's body
/// is one line that says how long it was.
pub type Tracer = Arc<dyn Fn(Side, &[u8]) + Send + Sync>;

/// When commands are sent ahead of replies, after login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// If CAPA offers PIPELINING after login.
    WhereOffered,
    /// Whatever the server says.
    Always,
    /// Not at all.
    Never,
}

impl Pipeline {
    /// Whether commands are sent ahead to a server of these capabilities.
    fn with(self, capabilities: &Capabilities) -> bool {
        match self {
            Pipeline::Always => true,
            Pipeline::Never => false,
            Pipeline::WhereOffered => capabilities.pipelining(),
        }
    }
}

/// How a session behaves.
#[derive(Clone)]
pub struct Options {
    /// The deadline of every line; a listing or body must bring [`WINDOW`] octets in it.
    pub timeout: Duration,
    /// The end of all waiting, whatever a line's deadline says.
    pub until: Option<Instant>,
    /// Who watches the protocol.
    pub tracer: Option<Tracer>,
    /// Whether to pipeline.
    pub pipeline: Pipeline,
}

/// Whether a secret itself may be sent. Mechanisms that only prove that we know it (SCRAM, CRAM-MD5, APOP)
/// need no clearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearance {
    /// Over any connection.
    Granted,
    /// Only over TLS, or in clear to a loopback address.
    EncryptedOnly,
}

impl Clearance {
    /// Whether the secret itself may cross a connection that is protected so.
    pub fn covers(self, security: &Security) -> bool {
        self == Clearance::Granted || !matches!(security, Security::Plain { loopback: false })
    }
}

/// A command that was sent or queued, and its message number if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// RETR.
    Retr(u32),
    /// TOP.
    Top(u32),
    /// DELE.
    Dele(u32),
    /// STAT, with nothing else under way.
    Stat,
}

impl Sent {
    /// The command's keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Sent::Retr(_) => "RETR",
            Sent::Top(_) => "TOP",
            Sent::Dele(_) => "DELE",
            Sent::Stat => "STAT",
        }
    }

    /// The message number.
    pub fn number(self) -> Option<u32> {
        match self {
            Sent::Retr(number) | Sent::Top(number) | Sent::Dele(number) => Some(number),
            Sent::Stat => None,
        }
    }
}

/// What comes back for queued commands, oldest first.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// The status line of the oldest command. A `-ERR`, and any answer to DELE, ends the command.
    Status {
        /// The command.
        command: Sent,
        /// The line.
        reply: Reply,
    },
    /// Octets of a message, dot-stuffing undone, CRLF as it came; never empty. They lie in the
    /// read buffer.
    Body {
        /// The command.
        command: Sent,
        /// The octets.
        octets: &'a [u8],
    },
    /// The message is complete.
    End {
        /// The command.
        command: Sent,
    },
}

/// What the server said to QUIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuitOutcome {
    /// `+OK`: what was marked is deleted.
    Confirmed(Reply),
    /// `-ERR`: some or all of what was marked may remain (RFC 1939, section 6).
    Refused(Reply),
}

impl<S> Session<S> {
    /// How the connection is protected now.
    pub fn security(&self) -> Security {
        self.wire.security()
    }
}

impl<S> fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = std::any::type_name::<S>().rsplit("::").next().unwrap_or_default();
        write!(f, "Session<{state}>({:?}, {} replies due)", self.wire.security(), self.wire.due())
    }
}
