//! The command line: definitions only. Help, the man page and completions come from here.
//!
//! Promises: every command and every option has a help text; a wrong command line ends with
//! [`Exit::USAGE`](crate::exit::Exit::USAGE), a request for help or the version with 0.

mod adopt;
mod init;
pub mod manual;
pub mod problems;
#[cfg(test)]
mod tests;

pub use adopt::{Adopt, AdoptFrom, Seen};
pub use init::{Init, Keeping, Protection};

use crate::config::parse_size;
use crate::fleet::shard::Shard;
use crate::search::query::days;
use crate::verify::Share;
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr as _;
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
    arg_required_else_help = true
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
    /// Logs into each account, fetches every message that is not archived yet, and deletes from the
    /// server what the configuration tells it to. Then reports what the server listed, what is
    /// archived now, and what is missing and why.
    ///
    /// Warns of what becomes a problem if nobody does anything: a server's certificate or an OAuth2 sign-in that ends within 14
    /// days; a disk with room for less than four weeks of mail, or for less than 16 MiB; an archive that was not
    /// verified for 180 days. A warning does not change the exit code. With --quiet each is printed once a week, the last one
    /// once in 30 days.
    #[command(after_help = manual::examples(manual::FETCH))]
    Fetch(Fetch),

    /// Test the connection and the login, and show what a fetch would find
    ///
    /// Connects, logs in, and shows the TLS connection, the server's capabilities, how it logged in,
    /// how many messages there are and how many are new. Fetches, deletes and writes nothing.
    #[command(after_help = manual::examples(manual::CHECK))]
    Check(Check),

    /// Show what is on the server, and which messages are archived
    ///
    /// Logs in and lists every message with its number, its size in octets, its UID and its state:
    /// archived; new; doubtful (the next fetch compares it with what is archived); seen elsewhere (left
    /// on the server, as you told adopt); skipped (left for its header, as you configured); too large (left on the server, as
    /// you configured); or
    /// quarantined (it failed before, and is tried last and at growing intervals). Fetches, deletes and writes nothing.
    #[command(after_help = manual::examples(manual::LIST))]
    List(List),

    /// Show the last run, the last success and what is archived, without connecting
    ///
    /// Reads only the ledger, and shows when each account last ran and last succeeded, how it has
    /// failed since, how much is archived, and how much arrived in each of the last twelve weeks. With
    /// --max-age it is a monitoring check: it exits with 1 if an account's last success is too long
    /// ago, or if the account never succeeded. With --verified-within it exits with 1 if an archive was
    /// not verified, or if something in it is damaged or missing. More than three accounts are shown as a table.
    #[command(after_help = manual::examples(manual::STATUS))]
    Status(Status),

    /// Show the runs on record, without connecting
    ///
    /// Shows when each fetch began, how long it took, its exit code and what it did, the newest first. The last 1,000 runs of
    /// an account are on record one by one; older ones have a line for each day. Connects nowhere, and changes no
    /// file.
    #[command(after_help = manual::examples(manual::LOG))]
    Log(Log),

    /// Show how the backup fares, as a page to look at or as text for a mail
    ///
    /// Reads only the ledger. For each account it shows how the archive has grown, how each day's runs ended in the last
    /// twelve weeks, how long runs took, what is missing and why, the last verification, the largest messages, and what the
    /// delete setting would delete now. Exits with 0 whatever it reports, unless the ledger cannot be read.
    ///
    /// The page is one file: it needs no network and no script, follows the dark or light setting of the browser, and can be
    /// printed. It has no subjects and no senders, and only you can read it (mode 0600).
    ///
    /// An account is failing if the last run failed and none has succeeded for two days, if the last success is more than
    /// eight days ago, or if the last verification found something damaged or missing. It needs attention if only the
    /// last runs failed, if messages are missing, or if you need to sign in. A day is partly done if not all of its runs
    /// succeeded, or if messages were missing and nothing else was wrong.
    ///
    /// The worst accounts come first. At most 1,000 accounts are in the table, and 50 have a section of their own; name
    /// accounts to see others. With --text, more than three accounts are a table, with a section for each one that has a problem.
    #[command(after_help = manual::examples(manual::REPORT), group = ArgGroup::new("form").args(["html", "text"]).required(true).multiple(true))]
    Report(Report),

    /// Check that everything archived is still there and whole, and repair what is not
    ///
    /// Reads every archived message and compares it with the hash recorded when it arrived. Reports what
    /// is intact, where a mail program has changed header marks (Status, X-Mozilla-Status and the
    /// like), what is damaged, what is missing, and how many messages in the archive are not in the
    /// ledger. Without --repair it contacts no server and changes nothing in the archive, and a fetch may
    /// run meanwhile. Exits with 1 if a message is damaged or missing at the end.
    ///
    /// With --read a run reads a share of the archive: what was not read for the longest time. With
    /// 5% a day everything is read once in twenty days. Every message is looked for in any case.
    ///
    /// With --repair, popkeep fetches what is damaged from the server again, or takes it from the
    /// places that you name with --from. The good copy is in the archive and was read back before the bad
    /// one is moved to damaged/ in the state folder. A damaged part of an mbox stays where it is; the
    /// good copy is appended.
    ///
    /// With --accept you say that what is gone or changed is so on purpose. It stays in the ledger, so
    /// that popkeep never fetches it again, no longer mentions it, and never deletes it from the server.
    #[command(after_help = manual::examples(manual::VERIFY))]
    Verify(Verify),

    /// Find archived messages
    ///
    /// Lists the archived messages that fit the query, newest first; all of them without a query. Contacts no server. The
    /// first search reads the whole archive and makes an index in the cache folder; later ones read only what is new.
    ///
    /// All words of a query must occur, in the headers or in the text; case and accents make no difference. invoi*
    /// finds words that begin so, "two words" a phrase, one OR other either of them, NOT word messages without it. Round
    /// brackets group. Fields: from: to: cc: subject: body: filename: followed by a word or a phrase; has:attachment;
    /// account:NAME; after: before: on: followed by a day (2025-01-31), a month (2025-01) or a year; larger: smaller:
    /// followed by a size (5MB); id: followed by a message ID. Chinese, Japanese and Korean are found by any two adjacent
    /// characters. after: includes its day, before: does not.
    ///
    /// The shell takes quotation marks away: put the query into single quotes. A message that is no longer in the archive is
    /// not listed.
    #[command(after_help = manual::examples(manual::SEARCH))]
    Search(Search),

    /// Show an archived message, or save its attachments
    ///
    /// Shows the headers that matter, the text (HTML turned into text) and a list of the attachments. What could
    /// steer the terminal is escaped. ID is the message's ID as search prints it: at least 8 digits. Exits with 1 if there
    /// is no such message, or if its copy is damaged.
    #[command(after_help = manual::examples(manual::SHOW))]
    Show(Show),

    /// Take over from fetchmail, getmail, mpop, fdm or a mail program, without fetching anything again
    ///
    /// Without arguments, lists what of other programs is here. With a program, reads its settings, its list of
    /// messages it has seen and its archive, and shows each account as it would be in popkeep's configuration, and
    /// what cannot be taken over. If the server lets popkeep in, it also counts what the server still has, and how much
    /// of that is in the archive. Nothing that these files name is run, and nothing is written.
    ///
    /// With --write, adds the accounts to the configuration. The next fetch then recognises each message that is in the
    /// archive: by its UID where the file has one, by its header (TOP), or by its content. What it does not find there
    /// it fetches, whatever the program's list says, because a message may be on such a list and stored nowhere.
    ///
    /// With archive and PATH, takes an existing Maildir or mbox for an account that is configured.
    #[command(after_help = manual::examples(manual::ADOPT))]
    Adopt(Box<Adopt>),

    /// Copy archived messages to a Maildir, an mbox or a folder of .eml files
    ///
    /// Writes a copy of every archived message, or of those that QUERY finds, to PATH, in a form that other programs read, reads
    /// each of them again when all are written, and compares it with the hash in the ledger. A second run
    /// adds only what is new, also after a run that was cut off. Maildirs keep flags and dates. Nothing
    /// but messages is written below PATH, and an archive of popkeep's is never written to.
    ///
    /// Exits with 1 if a message could not be exported, because its copy in the archive is damaged.
    #[command(after_help = manual::examples(manual::EXPORT))]
    Export(Export),

    /// Copy archived messages into a folder on an IMAP server
    ///
    /// Appends every archived message, or those that QUERY finds, to an IMAP folder, octet for octet, with its original date
    /// and its flags; makes the folder if it is not there. The ledger remembers what was restored, so a second run appends
    /// nothing. After a run that was cut off, popkeep looks in the folder for what had arrived before it sends the rest. It never
    /// changes or deletes what is in the folder, and what you delete there does not come back.
    ///
    /// DESTINATION is an address, such as imaps://jane@imap.example.net/Archive, or the NAME of a [destinations.NAME] in the
    /// configuration, which can say where the password is (see popkeep.toml(5)). For an address, popkeep takes the login of a
    /// destination with the same user at the same server; otherwise it asks for the password on a terminal.
    ///
    /// Exits with 1 if a message could not be restored, because its copy is damaged or the server refuses it; with 75 if the
    /// server takes no more for now: run it again later.
    #[command(after_help = manual::examples(manual::RESTORE))]
    #[expect(clippy::doc_markdown, reason = "the text is for a terminal, where an address is plain")]
    Restore(Restore),

    /// Give archived mail to any mail program, as a POP3 server that only reads
    ///
    /// Makes each account's archive a mailbox that a mail program on this machine can fetch from by POP3. Prints
    /// what to type into the mail program: the user is the account's name, and the password is good until the server
    /// ends. It runs until you end it with Ctrl-C. Nothing can be deleted: the server refuses DELE.
    ///
    /// The first start reads each archive once, to learn the sizes. A fetch may run meanwhile; new mail is there
    /// when the mail program connects next. A damaged copy is not given; the server says so.
    ///
    /// Other machines can connect only under TLS, with --listen and --tls-cert. Mail programs can use
    /// STARTTLS (STLS) or TLS from the start, on the same port.
    #[command(after_help = manual::examples(manual::SERVE))]
    Serve(Serve),

    /// Type POP3 commands to the server by hand
    ///
    /// A POP3 prompt on an encrypted connection that is already logged in. STAT, LIST, RETR, TOP,
    /// UIDL, DELE, RSET, NOOP, CAPA and QUIT go to the server, in upper or lower case, and you see its
    /// answers as they come. HELP explains them. EXIT, Ctrl-D and Ctrl-C leave without QUIT, so that a
    /// server that follows RFC 1939 deletes nothing. Before it sends DELE for a message that is not
    /// archived, popkeep asks you. It sends nothing that you did not type.
    ///
    /// In a pipe, each line of stdin is a command, and the answers go to stdout: status lines and
    /// listings with LF, messages octet for octet as the server has them (with CRLF, doubled dots
    /// undone), and a line with a dot after each listing and message. DELE for a message that is not
    /// archived needs --yes. Exits with 1 if the server answered -ERR, if a command was not sent, or
    /// if messages were marked for deletion and QUIT never came.
    #[command(after_help = manual::examples(manual::SESSION))]
    Session(Session),

    /// Set up an account: find the server, test the login, write the configuration
    ///
    /// Asks for your address, proposes the server, tests the login and writes a private, commented
    /// configuration with that one account. An option can answer each question. If stdin or stderr is
    /// not a terminal, init asks nothing; it names the options that are missing and exits with 64. If
    /// there already is a configuration, init shows the lines to add, and adds them if you agree;
    /// without a terminal it prints them and exits with 73.
    ///
    /// popkeep knows the servers of large providers. For other domains it looks at the service records
    /// (RFC 6186), the mail exchangers and the usual names, and proposes a server only if its
    /// certificate is trusted.
    #[command(after_help = manual::examples(manual::INIT))]
    Init(Box<Init>),

    /// Sign in with OAuth2
    ///
    /// For accounts with an [accounts.NAME.oauth] table. Prints the address where you sign in and, with
    /// --device, the code to type there; each on its own line on stdout. Then tries the
    /// token at the mail server, and keeps it in the ledger's folder. From then on popkeep renews it by
    /// itself. Without an option it uses a device code where the provider has that for mail, else a
    /// browser on this machine, and without a display it lets you paste.
    #[command(after_help = manual::examples(manual::LOGIN))]
    Login(Login),

    /// Forget an OAuth2 sign-in, and revoke it where the provider can
    #[command(after_help = manual::examples(manual::LOGOUT))]
    Logout(Logout),

    /// Print a fresh OAuth2 access token, for other programs
    ///
    /// Prints the access token and nothing else. If less than ten minutes of it remain (or half its
    /// lifetime, if that is shorter), popkeep renews it first.
    #[command(after_help = manual::examples(manual::TOKEN))]
    Token(Token),

    /// Try popkeep with sample mail and no account of your own
    ///
    /// Starts a small POP3 server on this machine and fetches its sample mail into a new folder,
    /// twice, to show that the second run fetches nothing. The configuration, the ledger and the mail
    /// are all in that folder; delete it to undo everything.
    Demo(Demo),

    /// Print a completion script for a shell
    #[command(after_help = manual::examples(manual::COMPLETIONS))]
    Completions(Completions),
}

/// `popkeep fetch`.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Fetch {
    /// Accounts to fetch [default: all]
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Show what would be fetched, deleted and left; write nothing anywhere
    #[arg(long, long_help = manual::DRY_RUN_HELP)]
    pub dry_run: bool,

    /// Fetch at most N messages per account; the rest is reported, but is not a failure
    #[arg(long, value_name = "N", value_parser = limit)]
    pub limit: Option<u64>,

    /// Try messages that failed before right now, without waiting for their next turn
    #[arg(long, conflicts_with = "dry_run", long_help = manual::RETRY_HELP)]
    pub retry: bool,

    /// Work on N accounts at once [default: up to 8 of a host, 32 in all]
    #[arg(long, value_name = "N", value_parser = jobs, long_help = manual::JOBS_HELP)]
    pub jobs: Option<usize>,

    /// Keep running, and fetch every SPAN (such as 15m): for containers and services
    #[arg(long, value_name = "SPAN", conflicts_with = "dry_run", value_parser = age, long_help = manual::EVERY_HELP)]
    pub every: Option<Duration>,

    /// Only the accounts in shard K of N, counted from 0: for N machines with one configuration
    #[arg(long, value_name = "K/N", value_parser = Shard::from_str, long_help = manual::SHARD_HELP)]
    pub shard: Option<Shard>,

    /// If the mailbox is locked by another session or popkeep, wait up to SPAN (such as 2m)
    #[arg(long, value_name = "SPAN", value_parser = age)]
    pub wait: Option<Duration>,

    /// For cron: print nothing on success, and one line per problem or warning on stderr
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Show each step; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,

    /// Print one JSON document about the run on stdout
    #[arg(long, long_help = manual::FETCH_JSON_HELP)]
    pub json: bool,

    /// Write the run's figures to FILE, in the Prometheus text format
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run", long_help = manual::METRICS_HELP)]
    pub metrics: Option<PathBuf>,

    /// When to show progress
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub progress: When,
}

/// `popkeep check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Accounts to check [default: all]
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Show each step; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `popkeep list`.
#[derive(Debug, Args)]
pub struct List {
    /// Account to list; may be left out if only one is configured
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,

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
    /// Accounts to show [default: all]
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::STATUS_JSON_HELP)]
    pub json: bool,

    /// Show only accounts with a problem: a failed last run, a stale success or none, damage, or a sign-in that is needed
    #[arg(long)]
    pub failed: bool,

    /// Exit with 1 if an account's last success is older than AGE (such as 26h or 3d)
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub max_age: Option<Duration>,

    /// Exit with 1 if copies were not read by verify within SPAN (such as 90d), or the last verify found damage
    #[arg(long, value_name = "SPAN", value_parser = age)]
    pub verified_within: Option<Duration>,
}

/// `popkeep log`.
#[derive(Debug, Args)]
pub struct Log {
    /// Accounts whose runs to show [default: all]
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Show at most N lines
    #[arg(long, short = 'n', value_name = "N", value_parser = limit)]
    pub limit: Option<u64>,

    /// Show only runs that began on DATE (such as 2026-01-31, 2026-01 or 2026) or later
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub since: Option<jiff::civil::Date>,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::LOG_JSON_HELP)]
    pub json: bool,
}

/// `popkeep report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Accounts to report on [default: all]
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Show growth, runs and large messages only from DATE on (such as 2026-01-31, 2026-01 or 2026)
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub since: Option<jiff::civil::Date>,

    /// Write a page for the browser to FILE, replacing it; - is stdout
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Print the report as text, in 78 columns
    #[arg(long)]
    pub text: bool,
}

/// `popkeep verify`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Verify {
    /// Accounts to verify [default: all]
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::VERIFY_JSON_HELP)]
    pub json: bool,

    /// Read all, a share such as 5%, or a size such as 10GB: what was not read for the longest time
    #[arg(long, value_name = "SHARE", default_value = "all", value_parser = share)]
    pub read: Share,

    /// Stop reading after this long, and leave the rest to the next run
    #[arg(long, value_name = "SPAN", value_parser = age)]
    pub max_duration: Option<Duration>,

    /// Replace damaged copies by good ones, from the server
    #[arg(long, conflicts_with = "accept")]
    pub repair: bool,

    /// With --repair: take good copies from this Maildir, mbox or folder, not from the server
    #[arg(long, value_name = "PATH", requires = "repair")]
    pub from: Vec<PathBuf>,

    /// With --repair: also fetch again what was removed from the archive
    #[arg(long, requires = "repair")]
    pub removed: bool,

    /// Accept what is gone or changed as intended, and do not mention it again
    ///
    /// On a terminal popkeep asks first.
    #[arg(long)]
    pub accept: bool,

    /// Print nothing if all is well, otherwise a line for each problem
    #[arg(long, short)]
    pub quiet: bool,
}

/// `popkeep export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Only messages that this finds, as in search [default: all]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Where to: a folder, or for mbox a file; made if it is not there
    #[arg(long, value_name = "PATH")]
    pub to: PathBuf,

    /// What to make of it
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "maildir")]
    pub format: ExportFormat,

    /// How an mbox quotes lines that begin with From: mboxrd can be undone, mboxo is for programs that know no other
    #[arg(long, value_name = "VARIANT", value_enum, default_value = "mboxrd")]
    pub mbox_variant: MboxVariant,

    /// Only this account [default: all]; may be repeated
    #[arg(long, short, value_name = "ACCOUNT")]
    pub account: Vec<String>,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::EXPORT_JSON_HELP)]
    pub json: bool,

    /// Print nothing if all is well
    #[arg(long, short)]
    pub quiet: bool,
}

/// `popkeep restore`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Restore {
    /// Only messages that this finds, as in search [default: all]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Where to: imaps://USER@HOST/FOLDER, or NAME of [destinations.NAME]
    #[arg(long, value_name = "DESTINATION")]
    #[expect(clippy::doc_markdown, reason = "the text is for a terminal, where an address is plain")]
    pub to: String,

    /// Only what was archived since the first run with --new, which restores nothing
    #[arg(long)]
    pub new: bool,

    /// Do not send what the folder holds already: the same Message-ID and size
    #[arg(long)]
    pub skip_present: bool,

    /// Which flags the messages get: those that they have in the archive, \Seen, or none
    #[arg(long, value_name = "FLAGS", value_enum, default_value = "archive")]
    pub flags: RestoreFlags,

    /// Only say what would be restored; make and note nothing, here or there
    #[arg(long)]
    pub dry_run: bool,

    /// Only this account [default: all]; may be repeated
    #[arg(long, short, value_name = "ACCOUNT")]
    pub account: Vec<String>,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::RESTORE_JSON_HELP)]
    pub json: bool,

    /// Print nothing if all is well
    #[arg(long, short)]
    pub quiet: bool,

    /// Say each step; twice: also each line of the protocol, with secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `--flags` of `popkeep restore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RestoreFlags {
    /// Those in the archive
    Archive,
    /// Seen
    Seen,
    /// None
    None,
}

/// `--format` of `popkeep export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A Maildir
    Maildir,
    /// An mbox
    Mbox,
    /// A folder of .eml files
    Eml,
}

/// `--mbox-variant` of `popkeep export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MboxVariant {
    /// Quoting that can be undone
    Mboxrd,
    /// The older quoting
    Mboxo,
}

/// `popkeep search`.
#[derive(Debug, Args)]
pub struct Search {
    /// What to search for [default: every message]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Search only this account [default: all]; may be repeated
    #[arg(long = "account", short, value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// List at most N messages
    #[arg(long, value_name = "N", value_parser = limit)]
    pub limit: Option<u64>,

    /// Print a JSON array on stdout
    #[arg(long, long_help = manual::SEARCH_JSON_HELP, conflicts_with_all = ["ids", "paths"])]
    pub json: bool,

    /// Print only the IDs, one per line
    #[arg(long, conflicts_with = "paths")]
    pub ids: bool,

    /// Print only the files, one per line; for a message in an mbox, that mbox
    #[arg(long)]
    pub paths: bool,
}

/// `popkeep show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The message's ID
    #[arg(value_name = "ID")]
    pub id: String,

    /// Look only in this account [default: all]; may be repeated
    #[arg(long = "account", short, value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Print the message octet for octet as it is stored, with LF line ends
    #[arg(long, conflicts_with_all = ["headers", "save"])]
    pub raw: bool,

    /// Show the whole header, and nothing else
    #[arg(long, conflicts_with = "save")]
    pub headers: bool,

    /// Save the attachments in the folder DIR, overwriting nothing, and print where
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
}

/// `popkeep serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Accounts to serve [default: all]
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,

    /// Where to listen; port 0 is any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1110", value_parser = listen)]
    pub listen: SocketAddr,

    /// Ask for the password that this command prints, not for a new one each time
    #[arg(long, value_name = "COMMAND")]
    pub password_command: Option<String>,

    /// Offer TLS with the certificate in this PEM file
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The key of the certificate, if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// `popkeep session`.
#[derive(Debug, Args)]
pub struct Session {
    /// Account to log in to; may be left out if only one is configured
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,

    /// Do not ask before deleting messages that are not archived
    #[arg(long)]
    pub yes: bool,

    /// Show each step; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `popkeep login`.
#[derive(Debug, Args)]
pub struct Login {
    /// Account to sign in; may be left out if only one is configured
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,

    /// Show a code to type in a browser on any device
    #[arg(long, conflicts_with_all = ["browser", "paste"])]
    pub device: bool,

    /// Wait for a browser on this machine
    #[arg(long, conflicts_with = "paste")]
    pub browser: bool,

    /// Read from stdin the address at which a browser on another machine ended
    #[arg(long)]
    pub paste: bool,

    /// Show each step; twice shows HTTP and POP3, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `popkeep logout`.
#[derive(Debug, Args)]
pub struct Logout {
    /// Account to sign out; may be left out if only one is configured
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,

    /// Show each step; twice shows HTTP, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `popkeep token`.
#[derive(Debug, Args)]
pub struct Token {
    /// Account whose token to print; may be left out if only one is configured
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,

    /// Show each step; twice shows HTTP, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `popkeep demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder to work in: a new one, an empty one, or that of an earlier demo
    #[arg(value_name = "DIR", default_value = "popkeep-demo")]
    pub dir: PathBuf,
}

/// `popkeep completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Shell to complete for
    #[arg(value_name = "SHELL", value_enum, required_unless_present = "accounts")]
    pub shell: Option<clap_complete::Shell>,

    /// Print the names of the configured accounts; the scripts use this
    #[arg(long, conflicts_with = "shell")]
    pub accounts: bool,
}

/// When to show progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    #[default]
    /// Bars on a terminal; elsewhere a line when an account starts and one when it ends
    Auto,
    /// Like auto, but if stderr is not a terminal, also a line every few seconds
    Always,
    /// Only each account's result
    Never,
}

/// `--listen`: an address of this machine and a port.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let wrong = || "give an address and a port, such as 127.0.0.1:1110 or [::1]:1110".to_owned();
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| wrong())
}

/// `--limit`: at least 1, for 0 would be a fetch that fetches nothing, or a search that finds nothing.
fn limit(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(limit @ 1..) => Ok(limit),
        _ => Err("give a number from 1 up".into()),
    }
}

/// `--jobs`: at least 1; more threads than this machine could ever run are no help.
fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("give a number from 1 to 1024".into()),
    }
}

/// `--read`: `all`, hundredths such as `5%` or `0.5%`, or a size.
fn share(text: &str) -> Result<Share, String> {
    let wrong = || "give all, a share such as 5%, or a size such as 500MB or 10 GiB".to_owned();
    if text == "all" {
        return Ok(Share::All);
    }
    let Some(percent) = text.strip_suffix('%') else {
        return parse_size(text).filter(|octets| *octets > 0).map(Share::Octets).ok_or_else(wrong);
    };
    let percent = percent.trim().parse::<f64>().ok();
    percent.filter(|percent| *percent > 0.0 && *percent <= 100.0).map(Share::Percent).ok_or_else(wrong)
}

/// `--since`: a day; of a month or a year the first one.
fn date(text: &str) -> Result<jiff::civil::Date, String> {
    let (first, _) = days(text).ok_or("give a date such as 2026-01-31, 2026-01 or 2026")?;
    Ok(first)
}

/// `--max-age`, `--verified-within`, `--max-duration` and `--wait`: a span such as `26h`, `90m`, `3d` or `1w`; a day counts as 24 hours.
fn age(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::Span>()
        .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|age| !age.is_zero())
        .ok_or_else(|| "give a time span such as 26h, 90m or 3d".into())
}
