//! The receipt: the only thing that lets a message be deleted from a server.
//!
//! A [`Receipt`] is made from two independent facts: a [`VerifiedCopy`] (the archive has just
//! re-read the copy that the ledger calls stored, and its hash is the recorded one) and a
//! [`Sighting`] (this session has seen that message's octets on the server). It belongs to one
//! message number of one session, cannot be cloned, and is consumed by DELE.

use crate::mail::digest::{Digest, Hash};

/// Tells sessions of this process apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId(u64);

impl SessionId {
    /// An id that no other session of this process has.
    pub fn fresh() -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        SessionId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A copy that was re-read from the archive a moment ago and matched its recorded hash.
#[derive(Debug)]
pub struct VerifiedCopy {
    digest: Digest,
}

impl VerifiedCopy {
    /// For archives only: `reread` is the digest of what is on disk now, `recorded` that of the
    /// ledger's stored row. `None` when they differ.
    pub(crate) fn compare(reread: &Digest, recorded: &Digest) -> Option<Self> {
        (reread == recorded).then(|| VerifiedCopy { digest: recorded.clone() })
    }
}

/// What one session has shown of one message on the server.
#[derive(Debug)]
pub struct Sighting {
    session: SessionId,
    number: u32,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    Whole(Digest),
    Header(Hash),
}

impl Sighting {
    /// RETR brought the whole message in this session.
    pub(crate) fn retrieved(session: SessionId, number: u32, digest: Digest) -> Self {
        Sighting { session, number, seen: Seen::Whole(digest) }
    }

    /// TOP n 0 brought its header in this session. Counts only for a message that is held by
    /// its UID and size.
    pub(crate) fn header(session: SessionId, number: u32, header: Hash) -> Self {
        Sighting { session, number, seen: Seen::Header(header) }
    }

    /// The message number it speaks of.
    pub fn number(&self) -> u32 {
        self.number
    }
}

/// Proof that a message may be deleted: see the module's page.
#[derive(Debug)]
pub struct Receipt {
    session: SessionId,
    number: u32,
}

impl Receipt {
    /// `None` when what the server showed is not what the archive holds.
    pub fn issue(copy: &VerifiedCopy, sighting: &Sighting) -> Option<Receipt> {
        let same = match &sighting.seen {
            Seen::Whole(digest) => {
                digest.content() == copy.digest.content() || digest.core() == copy.digest.core()
            }
            Seen::Header(header) => *header == copy.digest.header,
        };
        same.then_some(Receipt { session: sighting.session, number: sighting.number })
    }

    /// The session it is valid in.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The message number it is for.
    pub fn number(&self) -> u32 {
        self.number
    }
}
