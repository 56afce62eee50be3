//! PLAIN (RFC 4616).

use super::{Challenge, Exchange, Mechanism, SaslError, encode};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// The authorization identity empty, then user and password.
pub(super) struct Plain<'a> {
    user: &'a str,
    password: &'a SecretString,
}

impl<'a> Plain<'a> {
    /// For `user`, who proves it with `password`.
    pub(super) fn new(user: &'a str, password: &'a SecretString) -> Self {
        Plain { user, password }
    }
}

impl Exchange for Plain<'_> {
    fn initial(&mut self) -> Result<Option<SecretString>, SaslError> {
        let password = self.password.expose_secret();
        // NUL is what separates the parts.
        if self.user.contains('\0') || password.contains('\0') {
            return Err(SaslError::Uncarriable { mechanism: Mechanism::Plain.name() });
        }
        let mut message = Zeroizing::new(Vec::with_capacity(self.user.len() + password.len() + 2));
        for part in [self.user, password] {
            message.push(0);
            message.extend_from_slice(part.as_bytes());
        }
        Ok(Some(encode(&message)))
    }

    fn respond(&mut self, _: Challenge<'_>) -> Result<SecretString, SaslError> {
        Err(SaslError::UnexpectedChallenge { mechanism: Mechanism::Plain.name() })
    }
}
