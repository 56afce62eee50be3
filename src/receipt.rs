//! The receipt: the only thing that lets a message be deleted from a server.
//!
//! A [`Receipt`] is made from two independent facts: a [`VerifiedCopy`] (the archive has just
//! re-read the copy that the ledger calls stored, and its hash is the recorded one, but for the
//! marks that mail programs write into headers) and a
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

/// A copy that was re-read from the archive a moment ago and matched its recorded hash. It stands for the message as it
/// was recorded.
#[derive(Debug)]
pub struct VerifiedCopy {
    digest: Digest,
}

impl VerifiedCopy {
    /// For archives only: `reread` is the digest of what is on disk now, `recorded` that of the
    /// ledger's stored row. `None` when they differ in more than header marks.
    pub(crate) fn compare(reread: &Digest, recorded: &Digest) -> Option<Self> {
        let exactly = reread.header == recorded.header && reread.rest == recorded.rest;
        (exactly || reread.core() == recorded.core()).then(|| VerifiedCopy { digest: recorded.clone() })
    }

    /// The same for a copy that another program has made: it stands for the message in the form that the server has,
    /// with which it was compared when it went on record.
    pub(crate) fn served_in(self, form: Option<Digest>) -> Self {
        form.map_or(self, |digest| VerifiedCopy { digest })
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

    /// TOP n 0 brought its header in this session. Counts only for a message that is archived by
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

#[cfg(test)]
mod tests {
    use super::{Receipt, SessionId, Sighting, VerifiedCopy};
    use crate::mail::digest::{Digest, Digester};

    fn digest(message: &[u8]) -> Digest {
        let mut digester = Digester::new();
        digester.update(message);
        digester.finish().0
    }

    fn copy(message: &[u8]) -> VerifiedCopy {
        VerifiedCopy::compare(&digest(message), &digest(message)).unwrap()
    }

    #[test]
    fn a_copy_that_differs_from_the_record_proves_nothing() {
        assert!(VerifiedCopy::compare(&digest(b"A: 1\n\nb\n"), &digest(b"A: 1\n\nc\n")).is_none());
        assert!(VerifiedCopy::compare(&digest(b"A: 2\n\nb\n"), &digest(b"A: 1\n\nb\n")).is_none());
    }

    #[test]
    fn a_copy_that_a_mail_program_has_marked_is_proven_by_the_message_as_it_was_recorded() {
        let marked = digest(b"A: 1\nStatus: RO\n\nb\n");
        let copy = VerifiedCopy::compare(&marked, &digest(b"A: 1\n\nb\n")).unwrap();
        let seen = |header: &[u8]| {
            Receipt::issue(&copy, &Sighting::header(SessionId::fresh(), 1, digest(header).header)).is_some()
        };
        assert!(seen(b"A: 1\n\n"), "as the server has it");
        assert!(!seen(b"A: 1\nStatus: RO\n\n"), "the mark is no part of the message");
    }

    #[test]
    fn a_receipt_is_for_the_message_that_was_seen_and_is_held() {
        let session = SessionId::fresh();
        let archived = copy(b"A: 1\n\nb\n");
        let seen =
            |message: &[u8]| Receipt::issue(&archived, &Sighting::retrieved(session, 7, digest(message)));
        let receipt = seen(b"A: 1\n\nb\n").unwrap();
        assert_eq!((receipt.session(), receipt.number()), (session, 7));
        assert!(seen(b"A: 1\nX-UID: 9\n\nb\n").is_some(), "but for what servers write into mail");
        assert!(seen(b"A: 2\n\nb\n").is_none());
        assert!(seen(b"A: 1\n\nbb\n").is_none());
        assert_ne!(SessionId::fresh(), session);
    }

    #[test]
    fn a_header_counts_if_it_is_exactly_that_of_the_copy() {
        let archived = copy(b"A: 1\n\nb\n");
        let seen = |header: &[u8]| {
            Receipt::issue(&archived, &Sighting::header(SessionId::fresh(), 1, digest(header).header))
                .is_some()
        };
        assert!(seen(b"A: 1\n\n"));
        assert!(!seen(b"A: 1\nStatus: R\n\n"));
        assert!(!seen(b""));
    }
}
