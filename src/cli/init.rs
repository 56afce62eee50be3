//! `popkeep init`: every answer as an option.

use clap::{ArgAction, Args, ValueEnum};

/// `popkeep init`.
#[derive(Debug, Default, Args)]
pub struct Init {
    /// The mail address; its domain tells the server, and it is the proposed user name
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,

    /// The account's name in the configuration [default: from the address]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// The POP3 server; nothing is looked for then
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// The server's port [default: 995, or 110 with starttls and none]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// How the connection is protected [default: implicit]
    #[arg(long, value_enum, value_name = "HOW")]
    pub tls: Option<Protection>,

    /// A file (PEM) of the authorities to trust, instead of the system's
    #[arg(long, value_name = "FILE")]
    pub tls_ca_file: Option<String>,

    /// The SHA-256 fingerprint of the server's certificate, which is then trusted for that alone
    #[arg(long, value_name = "FINGERPRINT", requires = "host")]
    pub tls_fingerprint: Option<String>,

    /// Who logs in [default: the address, or what the provider wants]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// A command whose first line of output is the password
    #[arg(long, value_name = "COMMAND", group = "source")]
    pub password_command: Option<String>,

    /// A file whose first line is the password; nobody else may be able to read it
    #[arg(long, value_name = "FILE", group = "source")]
    pub password_file: Option<String>,

    /// An environment variable that holds the password at each run
    #[arg(long, value_name = "VARIABLE", group = "source")]
    pub password_env: Option<String>,

    /// A command whose first line of output is an OAuth2 access token
    #[arg(long, value_name = "COMMAND", group = "source")]
    pub token_command: Option<String>,

    /// Have the password asked for at each run, which no cron job can answer
    #[arg(long, group = "source")]
    pub ask_password: bool,

    /// Where the mail is kept [default: ~/Mail/NAME, or ~/Mail/NAME.mbox]
    #[arg(long, value_name = "PATH")]
    pub archive: Option<String>,

    /// What the archive is [default: maildir]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Keeping>,

    /// What is deleted from the server: never, fetched, or an age such as 30d [default: never]
    #[arg(long, value_name = "WHAT")]
    pub delete: Option<String>,

    /// Do not log in to test the answers
    #[arg(long)]
    pub no_test: bool,

    /// Ask nothing, even at a terminal: what no option says has its default
    #[arg(long)]
    pub batch: bool,

    /// Show each step of the test; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protection {
    /// TLS from the first octet
    Implicit,
    /// STLS before the login
    Starttls,
    /// Clear text; only to this machine itself
    None,
}

/// What an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keeping {
    /// A folder, with a file for each message
    Maildir,
    /// One file, mboxrd
    Mbox,
}
