//! Messages that the archive has and no row explains: a lost or older ledger, another tool's mail, a file that another
//! machine brought. What a fetch brings is compared with them before it is stored.
//!
//! Promises: a stranger becomes the copy of one listed message at most, and of no message before its octets have been
//! read again and compared with what the server has just sent: exactly, or but for what servers write into headers
//! and what fetchers are known to add.

use super::compare::row_of;
use super::filer::Filer;
use crate::archive::{ArchiveError, Met};
use crate::ledger::{Change, Row, Stranger, Which};
use crate::mail::bare::{self, Bare, BareHeader};
use crate::mail::digest::Digest;
use crate::mail::names::{self, ShortHash};
use std::collections::HashMap;

/// What is needed to recognise strangers in what comes.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// The header of the message that is coming.
    coming: BareHeader,
    /// The last one that was tried for a content.
    tried: HashMap<ShortHash, u64>,
}

impl Strangers {
    /// A message begins.
    pub(super) fn begin(&mut self) {
        self.coming = BareHeader::default();
    }

    /// Its next octets.
    pub(super) fn update(&mut self, octets: &[u8]) {
        self.coming.update(octets);
    }
}

impl Filer<'_> {
    /// The row of the stranger that the message at this place of the plan is, with this content: it is on record with
    /// the batch.
    pub(super) fn recognise_stranger(
        &mut self,
        item: usize,
        digest: &Digest,
    ) -> Result<Option<Row>, ArchiveError> {
        let Some(strangers) = &mut self.strangers else { return Ok(None) };
        let bare = std::mem::take(&mut strangers.coming).finish();
        let by_name = Some(names::content(digest));
        let by_content = bare.as_ref().map(|bare| bare::content(&bare.hash, digest));
        for content in by_name.into_iter().chain(by_content) {
            while let Some((stranger, met)) = self.next_stranger(&content)? {
                if !is_copy(&met, digest, bare.as_ref()) {
                    continue;
                }
                let entry = self.plan.item(item).entry;
                let row = row_of(self.ledger, &stranger, &met, entry.uid, entry.size);
                self.first.extend([Change::NoStranger(stranger), Change::Adopted(row.clone())]);
                if met.digest.core() != digest.core() {
                    self.first.push(Change::ServedAs { seq: row.seq, digest: digest.clone() });
                }
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// The next stranger of this content that is still there.
    fn next_stranger(&mut self, content: &ShortHash) -> Result<Option<(Stranger, Met)>, ArchiveError> {
        loop {
            let Some(strangers) = &mut self.strangers else { return Ok(None) };
            let after = strangers.tried.get(content).copied().unwrap_or(0);
            let Some(stranger) = self.ledger.stranger(Which::Content(content), after)? else {
                return Ok(None);
            };
            strangers.tried.insert(*content, stranger.id);
            match self.archive.meet(&stranger)? {
                Some(met) => return Ok(Some((stranger, met))),
                None => self.first.push(Change::NoStranger(stranger)),
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
