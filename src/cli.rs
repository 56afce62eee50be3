//! The command line: definitions only. Help, the man page and completions come from here.
//!
//! Promises: every command and every option has a help text; a wrong command line ends with
//! [`Exit::USAGE`](crate::exit::Exit::USAGE), a request for help or the version with 0.

mod init;
pub mod manual;
pub mod problems;
#[cfg(test)]
mod tests;

pub use init::{Init, Keeping, Protection};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "popkeep",
    bin_name = "popkeep",
    version,
    about = "Keep a local backup of POP3 mailboxes",
    long_about = manual::DESCRIPTION,
    after_help = manual::MORE,
    after_long_help = manual::after_long_help(),
    max_term_width = 100,
    subcommand_value_name = "COMMAND",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", help = manual::CONFIG_HELP)]
    pub config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch new messages into the archive; the main job
    ///
    /// Logs into each account, fetches every message that the archive does not hold yet, deletes
    /// from the server what the configuration says may go, and reports what the server listed,
    /// what is archived now, and what is missing and why.
    #[command(after_help = manual::examples(manual::FETCH))]
    Fetch(Fetch),

    /// Test the connection and the login, and show what a fetch would find
    ///
    /// Connects and logs in, and shows TLS, the server's capabilities, the mechanism used, how
    /// many messages there are and how many are new. Nothing is fetched, deleted or written.
    #[command(after_help = manual::examples(manual::CHECK))]
    Check(Check),

    /// Show what is on the server, and what of it is archived
    ///
    /// Logs in and lists every message with its number, its size in octets, its UID, and whether
    /// the archive holds it: archived; new; doubtful (the next fetch brings it and compares it with what
    /// is archived); too large (the configuration leaves it); or quarantined (it failed before, and is
    /// tried last and after growing gaps). Nothing is fetched, deleted or written.
    #[command(after_help = manual::examples(manual::LIST))]
    List(List),

    /// Show the last run, the last success and what is archived, without connecting
    ///
    /// Reads the ledger alone: when each account ran last and last had success, the failures since
    /// then, how much is archived, and how much came in during each of the last twelve weeks. With
    /// --max-age it is a monitoring check: exit status 1 when an account's last success is too long
    /// ago or there never was one.
    #[command(after_help = manual::examples(manual::STATUS))]
    Status(Status),

    /// Compare the archive with what is on record, without connecting
    ///
    /// Reads every message that was archived and compares it with the hash taken when it came. Tells what is
    /// intact, what a mail program has changed in header marks alone (Status, X-Mozilla-Status and their
    /// like), what is damaged, what is missing, and how many messages in the archive are not on record. Nothing in the
    /// archive is changed. Exit status 1 when a message is damaged or missing.
    ///
    /// With --accept, what is gone or changed is so on purpose: it stays on record, so that it is never
    /// fetched again, is not mentioned any more, and is never deleted from the server.
    #[command(after_help = manual::examples(manual::VERIFY))]
    Verify(Verify),

    /// Type POP3 commands to the server by hand
    ///
    /// A prompt on an authenticated connection, TLS included, for what people once did with telnet.
    /// STAT, LIST, RETR, TOP, UIDL, DELE, RSET, NOOP, CAPA and QUIT go to the server, in any case;
    /// its answers are shown as they come. HELP explains them; EXIT, Ctrl-D and Ctrl-C leave without
    /// QUIT, so that a server that follows RFC 1939 deletes nothing. DELE of a message that the
    /// archive does not hold asks first. Nothing is sent that was not typed.
    ///
    /// From a pipe, each line of stdin is a command, and stdout gets the answers: status lines and
    /// listings with LF, a message octet for octet as the server has it (CRLF, doubled dots
    /// undone), and a line with a dot behind a listing or a message. DELE of a message that is not archived is not
    /// sent without --yes. The exit status is 1 if an answer was -ERR, a command was not sent, or
    /// marked messages were left without QUIT.
    #[command(after_help = manual::examples(manual::SESSION))]
    Session(Session),

    /// Ask for what an account needs, test the login, and write the configuration
    ///
    /// Asks for an address, proposes the server, tests the login and writes a private, commented
    /// configuration with that one account. Each question can be answered by an option, and where
    /// stdin or stderr is no terminal nothing is asked: what is missing is named, with exit status 64.
    /// A configuration that is there already is never changed: the lines to add go to stdout, and the
    /// exit status is 73.
    ///
    /// The server is known for large providers; otherwise it is looked for in the domain's service
    /// records (RFC 6186), by its mail exchangers, and under its usual names, and proposed only if its
    /// certificate is trusted.
    #[command(after_help = manual::examples(manual::INIT))]
    Init(Box<Init>),

    /// Try popkeep with sample mail and no account of your own
    ///
    /// Starts a small POP3 server on this machine, fetches its sample mail into a new folder and
    /// fetches again, to show that the second run fetches nothing. The configuration, the ledger
    /// and the mail are all inside that folder; remove it to undo everything.
    Demo(Demo),

    /// Print a completion script for a shell
    #[command(after_help = manual::examples(manual::COMPLETIONS))]
    Completions(Completions),
}

/// `popkeep fetch`.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Fetch {
    /// Accounts to fetch; all configured ones if none is named
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Show what would be fetched, deleted and left; write nothing anywhere
    #[arg(long)]
    pub dry_run: bool,

    /// Fetch at most N messages per account; what is left is reported and is no failure
    #[arg(long, value_name = "N", value_parser = limit)]
    pub limit: Option<u64>,

    /// Try messages that failed before now, not only when their time has come
    #[arg(long, conflicts_with = "dry_run", long_help = manual::RETRY_HELP)]
    pub retry: bool,

    /// Work on N accounts at once [default: up to 8]
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub jobs: Option<usize>,

    /// Wait up to SPAN, such as 2m, for a maildrop that another session or popkeep has
    #[arg(long, value_name = "SPAN", value_parser = age)]
    pub wait: Option<Duration>,

    /// Say nothing on success, and one line on stderr for each problem; for cron
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Show each step; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,

    /// Print one JSON document about the run on stdout
    #[arg(long, long_help = manual::FETCH_JSON_HELP)]
    pub json: bool,

    /// Write what the run found to FILE, in the text format of Prometheus
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run", long_help = manual::METRICS_HELP)]
    pub metrics: Option<PathBuf>,

    /// When to show progress
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub progress: When,
}

/// `popkeep check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Accounts to check; all configured ones if none is named
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Show each step; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `popkeep list`.
#[derive(Debug, Args)]
pub struct List {
    /// Account whose maildrop to list
    #[arg(value_name = "ACCOUNT")]
    pub account: String,

    /// Show date, sender and subject of each message, through TOP
    #[arg(long)]
    pub headers: bool,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::LIST_JSON_HELP)]
    pub json: bool,

    /// Show each step; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `popkeep status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Accounts to show; all configured ones if none is named
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::STATUS_JSON_HELP)]
    pub json: bool,

    /// Exit with 1 if an account's last success is older than AGE, such as 26h or 3d
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub max_age: Option<Duration>,
}

/// `popkeep verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Accounts to verify; all configured ones if none is named
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::VERIFY_JSON_HELP)]
    pub json: bool,

    /// What is gone or changed is so on purpose: do not mention it again
    #[arg(long)]
    pub accept: bool,

    /// Say nothing if all is well
    #[arg(long, short)]
    pub quiet: bool,
}

/// `popkeep session`.
#[derive(Debug, Args)]
pub struct Session {
    /// Account to log in to
    #[arg(value_name = "ACCOUNT")]
    pub account: String,

    /// Delete messages that the archive does not hold without asking
    #[arg(long)]
    pub yes: bool,

    /// Show each step; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `popkeep demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder to work in; made if missing, refused if it holds anything but an earlier demo
    #[arg(value_name = "DIR", default_value = "popkeep-demo")]
    pub dir: PathBuf,
}

/// `popkeep completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Shell to complete for
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// When to show progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    #[default]
    /// Bars on a terminal, otherwise a line when an account starts and one when it ends
    Auto,
    /// Like auto, but where stderr is no terminal a line every few seconds besides
    Always,
    /// No progress, only each account's result
    Never,
}

/// `--limit`: at least 1, for 0 would be a fetch that fetches nothing.
fn limit(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(limit @ 1..) => Ok(limit),
        _ => Err("give a number from 1 up".into()),
    }
}

/// `--jobs`: at least 1; more threads than this machine could ever run are no help.
fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=256) => Ok(jobs),
        _ => Err("give a number from 1 to 256".into()),
    }
}

/// `--max-age` and `--wait`: a span such as `26h`, `90m`, `3d` or `1w`; a day counts as 24 hours.
fn age(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::Span>()
        .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|age| !age.is_zero())
        .ok_or_else(|| "give a time span such as 26h, 90m or 3d".into())
}
