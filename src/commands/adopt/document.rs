//! What an adoption comes to, for scripts.

use super::candidate::{Candidate, NotTaken};
use super::error::AdoptError;
use crate::adopt::step::Taken;
use crate::adopt::tools::MailForm;
use crate::progress::wording::printable;
use serde::Serialize;
use std::path::Path;

/// What became of an account.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub written: bool,
    pub taken: Option<Taken>,
    pub error: Option<AdoptError>,
}

/// The document of `adopt PROGRAM --json`.
#[derive(Serialize)]
pub(super) struct Document {
    pub exit: u8,
    pub program: &'static str,
    pub accounts: Vec<AccountAdopted>,
    pub not_taken: Vec<LineNotTaken>,
}

#[derive(Serialize)]
pub(super) struct AccountAdopted {
    name: String,
    configured: bool,
    settings: Option<String>,
    line: Option<usize>,
    state: Option<String>,
    /// Where the program's messages are.
    source: Option<String>,
    /// Where popkeep keeps them, or will.
    archive: String,
    format: &'static str,
    copy: bool,
    in_list: Option<u64>,
    on_server: Option<u64>,
    found: Option<u64>,
    not_found: Option<u64>,
    others: Option<u64>,
    messages: Option<u64>,
    deleted: Option<u64>,
    partial: Option<u64>,
    toml: Option<String>,
    warnings: Vec<String>,
    written: bool,
    indexed: Option<u64>,
    copied: Option<u64>,
    error: Option<String>,
}

#[derive(Serialize)]
pub(super) struct LineNotTaken {
    file: String,
    line: usize,
    what: String,
}

/// The document of `adopt --json`.
#[derive(Serialize)]
pub(super) struct Overview {
    pub exit: u8,
    pub found: Vec<FoundHere>,
}

/// A file of settings.
#[derive(Serialize)]
pub(super) struct FoundHere {
    pub program: &'static str,
    pub settings: String,
    pub accounts: Option<usize>,
}

/// The document of `adopt --undo --json`.
#[derive(Serialize)]
pub(super) struct Undone {
    pub exit: u8,
    pub account: String,
    pub program: String,
    pub config_restored: bool,
}

impl AccountAdopted {
    pub(super) fn new(candidate: &Candidate, outcome: &Outcome) -> Self {
        let Candidate { proposal, account, configured, table, counts, unasked, .. } = candidate;
        let path = |path: &Path| path.display().to_string();
        let form = if proposal.copies { None } else { proposal.mail.as_ref().map(|mail| mail.form) };
        let is_mbox =
            form.map_or(account.format == crate::config::Format::Mbox, |form| form == MailForm::Mbox);
        let mut warnings: Vec<String> = proposal.warnings.iter().map(|text| printable(text)).collect();
        warnings.extend(unasked.as_ref().map(|text| printable(text)));
        AccountAdopted {
            name: account.name.clone(),
            configured: *configured,
            settings: proposal.settings.as_deref().map(path),
            line: Some(proposal.line).filter(|line| *line > 0),
            state: proposal.seen.as_ref().map(|(file, _)| path(file)),
            source: proposal.mail.as_ref().map(|mail| path(&mail.path)),
            archive: path(&account.archive),
            format: if is_mbox { "mbox" } else { "maildir" },
            copy: proposal.copies,
            in_list: counts.in_list,
            on_server: counts.on_server,
            found: counts.found,
            not_found: counts.not_found,
            others: counts.others,
            messages: counts.archive.map(|found| found.messages),
            deleted: counts.archive.map(|found| found.deleted),
            partial: counts.archive.map(|found| found.partial),
            toml: (!table.is_empty()).then(|| table.clone()),
            warnings,
            written: outcome.written,
            indexed: outcome.taken.map(|taken| taken.indexed),
            copied: outcome.taken.and_then(|taken| taken.copied).map(|copied| copied.copied),
            error: outcome.error.as_ref().map(|error| printable(&error.to_string())),
        }
    }
}

impl LineNotTaken {
    pub(super) fn new(told: &NotTaken) -> Self {
        LineNotTaken { file: told.file.display().to_string(), line: told.line, what: printable(&told.what) }
    }
}
