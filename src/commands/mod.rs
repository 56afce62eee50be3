//! The commands: each reads the configuration, calls the floors below, and prints.
//!
//! Promises: what was asked for goes to stdout, everything else to stderr; a failure is one line
//! that says what happened and what to do, and an exit code; a closed stdout ends nothing with a
//! panic. Must never: hold logic that another front end would need too.

pub mod adopt;
pub mod check;
mod columns;
pub mod completions;
mod copied;
pub mod demo;
pub mod dry_run;
pub mod export;
pub mod fetch;
pub mod init;
mod list;
mod log;
pub mod login;
mod output;
mod pager;
pub mod report;
pub mod restore;
mod run_document;
mod search;
pub mod serve;
mod session;
pub mod show;
pub mod status;
pub mod verify;

use crate::cli::{Cli, Command};
use crate::config::{self, Config, ConfigError};
use crate::exit::Exit;
use crate::ledger::LedgerError;
use crate::search::{QueryError, SearchError};
use crate::stop;
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
    /// The demo.
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
    /// Nothing is served.
    #[error(transparent)]
    Serve(#[from] serve::ServeError),
    /// What is typed cannot be read.
    #[error("cannot read your input ({0}); run popkeep again")]
    Input(#[source] io::Error),
    /// Nothing was taken over.
    #[error(transparent)]
    Adopt(#[from] adopt::AdoptError),
    /// The query.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The search.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The message that is to be shown.
    #[error(transparent)]
    Show(#[from] show::ShowError),
    /// No report was made.
    #[error(transparent)]
    Report(#[from] report::ReportError),
    /// No configuration was made.
    #[error(transparent)]
    Init(#[from] init::InitError),
    /// The system does not let us handle signals.
    #[error("cannot handle signals ({0}); run popkeep again")]
    Signals(#[source] io::Error),
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
            Failure::Demo(error) => error.exit(),
            Failure::Serve(error) => error.exit(),
            Failure::Adopt(error) => error.exit(),
            Failure::Init(error) => error.exit(),
            Failure::Report(error) => error.exit(),
            Failure::Query(_) => Exit::USAGE,
            Failure::Search(error) => error.exit(),
            Failure::Show(error) => error.exit(),
            Failure::Input(_) | Failure::Signals(_) | Failure::Output(_) => Exit::IO,
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
            return answered(&answer);
        }
    };
    // Otherwise they end the program as the system has it.
    let _ = stop::end_at_once();
    // Where it cannot be had, that limit ends the program at once, which is as safe as a crash.
    let _ = stop::outlive_file_limit();
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

/// What clap's answer to a command line means: help and the version were asked for, all else is
/// an error.
fn answered(answer: &clap::Error) -> Exit {
    if answer.use_stderr() { Exit::USAGE } else { Exit::OK }
}

fn run<W: Write>(cli: &Cli, out: &mut Out<W>) -> Result<Exit, Failure> {
    let file = cli.config.as_deref();
    match &cli.command {
        Command::Fetch(options) => fetch::run(file, options, out),
        Command::Check(options) => check::run(file, options, out),
        Command::List(options) => list::run(file, options, out),
        Command::Session(options) => session::run(file, options, out),
        Command::Status(options) => status::run(file, options, out),
        Command::Log(options) => log::run(file, options, out),
        Command::Report(options) => report::run(file, options, out),
        Command::Verify(options) => verify::run(file, options, out),
        Command::Search(options) => search::run(file, options, out),
        Command::Show(options) => show::run(file, options, out),
        Command::Adopt(options) => adopt::run(file, options, out),
        Command::Export(options) => export::run(file, options, out),
        Command::Restore(options) => restore::run(file, options, out),
        Command::Serve(options) => serve::run(file, options, out),
        Command::Init(options) => init::run(file, options, out),
        Command::Login(options) => login::run(file, options, out),
        Command::Logout(options) => login::logout(file, options),
        Command::Token(options) => login::token(file, options, out),
        Command::Demo(options) => demo::run(&options.dir, out),
        Command::Completions(options) => completions::run(file, options, out),
    }
}

fn load(option: Option<&Path>) -> Result<Config, Failure> {
    Ok(config::load(&config::config_path(option)?)?)
}

/// A failure in words: an error of the configuration as the excerpt it is in, on a terminal. What
/// is about a place in a file begins with that place, as compilers have it; all else with our name.
fn words(failure: &Failure, terminal: bool) -> String {
    if let (Failure::Query(error), true) = (failure, terminal) {
        return format!("popkeep: {error}\n{}", error.shown());
    }
    let Failure::Config(error) = failure else { return format!("popkeep: {failure}") };
    let text = if terminal { error.annotated(output::colour()) } else { error.to_string() };
    let located = !matches!(
        error,
        ConfigError::NotFound { .. }
            | ConfigError::UnknownAccount { .. }
            | ConfigError::WhichAccount { .. }
            | ConfigError::NoHome { .. }
    );
    let name = if located { "" } else { "popkeep: " };
    format!("{name}{}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreadable() -> Failure {
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        ConfigError::Unreadable { path: "/etc/popkeep.toml".to_owned(), source }.into()
    }

    #[test]
    fn each_failure_is_one_line_where_there_is_no_terminal() {
        let missing = ConfigError::NotFound { path: "/nowhere.toml".to_owned() }.into();
        let full = Failure::Output(io::Error::from(io::ErrorKind::StorageFull));
        for failure in [missing, unreadable(), full] {
            let text = words(&failure, false);
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn a_line_begins_with_the_file_it_is_about_or_with_our_name() {
        assert!(words(&unreadable(), false).starts_with("/etc/popkeep.toml: "));
        let unknown = ConfigError::UnknownAccount {
            name: "wrok".to_owned(),
            known: vec!["work".to_owned()],
            path: "/etc/popkeep.toml".to_owned(),
        };
        assert_eq!(unknown.exit(), Exit::USAGE);
        assert!(words(&unknown.into(), false).starts_with("popkeep: no account \"wrok\""));
    }

    #[test]
    fn help_and_version_are_no_failure_and_nonsense_is() {
        let exit = |line: &str| answered(&Cli::try_parse_from(line.split(' ')).unwrap_err());
        assert_eq!(exit("popkeep --version"), Exit::OK);
        assert_eq!(exit("popkeep fetch --help"), Exit::OK);
        assert_eq!(exit("popkeep --nonsense"), Exit::USAGE);
        assert_eq!(exit("popkeep"), Exit::USAGE);
    }

    #[test]
    #[cfg(unix)]
    fn an_argument_that_is_not_utf_8_is_a_usage_error() {
        use std::os::unix::ffi::OsStringExt;
        let account = OsString::from_vec(b"w\xffrk".to_vec());
        let answer = Cli::try_parse_from(["popkeep".into(), "fetch".into(), account]).unwrap_err();
        assert_eq!(answered(&answer), Exit::USAGE);
    }
}
