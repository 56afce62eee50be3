//! A code that a person types at another device (RFC 8628).

use super::endpoint::{Endpoint, Grant, NoGrant, seconds};
use super::{Person, SignInError};
use crate::config::{Access, OAuth, Provider};
use crate::http;
use crate::stop;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The grant type of RFC 8628, section 3.4.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// How often to ask where the provider does not say (RFC 8628, section 3.2).
const USUAL_INTERVAL: Duration = Duration::from_secs(5);

/// What `slow_down` adds (section 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// The longest time between two questions.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);

/// The longest that a code is waited for.
const LONGEST: Duration = Duration::from_mins(30);

/// Microsoft says 900 s of every code, but those of personal accounts end after 300 s.
const PERSONAL_MICROSOFT: Duration = Duration::from_mins(5);

/// Signs in by a code.
pub(super) fn sign_in(
    endpoint: &Endpoint<'_>,
    access: &Access,
    oauth: &OAuth,
    person: &mut dyn Person,
) -> Result<Grant, SignInError> {
    let name = || access.name.clone();
    let url = oauth.device_url.as_deref().ok_or_else(|| SignInError::NoFlow {
        account: name(),
        flow: "device",
        key: "device_url",
    })?;
    let answer = endpoint.begin_device(url)?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).filter(|text| is_line(text));
    let not_whole = || SignInError::NotAToken {
        host: http::host(url).to_owned(),
        what: "an answer without a code or its address".to_owned(),
    };
    let device_code = text("device_code").ok_or_else(not_whole)?;
    let user_code = text("user_code").ok_or_else(not_whole)?;
    // Google calls it verification_url.
    let address = text("verification_uri").or_else(|| text("verification_url")).ok_or_else(not_whole)?;
    let time = |key: &str| {
        let seconds = answer.get(key).and_then(seconds).and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map(Duration::from_secs)
    };
    let begun = Instant::now();
    let mut lives = time("expires_in").unwrap_or(LONGEST).min(LONGEST);
    if oauth.provider == Some(Provider::Microsoft) && oauth.token_url.contains("/consumers/") {
        lives = lives.min(PERSONAL_MICROSOFT);
    }
    let mut interval =
        time("interval").unwrap_or(USUAL_INTERVAL).clamp(Duration::from_secs(1), LONGEST_INTERVAL);

    person.explain(&format!(
        "Open this address in any browser, sign in as {}, and type the code.",
        access.user
    ));
    person.show_address(address).map_err(SignInError::Person)?;
    person.show_code(user_code).map_err(SignInError::Person)?;
    let fields = [("grant_type", GRANT_TYPE), ("device_code", device_code)];
    loop {
        if begun.elapsed() + interval > lives {
            stop::pause(lives.saturating_sub(begun.elapsed()));
            stop::check()?;
            return Err(SignInError::CodeExpired { account: name() });
        }
        stop::pause(interval);
        stop::check()?;
        match endpoint.grant(&fields) {
            Ok(grant) => return Ok(grant),
            Err(NoGrant::Complaint(complaint)) => match complaint.error.as_str() {
                "authorization_pending" => {}
                "slow_down" => interval = (interval + SLOWER).min(LONGEST_INTERVAL),
                "expired_token" => return Err(SignInError::CodeExpired { account: name() }),
                // Microsoft's word for it is another.
                "access_denied" | "authorization_declined" => {
                    return Err(SignInError::Denied {
                        account: name(),
                        error: complaint.error,
                        description: complaint.description,
                    });
                }
                _ => return Err(endpoint.refusal(NoGrant::Complaint(complaint))),
            },
            // Section 3.5: after a connection that failed, more slowly.
            Err(NoGrant::Error(error)) if error.is_temporary() => {
                person.explain(&format!("{error} (popkeep goes on asking)"));
                let asked = match &error {
                    SignInError::NotNow { retry_after: Some(seconds), .. } => Duration::from_secs(*seconds),
                    _ => interval * 2,
                };
                interval = asked.max(interval).min(LONGEST_INTERVAL);
            }
            Err(NoGrant::Error(error)) => return Err(error),
        }
    }
}

/// Whether a provider's text can be printed on one line as it is.
fn is_line(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4096 && text == crate::text::safe::escape(text.as_bytes())
}
