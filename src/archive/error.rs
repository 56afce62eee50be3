//! Why an archive failed.

use crate::disk;
use crate::exit::Exit;
use crate::ledger::LedgerError;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Why the archive failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The ledger knows messages that this archive should hold, and nothing shows that it is that archive.
    #[error(
        "the archive {path} is missing, or has none of the {expected} messages that were stored there; mount its disk, or, \
         if you moved it, set `archive` to the new place. If you removed the messages on purpose, run \
         `popkeep verify ACCOUNT --accept`"
    )]
    Vanished {
        /// The archive's path.
        path: String,
        /// Messages on record.
        expected: u64,
    },
    /// The archive cannot be made or written: permissions, a file where a folder should be.
    #[error(
        "cannot write the archive {path}: {reason}; check its owner and permissions, or set another `archive`"
    )]
    CannotCreate {
        /// The path that failed.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Reading, writing or syncing failed: a full disk, an I/O error.
    #[error("the archive failed at {path}: {reason}")]
    Io {
        /// The path that failed.
        path: String,
        /// What the system said.
        reason: String,
        /// For want of room, descriptors or memory.
        no_room: bool,
    },
    /// An mbox that another program has kept locked for too long.
    #[error(
        "the mbox {path} is locked by another program; try again later, or remove {path}.lock \
         if no program is at work in it"
    )]
    Locked {
        /// The file.
        path: String,
    },
    /// The system allows no further thread. Exit 75.
    #[error(
        "cannot start a thread to store mail ({source}); raise the limit on processes (ulimit -u), or try again later"
    )]
    NoThread {
        /// What the system said.
        source: io::Error,
    },
    /// An earlier commit failed and what it left is not settled: a call out of turn.
    #[error("the archive {path} must be recovered first: storing mail in it failed before")]
    Unsettled {
        /// The archive's path.
        path: String,
    },
    /// No message is open, or none is finished: a call out of turn.
    #[error("no message is open in the archive {path}")]
    NoMessage {
        /// The archive's path.
        path: String,
    },
    /// The ledger failed while the archive used it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ArchiveError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            ArchiveError::Vanished { .. } | ArchiveError::CannotCreate { .. } => Exit::CANT_CREATE,
            ArchiveError::Io { .. } | ArchiveError::Unsettled { .. } | ArchiveError::NoMessage { .. } => {
                Exit::IO
            }
            ArchiveError::Locked { .. } | ArchiveError::NoThread { .. } => Exit::TRY_LATER,
            ArchiveError::Ledger(error) => error.exit(),
        }
    }

    /// What the system said about a path: that we may not, or that something failed.
    pub(crate) fn at(path: &Path, error: &io::Error) -> ArchiveError {
        if disk::is_denied(error) {
            return ArchiveError::cannot_create(path, error);
        }
        let reason = format!("{error}; {}", disk::remedy(error));
        ArchiveError::Io { path: path.display().to_string(), reason, no_room: disk::is_exhausted(error) }
    }

    /// The same before anything is stored: what is not there is not ours to make.
    pub(super) fn at_first(path: &Path, error: &io::Error) -> ArchiveError {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::InvalidInput => ArchiveError::cannot_create(path, error),
            _ => ArchiveError::at(path, error),
        }
    }

    /// Nothing keeps others away from an mbox.
    pub(super) fn no_locks(path: &Path, error: &io::Error) -> ArchiveError {
        let remedy = "its file system has no locks, and its folder is not ours to write a dotlock in; \
                      keep it on a local disk";
        let reason = format!("{error}: {remedy}");
        ArchiveError::Io { path: path.display().to_string(), reason, no_room: false }
    }

    /// Whether it failed for want of room, descriptors or memory: what is complete can still be kept.
    pub fn is_want_of_room(&self) -> bool {
        match self {
            ArchiveError::Io { no_room, .. } => *no_room,
            ArchiveError::Ledger(error) => error.is_want_of_room(),
            _ => false,
        }
    }

    /// Whether the disk failed at the one message that was being written: those that are complete can still be kept.
    pub fn is_one_messages(&self) -> bool {
        matches!(self, ArchiveError::Io { .. } | ArchiveError::CannotCreate { .. })
    }

    /// It cannot even be made.
    pub(super) fn cannot_create(path: &Path, reason: impl std::fmt::Display) -> ArchiveError {
        ArchiveError::CannotCreate { path: path.display().to_string(), reason: reason.to_string() }
    }

    pub(super) fn no_message(path: &Path) -> ArchiveError {
        ArchiveError::NoMessage { path: path.display().to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::ArchiveError;
    use crate::exit::Exit;
    use rustix::io::Errno;
    use std::path::Path;

    #[test]
    fn what_the_system_says_has_a_code_and_what_is_clear_a_remedy() {
        for (errno, exit, remedy) in [
            (Errno::NOSPC, Exit::IO, "make room"),
            (Errno::DQUOT, Exit::IO, "make room"),
            (Errno::FBIG, Exit::IO, "ulimit -f"),
            (Errno::NOENT, Exit::IO, "removes"),
            (Errno::IO, Exit::IO, "run popkeep again"),
            (Errno::ACCESS, Exit::CANT_CREATE, "Permission denied"),
            (Errno::ROFS, Exit::CANT_CREATE, "Read-only"),
            (Errno::NOTDIR, Exit::CANT_CREATE, "Not a directory"),
            (Errno::MFILE, Exit::IO, "ulimit -n"),
            (Errno::NFILE, Exit::IO, "ulimit -n"),
            (Errno::NOMEM, Exit::IO, "memory"),
        ] {
            let error = ArchiveError::at(Path::new("/mail/new"), &errno.into());
            assert_eq!(error.exit(), exit, "{error}");
            assert!(error.to_string().contains("/mail/new") && error.to_string().contains(remedy), "{error}");
        }
    }
}
