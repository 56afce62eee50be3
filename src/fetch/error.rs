//! Why an account's run broke off.

use crate::archive::ArchiveError;
use crate::connect::ConnectError;
use crate::exit::Exit;
use crate::ledger::LedgerError;
use crate::net::NetError;
use crate::session::SessionError;
use crate::stop::Stopped;

/// The first thing that went wrong; its text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// No session could be opened.
    #[error(transparent)]
    Connect(ConnectError),
    /// The session failed, now or at the login.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The archive failed.
    #[error(transparent)]
    Archive(ArchiveError),
    /// A signal asked the run to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Another popkeep has this maildrop's lock.
    #[error("another popkeep is at work on {identity}; try again when it has finished, or with --wait 2m")]
    Busy {
        /// Whose maildrop.
        identity: String,
    },
}

impl From<ArchiveError> for AccountError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Ledger(error) => AccountError::Ledger(error),
            error => AccountError::Archive(error),
        }
    }
}

impl From<ConnectError> for AccountError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Session(error) => AccountError::Session(error),
            ConnectError::Stopped(stopped) => AccountError::Stopped(stopped),
            error => AccountError::Connect(error),
        }
    }
}

impl AccountError {
    /// What was wrong with the connection, if that is it.
    pub fn net(&self) -> Option<&NetError> {
        match self {
            AccountError::Connect(error) => error.net(),
            AccountError::Session(SessionError::Net(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether all that is wrong is the time: the server wants to be left alone for a while.
    pub(super) fn is_for_later(&self) -> bool {
        matches!(
            self,
            AccountError::Connect(ConnectError::TooSoon { .. })
                | AccountError::Session(SessionError::TryLater { .. })
        )
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            AccountError::Stopped(stopped) => stopped.exit,
            AccountError::Connect(error) => error.exit(),
            AccountError::Session(error) => error.exit(),
            AccountError::Ledger(error) => error.exit(),
            AccountError::Archive(error) => error.exit(),
            AccountError::Busy { .. } => Exit::TRY_LATER,
        }
    }
}
