//! What can go wrong with one account: no connection, a session that fails, a ledger or an archive that does.

use crate::archive::ArchiveError;
use crate::connect::ConnectError;
use crate::exit::Exit;
use crate::ledger::LedgerError;
use crate::session::SessionError;
use crate::stop::Stopped;
use crate::store::StoreError;

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
    /// The lock, the ledger or the archive failed.
    #[error(transparent)]
    Store(StoreError),
    /// A signal asked the run to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stopped(stopped) => AccountError::Stopped(stopped),
            error => AccountError::Store(error),
        }
    }
}

impl From<LedgerError> for AccountError {
    fn from(error: LedgerError) -> Self {
        AccountError::Store(error.into())
    }
}

impl From<ArchiveError> for AccountError {
    fn from(error: ArchiveError) -> Self {
        AccountError::Store(error.into())
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
    /// Whether all that is wrong is the time: the server wants to be left alone for a while.
    pub fn is_for_later(&self) -> bool {
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
            AccountError::Store(error) => error.exit(),
        }
    }
}
