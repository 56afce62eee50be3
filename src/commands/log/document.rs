//! The log as scripts read it: one JSON document.

use super::Line;
use crate::commands::run_document::Figures;
use crate::config::Account;
use crate::exit::Exit;
use crate::ledger::{LedgerError, Logged, LoggedRun, RunDay};
use crate::progress::wording::printable;
use crate::text::dates::rfc3339;
use serde::Serialize;

/// The document of `log --json`.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    exit: u8,
    accounts: Vec<AccountLog>,
}

#[derive(Debug, Serialize)]
struct AccountLog {
    name: String,
    error: Option<String>,
    /// The newest first.
    runs: Vec<Run>,
    /// Older runs by day, the newest first.
    days: Vec<Day>,
}

#[derive(Debug, Serialize)]
struct Run {
    /// RFC 3339, like the next.
    started: Option<String>,
    ended: Option<String>,
    /// `None` also if the clock was set back meanwhile.
    seconds: Option<u64>,
    exit: Option<u8>,
    error: Option<String>,
    #[serde(flatten)]
    figures: Option<Figures>,
    missing: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Day {
    #[serde(rename = "day")]
    date: String,
    runs: u64,
    succeeded: u64,
    failed: u64,
    fetched: u64,
    octets: u64,
    deleted: u64,
    /// The highest.
    exit: Option<u8>,
}

impl Document {
    pub(super) fn new(
        exit: Exit,
        accounts: &[&Account],
        errors: &[Option<LedgerError>],
        lines: &[Line],
    ) -> Self {
        let of = |account: usize| lines.iter().filter(move |line| line.account == account);
        let accounts = accounts.iter().zip(errors).enumerate().map(|(place, (account, error))| AccountLog {
            name: account.name.clone(),
            error: error.as_ref().map(|error| printable(&error.to_string())),
            runs: of(place).filter_map(|line| Run::new(&line.logged)).collect(),
            days: of(place).filter_map(|line| Day::new(&line.logged)).collect(),
        });
        Document { exit: exit.code(), accounts: accounts.collect() }
    }
}

impl Run {
    fn new(logged: &Logged) -> Option<Run> {
        let Logged::Run(run) = logged else { return None };
        let LoggedRun { started_at, record, .. } = &**run;
        let record = record.as_ref();
        Some(Run {
            started: rfc3339(*started_at),
            ended: record.and_then(|record| rfc3339(record.at)),
            seconds: run.seconds(),
            exit: record.map(|record| record.exit),
            error: record.and_then(|record| record.error.as_deref()).map(printable),
            figures: record.map(Figures::from),
            missing: record.map(|record| record.missing),
        })
    }
}

impl Day {
    fn new(logged: &Logged) -> Option<Day> {
        let Logged::Day(day) = logged else { return None };
        let &RunDay { runs, succeeded, failed, fetched, octets, deleted, exit, .. } = day;
        Some(Day { date: day.day.clone(), runs, succeeded, failed, fetched, octets, deleted, exit })
    }
}
