//! A browser that comes back to a port of ours with a code, or the address that it ended at, pasted.
//!
//! Promises: PKCE with S256 and a `state` of 256 bits, always; an answer counts only with that `state`, and with the right
//! `iss` if it has one (RFC 9207). At the port an answer with another `state` is passed over: anybody on this machine, and any
//! page in the browser, can send one.

use super::endpoint::{Endpoint, Grant};
use super::random::{Pkce, random};
use super::{Person, SignInError};
use crate::config::{Access, OAuth, Provider};
use crate::http::{self, Callback, CallbackError, Reply, form};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::{Duration, Instant};

/// How long a browser is waited for.
const BROWSER_TIME: Duration = Duration::from_mins(10);

/// The longest pasted line, in octets.
const LINE_LIMIT: usize = 16 << 10;

/// One question to the provider, on its way through a browser.
struct Question<'a> {
    access: &'a Access,
    oauth: &'a OAuth,
    authorize_url: &'a str,
    redirect: String,
    state: SecretString,
    pkce: Pkce,
}

/// Signs in with a browser on this machine.
pub(super) fn by_browser(
    endpoint: &Endpoint<'_>,
    access: &Access,
    oauth: &OAuth,
    person: &mut dyn Person,
) -> Result<Grant, SignInError> {
    let authorize_url = authorize_url(access, oauth, "browser")?;
    let callback = listen(oauth)?;
    let question = Question::new(access, oauth, authorize_url, callback.port())?;
    question.hide_from(endpoint);
    let address = question.address();
    person.explain(&format!(
        "Sign in as {} in the browser. If none opens, open this address on this machine.",
        access.user
    ));
    person.show_address(&address).map_err(SignInError::Person)?;
    person.open(&address);
    let mut told = false;
    let judge = |query: &str| {
        let reply = question.judge(endpoint, query);
        if reply == Reply::Foreign && !std::mem::replace(&mut told, true) {
            person.explain(
                "The browser sent an answer that does not belong to this sign-in (its `state` is another); popkeep goes on \
                 waiting.",
            );
        }
        reply
    };
    let query = callback.wait(Instant::now() + BROWSER_TIME, judge).map_err(|error| match error {
        CallbackError::Stopped(stopped) => stopped.into(),
        CallbackError::TimedOut => {
            SignInError::NobodyCame { account: access.name.clone(), minutes: BROWSER_TIME.as_secs() / 60 }
        }
    })?;
    question.settle(endpoint, &query)
}

/// Signs in with any browser; the address that it ended at is pasted.
pub(super) fn by_paste(
    endpoint: &Endpoint<'_>,
    access: &Access,
    oauth: &OAuth,
    person: &mut dyn Person,
) -> Result<Grant, SignInError> {
    let authorize_url = authorize_url(access, oauth, "paste")?;
    // A port on which nothing listens once we know it: the browser shall fail to load the page.
    let port = match oauth.redirect_port {
        Some(port) => port,
        None => listen(oauth)?.port(),
    };
    let question = Question::new(access, oauth, authorize_url, port)?;
    question.hide_from(endpoint);
    person.explain(&format!(
        "Open this address in any browser and sign in as {}. The last page fails to load; copy its address from the \
         browser, and paste it here.",
        access.user
    ));
    person.show_address(&question.address()).map_err(SignInError::Person)?;
    let line = person.paste().map_err(SignInError::Person)?;
    let line = line.trim();
    let query = line
        .split_once('?')
        .map(|(_, query)| query.split('#').next().unwrap_or_default())
        .filter(|_| line.len() <= LINE_LIMIT)
        .ok_or_else(|| question.wrong("what was pasted is not the whole address of the last page"))?;
    question.settle(endpoint, query)
}

fn authorize_url<'a>(access: &Access, oauth: &'a OAuth, flow: &'static str) -> Result<&'a str, SignInError> {
    oauth.authorize_url.as_deref().ok_or_else(|| SignInError::NoFlow {
        account: access.name.clone(),
        flow,
        key: "authorize_url",
    })
}

fn listen(oauth: &OAuth) -> Result<Callback, SignInError> {
    Callback::listen(oauth.redirect_port).map_err(|source| SignInError::Port {
        port: oauth.redirect_port.map_or_else(|| "any port".to_owned(), |port| format!("port {port}")),
        source,
    })
}

impl<'a> Question<'a> {
    fn new(
        access: &'a Access,
        oauth: &'a OAuth,
        authorize_url: &'a str,
        port: u16,
    ) -> Result<Question<'a>, SignInError> {
        // Microsoft takes any port of localhost, and no other name.
        let host = if oauth.provider == Some(Provider::Microsoft) { "localhost" } else { "127.0.0.1" };
        let redirect = format!("http://{host}:{port}/");
        Ok(Question { access, oauth, authorize_url, redirect, state: random()?, pkce: Pkce::new()? })
    }

    /// Where the person is sent.
    fn address(&self) -> String {
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", self.oauth.client_id.as_str()),
            ("redirect_uri", self.redirect.as_str()),
            ("scope", self.oauth.scope.as_str()),
            ("state", self.state.expose_secret()),
            ("code_challenge", self.pkce.challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        if let Some(hint) = &self.oauth.login_hint {
            fields.push(("login_hint", hint));
        }
        if self.oauth.provider == Some(Provider::Google) {
            // Without these two there is no refresh token, or only at the first consent.
            fields.extend([("access_type", "offline"), ("prompt", "consent")]);
        }
        form::address(self.authorize_url, &fields)
    }

    /// What nobody is to see. The address that is shown to the person has the `state` in it, but not what makes it one of
    /// an answer.
    fn hide_from(&self, endpoint: &Endpoint<'_>) {
        endpoint.hide(self.state.expose_secret());
        endpoint.hide(self.pkce.verifier.expose_secret());
    }

    /// Whether a query is an answer.
    fn judge(&self, endpoint: &Endpoint<'_>, query: &str) -> Reply {
        let fields = form::decode(query);
        let has = |name: &str| fields.iter().any(|(known, _)| known == name);
        if !has("code") && !has("error") && !has("state") {
            return Reply::NoAnswer;
        }
        if !self.is_asked_here(&fields) {
            return Reply::Foreign;
        }
        match self.code(endpoint, &fields) {
            Ok(_) => Reply::Taken,
            Err(_) => Reply::Refused,
        }
    }

    /// Whether these are the fields of an answer to this question.
    fn is_asked_here(&self, fields: &[(String, String)]) -> bool {
        form::only(fields, "state") == Some(self.state.expose_secret())
    }

    /// The code of an answer, if it is one to this question.
    fn code(
        &self,
        endpoint: &Endpoint<'_>,
        fields: &[(String, String)],
    ) -> Result<SecretString, SignInError> {
        for (_, code) in fields.iter().filter(|(name, _)| name == "code") {
            endpoint.hide(code);
        }
        if !self.is_asked_here(fields) {
            return Err(self.wrong("it does not belong to this sign-in (its `state` is another)"));
        }
        if fields.iter().any(|(name, _)| name == "iss") {
            let iss = form::only(fields, "iss").unwrap_or_default();
            let right = match &self.oauth.issuer {
                Some(issuer) => iss == issuer,
                None => http::origin(iss).is_some() && http::origin(iss) == http::origin(self.authorize_url),
            };
            if !right {
                return Err(self.wrong("it comes from another issuer (its `iss` is not the provider's)"));
            }
        }
        if let Some(error) = form::only(fields, "error") {
            return Err(SignInError::Denied {
                account: self.access.name.clone(),
                error: endpoint.shown(error),
                description: endpoint.shown(form::only(fields, "error_description").unwrap_or_default()),
            });
        }
        form::only(fields, "code")
            .filter(|code| !code.is_empty())
            .map(SecretString::from)
            .ok_or_else(|| self.wrong("it has no code"))
    }

    fn settle(&self, endpoint: &Endpoint<'_>, query: &str) -> Result<Grant, SignInError> {
        let fields = form::decode(query);
        let code = self.code(endpoint, &fields)?;
        endpoint.redeem(&code, &self.redirect, &self.pkce.verifier)
    }

    fn wrong(&self, reason: &str) -> SignInError {
        SignInError::WrongAnswer { account: self.access.name.clone(), reason: reason.to_owned() }
    }
}
