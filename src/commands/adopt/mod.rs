//! `popkeep adopt`: taking over from another program.
//!
//! Promises: without `--write` nothing is written anywhere; nothing is asked; no password is shown; an account that cannot
//! be taken over keeps no other from it.

mod candidate;
mod document;
mod error;
mod page;

pub use error::AdoptError;

use super::init::config_file::ConfigFile;
use super::init::{InitError, next_steps};
use super::{Failure, output};
use crate::adopt::places::Here;
use crate::adopt::step::{self, Step, Taken};
use crate::adopt::tools::Tool;
use crate::cli::{self, AdoptFrom, Seen};
use crate::clock;
use crate::config::{self, Config, Draft};
use crate::disk;
use crate::exit::Exit;
use crate::ledger::{Adoption, SeenElsewhere};
use crate::text::dates::day;
use crate::text::figures::{counted, messages};
use candidate::{Around, Candidate};
use document::{AccountAdopted, Document, FoundHere, LineNotTaken, Outcome, Overview, Undone};
use std::io::Write;
use std::path::{Path, PathBuf};

/// So many messages are copied between two lines that tell of it.
const TOLD_EVERY: u64 = 10_000;

/// Lists, shows, takes over or takes back.
pub fn run(file: Option<&Path>, options: &cli::Adopt, out: &mut dyn Write) -> Result<Exit, Failure> {
    let Some(here) = Here::of_process() else {
        let error = "there is no home folder (is HOME set?), so that no other program can be looked for";
        return Err(AdoptError::Usage(error.to_owned()).into());
    };
    if options.path.is_some() && options.from != Some(AdoptFrom::Archive) {
        let error = "only `adopt archive` takes a PATH; name a program's archive with --archive";
        return Err(AdoptError::Usage(error.to_owned()).into());
    }
    let config_path = config::config_path(file)?;
    if let Some(name) = &options.undo {
        return undo(&config_path, name, options.json, out);
    }
    match options.from {
        Some(from) => take(&here, &config_path, from, options, out),
        None => list(&here, options.json, out),
    }
}

/// What of other programs is here.
fn list(here: &Here, json: bool, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut found = Vec::new();
    for tool in Tool::ALL {
        for file in here.settings_of(tool) {
            let accounts = here.read_settings(tool, &file).map(|settings| settings.accounts.len()).ok();
            found.push((tool, file, accounts));
        }
    }
    if json {
        let found = found.into_iter().map(|(tool, file, accounts)| FoundHere {
            program: tool.word(),
            settings: file.display().to_string(),
            accounts,
        });
        output::document(out, &Overview { exit: 0, found: found.collect() })?;
        return Ok(Exit::OK);
    }
    if found.is_empty() {
        writeln!(
            out,
            "Nothing of fetchmail, getmail, mpop, fdm, Thunderbird, Claws Mail or Sylpheed was found."
        )?;
        writeln!(out, "If there is some elsewhere: popkeep adopt PROGRAM --settings FILE")?;
        return Ok(Exit::OK);
    }
    for (tool, file, accounts) in &found {
        let accounts = match accounts {
            Some(count) => counted(*count as u64, "POP3 account"),
            None => "cannot be read".to_owned(),
        };
        writeln!(out, "{:<12} {} ({accounts})", tool.word(), here.shorten(file))?;
    }
    writeln!(out, "\nWhat would become of them: popkeep adopt {}", found[0].0.word())?;
    Ok(Exit::OK)
}

fn take(
    here: &Here,
    config_path: &Path,
    from: AdoptFrom,
    options: &cli::Adopt,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let config = config::load_or_empty(config_path)?;
    let config_file = ConfigFile::new(config_path)?;
    let around = Around { here, config: &config, config_file: &config_file, options };
    let (candidates, not_taken) = match from.tool() {
        Some(tool) => around.of_tool(tool)?,
        None => (vec![around.of_archive()?], Vec::new()),
    };
    let mut exits = Vec::new();
    let mut accounts = Vec::new();
    let mut any_added = false;
    for candidate in &candidates {
        let mut outcome = Outcome::default();
        if options.write {
            match write(config_path, candidate, options.seen) {
                Ok(taken) => (outcome.written, outcome.taken) = (true, Some(taken)),
                Err(error) => outcome.error = Some(error),
            }
        }
        any_added |= outcome.written && !candidate.configured;
        if !options.json {
            out.write_all(page::account(here, candidate, &outcome, options.seen).as_bytes())?;
            out.flush()?;
        }
        if let Some(error) = &outcome.error {
            output::complain_about(&candidate.account.name, error);
        }
        exits.push(outcome.error.as_ref().map_or(Exit::OK, AdoptError::exit));
        accounts.push(AccountAdopted::new(candidate, &outcome));
    }
    let exit = Exit::merge(exits);
    if options.json {
        let not_taken = not_taken.iter().map(LineNotTaken::new).collect();
        let program = from.tool().map_or("archive", Tool::word);
        output::document(out, &Document { exit: exit.code(), program, accounts, not_taken })?;
        return Ok(exit);
    }
    out.write_all(page::not_taken(here, &not_taken).as_bytes())?;
    if !options.write {
        writeln!(out, "Nothing was written. To do it: the same command with --write.")?;
    } else if any_added {
        writeln!(out, "Written: {}\n\nFetch now:\n  popkeep fetch", here.shorten(config_path))?;
    }
    Ok(exit)
}

/// Takes an account over: first the archive and the ledger, then the configuration, so that no fetch comes between them.
fn write(config_path: &Path, candidate: &Candidate, seen: Seen) -> Result<Taken, AdoptError> {
    let Candidate { proposal, account, configured, table, new_password, .. } = candidate;
    if !configured && proposal.tool.is_none() {
        return Err(AdoptError::Usage(proposal.warnings.join("; ")));
    }
    let place = proposal.mail.as_ref();
    if let Some(place) = place.filter(|place| !proposal.copies && place.path != account.archive) {
        return Err(AdoptError::Usage(format!(
            "its mail is kept in {}: add --copy to copy there what is in {}",
            account.archive.display(),
            place.path.display()
        )));
    }
    // Each account changes it.
    let config_file = ConfigFile::new(config_path)?;
    let added = match (configured, config_file.is_taken()) {
        (true, _) => String::new(),
        (false, true) => config_file.addition(table)?,
        (false, false) => {
            let state_dir = next_steps::unusual_state_dir();
            format!(
                "{}{}{table}",
                Draft::head("adopt", &day(clock::now())),
                Draft::state_dir(state_dir.as_deref())
            )
        }
    };
    let mut config: Config = config::load_or_empty(config_path)?;
    if !configured {
        config.accounts.push(account.clone());
    }
    let seen = match seen {
        Seen::Skip => proposal.seen_elsewhere(),
        Seen::Fetch => SeenElsewhere::default(),
    };
    let step = Step {
        config: &config,
        account,
        program: proposal.program(),
        copy: place.filter(|_| proposal.copies),
        seen,
        added: &added,
    };
    let mut told = 0;
    let mut tell = |copied| {
        if copied - told >= TOLD_EVERY {
            told = copied;
            output::inform(&format!("{}: {} copied so far", account.name, messages(copied)));
        }
    };
    let taken = step::take_over(&step, &mut tell)?;
    if !configured {
        let put = if config_file.is_taken() {
            config_file.append(&added, new_password.as_ref())
        } else {
            config_file.create(&added, new_password.as_ref())
        };
        if let Err(error) = put {
            step::take_back(&config.state_dir, &account.name)?;
            return Err(error.into());
        }
    }
    Ok(taken)
}

/// The file that an adoption has made for a password, if it has.
fn password_of(config_file: &ConfigFile, adoption: &Adoption) -> Option<PathBuf> {
    let path = candidate::password_file(config_file, &adoption.account);
    let line = format!("password_file = {:?}", next_steps::with_tilde(&path));
    adoption.added.contains(&line).then_some(path)
}

fn undo(config_path: &Path, name: &str, json: bool, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = config::load_or_empty(config_path)?;
    let undone = step::take_back(&config.state_dir, name).map_err(AdoptError::from)?;
    let Some(adoption) = undone else {
        return Err(AdoptError::Usage(format!(
            "there is no adoption of account {name:?} to take back: it was not adopted, or has been fetched since"
        ))
        .into());
    };
    let config_restored = adoption.added.is_empty() || {
        let config_file = ConfigFile::new(&adoption.config)?;
        let restored = config_file.is_taken() && config_file.take_out(&adoption.added)?;
        if restored && let Some(file) = password_of(&config_file, &adoption) {
            disk::remove(&file)
                .map_err(|source| InitError::NotWritten { path: file.display().to_string(), source })?;
        }
        restored
    };
    if json {
        let (account, program) = (name.to_owned(), adoption.program);
        output::document(out, &Undone { exit: 0, account, program, config_restored })?;
        return Ok(Exit::OK);
    }
    writeln!(out, "Taken back: account {name}, from {}.", adoption.program)?;
    let file = adoption.config.display();
    match (adoption.added.is_empty(), config_restored) {
        (true, _) => {}
        (false, true) => writeln!(out, "Its lines were removed from {file}.")?,
        (false, false) => {
            writeln!(out, "{file} was changed since, and left as it is: remove [accounts.{name}] yourself.")?;
        }
    }
    Ok(Exit::OK)
}
