//! Messages that the archive has and no row explains: a lost or older ledger, another tool's mail, a file that another
//! machine brought. What a fetch brings is compared with them before it is stored.
//!
//! Promises: an unknown copy becomes the copy of one listed message at most, and of no message before its octets have been
//! read again and compared with what the server has just sent: exactly, or but for what servers write into headers
//! and what fetchers are known to add.

use crate::archive::{Archive, ArchiveError, Met};
use crate::clock::now;
use crate::ledger::{Change, Ledger, Row, RowState, UnknownCopy, Which};
use crate::mail::bare::{self, Bare, BareHeader};
use crate::mail::digest::Digest;
use crate::mail::names::{self, ShortHash};
use crate::pop3::listing::Entry;
use std::collections::HashMap;

/// What is needed to recognise unknown copies in what comes.
#[derive(Default)]
pub(crate) struct UnknownCopies {
    /// The header of the message that is coming.
    coming: BareHeader,
    /// The last one that was tried for a content.
    tried: HashMap<ShortHash, u64>,
}

impl UnknownCopies {
    /// A message begins.
    pub(crate) fn begin(&mut self) {
        self.coming = BareHeader::default();
    }

    /// Its next octets.
    pub(crate) fn update(&mut self, octets: &[u8]) {
        self.coming.update(octets);
    }

    /// The row of the unknown copy that the message which has just come is, and the changes that put it on record.
    pub(crate) fn find(
        &mut self,
        archive: &mut dyn Archive,
        ledger: &mut dyn Ledger,
        entry: Entry<'_>,
        digest: &Digest,
        changes: &mut Vec<Change>,
    ) -> Result<Option<Row>, ArchiveError> {
        let bare = std::mem::take(&mut self.coming).finish();
        let by_name = Some(names::content(digest));
        let by_content = bare.as_ref().map(|bare| bare::content(&bare.hash, digest));
        for content in by_name.into_iter().chain(by_content) {
            while let Some((unknown, met)) = self.next(archive, ledger, &content, changes)? {
                if !is_copy(&met, digest, bare.as_ref()) {
                    continue;
                }
                let row = row_of(ledger, &unknown, &met, entry.uid, entry.size);
                changes.extend([Change::ForgetUnknownCopy(unknown), Change::Adopted(row.clone())]);
                if met.digest.core() != digest.core() {
                    changes.push(Change::ServedAs { seq: row.seq, digest: digest.clone() });
                }
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// The next unknown copy of this content that is still there.
    fn next(
        &mut self,
        archive: &mut dyn Archive,
        ledger: &dyn Ledger,
        content: &ShortHash,
        changes: &mut Vec<Change>,
    ) -> Result<Option<(UnknownCopy, Met)>, ArchiveError> {
        loop {
            let after = self.tried.get(content).copied().unwrap_or(0);
            let Some(unknown) = ledger.unknown_copy(Which::Content(content), after)? else {
                return Ok(None);
            };
            self.tried.insert(*content, unknown.id);
            if ledger.is_taken(&unknown.place)? {
                continue;
            }
            match archive.meet(&unknown)? {
                Some(met) => return Ok(Some((unknown, met))),
                None => changes.push(Change::ForgetUnknownCopy(unknown)),
            }
        }
    }
}

/// Whether what was read is a copy of what has come.
fn is_copy(met: &Met, digest: &Digest, bare: Option<&Bare>) -> bool {
    met.digest.core() == digest.core() || met.digest.rest == digest.rest && has_header(met, bare)
}

/// Whether it has this header, but for what fetchers add.
fn has_header(met: &Met, bare: Option<&Bare>) -> bool {
    matches!((&met.bare, bare), (Some(one), Some(other)) if one.hash == other.hash)
}

/// The row of an unknown copy that has turned out to be a message of the server's.
pub(crate) fn row_of(
    ledger: &mut dyn Ledger,
    unknown: &UnknownCopy,
    met: &Met,
    uid: Option<&[u8]>,
    list_size: Option<u64>,
) -> Row {
    let now = now();
    Row {
        seq: ledger.next_seq(),
        uid: uid.map(<[u8]>::to_vec),
        list_size,
        size: met.extent.octets,
        digest: met.digest.clone(),
        place: unknown.place.clone(),
        state: RowState::Stored,
        // A file's name says when it was archived only if we gave it.
        archived_at: if unknown.origin.is_some() && unknown.arrived <= now { unknown.arrived } else { now },
        // It does not tell.
        utf8: false,
    }
}
