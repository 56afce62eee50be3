//! Requests to a provider, and what its answers mean (RFC 6749, sections 4.1.3, 5 and 6; RFC 7009; RFC 8628).

use super::SignInError;
use super::error::{said, shown};
use super::store::{Stored, Token};
use super::trace::Trace;
use crate::clock::UnixTime;
use crate::config::{self, Access, OAuth, Provider};
use crate::event::Observer;
use crate::http::{self, Answer, Client};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::Duration;

/// How long a request may take, whatever happens.
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// How long a token holds whose provider does not say, in seconds.
const USUAL_LIFETIME: UnixTime = 3_600;

/// Errors that nothing helps against but a person.
const PERMANENT: [&str; 6] = [
    "invalid_grant",
    "unauthorized_client",
    "invalid_client",
    "invalid_scope",
    "consent_required",
    "interaction_required",
];

/// Tokens.
pub(super) struct Grant {
    pub(super) access_token: Token,
    pub(super) refresh_token: Option<Token>,
    pub(super) expires_in: UnixTime,
    /// For how many seconds the refresh token holds, where the provider says so: Google does for a project in testing,
    /// Keycloak by another name.
    pub(super) refresh_expires_in: Option<UnixTime>,
}

/// What a provider said against a request, as the RFC calls it.
pub(super) struct Complaint {
    pub(super) error: String,
    pub(super) description: String,
}

/// An answer that holds no token.
pub(super) enum NoGrant {
    /// What the provider said, with a status of 400 or so.
    Complaint(Complaint),
    /// Anything else.
    Error(SignInError),
}

impl<E: Into<SignInError>> From<E> for NoGrant {
    fn from(error: E) -> Self {
        NoGrant::Error(error.into())
    }
}

/// A provider's addresses, and who we are there.
pub(super) struct Endpoint<'a> {
    access: &'a Access,
    oauth: &'a OAuth,
    client: Client,
    client_secret: Option<SecretString>,
    trace: Trace<'a>,
}

impl<'a> Endpoint<'a> {
    /// Runs the command of the client secret, if there is one.
    pub(super) fn new(
        access: &'a Access,
        oauth: &'a OAuth,
        observer: &'a dyn Observer,
        trace: bool,
    ) -> Result<Self, SignInError> {
        let client_secret = oauth.client_secret.as_ref().map(config::obtain_client_secret).transpose()?;
        let client = Client::new(access.proxy.as_ref(), oauth.ca_file.as_deref(), REQUEST_TIME)?;
        let trace = Trace::new(&access.name, trace.then_some(observer));
        if let Some(secret) = &client_secret {
            trace.hide(secret.expose_secret());
        }
        Ok(Endpoint { access, oauth, client, client_secret, trace })
    }

    /// Renews a token.
    pub(super) fn refresh(&self, refresh_token: &Token) -> Result<Grant, SignInError> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.0.expose_secret())];
        self.grant(&fields).map_err(|no| self.refusal(no))
    }

    /// The tokens for a code that a browser brought.
    pub(super) fn redeem(
        &self,
        code: &SecretString,
        redirect: &str,
        verifier: &SecretString,
    ) -> Result<Grant, SignInError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", redirect),
            ("code_verifier", verifier.expose_secret()),
        ];
        self.grant(&fields).map_err(|no| self.refusal(no))
    }

    /// Has a token taken back (RFC 7009): the refresh token, and the access token with it.
    pub(super) fn revoke(&self, url: &str, stored: &Stored) -> Result<(), SignInError> {
        let (token, hint) = match &stored.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&stored.access_token, "access_token"),
        };
        let (answer, json) =
            self.post(url, &[("token", token.0.expose_secret()), ("token_type_hint", hint)])?;
        match answer.status {
            200..=299 => Ok(()),
            _ => Err(match self.no_grant(url, &answer, json.as_ref()) {
                NoGrant::Error(error) => error,
                NoGrant::Complaint(complaint) => not_now(url, &complaint, answer.retry_after),
            }),
        }
    }

    /// Asks for tokens.
    pub(super) fn grant(&self, fields: &[(&str, &str)]) -> Result<Grant, NoGrant> {
        let url = &self.oauth.token_url;
        let (answer, json) = self.post(url, fields)?;
        let text = |name: &str| json.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty());
        match (answer.status, text("access_token")) {
            (200..=299, Some(access_token)) if is_token(access_token) => Ok(Grant {
                access_token: Token(SecretString::from(access_token)),
                refresh_token: text("refresh_token").map(|token| Token(SecretString::from(token))),
                expires_in: json
                    .as_ref()
                    .and_then(|json| seconds(json.get("expires_in")?))
                    .unwrap_or(USUAL_LIFETIME),
                refresh_expires_in: ["refresh_token_expires_in", "refresh_expires_in"]
                    .iter()
                    .find_map(|name| seconds(json.as_ref()?.get(name)?))
                    // Keycloak: 0 is for ever.
                    .filter(|lifetime| *lifetime > 0),
            }),
            _ => Err(self.no_grant(url, &answer, json.as_ref())),
        }
    }

    /// Begins a device flow; the answer as it is.
    pub(super) fn begin_device(&self, url: &str) -> Result<Value, SignInError> {
        let (answer, json) = self.post(url, &[("scope", &self.oauth.scope)])?;
        match (answer.status, json) {
            (200..=299, Some(json)) if json.get("device_code").is_some() => Ok(json),
            (_, json) => Err(self.refusal(self.no_grant(url, &answer, json.as_ref()))),
        }
    }

    /// A server's text, safe for a terminal and without what is secret.
    pub(super) fn shown(&self, text: &str) -> String {
        shown(&self.trace.masked(text))
    }

    /// Masks this from here on.
    pub(super) fn hide(&self, secret: &str) {
        self.trace.hide(secret);
    }

    /// What an answer without a token means to a person.
    pub(super) fn refusal(&self, no: NoGrant) -> SignInError {
        match no {
            NoGrant::Error(error) => error,
            NoGrant::Complaint(complaint) if PERMANENT.contains(&complaint.error.as_str()) => {
                SignInError::Refused {
                    account: self.access.name.clone(),
                    cause: cause(self.oauth.provider, &complaint.error),
                    error: complaint.error,
                    description: complaint.description,
                }
            }
            NoGrant::Complaint(complaint) => not_now(&self.oauth.token_url, &complaint, None),
        }
    }

    fn post(&self, url: &str, fields: &[(&str, &str)]) -> Result<(Answer, Option<Value>), SignInError> {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &self.oauth.client_id));
        // A public client must not send one (AADSTS700025).
        if let Some(secret) = &self.client_secret {
            fields.push(("client_secret", secret.expose_secret()));
        }
        self.trace.request(url, &fields);
        let answer = self.client.post_form(url, &fields)?;
        let json = serde_json::from_slice::<Value>(&answer.body).ok().filter(Value::is_object);
        self.trace.answer(answer.status, json.as_ref());
        Ok((answer, json))
    }

    fn no_grant(&self, url: &str, answer: &Answer, json: Option<&Value>) -> NoGrant {
        let host = || http::host(url).to_owned();
        let text = |name: &str| json.and_then(|json| json.get(name)).and_then(Value::as_str);
        let complaint = text("error").map(|error| Complaint {
            error: self.shown(error),
            description: self.shown(text("error_description").unwrap_or_default()),
        });
        let status = answer.status;
        match (status, complaint) {
            (429 | 500.., complaint) => {
                let said = complaint.as_ref().map_or_else(String::new, |said| format!(", {}", said.words()));
                NoGrant::Error(SignInError::NotNow {
                    host: host(),
                    what: format!("HTTP status {status}{said}"),
                    retry_after: answer.retry_after,
                    broken: status != 429,
                })
            }
            (_, Some(complaint)) => NoGrant::Complaint(complaint),
            (_, None) => {
                let what = if json.is_some() { "JSON without a token" } else { "no JSON" };
                let what = format!("HTTP status {status}, {what}");
                NoGrant::Error(SignInError::NotAToken { host: host(), what })
            }
        }
    }
}

impl Complaint {
    fn words(&self) -> String {
        said(&self.error, &self.description)
    }
}

/// A complaint that a later request may not meet.
fn not_now(url: &str, complaint: &Complaint, retry_after: Option<u64>) -> SignInError {
    SignInError::NotNow {
        host: http::host(url).to_owned(),
        what: complaint.words(),
        retry_after,
        broken: false,
    }
}

/// Whether a text can be a token (RFC 6750, section 2.1): it travels in a command line of its own.
fn is_token(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_graphic())
}

/// A number of seconds, which some providers write as a string.
pub(super) fn seconds(value: &Value) -> Option<UnixTime> {
    let whole = |number: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
        let whole = number as UnixTime;
        whole
    };
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(whole)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|seconds| *seconds >= 0)
}

/// What may have ended a sign-in.
fn cause(provider: Option<Provider>, error: &str) -> &'static str {
    match (error, provider) {
        ("invalid_client", _) => "check client_id and client_secret; the secret may have expired",
        ("unauthorized_client", _) => {
            "the provider does not allow this client_id to do that; check its registration"
        }
        ("invalid_scope", _) => "the provider does not know `scope`, or does not grant it to this client_id",
        ("consent_required" | "interaction_required", Some(Provider::Microsoft)) => {
            "an administrator may have to approve the client_id first"
        }
        (_, Some(Provider::Google)) => {
            "consent withdrawn, password changed, six months unused, or the Google project is in testing, where consent \
             ends after 7 days"
        }
        (_, Some(Provider::Microsoft)) => "password changed, 90 days unused, or an administrator ended it",
        _ => "consent withdrawn, password changed, or unused for too long",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_lifetime_is_read_as_a_number_or_a_string() {
        for (value, read) in [
            (json!(3599), Some(3599)),
            (json!("3599"), Some(3599)),
            (json!(3599.0), Some(3599)),
            (json!(-1), None),
            (json!("soon"), None),
            (json!(null), None),
            (json!(1e300), Some(i64::MAX)),
        ] {
            assert_eq!(seconds(&value), read, "{value}");
        }
    }
}
