//! `popkeep verify`: is what was archived still there, as it was?

use super::{Failure, load, output};
use crate::cli;
use crate::exit::Exit;
use crate::progress::wording;
use crate::text::safe::escape;
use crate::verify::{Damaged, Lost, Verified, verify};
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// Missing messages that are named, one a line; all of them are in the JSON document.
const NAMED: usize = 20;

/// The document of `verify --json`.
#[derive(Debug, Serialize)]
struct Document {
    exit: u8,
    accounts: Vec<AccountVerified>,
}

#[derive(Debug, Serialize)]
struct AccountVerified {
    name: String,
    error: Option<String>,
    archived: u64,
    present: u64,
    read: u64,
    octets: u64,
    intact: u64,
    changed: u64,
    damaged: Vec<DamagedCopy>,
    missing: Vec<LostCopy>,
    foreign: u64,
    repaired: u64,
    accepted: u64,
}

#[derive(Debug, Serialize)]
struct DamagedCopy {
    id: String,
    place: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct LostCopy {
    id: String,
    uid: Option<String>,
}

/// Verifies the accounts named, or all of them.
pub fn run(file: Option<&Path>, options: &cli::Verify, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    crate::stop::listen()?;
    let mut exits = Vec::new();
    let mut documents = Vec::new();
    for account in accounts {
        let name = &account.name;
        let (found, error) = match verify(&config, account, options.accept) {
            Ok(found) => {
                exits.push(if found.is_well() { Exit::OK } else { Exit::MISSING });
                (found, None)
            }
            Err(error) => {
                exits.push(error.exit());
                let text = wording::printable(&error.to_string());
                output::complain_about(name, &text);
                (Verified::default(), Some(text))
            }
        };
        if error.is_none() && !options.json && !(options.quiet && found.is_well()) {
            out.write_all(describe(name, &found).as_bytes())?;
            out.flush()?;
        }
        documents.push(AccountVerified::new(name, &found, error));
        if crate::stop::requested().is_some() {
            break;
        }
    }
    let exit = Exit::merge(exits);
    if options.json {
        output::document(out, &Document { exit: exit.code(), accounts: documents })?;
    }
    Ok(exit)
}

fn describe(name: &str, found: &Verified) -> String {
    let mut figures = vec![format!("{} intact", found.intact)];
    let counts = [
        (found.changed, "changed by a mail program (only header marks)"),
        (found.damaged.len() as u64, "damaged"),
        (found.missing.len() as u64, "missing"),
        (found.accepted, "gone or changed on purpose"),
        (found.foreign, "not in the ledger"),
    ];
    figures
        .extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let archived = wording::messages(found.archived);
    let octets = wording::size(found.octets);
    let mut lines = vec![format!("{name}: {archived} archived, {octets} read: {}", figures.join(", "))];
    for Damaged { id, place, reason } in &found.damaged {
        lines.push(format!("{name}: {id} is damaged: {}: {reason}", wording::printable(place)));
    }
    for Lost { id, uid } in found.missing.iter().take(NAMED) {
        let uid = uid.as_deref().map(|uid| format!(" (UID {})", escape(uid))).unwrap_or_default();
        lines.push(format!("{name}: {id}{uid} is missing"));
    }
    if found.missing.len() > NAMED {
        lines.push(format!("{name}: and {} more (--json lists all)", found.missing.len() - NAMED));
    }
    if !found.is_well() {
        lines.push(format!("{name}: restore them from a backup, or, if this is what you want, add --accept"));
    }
    lines.push(String::new());
    lines.join("\n")
}

impl AccountVerified {
    fn new(name: &str, found: &Verified, error: Option<String>) -> Self {
        AccountVerified {
            name: name.to_owned(),
            error,
            archived: found.archived,
            present: found.present,
            read: found.read,
            octets: found.octets,
            intact: found.intact,
            changed: found.changed,
            damaged: found
                .damaged
                .iter()
                .map(|copy| DamagedCopy {
                    id: copy.id.clone(),
                    place: wording::printable(&copy.place),
                    reason: wording::printable(&copy.reason),
                })
                .collect(),
            missing: found
                .missing
                .iter()
                .map(|lost| LostCopy { id: lost.id.clone(), uid: lost.uid.as_deref().map(escape) })
                .collect(),
            foreign: found.foreign,
            repaired: found.repaired,
            accepted: found.accepted,
        }
    }
}
