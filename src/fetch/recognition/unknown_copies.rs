//! Messages that the archive has and no row explains: a lost or older ledger, another tool's mail, a file that another
//! machine brought. What a fetch brings is compared with them before it is stored.
//!
//! Promises: an unknown copy becomes the copy of one listed message at most, and of no message before its octets have been
//! read again and compared with what the server has just sent: exactly, or but for what servers write into headers
//! and what fetchers are known to add.

use crate::archive::{ArchiveError, Met};
use crate::fetch::download::storer::Storer;
use crate::fetch::recognition::planning::row_of;
use crate::ledger::{Change, Row, UnknownCopy, Which};
use crate::mail::bare::{self, Bare, BareHeader};
use crate::mail::digest::Digest;
use crate::mail::names::{self, ShortHash};
use std::collections::HashMap;

/// What is needed to recognise unknown copies in what comes.
#[derive(Debug, Default)]
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
}

impl Storer<'_> {
    /// The row of the unknown copy that the message at this place of the plan is, with this content: it is on record with
    /// the batch.
    pub(crate) fn recognise_unknown_copy(
        &mut self,
        item: usize,
        digest: &Digest,
    ) -> Result<Option<Row>, ArchiveError> {
        let Some(unknown_copies) = &mut self.unknown_copies else { return Ok(None) };
        let bare = std::mem::take(&mut unknown_copies.coming).finish();
        let by_name = Some(names::content(digest));
        let by_content = bare.as_ref().map(|bare| bare::content(&bare.hash, digest));
        for content in by_name.into_iter().chain(by_content) {
            while let Some((unknown, met)) = self.next_unknown_copy(&content)? {
                if !is_copy(&met, digest, bare.as_ref()) {
                    continue;
                }
                let entry = self.plan.item(item).entry;
                let row = row_of(self.ledger, &unknown, &met, entry.uid, entry.size);
                self.first.extend([Change::ForgetUnknownCopy(unknown), Change::Adopted(row.clone())]);
                if met.digest.core() != digest.core() {
                    self.first.push(Change::ServedAs { seq: row.seq, digest: digest.clone() });
                }
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// The next unknown copy of this content that is still there.
    fn next_unknown_copy(&mut self, content: &ShortHash) -> Result<Option<(UnknownCopy, Met)>, ArchiveError> {
        loop {
            let Some(unknown_copies) = &mut self.unknown_copies else { return Ok(None) };
            let after = unknown_copies.tried.get(content).copied().unwrap_or(0);
            let Some(unknown) = self.ledger.unknown(Which::Content(content), after)? else {
                return Ok(None);
            };
            unknown_copies.tried.insert(*content, unknown.id);
            match self.archive.meet(&unknown)? {
                Some(met) => return Ok(Some((unknown, met))),
                None => self.first.push(Change::ForgetUnknownCopy(unknown)),
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
