//! `popkeep fetch --dry-run`: the plan, and nothing done.

use super::report::MissingMessage;
use super::{Failure, output};
use crate::cli;
use crate::config::{Account, Config};
use crate::event::Observer;
use crate::exit::Exit;
use crate::fetch::{self, Preview, ToFetch};
use crate::mail::safe_text::escape;
use crate::progress::{Detail, wording};
use serde::Serialize;
use std::io::{self, Write};
use std::sync::Arc;

/// The document of `fetch --dry-run --json`.
#[derive(Debug, Serialize)]
struct Document {
    exit: u8,
    dry_run: bool,
    accounts: Vec<AccountPlan>,
}

#[derive(Debug, Serialize)]
struct AccountPlan {
    name: String,
    error: Option<String>,
    listed: u64,
    held: u64,
    fetch: Vec<Due>,
    delete: u64,
    /// RFC 3339.
    oldest_archived: Option<String>,
    left: Vec<MissingMessage>,
}

#[derive(Debug, Serialize)]
struct Due {
    number: u32,
    uid: Option<String>,
    octets: Option<u64>,
    why: &'static str,
}

/// Asks each account what a fetch would do, and prints it.
pub(super) fn run(
    config: &Config,
    accounts: &[&Account],
    options: &cli::Fetch,
    observer: &Arc<dyn Observer>,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let trace = Detail::from_count(options.verbose) == Detail::Protocol;
    let mut exits = Vec::new();
    let mut plans = Vec::new();
    for account in accounts {
        let (exit, plan) = match fetch::preview(config, account, options.limit, trace, observer) {
            Ok(preview) => {
                if !options.json && !options.quiet {
                    out.write_all(describe(&account.name, &preview).as_bytes())?;
                    out.flush()?;
                }
                (Exit::OK, AccountPlan::new(&account.name, &preview))
            }
            Err(error) => {
                let text = wording::printable(&error.to_string());
                output::complain(&format!("popkeep: {}: {text}", account.name));
                (error.exit(), AccountPlan::failed(&account.name, text))
            }
        };
        exits.push(exit);
        if options.json {
            plans.push(plan);
        }
    }
    let exit = Exit::merge(exits);
    if options.json {
        let document = Document { exit: exit.code(), dry_run: true, accounts: plans };
        serde_json::to_writer(&mut *out, &document).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    Ok(exit)
}

/// A plan in words.
fn describe(name: &str, preview: &Preview) -> String {
    let octets = preview.to_fetch.iter().filter_map(|message| message.size).sum();
    let mut lines = vec![format!(
        "{name}: {} listed, {} held, would fetch {} ({}), would delete {}",
        preview.listed,
        preview.held,
        preview.to_fetch.len(),
        wording::size(octets),
        preview.to_delete
    )];
    for message in &preview.to_fetch {
        let size = message.size.map_or_else(|| "size unknown".to_owned(), wording::size);
        lines.push(format!(
            "{name}: would fetch {} ({size}): {}",
            wording::message(message.number, message.uid.as_deref()),
            message.why
        ));
    }
    if preview.to_delete > 0 {
        let oldest = preview
            .oldest_to_delete
            .map(|at| format!(", the oldest archived {}", wording::moment(at)))
            .unwrap_or_default();
        lines.push(format!(
            "{name}: would delete {} from the server{oldest}",
            wording::messages(preview.to_delete)
        ));
    }
    for message in &preview.left {
        lines.push(format!(
            "{name}: would leave {}: {}",
            wording::message(message.number, message.uid.as_deref()),
            wording::printable(&message.reason)
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

impl AccountPlan {
    fn new(name: &str, preview: &Preview) -> Self {
        Self {
            name: name.to_owned(),
            error: None,
            listed: preview.listed,
            held: preview.held,
            fetch: preview.to_fetch.iter().map(Due::new).collect(),
            delete: preview.to_delete,
            oldest_archived: preview.oldest_to_delete.map(wording::rfc3339),
            left: preview.left.iter().map(MissingMessage::new).collect(),
        }
    }

    fn failed(name: &str, error: String) -> Self {
        Self { error: Some(error), ..Self::new(name, &Preview::default()) }
    }
}

impl Due {
    fn new(message: &ToFetch) -> Self {
        Self {
            number: message.number,
            uid: message.uid.as_deref().map(escape),
            octets: message.size,
            why: message.why,
        }
    }
}
