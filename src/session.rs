//! A POP3 session: its states are types (RFC 1939, section 3).
//!
//! ```text
//! open ─► Session<Authorization> ──login──► Session<Transaction> ──quit──► QuitOutcome
//!              └─ stls ─┘                          └─ drop: the socket closes, nothing is deleted
//! ```
//!
//! Promises: a command that the state does not know cannot be sent; DELE takes a
//! [`Receipt`]; replies are matched to commands strictly in order; nothing is
//! pipelined across STLS or login. Must never: send QUIT from `Drop`; put a secret in a trace.

use crate::net::{NetError, TlsSettings, Transport};
use crate::pop3::capability::Capabilities;
use crate::pop3::listing::Listing;
use crate::pop3::reply::Reply;
use crate::receipt::{Receipt, SessionId};
use std::time::Duration;

/// Before login.
pub struct Authorization {}
/// Logged in.
pub struct Transaction {}

/// A session in state `S`.
pub struct Session<S> {
    state: S,
}

/// Told of every line that crosses the wire (not of message bodies), secrets masked.
pub type Tracer<'a> = Box<dyn FnMut(crate::event::Side, &[u8]) + Send + 'a>;
