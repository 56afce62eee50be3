//! What an account logs in with.
//!
//! Promise: a person is asked for a secret at most once.

use crate::config::{self, Account, Auth, SecretError, SecretSource, providers};
use crate::sasl::{Mechanism, SecretKind};
use crate::session::Choice;
use secrecy::{ExposeSecret, SecretString};
use std::cell::{Ref, RefCell};

/// A secret and what it is.
pub(super) struct Credentials {
    /// A password, a token or a certificate.
    pub kind: SecretKind,
    secret: RefCell<SecretString>,
}

impl Credentials {
    /// Gets the secret from where the account says it is.
    pub(super) fn of(account: &Account) -> Result<Credentials, SecretError> {
        let kind = kind(account);
        Ok(Credentials { kind, secret: RefCell::new(obtain(account, kind)?) })
    }

    /// The secret; empty for a certificate.
    pub(super) fn secret(&self) -> Ref<'_, SecretString> {
        self.secret.borrow()
    }

    /// Gets the secret again. `false` if it is still the same: that would only be refused again.
    pub(super) fn renew(&self, account: &Account) -> Result<bool, SecretError> {
        let fresh = obtain(account, self.kind)?;
        let changed = fresh.expose_secret() != self.secret.borrow().expose_secret();
        self.secret.replace(fresh);
        Ok(changed)
    }
}

fn kind(account: &Account) -> SecretKind {
    match (account.auth, &account.secret) {
        (Auth::External, _) => SecretKind::Certificate,
        (_, SecretSource::TokenCommand(_)) => SecretKind::Token,
        // Nobody is asked for a password where a client certificate is configured and no password.
        (Auth::Auto, SecretSource::Ask) if account.tls_client.is_some() => SecretKind::Certificate,
        _ => SecretKind::Password,
    }
}

fn obtain(account: &Account, kind: SecretKind) -> Result<SecretString, SecretError> {
    match kind {
        SecretKind::Certificate => Ok(SecretString::default()),
        SecretKind::Password | SecretKind::Token => config::obtain(account),
    }
}

/// Where a refused password came from, and what a known provider wants for one.
pub(super) fn origin(account: &Account) -> Option<String> {
    let origin = match &account.secret {
        SecretSource::Command(_) => "the password came from password_command".to_owned(),
        SecretSource::TokenCommand(_) => "the token came from token_command".to_owned(),
        SecretSource::File(path) => format!("the password came from password_file {}", path.display()),
        SecretSource::Environment(name) => format!("the password came from password_env {name}"),
        SecretSource::Literal(_) => "the password is `password` in the configuration".to_owned(),
        SecretSource::Ask => return hint(account),
    };
    Some(hint(account).map_or(origin.clone(), |hint| format!("{origin}; {hint}")))
}

fn hint(account: &Account) -> Option<String> {
    let provider = providers::of_server(&account.host, &account.user)?;
    let providers::Offer::Pop3(pop3) = provider.offer else { return None };
    let wants = match pop3.secret {
        providers::Secret::AppPassword(what) => format!("{} wants {what}", provider.name),
        providers::Secret::Token if !matches!(account.secret, SecretSource::TokenCommand(_)) => {
            format!("{} wants an OAuth2 access token (token_command), not a password", provider.name)
        }
        _ => return None,
    };
    Some(wants)
}

/// The mechanism that the configuration names.
pub(super) fn choice(auth: Auth) -> Choice {
    Choice::Named(match auth {
        Auth::Auto => return Choice::Auto,
        Auth::ScramSha256Plus => Mechanism::ScramSha256Plus,
        Auth::ScramSha1Plus => Mechanism::ScramSha1Plus,
        Auth::ScramSha256 => Mechanism::ScramSha256,
        Auth::ScramSha1 => Mechanism::ScramSha1,
        Auth::CramMd5 => Mechanism::CramMd5,
        Auth::Plain => Mechanism::Plain,
        Auth::Login => Mechanism::Login,
        Auth::External => Mechanism::External,
        Auth::Xoauth2 => Mechanism::XOAuth2,
        Auth::OauthBearer => Mechanism::OAuthBearer,
        Auth::Apop => Mechanism::Apop,
        Auth::User => Mechanism::User,
    })
}
