//! SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, and neither sends it.
//!
//! Promises: the server's nonce must continue ours; the work it asks for is bounded on both sides; `+OK`
//! counts only after the server's signature was right. The GS2 flag tells the server what we saw, so
//! that it notices when somebody took the -PLUS mechanisms out of its offer.

mod keys;
mod message;

pub(super) use keys::{Hash, prepare};

use super::oauth::saslname;
use super::{Challenge, Complaint, Exchange, Mechanism, SaslError, encode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::{Final, First};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// The least iterations of the password's hash that a server may ask for (RFC 7677, section 4).
pub const MIN_ITERATIONS: u32 = 4_096;

/// The most iterations: three times what is recommended today, and less than half a minute on the
/// slowest Raspberry Pi.
pub const MAX_ITERATIONS: u32 = 2_000_000;

/// Random octets in our nonce.
pub(super) const NONCE: usize = 18;

/// What ties the login to the TLS connection, and what the server seems to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// There is none to be had. GS2 flag `n`.
    Unavailable,
    /// We have one, but the server offers no -PLUS mechanism. GS2 flag `y`.
    NotOffered,
    /// `tls-server-end-point` (RFC 5929). GS2 flag `p`.
    ServerEndPoint(Vec<u8>),
}

/// One exchange.
pub(super) struct Scram {
    mechanism: Mechanism,
    hash: Hash,
    binding: ChannelBinding,
    user: String,
    password: SecretString,
    nonce: String,
    state: Stage,
}

enum Stage {
    Begun,
    /// Our proof is sent; what the server must answer.
    Proven {
        server_key: Zeroizing<Vec<u8>>,
        auth_message: String,
    },
    /// The server's signature was right.
    Trusted,
    /// The server said why it refuses.
    Refused(String),
}

impl Scram {
    /// For `user`, who proves it with `password`; both are prepared with `SASLprep` (RFC 4013).
    pub(super) fn new(
        mechanism: Mechanism,
        user: &str,
        password: &SecretString,
        binding: ChannelBinding,
    ) -> Result<Self, SaslError> {
        let mut random = [0; NONCE];
        getrandom::fill(&mut random).map_err(|error| SaslError::NoRandom { reason: error.to_string() })?;
        Scram::with_nonce(mechanism, user, password, binding, STANDARD.encode(random))
    }

    fn with_nonce(
        mechanism: Mechanism,
        user: &str,
        password: &SecretString,
        binding: ChannelBinding,
        nonce: String,
    ) -> Result<Self, SaslError> {
        if mechanism.binds_channel() != matches!(binding, ChannelBinding::ServerEndPoint(_)) {
            return Err(SaslError::NoChannelBinding { mechanism: mechanism.name() });
        }
        let hash = match mechanism {
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => Hash::Sha1,
            _ => Hash::Sha256,
        };
        let user = saslname(&keys::prepare(user));
        let password = SecretString::from(keys::prepare(password.expose_secret()).as_str());
        Ok(Scram { mechanism, hash, binding, user, password, nonce, state: Stage::Begun })
    }

    fn gs2_header(&self) -> &'static str {
        match self.binding {
            ChannelBinding::Unavailable => "n,,",
            ChannelBinding::NotOffered => "y,,",
            ChannelBinding::ServerEndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    /// `client-first-message-bare`.
    fn first_bare(&self) -> String {
        format!("n={},r={}", self.user, self.nonce)
    }

    /// `client-final-message`, and the state in which the server's signature is awaited.
    fn prove(&self, first: &First<'_>, text: &str) -> Result<(SecretString, Stage), SaslError> {
        let fault = |fault| SaslError::Malformed { mechanism: self.mechanism.name(), fault };
        if !first.nonce.starts_with(&self.nonce) || first.nonce.len() == self.nonce.len() {
            return Err(fault("its nonce does not continue ours"));
        }
        let iterations = u32::try_from(first.iterations)
            .ok()
            .filter(|count| (MIN_ITERATIONS..=MAX_ITERATIONS).contains(count))
            .ok_or(SaslError::Iterations { found: first.iterations })?;

        let mut bound = self.gs2_header().as_bytes().to_vec();
        if let ChannelBinding::ServerEndPoint(data) = &self.binding {
            bound.extend_from_slice(data);
        }
        let without_proof = format!("c={},r={}", STANDARD.encode(bound), first.nonce);
        let auth_message = format!("{},{text},{without_proof}", self.first_bare());

        let password = self.password.expose_secret().as_bytes();
        let salted = self.hash.salted(password, &first.salt, iterations);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let stored_key = self.hash.digest(&client_key);
        let signature = self.hash.hmac(&stored_key, auth_message.as_bytes());
        let proof: Zeroizing<Vec<u8>> =
            Zeroizing::new(client_key.iter().zip(signature.iter()).map(|(key, sign)| key ^ sign).collect());
        let message = Zeroizing::new(format!("{without_proof},p={}", STANDARD.encode(&*proof)));
        let server_key = self.hash.hmac(&salted, b"Server Key");
        Ok((encode(message.as_bytes()), Stage::Proven { server_key, auth_message }))
    }
}

impl Exchange for Scram {
    fn initial(&mut self) -> Result<Option<SecretString>, SaslError> {
        if self.user.contains('\0') || self.password.expose_secret().contains('\0') {
            return Err(SaslError::Uncarriable { mechanism: self.mechanism.name() });
        }
        let message = format!("{}{}", self.gs2_header(), self.first_bare());
        Ok(Some(encode(message.as_bytes())))
    }

    fn respond(&mut self, challenge: Challenge<'_>) -> Result<SecretString, SaslError> {
        let mechanism = self.mechanism.name();
        let fault = |fault| SaslError::Malformed { mechanism, fault };
        let octets = challenge.decode()?;
        let text = std::str::from_utf8(&octets).map_err(|_| fault("it is not UTF-8"))?;
        let (answer, next) = match &self.state {
            Stage::Begun => match First::parse(text).map_err(fault)? {
                Ok(first) => self.prove(&first, text)?,
                Err(refusal) => (encode(b""), Stage::Refused(refusal.to_owned())),
            },
            Stage::Proven { server_key, auth_message } => {
                let next = match Final::parse(text).map_err(fault)? {
                    Final::Signature(signature)
                        if self.hash.hmac_is(server_key, auth_message.as_bytes(), &signature) =>
                    {
                        Stage::Trusted
                    }
                    Final::Signature(_) => return Err(SaslError::Unproven { mechanism }),
                    Final::Refusal(refusal) => Stage::Refused(refusal.to_owned()),
                };
                (encode(b""), next)
            }
            Stage::Trusted | Stage::Refused(_) => return Err(SaslError::UnexpectedChallenge { mechanism }),
        };
        self.state = next;
        Ok(answer)
    }

    fn finish(&self) -> Result<(), SaslError> {
        match self.state {
            Stage::Trusted => Ok(()),
            _ => Err(SaslError::Unproven { mechanism: self.mechanism.name() }),
        }
    }

    fn complaint(&self) -> Option<Complaint> {
        match &self.state {
            Stage::Refused(text) => Some(Complaint { text: text.clone(), token: false }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
