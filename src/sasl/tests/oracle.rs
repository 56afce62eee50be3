//! What rsasl, another implementation, makes of what we say.

use super::*;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechname::Mechname;
use rsasl::prelude::{
    ChannelBindingCallback, Registry, SASLConfig, SASLServer, SessionError, State, Validation,
};
use rsasl::property::{AuthId, AuthzId, OAuthBearerToken, Password};
use rsasl::validate::{Validate, ValidationError};
use sha2::Digest;
use std::io::Cursor;

const USER: &str = "jane";
const SECRET: &str = "correct horse, battery = staple";
const BINDING: &[u8] = b"the hash of a certificate";

/// A server that knows one user.
struct Server;

/// Who logged in.
struct Who;

impl Validation for Who {
    type Value = String;
}

impl SessionCallback for Server {
    fn callback(
        &self,
        session: &SessionData,
        context: &Context,
        request: &mut Request,
    ) -> Result<(), SessionError> {
        use rsasl::mechanisms::oauthbearer::properties::{OAuthBearerError, OAuthBearerValidate};
        use rsasl::mechanisms::xoauth2::properties::XOAuth2Validate;
        // Of OAUTHBEARER it gives the whole Authorization header.
        let token = context.get_ref::<OAuthBearerToken>().map(|said| said.trim_start_matches("Bearer "));
        if request.is::<OAuthBearerValidate>() {
            let wrong =
                serde_json::from_str::<OAuthBearerError<'_>>(r#"{"status":"invalid_token","scope":"mail"}"#)
                    .unwrap();
            request.satisfy::<OAuthBearerValidate>(&if token == Some(SECRET) {
                Ok(())
            } else {
                Err(wrong)
            })?;
        } else if request.is::<XOAuth2Validate>() {
            let wrong = "{\"status\":\"401\",\"schemes\":\"bearer\"}";
            request.satisfy::<XOAuth2Validate>(&if token == Some(SECRET) { Ok(()) } else { Err(wrong) })?;
        } else if context.get_ref::<AuthId>() == Some(USER) {
            let sha1 = session.mechanism().mechanism.as_str().starts_with("SCRAM-SHA-1");
            let keys = if sha1 { stored::<sha1::Sha1>(20) } else { stored::<sha2::Sha256>(32) };
            request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
                4096, b"salt", &keys.0, &keys.1,
            ))?;
        }
        Ok(())
    }

    fn validate(
        &self,
        session: &SessionData,
        context: &Context,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        let name = |user: Option<&str>| user.unwrap_or_default().to_owned();
        let known = match session.mechanism().mechanism.as_str() {
            "PLAIN" | "LOGIN" => context.get_ref::<Password>() == Some(SECRET.as_bytes()),
            _ => true,
        };
        let who = match session.mechanism().mechanism.as_str() {
            "EXTERNAL" | "OAUTHBEARER" => name(context.get_ref::<AuthzId>()),
            _ => name(context.get_ref::<AuthId>()),
        };
        if known {
            validate.with::<Who, _>(|| Ok(who))?;
        }
        Ok(())
    }
}

/// `StoredKey` and `ServerKey` of the password (RFC 5802, section 3).
fn stored<H: hmac::EagerHash + Digest>(length: usize) -> (Vec<u8>, Vec<u8>)
where
    hmac::Hmac<H>: hmac::KeyInit + hmac::Mac + Clone,
{
    use hmac::{Hmac, KeyInit, Mac};
    let keyed = |key: &[u8], text: &str| {
        let mut mac = <Hmac<H> as KeyInit>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    // Hi() as the RFC writes it, without PBKDF2's crate.
    let mut block = keyed(SECRET.as_bytes(), "salt\0\0\0\x01");
    let mut salted = block.clone();
    for _ in 1..4096 {
        let mut mac = <Hmac<H> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&block);
        block = mac.finalize().into_bytes().to_vec();
        salted.iter_mut().zip(&block).for_each(|(sum, octet)| *sum ^= octet);
    }
    assert_eq!(salted.len(), length);
    (H::digest(keyed(&salted, "Client Key")).to_vec(), keyed(&salted, "Server Key"))
}

/// What the server can do. Its own default leaves out the -PLUS mechanisms.
static THEIRS: [rsasl::prelude::Mechanism; 9] = [
    rsasl::mechanisms::scram::SCRAM_SHA256_PLUS,
    rsasl::mechanisms::scram::SCRAM_SHA1_PLUS,
    rsasl::mechanisms::scram::SCRAM_SHA256,
    rsasl::mechanisms::scram::SCRAM_SHA1,
    rsasl::mechanisms::plain::PLAIN,
    rsasl::mechanisms::login::LOGIN,
    rsasl::mechanisms::external::EXTERNAL,
    rsasl::mechanisms::oauthbearer::OAUTHBEARER,
    rsasl::mechanisms::xoauth2::XOAUTH2,
];

/// The server's end of a TLS connection.
struct Tls;

impl ChannelBindingCallback for Tls {
    fn get_cb_data(&self, name: &str) -> Option<&[u8]> {
        (name == "tls-server-end-point").then_some(BINDING)
    }
}

/// Who the server thinks it was, whether the client is content, and what the server complained of.
type Verdict = (Option<String>, Result<(), SaslError>, Option<Complaint>);

/// Speaks the whole exchange.
fn speak(mechanism: Mechanism, secret: &str, binding: ChannelBinding) -> Result<Verdict, String> {
    let secret = SecretString::from(secret);
    let registry = Registry::with_mechanisms(&THEIRS);
    let config = SASLConfig::builder().with_registry(registry).with_callback(Server).unwrap();
    let server = SASLServer::<Who, _>::with_cb(config, Tls);
    let mut server = server.start_suggested(Mechname::parse(mechanism.name().as_bytes()).unwrap()).unwrap();
    let mut client = begin(mechanism, identity(USER, &secret), binding).unwrap().unwrap();
    let mut said = client.initial().unwrap().map(|first| STANDARD.decode(first.expose_secret()).unwrap());
    loop {
        let mut out = Cursor::new(Vec::new());
        let state = server.step(said.as_deref(), &mut out).map_err(|error| error.to_string())?;
        let finished = matches!(state, State::Finished(_));
        if !out.get_ref().is_empty() || !finished {
            let challenge = STANDARD.encode(out.get_ref());
            let answer =
                client.respond(Challenge(challenge.as_bytes())).map_err(|error| error.to_string())?;
            said = Some(STANDARD.decode(answer.expose_secret()).unwrap());
        }
        if finished {
            return Ok((server.validation(), client.finish(), client.complaint()));
        }
    }
}

fn binding(mechanism: Mechanism) -> ChannelBinding {
    if mechanism.binds_channel() {
        ChannelBinding::ServerEndPoint(BINDING.to_vec())
    } else {
        ChannelBinding::Unavailable
    }
}

/// What rsasl has of ours: all but CRAM-MD5.
const SHARED: [Mechanism; 9] = [
    Mechanism::ScramSha256Plus,
    Mechanism::ScramSha1Plus,
    Mechanism::ScramSha256,
    Mechanism::ScramSha1,
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::External,
    Mechanism::OAuthBearer,
    Mechanism::XOAuth2,
];

#[test]
fn another_implementation_lets_us_in() {
    for mechanism in SHARED {
        let (who, proven, complaint) = speak(mechanism, SECRET, binding(mechanism)).unwrap();
        assert_eq!(who.as_deref(), Some(USER), "{mechanism}");
        assert_eq!((proven, complaint), (Ok(()), None), "{mechanism}");
    }
}

#[test]
fn another_implementation_keeps_a_wrong_secret_out() {
    for mechanism in SHARED.into_iter().filter(|mechanism| mechanism.takes() != SecretKind::Certificate) {
        let outcome = speak(mechanism, "wrong", binding(mechanism));
        let Ok((who, proven, complaint)) = outcome else { continue };
        match mechanism.takes() {
            SecretKind::Token => assert!(complaint.is_some_and(|said| said.token), "{mechanism}"),
            _ if mechanism.name().starts_with("SCRAM") => {
                assert!(proven.is_err(), "{mechanism}");
                assert_eq!(complaint.unwrap().text, "invalid-proof", "{mechanism}");
            }
            _ => assert_eq!(who, None, "{mechanism}"),
        }
    }
}

#[test]
fn a_login_bound_to_another_connection_fails() {
    let elsewhere = ChannelBinding::ServerEndPoint(b"the certificate of somebody between".to_vec());
    for mechanism in [Mechanism::ScramSha256Plus, Mechanism::ScramSha1Plus] {
        let (who, proven, complaint) = speak(mechanism, SECRET, elsewhere.clone()).unwrap();
        assert_eq!(who, None, "{mechanism}");
        assert!(proven.is_err(), "{mechanism}");
        assert_eq!(complaint.unwrap().text, "channel-bindings-dont-match", "{mechanism}");
    }
}

#[test]
fn a_server_notices_when_its_plus_was_taken_out_of_the_offer() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha1] {
        let outcome = speak(mechanism, SECRET, ChannelBinding::NotOffered);
        assert!(!matches!(outcome, Ok((Some(_), ..))), "{mechanism}: {outcome:?}");
    }
}
