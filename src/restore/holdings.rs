//! What a folder holds that is not on record as restored.
//!
//! Promises: a message in the folder is taken for one of ours at most once; a Message-ID and a size must be the same, and
//! where there is no Message-ID the content. Memory: some 40 octets for each message of the folder.

use super::RestoreError;
use super::folder::Folder;
use super::journal::Journal;
use super::mark::Mark;
use crate::mail::digest::{Digester, Hash};
use crate::mail::line_ends::Unix;
use std::collections::{HashMap, HashSet};

/// Messages that have one mark.
#[derive(Clone, Copy, Default)]
struct Marked {
    count: u32,
    /// Of one of them.
    uid: u32,
}

pub(super) struct Holdings {
    marked: HashMap<Mark, Marked>,
    /// Those without a Message-ID, by their size.
    nameless: HashMap<u64, Vec<u32>>,
    /// By Message-ID alone.
    named: HashMap<[u8; 16], u32>,
}

/// A message that was found. The UID is there if it can be no other.
pub(super) struct Found {
    pub(super) uid: Option<u32>,
}

impl Holdings {
    /// Looks at everything in the folder from this UID on.
    pub(super) fn read(folder: &mut Folder<'_>, journal: &Journal, from: u32) -> Result<Self, RestoreError> {
        let (mut claimed, mut ours): (HashSet<u32>, HashMap<Mark, u32>) = (HashSet::new(), HashMap::new());
        journal.marks(&mut |mark, uid| match uid {
            Some(uid) if uid >= from => {
                claimed.insert(uid);
            }
            Some(_) => {}
            None => *ours.entry(Mark(mark)).or_default() += 1,
        })?;
        let mut held = Holdings { marked: HashMap::new(), nameless: HashMap::new(), named: HashMap::new() };
        folder.listed(from, &mut |uid, message_id, octets| {
            if claimed.contains(&uid) {
                return;
            }
            let mark = Mark::of(message_id.as_ref(), octets);
            if let Some(count) = ours.get_mut(&mark).filter(|count| **count > 0) {
                *count -= 1;
                return;
            }
            match message_id {
                Some(id) => {
                    let marked = held.marked.entry(mark).or_default();
                    *marked = Marked { count: marked.count + 1, uid };
                    *held.named.entry(id).or_default() += 1;
                }
                None => held.nameless.entry(octets).or_default().push(uid),
            }
        })?;
        Ok(held)
    }

    /// Takes one with this Message-ID and size, or without one with this content.
    pub(super) fn take(
        &mut self,
        folder: &mut Folder<'_>,
        message_id: Option<&[u8; 16]>,
        octets: u64,
        content: &Hash,
    ) -> Result<Option<Found>, RestoreError> {
        let Some(id) = message_id else { return self.take_nameless(folder, octets, content) };
        let Some(marked) = self.marked.get_mut(&Mark::of(Some(id), octets)).filter(|marked| marked.count > 0)
        else {
            return Ok(None);
        };
        marked.count -= 1;
        let uid = (marked.count == 0).then_some(marked.uid);
        self.forget_name(id);
        Ok(Some(Found { uid }))
    }

    /// Takes one with this Message-ID, whatever its size: some servers write messages anew.
    pub(super) fn take_named(&mut self, message_id: Option<&[u8; 16]>) -> Option<Found> {
        let id = message_id?;
        self.named.get(id).filter(|count| **count > 0)?;
        self.forget_name(id);
        Some(Found { uid: None })
    }

    fn forget_name(&mut self, id: &[u8; 16]) {
        if let Some(count) = self.named.get_mut(id) {
            *count = count.saturating_sub(1);
        }
    }

    fn take_nameless(
        &mut self,
        folder: &mut Folder<'_>,
        octets: u64,
        content: &Hash,
    ) -> Result<Option<Found>, RestoreError> {
        let Some(uids) = self.nameless.get_mut(&octets) else { return Ok(None) };
        for at in 0..uids.len() {
            let uid = uids[at];
            let (mut digester, mut unix, mut stored) = (Digester::new(), Unix::new(), Vec::new());
            folder.content(uid, &mut |octets| {
                unix.feed(octets, &mut stored);
                digester.update(&stored);
                stored.clear();
            })?;
            unix.finish(&mut stored);
            digester.update(&stored);
            if digester.finish().0.content() == *content {
                uids.swap_remove(at);
                return Ok(Some(Found { uid: Some(uid) }));
            }
        }
        Ok(None)
    }
}
