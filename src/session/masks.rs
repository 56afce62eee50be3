//! Secrets that a server repeats: in which forms it may do so, and how they are hidden.
//!
//! Promise: what is hidden shows no octet of a secret in any of the forms that are masked.

use crate::pop3::dialogue::DialogueError;
use crate::pop3::reply::{Reply, redacted};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// What is masked wherever the server repeats it.
#[derive(Default)]
pub(crate) struct Masks {
    secrets: Vec<SecretString>,
}

impl Masks {
    /// From here on this is masked, too.
    pub(crate) fn add(&mut self, secret: &SecretString) {
        self.secrets.push(secret.clone());
    }

    /// From here on only these are masked, and of them only those that no listing can hold by chance.
    pub(crate) fn keep_only(&mut self, secrets: impl IntoIterator<Item = SecretString>) {
        let telling = |secret: &SecretString| {
            let text = secret.expose_secret();
            text.len() >= 4 && text.contains(char::is_alphabetic)
        };
        self.secrets = secrets.into_iter().filter(telling).collect();
    }

    /// `line` without the secrets.
    pub(crate) fn hidden(&self, line: &[u8]) -> Vec<u8> {
        self.secrets.iter().fold(line.to_vec(), |line, secret| {
            redacted(&line, secret.expose_secret().as_bytes()).unwrap_or(line)
        })
    }

    /// Takes the secrets out of a reply.
    pub(super) fn hide_in(&self, reply: &mut Reply) {
        for secret in &self.secrets {
            reply.redact(secret.expose_secret().as_bytes());
        }
    }

    /// Takes the secrets out of a line that is no reply.
    pub(super) fn clean(&self, error: DialogueError) -> DialogueError {
        match error {
            DialogueError::NotAReply(mut garbage) => {
                garbage.line = self.hidden(&garbage.line);
                DialogueError::NotAReply(garbage)
            }
            other => other,
        }
    }

    /// Whether the base64 of a challenge has a secret in it.
    pub(crate) fn shows_in_base64(&self, challenge: &[u8]) -> bool {
        let decoded = STANDARD.decode(challenge).map(Zeroizing::new).unwrap_or_default();
        self.hidden(&decoded) != *decoded
    }
}

/// The shortest part of a secret's base64 that is masked, in characters: a shorter one could be anything.
const TELLING: usize = 8;

/// A secret in each form in which a server may repeat it: as it is, in hexadecimal, in base64, and as a part of
/// the base64 of something longer, where what stands before it decides which of three forms it has.
pub(crate) fn forms(secret: &SecretString) -> Vec<SecretString> {
    let octets = secret.expose_secret().as_bytes();
    let hex = |digits: &[u8; 16]| {
        let mut text = Zeroizing::new(String::with_capacity(octets.len() * 2));
        for octet in octets {
            text.push(char::from(digits[usize::from(octet >> 4)]));
            text.push(char::from(digits[usize::from(octet & 15)]));
        }
        SecretString::from(text.as_str())
    };
    let mut forms = vec![secret.clone(), hex(b"0123456789abcdef"), hex(b"0123456789ABCDEF")];
    for before in 0..3 {
        let mut whole = Zeroizing::new(Vec::with_capacity(before + octets.len()));
        whole.resize(before, 0);
        whole.extend_from_slice(octets);
        let encoded = Zeroizing::new(STANDARD.encode(&*whole));
        if before == 0 {
            forms.push(SecretString::from(encoded.as_str()));
        }
        // The characters that the secret alone decides; none where there is no secret.
        if let Some(own) = encoded.get((before * 8).div_ceil(6)..whole.len() * 8 / 6)
            && own.len() >= TELLING
        {
            forms.push(SecretString::from(own));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_secret_is_recognised_inside_the_base64_of_something_longer(
            secret in "[ -~]{0,40}", before in "[ -~]{0,5}", after in "[ -~]{0,5}",
        ) {
            let forms = forms(&SecretString::from(secret.as_str()));
            let encoded = STANDARD.encode(format!("{before}{secret}{after}"));
            let found = forms[3..].iter().any(|form| encoded.contains(form.expose_secret()));
            prop_assert!(found || secret.len() < TELLING);
        }
    }
}
