//! Why there is no configuration.

use crate::config::ConfigError;
use crate::connect::ConnectError;
use crate::exit::Exit;
use std::io;

/// Why there is no configuration; its text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Nobody can be asked, and no option says it. Exit 64.
    #[error("nothing is asked here, and the command line does not say enough: add {}", missing.join(", and "))]
    Missing {
        /// The options to add, each with a reason where it needs one.
        missing: Vec<String>,
    },
    /// An option's value cannot be. Exit 64.
    #[error("{reason}")]
    Impossible {
        /// Which, and what it must be.
        reason: String,
    },
    /// The provider has no POP3. Exit 64.
    #[error(
        "{provider} has no POP3, which is all that popkeep speaks: {instead} If you know better, name the server with --host"
    )]
    NoPop3 {
        /// The provider.
        provider: &'static str,
        /// What it has instead.
        instead: &'static str,
    },
    /// Ctrl-D. Exit 64.
    #[error("the answers ended before the questions did; nothing was written")]
    Ended,
    /// There is a configuration. Exit 73.
    #[error("{path} is there already, and init never changes it; add the lines above to it")]
    Taken {
        /// The file.
        path: String,
    },
    /// There is a configuration now that was not there when the questions began. Exit 73.
    #[error("{path} was made by somebody else meanwhile; nothing was changed")]
    Overtaken {
        /// The file.
        path: String,
    },
    /// Something cannot be written. Exit 73.
    #[error("{path}: cannot be written: {source}; nothing was changed")]
    NotWritten {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The test failed, and nobody can be asked again. The account's own exit code.
    #[error("the test of the login failed: {0} (nothing was written; --no-test leaves the test out)")]
    Trial(ConnectError),
    /// The configuration that was made is not one. Exit 78.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The terminal cannot be read. Exit 74.
    #[error("the terminal cannot be used: {0}")]
    Prompt(io::Error),
}

impl InitError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            InitError::Missing { .. }
            | InitError::Impossible { .. }
            | InitError::NoPop3 { .. }
            | InitError::Ended => Exit::USAGE,
            InitError::Taken { .. } | InitError::Overtaken { .. } | InitError::NotWritten { .. } => {
                Exit::CANT_CREATE
            }
            InitError::Trial(error) => error.exit(),
            InitError::Config(error) => error.exit(),
            InitError::Prompt(_) => Exit::IO,
        }
    }
}
