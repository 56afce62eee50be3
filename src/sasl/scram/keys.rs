//! The hashes and keys of SCRAM (RFC 5802, sections 2.2 and 3).

use crate::sasl::keyed;
use secrecy::zeroize::Zeroizing;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The hash that a mechanism is named after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sasl) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    /// `H(data)`.
    pub(in crate::sasl) fn digest(self, data: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Hash::Sha1 => Sha1::digest(data).to_vec(),
            Hash::Sha256 => Sha256::digest(data).to_vec(),
        })
    }

    /// `HMAC(key, data)`.
    pub(in crate::sasl) fn hmac(self, key: &[u8], data: &[u8]) -> Zeroizing<Vec<u8>> {
        match self {
            Hash::Sha1 => keyed::hmac::<Sha1>(key, &[data]),
            Hash::Sha256 => keyed::hmac::<Sha256>(key, &[data]),
        }
    }

    /// Whether `tag` is `HMAC(key, data)`.
    pub(in crate::sasl) fn hmac_is(self, key: &[u8], data: &[u8], tag: &[u8]) -> bool {
        match self {
            Hash::Sha1 => keyed::hmac_is::<Sha1>(key, data, tag),
            Hash::Sha256 => keyed::hmac_is::<Sha256>(key, data, tag),
        }
    }

    /// `Hi(password, salt, iterations)`: PBKDF2 with one block of output.
    pub(in crate::sasl) fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
        match self {
            Hash::Sha1 => {
                let mut key = Zeroizing::new(vec![0; 20]);
                pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut key);
                key
            }
            Hash::Sha256 => {
                let mut key = Zeroizing::new(vec![0; 32]);
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut key);
                key
            }
        }
    }
}

/// `SASLprep` (RFC 4013). What it forbids (an emoji, say, which Unicode 3.2 did not have) stays as it is:
/// servers that took such a password did the same.
pub(in crate::sasl) fn prepare(text: &str) -> Zeroizing<String> {
    Zeroizing::new(stringprep::saslprep(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned))
}
