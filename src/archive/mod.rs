//! Where mail is kept.
//!
//! Promises: a message is durable (data synced, name synced) before the ledger calls it stored;
//! nothing that is half there is ever visible as mail; what was stored is the octets given, and
//! recovery after a crash at any instant leaves each message exactly once.
//!
//! Must never: change a message, use a raw UID or any text of a server in a path, write into a
//! folder that looks like another disk's empty mount point.

pub mod maildir;
pub mod mbox;

use crate::ledger::{Ledger, LedgerError, Row, Seq, UnixTime};
use crate::mail::digest::Digest;
use crate::receipt::VerifiedCopy;

/// What is known of a message when its last octet has been written.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Its UID, if the server gave one.
    pub uid: Option<Vec<u8>>,
    /// Its LIST size.
    pub list_size: Option<u64>,
    /// When it arrived.
    pub at: UnixTime,
}

/// Messages closed and waiting for [`Archive::commit`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// How many.
    pub messages: usize,
    /// Octets of their stored forms.
    pub octets: u64,
}

/// What looking at a held message's copy found.
#[derive(Debug)]
pub enum Copy {
    /// It is there and whole.
    Intact(VerifiedCopy),
    /// It is not there any more.
    Gone,
    /// Something else stands in its place.
    Changed,
}

/// What recovery found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Intents whose message was found whole: stored now.
    pub completed: u64,
    /// Intents whose message never arrived: withdrawn, to be fetched again.
    pub withdrawn: u64,
    /// Temporary files of ours that were removed.
    pub cleaned: u64,
    /// Messages found in the archive that a lost ledger did not know.
    pub adopted: u64,
    /// Regions of an mbox that are neither whole nor safe to cut off; left alone.
    pub left_alone: Vec<String>,
}

/// One account's archive. At most one message is open at a time.
pub trait Archive: Send {
    /// Before login: is the archive there? Makes missing folders only while the ledger has no
    /// message for it. Fails with [`ArchiveError::Vanished`] when the ledger knows messages and
    /// the archive is missing or holds none of them.
    fn open(&mut self, ledger: &mut dyn Ledger) -> Result<(), ArchiveError>;

    /// Settles what a crash left behind: intents, temporary files, a lost ledger. After `open`.
    fn recover(&mut self, ledger: &mut dyn Ledger) -> Result<Recovery, ArchiveError>;

    /// Begins a message.
    fn begin(&mut self) -> Result<(), ArchiveError>;

    /// Adds octets of its stored form.
    fn write(&mut self, octets: &[u8]) -> Result<(), ArchiveError>;

    /// Closes the message; it joins those pending, under the row number given by `seq`. Returns
    /// its digest. Whether it is a new message is the caller's to know: see [`Archive::drop_last`].
    fn finish(&mut self) -> Result<(Digest, u64), ArchiveError>;

    /// After [`Archive::finish`]: the finished message is wanted; it joins those pending.
    fn keep(&mut self, seq: Seq, arrived: Arrived) -> Result<(), ArchiveError>;

    /// Throws away the message that is open or finished and not yet kept.
    fn discard(&mut self) -> Result<(), ArchiveError>;

    /// What waits for `commit`.
    fn pending(&self) -> Pending;

    /// Makes everything pending durable and stored, in the promised order: data synced, intents
    /// in the ledger, visible, folder synced, stored in the ledger. When it fails, nothing more
    /// of this batch is linked or synced: its messages count as not fetched. Returns the rows
    /// that are stored now.
    fn commit(&mut self, ledger: &mut dyn Ledger) -> Result<Vec<Seq>, ArchiveError>;

    /// Re-reads the copy of a stored row and compares it with the recorded hash.
    fn verify(&mut self, row: &Row) -> Result<Copy, ArchiveError>;
}

/// Why the archive failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The ledger knows messages that this archive should hold, and it is missing or has none.
    #[error(
        "the archive {path} is missing or empty, but {expected} messages were kept there; is its disk mounted?"
    )]
    Vanished {
        /// The archive's path.
        path: String,
        /// Messages on record.
        expected: u64,
    },
    /// The archive cannot be made or written: permissions, a file where a folder should be.
    #[error("the archive {path} cannot be written: {reason}")]
    CannotCreate {
        /// The path that failed.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Writing or syncing failed in mid-run: a full disk, an I/O error.
    #[error("writing to {path} failed: {reason}")]
    Io {
        /// The path that failed.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// An mbox that another program has kept locked for too long.
    #[error("the mbox {path} is locked by another program; try again later")]
    Locked {
        /// The file.
        path: String,
    },
    /// The ledger failed while the archive used it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ArchiveError {
    /// The exit code it calls for.
    pub fn exit(&self) -> crate::exit::Exit {
        todo!()
    }
}
