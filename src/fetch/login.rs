//! From an account to a session that is logged in.

use super::disorder::before_a_look;
use super::error::AccountError;
use super::logbook::Logbook;
use super::reach::{Approach, Reached, Way, run_deadline};
use super::waiting::Backoff;
use crate::config::{self, Account, Auth, Config, SecretSource, providers};
use crate::event::{Event, Observer};
use crate::ledger::UnixTime;
use crate::pop3::refusal::Refusal;
use crate::sasl::{Mechanism, SecretKind};
use crate::session::{Choice, Clearance, Course, Login, Omissions, Session, SessionError, Transaction};
use crate::stop;
use secrecy::{ExposeSecret, SecretString};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that is waited for a LOGIN-DELAY; Courier announces 10 s. A server that is kept waiting for longer may
/// hang up, and cron comes again anyway.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// For how long a server that has been approached may be kept waiting for the login; some hang up after a few seconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// A maildrop that is in use may be so by a session of ours that has ended so long ago at most, in seconds: the
/// server may still be at work on its QUIT, whose answer is not always waited for.
const JUST_NOW: UnixTime = 10;

/// Connects, protects the connection as configured, and logs in, once. `until` is the end of the account's
/// run. What runs with this configuration have learnt the server not to answer is left out.
pub fn open_session(
    config: Option<&Config>,
    account: &Account,
    until: Option<Instant>,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, AccountError> {
    let known = config.and_then(|config| before_a_look(config, account).ok()).unwrap_or_default();
    let way = || Ok(Way::new(account, until, trace, observer)?.untrodden());
    Door::new(account, way)?.leaving_out(known.omissions).open(false)
}

/// A session for who only looks. To a server that has mixed up its answers it sends nothing ahead, either; a ledger
/// that cannot be read is for others to tell of.
pub fn open_session_to_look(
    config: &Config,
    account: &Account,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Session<Transaction>, AccountError> {
    let known = before_a_look(config, account).unwrap_or_default();
    let way = || Ok(Way::new(account, run_deadline(account), trace, observer)?.untrodden());
    let door = Door::new(account, way)?.with_ours(known.last_session).leaving_out(known.omissions);
    door.open(known.one_at_a_time)
}

/// An account's way in, for all sessions of one run: nobody is asked for a secret twice.
pub(super) struct Door {
    way: Way,
    kind: SecretKind,
    secret: RefCell<SecretString>,
    /// A server may want some time between two logins.
    last_login: Cell<Option<UnixTime>>,
    /// When our last session was at work, if it is known.
    last_session: Cell<Option<UnixTime>>,
    /// How far the way has been gone already, and when.
    reached: Cell<Option<(Reached, Instant)>>,
    /// What this server is not asked.
    omissions: RefCell<Omissions>,
    /// What is put on record of it.
    logbook: Rc<Logbook>,
}

impl Door {
    /// The secret is had first, so that a server hardly ever waits for a person.
    pub(super) fn new(
        account: &Account,
        approach: impl FnOnce() -> Result<Approach, AccountError>,
    ) -> Result<Self, AccountError> {
        let kind = secret_kind(account);
        let secret = RefCell::new(obtain(account, kind)?);
        let Approach { way, reached } = approach()?;
        let (last_login, last_session) = (Cell::new(None), Cell::new(None));
        let (reached, omissions, logbook) = (Cell::new(reached), RefCell::default(), Rc::default());
        Ok(Door { way, kind, secret, last_login, last_session, reached, omissions, logbook })
    }

    /// With what is known of the last login before this run.
    pub(super) fn after(self, last_login: Option<UnixTime>) -> Self {
        self.last_login.set(last_login);
        self
    }

    /// With what is known of our own last session before this run.
    pub(super) fn with_ours(self, last_session: Option<UnixTime>) -> Self {
        self.last_session.set(last_session);
        self
    }

    /// Without what this server is known not to answer.
    pub(super) fn leaving_out(self, omissions: Omissions) -> Self {
        self.omissions.replace(omissions);
        self
    }

    /// With a record of what becomes of it.
    pub(super) fn noting(self, logbook: &Rc<Logbook>) -> Self {
        Door { logbook: Rc::clone(logbook), ..self }
    }

    /// A session that is logged in. A token that the server calls expired is had anew, once.
    /// `one_at_a_time`: it sends nothing ahead of a reply.
    pub(super) fn open(&self, one_at_a_time: bool) -> Result<Session<Transaction>, AccountError> {
        let ours = self
            .last_session
            .get()
            .is_some_and(|at| (0..JUST_NOW).contains(&super::now().saturating_sub(at)));
        let mut backoff = Backoff::for_our_own(ours.then(Instant::now));
        loop {
            match self.try_to_open(one_at_a_time) {
                Err(AccountError::Session(error)) if error.is_in_use() => {
                    let Some(pause) = backoff.pause(Instant::now()) else { return Err(error.into()) };
                    stop::pause(pause);
                    super::unless_stopped()?;
                }
                outcome => return outcome,
            }
        }
    }

    fn try_to_open(&self, one_at_a_time: bool) -> Result<Session<Transaction>, AccountError> {
        let mut outcome = self.log_in(one_at_a_time);
        if let Err(AccountError::Session(error)) = &outcome
            && error.wants_new_token()
        {
            let fresh = obtain(&self.way.account, self.kind)?;
            // The same token would only be refused again.
            if fresh.expose_secret() != self.secret.borrow().expose_secret() {
                self.secret.replace(fresh);
                outcome = self.log_in(one_at_a_time);
            }
        }
        if let Err(AccountError::Session(SessionError::LoginRefused(refusal))) = &mut outcome {
            self.logbook.refused(&self.way.account, &self.secret.borrow());
            refusal.origin = origin(&self.way.account);
        }
        if outcome.is_ok() {
            self.logbook.logged_in(&self.way.account, &self.secret.borrow(), &self.omissions.borrow());
            self.last_login.set(Some(super::now()));
            self.last_session.set(Some(super::now()));
            self.way.observer.event(&self.way.account.name, Event::LoggedIn);
        }
        outcome
    }

    /// One login. What the server does not answer, or hangs up at, is left out on another connection.
    fn log_in(&self, one_at_a_time: bool) -> Result<Session<Transaction>, AccountError> {
        let account = &self.way.account;
        let login = Login {
            user: &account.user,
            secret: &self.secret.borrow(),
            kind: self.kind,
            choice: choice(account.auth),
            clearance: if account.allow_plaintext { Clearance::Granted } else { Clearance::EncryptedOnly },
            host: &account.host,
            port: account.port,
        };
        let mut known = self.omissions.borrow().clone();
        let mut omissions = known.clone();
        // What there is to tell of if there is no other way in.
        let mut first: Option<SessionError> = None;
        loop {
            let mut course = Course::default();
            let error = match self.attempt(&omissions, one_at_a_time, &login, &mut course) {
                Ok(session) => {
                    self.omissions.replace(Omissions { last_try: false, ..omissions });
                    return Ok(session);
                }
                Err(AccountError::Session(error)) => error,
                Err(error) => return Err(error),
            };
            super::unless_stopped()?;
            if let Some(next) = omissions.after(&error, &course, login.choice) {
                self.way.note(&format!("{error}; connecting again without that"));
                first.get_or_insert(course.refusal.map_or(error, SessionError::LoginRefused));
                omissions = next;
            } else if is_without_a_way(&error) && omissions == known && known != Omissions::default() {
                // The server may have been mended since.
                known = Omissions::default();
                omissions = Omissions::default();
            } else {
                let no_other = is_without_a_way(&error);
                return Err(first.filter(|_| no_other).unwrap_or(error).into());
            }
        }
    }

    fn attempt(
        &self,
        omissions: &Omissions,
        one_at_a_time: bool,
        login: &Login<'_>,
        course: &mut Course,
    ) -> Result<Session<Transaction>, AccountError> {
        // What has waited for too long is closed before another is opened: a server may serve one at a time.
        let fresh = |(reached, at): &(Reached, Instant)| reached.is_err() || at.elapsed() < PATIENCE;
        let reached = self.reached.take().filter(fresh);
        let mut session = match reached {
            Some((reached, _)) => reached?,
            None => self.way.reach(!omissions.capa)?,
        };
        if one_at_a_time {
            session.one_at_a_time();
        }
        let encrypted = session.security().is_encrypted();
        self.way.observer.event(&self.way.account.name, Event::Connected { encrypted });
        if let Some(delay) = session.capabilities()?.login_delay() {
            honour(delay, self.last_login.get(), &self.way)?;
        }
        Ok(session.login_without(login, omissions, course)?)
    }
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

/// Where a refused password came from, and what a known provider wants for one.
fn origin(account: &Account) -> Option<String> {
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

/// Whether nothing that may be tried is left.
fn is_without_a_way(error: &SessionError) -> bool {
    match error {
        SessionError::ClearTextRefused | SessionError::NothingFits { .. } => true,
        SessionError::LoginRefused(refusal) => refusal.meaning == Refusal::Mechanism,
        _ => false,
    }
}

/// Lets the server's LOGIN-DELAY pass.
fn honour(delay: Duration, last_login: Option<UnixTime>, way: &Way) -> Result<(), AccountError> {
    let rest = be_patient(delay, last_login, super::now())?;
    if !rest.is_zero() {
        let text = format!(
            "the server wants {} s between logins; waiting for {} s",
            delay.as_secs(),
            rest.as_secs()
        );
        way.note(&text);
        stop::pause(rest);
        super::unless_stopped()?;
    }
    Ok(())
}

/// For how long to wait until the server's LOGIN-DELAY has passed. A login in the future is a clock that was set
/// back: it tells nothing.
fn be_patient(
    delay: Duration,
    last_login: Option<UnixTime>,
    now: UnixTime,
) -> Result<Duration, AccountError> {
    let ago = last_login.and_then(|last| u64::try_from(now.saturating_sub(last)).ok());
    let Some(ago) = ago else { return Ok(Duration::ZERO) };
    let rest = delay.saturating_sub(Duration::from_secs(ago));
    if rest > LONGEST_WAIT {
        return Err(AccountError::TooSoon { delay: delay.as_secs(), ago });
    }
    Ok(rest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_delay_is_honoured() {
        let delay = Duration::from_mins(15);
        for (last_login, rest) in [
            (None, Some(0)),
            (Some(999), None),
            (Some(1000 - 884), None),
            (Some(1000 - 885), Some(15)),
            (Some(1000 - 899), Some(1)),
            (Some(1000 - 900), Some(0)),
            (Some(5000), Some(0)),
        ] {
            let patience = be_patient(delay, last_login, 1000).ok();
            assert_eq!(patience, rest.map(Duration::from_secs), "{last_login:?}");
        }
        let error = be_patient(delay, Some(800), 1000).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::TRY_LATER);
        assert!(
            error.to_string().contains("900 s") && error.to_string().contains("again in 700 s"),
            "{error}"
        );
    }
}
