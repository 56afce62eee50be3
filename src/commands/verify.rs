//! `popkeep verify`: is what was archived still there, as it was? And what is not, mended.

mod document;
mod words;

use super::{Failure, init, load, output};
use crate::cli;
use crate::exit::Exit;
use crate::progress::reading::ReadingBar;
use crate::progress::wording;
use crate::stop;
use crate::verify::{Attendant, Options, Repair, Verified, VerifyError, verify};
use document::{AccountVerified, Document};
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

/// Verifies the accounts named, or all of them.
pub fn run(file: Option<&Path>, options: &cli::Verify, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    stop::listen()?;
    let (observer, _) = output::watch(0, &accounts);
    let asked = Options {
        share: options.read,
        max_duration: options.max_duration,
        accept: options.accept,
        repair: options.repair.then(|| Repair { from: options.from.clone(), removed: options.removed }),
    };
    let shows = io::stderr().is_terminal() && !options.quiet;
    let asks = shows && io::stdin().is_terminal();
    let mut exits = Vec::new();
    let mut documents = Vec::new();
    for account in accounts {
        let name = &account.name;
        let mut person =
            Person { account: name, shows, asks, bar: ReadingBar::new(name, 0, false), copies: 0 };
        let (found, done) = verify(&config, account, &asked, &observer, &mut person);
        person.bar.clear();
        let error = done.err();
        exits.extend(error.as_ref().map(VerifyError::exit));
        if error.is_none() || !found.is_well() {
            exits.push(if found.is_well() { Exit::OK } else { Exit::MISSING });
        }
        if options.quiet {
            for line in words::problems(&found) {
                output::complain(&format!("popkeep: {name}: {line}"));
            }
        } else if !options.json && (error.is_none() || found.archived > 0) {
            out.write_all(words::describe(name, &found, &asked).as_bytes())?;
            out.flush()?;
        }
        let error = error.map(|error| wording::printable(&error.to_string()));
        if let Some(text) = &error {
            output::complain_about(name, text);
        }
        documents.push(AccountVerified::new(name, &found, error));
        if stop::requested().is_some() {
            break;
        }
    }
    let exit = Exit::merge(exits);
    if options.json {
        output::document(out, &Document { exit: exit.code(), accounts: documents })?;
    }
    Ok(exit)
}

/// Whoever runs it: sees a bar and answers questions, where there is a terminal.
struct Person<'a> {
    account: &'a str,
    /// stderr is a terminal.
    shows: bool,
    /// So is stdin.
    asks: bool,
    bar: ReadingBar,
    copies: u64,
}

impl Person<'_> {
    fn confirms(&mut self, question: &str) -> bool {
        self.bar.clear();
        init::confirm(question)
    }
}

impl Attendant for Person<'_> {
    fn begins(&mut self, copies: u64, octets: u64) {
        self.copies = copies;
        self.bar = ReadingBar::new(self.account, octets, self.shows);
    }

    fn has_read(&mut self, copies: u64, octets: u64) {
        self.copies = self.copies.saturating_sub(copies);
        let left = self.copies;
        self.bar.advance(octets, &|| format!("{left} messages left"));
    }

    fn restores_removed(&mut self, removed: u64) -> bool {
        let messages = wording::messages(removed);
        let question = format!("{}: {messages} removed from the archive. Fetch them again?", self.account);
        self.asks && self.confirms(&question)
    }

    fn accepts(&mut self, found: &Verified) -> bool {
        if !self.asks {
            return true;
        }
        self.bar.clear();
        for line in words::problems(found) {
            output::inform(&format!("{}: {line}", self.account));
        }
        let messages = wording::messages((found.damaged.len() + found.missing.len()) as u64);
        self.confirms(&format!("{}: accept that {messages} gone or changed on purpose?", self.account))
    }

    fn note(&mut self, text: &str) {
        self.bar.clear();
        output::inform(&format!("{}: {}", self.account, wording::printable(text)));
    }
}
