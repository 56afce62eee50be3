//! From an account to a session that is logged in.
//!
//! | file | what it does |
//! | --- | --- |
//! | `reach` | a connection: proxy, TLS, time limits |
//! | `endpoint` | before the login: greeting, STLS, capabilities |
//! | `imap` | the same for an IMAP server |
//! | `credentials` | what there is to log in with, and where it comes from |
//! | `host_sessions` | how many sessions a run has on one host at once |
//! | `retry` | the one policy: which failed attempt is repeated, how often, and why |
//! | `record` | what the ledger remembers about the server from run to run |
//! | `rest` | a refused login is left alone for a while before it is tried again |
//!
//! Promises: the secret is asked for before the server is called, so that no server waits for a person, and only once
//! per [`Connector`]; everything ends with the account's run; what the server did not answer is remembered only if the
//! login then succeeded without it.
//!
//! Must never: write to the ledger (what is learnt waits in the [`ServerRecord`] until the caller commits it); fall
//! back to clear text; repeat a refused password.

mod credentials;
mod endpoint;
mod error;
mod gmail;
mod host_sessions;
mod imap;
mod reach;
mod record;
mod rest;
mod retry;

pub use endpoint::{greets, run_deadline};
pub use error::ConnectError;
pub use gmail::is_gmail;
pub use host_sessions::HostSessions;
pub use imap::{ImapConnector, try_imap_token};
pub use record::{ServerRecord, answers_mixed_up, one_at_a_time_until};

use crate::clock;
use crate::config::{Account, Config};
use crate::event::{Event, Observer};
use crate::ledger::UnixTime;
use crate::oauth::Renewal;
use crate::pop3::capability::Expire;
use crate::session::{Clearance, Course, Login, Omissions, Session, SessionError, Transaction};
use crate::stop;
use credentials::Credentials;
use endpoint::Endpoint;
use host_sessions::{Place, TurnedAway, may_be_turned_away};
use retry::{Next, Retry};
use secrecy::SecretString;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Opens one session. What runs with this configuration have learnt about the server is heeded: commands that it does
/// not answer are left out, and nothing is pipelined if it has mixed up its answers. A ledger that cannot be read is
/// for others to report. `until` is the end of the account's run.
pub fn open_session(
    config: Option<&Config>,
    account: &Account,
    until: Option<Instant>,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, ConnectError> {
    let record = config.and_then(|config| ServerRecord::look(config, account).ok()).unwrap_or_default();
    let one_at_a_time = record.is_mixed_up();
    Connector::new(account, Rc::new(record), until, trace, observer).open(one_at_a_time)
}

/// The same for a run that is to write nothing: an access token is renewed only if it has expired.
pub fn open_session_to_look(
    config: &Config,
    account: &Account,
    until: Option<Instant>,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, ConnectError> {
    let record = ServerRecord::look(config, account).unwrap_or_default();
    let one_at_a_time = record.is_mixed_up();
    let connector = Connector::new(account, Rc::new(record), until, trace, observer);
    Connector { renewal: Renewal::Expired, ..connector }.open(one_at_a_time)
}

/// Logs in with this access token and leaves: whether it is one for this maildrop.
pub fn try_token(
    account: &Account,
    token: &SecretString,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<(), ConnectError> {
    let until = run_deadline(&account.access);
    let connector = Connector::new(account, Rc::default(), until, trace, observer);
    let credentials = Credentials::of_token(token, trace, observer);
    let endpoint = Endpoint::new(account, until, trace, observer)?;
    let _ = connector.parts.set((credentials, endpoint));
    connector.session(false).map(quit_after_a_look)
}

/// Ends a session in which nothing was asked for with RETR and nothing marked: QUIT changes nothing then, unless the
/// server keeps no mail at all (`EXPIRE 0`, RFC 2449, section 6.7), where the connection is closed without it. What it
/// answers is of no interest.
pub fn quit_after_a_look(session: Session<Transaction>) {
    if session.capabilities().expire() != Some(Expire::Days(0)) {
        let _ = session.quit();
    }
}

/// Whether QUIT deletes what RETR has shown (`EXPIRE 0`, RFC 2449, section 6.7), or hides it (Gmail).
pub fn quit_itself_deletes(session: &Session<Transaction>, account: &Account) -> bool {
    session.capabilities().expire() == Some(Expire::Days(0)) || is_gmail(account, session.capabilities())
}

/// Opens the sessions of one account, one after the other.
pub struct Connector {
    account: Account,
    observer: Arc<dyn Observer>,
    until: Option<Instant>,
    trace: bool,
    renewal: Renewal,
    /// Until when to wait for a maildrop that others are using; `None`: not at all.
    wait_until: Option<Instant>,
    record: Rc<ServerRecord>,
    /// What this server is not asked.
    omissions: RefCell<Omissions>,
    /// A server may want some time between two logins.
    last_login: Cell<Option<UnixTime>>,
    /// When our last session ended, as far as it is known.
    last_session: Cell<Option<UnixTime>>,
    /// The other accounts on this host, where several are fetched at once, and our place among them, from the first
    /// session on.
    among: Option<Arc<HostSessions>>,
    place: RefCell<Option<Place>>,
    /// Made for the first session.
    parts: OnceCell<(Credentials, Endpoint)>,
}

impl Connector {
    /// Nothing is read, asked or connected yet. `until` is the end of the account's run.
    pub fn new(
        account: &Account,
        record: Rc<ServerRecord>,
        until: Option<Instant>,
        trace: bool,
        observer: &Arc<dyn Observer>,
    ) -> Connector {
        Connector {
            account: account.clone(),
            observer: Arc::clone(observer),
            until,
            trace,
            renewal: Renewal::Ahead,
            wait_until: None,
            omissions: RefCell::new(record.omissions()),
            last_login: Cell::new(record.last_login()),
            last_session: Cell::new(record.last_session()),
            record,
            among: None,
            place: RefCell::default(),
            parts: OnceCell::new(),
        }
    }

    /// Has sessions only when there is room among those that others of this run have on the host.
    #[must_use]
    pub fn among(self, sessions: &Arc<HostSessions>) -> Connector {
        Connector { among: Some(Arc::clone(sessions)), ..self }
    }

    /// Waits that long for a maildrop that others are using, if the run does not end before.
    #[must_use]
    pub fn waiting_until(self, wait_until: Option<Instant>) -> Connector {
        let wait_until = wait_until.map(|wait| self.until.map_or(wait, |run| wait.min(run)));
        Connector { wait_until, ..self }
    }

    /// A session that is logged in; `retry` says which failures are not the end. `one_at_a_time`: it sends no
    /// command before the last one is answered.
    pub fn open(&self, one_at_a_time: bool) -> Result<Session<Transaction>, ConnectError> {
        // What is made now is fresh.
        if let Some((credentials, _)) = self.parts.get() {
            credentials.keep_fresh(&self.account.access)?;
        }
        self.session(one_at_a_time)
    }

    /// The same with the secret that is there.
    fn session(&self, one_at_a_time: bool) -> Result<Session<Transaction>, ConnectError> {
        let (credentials, endpoint) = self.parts()?;
        let choice = credentials::choice(self.account.access.auth);
        let mut retry = Retry::new(self.omissions.borrow().clone(), self.last_session.get(), self.wait_until);
        loop {
            self.take_place();
            stop::check()?;
            let (mut course, begun) = (Course::default(), Instant::now());
            let error =
                match self.attempt(endpoint, credentials, &retry.omissions, one_at_a_time, &mut course) {
                    Ok(session) => {
                        self.logged_in(credentials, retry.omissions);
                        return Ok(session);
                    }
                    Err(error) if self.may_wait_for_others(&error, begun) => continue,
                    Err(ConnectError::Session(error)) => error,
                    Err(error) => return Err(error),
                };
            stop::check()?;
            match retry.after(error, course, choice, Instant::now()) {
                Next::Again { pause, note } => {
                    if let Some(note) = note {
                        self.note(&note);
                    }
                    stop::pause(pause);
                    stop::check()?;
                }
                Next::WithAnotherToken(_) if credentials.renew(&self.account.access)? => {}
                // What a provider's server says of a token that is not new says nothing of the next one.
                Next::GiveUp(SessionError::LoginRefused(_))
                    if credentials.is_stale() && credentials.renew(&self.account.access)? =>
                {
                    retry =
                        Retry::new(self.omissions.borrow().clone(), self.last_session.get(), self.wait_until);
                }
                Next::WithAnotherToken(error) | Next::GiveUp(error) => {
                    return Err(self.refused(credentials, error).into());
                }
            }
        }
    }

    /// Among the other sessions on this host; waits until there is room.
    fn take_place(&self) {
        let mut place = self.place.borrow_mut();
        if let (Some(among), None) = (&self.among, &*place) {
            *place = Some(among.enter(self.until));
        }
    }

    /// Whether the host only has enough sessions of ours for now. Our place is somebody else's then.
    fn may_wait_for_others(&self, error: &ConnectError, begun: Instant) -> bool {
        if !may_be_turned_away(error, begun.elapsed(), self.account.access.connect_timeout) {
            return false;
        }
        match self.place.take().map(Place::turned_away) {
            Some(TurnedAway::Again { pause, is_first }) => {
                stop::pause(pause);
                if is_first {
                    self.note(&format!(
                        "{error}; other accounts have sessions there, so popkeep waits until one of them has ended, and \
                         opens fewer at once"
                    ));
                }
                true
            }
            Some(TurnedAway::Failed) | None => false,
        }
    }

    fn parts(&self) -> Result<&(Credentials, Endpoint), ConnectError> {
        if let Some(parts) = self.parts.get() {
            return Ok(parts);
        }
        let credentials = Credentials::of(&self.account.access, self.renewal, self.trace, &self.observer)?;
        let endpoint = Endpoint::new(&self.account, self.until, self.trace, &self.observer)?;
        Ok(self.parts.get_or_init(|| (credentials, endpoint)))
    }

    /// One connection and one login.
    fn attempt(
        &self,
        endpoint: &Endpoint,
        credentials: &Credentials,
        omissions: &Omissions,
        one_at_a_time: bool,
        course: &mut Course,
    ) -> Result<Session<Transaction>, ConnectError> {
        let account = &self.account;
        let mut session = endpoint.connect(!omissions.capa)?;
        if one_at_a_time {
            session.one_at_a_time();
        }
        let encrypted = session.security().is_encrypted();
        self.observer.event(&account.name, Event::Connected { encrypted });
        if let Some(delay) = session.capabilities()?.login_delay() {
            let rest = retry::rest_of_login_delay(delay, self.last_login.get(), clock::now())?;
            if !rest.is_zero() {
                let (delay, rest) = (delay.as_secs(), rest.as_secs());
                self.note(&format!("the server wants {delay} s between logins; waiting for {rest} s"));
            }
            stop::pause(rest);
            stop::check()?;
        }
        let login = Login {
            user: &account.access.user,
            secret: &credentials.secret(),
            kind: credentials.kind,
            choice: credentials::choice(account.access.auth),
            clearance: if account.access.allow_plaintext {
                Clearance::Granted
            } else {
                Clearance::EncryptedOnly
            },
            host: &account.access.host,
            port: account.access.port,
        };
        Ok(session.login_without(&login, omissions, course)?)
    }

    fn logged_in(&self, credentials: &Credentials, omissions: Omissions) {
        let omissions = Omissions { last_try: false, ..omissions };
        self.record.logged_in(&self.account.access, &credentials.secret(), &omissions);
        credentials.let_in(&self.account.access);
        self.omissions.replace(omissions);
        self.last_login.set(Some(clock::now()));
        self.last_session.set(Some(clock::now()));
        self.observer.event(&self.account.name, Event::LoggedIn);
    }

    /// The same error; a refused login is put on record, and says where the password came from.
    fn refused(&self, credentials: &Credentials, mut error: SessionError) -> SessionError {
        if let SessionError::LoginRefused(refusal) = &mut error {
            self.record.refused(&self.account.access, &credentials.secret());
            refusal.origin = credentials::origin(&self.account.access);
        }
        error
    }

    fn note(&self, text: &str) {
        self.observer.event(&self.account.name, Event::Note(text));
    }
}
