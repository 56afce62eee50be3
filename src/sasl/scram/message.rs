//! The server's messages (RFC 5802, section 7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// `server-first-message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct First<'a> {
    /// Ours and the server's.
    pub(super) nonce: &'a str,
    /// What the password is hashed with.
    pub(super) salt: Vec<u8>,
    /// How often; not yet checked.
    pub(super) iterations: u64,
}

impl<'a> First<'a> {
    /// Reads the message; the inner error is the server's refusal.
    pub(super) fn parse(text: &'a str) -> Result<Result<Self, &'a str>, &'static str> {
        if let Some(refusal) = text.strip_prefix("e=") {
            return Ok(Err(refusal));
        }
        if text.starts_with("m=") {
            return Err("it uses an extension that popkeep does not know");
        }
        let mut attributes = text.split(',');
        let mut next = |name: &str| attributes.next().and_then(|attribute| attribute.strip_prefix(name));
        let nonce = next("r=").ok_or("it has no nonce")?;
        let salt = next("s=").and_then(|salt| STANDARD.decode(salt).ok()).filter(|salt| !salt.is_empty());
        let salt = salt.ok_or("it has no salt")?;
        let iterations = next("i=").filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()));
        let iterations =
            iterations.and_then(|digits| digits.parse().ok()).ok_or("it has no iteration count")?;
        // Extensions that may be passed over can follow.
        let printable = |octet: u8| octet.is_ascii_graphic();
        if !nonce.bytes().all(printable) {
            return Err("its nonce has characters that no nonce has");
        }
        Ok(Ok(First { nonce, salt, iterations }))
    }
}

/// `server-final-message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Final<'a> {
    /// `v=`: what the server proves itself with.
    Signature(Vec<u8>),
    /// `e=`: why it refuses.
    Refusal(&'a str),
}

impl<'a> Final<'a> {
    /// Reads the message.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let first = text.split(',').next().unwrap_or_default();
        if let Some(refusal) = first.strip_prefix("e=") {
            return Ok(Final::Refusal(refusal));
        }
        let signature = first.strip_prefix("v=").and_then(|text| STANDARD.decode(text).ok());
        signature.map(Final::Signature).ok_or("it has no signature")
    }
}
