//! SASL mechanisms (RFC 4422) as POP3 uses them (RFC 5034).
//!
//! Promises: a mechanism is a state machine over decoded challenges, without I/O; what it says
//! never shows in `Debug`. Today there is PLAIN; others join by implementing [`Exchange`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// Why a mechanism cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// PLAIN separates its parts with NUL.
    #[error("the user name or password holds a NUL, which AUTH PLAIN cannot carry")]
    Nul,
    /// The server went on asking after everything was said.
    #[error("the server sent a challenge that {mechanism} does not have")]
    UnexpectedChallenge {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// A challenge is not base64.
    #[error("the server sent a challenge that is not base64")]
    NotBase64,
}

/// One authentication with one mechanism.
pub trait Exchange {
    /// The mechanism's registered name.
    fn mechanism(&self) -> &'static str;

    /// What a client may say before the first challenge, in base64; `None` where the server
    /// speaks first.
    fn initial(&mut self) -> Result<Option<SecretString>, SaslError>;

    /// The answer to a challenge, both in base64.
    fn respond(&mut self, challenge: &[u8]) -> Result<SecretString, SaslError>;
}

/// PLAIN (RFC 4616): the authorization identity empty, then user and password.
pub struct Plain<'a> {
    user: &'a str,
    password: &'a SecretString,
    said: u8,
}

impl<'a> Plain<'a> {
    /// For `user`, who proves it with `password`.
    pub fn new(user: &'a str, password: &'a SecretString) -> Self {
        Plain { user, password, said: 0 }
    }

    fn message(&self) -> Result<SecretString, SaslError> {
        let password = self.password.expose_secret();
        if self.user.contains('\0') || password.contains('\0') {
            return Err(SaslError::Nul);
        }
        // Sized beforehand: growing would leave copies of the password in freed memory.
        let length = self.user.len() + password.len() + 2;
        let mut message = Zeroizing::new(Vec::with_capacity(length));
        for part in [self.user, password] {
            message.push(0);
            message.extend_from_slice(part.as_bytes());
        }
        let mut encoded = String::with_capacity(length.div_ceil(3) * 4);
        STANDARD.encode_string(message.as_slice(), &mut encoded);
        Ok(SecretString::from(encoded))
    }
}

impl Exchange for Plain<'_> {
    fn mechanism(&self) -> &'static str {
        "PLAIN"
    }

    fn initial(&mut self) -> Result<Option<SecretString>, SaslError> {
        self.message().map(Some)
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<SecretString, SaslError> {
        // The one challenge is empty. It comes in place of an initial response, or from a
        // server that overlooked one.
        STANDARD.decode(challenge).map_err(|_| SaslError::NotBase64)?;
        self.said += 1;
        if self.said > 1 {
            return Err(SaslError::UnexpectedChallenge { mechanism: "PLAIN" });
        }
        self.message()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(user: &str, password: &str) -> Result<String, SaslError> {
        let password = SecretString::from(password);
        let response = Plain::new(user, &password).initial()?;
        Ok(response.unwrap().expose_secret().to_owned())
    }

    #[test]
    fn plain_is_as_rfc_5034_shows_it() {
        assert_eq!(plain("test", "test").unwrap(), "AHRlc3QAdGVzdA==");
        assert_eq!(
            STANDARD.decode(plain("jane", "pässword").unwrap()).unwrap(),
            "\0jane\0pässword".as_bytes()
        );
    }

    #[test]
    fn nul_cannot_be_carried() {
        assert_eq!(plain("ja\0ne", "x"), Err(SaslError::Nul));
        assert_eq!(plain("jane", "x\0"), Err(SaslError::Nul));
    }

    #[test]
    fn plain_answers_one_challenge_only() {
        let password = SecretString::from("x");
        let mut exchange = Plain::new("jane", &password);
        let first = exchange.respond(b"").unwrap();
        assert_eq!(first.expose_secret(), plain("jane", "x").unwrap());
        assert_eq!(exchange.respond(b"").unwrap_err(), SaslError::UnexpectedChallenge { mechanism: "PLAIN" });
        assert_eq!(Plain::new("jane", &password).respond(b"***").unwrap_err(), SaslError::NotBase64);
    }
}
