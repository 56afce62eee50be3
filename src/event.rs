//! What happens in a run, as facts: the core emits these, somebody else draws them.

use crate::clock::{DAY, UnixTime};
use crate::exit::Exit;
use crate::text::dates::day;
use crate::text::figures::size;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Who watches a run. Called from several threads.
pub trait Observer: Send + Sync {
    /// Something happened to `account`.
    fn event(&self, account: &str, event: Event<'_>);
}

/// Who watches the run of one account.
#[derive(Clone, Copy)]
pub struct Reporter<'a> {
    account: &'a str,
    observer: &'a dyn Observer,
}

impl<'a> Reporter<'a> {
    /// Reports what happens to `account`.
    pub fn new(account: &'a str, observer: &'a dyn Observer) -> Self {
        Reporter { account, observer }
    }

    /// Something happened.
    pub fn event(self, event: Event<'_>) {
        self.observer.event(self.account, event);
    }
}

/// How far a first look at an archive has come: mail in it that no row explains is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looking {
    /// How much was read.
    pub done: u64,
    /// Of how much.
    pub all: u64,
    /// In octets of an mbox; otherwise in files.
    pub in_octets: bool,
}

/// One fact. Text that came from a server is raw here; whoever shows it escapes it.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// Work on the account begins.
    Started,
    /// The TCP connection and TLS, if any, stand.
    Connected {
        /// TLS is on.
        encrypted: bool,
    },
    /// Before that: a first look at the archive, from its beginning (nothing is done) to its end.
    Looking(Looking),
    /// Logged in.
    LoggedIn,
    /// The maildrop is listed and the plan is made.
    Planned {
        /// Messages listed.
        listed: u64,
        /// Messages to fetch.
        to_fetch: u64,
        /// Their octets, as far as LIST says.
        octets: u64,
    },
    /// Octets of a message came in.
    Received {
        /// How many.
        octets: u64,
    },
    /// A message is durable and on record.
    Stored {
        /// How many since the last such event.
        messages: u64,
    },
    /// The server accepted a DELE; QUIT has not confirmed it yet.
    Marked,
    /// QUIT confirmed this many deletions.
    Deleted {
        /// How many.
        messages: u64,
    },
    /// Something a person should know that is no failure.
    Note(&'a str),
    /// A line of the protocol, secrets masked.
    Trace {
        /// `C` from us, `S` from the server.
        side: Side,
        /// The line without its line end.
        line: &'a [u8],
    },
    /// The account is done.
    Finished(&'a Summary),
}

/// Who said a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// We.
    Client,
    /// The server.
    Server,
}

/// How an account's run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that was due is done.
    Ok,
    /// The run came to its end, but messages are missing or deletions failed.
    Partial,
    /// The run broke off.
    Failed,
    /// Nothing was tried (a signal came first, say).
    Skipped,
}

impl Outcome {
    /// The word scripts see.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Partial => "partial",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        }
    }
}

/// A listed message that the archive does not hold, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its number in the last listing.
    pub number: u32,
    /// Its UID, if it has one.
    pub uid: Option<Box<[u8]>>,
    /// Why, in words; may hold a server's raw text. Shared, since a session that breaks off early leaves a million
    /// messages with the same reason.
    pub reason: Arc<str>,
    /// Left by the user's own settings, such as `max_size` or `--limit`: no failure.
    pub chosen: bool,
}

/// What a person should know although nothing has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The ledger's backup has taken its place.
    LedgerRestored {
        /// When the backup was made.
        made_at: UnixTime,
        /// Where the ledger is now, if it was a damaged copy; `None` if it was lost.
        damaged: Option<PathBuf>,
    },
    /// The server's certificate ends soon. If it is not renewed, no run can log in.
    CertificateEnds {
        /// When.
        at: UnixTime,
    },
    /// A person has to sign in again soon.
    SignInEnds {
        /// When.
        at: UnixTime,
    },
    /// The archive's disk will be full soon.
    DiskNearlyFull {
        /// Octets that it has left.
        free: u64,
    },
    /// `verify` has not been run for long.
    NotVerified {
        /// When it last was; `None`: never.
        since: Option<UnixTime>,
    },
}

impl Warning {
    /// The word scripts see.
    pub fn word(&self) -> &'static str {
        match self {
            Warning::LedgerRestored { .. } => "ledger-restored",
            Warning::CertificateEnds { .. } => "certificate-ends",
            Warning::SignInEnds { .. } => "sign-in-ends",
            Warning::DiskNearlyFull { .. } => "disk-nearly-full",
            Warning::NotVerified { .. } => "not-verified",
        }
    }
}

impl Warning {
    /// A warning with the same sign says the same once more.
    pub fn sign(&self) -> String {
        match self {
            Warning::LedgerRestored { made_at: at, .. }
            | Warning::CertificateEnds { at }
            | Warning::SignInEnds { at } => format!("{} {at}", self.word()),
            _ => self.word().to_owned(),
        }
    }

    /// For how many seconds a quiet run does not say the same again.
    pub fn told_every(&self) -> UnixTime {
        match self {
            // Nothing gets worse by the day.
            Warning::NotVerified { .. } => 30 * DAY,
            _ => 7 * DAY,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::LedgerRestored { made_at, damaged: None } => {
                write!(f, "the ledger was lost; its backup of {} has taken its place", day(*made_at))
            }
            Warning::LedgerRestored { made_at, damaged: Some(aside) } => write!(
                f,
                "the ledger was a damaged copy and is now {}; its backup of {} has taken its place",
                aside.display(),
                day(*made_at)
            ),
            Warning::CertificateEnds { at } => write!(
                f,
                "the server's certificate ends on {}; if the provider does not renew it, no mail can be fetched after that",
                day(*at)
            ),
            Warning::SignInEnds { at } => {
                write!(
                    f,
                    "the sign-in ends on {}; run `popkeep login` for this account before that",
                    day(*at)
                )
            }
            Warning::DiskNearlyFull { free } => {
                write!(f, "the archive's disk is nearly full: {} left; make room", size(*free))
            }
            Warning::NotVerified { since: Some(since) } => write!(
                f,
                "the archive was last verified on {}; run `popkeep verify` for this account, or let cron do it",
                day(*since)
            ),
            Warning::NotVerified { since: None } => write!(
                f,
                "the archive was never verified; run `popkeep verify` for this account, or let cron do it"
            ),
        }
    }
}

/// What is not to be told again yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Numbers of missing messages.
    pub messages: HashSet<u32>,
    /// Warnings of the run.
    pub warnings: Vec<Warning>,
}

/// The reconciliation of one account's run. `listed == archived + removed + missing.len()`, always.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The account's name.
    pub account: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code it calls for.
    pub exit: Exit,
    /// Why it failed.
    pub error: Option<String>,
    /// Messages the server listed: the union of STAT, LIST and UIDL.
    pub listed: u64,
    /// Listed messages that the archive holds now.
    pub archived: u64,
    /// Messages fetched and stored in this run.
    pub fetched: u64,
    /// Octets of them, as stored.
    pub octets: u64,
    /// Deletions that QUIT confirmed.
    pub deleted: u64,
    /// Listed messages that were archived and that somebody has removed from the archive since.
    pub removed: u64,
    /// Deletions that were due and are not done because the local copy is gone or changed.
    pub kept_no_copy: u64,
    /// Octets of these, as listed.
    pub kept_octets: u64,
    /// What is neither archived nor removed.
    pub missing: Vec<Missing>,
    /// What a person should know beside that.
    pub warnings: Vec<Warning>,
    /// When the server's certificate ends, in Unix time.
    pub certificate_ends: Option<UnixTime>,
    /// Octets that the archive's disk has left.
    pub free: Option<u64>,
    /// What a quiet run has told of lately; empty for any other run.
    pub told: Told,
    /// How long it took.
    pub seconds: f64,
}

impl Summary {
    /// Messages that the user's own `max_size`, `--limit` or filter left on the server.
    pub fn left(&self) -> u64 {
        self.missing.iter().filter(|message| message.chosen).count() as u64
    }

    /// Messages that should be in the archive and are not.
    pub fn really_missing(&self) -> impl Iterator<Item = &Missing> {
        self.missing.iter().filter(|message| !message.chosen)
    }

    /// Of a run that has seen no message.
    pub fn of_nothing(account: &str, outcome: Outcome, exit: Exit, error: Option<String>) -> Self {
        Summary {
            account: account.to_owned(),
            outcome,
            exit,
            error,
            listed: 0,
            archived: 0,
            fetched: 0,
            octets: 0,
            deleted: 0,
            removed: 0,
            kept_no_copy: 0,
            kept_octets: 0,
            missing: Vec::new(),
            warnings: Vec::new(),
            certificate_ends: None,
            free: None,
            told: Told::default(),
            seconds: 0.0,
        }
    }
}
