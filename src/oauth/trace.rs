//! The exchange with a provider, line by line, for people.
//!
//! Promise: every token, code and secret is masked, in whatever form and wherever a server repeats it. What is not known to
//! be harmless is masked.

use crate::event::{Event, Observer, Side};
use crate::session::forms;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::cell::RefCell;

/// What is shown instead of a secret.
const MASK: &str = "****";

/// Fields of a request and of an answer that may be shown.
const HARMLESS: [&str; 17] = [
    "grant_type",
    "client_id",
    "scope",
    "redirect_uri",
    "code_challenge_method",
    "token_type_hint",
    "token_type",
    "expires_in",
    "ext_expires_in",
    "interval",
    "verification_uri",
    "verification_url",
    "error",
    "error_description",
    "error_uri",
    "error_codes",
    "trace_id",
];

/// A shorter secret is not looked for: it may be part of any word by chance.
const TELLING: usize = 4;

/// Watches an exchange.
pub(super) struct Trace<'a> {
    account: &'a str,
    observer: Option<&'a dyn Observer>,
    secrets: RefCell<Vec<SecretString>>,
}

impl<'a> Trace<'a> {
    pub(super) fn new(account: &'a str, observer: Option<&'a dyn Observer>) -> Self {
        Trace { account, observer, secrets: RefCell::default() }
    }

    /// From here on this is masked wherever it occurs.
    pub(super) fn hide(&self, secret: &str) {
        if secret.len() >= TELLING {
            let secret = SecretString::from(secret);
            self.secrets.borrow_mut().extend(forms(&secret));
        }
    }

    /// A server's text without what is secret.
    pub(super) fn masked(&self, text: &str) -> String {
        self.secrets.borrow().iter().fold(text.to_owned(), |text, secret| {
            let secret = secret.expose_secret();
            if secret.len() >= TELLING { text.replace(secret, MASK) } else { text }
        })
    }

    /// What is sent.
    pub(super) fn request(&self, url: &str, fields: &[(&str, &str)]) {
        for (_, value) in fields.iter().filter(|(name, _)| !HARMLESS.contains(name)) {
            self.hide(value);
        }
        self.line(Side::Client, &format!("POST {url}"));
        for (name, value) in fields {
            let value = if HARMLESS.contains(name) { self.masked(value) } else { MASK.to_owned() };
            self.line(Side::Client, &format!("{name}={value}"));
        }
    }

    /// What came back. All that is not harmless is masked from here on.
    pub(super) fn answer(&self, status: u16, answer: Option<&Value>) {
        let fields = answer.and_then(Value::as_object);
        for (name, value) in fields.into_iter().flatten() {
            if let (false, Some(secret)) = (HARMLESS.contains(&name.as_str()), value.as_str()) {
                self.hide(secret);
            }
        }
        self.line(Side::Server, &format!("HTTP status {status}"));
        let Some(fields) = fields else {
            return self.line(Side::Server, "(an answer that is not JSON, not shown)");
        };
        for (name, value) in fields {
            let value = match value {
                _ if !HARMLESS.contains(&name.as_str()) => MASK.to_owned(),
                Value::String(text) => self.masked(text),
                other => self.masked(&other.to_string()),
            };
            self.line(Side::Server, &format!("{}: {value}", self.masked(name)));
        }
    }

    fn line(&self, side: Side, line: &str) {
        if let Some(observer) = self.observer {
            observer.event(self.account, Event::Trace { side, line: line.as_bytes() });
        }
    }
}
