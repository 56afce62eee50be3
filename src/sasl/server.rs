//! The server's side: whether who logs in knows the password, by the password itself or by SCRAM-SHA-256 (RFC 5802,
//! RFC 7677).
//!
//! Promises: the time it takes to refuse a password does not tell how much of it was right; a user that does not exist
//! is answered as one that does, up to the refusal.

use super::keyed;
use super::scram::{Hash, MIN_ITERATIONS, NONCE, prepare};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use std::sync::OnceLock;

/// What the password is compared under: the hashes have one length, whatever was sent.
const COMPARED: &[u8] = b"popkeep compares";

/// The salt's length, in octets.
const SALT: usize = 16;

/// The system gives no random numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers ({0}); try again")]
pub struct NoRandomNumbers(String);

/// A password that a server asks for.
#[derive(Debug)]
pub struct Expected {
    password: SecretString,
    keys: OnceLock<Keys>,
}

/// What SCRAM needs of it; made when it is first asked for, for it takes some milliseconds.
#[derive(Debug)]
struct Keys {
    stored: Zeroizing<Vec<u8>>,
    server: Zeroizing<Vec<u8>>,
}

/// What every exchange of one server has in common.
#[derive(Debug)]
pub struct Salt([u8; SALT]);

impl Salt {
    /// A new one, at random.
    pub fn new() -> Result<Salt, NoRandomNumbers> {
        random().map(Salt)
    }
}

impl Expected {
    /// This password.
    pub fn new(password: SecretString) -> Expected {
        Expected { password, keys: OnceLock::new() }
    }

    /// Whether it is this one. Takes the same time wherever they differ.
    pub fn is(&self, given: &str) -> bool {
        let expected = keyed::hmac::<Sha256>(COMPARED, &[self.password.expose_secret().as_bytes()]);
        keyed::hmac_is::<Sha256>(COMPARED, given.as_bytes(), &expected)
    }

    fn keys(&self, salt: &Salt) -> &Keys {
        self.keys.get_or_init(|| {
            let prepared = prepare(self.password.expose_secret());
            let salted = Hash::Sha256.salted(prepared.as_bytes(), &salt.0, MIN_ITERATIONS);
            let client = Hash::Sha256.hmac(&salted, b"Client Key");
            Keys { stored: Hash::Sha256.digest(&client), server: Hash::Sha256.hmac(&salted, b"Server Key") }
        })
    }
}

/// An exchange of SCRAM-SHA-256 that waits for the client's proof.
#[derive(Debug)]
pub struct ScramServer {
    user: String,
    /// From the client's first message: what its last one must repeat.
    header: String,
    nonce: String,
    /// Both first messages, as they are signed.
    messages: String,
}

impl ScramServer {
    /// Takes `client-first-message`, and gives the challenge that answers it. `None` for what is no such message, or asks
    /// for what is not offered (channel binding, another authorization identity).
    pub fn begin(message: &[u8], salt: &Salt) -> Result<Option<(ScramServer, String)>, NoRandomNumbers> {
        let ours: [u8; NONCE] = random()?;
        Ok(std::str::from_utf8(message)
            .ok()
            .and_then(|text| Self::with_nonce(text, salt, &STANDARD.encode(ours))))
    }

    fn with_nonce(text: &str, salt: &Salt, ours: &str) -> Option<(ScramServer, String)> {
        let (flag, rest) = text.split_once(',')?;
        let (authorize, bare) = rest.split_once(',')?;
        // "y": the client could bind the channel and believes that we cannot, which is so.
        if !matches!(flag, "n" | "y") {
            return None;
        }
        let (name, theirs) = bare.split_once(',')?;
        let user = unescape(name.strip_prefix("n=")?)?;
        let theirs = theirs.split(',').next()?.strip_prefix("r=")?;
        if theirs.is_empty() || !theirs.bytes().all(|octet| octet.is_ascii_graphic()) {
            return None;
        }
        if !authorize.is_empty() && unescape(authorize.strip_prefix("a=")?)? != user {
            return None;
        }
        let nonce = format!("{theirs}{ours}");
        let challenge = format!("r={nonce},s={},i={MIN_ITERATIONS}", STANDARD.encode(salt.0));
        let (header, messages) = (format!("{flag},{authorize},"), format!("{bare},{challenge}"));
        Some((ScramServer { user, header, nonce, messages }, challenge))
    }

    /// Who logs in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Takes `client-final-message`. If it proves that the client knows the password, gives what proves that we do, too.
    /// `expected` is `None` for a user that does not exist: refused like a wrong password.
    pub fn finish(self, message: &[u8], expected: Option<&Expected>, salt: &Salt) -> Option<String> {
        let text = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut attributes = without_proof.split(',');
        let bound = attributes.next()?.strip_prefix("c=")?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        if STANDARD.decode(bound).ok()? != self.header.as_bytes() || nonce != self.nonce {
            return None;
        }
        let proof = Zeroizing::new(STANDARD.decode(proof).ok()?);
        let nobody = Expected::new(SecretString::from(STANDARD.encode(&self.nonce)));
        let keys = expected.unwrap_or(&nobody).keys(salt);
        let signed = format!("{},{without_proof}", self.messages);
        let signature = Hash::Sha256.hmac(&keys.stored, signed.as_bytes());
        if proof.len() != signature.len() {
            return None;
        }
        let client: Zeroizing<Vec<u8>> =
            Zeroizing::new(proof.iter().zip(signature.iter()).map(|(proof, sign)| proof ^ sign).collect());
        // Compared as the password is.
        let stored = keyed::hmac::<Sha256>(COMPARED, &[&keys.stored]);
        let proven = keyed::hmac_is::<Sha256>(COMPARED, &Hash::Sha256.digest(&client), &stored);
        let signature = Hash::Sha256.hmac(&keys.server, signed.as_bytes());
        (proven && expected.is_some()).then(|| format!("v={}", STANDARD.encode(&*signature)))
    }
}

/// A `saslname`'s meaning.
fn unescape(name: &str) -> Option<String> {
    let mut plain = String::new();
    let mut parts = name.split('=');
    plain.push_str(parts.next()?);
    for part in parts {
        let rest = part.strip_prefix("2C").map(|rest| (',', rest));
        let (letter, rest) = rest.or_else(|| Some(('=', part.strip_prefix("3D")?)))?;
        plain.push(letter);
        plain.push_str(rest);
    }
    Some(plain)
}

/// Random octets.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomNumbers> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| NoRandomNumbers(error.to_string()))?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::{Expected, Salt, ScramServer, unescape};
    use crate::sasl::{Challenge, ChannelBinding, Identity, Mechanism, begin};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use secrecy::{ExposeSecret as _, SecretString};

    fn expected(password: &str) -> Expected {
        Expected::new(SecretString::from(password))
    }

    /// Our own client against it: whether each side is content with the other.
    fn log_in(user: &str, password: &str, expected: Option<&Expected>) -> bool {
        let secret = SecretString::from(password);
        let identity = Identity { user, secret: &secret, host: "h", port: 110 };
        let mut client =
            begin(Mechanism::ScramSha256, identity, ChannelBinding::NotOffered).unwrap().unwrap();
        let salt = Salt::new().unwrap();
        let plain = |text: &SecretString| STANDARD.decode(text.expose_secret()).unwrap();
        let first = client.initial().unwrap().unwrap();
        let (server, challenge) = ScramServer::begin(&plain(&first), &salt).unwrap().unwrap();
        assert_eq!(server.user(), user);
        let proof = client.respond(Challenge(STANDARD.encode(challenge).as_bytes())).unwrap();
        let Some(proven) = server.finish(&plain(&proof), expected, &salt) else { return false };
        client.respond(Challenge(STANDARD.encode(proven).as_bytes())).unwrap();
        client.finish().is_ok()
    }

    #[test]
    fn who_knows_the_password_gets_in_and_nobody_else() {
        assert!(log_in("a,b=c", "pencil", Some(&expected("pencil"))));
        assert!(!log_in("joe", "pencil", Some(&expected("pencils"))));
        assert!(!log_in("joe", "pencil", None), "no such user");
        assert!(expected("pencil").is("pencil"));
        for wrong in ["", "pencils", "penci", "Pencil"] {
            assert!(!expected("pencil").is(wrong));
        }
    }

    #[test]
    fn the_example_of_rfc_7677() {
        let salt = Salt(STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap());
        let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
        let (server, challenge) =
            ScramServer::with_nonce(first, &salt, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").unwrap();
        assert_eq!(
            challenge,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let proven = server.finish(last.as_bytes(), Some(&expected("pencil")), &salt);
        assert_eq!(proven.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn garbage_and_what_is_not_offered_is_refused() {
        let salt = Salt::new().unwrap();
        for message in [
            "",
            "n,,",
            "n,,n=joe",
            "n,,n=joe,r=",
            "p=tls-unique,,n=joe,r=x",
            "n,a=jane,n=joe,r=x",
            "n,,n=j=o,r=x",
        ] {
            assert!(ScramServer::begin(message.as_bytes(), &salt).unwrap().is_none(), "{message}");
        }
        assert!(ScramServer::begin(b"n,,n=joe\xff,r=x", &salt).unwrap().is_none());
        for message in
            ["", "c=biws", "c=biws,r=x,p=", "c=eSws,r=xy,p=AAAA", "c=biws,r=xy", "c=biws,r=xy,p=***"]
        {
            let (server, _) = ScramServer::with_nonce("n,,n=joe,r=x", &salt, "y").unwrap();
            assert_eq!(server.finish(message.as_bytes(), Some(&expected("p")), &salt), None, "{message}");
        }
        assert_eq!(unescape("a=2Cb=3Dc").as_deref(), Some("a,b=c"));
        assert_eq!(unescape("a=2Db"), None);
    }
}
