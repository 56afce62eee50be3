//! `popkeep adopt`.

use super::manual;
use crate::adopt::tools::Tool;
use clap::{ArgAction, Args, ValueEnum};
use std::path::PathBuf;

/// `popkeep adopt`.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Adopt {
    /// The program to take over from, or archive
    #[arg(value_name = "PROGRAM", value_enum, conflicts_with = "undo")]
    pub from: Option<AdoptFrom>,

    /// With archive: the Maildir or mbox to take
    #[arg(value_name = "PATH", requires = "from")]
    pub path: Option<PathBuf>,

    /// The program's settings [default: where it looks for them]
    #[arg(long, value_name = "FILE", requires = "from")]
    pub settings: Option<PathBuf>,

    /// The program's list of messages it has seen [default: where its settings say]
    #[arg(long, value_name = "FILE", requires = "from")]
    pub state: Option<PathBuf>,

    /// The program's Maildir or mbox [default: where its settings say]
    #[arg(long, value_name = "PATH", requires = "from")]
    pub archive: Option<PathBuf>,

    /// The account's name in the configuration; with several in the settings, the one to take
    #[arg(long, value_name = "NAME", requires = "from")]
    pub account: Option<String>,

    /// What to do with messages that the program has seen and that are not in its archive
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Seen::Fetch)]
    pub seen: Seen,

    /// Do it; without this, only show it
    #[arg(long, requires = "from")]
    pub write: bool,

    /// Copy the messages into a new archive, and leave the program's as it is
    #[arg(long, requires = "from")]
    pub copy: bool,

    /// Copy passwords from the settings into private files
    #[arg(long, requires = "from")]
    pub take_password: bool,

    /// Take back the adoption of account NAME; possible until its next fetch
    #[arg(long, value_name = "NAME")]
    pub undo: Option<String>,

    /// Print one JSON document on stdout
    #[arg(long, long_help = manual::ADOPT_JSON_HELP)]
    pub json: bool,

    /// Show each step; twice shows the protocol, secrets masked
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

/// From what to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AdoptFrom {
    /// fetchmail 6 and 7
    Fetchmail,
    /// getmail 4 to 6
    Getmail,
    /// mpop
    Mpop,
    /// fdm
    Fdm,
    /// Thunderbird and its kin
    Thunderbird,
    /// Claws Mail
    Claws,
    /// Sylpheed
    Sylpheed,
    /// A Maildir or mbox, whatever has filled it
    Archive,
}

impl AdoptFrom {
    /// The program; `None` for an archive alone.
    pub fn tool(self) -> Option<Tool> {
        Some(match self {
            AdoptFrom::Fetchmail => Tool::Fetchmail,
            AdoptFrom::Getmail => Tool::Getmail,
            AdoptFrom::Mpop => Tool::Mpop,
            AdoptFrom::Fdm => Tool::Fdm,
            AdoptFrom::Thunderbird => Tool::Thunderbird,
            AdoptFrom::Claws => Tool::Claws,
            AdoptFrom::Sylpheed => Tool::Sylpheed,
            AdoptFrom::Archive => return None,
        })
    }
}

/// What becomes of messages that were seen and are not in the archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Seen {
    /// They are fetched
    #[default]
    Fetch,
    /// They are left on the server
    Skip,
}
