//! Copies another program's messages into an archive of popkeep's own.
//!
//! Promises: a message that is there already (since a run before was cut off, or since popkeep has fetched it) is not copied
//! again; equal messages are copied as often as they are there; what was copied is an unknown copy, which the next fetch
//! recognises, and nothing else: it is never a proof that a message is archived.

use super::proposal::OldPlace;
use super::source::{Found, Stop, Take, each_message};
use crate::account_error::AccountError;
use crate::archive::{ArchiveError, Arrived, Met};
use crate::clock::now;
use crate::ledger::{Change, Ledger, LedgerError, Place, Seq, UnknownCopy, Which};
use crate::mail::bare::{BareHeader, Extent};
use crate::mail::digest::Digest;
use crate::mail::names::{self, ShortHash};
use crate::stop;
use crate::store::Store;
use std::collections::HashMap;

/// Messages that are made durable together.
const MESSAGES: usize = 500;

/// Octets that are made durable together.
const OCTETS: u64 = 64 << 20;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Messages copied.
    pub copied: u64,
    /// Messages that were in the archive already.
    pub there: u64,
    /// What was read, and left out.
    pub found: Found,
}

/// Copies every message at a place into the archive of an open store. After [`crate::archive::Archive::find_unknown_copies`].
pub(super) fn copy(
    store: &mut Store,
    from: &OldPlace,
    also: &mut dyn FnMut(u64),
) -> Result<Copied, AccountError> {
    let mut copier = Copier {
        store,
        header: BareHeader::default(),
        extent: Extent::default(),
        open: false,
        batch: Vec::new(),
        there_before: HashMap::new(),
        done: Copied::default(),
        problem: Ok(()),
        also,
    };
    let read = each_message(from.form, &from.path, &mut copier);
    let found = match read {
        Ok(Ok(found)) => found,
        Ok(Err(Stop)) => return copier.problem.map(|()| copier.done),
        Err(error) => return Err(ArchiveError::at(&from.path, &error).into()),
    };
    copier.commit()?;
    Ok(Copied { found, ..copier.done })
}

struct Copier<'s> {
    store: &'s mut Store,
    header: BareHeader,
    extent: Extent,
    /// A message is being written.
    open: bool,
    batch: Vec<(Seq, UnknownCopy)>,
    /// Of each content, how many copies were there before, and explain none of the messages yet.
    there_before: HashMap<ShortHash, u64>,
    done: Copied,
    problem: Result<(), AccountError>,
    also: &'s mut dyn FnMut(u64),
}

impl Take for Copier<'_> {
    fn take(&mut self, piece: Option<&[u8]>) -> Result<(), Stop> {
        let done = match piece {
            Some(piece) => self.write(piece),
            None => self.end(),
        };
        done.map_err(|error| {
            self.problem = Err(error);
            Stop
        })
    }
}

impl Copier<'_> {
    fn write(&mut self, piece: &[u8]) -> Result<(), AccountError> {
        if !std::mem::replace(&mut self.open, true) {
            (self.header, self.extent) = (BareHeader::default(), Extent::default());
            self.store.archive.begin()?;
        }
        self.header.update(piece);
        self.extent.add(piece);
        Ok(self.store.archive.write(piece)?)
    }

    fn end(&mut self) -> Result<(), AccountError> {
        stop::check()?;
        self.write(b"")?;
        self.open = false;
        let (digest, _) = self.store.archive.finish()?;
        let bare = std::mem::take(&mut self.header).finish();
        let label =
            bare.as_ref().and_then(|bare| bare.labelled.as_ref()).map(|labelled| labelled.digest.clone());
        let met = Met { digest: digest.clone(), extent: self.extent, bare };
        let nowhere = Place::Maildir { key: String::new() };
        let Some(copy) = met.into_unknown(nowhere, 0) else {
            // A header without an end: no fetch would know it again.
            self.done.found.unreadable += 1;
            return Ok(self.store.archive.discard()?);
        };
        if self.is_there(&copy, &digest, label.as_ref())? {
            self.done.there += 1;
            return Ok(self.store.archive.discard()?);
        }
        let seq = self.store.ledger.next_seq();
        self.store
            .archive
            .keep(seq, Arrived { uid: None, list_size: None, at: now(), utf8: false, flags: None })?;
        self.batch.push((seq, copy));
        let pending = self.store.archive.pending();
        if pending.messages >= MESSAGES || pending.octets >= OCTETS {
            self.commit()?;
        }
        Ok(())
    }

    /// Whether the archive has this message from before, and no other message of this place is it.
    fn is_there(
        &mut self,
        copy: &UnknownCopy,
        digest: &Digest,
        label: Option<&Digest>,
    ) -> Result<bool, LedgerError> {
        let content = copy.content;
        if !self.there_before.contains_key(&content) {
            let count = count_before(&*self.store.ledger, &content, digest, label)?;
            self.there_before.insert(content, count);
        }
        Ok(self.there_before.get_mut(&content).is_some_and(|left| {
            let is_there = *left > 0;
            *left = left.saturating_sub(1);
            is_there
        }))
    }

    fn commit(&mut self) -> Result<(), AccountError> {
        let batch = std::mem::take(&mut self.batch);
        let Store { archive, ledger, .. } = &mut *self.store;
        let copying: Vec<Change> =
            batch.into_iter().map(|(seq, copy)| Change::Copying { seq, copy }).collect();
        ledger.commit(&copying)?;
        let stored = archive.commit(&mut **ledger)?;
        self.done.copied += stored.len() as u64;
        (self.also)(self.done.copied + self.done.there);
        archive.shortfall().map_or(Ok(()), |error| Err(error.into()))
    }
}

/// How many copies of a message the archive has: unknown ones, and those of rows.
fn count_before(
    ledger: &dyn Ledger,
    content: &ShortHash,
    digest: &Digest,
    label: Option<&Digest>,
) -> Result<u64, LedgerError> {
    let mut count = 0;
    for content in [*content, names::content(digest)] {
        let mut after = 0;
        while let Some(unknown) = ledger.unknown_copy(Which::Content(&content), after)? {
            after = unknown.id;
            count += 1;
        }
    }
    let mut rows = ledger.by_core(digest)?;
    if let Some(label) = label {
        rows.extend(ledger.by_core(label)?);
    }
    rows.sort_unstable();
    rows.dedup();
    Ok(count + rows.len() as u64)
}
