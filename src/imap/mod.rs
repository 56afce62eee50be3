//! A small IMAP client: what it takes to append messages to a folder, and to see what is in it (RFC 9051, RFC 3501).
//!
//! ```text
//! open ─► Connection<NotAuthenticated> ──login──► Connection<Authenticated> ──logout──►
//!              └─ start_tls ─┘                       └─ drop: the socket closes
//! ```
//!
//! | file | what it does |
//! | --- | --- |
//! | `frames`, `response`, `code`, `capability` | pure: what a server says |
//! | `folder`, `outgoing` | pure: names of folders, and messages, as they cross the wire |
//! | `wire` | the only place that reads and writes |
//! | `not_authenticated`, `login` | up to the login |
//! | `authenticated`, `append`, `reading` | folders; messages into them; what is in them |
//!
//! Promises: a message is never held whole, nor what a server says for longer than it takes to read it; every wait and
//! every write has a deadline; answers are matched to commands by their tags; nothing is pipelined but APPEND, and
//! nothing is sent after an error; of each message it is told whether it was appended, refused, not sent, or whether
//! nobody knows. Must never: put a secret in a trace or an error; take capabilities from before TLS for those behind
//! it; change or delete a message.

mod append;
mod authenticated;
mod capability;
mod code;
mod error;
mod fault;
mod folder;
mod frames;
mod login;
mod not_authenticated;
mod outgoing;
mod reading;
mod response;
#[cfg(test)]
mod tests;
mod wire;

pub use append::{Interrupted, NewUid, Outcome, Unsendable};
pub use authenticated::{Authenticated, Examined};
pub use capability::{Abilities, Capabilities, LiteralPlus};
pub use code::{Cause, Code, Refusal};
pub use error::{ImapError, LoginRefusal};
pub use fault::Fault;
pub use folder::{Folder, NameError};
pub use frames::{Event, Frame, Frames, Literals, MAX_HELD, MAX_TEXT, Step};
pub use not_authenticated::NotAuthenticated;
pub use outgoing::{Flags, InternalDate, Outgoing};
pub use reading::Listed;
pub use response::{Condition, Data, Fetch, Response, Status, Text};

use crate::net::Security;
use crate::session::Tracer;
use std::fmt;
use std::time::{Duration, Instant};
use wire::Wire;

/// How a connection behaves.
#[derive(Clone)]
pub struct Options {
    /// The deadline of every response and of every 16 KiB written; a listing or a body must bring
    /// [`WINDOW`](crate::session::WINDOW) octets in it.
    pub timeout: Duration,
    /// The end of all waiting, whatever a response's deadline says.
    pub until: Option<Instant>,
    /// Who watches the protocol.
    pub tracer: Option<Tracer>,
}

/// A connection in state `S`.
pub struct Connection<S> {
    wire: Wire,
    state: S,
}

impl<S> Connection<S> {
    /// How the connection is protected now.
    pub fn security(&self) -> Security {
        self.wire.security()
    }
}

impl<S> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = std::any::type_name::<S>().rsplit("::").next().unwrap_or_default();
        write!(f, "Connection<{state}>({:?}, {} answers due)", self.wire.security(), self.wire.due())
    }
}
