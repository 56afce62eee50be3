//! Hashes of a message's stored form, taken in one pass.
//!
//! The stored form is split at the first empty line into the header block and the rest, and
//! each part is hashed once with SHA-256, so that the header's hash can be compared with what
//! TOP n 0 brings, and the content's without the headers that servers write into mail, without
//! hashing a body twice.

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// What identifies a message's content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// Of the header block: every line before the first empty line, with their LF.
    pub header: Hash,
    /// Of the header block without the headers that servers write into mail: Status, X-Status,
    /// X-UID, X-UIDL, X-Keywords, X-IMAP, X-IMAPbase, Content-Length, Lines (continuation lines
    /// included, names compared without case).
    pub core_header: Hash,
    /// Of the rest: the empty line and all after it.
    pub rest: Hash,
}

impl Digest {
    /// The exact content: SHA-256 over `header` and `rest`.
    pub fn content(&self) -> Hash {
        todo!()
    }

    /// The content but for what servers write into headers: SHA-256 over `core_header` and `rest`.
    pub fn core(&self) -> Hash {
        todo!()
    }
}
