//! What the ledger knows of an account, gathered for a report: how its archive has grown, how its runs went, what is
//! missing, what would be deleted.
//!
//! | file | what it finds out |
//! | --- | --- |
//! | `growth` | messages and octets, by month, quarter or year |
//! | `runs` | runs by day, how they ended, and how long they took |
//! | `problems` | what a person should look at |
//! | `deletion` | what the `delete` setting would delete now |
//!
//! Promises: connects nowhere and changes nothing; the archive itself is not looked at, so that a report can be made while
//! its disk is away, and holds no subject and no sender; what it gathers is bounded, however many messages and runs there are.

mod deletion;
mod growth;
mod problems;
mod runs;

pub use deletion::Due;
pub use growth::{Growth, Period, Unit, Year};
pub use problems::{Health, Problem};
pub use runs::{Day, DayState, Runs, Took};

use crate::config::{Account, Config};
use crate::ledger::{History, Ledger as _, LedgerError, LedgerFile, SqliteLedger, UnixTime};
use crate::mail::id::MessageId;
use crate::search::query::Period as Days;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// So many of the largest messages are told.
const LARGEST: usize = 10;

/// Which time a report is about.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// When it is made.
    pub now: UnixTime,
    /// Only what was archived, and which runs began, on this day or later counts; `None`: all messages, and the runs of the
    /// last twelve weeks.
    pub since: Option<Date>,
}

impl Scope {
    /// When `since` begins.
    fn from(&self) -> Option<UnixTime> {
        Days { from: self.since, before: None }.instants(&TimeZone::system()).0
    }
}

/// What is known of an account at the cost of a look.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// As `status` tells it, without weeks.
    pub history: History,
    /// How its archive has grown.
    pub growth: Growth,
    /// How its runs went.
    pub runs: Runs,
    /// What a person should look at, the worst first.
    pub problems: Vec<Problem>,
}

/// What costs a look at each message.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// The largest messages, by descending size.
    pub largest: Vec<Large>,
    /// What would be deleted from the server.
    pub due: Due,
}

/// A large message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    /// Its message ID.
    pub id: MessageId,
    /// Octets of its stored form.
    pub size: u64,
    /// When it was archived.
    pub archived_at: UnixTime,
}

impl Facts {
    /// How the account fares.
    pub fn health(&self) -> Health {
        self.problems.iter().map(Problem::health).max().unwrap_or(Health::Good)
    }

    /// Whether the ledger could not be read.
    pub fn is_unreadable(&self) -> bool {
        self.problems.iter().any(|problem| matches!(problem, Problem::Unreadable(_)))
    }

    /// Of an account whose ledger cannot be read.
    pub fn unreadable(error: &LedgerError) -> Facts {
        Facts { problems: vec![Problem::Unreadable(error.to_string())], ..Facts::default() }
    }
}

/// Gathers what a report has of each account.
pub struct Gatherer<'c> {
    config: &'c Config,
    ledger: Option<LedgerFile>,
    scope: Scope,
}

impl<'c> Gatherer<'c> {
    /// Opens the ledger to read.
    pub fn open(config: &'c Config, scope: Scope) -> Result<Gatherer<'c>, LedgerError> {
        Ok(Gatherer { config, ledger: LedgerFile::read_only(&config.state_dir)?, scope })
    }

    /// The facts of an account. `sign_in`: nobody can log in before a person has signed in.
    pub fn facts(&self, account: &Account, sign_in: bool) -> Result<Facts, LedgerError> {
        let Scope { now, since } = self.scope;
        let (history, days, log) = match self.ledger(account)? {
            None => (History::default(), Vec::new(), Vec::new()),
            Some(ledger) => (ledger.history(now, 0)?, ledger.archived_days()?, ledger.log()?),
        };
        let runs = Runs::of(&log, self.scope);
        let growth = Growth::of(&days, now, since, runs.from);
        let mut facts = Facts { history, growth, runs, problems: Vec::new() };
        facts.problems = problems::find(&facts.history, sign_in, now);
        Ok(facts)
    }

    /// The rest.
    pub fn details(&self, account: &Account) -> Result<Details, LedgerError> {
        let (scope, config) = (self.scope, self.config);
        let Some(ledger) = self.ledger(account)? else { return Ok(Details::default()) };
        let largest = ledger.largest(scope.from().unwrap_or(UnixTime::MIN), LARGEST)?;
        let largest = largest.iter().map(|row| Large {
            id: MessageId::of(&row.digest),
            size: row.size,
            archived_at: row.archived_at,
        });
        let due = deletion::due(config, account, &ledger, scope.now)?;
        Ok(Details { largest: largest.collect(), due })
    }

    fn ledger(&self, account: &Account) -> Result<Option<SqliteLedger>, LedgerError> {
        match &self.ledger {
            None => Ok(None),
            Some(file) => file.existing(&account.identity, &account.archive),
        }
    }
}
