//! Why the ledger could not be read or written.

use crate::disk::{self, Access, Disk as _, OsDisk};
use crate::exit::Exit;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
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
        "the ledger {path} was written by a newer popkeep (format {found}; this version knows {known}); use the newer version"
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
        "the ledger {path} is damaged ({reason}); rename it, and the next run takes its backup, or starts a new one and recognises what is in the archive"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        reason: String,
    },
    /// This archive is on record under another identity. Exit 78.
    #[error(
        "the archive {archive} already contains mail of {other}; add identity = {other:?} to this account to continue with it, or choose another archive"
    )]
    OtherIdentity {
        /// The archive.
        archive: String,
        /// The identity on record.
        other: String,
    },
    /// This maildrop is on record in another archive, which is not where the configuration says. Exit 78.
    #[error(
        "the mail of {identity} was last stored in {other}, and most of it is not in {archive}; set archive = {other:?}, or move the whole archive to {archive}"
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
        "cannot open the ledger {path} ({reason}); check its owner and permissions, or set state_dir to another folder"
    )]
    Denied {
        /// The file or folder.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Others own the state folder, or could change what is in it. Exit 78.
    #[error("the state folder {path} is not safe to use: {reason}; or set state_dir to a folder of your own")]
    Distrusted {
        /// The folder.
        path: String,
        /// What is wrong with it, or with a folder above it.
        reason: String,
    },
    /// Its file system has no locks. Exit 74.
    #[error(
        "the ledger {path} is on a file system that has no locks ({reason}); set state_dir to a folder on a local disk"
    )]
    NoLocks {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// What was to be written could not be, as a rule for want of room. Nothing of it is on record. Exit 74.
    #[error("cannot write the ledger {path}: {reason}")]
    Full {
        /// The file.
        path: String,
        /// What SQLite says.
        reason: String,
    },
    /// Its backup cannot be written; the ledger itself is all right. Exit 74.
    #[error("cannot write the backup of the ledger {path}: {reason}")]
    NoBackup {
        /// The backup.
        path: String,
        /// What SQLite or the system says.
        reason: String,
    },
    /// Any other failure: an I/O error. Exit 74.
    #[error("cannot use the ledger {path}: {reason}")]
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
            LedgerError::NoLocks { .. }
            | LedgerError::Full { .. }
            | LedgerError::NoBackup { .. }
            | LedgerError::Failed { .. } => Exit::IO,
        }
    }

    /// Whether it failed for want of room, as far as can be told.
    pub fn is_want_of_room(&self) -> bool {
        matches!(self, LedgerError::Full { .. })
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
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    LedgerError::damaged(path, reason, false)
                }
                ErrorCode::CannotOpen => LedgerError::from_open(path, &reason),
                ErrorCode::PermissionDenied | ErrorCode::ReadOnly => LedgerError::Denied { path, reason },
                ErrorCode::DiskFull => {
                    LedgerError::Full { path, reason: format!("{reason}; make room, then run popkeep again") }
                }
                ErrorCode::SystemIoFailure if is_about_room(*failure) => LedgerError::Full {
                    path,
                    reason: format!(
                        "{reason}: the disk fails, or a quota or a limit (ulimit -f) is used up; \
                         make room, then run popkeep again"
                    ),
                },
                ErrorCode::SystemIoFailure => {
                    LedgerError::Failed { path, reason: io_words(*failure, &reason) }
                }
                _ => LedgerError::Failed { path, reason },
            },
            // A column holds what we never write there, or a table is missing.
            E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..)
            | E::SqlInputError { .. } => LedgerError::damaged(path, reason, true),
            _ => LedgerError::Failed { path, reason },
        }
    }

    /// The file seems to be damaged. A disk that failed to read once looks the same to SQLite, so the file is looked at
    /// again; `whatever`: it counts as damaged if only it can be read.
    fn damaged(path: String, reason: String, whatever: bool) -> LedgerError {
        match is_damaged(&path) {
            Ok(damaged) if damaged || whatever => LedgerError::Damaged { path, reason },
            Ok(_) => LedgerError::Failed {
                path,
                reason: format!(
                    "{reason}, and whole when it was looked at again; its disk may fail: check it, and run popkeep again"
                ),
            },
            Err(error) => LedgerError::Failed {
                path,
                reason: format!(
                    "{reason}, and when it was looked at again: {error}; its disk may fail: check it, and run popkeep again"
                ),
            },
        }
    }

    /// What an error of the system on `path` means.
    pub(super) fn from_io(path: &Path, error: &io::Error) -> LedgerError {
        let path = path.display().to_string();
        let reason = error.to_string();
        if disk::is_denied(error) || error.kind() == io::ErrorKind::AlreadyExists {
            LedgerError::Denied { path, reason }
        } else {
            LedgerError::Failed { path, reason: format!("{reason}; {}", disk::remedy(error)) }
        }
    }

    /// What an error of the system on the locks of `path` means.
    pub(super) fn from_lock(path: &Path, error: &io::Error) -> LedgerError {
        if disk::has_no_locks(error) {
            LedgerError::NoLocks { path: path.display().to_string(), reason: error.to_string() }
        } else {
            LedgerError::from_io(path, error)
        }
    }

    /// SQLite says that it cannot open the file, and not why: the system is asked again. What it does not object to now
    /// was no question of permission.
    fn from_open(path: String, reason: &str) -> LedgerError {
        let file = Path::new(&path);
        let asked = OsDisk.writable(file).and_then(|()| OsDisk.writable(disk::parent(file)));
        match asked.and_then(|()| OsDisk.open(Path::new("/dev/null"), Access::Read).map(drop)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => LedgerError::from_io(file, &error),
            Err(_) => LedgerError::Denied { path, reason: reason.to_owned() },
            Ok(()) => LedgerError::Failed {
                path,
                reason: format!("{reason}; its disk, a quota or the limit of open files may be used up"),
            },
        }
    }
}

/// Whether the file is damaged, by a look of its own; the error is that there can be none.
fn is_damaged(path: &str) -> rusqlite::Result<bool> {
    if path == ":memory:" {
        return Ok(true);
    }
    let parameters = if OsDisk.metadata(Path::new(&format!("{path}-wal"))).is_ok_and(|meta| meta.len > 0) {
        "mode=ro"
    } else {
        "mode=ro&immutable=1"
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let look = || -> rusqlite::Result<String> {
        let connection = Connection::open_with_flags(super::file::uri(Path::new(path), parameters), flags)?;
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
    };
    match look() {
        Ok(found) => Ok(found != "ok"),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ) =>
        {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// SQLite tells a full disk, and neither a quota nor a file's limit, from a disk that fails.
fn is_about_room(failure: ffi::Error) -> bool {
    let writing = [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_TRUNCATE, ffi::SQLITE_IOERR_SHMSIZE];
    writing.contains(&failure.extended_code)
}

/// What any other I/O error of SQLite is about, and what to do.
fn io_words(failure: ffi::Error, reason: &str) -> String {
    let locking = [
        ffi::SQLITE_IOERR_LOCK,
        ffi::SQLITE_IOERR_UNLOCK,
        ffi::SQLITE_IOERR_RDLOCK,
        ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMLOCK,
        ffi::SQLITE_IOERR_SHMMAP,
    ];
    if locking.contains(&failure.extended_code) {
        return format!(
            "{reason}: its file system may lack what SQLite needs; set state_dir to a folder on a local disk"
        );
    }
    format!("{reason}; run popkeep again")
}
