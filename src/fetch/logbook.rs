//! What is remembered of the way to a server from run to run: what it does not answer, and what became of logins.
//!
//! A refused login is not tried again at each of cron's runs, for providers lock accounts that knock too often:
//! it rests for longer each time. It is tried at once when the configuration or the secret has changed, and
//! whenever a person runs popkeep: standard input or standard error is a terminal.
//!
//! Promises: of a secret nothing is kept but 16 bits of a slow, salted hash, and only of one that stands in no file,
//! where the file's time of change says as much; what a server does not answer is remembered for [`REMEMBERED`],
//! and only when the login succeeded without it; no stored time in the future is believed.
//! Must never: keep a person from trying; count "not now" as a refused password.

use super::disorder::{REMEMBERED, server};
use super::error::AccountError;
use super::{minute, now};
use crate::clock;
use crate::config::{self, Account, Config, SecretSource};
use crate::disk;
use crate::ledger::{Change, LoginRefused, LoginWorked, Logins, SecretMark, Unanswered, UnixTime};
use crate::session::Omissions;
use secrecy::SecretString;
use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::path::Path;

const HOUR: UnixTime = 3_600;

/// For how long a login rests after its first, second, … refusal; the last one counts from then on.
const RESTS: [UnixTime; 4] = [HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR];

/// The same for a secret that worked [lately](LATELY): the refusal may well be the server's mistake.
const SHORT_RESTS: [UnixTime; 5] = [HOUR / 4, HOUR / 2, HOUR, 2 * HOUR, 4 * HOUR];

/// A secret that worked so long ago at most worked lately.
const LATELY: UnixTime = 7 * clock::DAY;

/// Cron is not exact to the second.
const SLACK: UnixTime = 30;

/// The name under which TOP is remembered.
const TOP: &str = "TOP";

/// The names under which the message is remembered that met the provider's limit first, once and twice.
const LIMIT: &str = "limit";
const LIMIT_TWICE: &str = "limit, twice";

/// Different messages that must have met with silence at TOP before it is given up.
const SILENT_TOPS: usize = 2;

/// What is remembered for one run, and what it learns.
#[derive(Debug, Default)]
pub(super) struct Logbook {
    known: Logins,
    server: String,
    /// When the configuration's file and the secret's changed last.
    files: [String; 2],
    /// What is to be put on record.
    learnt: RefCell<Vec<Change>>,
}

impl Logbook {
    /// What is on record for this account.
    pub(super) fn new(config: &Config, account: &Account, known: Logins) -> Self {
        let secret = match &account.secret {
            SecretSource::File(path) => changed(path),
            _ => String::new(),
        };
        let certificate = account.tls_client.as_ref().map(|client| changed(&client.file));
        let files = [changed(&config.file), secret + &certificate.unwrap_or_default()];
        Logbook { known, server: server(account), files, learnt: RefCell::default() }
    }

    /// An error while a refused login rests.
    pub(super) fn may_log_in(&self, account: &Account) -> Result<(), AccountError> {
        if io::stdin().is_terminal() || io::stderr().is_terminal() {
            return Ok(());
        }
        let Some(refused) = &self.known.refused else { return Ok(()) };
        let Some(until) = rests_until(refused, now()) else { return Ok(()) };
        if refused.mark.files != self.files.concat() {
            return Ok(());
        }
        if let Some(before) = refused.mark.digest {
            // Without a secret there is no login: the run itself will say why.
            let Ok(secret) = config::obtain(account) else { return Ok(()) };
            if config::secret_digest(&secret, &refused.mark.salt) != before {
                return Ok(());
            }
        }
        Err(AccountError::Resting {
            times: refused.times,
            since: minute(refused.last_at),
            until: minute(until),
        })
    }

    /// What this server is not to be asked on the way to the login.
    pub(super) fn omissions(&self) -> Omissions {
        let mut omissions = Omissions::default();
        for silence in self.silences().filter(|silence| silence.message.is_empty()) {
            omissions.remember(&silence.command);
        }
        omissions
    }

    /// Messages that met with silence at TOP, and whether that is so many that none is to be asked for.
    pub(super) fn silent_tops(&self) -> (Vec<Vec<u8>>, bool) {
        let silences = self.silences().filter(|silence| silence.command == TOP);
        let messages: Vec<Vec<u8>> = silences.map(|silence| silence.message.clone()).collect();
        let enough = messages.len() >= SILENT_TOPS;
        (messages, enough)
    }

    /// What this server is not asked for now, and until when: for people.
    pub(super) fn left_out(&self) -> Vec<(String, UnixTime)> {
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
    pub(super) fn top_was_silent(&self, message: Vec<u8>) {
        self.learn_silence(TOP.to_owned(), message);
    }

    /// Messages that ended two runs by meeting the provider's limit first.
    pub(super) fn tried_last(&self) -> Vec<Vec<u8>> {
        let twice = self.silences().filter(|silence| silence.command == LIMIT_TWICE);
        twice.map(|silence| silence.message.clone()).collect()
    }

    /// A run ends at this message: it was the first to meet the provider's limit.
    pub(super) fn ended_at(&self, message: Vec<u8>) {
        let once = self.silences().any(|silence| silence.command == LIMIT && silence.message == message);
        self.learn_silence(if once { LIMIT_TWICE } else { LIMIT }.to_owned(), message);
    }

    fn learn_silence(&self, command: String, message: Vec<u8>) {
        let until = now() + REMEMBERED;
        let silence = Unanswered { server: self.server.clone(), command, message, until };
        self.learnt.borrow_mut().push(Change::Unanswered(silence));
    }

    /// A login succeeded, without these things.
    pub(super) fn logged_in(&self, account: &Account, secret: &SecretString, omissions: &Omissions) {
        let known = self.omissions().names();
        for name in omissions.names().into_iter().filter(|name| !known.contains(name)) {
            self.learn_silence(name, Vec::new());
        }
        let on_record = |worked: &LoginWorked| {
            worked.mark.files == self.files.concat() && clock::ago(worked.at, now()).is_some_and(is_of_today)
        };
        if self.known.refused.is_some() || !self.known.worked.as_ref().is_some_and(on_record) {
            let salt = self.known.worked.as_ref().map_or_else(fresh_salt, |worked| worked.mark.salt.clone());
            let login = LoginWorked { mark: self.mark(account, secret, salt), at: now() };
            self.learnt.borrow_mut().push(Change::LoginWorked(login));
        }
    }

    /// The login was refused.
    pub(super) fn refused(&self, account: &Account, secret: &SecretString) {
        let before = self.known.refused.as_ref().filter(|before| clock::ago(before.last_at, now()).is_some());
        let salt = before.map_or_else(fresh_salt, |before| before.mark.salt.clone());
        let mark = self.mark(account, secret, salt);
        let again = before.filter(|before| before.mark == mark);
        let login = LoginRefused {
            times: again.map_or(0, |before| before.times).saturating_add(1),
            worked_lately: again
                .map_or_else(|| self.worked_lately(account, secret), |before| before.worked_lately),
            last_at: now(),
            mark,
        };
        self.learnt.borrow_mut().push(Change::LoginRefused(login));
    }

    /// What is to be put on record by now.
    pub(super) fn take_changes(&self) -> Vec<Change> {
        self.learnt.take()
    }

    fn mark(&self, account: &Account, secret: &SecretString, salt: Vec<u8>) -> SecretMark {
        let digest = is_in_no_file(account).then(|| config::secret_digest(secret, &salt));
        SecretMark { files: self.files.concat(), salt, digest }
    }

    /// Whether this secret let us in within the last days.
    fn worked_lately(&self, account: &Account, secret: &SecretString) -> bool {
        let Some(worked) = &self.known.worked else { return false };
        let lately = clock::ago(worked.at, now()).is_some_and(|ago| ago <= LATELY.unsigned_abs());
        let same = match (&account.secret, worked.mark.digest) {
            (_, Some(digest)) => config::secret_digest(secret, &worked.mark.salt) == digest,
            (SecretSource::File(_), None) => worked.mark.files.ends_with(&self.files[1]),
            _ => worked.mark.files == self.files.concat(),
        };
        lately && same
    }
}

/// Until when a refused login rests, if it does now.
fn rests_until(refused: &LoginRefused, now: UnixTime) -> Option<UnixTime> {
    clock::ago(refused.last_at, now)?;
    let rests: &[UnixTime] = if refused.worked_lately { &SHORT_RESTS } else { &RESTS };
    let place = (refused.times.max(1) as usize - 1).min(rests.len() - 1);
    let until = refused.last_at + rests[place];
    (now + SLACK < until).then_some(until)
}

fn is_of_today(ago: u64) -> bool {
    ago < clock::DAY.unsigned_abs()
}

/// Whether no file's time of change tells when this account's secret changed.
fn is_in_no_file(account: &Account) -> bool {
    matches!(
        account.secret,
        SecretSource::Command(_) | SecretSource::TokenCommand(_) | SecretSource::Environment(_)
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixTime = 1_795_000_000;

    fn refused(times: u32, worked_lately: bool) -> LoginRefused {
        LoginRefused { mark: SecretMark::default(), times, last_at: NOON, worked_lately }
    }

    #[test]
    fn a_refused_login_rests_for_longer_each_time() {
        let rest = |times, lately| {
            let until = rests_until(&refused(times, lately), NOON).unwrap();
            assert_eq!(rests_until(&refused(times, lately), until - SLACK), None);
            assert_eq!(rests_until(&refused(times, lately), until - SLACK - 1), Some(until));
            (until - NOON) / 60
        };
        let all = |lately| (1..=7).map(|times| rest(times, lately)).collect::<Vec<_>>();
        assert_eq!(all(false), [60, 240, 720, 1440, 1440, 1440, 1440]);
        assert_eq!(all(true), [15, 30, 60, 120, 240, 240, 240]);
    }

    #[test]
    fn a_refusal_in_the_future_counts_as_never() {
        assert_eq!(rests_until(&refused(4, false), NOON - 1), None);
        assert_eq!(rests_until(&refused(u32::MAX, false), NOON + 10 * clock::DAY), None);
    }

    #[test]
    fn top_is_given_up_after_two_messages_and_what_is_for_another_server_says_nothing() {
        let silence = |server: &str, command: &str, message: &[u8], until| Unanswered {
            server: server.to_owned(),
            command: command.to_owned(),
            message: message.to_vec(),
            until,
        };
        let until = now() + 100;
        let book = |unanswered: Vec<Unanswered>| Logbook {
            known: Logins { unanswered, ..Logins::default() },
            server: "a:995".to_owned(),
            ..Logbook::default()
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
