//! What the ledger remembers about a server from run to run: which commands it does not answer, whether it mixed up
//! answers, and what became of logins.
//!
//! Promises: of a secret nothing is kept but 16 bits of a slow, salted hash, and only of one that is in no file, where
//! the file's time of change says as much; what a server does not answer is remembered for [`REMEMBERED`], and only when
//! the login succeeded without it; no stored time in the future is believed.
//! Must never: count "not now" as a refused password.

use super::rest;
use crate::clock::{self, now};
use crate::config::{self, Access, Account, Config, Pipelining, SecretSource};
use crate::disk;
use crate::ledger::{
    Change, Ledger, LedgerError, LedgerFile, LoginRefused, LoginWorked, Logins, PipeliningFailed, SecretMark,
    Unanswered, UnixTime,
};
use crate::oauth;
use crate::session::Omissions;
use secrecy::SecretString;
use std::cell::RefCell;
use std::path::Path;

/// How long a server's mistakes are remembered, in seconds: 30 days. It may have been repaired then.
const REMEMBERED: UnixTime = 30 * clock::DAY;

/// A secret that worked so long ago at most worked lately.
const LATELY: UnixTime = 7 * clock::DAY;

/// The name under which TOP is remembered.
const TOP: &str = "TOP";

/// The names under which the message is remembered that met the provider's limit first, once and twice.
const LIMIT: &str = "limit";
const LIMIT_TWICE: &str = "limit, twice";

/// Different messages that must have met with silence at TOP before it is given up.
const SILENT_TOPS: usize = 2;

/// What is known about a server before a run or a look, and what they learn.
#[derive(Debug, Default)]
pub struct ServerRecord {
    known: Logins,
    server: String,
    /// Its answers were mixed up when commands were pipelined.
    mixed_up: bool,
    last_login: Option<UnixTime>,
    last_session: Option<UnixTime>,
    /// When the configuration's file and the secret's changed last.
    files: [String; 2],
    /// What is to be put on record.
    learnt: RefCell<Vec<Change>>,
}

impl ServerRecord {
    /// What an account's part of the ledger knows.
    pub fn read(config: &Config, account: &Account, ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let mixed_up = one_at_a_time_until(account, ledger)?.is_some();
        Ok(ServerRecord { mixed_up, ..Self::read_logins(config, &account.access, ledger)? })
    }

    /// What is on record of logins, for an account or a destination.
    pub fn read_logins(config: &Config, access: &Access, ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let secret = match &access.secret {
            SecretSource::File(path) => changed(path),
            // A new sign-in is a new secret; a token that was renewed is not.
            SecretSource::OAuth(_) => signed_in(access),
            _ => String::new(),
        };
        let mut configured = changed(&config.file);
        if access.file != config.file {
            configured += &changed(&access.file);
        }
        let certificate = access.tls_client.as_ref().map(|client| changed(&client.file));
        Ok(ServerRecord {
            known: ledger.logins()?,
            server: server(access),
            mixed_up: false,
            last_login: ledger.last_login()?,
            last_session: ledger.last_active()?,
            files: [configured, secret + &certificate.unwrap_or_default()],
            learnt: RefCell::default(),
        })
    }

    /// The same for a command that only looks, by a ledger that is only read. The server's LOGIN-DELAY does not keep a
    /// person waiting who looks.
    pub fn look(config: &Config, account: &Account) -> Result<Self, LedgerError> {
        let Some(file) = LedgerFile::read_only(&config.state_dir)? else { return Ok(Self::default()) };
        let Some(ledger) = file.existing(&account.identity, &account.archive)? else {
            return Ok(Self::default());
        };
        Ok(ServerRecord { last_login: None, ..Self::read(config, account, &ledger)? })
    }

    /// An error while a refused login rests.
    pub fn may_log_in(&self, access: &Access) -> Result<(), super::ConnectError> {
        match &self.known.refused {
            Some(refused) => rest::check(refused, &self.files.concat(), access),
            None => Ok(()),
        }
    }

    /// Whether it has mixed up its answers lately.
    pub(super) fn is_mixed_up(&self) -> bool {
        self.mixed_up
    }

    pub(super) fn last_login(&self) -> Option<UnixTime> {
        self.last_login
    }

    pub(super) fn last_session(&self) -> Option<UnixTime> {
        self.last_session
    }

    /// What this server is not to be asked on the way to the login.
    pub(super) fn omissions(&self) -> Omissions {
        let mut omissions = Omissions::default();
        for silence in self.silences().filter(|silence| silence.message.is_empty()) {
            omissions.remember(&silence.command);
        }
        omissions
    }

    /// Messages that met with silence at TOP, and whether they are enough to give TOP up.
    pub fn silent_tops(&self) -> (Vec<Vec<u8>>, bool) {
        let silences = self.silences().filter(|silence| silence.command == TOP);
        let messages: Vec<Vec<u8>> = silences.map(|silence| silence.message.clone()).collect();
        let enough = messages.len() >= SILENT_TOPS;
        (messages, enough)
    }

    /// What this server is not asked for now, and until when: for people.
    pub fn left_out(&self) -> Vec<(String, UnixTime)> {
        let login = self.silences().filter(|silence| silence.message.is_empty());
        let mut left_out: Vec<_> = login.map(|silence| (silence.command.clone(), silence.until)).collect();
        let tops = self.silences().filter(|silence| silence.command == TOP).map(|silence| silence.until);
        if self.silent_tops().1 {
            left_out.extend(tops.min().map(|until| (TOP.to_owned(), until)));
        }
        left_out
    }

    fn silences(&self) -> impl Iterator<Item = &Unanswered> {
        let holds = |silence: &&Unanswered| {
            silence.server == self.server && clock::is_to_come(silence.until, REMEMBERED, now())
        };
        self.known.unanswered.iter().filter(holds)
    }

    /// A message met with silence at TOP, and the run got on without it.
    pub fn top_was_silent(&self, message: Vec<u8>) {
        self.learn_silence(TOP.to_owned(), message);
    }

    /// Messages that ended two runs by meeting the provider's limit first.
    pub fn tried_last(&self) -> Vec<Vec<u8>> {
        let twice = self.silences().filter(|silence| silence.command == LIMIT_TWICE);
        twice.map(|silence| silence.message.clone()).collect()
    }

    /// A run ends at this message: it was the first to meet the provider's limit.
    pub fn ended_at(&self, message: Vec<u8>) {
        let once = self.silences().any(|silence| silence.command == LIMIT && silence.message == message);
        self.learn_silence(if once { LIMIT_TWICE } else { LIMIT }.to_owned(), message);
    }

    fn learn_silence(&self, command: String, message: Vec<u8>) {
        let until = now() + REMEMBERED;
        let silence = Unanswered { server: self.server.clone(), command, message, until };
        self.learnt.borrow_mut().push(Change::Unanswered(silence));
    }

    /// A login succeeded, without these things.
    pub(super) fn logged_in(&self, access: &Access, secret: &SecretString, omissions: &Omissions) {
        let known = self.omissions().names();
        for name in omissions.names().into_iter().filter(|name| !known.contains(name)) {
            self.learn_silence(name, Vec::new());
        }
        let on_record = |worked: &LoginWorked| {
            worked.mark.files == self.files.concat() && clock::ago(worked.at, now()).is_some_and(is_of_today)
        };
        if self.known.refused.is_some() || !self.known.worked.as_ref().is_some_and(on_record) {
            let salt = self.known.worked.as_ref().map_or_else(fresh_salt, |worked| worked.mark.salt.clone());
            let login = LoginWorked { mark: self.mark(access, secret, salt), at: now() };
            self.learnt.borrow_mut().push(Change::LoginWorked(login));
        }
    }

    /// The login was refused.
    pub(super) fn refused(&self, access: &Access, secret: &SecretString) {
        let before = self.known.refused.as_ref().filter(|before| clock::ago(before.last_at, now()).is_some());
        let salt = before.map_or_else(fresh_salt, |before| before.mark.salt.clone());
        let mark = self.mark(access, secret, salt);
        let again = before.filter(|before| before.mark == mark);
        let login = LoginRefused {
            times: again.map_or(0, |before| before.times).saturating_add(1),
            worked_lately: again
                .map_or_else(|| self.worked_lately(access, secret), |before| before.worked_lately),
            last_at: now(),
            mark,
        };
        self.learnt.borrow_mut().push(Change::LoginRefused(login));
    }

    /// What is to be put on record by now.
    pub fn take_changes(&self) -> Vec<Change> {
        self.learnt.take()
    }

    fn mark(&self, access: &Access, secret: &SecretString, salt: Vec<u8>) -> SecretMark {
        let digest = is_in_no_file(access).then(|| config::secret_digest(secret, &salt));
        SecretMark { files: self.files.concat(), salt, digest }
    }

    /// Whether this secret let us in within the last days.
    fn worked_lately(&self, access: &Access, secret: &SecretString) -> bool {
        let Some(worked) = &self.known.worked else { return false };
        let lately = clock::ago(worked.at, now()).is_some_and(|ago| ago <= LATELY.unsigned_abs());
        let same = match (&access.secret, worked.mark.digest) {
            (_, Some(digest)) => config::secret_digest(secret, &worked.mark.salt) == digest,
            (SecretSource::File(_), None) => worked.mark.files.ends_with(&self.files[1]),
            _ => worked.mark.files == self.files.concat(),
        };
        lately && same
    }
}

fn is_of_today(ago: u64) -> bool {
    ago < clock::DAY.unsigned_abs()
}

/// Whether no file's time of change tells when the secret changed.
fn is_in_no_file(access: &Access) -> bool {
    matches!(
        access.secret,
        SecretSource::Command(_) | SecretSource::TokenCommand(_) | SecretSource::Environment(_)
    )
}

/// When somebody signed in, in a form that is only ever compared.
fn signed_in(access: &Access) -> String {
    let sign_in = oauth::signed_in(access).ok().flatten();
    sign_in.and_then(|sign_in| sign_in.since).map_or_else(String::new, |since| format!("{since};"))
}

/// When a file changed last, in a form that is only ever compared.
fn changed(path: &Path) -> String {
    disk::last_change(path).unwrap_or_default() + ";"
}

/// A salt need not be secret, nor perfect: without random numbers it is empty.
fn fresh_salt() -> Vec<u8> {
    let mut salt = vec![0; 16];
    match getrandom::fill(&mut salt) {
        Ok(()) => salt,
        Err(_) => Vec::new(),
    }
}

/// What the ledger calls a server.
fn server(access: &Access) -> String {
    format!("{}:{}", access.host, access.port)
}

/// Until when nothing is to be pipelined to this account's server, if that is so now.
pub fn one_at_a_time_until(account: &Account, ledger: &dyn Ledger) -> Result<Option<UnixTime>, LedgerError> {
    if account.pipelining != Pipelining::Auto {
        return Ok(None);
    }
    let failed = ledger.quirks()?.pipelining_failed;
    let holds = |failed: &PipeliningFailed| {
        failed.server == server(&account.access) && clock::is_to_come(failed.until, REMEMBERED, now())
    };
    Ok(failed.filter(holds).map(|failed| failed.until))
}

/// From now on this account's server is known to have mixed up its answers.
pub fn answers_mixed_up(account: &Account) -> PipeliningFailed {
    PipeliningFailed { server: server(&account.access), until: now() + REMEMBERED }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_is_given_up_after_two_messages_and_what_is_for_another_server_says_nothing() {
        let silence = |server: &str, command: &str, message: &[u8], until| Unanswered {
            server: server.to_owned(),
            command: command.to_owned(),
            message: message.to_vec(),
            until,
        };
        let until = now() + 100;
        let book = |unanswered: Vec<Unanswered>| ServerRecord {
            known: Logins { unanswered, ..Logins::default() },
            server: "a:995".to_owned(),
            ..ServerRecord::default()
        };
        let one = silence("a:995", TOP, b"u1", until);
        assert_eq!(book(vec![one.clone()]).silent_tops(), (vec![b"u1".to_vec()], false));
        assert!(book(vec![one.clone(), silence("a:995", TOP, b"u2", until)]).silent_tops().1);
        for other in [
            silence("b:995", TOP, b"u2", until),
            silence("a:995", TOP, b"u2", now()),
            silence("a:995", TOP, b"u2", until + REMEMBERED),
        ] {
            assert!(!book(vec![one.clone(), other.clone()]).silent_tops().1, "{other:?}");
        }
        let capa = book(vec![one, silence("a:995", "CAPA", b"", until)]).omissions();
        assert_eq!(capa.names(), ["CAPA"]);
    }
}
