//! Why there is no configuration.

use crate::config::ConfigError;
use crate::connect::ConnectError;
use crate::exit::Exit;
use crate::oauth::SignInError;
use std::io;

/// Why there is no configuration; its text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Nobody can be asked, and no option says it. Exit 64.
    #[error("not running interactively, and required options are missing: add {}", missing.join(", and "))]
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
        "{provider} has no POP3, and popkeep speaks nothing else: {instead} If you do have a POP3 server for it, give it with --host"
    )]
    NoPop3 {
        /// The provider.
        provider: &'static str,
        /// What it has instead.
        instead: &'static str,
    },
    /// Ctrl-D. Exit 64.
    #[error("input ended before every question was answered; nothing was written")]
    Ended,
    /// There is a configuration. Exit 73.
    #[error("{path} already exists and was not changed; add the lines above to it")]
    Taken {
        /// The file.
        path: String,
    },
    /// There is a configuration now that was not there when the questions began. Exit 73.
    #[error("{path} was created by another program in the meantime; nothing was changed")]
    Overtaken {
        /// The file.
        path: String,
    },
    /// Another program has changed the configuration while an account was being added. Exit 73.
    #[error("{path} was changed by another program in the meantime; nothing was added to it")]
    Changed {
        /// The file.
        path: String,
    },
    /// Something cannot be written. Exit 73.
    #[error("cannot write {path}: {source}; nothing was changed")]
    NotWritten {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The test failed, and nobody can be asked again. The account's own exit code.
    #[error("the test login failed: {0} (nothing was written; --no-test skips the test)")]
    Trial(ConnectError),
    /// Signing in failed, and nobody can be asked again. The sign-in's own exit code.
    #[error(transparent)]
    SignIn(SignInError),
    /// The configuration that was made is not one. Exit 78.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The terminal cannot be read. Exit 74.
    #[error("cannot use the terminal: {0}")]
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
            InitError::Taken { .. }
            | InitError::Overtaken { .. }
            | InitError::Changed { .. }
            | InitError::NotWritten { .. } => Exit::CANT_CREATE,
            InitError::Trial(error) => error.exit(),
            InitError::SignIn(error) => error.exit(),
            InitError::Config(error) => error.exit(),
            InitError::Prompt(_) => Exit::IO,
        }
    }
}
