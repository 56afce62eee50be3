//! `popkeep init`: asks its way to a configuration that works.
//!
//! Promises: nothing is written before everything is answered and, unless `--no-test` says so, the
//! login has worked; an existing configuration is changed only when a person agrees, who has seen the lines, and
//! then every octet of it stays; a password never leaves this machine over a connection that is not verified, and is written nowhere but, if asked for, into
//! a private file of its own; Ctrl-C and Ctrl-D leave nothing behind. Where nobody can answer,
//! nothing is asked.
//!
//! What is said to a person goes to stderr, where the questions are; what init made, and what to do
//! with it, goes to stdout.

mod address;
pub(super) mod config_file;
mod console;
mod error;
mod interview;
mod keeping;
mod leaving;
pub(super) mod next_steps;
mod server;
mod sign_in;
mod trial;

pub use error::InitError;

use super::Failure;
use crate::cli;
use crate::config;
use crate::exit::Exit;
use config_file::ConfigFile;
use console::Console;
use interview::Interview;
use std::io::Write;
use std::path::Path;

/// Whether a person at the terminal says yes to this question; return alone is a no, and so is the end of the input.
pub(super) fn confirm(question: &str) -> bool {
    Console::at_terminal().is_some_and(|console| console.confirm(question, false).unwrap_or(false))
}

/// Asks, tests, writes.
pub fn run(file: Option<&Path>, options: &cli::Init, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config_file = ConfigFile::new(&config::config_path(file)?)?;
    let console = if options.batch { None } else { Console::at_terminal() };
    leaving::watch().map_err(InitError::Prompt)?;
    let mut made = Interview::new(options, console, &config_file)?.conduct(out)?;
    if config_file.is_taken() {
        writeln!(out, "{}", made.draft.table().trim_end())?;
        out.flush()?;
        let add = match console.filter(|_| config_file.can_grow()) {
            Some(console) => {
                console.say("");
                console.confirm(&format!("Add these lines to {}", config_file.shown()), true)?
            }
            None => false,
        };
        if !add {
            made.put_password()?;
            return Err(InitError::Taken { path: config_file.shown() }.into());
        }
        made.add(&config_file)?;
    } else {
        made.put(&config_file)?;
    }
    let signed_in = made.sign_in.is_some();
    made.keep_sign_in(&config_file)?;
    for file in made.password_file().into_iter().chain([config_file.path()]) {
        writeln!(out, "Written: {}", next_steps::with_tilde(file))?;
    }
    writeln!(out)?;
    out.write_all(next_steps::text(&made.draft, config_file.path(), signed_in).as_bytes())?;
    Ok(Exit::OK)
}
