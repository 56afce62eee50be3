//! Why the ledger could not be read or written.

use crate::exit::Exit;
use rusqlite::ErrorCode;
use std::io;
use std::path::Path;

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process has kept it locked for longer than we wait. Exit 75.
    #[error("the ledger {path} is locked by another program; try again later")]
    Busy {
        /// The file.
        path: String,
    },
    /// Written by a newer popkeep. Exit 65.
    #[error(
        "the ledger {path} was written by a newer popkeep (format {found}, this one knows {known}); use that version"
    )]
    Newer {
        /// The file.
        path: String,
        /// The format found.
        found: i64,
        /// The newest format this version knows.
        known: i64,
    },
    /// Not a database, or damaged. Exit 65.
    #[error(
        "the ledger {path} is damaged ({reason}); move it away: the next run rebuilds it from a Maildir's file names"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        reason: String,
    },
    /// This archive is on record under another identity. Exit 78.
    #[error(
        "the archive {archive} already holds mail of {other}; add identity = {other:?} to this account to keep on with it, or choose another archive"
    )]
    OtherIdentity {
        /// The archive.
        archive: String,
        /// The identity on record.
        other: String,
    },
    /// This maildrop is on record in another archive. Exit 78.
    #[error(
        "mail of {identity} is kept in {other}, not in {archive}; set archive = {other:?} (if you moved it, make that a symbolic link to the new place), or give this account an identity of its own to begin a second archive"
    )]
    OtherArchive {
        /// The identity.
        identity: String,
        /// The archive configured now.
        archive: String,
        /// The archive on record.
        other: String,
    },
    /// The ledger, or its folder, cannot be made or opened for want of permission. Exit 73.
    #[error(
        "the ledger {path} cannot be opened ({reason}); check who owns it, or set state_dir to a folder of yours"
    )]
    Denied {
        /// The file or folder.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Others own the state folder, or could change what is in it. Exit 78.
    #[error("the state folder {path} is not used: {reason}; or set state_dir to a folder of yours")]
    Distrusted {
        /// The folder.
        path: String,
        /// What is wrong with it, or with a folder above it.
        reason: String,
    },
    /// Any other failure: a full disk, an I/O error. Exit 74.
    #[error("the ledger {path} cannot be used: {reason}")]
    Failed {
        /// The file.
        path: String,
        /// What SQLite or the system says.
        reason: String,
    },
}

impl LedgerError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            LedgerError::Busy { .. } => Exit::TRY_LATER,
            LedgerError::Newer { .. } | LedgerError::Damaged { .. } => Exit::DATA,
            LedgerError::OtherIdentity { .. }
            | LedgerError::OtherArchive { .. }
            | LedgerError::Distrusted { .. } => Exit::CONFIG,
            LedgerError::Denied { .. } => Exit::CANT_CREATE,
            LedgerError::Failed { .. } => Exit::IO,
        }
    }

    /// What an error of SQLite on the file at `path` means.
    pub(super) fn from_sqlite(path: &str, error: &rusqlite::Error) -> LedgerError {
        use rusqlite::Error as E;
        let path = path.to_owned();
        let reason = error.to_string();
        match error {
            E::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed => LedgerError::Busy { path },
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => LedgerError::Damaged { path, reason },
                ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
                    LedgerError::Denied { path, reason }
                }
                ErrorCode::DiskFull => LedgerError::Failed {
                    path,
                    reason: format!("{reason}; make room, then run popkeep again"),
                },
                _ => LedgerError::Failed { path, reason },
            },
            // A column holds what we never write there, or a table is missing.
            E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..)
            | E::SqlInputError { .. } => LedgerError::Damaged { path, reason },
            _ => LedgerError::Failed { path, reason },
        }
    }

    /// What an error of the system on `path` means.
    pub(super) fn from_io(path: &Path, error: &io::Error) -> LedgerError {
        let path = path.display().to_string();
        let reason = error.to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => LedgerError::Denied { path, reason },
            _ => LedgerError::Failed { path, reason },
        }
    }
}
