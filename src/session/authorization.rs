//! The AUTHORIZATION state up to the login: greeting, CAPA, STLS.
//!
//! Promises: nothing is sent ahead; capabilities are forgotten when TLS begins.

use super::error::{CAPA, GREETING};
use super::wire::{SHOWN, Wire};
use super::{Options, Pipeline, Session, SessionError};
use crate::net::{TlsSettings, Transport};
use crate::pop3::capability::Capabilities;
use crate::pop3::command::Command;
use crate::pop3::dialogue::DialogueError;
use crate::pop3::refusal::Refusal;
use crate::pop3::reply::Reply;

/// Before login.
#[derive(Debug)]
pub struct Authorization {
    pub(super) greeting: Reply,
    pub(super) capabilities: Option<Capabilities>,
    skip_capabilities: bool,
    /// The greeting came in clear text, and TLS began later.
    pub(super) after_stls: bool,
}

impl Session<Authorization> {
    /// Reads the greeting. A `-ERR` that says "later" is
    /// [`SessionError::TryLater`]; anything that is no reply is [`SessionError::NotPop3`].
    pub fn open(transport: Box<dyn Transport>, options: Options) -> Result<Self, SessionError> {
        let pipeline = options.pipeline;
        let mut wire = Wire::new(transport, options);
        let greeting = match wire.hear(GREETING, |_| ()) {
            Ok(reply) if reply.is_ok() => reply,
            Ok(reply) => {
                return Err(match Refusal::of(&reply) {
                    Refusal::NotNow(_) => SessionError::TryLater { during: GREETING, reply },
                    _ => SessionError::GreetingRefused { reply },
                });
            }
            Err(error) => return Err(explain(error, wire.unread())),
        };
        let state =
            Authorization { greeting, capabilities: None, skip_capabilities: false, after_stls: false };
        Ok(Session { wire, pipeline, state })
    }

    /// The server's first line; [`Reply::apop_timestamp`] finds APOP's timestamp in it.
    pub fn greeting(&self) -> &Reply {
        &self.state.greeting
    }

    /// CAPA, before and after login, is not sent: for a server that closes the connection on it.
    pub fn skip_capabilities(&mut self) {
        self.state.skip_capabilities = true;
        self.state.capabilities = Some(Capabilities::refused());
    }

    /// Nothing will be sent ahead of a reply, whatever the options and the server say.
    pub fn one_at_a_time(&mut self) {
        self.pipeline = Pipeline::Never;
    }

    /// What CAPA says, asked once. A refusal is an empty answer that was not
    /// [offered](Capabilities::offered).
    pub fn capabilities(&mut self) -> Result<&Capabilities, SessionError> {
        let known = match self.state.capabilities.take() {
            Some(known) => known,
            None => ask_capabilities(&mut self.wire, CAPA)?,
        };
        Ok(self.state.capabilities.insert(known))
    }

    /// STLS (RFC 2595): goes over to TLS and forgets the capabilities. If the server refuses,
    /// or if a single octet follows its `+OK`, the session is over.
    pub fn start_tls(mut self, tls: &TlsSettings) -> Result<Self, SessionError> {
        if self.security().is_encrypted() {
            return Err(SessionError::Order("STLS on an encrypted connection"));
        }
        let reply = self.wire.ask(&Command::Stls)?;
        if reply.is_transient() {
            return Err(SessionError::TryLater { during: "STLS", reply });
        }
        if !reply.is_ok() {
            return Err(SessionError::NoStls { reply });
        }
        let wire = self.wire.start_tls(tls)?;
        let skip_capabilities = self.state.skip_capabilities;
        let capabilities = skip_capabilities.then(Capabilities::refused);
        Ok(Session { wire, state: Authorization { capabilities, after_stls: true, ..self.state }, ..self })
    }
}

/// What it means when no greeting could be read.
fn explain(error: SessionError, unread: &[u8]) -> SessionError {
    let garbage = unread.trim_ascii_start().first().is_some_and(|octet| !b"+-".contains(octet));
    let shown = &unread[..unread.len().min(SHOWN)];
    match error {
        SessionError::Protocol { source: DialogueError::NotAReply(garbage), .. } => {
            SessionError::NotPop3 { text: garbage.line }
        }
        SessionError::Protocol { source: DialogueError::LineTooLong { .. }, .. } => {
            SessionError::NotPop3 { text: shown.to_vec() }
        }
        SessionError::Closed { .. } | SessionError::TimedOut { .. } if garbage => {
            SessionError::NotPop3 { text: shown.to_vec() }
        }
        SessionError::Closed { .. } => SessionError::ClosedBeforeGreeting,
        other => other,
    }
}

/// CAPA, alone; `during` says when.
pub(super) fn ask_capabilities(wire: &mut Wire, during: &'static str) -> Result<Capabilities, SessionError> {
    let mut capabilities = Capabilities::answered();
    wire.send(&Command::Capa)?;
    wire.flush(during)?;
    let reply = wire.hear(during, |line| capabilities.push(line))?;
    Ok(if reply.is_ok() { capabilities } else { Capabilities::refused() })
}
