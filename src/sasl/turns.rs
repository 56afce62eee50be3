//! Who says what when: the turns of an exchange that are the same in every protocol.
//!
//! Promise: what the client says first is said once, on the command's own line or as the answer to the first
//! challenge.

use super::{Challenge, Complaint, Exchange, SaslError};
use secrecy::SecretString;

/// An exchange under way.
pub struct Turns<'e> {
    exchange: &'e mut dyn Exchange,
    first: Option<SecretString>,
    initial_response: bool,
}

impl<'e> Turns<'e> {
    /// Begins it.
    pub fn new(exchange: &'e mut dyn Exchange) -> Result<Self, SaslError> {
        let first = exchange.initial()?;
        Ok(Turns { exchange, first, initial_response: false })
    }

    /// What the client says first, in base64; `None` where the server speaks first.
    pub fn first(&self) -> Option<&SecretString> {
        self.first.as_ref()
    }

    /// It stands on the command's own line.
    pub fn said_first(&mut self) {
        self.initial_response = true;
    }

    /// Whether it does.
    pub fn has_said_first(&self) -> bool {
        self.initial_response
    }

    /// The answer to a challenge, in base64.
    pub fn answer(&mut self, challenge: &[u8]) -> Result<SecretString, SaslError> {
        match self.first.take() {
            // Asked for, or overlooked by a server that asks in spite of it.
            Some(response) if !self.initial_response || challenge.is_empty() => Ok(response),
            _ => self.exchange.respond(Challenge(challenge)),
        }
    }

    /// The server is satisfied: whether it had to prove something before, and has not.
    pub fn finish(&self) -> Result<(), SaslError> {
        self.exchange.finish()
    }

    /// What the server complained of in a challenge, before it refused.
    pub fn complaint(&self) -> Option<Complaint> {
        self.exchange.complaint()
    }
}
