//! Why an account's lock, ledger or archive cannot be used.

use crate::archive::ArchiveError;
use crate::exit::Exit;
use crate::ledger::LedgerError;
use crate::stop::Stopped;

/// What kept us from an account's store; its text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The archive failed.
    #[error(transparent)]
    Archive(ArchiveError),
    /// Another popkeep has this maildrop's lock. Exit 75.
    #[error("another popkeep is working on {identity}; try again when it has finished, or use --wait 2m")]
    Busy {
        /// Whose maildrop.
        identity: String,
    },
    /// A signal asked to stop. Exit 130 or 143.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<ArchiveError> for StoreError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Ledger(error) => StoreError::Ledger(error),
            error => StoreError::Archive(error),
        }
    }
}

impl StoreError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            StoreError::Ledger(error) => error.exit(),
            StoreError::Archive(error) => error.exit(),
            StoreError::Busy { .. } => Exit::TRY_LATER,
            StoreError::Stopped(stopped) => stopped.exit,
        }
    }
}
