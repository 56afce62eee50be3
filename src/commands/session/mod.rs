//! `popkeep session`: a POP3 prompt on an authenticated connection.
//!
//! Promises: what a person types is sent as one command or not at all; what the server answers is
//! shown as it came; a message that is not archived is deleted only when a person says yes, or
//! `--yes` says so beforehand; whoever leaves without QUIT is told what becomes of their marks; deletions
//! that QUIT confirmed are on record, so that no fetch takes them for a fault of the server. Must
//! never: send a command that nobody typed, once the prompt is there (no NOOP to keep the connection alive).

mod display;
mod input;
mod marks;
mod records;
mod signals;

use super::output::{self, Out, Printer};
use super::{Failure, load};
use crate::account_error::AccountError;
use crate::cli;
use crate::cli::manual::SESSION_HELP;
use crate::config::{Account, Config};
use crate::connect;
use crate::exit::Exit;
use crate::pop3::command::Command;
use crate::pop3::reply::Reply;
use crate::pop3::typed::{Typed, Unsaid};
use crate::progress::wording;
use crate::session::{ByHand, Session};
use display::Display;
use input::{Lines, Next};
use marks::Marks;
use records::Records;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

/// Opens a prompt for one account.
pub(super) fn run<W: Write>(
    file: Option<&Path>,
    options: &cli::Session,
    out: &mut Out<W>,
) -> Result<Exit, Failure> {
    let config = load(file)?;
    let account = config.one_account(options.account.as_deref())?;
    let lines = Lines::stdin().map_err(Failure::Input)?;
    let (session, records) = match open(&config, account, options, lines.is_terminal()) {
        Ok(opened) => opened,
        Err(error) => {
            output::complain_about(&account.name, &error);
            return Ok(error.exit());
        }
    };
    let marks = Marks::default();
    signals::watch(&account.name, &marks).map_err(Failure::Signals)?;
    let mut display = Display::new(Printer::new(out, true), io::stdout().is_terminal());
    let (yes, unproven, refused) = (options.yes, BTreeSet::new(), false);
    let mut prompt = Prompt { account, session, records, marks, lines, yes, unproven, refused };
    let ending = prompt.talk(&mut display).map_err(Failure::Input)?;
    let exit = prompt.end(ending);
    display.finish()?;
    Ok(exit)
}

/// The lock, the ledger, and a session that is logged in and has listed the maildrop.
fn open(
    config: &Config,
    account: &Account,
    options: &cli::Session,
    person: bool,
) -> Result<(Session<ByHand>, Records), AccountError> {
    let (observer, trace) = output::watch(options.verbose, &[account]);
    let mut records = Records::open(config, account)?;
    // A person knows when it is enough; a script must not hang.
    let until = if person { None } else { connect::run_deadline(&account.access) };
    let mut session = connect::open_session(Some(config), account, until, trace, &observer)?;
    let listing = records.read(&mut session, account)?;
    if person {
        let octets = listing.iter().filter_map(|entry| entry.size).sum();
        output::inform(&format!(
            "{}: {}, {}, {} archived; {}, logged in by {}\nType HELP for the commands; nothing is deleted before QUIT",
            account.name,
            wording::messages(listing.len() as u64),
            wording::size(octets),
            records.archived(),
            if session.security().is_encrypted() { "TLS" } else { "clear text" },
            session.mechanism(),
        ));
    }
    Ok((session.by_hand()?, records))
}

/// A person, or a script, in conversation with a server.
struct Prompt<'a> {
    account: &'a Account,
    session: Session<ByHand>,
    records: Records,
    marks: Marks,
    lines: Lines,
    /// Nobody is asked about what is not archived.
    yes: bool,
    /// What RETR showed and is not archived, where QUIT itself deletes.
    unproven: BTreeSet<u32>,
    /// An answer was -ERR, or a command was not sent.
    refused: bool,
}

/// How a conversation ends.
enum Ending {
    /// The server answered QUIT.
    Quit(Reply),
    /// QUIT was not said.
    Left,
    /// Ctrl-C.
    Interrupted,
    /// The connection or the ledger failed.
    Failed(AccountError),
}

impl Prompt<'_> {
    fn talk<W: Write>(&mut self, display: &mut Display<'_, W>) -> io::Result<Ending> {
        loop {
            let line = match self.lines.next(&self.marks.prompt(&self.account.name))? {
                Next::Line(line) => line,
                Next::End => return Ok(Ending::Left),
                Next::Interrupted => return Ok(Ending::Interrupted),
            };
            match line.trim_ascii().to_ascii_uppercase().as_slice() {
                b"" => continue,
                b"HELP" | b"?" => {
                    self.tell(SESSION_HELP);
                    continue;
                }
                b"EXIT" => return Ok(Ending::Left),
                _ => {}
            }
            let typed = match read(&line) {
                Ok(typed) => typed,
                Err(unsaid) => {
                    self.refuse(&unsaid.to_string());
                    continue;
                }
            };
            self.lines.remember(&line);
            if !self.may_say(&typed)? {
                continue;
            }
            match self.say(&typed, display) {
                Err(error) => return Ok(Ending::Failed(error)),
                Ok(reply) if *typed.command() == Command::Quit => return Ok(Ending::Quit(reply)),
                Ok(reply) => self.note(&typed, &reply),
            }
            if display.is_over() {
                return Ok(Ending::Left);
            }
        }
    }

    /// Whether this is to be said: what would lose a message is asked about first.
    fn may_say(&mut self, typed: &Typed) -> io::Result<bool> {
        if self.yes {
            return Ok(true);
        }
        let (what, question) = match *typed.command() {
            Command::Dele(number) => {
                let Some(loss) = self.records.loss(number) else { return Ok(true) };
                let loss = wording::printable(&loss.to_string());
                (format!("DELE {number}: not sent; {loss}"), format!("Message {number}: {loss}. Delete it?"))
            }
            Command::Quit if !self.unproven.is_empty() => {
                let numbers = wording::ranges(self.unproven.iter().copied());
                let loss = format!(
                    "at QUIT this server deletes or hides what RETR showed, and these are not archived: {numbers}"
                );
                (format!("QUIT: not sent; {loss}"), format!("QUIT: {loss}. Quit anyway?"))
            }
            _ => return Ok(true),
        };
        if self.lines.is_terminal() {
            return self.lines.ask(&question);
        }
        self.refuse(&format!("{what}; fetch first, or use --yes"));
        Ok(false)
    }

    fn say<W: Write>(&mut self, typed: &Typed, display: &mut Display<'_, W>) -> Result<Reply, AccountError> {
        let leaving = *typed.command() == Command::Quit;
        if leaving {
            self.records.leaving(self.marks.numbers())?;
            self.marks.quitting();
        }
        let reply = self.session.say(typed, &mut |heard| display.show(heard))?;
        if leaving && reply.is_ok() {
            self.records.deleted(self.marks.numbers())?;
        }
        Ok(reply)
    }

    /// What an answer means for the marks.
    fn note(&mut self, typed: &Typed, reply: &Reply) {
        if !reply.is_ok() {
            self.refused = true;
            return;
        }
        match *typed.command() {
            Command::Dele(number) => self.marks.set(number),
            Command::Rset => self.marks.clear(),
            Command::Retr(number) if self.records.quit_deletes() && self.records.loss(number).is_some() => {
                self.unproven.insert(number);
            }
            Command::List(None) | Command::Uidl(None) if self.lines.is_terminal() => {
                if let Some(unlisted) = self.marks.unlisted() {
                    self.tell(&unlisted);
                }
            }
            _ => {}
        }
    }

    /// The last words, and the exit code.
    fn end(&self, ending: Ending) -> Exit {
        let script = !self.lines.is_terminal();
        let marked = self.marks.numbers().len() as u64;
        let exit = |failed: bool| if failed { Exit::MISSING } else { Exit::OK };
        match ending {
            Ending::Quit(reply) if reply.is_ok() => {
                if marked > 0 && !script {
                    self.tell(&format!("deleted from the server: {}", wording::messages(marked)));
                }
                exit(script && self.refused)
            }
            Ending::Quit(_) => {
                self.tell(&format!("the server refused QUIT: {}", self.marks.fate()));
                Exit::MISSING
            }
            Ending::Left => {
                self.tell(&self.marks.left());
                exit(script && (self.refused || marked > 0))
            }
            Ending::Interrupted => {
                self.tell(&self.marks.left());
                Exit::INTERRUPTED
            }
            Ending::Failed(error) => {
                output::complain_about(&self.account.name, &format!("{error}; {}", self.marks.fate()));
                error.exit()
            }
        }
    }

    /// Says on stderr why something is not said to the server.
    fn refuse(&mut self, why: &str) {
        self.refused = true;
        self.tell(why);
    }

    /// Says something on stderr: to a person as it is, otherwise with the account's name.
    fn tell(&self, words: &str) {
        if self.lines.is_terminal() {
            output::inform(words);
        } else {
            output::complain_about(&self.account.name, &words);
        }
    }
}

/// The one place where what was typed becomes a command.
#[expect(clippy::disallowed_methods, reason = "this is the prompt")]
fn read(line: &[u8]) -> Result<Typed, Unsaid> {
    Typed::read(line)
}
