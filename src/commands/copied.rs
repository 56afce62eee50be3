//! What the commands that copy messages have in common: which messages, a bar, and what failed.

use super::{Failure, output, search};
use crate::config::{Account, Config};
use crate::copying::{Failed, Watcher};
use crate::exit::Exit;
use crate::ledger::{Row, Seq};
use crate::progress::reading::ReadingBar;
use crate::progress::wording;
use crate::search::Query;
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, IsTerminal as _};

/// Messages that failed and are named, one a line; all of them are in the JSON document.
const NAMED: usize = 20;

/// Which messages are copied.
pub(super) struct Selected {
    /// By the account's name, ascending; `None`: all.
    rows: Option<HashMap<String, Vec<Seq>>>,
    /// What kept accounts from being searched.
    pub(super) exit: Exit,
}

impl Selected {
    /// Those that a query finds; without words all.
    pub(super) fn of(config: &Config, accounts: &[&Account], words: &[String]) -> Result<Self, Failure> {
        let query = Query::parse(&words.join(" "))?;
        if words.is_empty() {
            return Ok(Selected { rows: None, exit: Exit::OK });
        }
        let mut opened = search::open(config, accounts, &query)?;
        Ok(Selected { rows: Some(opened.search.rows(&query)?), exit: opened.exit })
    }

    pub(super) fn has(&self, account: &Account, row: &Row) -> bool {
        self.rows.as_ref().is_none_or(|rows| {
            rows.get(&account.name).is_some_and(|rows| rows.binary_search(&row.seq).is_ok())
        })
    }
}

/// Shows on a terminal how far it has come.
pub(super) struct Bar {
    bar: ReadingBar,
    messages: u64,
}

impl Bar {
    pub(super) fn new(name: &str, quiet: bool) -> Self {
        Bar { bar: ReadingBar::new(name, 0, io::stderr().is_terminal() && !quiet), messages: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.bar.clear();
    }
}

impl Watcher for Bar {
    fn begins(&mut self, octets: u64) {
        self.bar.begins(octets);
    }

    fn went_on(&mut self, octets: u64) {
        self.messages += 1;
        let messages = self.messages;
        self.bar.advance(octets, &|| format!("{messages} messages"));
    }
}

/// A message that could not be copied, in a JSON document.
#[derive(Debug, Serialize)]
pub(super) struct FailedMessage {
    account: String,
    id: String,
    reason: String,
}

impl FailedMessage {
    pub(super) fn all(failed: &[Failed]) -> Vec<FailedMessage> {
        let shown = |failed: &Failed| FailedMessage {
            account: failed.account.clone(),
            id: failed.id.clone(),
            reason: wording::printable(&failed.reason),
        };
        failed.iter().map(shown).collect()
    }
}

/// Names the first of them on stderr.
pub(super) fn complain_of(failed: &[Failed]) {
    for failed in failed.iter().take(NAMED) {
        output::complain(&format!("popkeep: {} {}", failed.id, wording::printable(&failed.reason)));
    }
}
