//! From an account to a session before the login: connection, TLS, greeting, capabilities.
//!
//! Promises: everything ends with the account's run; when a certificate is not trusted, a second
//! connection, on which nothing but STLS is ever said, finds out what is wrong with it.

use super::ConnectError;
use crate::config::{self, Account, Pipelining, Tls};
use crate::event::{Event, Observer};
use crate::net::{self, ClientIdentity, NetError, Route, TlsOptions, TlsSettings};
use crate::session::{Authorization, Options, Pipeline, Session, SessionError, Tracer};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The end of a run that begins now.
pub fn run_deadline(account: &Account) -> Option<Instant> {
    Instant::now().checked_add(account.run_timeout)
}

/// Whether a server that can be trusted answers as the account says: connection, TLS, greeting. Nothing but
/// STLS is said to it, and nobody is asked for a secret.
pub fn greets(
    account: &Account,
    until: Option<Instant>,
    observer: &Arc<dyn Observer>,
) -> Result<(), ConnectError> {
    Endpoint::new(account, until, false, observer)?.connect(false).map(drop)
}

/// What the account says about TLS; `None` for clear text.
fn tls_settings(account: &Account) -> Result<Option<TlsSettings>, ConnectError> {
    if account.tls == Tls::None {
        return Ok(None);
    }
    let identity = match &account.tls_client {
        None => None,
        Some(certificate) => Some(ClientIdentity {
            file: certificate.file.clone(),
            key: certificate.key.clone(),
            password: config::obtain_client_password(certificate)?,
        }),
    };
    let options = TlsOptions {
        server_name: account.tls_server_name.as_deref().unwrap_or(&account.host),
        ca_file: account.tls_ca_file.as_deref(),
        fingerprints: &account.tls_fingerprint,
        min_version: account.tls_min_version,
        identity,
    };
    Ok(Some(TlsSettings::new(&options)?))
}

/// An account's server, and how to connect to it.
pub(super) struct Endpoint {
    account: Account,
    observer: Arc<dyn Observer>,
    tls: Option<TlsSettings>,
    until: Option<Instant>,
    trace: bool,
}

impl Endpoint {
    /// Reads the files that the account names. `until` is the end of its run.
    pub(super) fn new(
        account: &Account,
        until: Option<Instant>,
        trace: bool,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, ConnectError> {
        let tls = tls_settings(account)?;
        Ok(Endpoint { account: account.clone(), observer: Arc::clone(observer), tls, until, trace })
    }

    /// A session before the login, protected as configured, with its capabilities read unless CAPA is not to be sent.
    pub(super) fn connect(&self, ask_capabilities: bool) -> Result<Session<Authorization>, ConnectError> {
        let begun = Instant::now();
        let late = || self.until.is_some_and(|until| until <= Instant::now());
        match self.greet(ask_capabilities) {
            // What failed may have been given no more time than the run had left.
            Err(ConnectError::Net(_)) if late() => {
                Err(SessionError::RunTimeout { during: "connecting" }.into())
            }
            Err(error) => Err(self.explain(error, begun)),
            Ok(session) => Ok(session),
        }
    }

    fn greet(&self, ask_capabilities: bool) -> Result<Session<Authorization>, ConnectError> {
        let mut session = self.open(self.tls.as_ref(), self.account.connect_timeout, self.until)?;
        if ask_capabilities {
            session.capabilities()?;
        } else {
            session.skip_capabilities();
        }
        if let (Tls::StartTls, Some(tls)) = (self.account.tls, &self.tls) {
            session = session.start_tls(tls)?;
            if ask_capabilities {
                session.capabilities()?;
            }
        }
        Ok(session)
    }

    /// Connects, with TLS if that is implicit, and reads the greeting.
    fn open(
        &self,
        tls: Option<&TlsSettings>,
        connect_timeout: Duration,
        until: Option<Instant>,
    ) -> Result<Session<Authorization>, ConnectError> {
        let account = &self.account;
        let route = Route {
            host: &account.host,
            port: account.port,
            family: account.address_family,
            proxy: account.proxy.as_ref(),
        };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(connect_timeout, |left| left.min(connect_timeout));
        let transport = std::thread::scope(|scope| {
            if let Some(tls) = tls {
                // Without a thread it is prepared when it is needed.
                let _ = std::thread::Builder::new().spawn_scoped(scope, || tls.prepare());
            }
            net::connect(&route, tls.filter(|_| account.tls == Tls::Implicit), timeout)
        })?;
        let options = Options {
            timeout: account.timeout,
            until,
            tracer: self.trace.then(|| tracer(account, &self.observer)),
            pipeline: match account.pipelining {
                Pipelining::Auto => Pipeline::WhereOffered,
                Pipelining::On => Pipeline::Always,
                Pipelining::Off => Pipeline::Never,
            },
        };
        Ok(Session::open(transport, options)?)
    }

    /// The same error; if it is about a certificate that nobody has seen yet, with what the
    /// certificate says. `begun` is when the first attempt began: both together take no longer
    /// than one may.
    fn explain(&self, error: ConnectError, begun: Instant) -> ConnectError {
        let (Some(tls), Some(NetError::Certificate { leaf: None, distrust, .. })) = (&self.tls, error.net())
        else {
            return error;
        };
        let left = self.account.connect_timeout.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return error;
        }
        let looked = tls.only_to_look(distrust.clone()).map_err(ConnectError::from).and_then(|tls| {
            let end = Instant::now().checked_add(left).into_iter().chain(self.until).min();
            let session = self.open(Some(&tls), left, end)?;
            session.start_tls(&tls)?;
            Ok(())
        });
        match looked {
            Err(seen) if matches!(seen.net(), Some(NetError::Certificate { leaf: Some(_), .. })) => seen,
            _ => error,
        }
    }
}

fn tracer(account: &Account, observer: &Arc<dyn Observer>) -> Tracer {
    let observer = Arc::clone(observer);
    let name = account.name.clone();
    Arc::new(move |side, line| observer.event(&name, Event::Trace { side, line }))
}
