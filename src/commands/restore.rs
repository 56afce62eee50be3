//! `popkeep restore`: archived messages into a folder on an IMAP server.

use super::copied::{Bar, FailedMessage, Selected, complain_of};
use super::{Failure, load, output};
use crate::cli;
use crate::exit::Exit;
use crate::progress::wording;
use crate::restore::{Flags, Options, RestoreError, Restored, restore};
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
    dry_run: bool,
    made: bool,
    restored: u64,
    octets: u64,
    there: u64,
    present: u64,
    gone: u64,
    failed: Vec<FailedMessage>,
}

/// Restores.
pub fn run(file: Option<&Path>, options: &cli::Restore, out: &mut dyn Write) -> Result<Exit, Failure> {
    Query::parse(&options.query.join(" "))?;
    let config = load(file)?;
    let accounts = config.select(&options.account)?;
    let destination = config.destination(&options.to)?;
    stop::listen().map_err(Failure::Signals)?;
    let selected = Selected::of(&config, &accounts, &options.query)?;
    let name = destination.access.name.as_str();
    let (observer, trace) = output::watch_names(options.verbose, [name].into_iter());
    let mut bar = Bar::new("restore", options.quiet || options.verbose > 0);
    let how = Options {
        flags: match options.flags {
            cli::RestoreFlags::Archive => Flags::Archive,
            cli::RestoreFlags::Seen => Flags::Seen,
            cli::RestoreFlags::None => Flags::None,
        },
        skip_present: options.skip_present,
        only_new: options.new,
        dry_run: options.dry_run,
        trace,
    };
    let (done, outcome) = restore(
        (&config, &accounts),
        &destination,
        how,
        &|account, row| selected.has(account, row),
        &mut bar,
        &observer,
    );
    bar.clear();
    let failed = if done.failed.is_empty() { Exit::OK } else { Exit::MISSING };
    let exit =
        Exit::merge([selected.exit, outcome.as_ref().err().map_or(Exit::OK, RestoreError::exit), failed]);
    let error = outcome.err().map(|error| wording::printable(&error.to_string()));
    if options.json {
        let document = Document {
            exit: exit.code(),
            error: error.clone(),
            to: wording::printable(&options.to),
            dry_run: options.dry_run,
            made: done.made,
            restored: done.restored,
            octets: done.octets,
            there: done.there,
            present: done.present,
            gone: done.gone,
            failed: FailedMessage::all(&done.failed),
        };
        output::document(out, &document)?;
    } else if !(options.quiet && exit.is_ok()) {
        out.write_all(describe(&done, options.dry_run).as_bytes())?;
    }
    complain_of(&done.failed);
    if let Some(error) = error {
        output::complain(&format!("popkeep: {}: {error}", wording::printable(name)));
    }
    Ok(exit)
}

/// `51,204 restored`, and what else there is to say.
fn describe(done: &Restored, dry_run: bool) -> String {
    let restored = grouped(done.restored);
    let mut line =
        if dry_run { format!("{restored} would be restored") } else { format!("{restored} restored") };
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
