//! APOP's digest (RFC 1939, section 7).

use crate::text::hex::Hex;
use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};

/// MD5 of the greeting's timestamp (angle brackets included) and the password, in hexadecimal. Only a
/// timestamp that is a proper msg-id may be answered: a server that could choose any octets would learn
/// the password from a few answers (CVE-2007-1558).
pub fn digest(timestamp: &[u8], password: &SecretString) -> SecretString {
    let hash = Md5::new().chain_update(timestamp).chain_update(password.expose_secret()).finalize();
    SecretString::from(Hex(&hash).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1939() {
        let digest = digest(b"<1896.697170952@dbc.mtview.ca.us>", &SecretString::from("tanstaaf"));
        assert_eq!(digest.expose_secret(), "c4c9334bac560ecc979e58001b3e22fb");
    }
}
