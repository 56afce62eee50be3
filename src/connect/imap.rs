//! From a destination to an IMAP connection that is logged in.

use super::ConnectError;
use super::credentials::{self, Credentials};
use super::endpoint::{run_deadline, tracer};
use super::reach::{Attempt, Reach};
use super::record::ServerRecord;
use crate::config::Access;
use crate::event::{Event, Observer};
use crate::imap::{Authenticated, Connection, ImapError, NotAuthenticated, Options};
use crate::ledger::Change;
use crate::oauth::Renewal;
use crate::session::{Clearance, Login, Omissions};
use crate::stop;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Instant;

/// Logs in with this access token and leaves: whether it is one for this IMAP server.
pub fn try_imap_token(
    access: &Access,
    token: &SecretString,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<(), ConnectError> {
    let connector = ImapConnector::with_token(access, run_deadline(access), token, trace, observer)?;
    connector.attempt()?.logout();
    Ok(())
}

/// Opens the connections of one destination, one after the other. The secret is asked for once.
pub struct ImapConnector {
    reach: Reach,
    credentials: Credentials,
    record: ServerRecord,
    observer: Arc<dyn Observer>,
    trace: bool,
}

impl ImapConnector {
    /// Gets the secret; nothing is connected yet. `record` is what is known of logins there, and `until` is the end of the
    /// run.
    pub fn new(
        access: &Access,
        record: ServerRecord,
        until: Option<Instant>,
        renewal: Renewal,
        trace: bool,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, ConnectError> {
        let credentials = Credentials::of(access, renewal, trace, observer)?;
        let reach = Reach::new(access, until)?;
        Ok(ImapConnector { reach, credentials, record, observer: Arc::clone(observer), trace })
    }

    /// What is to be put on record of logins by now.
    pub fn take_changes(&self) -> Vec<Change> {
        self.record.take_changes()
    }

    /// The same with this access token, and no other.
    fn with_token(
        access: &Access,
        until: Option<Instant>,
        token: &SecretString,
        trace: bool,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, ConnectError> {
        let credentials = Credentials::of_token(token, trace, observer);
        let reach = Reach::new(access, until)?;
        let record = ServerRecord::default();
        Ok(ImapConnector { reach, credentials, record, observer: Arc::clone(observer), trace })
    }

    /// A connection that is logged in. A token that the server refuses is renewed once.
    pub fn open(&self) -> Result<Connection<Authenticated>, ConnectError> {
        let access = &self.reach.access;
        self.credentials.keep_fresh(access)?;
        loop {
            match self.attempt() {
                Ok(connection) => {
                    self.record.logged_in(access, &self.credentials.secret(), &Omissions::default());
                    self.credentials.let_in(access);
                    return Ok(connection);
                }
                Err(ConnectError::Imap(error)) => {
                    stop::check()?;
                    let refused = matches!(error, ImapError::LoginRefused(_));
                    let may_renew = refused && self.credentials.is_stale() || error.wants_new_token();
                    if !(may_renew && self.credentials.renew(access)?) {
                        return Err(self.refused(error).into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn attempt(&self) -> Result<Connection<Authenticated>, ConnectError> {
        let access = &self.reach.access;
        let begun = Instant::now();
        let connection = self.greet().map_err(|error| {
            self.reach.explain(error, begun, |attempt, tls| {
                self.connect(attempt)?.start_tls(tls)?;
                Ok(())
            })
        })?;
        let encrypted = connection.security().is_encrypted();
        self.observer.event(&access.name, Event::Connected { encrypted });
        let login = Login {
            user: &access.user,
            secret: &self.credentials.secret(),
            kind: self.credentials.kind,
            choice: credentials::choice(access.auth),
            clearance: if access.allow_plaintext { Clearance::Granted } else { Clearance::EncryptedOnly },
            host: &access.host,
            port: access.port,
        };
        let connection = connection.login(&login)?;
        self.observer.event(&access.name, Event::LoggedIn);
        Ok(connection)
    }

    fn greet(&self) -> Result<Connection<NotAuthenticated>, ConnectError> {
        let connection = self.connect(self.reach.attempt())?;
        match self.reach.start_tls() {
            Some(tls) => Ok(connection.start_tls(tls)?),
            None => Ok(connection),
        }
    }

    fn connect(&self, attempt: Attempt<'_>) -> Result<Connection<NotAuthenticated>, ConnectError> {
        let transport = self.reach.connect(attempt)?;
        let access = &self.reach.access;
        let options = Options {
            timeout: access.timeout,
            until: attempt.until,
            tracer: self.trace.then(|| tracer(&access.name, &self.observer)),
        };
        Ok(Connection::open(transport, options)?)
    }

    /// The same error; a refused login is put on record, and says where the password came from.
    fn refused(&self, mut error: ImapError) -> ImapError {
        if let ImapError::LoginRefused(refusal) = &mut error {
            self.record.refused(&self.reach.access, &self.credentials.secret());
            refusal.origin = credentials::origin(&self.reach.access);
        }
        error
    }
}
