//! Challenges, to every mechanism: no password leaves through a mechanism that keeps it, and no
//! server that does not know the password is trusted by SCRAM.
//!
//! The first line's first letter, `a` to `l`, chooses the mechanism. Each further line is a
//! challenge as it stands on the wire, in base64; behind a `+` it is plain text that is encoded here, with our
//! own nonce put in for a `%`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use popkeep::sasl::{self, Challenge, ChannelBinding, Exchange, Identity, Mechanism, SaslError};
use secrecy::{ExposeSecret as _, SecretString};

const PASSWORD: &str = "tiger, 2 Lilies";

/// More rounds than this are the same work again, and take a fuzzer's time.
const ROUNDS: u64 = 5_000;

pub(super) fn run(octets: &[u8]) {
    let (choice, challenges) = super::first_line(octets);
    let letter = choice.first().map_or(0, |letter| letter.wrapping_sub(b'a'));
    let mechanism = Mechanism::ALL[usize::from(letter) % Mechanism::ALL.len()];
    let binding = if mechanism.binds_channel() {
        ChannelBinding::ServerEndPoint(b"hash of a certificate".to_vec())
    } else {
        ChannelBinding::NotOffered
    };
    let secret = SecretString::from(PASSWORD);
    let identity = Identity { user: "jane", secret: &secret, host: "pop.example.com", port: 995 };
    let Some(mut exchange) = sasl::begin(mechanism, identity, binding).unwrap() else { return };
    let Ok(said) = converse(&mut *exchange, challenges).inspect_err(|error| {
        assert!(!error.to_string().contains(PASSWORD), "an error shows the password: {error}");
    }) else {
        return;
    };
    if !mechanism.reveals_secret() {
        for words in said {
            assert!(!words.contains(PASSWORD), "{mechanism} gave the password away");
        }
    }
    let _ = exchange.complaint();
    if mechanism.name().starts_with("SCRAM") {
        assert!(exchange.finish().is_err(), "a server that cannot know the password is trusted");
    }
}

/// What the client says, without its base64, one challenge after the other.
fn converse(exchange: &mut dyn Exchange, challenges: &[u8]) -> Result<Vec<String>, SaslError> {
    let mut said: Vec<String> = exchange.initial()?.iter().map(decode).collect();
    let nonce = said.first().and_then(|first| first.split("r=").nth(1)).unwrap_or_default().to_owned();
    for line in challenges.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()) {
        let on_the_wire = match line.strip_prefix(b"+") {
            Some(text) => STANDARD.encode(fill_in(text, &nonce)).into_bytes(),
            None => line.to_vec(),
        };
        if asks_for_many_rounds(line) {
            break;
        }
        said.push(decode(&exchange.respond(Challenge(&on_the_wire))?));
    }
    Ok(said)
}

fn fill_in(text: &[u8], nonce: &str) -> Vec<u8> {
    text.split(|&octet| octet == b'%').collect::<Vec<_>>().join(nonce.as_bytes())
}

fn asks_for_many_rounds(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.split("i=").skip(1).any(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().is_ok_and(|rounds| rounds > ROUNDS)
    })
}

fn decode(words: &SecretString) -> String {
    String::from_utf8_lossy(&STANDARD.decode(words.expose_secret()).unwrap()).into_owned()
}
