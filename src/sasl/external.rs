//! EXTERNAL (RFC 4422, appendix A): the TLS client certificate has said who it is.

use super::{Challenge, Exchange, Mechanism, SaslError, encode};
use secrecy::SecretString;

/// The user name is the authorization identity: whose maildrop the owner of the certificate wants.
pub(super) struct External<'a> {
    user: &'a str,
}

impl<'a> External<'a> {
    /// For `user`.
    pub(super) fn new(user: &'a str) -> Self {
        External { user }
    }
}

impl Exchange for External<'_> {
    fn initial(&mut self) -> Result<Option<SecretString>, SaslError> {
        if self.user.contains('\0') {
            return Err(SaslError::Uncarriable { mechanism: Mechanism::External.name() });
        }
        Ok(Some(encode(self.user.as_bytes())))
    }

    fn respond(&mut self, _: Challenge<'_>) -> Result<SecretString, SaslError> {
        Err(SaslError::UnexpectedChallenge { mechanism: Mechanism::External.name() })
    }
}
