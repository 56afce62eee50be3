//! The AUTHORIZATION state: greeting, CAPA, STLS, login.
//!
//! Promises: nothing is sent ahead; capabilities are forgotten when TLS begins and read again
//! after login; a password leaves only with clearance, and once.

use super::error::GREETING;
use super::wire::{SHOWN, Wire};
use super::{Clearance, Mechanism, Options, Session, SessionError, Transaction};
use crate::net::{Security, TlsSettings, Transport};
use crate::pop3::capability::Capabilities;
use crate::pop3::command::{Command, EncodeError, Secret};
use crate::pop3::dialogue::{DialogueError, Event};
use crate::pop3::reply::Reply;
use crate::sasl::{Exchange, Plain};
use secrecy::{ExposeSecret, SecretString};

/// Before login.
#[derive(Debug)]
pub struct Authorization {
    greeting: Reply,
    capabilities: Option<Capabilities>,
    skip_capabilities: bool,
}

impl Session<Authorization> {
    /// Reads the greeting. A `-ERR` with a code that says "later" is
    /// [`SessionError::TryLater`]; anything that is no reply is [`SessionError::NotPop3`].
    pub fn open(transport: Box<dyn Transport>, options: Options) -> Result<Self, SessionError> {
        let pipeline = options.pipeline;
        let mut wire = Wire::new(transport, options);
        let greeting = match wire.hear(GREETING, |_| ()) {
            Ok(reply) if reply.is_ok() => reply,
            Ok(reply) if reply.is_transient() => {
                return Err(SessionError::TryLater { during: GREETING, reply });
            }
            Ok(reply) => return Err(SessionError::GreetingRefused { reply }),
            Err(error) => return Err(explain(error, wire.unread())),
        };
        let state = Authorization { greeting, capabilities: None, skip_capabilities: false };
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

    /// What CAPA says, asked once. A refusal is an empty answer that was not
    /// [offered](Capabilities::offered).
    pub fn capabilities(&mut self) -> Result<&Capabilities, SessionError> {
        let known = match self.state.capabilities.take() {
            Some(known) => known,
            None => ask_capabilities(&mut self.wire)?,
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
        Ok(Session { wire, state: Authorization { capabilities, ..self.state }, ..self })
    }

    /// Logs in, then reads the capabilities again unless CAPA was refused before. The caller
    /// has decided whether a password may cross this connection: see [`Clearance`].
    pub fn login(
        mut self,
        user: &str,
        secret: &SecretString,
        mechanism: Mechanism,
        clearance: Clearance,
    ) -> Result<Session<Transaction>, SessionError> {
        let exposed = matches!(self.security(), Security::Plain { loopback: false });
        if exposed && clearance == Clearance::EncryptedOnly {
            return Err(SessionError::ClearTextRefused);
        }
        let sasl = match mechanism {
            Mechanism::Plain => true,
            Mechanism::User => false,
            Mechanism::Auto => self.capabilities()?.offers_sasl("PLAIN"),
        };
        self.wire.mask(secret);
        let mechanism = if sasl {
            authenticate(&mut self.wire, &mut Plain::new(user, secret))?
        } else {
            user_pass(&mut self.wire, user, secret)?
        };
        let refused = self.state.capabilities.is_some_and(|known| !known.offered());
        let capabilities = if refused { Capabilities::refused() } else { ask_capabilities(&mut self.wire)? };
        self.wire.unmask();
        let state = Transaction::new(capabilities, mechanism, self.pipeline);
        Ok(Session { wire: self.wire, pipeline: self.pipeline, state })
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

fn ask_capabilities(wire: &mut Wire) -> Result<Capabilities, SessionError> {
    let mut capabilities = Capabilities::answered();
    let reply = wire.ask_lines(&Command::Capa, |line| capabilities.push(line))?;
    Ok(if reply.is_ok() { capabilities } else { Capabilities::refused() })
}

fn user_pass(wire: &mut Wire, user: &str, secret: &SecretString) -> Result<&'static str, SessionError> {
    let mechanism = "USER/PASS";
    for command in [Command::User(user), Command::Pass(Secret(secret.expose_secret()))] {
        let reply = wire.ask(&command)?;
        accepted(reply, command.keyword(), mechanism)?;
    }
    Ok(mechanism)
}

fn authenticate(wire: &mut Wire, exchange: &mut dyn Exchange) -> Result<&'static str, SessionError> {
    let mechanism = exchange.mechanism();
    let mut held = exchange.initial()?;
    if let Some(response) = &held {
        wire.mask(response);
    }
    let initial = held.as_ref().map(|response| Secret(response.expose_secret()));
    match wire.send(&Command::Auth { mechanism, initial }) {
        Ok(()) => held = None,
        // It goes as a continuation: no command line is longer than 255 octets.
        Err(SessionError::Unencodable(EncodeError::TooLong { .. })) => {
            wire.send(&Command::Auth { mechanism, initial: None })?;
        }
        Err(error) => return Err(error),
    }
    wire.flush("AUTH")?;
    loop {
        match wire.event("AUTH")? {
            Event::Status { reply, .. } => {
                accepted(reply, "AUTH", mechanism)?;
                return Ok(mechanism);
            }
            Event::Challenge(range) => {
                // An exchange ends by itself: it refuses a challenge that it does not have.
                let response = match held.take() {
                    Some(response) => response,
                    None => exchange.respond(wire.octets(range))?,
                };
                wire.mask(&response);
                wire.respond(&response)?;
            }
            Event::Line(_) | Event::Body(_) | Event::End => {
                return Err(wire.fail(SessionError::Order("AUTH was answered with a listing")));
            }
        }
    }
}

fn accepted(reply: Reply, during: &'static str, mechanism: &'static str) -> Result<(), SessionError> {
    if reply.is_ok() {
        Ok(())
    } else if reply.is_transient() {
        Err(SessionError::TryLater { during, reply })
    } else {
        Err(SessionError::LoginRefused { mechanism, reply })
    }
}
