//! LOGIN: never standardised, and all that some servers know (draft-murchison-sasl-login).

use super::{Challenge, Exchange, Mechanism, SaslError, encode};
use secrecy::{ExposeSecret, SecretString};

/// The server asks twice; the first answer is the user name, the second the password, however the
/// questions are worded.
pub(super) struct Login<'a> {
    user: &'a str,
    password: &'a SecretString,
    asked: u8,
}

impl<'a> Login<'a> {
    /// For `user`, who proves it with `password`.
    pub(super) fn new(user: &'a str, password: &'a SecretString) -> Self {
        Login { user, password, asked: 0 }
    }
}

impl Exchange for Login<'_> {
    fn initial(&mut self) -> Result<Option<SecretString>, SaslError> {
        Ok(None)
    }

    fn respond(&mut self, _: Challenge<'_>) -> Result<SecretString, SaslError> {
        self.asked = self.asked.saturating_add(1);
        match self.asked {
            1 => Ok(encode(self.user.as_bytes())),
            2 => Ok(encode(self.password.expose_secret().as_bytes())),
            _ => Err(SaslError::UnexpectedChallenge { mechanism: Mechanism::Login.name() }),
        }
    }
}
