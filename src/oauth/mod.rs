//! Signing in with OAuth2, and keeping the sign-in alive.
//!
//! | file | what it does |
//! | --- | --- |
//! | `store` | the token file, its lock, and what a run that was killed left behind |
//! | `endpoint` | requests to the token endpoint, and what its answers mean |
//! | `trace` | the exchange for people, with every secret, code and token masked |
//! | `device` | a code that is typed at another device (RFC 8628) |
//! | `code` | a browser that comes back, or whose address is pasted (RFC 6749, 7636, 8252, 9207) |
//! | `random` | PKCE and `state` |
//!
//! Promises: an access token is used only after it and its refresh token are on disk, synced; a refresh token is never
//! lost to a temporary failure, to another run, or to a run that is killed once the answer is here; two runs never
//! refresh at once, and the second uses what the first one got; a token is sent to no other address than the one it came
//! from. Must never: show a token, a code or a secret; believe a stored time in the future.

mod code;
mod device;
mod endpoint;
mod error;
mod random;
mod store;
mod trace;

pub use error::SignInError;
pub use store::{Problem, SignIn};

use crate::clock::{self, UnixTime};
use crate::config::{Access, Flow, OAuth};
use crate::event::Observer;
use crate::http;
use endpoint::{Endpoint, Grant};
use secrecy::{ExposeSecret as _, SecretString};
use std::io;
use store::{LONGEST_WAIT, Store, Stored};

/// An access token that is left alone for at least so long is used where no new one is to be had, in seconds.
const STILL_GOOD: UnixTime = 60;

/// An access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub secret: SecretString,
    /// It came from the provider just now.
    pub new: bool,
}

/// When a token that is on disk is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Ahead of its end: when less than ten minutes of it remain (half its lifetime, if that is shorter).
    Ahead,
    /// Only once it has expired, for a run that is to write nothing.
    Expired,
}

/// Whoever is to sign in.
pub trait Person {
    /// Shows the address to go to: one line, at once.
    fn show_address(&mut self, address: &str) -> io::Result<()>;
    /// Shows the code to type there: one line, at once.
    fn show_code(&mut self, code: &str) -> io::Result<()>;
    /// Says what to do, or what goes on.
    fn explain(&mut self, text: &str);
    /// Opens a browser at this address, if there is a display.
    fn open(&mut self, address: &str);
    /// Reads the address that the browser ended at: one line.
    fn paste(&mut self) -> io::Result<String>;
}

/// What a sign-in brought, before it is kept.
pub struct Fresh {
    stored: Stored,
}

impl Fresh {
    /// To be tried at the mail server.
    pub fn access_token(&self) -> &SecretString {
        &self.stored.access_token.0
    }

    /// Whether the provider lets it be renewed without a person.
    pub fn lasts(&self) -> bool {
        self.stored.refresh_token.is_some()
    }
}

/// What became of a token at the provider when it was forgotten here.
#[derive(Debug)]
pub enum Revoked {
    /// There was none.
    NotSignedIn,
    /// The provider has taken it back.
    Yes,
    /// The provider has no address for that.
    NoAddress,
    /// It was asked, and did not.
    No(SignInError),
}

/// The sign-in of one account.
pub struct Tokens<'a> {
    access: &'a Access,
    oauth: &'a OAuth,
    observer: &'a dyn Observer,
    trace: bool,
    store: Store,
}

impl<'a> Tokens<'a> {
    /// `None` if the account does not sign in. With `trace`, `observer` is shown the exchange.
    pub fn of(access: &'a Access, observer: &'a dyn Observer, trace: bool) -> Option<Self> {
        Some(Tokens::new(access, access.oauth()?, observer, trace))
    }

    /// The same for an account that is known to sign in, and how.
    pub fn new(access: &'a Access, oauth: &'a OAuth, observer: &'a dyn Observer, trace: bool) -> Self {
        let store = Store::of(&oauth.state_dir, &access.name);
        Tokens { access, oauth, observer, trace, store }
    }

    /// An access token: the one on disk, or a new one when `renewal` says so.
    pub fn access_token(&self, renewal: Renewal) -> Result<AccessToken, SignInError> {
        let now = clock::now();
        let stored = match renewal {
            Renewal::Ahead => self.store.read_once_settled()?,
            Renewal::Expired => self.store.read()?,
        };
        let holds = |stored: &Stored| match renewal {
            Renewal::Ahead => stored.is_fresh(now),
            Renewal::Expired => stored.remains(now) > 0,
        };
        match stored {
            Some(stored) if self.is_ours(&stored) && holds(&stored) => Ok(stored.used()),
            Some(stored) if self.is_ours(&stored) => match self.refreshed(None) {
                // A new one was wanted early; the old one still does.
                Err(error) if error.is_temporary() && stored.remains(now) > STILL_GOOD => Ok(stored.used()),
                outcome => outcome,
            },
            other => Err(self.not_signed_in(other.is_some())),
        }
    }

    /// A token other than this one, which the mail server refused.
    pub fn force_refresh(&self, refused: &SecretString) -> Result<AccessToken, SignInError> {
        self.refreshed(Some(refused))
    }

    /// Lets a person sign in. Nothing is kept yet.
    pub fn sign_in(&self, flow: Option<Flow>, person: &mut dyn Person) -> Result<Fresh, SignInError> {
        let endpoint = self.endpoint()?;
        let flow = flow.or(self.oauth.flow).unwrap_or_else(|| self.usual_flow());
        let grant = match flow {
            Flow::Device => device::sign_in(&endpoint, self.access, self.oauth, person)?,
            Flow::Browser => code::by_browser(&endpoint, self.access, self.oauth, person)?,
            Flow::Paste => code::by_paste(&endpoint, self.access, self.oauth, person)?,
        };
        let now = clock::now();
        Ok(Fresh {
            stored: Stored {
                version: store::VERSION,
                client_id: self.oauth.client_id.clone(),
                token_url: self.oauth.token_url.clone(),
                access_token: grant.access_token,
                refresh_token: grant.refresh_token,
                obtained_at: now,
                expires_in: grant.expires_in,
                signed_in_at: now,
                sign_in_ends_at: grant.refresh_expires_in.map(|lifetime| now.saturating_add(lifetime)),
                problem: None,
                ask_again_at: None,
            },
        })
    }

    /// Keeps what a sign-in brought, in the place of any earlier one.
    pub fn keep(&self, fresh: &Fresh) -> Result<(), SignInError> {
        let (lock, _) = self.store.lock(|_| false)?;
        let Some(lock) = lock else { return Err(SignInError::Locked { account: self.access.name.clone() }) };
        self.store.reserve(&lock)?;
        self.store.write(&lock, &fresh.stored)
    }

    /// Forgets the sign-in, and has the provider take it back where it can.
    pub fn forget(&self) -> Result<Revoked, SignInError> {
        let (lock, _) = self.store.lock(|_| false)?;
        let Some(lock) = lock else { return Err(SignInError::Locked { account: self.access.name.clone() }) };
        let stored = match self.store.read_and_settle(&lock) {
            Ok(stored) => stored,
            // What cannot be read can be forgotten all the same.
            Err(SignInError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        let revoked = match (&stored, &self.oauth.revoke_url) {
            (None, _) => Revoked::NotSignedIn,
            (Some(stored), Some(url)) if self.is_ours(stored) => {
                match self.endpoint().and_then(|endpoint| endpoint.revoke(url, stored)) {
                    Ok(()) => Revoked::Yes,
                    Err(error) => Revoked::No(error),
                }
            }
            (Some(_), _) => Revoked::NoAddress,
        };
        self.store.remove(&lock)?;
        Ok(revoked)
    }

    fn usual_flow(&self) -> Flow {
        match (&self.oauth.device_url, &self.oauth.authorize_url) {
            (Some(_), _) => Flow::Device,
            (None, Some(_)) if has_display() => Flow::Browser,
            (None, _) => Flow::Paste,
        }
    }

    fn endpoint(&self) -> Result<Endpoint<'_>, SignInError> {
        Endpoint::new(self.access, self.oauth, self.observer, self.trace)
    }

    /// A refresh under the lock, unless another run has done it. `refused` is the token that will not do.
    fn refreshed(&self, refused: Option<&SecretString>) -> Result<AccessToken, SignInError> {
        let will_do = |stored: &Stored| {
            let now = clock::now();
            self.is_ours(stored)
                && match refused {
                    None => stored.is_fresh(now),
                    Some(refused) => {
                        stored.access_token.0.expose_secret() != refused.expose_secret()
                            && stored.remains(now) > STILL_GOOD
                    }
                }
        };
        let (lock, seen) = self.store.lock(will_do)?;
        let lock = match (lock, seen) {
            (_, Some(stored)) => return Ok(stored.used()),
            (Some(lock), None) => lock,
            (None, None) => return Err(SignInError::Locked { account: self.access.name.clone() }),
        };
        let stored = match self.store.read_and_settle(&lock)? {
            Some(stored) if self.is_ours(&stored) => stored,
            other => return Err(self.not_signed_in(other.is_some())),
        };
        if will_do(&stored) {
            return Ok(stored.used());
        }
        if let Some(seconds) = stored.waits(clock::now()) {
            let host = http::host(&self.oauth.token_url).to_owned();
            return Err(SignInError::AskedToWait { host, seconds });
        }
        let Some(refresh_token) = &stored.refresh_token else {
            let error = SignInError::CannotRenew { account: self.access.name.clone() };
            self.note(&lock, &stored, &error);
            return Err(error);
        };
        self.store.reserve(&lock)?;
        let answer = self.endpoint().and_then(|endpoint| endpoint.refresh(refresh_token));
        match answer {
            Ok(grant) => {
                let fresh = stored.refreshed(grant, clock::now());
                self.store.write(&lock, &fresh)?;
                Ok(AccessToken { secret: fresh.access_token.0.clone(), new: true })
            }
            Err(error) => {
                self.note(&lock, &stored, &error);
                Err(error)
            }
        }
    }

    /// Puts on record why there was no new token. That this fails is not worth another word.
    fn note(&self, lock: &store::Lock, stored: &Stored, error: &SignInError) {
        let before = stored.problem.as_ref().filter(|before| before.since <= clock::now());
        let since = before.map_or_else(clock::now, |before| before.since);
        let problem = Problem { since, needs_person: error.needs_person(), words: error.to_string() };
        let ask_again_at = error.retry_after().map(|seconds| {
            clock::now()
                .saturating_add(UnixTime::try_from(seconds).unwrap_or(UnixTime::MAX).min(LONGEST_WAIT))
        });
        let noted = Stored { problem: Some(problem), ask_again_at, ..stored.clone() };
        let _ = self.store.reserve(lock).and_then(|()| self.store.write(lock, &noted));
    }

    /// Whether a token was given to this client at this address.
    fn is_ours(&self, stored: &Stored) -> bool {
        stored.client_id == self.oauth.client_id && stored.token_url == self.oauth.token_url
    }

    fn not_signed_in(&self, otherwise: bool) -> SignInError {
        SignInError::NotSignedIn { account: self.access.name.clone(), otherwise }
    }
}

/// What is known of an account's sign-in without asking anybody; `None` if nobody has signed in, or the configuration
/// has another client or address since.
pub fn signed_in(access: &Access) -> Result<Option<SignIn>, SignInError> {
    let Some(oauth) = access.oauth() else { return Ok(None) };
    let stored = Store::of(&oauth.state_dir, &access.name).read()?;
    let ours =
        stored.filter(|stored| stored.client_id == oauth.client_id && stored.token_url == oauth.token_url);
    Ok(ours.map(|stored| stored.sign_in(clock::now())))
}

/// Whether a person could see a browser.
pub fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("DISPLAY") || set("WAYLAND_DISPLAY") || cfg!(target_os = "macos")
}

impl Stored {
    /// With what a refresh brought.
    fn refreshed(&self, grant: Grant, now: UnixTime) -> Stored {
        let ends = grant.refresh_expires_in.map(|lifetime| now.saturating_add(lifetime));
        // A new refresh token has a lifetime of its own.
        let ends_as_before = self.sign_in_ends_at.filter(|_| grant.refresh_token.is_none());
        Stored {
            sign_in_ends_at: ends.or(ends_as_before),
            access_token: grant.access_token,
            // RFC 6749, section 6: without a new one the old one goes on.
            refresh_token: grant.refresh_token.or_else(|| self.refresh_token.clone()),
            obtained_at: now,
            expires_in: grant.expires_in,
            problem: None,
            ask_again_at: None,
            ..self.clone()
        }
    }
}
