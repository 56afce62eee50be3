//! From an account to a session that is logged in.

use super::error::AccountError;
use crate::config::{self, Account, Auth, Pipelining, SecretSource, Tls};
use crate::event::{Event, Observer};
use crate::net::{self, TlsSettings};
use crate::sasl::{Mechanism, SecretKind};
use crate::session::{
    Authorization, Choice, Clearance, Login, Options, Pipeline, Session, SessionError, Tracer, Transaction,
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Connects, protects the connection as configured, and logs in. The secret is had first, so that a server
/// never waits for a person. A token that the server calls expired is had anew, once.
pub fn open_session(
    account: &Account,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, AccountError> {
    let kind = secret_kind(account);
    let secret = obtain(account, kind)?;
    let mut outcome = log_in(account, kind, &secret, trace, observer);
    if let Err(AccountError::Session(error)) = &outcome
        && error.wants_new_token()
    {
        let fresh = obtain(account, kind)?;
        // The same token would only be refused again.
        if fresh.expose_secret() != secret.expose_secret() {
            outcome = log_in(account, kind, &fresh, trace, observer);
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
    account: &Account,
    kind: SecretKind,
    secret: &SecretString,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, AccountError> {
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
        let (session, encrypted) = greet(account, trace, observer, ask_capabilities)?;
        observer.event(&account.name, Event::Connected { encrypted });
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

/// A session before login, its capabilities read (or known to be out of reach), and whether it
/// is encrypted.
fn greet(
    account: &Account,
    trace: bool,
    observer: &Arc<dyn Observer>,
    ask_capabilities: bool,
) -> Result<(Session<Authorization>, bool), AccountError> {
    let tls = match account.tls {
        Tls::None => None,
        Tls::Implicit | Tls::StartTls => {
            Some(TlsSettings::new(&account.host, account.tls_ca_file.as_deref())?)
        }
    };
    let implicit = tls.as_ref().filter(|_| account.tls == Tls::Implicit);
    let transport = net::connect(&account.host, account.port, implicit, account.timeout)?;
    let options = Options {
        timeout: account.timeout,
        tracer: trace.then(|| tracer(account, observer)),
        pipeline: match account.pipelining {
            Pipelining::Auto => Pipeline::WhereOffered,
            Pipelining::On => Pipeline::Always,
            Pipelining::Off => Pipeline::Never,
        },
    };
    let mut session = Session::open(transport, options)?;
    if ask_capabilities {
        session.capabilities()?;
    } else {
        session.skip_capabilities();
    }
    if let (Tls::StartTls, Some(tls)) = (account.tls, &tls) {
        session = session.start_tls(tls)?;
        if ask_capabilities {
            session.capabilities()?;
        }
    }
    let encrypted = session.security().is_encrypted();
    Ok((session, encrypted))
}

fn tracer(account: &Account, observer: &Arc<dyn Observer>) -> Tracer {
    let observer = Arc::clone(observer);
    let name = account.name.clone();
    Arc::new(move |side, line| observer.event(&name, Event::Trace { side, line }))
}
