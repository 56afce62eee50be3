//! OAUTHBEARER (RFC 7628) and XOAUTH2, which came before it: an OAuth 2.0 access token.

use super::{Challenge, Complaint, Exchange, Identity, Mechanism, SaslError, encode};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// How much of an error is kept, in octets.
const KEPT: usize = 400;

/// One message says all. A server that refuses sends a challenge that says why, and waits for an empty
/// answer before its `-ERR`.
pub(super) struct OAuth<'a> {
    mechanism: Mechanism,
    identity: Identity<'a>,
    complaint: Option<Complaint>,
}

impl<'a> OAuth<'a> {
    /// OAUTHBEARER.
    pub(super) fn bearer(identity: Identity<'a>) -> Self {
        OAuth { mechanism: Mechanism::OAuthBearer, identity, complaint: None }
    }

    /// XOAUTH2.
    pub(super) fn xoauth2(identity: Identity<'a>) -> Self {
        OAuth { mechanism: Mechanism::XOAuth2, identity, complaint: None }
    }
}

impl Exchange for OAuth<'_> {
    fn initial(&mut self) -> Result<Option<SecretString>, SaslError> {
        let Identity { user, secret, host, port } = self.identity;
        let token = secret.expose_secret();
        // Control characters separate the parts; a bearer token has none (RFC 6750, section 2.1).
        if [user, token].iter().any(|part| part.contains(char::is_control)) {
            return Err(SaslError::Uncarriable { mechanism: self.mechanism.name() });
        }
        let head = match self.mechanism {
            Mechanism::XOAuth2 => format!("user={user}\x01"),
            _ => format!("n,a={},\x01host={host}\x01port={port}\x01", saslname(user)),
        };
        let mut message = Zeroizing::new(Vec::with_capacity(head.len() + token.len() + 14));
        for part in [&head, "auth=Bearer ", token, "\x01\x01"] {
            message.extend_from_slice(part.as_bytes());
        }
        Ok(Some(encode(&message)))
    }

    fn respond(&mut self, challenge: Challenge<'_>) -> Result<SecretString, SaslError> {
        if self.complaint.is_some() {
            return Err(SaslError::UnexpectedChallenge { mechanism: self.mechanism.name() });
        }
        self.complaint = Some(complaint(&challenge.decode()?));
        Ok(match self.mechanism {
            Mechanism::XOAuth2 => encode(b""),
            _ => encode(b"\x01"),
        })
    }

    fn complaint(&self) -> Option<Complaint> {
        self.complaint.clone()
    }
}

/// A name in a GS2 header or in SCRAM (RFC 5802, section 5.1).
pub(super) fn saslname(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// What a JSON document of RFC 7628, section 3.2.2, says; any other text as it is.
fn complaint(octets: &[u8]) -> Complaint {
    use serde_json::Value;
    let Ok(Value::Object(document)) = serde_json::from_slice(octets) else {
        let text = String::from_utf8_lossy(&octets[..octets.len().min(KEPT)]).into_owned();
        return Complaint { token: mentions_token(&text), text };
    };
    let words = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut parts: Vec<String> = Vec::new();
    let status = document.get("status").map(&words).unwrap_or_default();
    for (key, value) in &document {
        parts.push(format!("{key} {}", words(value)));
    }
    let mut text = parts.join(", ");
    text.truncate(text.floor_char_boundary(KEPT));
    // Google says 400 of an expired token, others 401.
    let token = matches!(status.as_str(), "400" | "401") || mentions_token(&text);
    Complaint { text, token }
}

/// Whether a server's words say that the token is the problem.
fn mentions_token(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("invalid_token") || text.contains("expired") || text.contains("invalid token")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn said(exchange: &mut OAuth<'_>) -> String {
        let message = exchange.initial().unwrap().unwrap();
        String::from_utf8(STANDARD.decode(message.expose_secret()).unwrap()).unwrap()
    }

    #[test]
    fn oauthbearer_as_rfc_7628_shows_it() {
        let token = SecretString::from("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
        let identity =
            Identity { user: "user@example.com", secret: &token, host: "server.example.com", port: 143 };
        let mut exchange = OAuth::bearer(identity);
        // Section 4.1, without its base64.
        assert_eq!(
            said(&mut exchange),
            "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
             auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
        );
        // Section 4.3: the error, and the answer to it.
        let error = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRp\
                     b24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=";
        let answer = exchange.respond(Challenge(error.as_bytes())).unwrap();
        assert_eq!(answer.expose_secret(), "AQ==");
        let complaint = exchange.complaint().unwrap();
        assert!(complaint.token && complaint.text.contains("status invalid_token"), "{complaint:?}");
        assert!(complaint.text.contains("scope example_scope"), "{complaint:?}");
        assert!(exchange.respond(Challenge(error.as_bytes())).is_err(), "there is one error only");
    }

    #[test]
    fn xoauth2_as_google_shows_it() {
        let token = SecretString::from("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
        let identity =
            Identity { user: "someuser@example.com", secret: &token, host: "pop.gmail.com", port: 995 };
        let mut exchange = OAuth::xoauth2(identity);
        assert_eq!(
            exchange.initial().unwrap().unwrap().expose_secret(),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
        let error = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K";
        assert_eq!(exchange.respond(Challenge(error.as_bytes())).unwrap().expose_secret(), "");
        let complaint = exchange.complaint().unwrap();
        assert!(
            complaint.token && complaint.text.contains("scope https://mail.google.com/"),
            "{complaint:?}"
        );
    }

    #[test]
    fn an_error_that_is_no_json_is_shown_as_it_is() {
        assert_eq!(complaint(b"go away"), Complaint { text: "go away".to_owned(), token: false });
        assert!(complaint(b"the token has expired").token);
        assert!(!complaint(br#"{"status":"insufficient_scope"}"#).token);
        assert!(complaint(&[b'x'; 9000]).text.len() <= KEPT);
    }

    #[test]
    fn nothing_can_be_smuggled_in() {
        let token = SecretString::from("a\x01auth=b");
        let identity = Identity { user: "jane", secret: &token, host: "h", port: 1 };
        assert!(OAuth::xoauth2(identity).initial().is_err());
        let token = SecretString::from("t");
        let identity = Identity { user: "a,b=c", secret: &token, host: "h", port: 1 };
        assert!(said(&mut OAuth::bearer(identity)).starts_with("n,a=a=2Cb=3Dc,\x01"));
    }
}
