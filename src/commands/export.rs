//! `popkeep export`: copies of archived messages, for other programs to read.

use super::{Failure, load, output, search};
use crate::cli::{self, ExportFormat, MboxVariant};
use crate::config::{Account, Config};
use crate::exit::Exit;
use crate::export::{ExportError, Exported, Form, Variant, Watcher, export};
use crate::ledger::{Row, Seq};
use crate::progress::reading::ReadingBar;
use crate::progress::wording;
use crate::search::Query;
use crate::stop;
use crate::text::figures::grouped;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

/// Messages that failed and are named, one a line; all of them are in the JSON document.
const NAMED: usize = 20;

#[derive(Debug, Serialize)]
struct Document {
    exit: u8,
    error: Option<String>,
    to: String,
    format: &'static str,
    exported: u64,
    octets: u64,
    compared: u64,
    there: u64,
    gone: u64,
    ambiguous: u64,
    failed: Vec<FailedMessage>,
}

#[derive(Debug, Serialize)]
struct FailedMessage {
    account: String,
    id: String,
    reason: String,
}

/// Exports.
pub fn run(file: Option<&Path>, options: &cli::Export, out: &mut dyn Write) -> Result<Exit, Failure> {
    let query = Query::parse(&options.query.join(" "))?;
    let config = load(file)?;
    let accounts = config.select(&options.account)?;
    stop::listen()?;
    let selected = if options.query.is_empty() { Selected::ALL } else { select(&config, &accounts, &query)? };
    let (form, word) = match (options.format, options.mbox_variant) {
        (ExportFormat::Maildir, _) => (Form::Maildir, "maildir"),
        (ExportFormat::Mbox, MboxVariant::Mboxrd) => (Form::Mbox(Variant::Mboxrd), "mbox"),
        (ExportFormat::Mbox, MboxVariant::Mboxo) => (Form::Mbox(Variant::Mboxo), "mbox"),
        (ExportFormat::Eml, _) => (Form::Eml, "eml"),
    };
    let shows = io::stderr().is_terminal() && !options.quiet;
    let mut bar = Bar { bar: ReadingBar::new("export", 0, shows), messages: 0 };
    let (done, outcome) = export(
        (&config, &accounts),
        (&options.to, form),
        &|account, row| selected.has(account, row),
        &mut bar,
    );
    bar.bar.clear();
    let failed = if done.failed.is_empty() { Exit::OK } else { Exit::MISSING };
    let exit =
        Exit::merge([selected.exit, outcome.as_ref().err().map_or(Exit::OK, ExportError::exit), failed]);
    let error = outcome.err().map(|error| wording::printable(&error.to_string()));
    if options.json {
        output::document(out, &document(exit, error.clone(), options, word, &done))?;
    } else if !(options.quiet && exit.is_ok()) {
        out.write_all(describe(&done).as_bytes())?;
    }
    for failed in done.failed.iter().take(NAMED) {
        output::complain(&format!("popkeep: {} {}", failed.id, wording::printable(&failed.reason)));
    }
    if let Some(error) = error {
        output::complain(&format!("popkeep: {error}"));
    }
    if done.ambiguous > 0 && !options.quiet {
        let messages = wording::messages(done.ambiguous);
        output::inform(&format!(
            "{messages} with lines that begin with >From: in this variant no program can tell them from quoted ones; \
             use mboxrd where you can"
        ));
    }
    Ok(exit)
}

/// Which messages are exported.
struct Selected {
    /// By the account's name, ascending; `None`: all.
    rows: Option<HashMap<String, Vec<Seq>>>,
    /// What kept accounts from being searched.
    exit: Exit,
}

impl Selected {
    const ALL: Selected = Selected { rows: None, exit: Exit::OK };

    fn has(&self, account: &Account, row: &Row) -> bool {
        self.rows.as_ref().is_none_or(|rows| {
            rows.get(&account.name).is_some_and(|rows| rows.binary_search(&row.seq).is_ok())
        })
    }
}

fn select(config: &Config, accounts: &[&Account], query: &Query) -> Result<Selected, Failure> {
    let mut opened = search::open(config, accounts, query)?;
    Ok(Selected { rows: Some(opened.search.rows(query)?), exit: opened.exit })
}

struct Bar {
    bar: ReadingBar,
    messages: u64,
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

/// `51,204 exported, 51,204 compared`, and what else there is to say.
fn describe(done: &Exported) -> String {
    let mut line = format!("{} exported, {} compared", grouped(done.exported), grouped(done.compared));
    for (count, what) in [
        (done.there, "there already"),
        (done.gone, "not in the archive any more"),
        (done.failed.len() as u64, "failed"),
    ] {
        if count > 0 {
            // Writing into a String cannot fail.
            let _ = write!(line, ", {} {what}", grouped(count));
        }
    }
    line.push('\n');
    line
}

fn document(
    exit: Exit,
    error: Option<String>,
    options: &cli::Export,
    format: &'static str,
    done: &Exported,
) -> Document {
    let failed = done.failed.iter().map(|failed| FailedMessage {
        account: failed.account.clone(),
        id: failed.id.clone(),
        reason: wording::printable(&failed.reason),
    });
    Document {
        exit: exit.code(),
        error,
        to: wording::printable(&options.to.display().to_string()),
        format,
        exported: done.exported,
        octets: done.octets,
        compared: done.compared,
        there: done.there,
        gone: done.gone,
        ambiguous: done.ambiguous,
        failed: failed.collect(),
    }
}
