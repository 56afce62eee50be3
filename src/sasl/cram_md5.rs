//! CRAM-MD5 (RFC 2195).

use super::keyed::hmac;
use super::{Challenge, Exchange, Mechanism, SaslError, encode};
use crate::text::hex::Hex;
use md5::Md5;
use secrecy::{ExposeSecret, SecretString};

/// The server's text is hashed with the password, which never crosses the wire. The server does not prove
/// anything.
pub(super) struct CramMd5<'a> {
    user: &'a str,
    password: &'a SecretString,
    answered: bool,
}

impl<'a> CramMd5<'a> {
    /// For `user`, who proves it with `password`.
    pub(super) fn new(user: &'a str, password: &'a SecretString) -> Self {
        CramMd5 { user, password, answered: false }
    }
}

impl Exchange for CramMd5<'_> {
    fn initial(&mut self) -> Result<Option<SecretString>, SaslError> {
        Ok(None)
    }

    fn respond(&mut self, challenge: Challenge<'_>) -> Result<SecretString, SaslError> {
        let mechanism = Mechanism::CramMd5.name();
        if std::mem::replace(&mut self.answered, true) {
            return Err(SaslError::UnexpectedChallenge { mechanism });
        }
        let text = challenge.decode()?;
        if text.is_empty() {
            return Err(SaslError::Malformed { mechanism, fault: "it is empty" });
        }
        let tag = hmac::<Md5>(self.password.expose_secret().as_bytes(), &[&text]);
        Ok(encode(format!("{} {}", self.user, Hex(&tag)).as_bytes()))
    }
}
