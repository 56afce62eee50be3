//! The not authenticated state up to the login: greeting, capabilities, STARTTLS.
//!
//! Promises: nothing is sent ahead; capabilities are forgotten when TLS begins.

use super::capability::Capabilities;
use super::code::Code;
use super::error::{GREETING, ImapError};
use super::fault::Fault;
use super::response::{Condition, Data, Status};
use super::wire::{Heard, Wire, refusal};
use super::{Connection, Options};
use crate::net::{TlsSettings, Transport};

/// Before login.
#[derive(Debug)]
pub struct NotAuthenticated {
    pub(super) capabilities: Capabilities,
    /// The greeting was `PREAUTH`: there is no login.
    pub(super) logged_in: bool,
}

impl Connection<NotAuthenticated> {
    /// Reads the greeting, and asks for the capabilities if they are not in it. A `BYE` is
    /// [`ImapError::GreetingRefused`]; anything that is no greeting is [`ImapError::NotImap`].
    pub fn open(transport: Box<dyn Transport>, options: Options) -> Result<Self, ImapError> {
        let mut wire = Wire::new(transport, options);
        let greeting = match wire.hear(GREETING) {
            Ok(Heard::Data(Data::Status(status))) => status,
            Ok(_) => return Err(ImapError::NotImap { text: Vec::new() }),
            Err(error) => return Err(explain(error, &wire)),
        };
        let logged_in = match greeting.condition {
            Condition::Ok => false,
            Condition::PreAuth => true,
            _ => return Err(ImapError::NotImap { text: greeting.text }),
        };
        let capabilities = match in_code(&greeting) {
            Some(known) => known.clone(),
            None => ask_capabilities(&mut wire)?,
        };
        Ok(Connection { wire, state: NotAuthenticated { capabilities, logged_in } })
    }

    /// What the server offers now.
    pub fn capabilities(&self) -> &Capabilities {
        &self.state.capabilities
    }

    /// STARTTLS (RFC 9051, section 6.2.1): goes over to TLS, forgets the capabilities and asks for them anew. If the
    /// server refuses, or if a single octet follows its `OK`, the connection is over.
    pub fn start_tls(mut self, tls: &TlsSettings) -> Result<Self, ImapError> {
        if self.security().is_encrypted() {
            return Err(ImapError::Order("STARTTLS on an encrypted connection"));
        }
        if self.state.logged_in {
            return Err(ImapError::PreAuthInClearText);
        }
        if let Some(refusal) = refusal(self.wire.ask("STARTTLS", "STARTTLS", &mut |_| ())?) {
            return Err(if refusal.is_transient() {
                ImapError::TryLater { during: "STARTTLS", refusal }
            } else {
                ImapError::NoStartTls(refusal)
            });
        }
        let mut wire = self.wire.start_tls(tls)?;
        let capabilities = ask_capabilities(&mut wire)?;
        Ok(Connection { wire, state: NotAuthenticated { capabilities, logged_in: false } })
    }
}

/// What it means when no greeting could be read.
fn explain(error: ImapError, wire: &Wire) -> ImapError {
    let begun = wire.unfinished();
    match error {
        ImapError::Bye { refusal, .. } => ImapError::GreetingRefused(refusal),
        ImapError::Protocol {
            source: Fault::NotAResponse { line } | Fault::Malformed { line, .. }, ..
        } => ImapError::NotImap { text: line },
        ImapError::Protocol { .. } => ImapError::NotImap { text: begun },
        ImapError::Closed { .. } | ImapError::TimedOut { .. }
            if begun.first().is_some_and(|octet| *octet != b'*') =>
        {
            ImapError::NotImap { text: begun }
        }
        ImapError::Closed { .. } => ImapError::ClosedBeforeGreeting,
        other => other,
    }
}

/// The capabilities that a status response tells of.
pub(super) fn in_code(status: &Status) -> Option<&Capabilities> {
    match &status.code {
        Some(Code::Capability(known)) => Some(known),
        _ => None,
    }
}

/// CAPABILITY. A refusal is an empty answer.
pub(super) fn ask_capabilities(wire: &mut Wire) -> Result<Capabilities, ImapError> {
    let mut found = Capabilities::default();
    wire.ask("CAPABILITY", "CAPABILITY", &mut |data| {
        if let Data::Capability(known) = data {
            found = known;
        }
    })?;
    Ok(found)
}
