//! The manual pages are the command line's own definitions, printed: this keeps them true.
//!
//! `POPKEEP_BLESS=1 cargo test man` writes them.

mod overview;
mod page;
mod roff;

use crate::support::{find_program, skip, stores};
use clap::CommandFactory;
use popkeep::cli::{Cli, manual};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Written by hand.
const BY_HAND: [&str; 5] =
    ["popkeep-fleet.7", "popkeep-formats.7", "popkeep-oauth.7", "popkeep-restore.7", "popkeep.toml.5"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

/// Every page; the schemas are in a folder beside them.
fn files() -> Vec<PathBuf> {
    stores::files(&folder()).into_iter().filter(|path| path.is_file()).collect()
}

/// The command line, complete with what clap adds.
fn command_line() -> clap::Command {
    // `popkeep help` is `--help` in other words, and has no page.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Every generated page by its file's name.
fn pages() -> BTreeMap<String, String> {
    let command = command_line();
    let mut pages: BTreeMap<String, String> = command
        .get_subcommands()
        .map(|sub| (format!("popkeep-{}.1", sub.get_name()), page::of(sub, &command)))
        .collect();
    pages.insert("popkeep.1".to_owned(), overview::page(&command));
    pages
}

#[test]
fn the_manual_is_what_the_command_line_says() {
    let pages = pages();
    let bless = std::env::var_os("POPKEEP_BLESS").is_some();
    for (name, page) in &pages {
        let file = folder().join(name);
        if bless {
            std::fs::write(&file, page).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == *page, "man/{name} is stale: write it with POPKEEP_BLESS=1 cargo test man");
    }
    for file in files() {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(BY_HAND.contains(&name.as_str()) || pages.contains_key(&name), "man/{name} is of no command");
    }
}

#[test]
fn every_command_every_option_and_every_exit_code_is_documented() {
    let pages: BTreeMap<String, String> =
        pages().into_iter().map(|(name, page)| (name, page.replace("\\-", "-"))).collect();
    let overview = &pages["popkeep.1"];
    for sub in command_line().get_subcommands() {
        let name = sub.get_name();
        assert!(overview.contains(&format!("popkeep-{name}\\fR(1)")), "{name} is not in the overview");
        let page = &pages[&format!("popkeep-{name}.1")];
        for argument in sub.get_arguments().filter(|argument| argument.get_id() != "help") {
            let shown = argument.get_long().map_or_else(
                || argument.get_value_names().unwrap()[0].to_string(),
                |long| format!("--{long}"),
            );
            assert!(page.contains(&shown), "{name} {shown}");
        }
    }
    for (code, _) in manual::EXIT_STATUS {
        assert!(overview.contains(&format!("\n\\fB{code}\\fR\n")), "exit code {code}");
    }
}

#[test]
fn the_formatters_have_nothing_to_say_against_a_page() {
    let Some(mandoc) = find_program("mandoc") else { return skip("there is no mandoc") };
    for file in files() {
        let lint = Command::new(&mandoc).args(["-Tlint", "-Wwarning"]).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&lint.stdout);
        assert!(lint.status.success() && said.is_empty(), "{}: {said}", file.display());
        let shown = Command::new(&mandoc).args(["-Tutf8", "-Owidth=80"]).arg(&file).output().unwrap();
        assert!(shown.stdout.len() > 1000, "{} is hardly a page", file.display());
    }
}
