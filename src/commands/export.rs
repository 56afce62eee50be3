//! `popkeep export`: copies of archived messages, for other programs to read.

use super::copied::{Bar, FailedMessage, Selected, complain_of};
use super::{Failure, load, output};
use crate::cli::{self, ExportFormat, MboxVariant};
use crate::exit::Exit;
use crate::export::{ExportError, Exported, Form, Variant, export};
use crate::progress::wording;
use crate::search::Query;
use crate::stop;
use crate::text::figures::grouped;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

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

/// Exports.
pub fn run(file: Option<&Path>, options: &cli::Export, out: &mut dyn Write) -> Result<Exit, Failure> {
    Query::parse(&options.query.join(" "))?;
    let config = load(file)?;
    let accounts = config.select(&options.account)?;
    stop::listen()?;
    let selected = Selected::of(&config, &accounts, &options.query)?;
    let (form, word) = match (options.format, options.mbox_variant) {
        (ExportFormat::Maildir, _) => (Form::Maildir, "maildir"),
        (ExportFormat::Mbox, MboxVariant::Mboxrd) => (Form::Mbox(Variant::Mboxrd), "mbox"),
        (ExportFormat::Mbox, MboxVariant::Mboxo) => (Form::Mbox(Variant::Mboxo), "mbox"),
        (ExportFormat::Eml, _) => (Form::Eml, "eml"),
    };
    let mut bar = Bar::new("export", options.quiet);
    let (done, outcome) = export(
        (&config, &accounts),
        (&options.to, form),
        &|account, row| selected.has(account, row),
        &mut bar,
    );
    bar.clear();
    let failed = if done.copied.failed.is_empty() { Exit::OK } else { Exit::MISSING };
    let exit =
        Exit::merge([selected.exit, outcome.as_ref().err().map_or(Exit::OK, ExportError::exit), failed]);
    let error = outcome.err().map(|error| wording::printable(&error.to_string()));
    if options.json {
        output::document(out, &document(exit, error.clone(), options, word, &done))?;
    } else if !(options.quiet && exit.is_ok()) {
        out.write_all(describe(&done).as_bytes())?;
    }
    complain_of(&done.copied.failed);
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

/// `51,204 exported, 51,204 compared`, and what else there is to say.
fn describe(done: &Exported) -> String {
    let mut line = format!("{} exported, {} compared", grouped(done.copied.taken), grouped(done.compared));
    for (count, what) in [
        (done.copied.there, "there already"),
        (done.copied.gone, "not in the archive any more"),
        (done.copied.failed.len() as u64, "failed"),
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
    Document {
        exit: exit.code(),
        error,
        to: wording::printable(&options.to.display().to_string()),
        format,
        exported: done.copied.taken,
        octets: done.copied.octets,
        compared: done.compared,
        there: done.copied.there,
        gone: done.copied.gone,
        ambiguous: done.ambiguous,
        failed: FailedMessage::all(&done.copied.failed),
    }
}
