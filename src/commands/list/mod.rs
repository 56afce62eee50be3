//! `popkeep list`: what is on the server, and what of it is archived.
//!
//! Promises: no RETR, no DELE, no write to the ledger or the archive; a message whose header cannot be had is
//! listed without it; one message's header is in memory at a time; a reader of stdout who has seen
//! enough ends it without a word.

mod document;
mod headers;
mod table;

use super::output::{self, Out, Printer};
use super::{Failure, load};
use crate::account_error::AccountError;
use crate::cli;
use crate::config::{Account, Config};
use crate::connect::{self, ServerRecord};
use crate::exit::Exit;
use crate::inventory::{self, Inventory, MessageStatus};
use crate::mail::caption::Caption;
use crate::pop3::listing::{Entry, Listing};
use crate::progress::wording;
use document::Document;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use table::Table;

/// One message of the list.
struct Line<'a> {
    entry: Entry<'a>,
    status: MessageStatus,
    /// Why it is in quarantine, if it is; printable.
    reason: Option<String>,
    /// With `--headers`: what its header says, or why that is not known.
    caption: Option<Result<Caption, String>>,
}

/// A form of the list. Each method gives the text to print.
trait Form {
    /// Before the first message, if it comes to that.
    fn head(&mut self, listing: &Listing, inventory: &Inventory<'_>) -> String;
    /// One message, in the listing's order.
    fn line(&mut self, line: &Line<'_>) -> String;
    /// At the end, with the words for what went wrong.
    fn foot(&mut self, error: Option<&str>) -> String;
}

/// Lists one account's maildrop.
pub(super) fn run<W: Write>(
    file: Option<&Path>,
    options: &cli::List,
    out: &mut Out<W>,
) -> Result<Exit, Failure> {
    let config = load(file)?;
    let account = config.one_account(options.account.as_deref())?;
    let terminal = output::width();
    let mut printer = Printer::new(out, terminal.is_some() || options.headers);
    let mut form: Box<dyn Form> = if options.json {
        Box::new(Document::new(&account.name))
    } else {
        Box::new(Table::new(&account.name, options.headers, terminal))
    };
    let done = list(&config, account, options, &mut *form, &mut printer);
    let problem = done.err().map(|error| (wording::printable(&error.to_string()), error.exit()));
    // A reader that has left has seen enough.
    let _ = printer.put(form.foot(problem.as_ref().map(|(words, _)| words.as_str())).as_bytes());
    printer.finish()?;
    let Some((words, exit)) = problem else { return Ok(Exit::OK) };
    output::complain_about(&account.name, &words);
    Ok(exit)
}

/// Looks, and prints what is there; all messages are listed whatever becomes of their headers.
fn list<W: Write>(
    config: &Config,
    account: &Account,
    options: &cli::List,
    form: &mut dyn Form,
    printer: &mut Printer<'_, W>,
) -> Result<(), AccountError> {
    let (observer, trace) = output::watch(options.verbose, &[account]);
    let mut session = connect::open_session(
        Some(config),
        account,
        connect::run_deadline(&account.access),
        trace,
        &observer,
    )?;
    let listing = session.listing()?;
    let inventory = inventory::look(config, account, &listing, None)?;
    let mut flow = printer.put(form.head(&listing, &inventory).as_bytes());
    let mut messages = listing.iter().enumerate();
    let mut next = |caption: Option<Result<Caption, String>>| {
        let Some((place, entry)) = messages.next() else { return ControlFlow::Break(()) };
        let status = inventory.at(place).0;
        let reason = match status {
            MessageStatus::Quarantined => {
                inventory.quarantined(place).map(|(why, _)| wording::printable(&why))
            }
            _ => None,
        };
        printer.put(form.line(&Line { entry, status, reason, caption }).as_bytes())
    };
    let mut outcome = Ok(());
    if options.headers && flow.is_continue() {
        let silent = ServerRecord::look(config, account).is_ok_and(|known| known.silent_tops().1);
        outcome = headers::each(&mut session, &listing, silent, &mut |caption| {
            flow = next(Some(caption));
            flow
        });
    }
    while flow.is_continue() {
        flow = next(options.headers.then(|| Ok(Caption::default())));
    }
    outcome?;
    connect::quit_after_a_look(session);
    Ok(())
}
