//! `popkeep init`: every answer as an option.

use crate::config::Provider;
use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args, ValueEnum};

/// `popkeep init`.
#[derive(Debug, Default, Args)]
pub struct Init {
    /// Your mail address; popkeep derives the server and the user name from it
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,

    /// The account's name in the configuration [default: from the address]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// The POP3 server, if popkeep should not look for it
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// The server's port [default: 995, or 110 with starttls and none]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// How to protect the connection [default: implicit]
    #[arg(long, value_enum, value_name = "HOW")]
    pub tls: Option<Protection>,

    /// A PEM file with the authorities to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    pub tls_ca_file: Option<String>,

    /// The SHA-256 fingerprint of the only certificate to trust
    #[arg(long, value_name = "FINGERPRINT", requires = "host")]
    pub tls_fingerprint: Option<String>,

    /// The user name [default: the address, or what the provider wants]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// A command whose first line of output is the password
    #[arg(long, value_name = "COMMAND", group = "source")]
    pub password_command: Option<String>,

    /// A file whose first line is the password; only you may have access to it
    #[arg(long, value_name = "FILE", group = "source")]
    pub password_file: Option<String>,

    /// An environment variable that contains the password at each run
    #[arg(long, value_name = "VARIABLE", group = "source")]
    pub password_env: Option<String>,

    /// A command whose first line of output is an OAuth2 access token
    #[arg(long, value_name = "COMMAND", group = "source")]
    pub token_command: Option<String>,

    /// Sign in with OAuth2 at this provider; for "other", give its addresses and scope, too
    #[arg(long, value_name = "PROVIDER", group = "source")]
    #[arg(value_parser = providers())]
    pub oauth: Option<String>,

    /// The client id to sign in with; popkeep-oauth(7) says where to get one
    #[arg(long, value_name = "ID", requires = "oauth")]
    pub client_id: Option<String>,

    /// A command that prints the client secret, where the provider gives one
    #[arg(long, value_name = "COMMAND", requires = "oauth")]
    pub client_secret_command: Option<String>,

    /// Whose accounts may sign in at Microsoft: consumers, organizations, common, or a tenant's id
    #[arg(long, value_name = "TENANT", requires = "oauth")]
    pub tenant: Option<String>,

    /// The page where a person signs in, if not the provider's usual one
    #[arg(long, value_name = "URL", requires = "oauth")]
    pub authorize_url: Option<String>,

    /// The address that tokens come from, if not the provider's usual one
    #[arg(long, value_name = "URL", requires = "oauth")]
    pub token_url: Option<String>,

    /// The address where a device sign-in begins, if not the provider's usual one
    #[arg(long, value_name = "URL", requires = "oauth")]
    pub device_url: Option<String>,

    /// What to ask the provider for, if not the usual scope
    #[arg(long, value_name = "SCOPE", requires = "oauth")]
    pub scope: Option<String>,

    /// Ask for the password at each run (will not work from cron)
    #[arg(long, group = "source")]
    pub ask_password: bool,

    /// Where to keep the mail [default: ~/Mail/NAME, or ~/Mail/NAME.mbox]
    #[arg(long, value_name = "PATH")]
    pub archive: Option<String>,

    /// The format of the archive [default: maildir]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Keeping>,

    /// What to delete from the server: never, fetched, or an age such as 30d [default: never]
    #[arg(long, value_name = "WHAT")]
    pub delete: Option<String>,

    /// Do not test the login
    #[arg(long)]
    pub no_test: bool,

    /// Ask nothing, even on a terminal, and use defaults for whatever no option says
    #[arg(long)]
    pub batch: bool,

    /// Show each step of the test; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// Whom `--oauth` knows.
fn providers() -> PossibleValuesParser {
    let known = Provider::NAMES.iter().map(|(name, _)| *name);
    PossibleValuesParser::new(known.chain(["other"]))
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protection {
    /// TLS from the first octet
    Implicit,
    /// STLS before the login
    Starttls,
    /// Clear text; only to this machine
    None,
}

/// What an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keeping {
    /// A folder with one file per message
    Maildir,
    /// A single file (mboxrd)
    Mbox,
}
