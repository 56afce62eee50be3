//! The commands: each reads the configuration, calls the floors below, and prints.
//!
//! Promises: what was asked for goes to stdout, everything else to stderr; a failure is one line
//! that says what happened and what to do, and an exit code; a closed stdout ends nothing with a
//! panic. Must never: hold logic that another front end would need too.

pub mod check;
pub mod completions;
pub mod demo;
pub mod dry_run;
pub mod fetch;
mod output;
mod report;
pub mod status;

use crate::cli::{Cli, Command};
use crate::config::{self, Config, ConfigError};
use crate::exit::Exit;
use crate::ledger::LedgerError;
use clap::Parser;
use output::Out;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Why a command could not do its work at all. What befalls one account is no `Failure`.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration, or an account that it does not have.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// stdout cannot be written.
    #[error("cannot write to stdout ({0}); the disk it goes to may be full")]
    Output(#[from] io::Error),
}

impl Failure {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Config(error) => error.exit(),
            Failure::Ledger(error) => error.exit(),
            Failure::Output(_) => Exit::IO,
        }
    }
}

/// The whole program: `arguments` as the system gave them, its own name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(answer) => {
            // Help, the version, or what is wrong. A reader that went away is no failure.
            let _ = answer.print();
            return if answer.use_stderr() { Exit::USAGE } else { Exit::OK };
        }
    };
    let mut out = Out::new(io::stdout().lock());
    let done = run(&cli, &mut out).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    done.unwrap_or_else(|failure| {
        let quiet = matches!(&cli.command, Command::Fetch(fetch) if fetch.quiet);
        output::complain(&words(&failure, !quiet && io::stderr().is_terminal()));
        failure.exit()
    })
}

fn run(cli: &Cli, out: &mut dyn Write) -> Result<Exit, Failure> {
    let file = cli.config.as_deref();
    match &cli.command {
        Command::Fetch(options) => fetch::run(file, options, out),
        Command::Check(options) => check::run(file, options, out),
        Command::Status(options) => status::run(file, options, out),
        Command::Demo(options) => Ok(demo::run(&options.dir)),
        Command::Completions(options) => completions::run(options.shell, out),
    }
}

fn load(option: Option<&Path>) -> Result<Config, Failure> {
    Ok(config::load(&config::config_path(option)?)?)
}

/// A failure in words: an error of the configuration as the excerpt it is in, on a terminal.
fn words(failure: &Failure, terminal: bool) -> String {
    match failure {
        Failure::Config(error) if terminal => error.annotated(output::colour()).trim_end().to_owned(),
        Failure::Config(error) => error.to_string(),
        other => format!("popkeep: {other}"),
    }
}
