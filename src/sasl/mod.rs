//! SASL mechanisms (RFC 4422) as POP3 (RFC 5034) and IMAP (RFC 9051) use them, and their own ways to log in.
//!
//! Promises: a mechanism is a state machine over challenges, without I/O; what it says is held in
//! [`SecretString`]s and never shows in `Debug` or in an error; a server that must prove itself and does
//! not is refused. Must never: answer a challenge that the mechanism does not have.

mod apop;
mod choice;
mod cram_md5;
mod error;
mod external;
mod keyed;
mod login;
mod mechanism;
mod oauth;
mod plain;
mod scram;
mod server;
#[cfg(test)]
mod tests;
mod turns;

pub use apop::digest as apop_digest;
pub use choice::{Offer, candidates};
pub use error::SaslError;
pub use mechanism::{Mechanism, SecretKind};
pub use scram::{ChannelBinding, MAX_ITERATIONS, MIN_ITERATIONS};
pub use server::{Expected, NoRandomNumbers, Salt, ScramServer, random};
pub use turns::Turns;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// What the server asks, as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a>(pub &'a [u8]);

impl Challenge<'_> {
    /// Without its base64.
    pub fn decode(self) -> Result<Zeroizing<Vec<u8>>, SaslError> {
        STANDARD.decode(self.0).map(Zeroizing::new).map_err(|_| SaslError::NotBase64)
    }
}

/// Why a server refuses, in its own words, as some mechanisms carry them in a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The words: raw text of the server.
    pub text: String,
    /// They say that the token is expired or not valid, so that a new one may help.
    pub token: bool,
}

/// One authentication with one mechanism.
pub trait Exchange {
    /// What the client says first, in base64; `None` where the server speaks first.
    fn initial(&mut self) -> Result<Option<SecretString>, SaslError>;

    /// The answer to a challenge, in base64.
    fn respond(&mut self, challenge: Challenge<'_>) -> Result<SecretString, SaslError>;

    /// The server is satisfied: whether it had to prove something before, and has not.
    fn finish(&self) -> Result<(), SaslError> {
        Ok(())
    }

    /// What the server complained of in a challenge, before it refused.
    fn complaint(&self) -> Option<Complaint> {
        None
    }
}

/// Who logs in, where, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The user name.
    pub user: &'a str,
    /// The password or the access token; empty for a mechanism that needs none.
    pub secret: &'a SecretString,
    /// The server's host name, as configured.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
}

/// Begins an exchange; `None` for APOP and USER/PASS (in IMAP the LOGIN command), which are no SASL mechanisms.
pub fn begin<'a>(
    mechanism: Mechanism,
    identity: Identity<'a>,
    binding: ChannelBinding,
) -> Result<Option<Box<dyn Exchange + 'a>>, SaslError> {
    let Identity { user, secret, .. } = identity;
    Ok(Some(match mechanism {
        Mechanism::ScramSha256Plus
        | Mechanism::ScramSha1Plus
        | Mechanism::ScramSha256
        | Mechanism::ScramSha1 => Box::new(scram::Scram::new(mechanism, user, secret, binding)?),
        Mechanism::CramMd5 => Box::new(cram_md5::CramMd5::new(user, secret)),
        Mechanism::Plain => Box::new(plain::Plain::new(user, secret)),
        Mechanism::Login => Box::new(login::Login::new(user, secret)),
        Mechanism::External => Box::new(external::External::new(user)),
        Mechanism::OAuthBearer => Box::new(oauth::OAuth::bearer(identity)),
        Mechanism::XOAuth2 => Box::new(oauth::OAuth::xoauth2(identity)),
        Mechanism::Apop | Mechanism::User => return Ok(None),
    }))
}

/// What a client says, in base64.
fn encode(message: &[u8]) -> SecretString {
    // Sized beforehand: growing would leave copies of a password in freed memory.
    let mut encoded = String::with_capacity(message.len().div_ceil(3) * 4);
    STANDARD.encode_string(message, &mut encoded);
    SecretString::from(encoded)
}
