//! From an account to a session that is logged in.

use super::error::AccountError;
use super::reach::Way;
use crate::config::{self, Account, Auth, SecretSource};
use crate::event::{Event, Observer};
use crate::sasl::{Mechanism, SecretKind};
use crate::session::{Choice, Clearance, Login, Session, SessionError, Transaction};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Instant;

/// Connects, protects the connection as configured, and logs in. The secret is had first, so that a server
/// never waits for a person. A token that the server calls expired is had anew, once. `until` is the end of the
/// account's run.
pub fn open_session(
    account: &Account,
    until: Option<Instant>,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, AccountError> {
    let kind = secret_kind(account);
    let secret = obtain(account, kind)?;
    let way = Way::new(account, until, trace, observer)?;
    let mut outcome = log_in(&way, kind, &secret);
    if let Err(AccountError::Session(error)) = &outcome
        && error.wants_new_token()
    {
        let fresh = obtain(account, kind)?;
        // The same token would only be refused again.
        if fresh.expose_secret() != secret.expose_secret() {
            outcome = log_in(&way, kind, &fresh);
        }
    }
    if outcome.is_ok() {
        observer.event(&account.name, Event::LoggedIn);
    }
    outcome
}

/// What there is to log in with.
fn secret_kind(account: &Account) -> SecretKind {
    match (account.auth, &account.secret) {
        (Auth::External, _) => SecretKind::Certificate,
        (_, SecretSource::TokenCommand(_)) => SecretKind::Token,
        // Nobody is asked for a password where a client certificate is configured and no password.
        (Auth::Auto, SecretSource::Ask) if account.tls_client.is_some() => SecretKind::Certificate,
        _ => SecretKind::Password,
    }
}

fn obtain(account: &Account, kind: SecretKind) -> Result<SecretString, AccountError> {
    match kind {
        SecretKind::Certificate => Ok(SecretString::default()),
        SecretKind::Password | SecretKind::Token => Ok(config::obtain(account)?),
    }
}

/// One login. A server that hangs up on CAPA, as some of CAPA's childhood do, is tried once more without
/// it.
fn log_in(
    way: &Way<'_>,
    kind: SecretKind,
    secret: &SecretString,
) -> Result<Session<Transaction>, AccountError> {
    let account = way.account;
    let login = Login {
        user: &account.user,
        secret,
        kind,
        choice: choice(account.auth),
        clearance: if account.allow_plaintext { Clearance::Granted } else { Clearance::EncryptedOnly },
        host: &account.host,
        port: account.port,
    };
    let attempt = |ask_capabilities| -> Result<Session<Transaction>, AccountError> {
        let session = way.reach(ask_capabilities)?;
        let encrypted = session.security().is_encrypted();
        way.observer.event(&account.name, Event::Connected { encrypted });
        Ok(session.login(&login)?)
    };
    match attempt(true) {
        Err(AccountError::Session(SessionError::Closed { during: "CAPA" })) => attempt(false),
        outcome => outcome,
    }
}

/// The mechanism that the configuration names.
fn choice(auth: Auth) -> Choice {
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
