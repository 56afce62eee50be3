//! Why nothing can be taken over.

use crate::account_error::AccountError;
use crate::commands::init::InitError;
use crate::config::ConfigError;
use crate::exit::Exit;
use std::io;

/// Why nothing can be taken over; its text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The command line does not fit together, or names what is not there. Exit 64.
    #[error("{0}")]
    Usage(String),
    /// A program's file cannot be read. Exit 74.
    #[error("cannot read {path}: {source}; name another file with --settings or --state")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// What would be added to the configuration cannot be, or it cannot be read. Exit 78.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration cannot be written. Exit 73 as a rule.
    #[error(transparent)]
    Write(#[from] InitError),
    /// The ledger or the archive failed. The account's own exit code.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl AdoptError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            AdoptError::Usage(_) => Exit::USAGE,
            AdoptError::Unreadable { .. } => Exit::IO,
            AdoptError::Config(error) => error.exit(),
            AdoptError::Write(error) => error.exit(),
            AdoptError::Account(error) => error.exit(),
        }
    }
}
