//! Who logs in: USER and PASS, and AUTH (RFC 5034) with PLAIN (RFC 4616) and SCRAM-SHA-256.

use crate::sasl::ScramServer;
use crate::server::offers::Offers;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a step of a login leads to.
pub(super) enum Login {
    /// The client is to answer this, in base64.
    Challenge(String, Awaited),
    /// This user is in.
    Granted(String),
    /// The user or the password is wrong.
    Refused,
    /// What came is not what must come here.
    Wrong(&'static str),
}

/// The answer that is waited for.
pub(super) enum Awaited {
    /// PLAIN's only one.
    Plain,
    /// SCRAM's first one.
    ScramFirst,
    /// SCRAM's proof.
    ScramProof(ScramServer),
    /// Nothing more: the client has seen our proof, and this user is in.
    Nothing(String),
}

/// USER and PASS, and what PLAIN says.
pub(super) fn by_password(user: &str, password: &str, offers: &Offers) -> Login {
    // Compared also where there is no such user, so that it takes the same time.
    let (known, expected) = match offers.of(user) {
        Some(offer) => (true, &*offer.password),
        None => (false, &offers.nobody),
    };
    if expected.is(password) & known { Login::Granted(user.to_owned()) } else { Login::Refused }
}

/// AUTH.
pub(super) fn begin(mechanism: &str, initial: Option<&str>, offers: &Offers) -> Login {
    let awaited = if mechanism.eq_ignore_ascii_case("PLAIN") {
        Awaited::Plain
    } else if mechanism.eq_ignore_ascii_case("SCRAM-SHA-256") {
        Awaited::ScramFirst
    } else {
        return Login::Wrong("no such mechanism");
    };
    match initial {
        Some(response) => awaited.answer(response.as_bytes(), offers),
        None => Login::Challenge(String::new(), awaited),
    }
}

impl Awaited {
    /// The answer has come, in base64.
    pub(super) fn answer(self, line: &[u8], offers: &Offers) -> Login {
        let Ok(message) = STANDARD.decode(line) else { return Login::Wrong("the response is not base64") };
        match self {
            Awaited::Plain => plain(&message, offers),
            Awaited::ScramFirst => match ScramServer::begin(&message, &offers.salt) {
                Ok(Some((exchange, challenge))) => {
                    Login::Challenge(STANDARD.encode(challenge), Awaited::ScramProof(exchange))
                }
                Ok(None) => Login::Wrong("the response is not one of SCRAM-SHA-256"),
                Err(_) => Login::Wrong("[SYS/TEMP] no random numbers"),
            },
            Awaited::ScramProof(exchange) => {
                let user = exchange.user().to_owned();
                let expected = offers.of(&user).map(|offer| &*offer.password);
                match exchange.finish(&message, expected, &offers.salt) {
                    Some(proof) => Login::Challenge(STANDARD.encode(proof), Awaited::Nothing(user)),
                    None => Login::Refused,
                }
            }
            Awaited::Nothing(user) if message.is_empty() => Login::Granted(user),
            Awaited::Nothing(_) => Login::Wrong("nothing was asked for"),
        }
    }
}

/// Authorization identity, user, password.
fn plain(message: &[u8], offers: &Offers) -> Login {
    let parts: Option<[&str; 3]> = std::str::from_utf8(message)
        .ok()
        .and_then(|text| text.split('\0').collect::<Vec<_>>().try_into().ok());
    match parts {
        Some([authorize, user, password]) if authorize.is_empty() || authorize == user => {
            by_password(user, password, offers)
        }
        Some(_) => Login::Refused,
        None => Login::Wrong("the response is not one of PLAIN"),
    }
}
