//! PKCE and `state`.

use super::SignInError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// What proves that who asks for the token is who sent the person to the browser (RFC 7636).
pub(super) struct Pkce {
    /// Kept until the code is here: 43 characters.
    pub(super) verifier: SecretString,
    /// Sent along with the person.
    pub(super) challenge: String,
}

impl Pkce {
    pub(super) fn new() -> Result<Pkce, SignInError> {
        let verifier = random()?;
        Ok(Pkce { challenge: challenge(verifier.expose_secret()), verifier })
    }
}

/// 256 random bits, as 43 unreserved characters.
pub(super) fn random() -> Result<SecretString, SignInError> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).map_err(|_| SignInError::NoRandomNumbers)?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(octets)))
}

/// S256.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(random().unwrap().expose_secret().len(), 43);
    }
}
