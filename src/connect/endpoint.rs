//! From an account to a session before the login: greeting, STLS, capabilities.

use super::ConnectError;
use super::reach::{Attempt, Reach};
use crate::config::{Access, Account, Pipelining};
use crate::event::{Event, Observer};
use crate::session::{Authorization, Options, Pipeline, Session, SessionError, Tracer};
use std::sync::Arc;
use std::time::Instant;

/// The end of a run that begins now.
pub fn run_deadline(access: &Access) -> Option<Instant> {
    Instant::now().checked_add(access.run_timeout)
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

/// An account's server, and how to connect to it.
pub(super) struct Endpoint {
    account: Account,
    observer: Arc<dyn Observer>,
    reach: Reach,
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
        let reach = Reach::new(&account.access, until)?;
        Ok(Endpoint { account: account.clone(), observer: Arc::clone(observer), reach, trace })
    }

    /// A session before the login, protected as configured, with its capabilities read unless CAPA is not to be sent.
    pub(super) fn connect(&self, ask_capabilities: bool) -> Result<Session<Authorization>, ConnectError> {
        let begun = Instant::now();
        let late = || self.reach.until.is_some_and(|until| until <= Instant::now());
        match self.greet(ask_capabilities) {
            // What failed may have been given no more time than the run had left.
            Err(ConnectError::Net(_)) if late() => {
                Err(SessionError::RunTimeout { during: "connecting" }.into())
            }
            Err(error) => Err(self.reach.explain(error, begun, |attempt, tls| {
                self.open(attempt)?.start_tls(tls)?;
                Ok(())
            })),
            Ok(session) => Ok(session),
        }
    }

    fn greet(&self, ask_capabilities: bool) -> Result<Session<Authorization>, ConnectError> {
        let mut session = self.open(self.reach.attempt())?;
        if ask_capabilities {
            session.capabilities()?;
        } else {
            session.skip_capabilities();
        }
        if let Some(tls) = self.reach.start_tls() {
            session = session.start_tls(tls)?;
            if ask_capabilities {
                session.capabilities()?;
            }
        }
        Ok(session)
    }

    /// Connects, with TLS if that is implicit, and reads the greeting.
    fn open(&self, attempt: Attempt<'_>) -> Result<Session<Authorization>, ConnectError> {
        let transport = self.reach.connect(attempt)?;
        let options = Options {
            timeout: self.account.access.timeout,
            until: attempt.until,
            tracer: self.trace.then(|| tracer(&self.account.name, &self.observer)),
            pipeline: match self.account.pipelining {
                Pipelining::Auto => Pipeline::WhereOffered,
                Pipelining::On => Pipeline::Always,
                Pipelining::Off => Pipeline::Never,
            },
        };
        Ok(Session::open(transport, options)?)
    }
}

/// Shows `observer` what is said on a connection of this account or destination.
pub(super) fn tracer(name: &str, observer: &Arc<dyn Observer>) -> Tracer {
    let observer = Arc::clone(observer);
    let name = name.to_owned();
    Arc::new(move |side, line| observer.event(&name, Event::Trace { side, line }))
}
