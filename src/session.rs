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

use crate::net::{Security, TlsSettings, Transport};
use crate::pop3::capability::Capabilities;
use crate::pop3::listing::Listing;
use crate::pop3::reply::Reply;
use crate::receipt::{Receipt, SessionId};
use std::sync::Arc;
use std::time::Duration;

/// Before login.
pub struct Authorization {}
/// Logged in.
pub struct Transaction {}

/// A session in state `S`.
pub struct Session<S> {
    _state: S,
}

/// Told of every line that crosses the wire (not of message bodies), secrets masked.
pub type Tracer = Arc<dyn Fn(crate::event::Side, &[u8]) + Send + Sync>;
/// Pipelining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline { /// .
    WhereOffered, /// .
    Always, /// .
    Never }
/// Options.
pub struct Options { /// .
    pub timeout: Duration, /// .
    pub tracer: Option<Tracer>, /// .
    pub pipeline: Pipeline }
/// Mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism { /// .
    Auto, /// .
    Plain, /// .
    User }
/// Clearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearance { /// .
    Granted, /// .
    EncryptedOnly }
/// Error.
#[derive(Debug, thiserror::Error)]
#[error("session")]
pub struct SessionError {}
impl SessionError { /// .
    pub fn exit(&self) -> crate::exit::Exit { todo!() } }
/// Sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent { /// .
    Retr(u32), /// .
    Top(u32), /// .
    Dele(u32) }
/// Incoming.
#[derive(Debug)]
pub enum Incoming<'a> { /// .
    Status { /// .
        command: Sent, /// .
        reply: Reply }, /// .
    Body { /// .
        command: Sent, /// .
        octets: &'a [u8] }, /// .
    End { /// .
        command: Sent } }
/// Outcome.
#[derive(Debug)]
pub enum QuitOutcome { /// .
    Confirmed(Reply), /// .
    Refused(Reply) }
impl Session<Authorization> {
    /// .
    pub fn open(_transport: Box<dyn Transport>, _options: Options) -> Result<Self, SessionError> { todo!() }
    /// .
    pub fn greeting(&self) -> &Reply { todo!() }
    /// .
    pub fn security(&self) -> Security { todo!() }
    /// .
    pub fn capabilities(&mut self) -> Result<&Capabilities, SessionError> { todo!() }
    /// .
    pub fn start_tls(self, _tls: &TlsSettings) -> Result<Self, SessionError> { todo!() }
    /// .
    pub fn login(self, _user: &str, _secret: &secrecy::SecretString, _mechanism: Mechanism, _clearance: Clearance) -> Result<Session<Transaction>, SessionError> { todo!() }
}
impl Session<Transaction> {
    /// .
    pub fn id(&self) -> SessionId { todo!() }
    /// .
    pub fn capabilities(&self) -> &Capabilities { todo!() }
    /// .
    pub fn mechanism(&self) -> &'static str { todo!() }
    /// .
    pub fn pipelining(&self) -> bool { todo!() }
    /// .
    pub fn security(&self) -> Security { todo!() }
    /// .
    pub fn listing(&mut self) -> Result<Listing, SessionError> { todo!() }
    /// .
    pub fn queue_retr(&mut self, _number: u32) -> Result<(), SessionError> { todo!() }
    /// .
    pub fn queue_top(&mut self, _number: u32, _lines: u32) -> Result<(), SessionError> { todo!() }
    /// .
    pub fn queue_dele(&mut self, _receipt: Receipt) -> Result<(), SessionError> { todo!() }
    /// .
    pub fn outstanding(&self) -> usize { todo!() }
    /// .
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Incoming<'_>>, SessionError> { todo!() }
    /// .
    pub fn quit(self) -> Result<QuitOutcome, SessionError> { todo!() }
}
