//! From an account to a session that is logged in.

use super::error::AccountError;
use crate::config::{self, Account, Auth, Pipelining, Tls};
use crate::event::{Event, Observer};
use crate::net::{self, TlsSettings};
use crate::session::{
    Authorization, Clearance, Mechanism, Options, Pipeline, Session, SessionError, Tracer, Transaction,
};
use std::sync::Arc;

/// Connects, protects the connection as configured, and logs in. The password is had first, so
/// that a server never waits for a person.
pub fn open_session(
    account: &Account,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, AccountError> {
    let secret = config::obtain(account)?;
    let (session, security) = match greet(account, trace, observer, true) {
        // Some servers of CAPA's childhood hang up on a command that they do not know.
        Err(AccountError::Session(SessionError::Closed { during: "CAPA" })) => {
            greet(account, trace, observer, false)?
        }
        other => other?,
    };
    observer.event(&account.name, Event::Connected { encrypted: security });
    let mechanism = match account.auth {
        Auth::Auto => Mechanism::Auto,
        Auth::Plain => Mechanism::Plain,
        Auth::User => Mechanism::User,
        other => return Err(AccountError::Mechanism { auth: other.name() }),
    };
    let clearance = if account.allow_plaintext { Clearance::Granted } else { Clearance::EncryptedOnly };
    let session = session.login(&account.user, &secret, mechanism, clearance)?;
    observer.event(&account.name, Event::LoggedIn);
    Ok(session)
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
