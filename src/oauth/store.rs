//! The token file `tokens/ACCOUNT.json`, and its lock `tokens/ACCOUNT.lock`: nothing else is ever in that folder.
//!
//! A new content is written beside that folder, `.token-ACCOUNT.new`, synced, and renamed. The room for it is taken before
//! the provider is asked, so that a full disk cannot cost a refresh token that it has just replaced; until the answer is here
//! it holds blanks. The content needs a name while it is synced: what a run that was killed has left there is finished if it
//! is whole, and removed if it is not, by the next run that wants a token.

use super::{AccessToken, SignInError};
use crate::clock::{self, UnixTime};
use crate::disk::{self, AccountLock};
use crate::stop;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The form of the file.
pub(super) const VERSION: u32 = 1;

/// The largest token file that is read, in octets.
const FILE_LIMIT: u64 = 256 << 10;

/// The room that is taken for a new content, in octets: more than an answer of the provider can fill.
const ROOM: usize = 144 << 10;

/// A token is renewed when less than this remains of it, in seconds, or half its lifetime if that is shorter.
const AHEAD: UnixTime = 600;

/// No token is believed to hold for longer, in seconds.
const LONGEST: UnixTime = 366 * clock::DAY;

/// For how long a provider can have us wait, in seconds.
pub(super) const LONGEST_WAIT: UnixTime = clock::DAY;

/// How long another run may have the lock. A request ends long before.
const LOCK_TIME: Duration = Duration::from_secs(90);

/// How often it is tried.
const LOCK_LOOK: Duration = Duration::from_millis(50);

/// A token, which shows itself to nobody but the token file.
#[derive(Clone)]
pub(super) struct Token(pub(super) SecretString);

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Token(SecretString::from(String::deserialize(deserializer)?)))
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

/// What the token file says.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Stored {
    pub(super) version: u32,
    /// To whom the tokens were given, and by whom.
    pub(super) client_id: String,
    pub(super) token_url: String,
    pub(super) access_token: Token,
    pub(super) refresh_token: Option<Token>,
    /// When the access token came, and for how many seconds it holds.
    pub(super) obtained_at: UnixTime,
    pub(super) expires_in: UnixTime,
    /// When a person signed in.
    pub(super) signed_in_at: UnixTime,
    /// When a person has to sign in again, as far as the provider has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sign_in_ends_at: Option<UnixTime>,
    #[serde(default)]
    pub(super) problem: Option<Problem>,
    /// Before this time the provider wants no further request (Retry-After).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ask_again_at: Option<UnixTime>,
}

/// Why the last attempt to renew a token failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Problem {
    /// Since when it has been so.
    pub since: UnixTime,
    /// Nothing helps but a person who signs in.
    pub needs_person: bool,
    /// What happened and what to do, in words.
    pub words: String,
}

/// What is known of a sign-in without asking anybody. A time that lies in the future was a wrong clock's: it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// When a person signed in.
    pub since: Option<UnixTime>,
    /// When the access token came.
    pub refreshed: Option<UnixTime>,
    /// When a person has to sign in again, as far as the provider has said.
    pub ends: Option<UnixTime>,
    /// Why the last attempt to renew it failed, if it did.
    pub problem: Option<Problem>,
}

impl Stored {
    /// For how many seconds the access token still holds: 0 if it came in the future, which is a clock that was wrong.
    pub(super) fn remains(&self, now: UnixTime) -> UnixTime {
        if clock::ago(self.obtained_at, now).is_none() {
            return 0;
        }
        let lifetime = self.expires_in.clamp(0, LONGEST);
        self.obtained_at.max(0).saturating_add(lifetime).saturating_sub(now).max(0)
    }

    pub(super) fn is_fresh(&self, now: UnixTime) -> bool {
        self.remains(now) > AHEAD.min(self.expires_in.clamp(0, LONGEST) / 2)
    }

    /// For how many seconds the provider wants no further request. A time that is further away than any that is stored
    /// came from a wrong clock: it is not believed.
    pub(super) fn waits(&self, now: UnixTime) -> Option<u64> {
        let at = self.ask_again_at.filter(|at| clock::is_to_come(*at, LONGEST_WAIT, now))?;
        u64::try_from(at - now).ok()
    }

    pub(super) fn used(&self) -> AccessToken {
        AccessToken { secret: self.access_token.0.clone(), new: false }
    }

    pub(super) fn sign_in(&self, now: UnixTime) -> SignIn {
        let believed = |at: UnixTime| (at <= now).then_some(at);
        SignIn {
            since: believed(self.signed_in_at),
            refreshed: believed(self.obtained_at),
            ends: self.sign_in_ends_at,
            problem: self.problem.clone(),
        }
    }
}

/// Held while the file is changed.
pub(super) struct Lock {
    _held: AccountLock,
}

/// Where an account's tokens are.
pub(super) struct Store {
    account: String,
    folder: PathBuf,
    file: PathBuf,
    lock: PathBuf,
    draft: PathBuf,
}

impl Store {
    pub(super) fn of(state_dir: &Path, account: &str) -> Store {
        let folder = state_dir.join("tokens");
        Store {
            account: account.to_owned(),
            file: folder.join(format!("{account}.json")),
            lock: folder.join(format!("{account}.lock")),
            draft: state_dir.join(format!(".token-{account}.new")),
            folder,
        }
    }

    /// What is on disk now.
    pub(super) fn read(&self) -> Result<Option<Stored>, SignInError> {
        match disk::read_private(&self.file, FILE_LIMIT).map_err(|source| self.failed(source))? {
            None => Ok(None),
            Some(octets) => match parsed(octets) {
                Some(stored) => Ok(Some(stored)),
                None => Err(SignInError::Damaged {
                    path: self.file.display().to_string(),
                    account: self.account.clone(),
                }),
            },
        }
    }

    /// What is on disk now, once what a run that was killed left is settled. A run that is at work sees to its own.
    pub(super) fn read_once_settled(&self) -> Result<Option<Stored>, SignInError> {
        if disk::is_there(&self.draft)
            && let Some(held) = AccountLock::try_take(&self.lock).map_err(|source| self.failed(source))?
        {
            return self.read_and_settle(&Lock { _held: held });
        }
        self.read()
    }

    /// Takes the lock. If another run has it, this waits for it; if what that run leaves will do, nobody needs
    /// the lock.
    pub(super) fn lock(
        &self,
        will_do: impl Fn(&Stored) -> bool,
    ) -> Result<(Option<Lock>, Option<Stored>), SignInError> {
        disk::make_private_dirs(&self.folder).map_err(|source| self.failed(source))?;
        let until = Instant::now() + LOCK_TIME;
        loop {
            let taken = AccountLock::try_take(&self.lock).map_err(|source| self.failed(source))?;
            if let Some(lock) = taken {
                return Ok((Some(Lock { _held: lock }), None));
            }
            if let Ok(Some(stored)) = self.read()
                && will_do(&stored)
            {
                return Ok((None, Some(stored)));
            }
            stop::check()?;
            if until <= Instant::now() {
                return Ok((None, None));
            }
            stop::pause(LOCK_LOOK);
        }
    }

    /// What is on disk, once what a run that was killed left is settled.
    pub(super) fn read_and_settle(&self, _: &Lock) -> Result<Option<Stored>, SignInError> {
        let failed = |source| self.failed(source);
        if let Some(draft) = disk::read_private(&self.draft, FILE_LIMIT).map_err(failed)? {
            if parsed(draft).is_some() {
                // It is whole, but nobody has seen it synced.
                disk::sync_file(&self.draft).map_err(failed)?;
                disk::replace_private(&self.draft, &self.file).map_err(failed)?;
            } else {
                disk::remove(&self.draft).map_err(failed)?;
            }
        }
        self.read()
    }

    /// Takes the room for a new content.
    pub(super) fn reserve(&self, _: &Lock) -> Result<(), SignInError> {
        let failed = |source| self.failed(source);
        disk::remove(&self.draft).map_err(failed)?;
        disk::write_new_private(&self.draft, &vec![b' '; ROOM]).map_err(failed)
    }

    /// Puts a new content into the room that was taken, and that in the place of the file. Durable when it returns.
    pub(super) fn write(&self, _: &Lock, stored: &Stored) -> Result<(), SignInError> {
        let failed = |source| self.failed(source);
        let text = serde_json::to_vec(stored).map(Zeroizing::new).map_err(io::Error::from).map_err(failed)?;
        disk::rewrite_private(&self.draft, &text).map_err(failed)?;
        disk::replace_private(&self.draft, &self.file).map_err(failed)
    }

    /// Removes the file.
    pub(super) fn remove(&self, _: &Lock) -> Result<(), SignInError> {
        disk::remove(&self.draft)
            .and_then(|()| disk::remove(&self.file))
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> SignInError {
        SignInError::File { path: self.file.display().to_string(), source }
    }
}

fn parsed(octets: Vec<u8>) -> Option<Stored> {
    let octets = Zeroizing::new(octets);
    serde_json::from_slice::<Stored>(&octets).ok().filter(|stored| stored.version == VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = clock::RELEASE + 1_000_000;

    fn stored(obtained_at: UnixTime, expires_in: UnixTime, refresh_token: &str) -> Stored {
        Stored {
            version: VERSION,
            client_id: "client".to_owned(),
            token_url: "https://login.example/token".to_owned(),
            access_token: Token("access".into()),
            refresh_token: Some(Token(refresh_token.into())),
            obtained_at,
            expires_in,
            signed_in_at: NOW - 5,
            sign_in_ends_at: None,
            problem: None,
            ask_again_at: None,
        }
    }

    #[test]
    fn a_token_is_renewed_ahead_of_its_end_and_not_believed_from_the_future() {
        let fresh = |age: UnixTime, lifetime| stored(NOW.saturating_sub(age), lifetime, "r").is_fresh(NOW);
        assert!(fresh(2999, 3600) && !fresh(3000, 3600), "ten minutes");
        assert!(fresh(59, 120) && !fresh(60, 120), "half of it");
        assert!(!fresh(-1, 3600), "a clock that was wrong");
        assert!(!fresh(0, 0) && !fresh(0, -5) && !fresh(i64::MIN, i64::MAX) && !fresh(i64::MAX, i64::MAX));
        assert!(!stored(i64::MIN, i64::MAX, "r").is_fresh(NOW), "nothing holds for ever");
    }

    #[test]
    fn no_clock_makes_a_wait_longer_than_a_day() {
        let waits = |at| Stored { ask_again_at: at, ..stored(NOW, 3600, "r") }.waits(NOW);
        assert_eq!(waits(Some(NOW + 7)), Some(7));
        assert_eq!(waits(Some(NOW + clock::DAY)), Some(86_400));
        for at in [None, Some(NOW), Some(NOW + clock::DAY + 1), Some(i64::MAX), Some(i64::MIN)] {
            assert_eq!(waits(at), None, "{at:?}");
        }
    }

    #[test]
    fn what_a_killed_run_left_is_settled_by_the_next_that_wants_a_token() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::of(home.path(), "work");
        let (lock, _) = store.lock(|_| false).unwrap();
        let lock = lock.unwrap();
        store.reserve(&lock).unwrap();
        store.write(&lock, &stored(NOW, 3600, "first")).unwrap();
        let next = serde_json::to_vec(&stored(NOW, 3600, "second")).unwrap();
        disk::write_new_private(&store.draft, &next).unwrap();
        let refresh_token = || {
            store.read_once_settled().unwrap().unwrap().refresh_token.unwrap().0.expose_secret().to_owned()
        };
        assert_eq!(refresh_token(), "first", "another run has the lock: it is its draft");
        assert!(disk::is_there(&store.draft));
        drop(lock);
        assert_eq!(refresh_token(), "second");
        assert!(!disk::is_there(&store.draft));
    }

    #[test]
    fn what_a_killed_run_left_is_finished_if_it_is_whole_and_removed_if_not() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::of(home.path(), "work");
        let refresh_token = |store: &Store, lock: &Lock| {
            let stored = store.read_and_settle(lock).unwrap().unwrap();
            stored.refresh_token.unwrap().0.expose_secret().to_owned()
        };
        let (lock, _) = store.lock(|_| false).unwrap();
        let lock = lock.unwrap();
        assert!(store.read_and_settle(&lock).unwrap().is_none());
        store.reserve(&lock).unwrap();
        store.write(&lock, &stored(NOW, 3600, "first")).unwrap();
        assert_eq!(refresh_token(&store, &lock), "first");

        store.reserve(&lock).unwrap();
        assert_eq!(refresh_token(&store, &lock), "first", "killed while it waited for the provider");

        let next = serde_json::to_vec(&stored(NOW, 3600, "second")).unwrap();
        disk::write_new_private(&store.draft, &next[..next.len() - 1]).unwrap();
        assert_eq!(refresh_token(&store, &lock), "first", "killed while it wrote");

        disk::write_new_private(&store.draft, &[next, vec![b' '; 99]].concat()).unwrap();
        assert_eq!(refresh_token(&store, &lock), "second", "killed before it renamed");
        let names = |path: &Path| disk::names_in(path).unwrap();
        assert_eq!(names(&home.path().join("tokens")), ["work.json", "work.lock"]);
        assert_eq!(names(home.path()), ["tokens"]);
        store.remove(&lock).unwrap();
        assert!(store.read().unwrap().is_none());
    }

    #[test]
    fn a_token_file_that_others_can_use_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::of(home.path(), "work");
        disk::make_private_dirs(&store.folder).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &store.file).unwrap();
        assert!(matches!(store.read(), Err(SignInError::File { .. })));
        disk::remove(&store.file).unwrap();
        disk::write_new_private(&store.file, b"{}").unwrap();
        assert!(matches!(store.read(), Err(SignInError::Damaged { .. })));
        rustix::fs::chmod(&store.file, rustix::fs::Mode::from_raw_mode(0o640)).unwrap();
        assert!(matches!(store.read(), Err(SignInError::File { .. })));
    }
}
