//! A certificate's fingerprint: SHA-256 of its DER form, as `openssl x509 -fingerprint -sha256`
//! and browsers show it.

use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// SHA-256 of a certificate in DER form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Why a text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// SHA-1 and MD5 can be forged.
    #[error("this is a fingerprint of a weaker hash; use SHA-256 (64 hexadecimal digits)")]
    WeakHash,
    /// Anything else.
    #[error("a SHA-256 fingerprint has 64 hexadecimal digits, with or without colons between pairs")]
    Form,
}

impl Fingerprint {
    /// The fingerprint of a certificate.
    pub fn of(der: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(der).into())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads 64 hexadecimal digits, upper or lower case, with or without a colon between pairs.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let text = text.trim();
        let pairs: Vec<&str> = if text.contains(':') {
            text.split(':').collect()
        } else {
            (0..text.len().div_ceil(2)).filter_map(|n| text.get(2 * n..(2 * n + 2).min(text.len()))).collect()
        };
        let octets: Option<Vec<u8>> = pairs.into_iter().map(octet).collect();
        match octets.as_deref().map(<[u8; 32]>::try_from) {
            Some(Ok(octets)) => Ok(Fingerprint(octets)),
            Some(Err(_)) if matches!(octets.map(|octets| octets.len()), Some(16 | 20)) => {
                Err(FingerprintError::WeakHash)
            }
            _ => Err(FingerprintError::Form),
        }
    }
}

/// Two hexadecimal digits.
fn octet(pair: &str) -> Option<u8> {
    let two_digits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
    two_digits.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
}

/// `AA:BB:…`, as other tools print it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02X}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, FingerprintError};

    #[test]
    fn it_is_read_as_every_tool_prints_it() {
        let of_abc =
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
        let known = Fingerprint::of(b"abc");
        assert_eq!(known.to_string(), of_abc);
        for text in
            [of_abc.to_owned(), of_abc.to_lowercase(), of_abc.replace(':', ""), format!(" {of_abc}\n")]
        {
            assert_eq!(text.parse(), Ok(known), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let sha1 = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
        for text in [sha1.to_owned(), sha1.replace(':', ""), "00".repeat(16)] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError::WeakHash), "{text}");
        }
        let full = "ab".repeat(32);
        let odd =
            [&full[..63], &format!("{full}a"), &format!("{full}ab"), &full.replace("ab", "a:b"), "é", ""];
        for text in odd.into_iter().chain([full.replace('b', "g").as_str(), "+f:".repeat(32).as_str()]) {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError::Form), "{text}");
        }
    }
}
