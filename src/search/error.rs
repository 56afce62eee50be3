//! Why a search fails.

use crate::exit::Exit;
use crate::stop::Stopped;
use crate::store::StoreError;
use std::io;
use std::path::Path;

/// The index cannot be used; the text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The cache folder cannot be made or written. Exit 73.
    #[error(
        "cannot keep the search index in {path} ({source}); check the folder, or set cache_dir to another one"
    )]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The index cannot be read or written. Exit 74.
    #[error(
        "cannot use the search index {path} ({source}); is the disk full? You can delete the file at any time"
    )]
    Index {
        /// The file.
        path: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// An account's ledger or archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signal.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl SearchError {
    pub(super) fn folder(path: &Path, source: io::Error) -> SearchError {
        SearchError::Folder { path: path.display().to_string(), source }
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            SearchError::Folder { .. } => Exit::CANT_CREATE,
            SearchError::Index { .. } => Exit::IO,
            SearchError::Store(error) => error.exit(),
            SearchError::Stopped(stopped) => stopped.exit,
        }
    }

    /// Whether the index is not what an index must be, so that a new one is to be made.
    pub(super) fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode as Code;
        let SearchError::Index { source, .. } = self else { return false };
        // What we ask is always the same, so that an index that does not know it is none of ours.
        let damaged = [Code::DatabaseCorrupt, Code::NotADatabase, Code::Unknown, Code::ConstraintViolation];
        source.sqlite_error_code().is_none_or(|code| damaged.contains(&code))
    }
}
