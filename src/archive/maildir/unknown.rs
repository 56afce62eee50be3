//! What is in a Maildir and no row explains: files that carry a KEY are known by their names, others are read once.
//!
//! A pass over the names is made only where the folders are not what they were when that was done last, and where the
//! look before has not met a row for each of them. Two files with one KEY are one message.

use super::Maildir;
use super::folder::Tag;
use crate::archive::presence::Begun;
use crate::archive::{self, ArchiveError, Met};
use crate::disk::{Access, Disk, DiskFile as _, Kind};
use crate::event::Looking;
use crate::ledger::{Change, Ledger, Place, UnknownCopy};
use crate::mail::names;
use crate::stop;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

/// Files that are put on record in one step.
const PORTION: usize = 1000;

impl<D: Disk> Maildir<D> {
    /// See [`crate::archive::Archive::find_unknown_copies`].
    pub(super) fn look_for_unknown_copies(
        &mut self,
        ledger: &mut dyn Ledger,
        begun: Begun,
        watch: &mut dyn FnMut(Looking),
    ) -> Result<(), ArchiveError> {
        let before = self.folder.stamp_now()?;
        if before.is_some() && ledger.unknown_copies_seen()? == before {
            return Ok(());
        }
        if self.has_a_row_for_each(ledger)? {
            return self.note_unknown_copies(ledger, Vec::new(), before, begun);
        }
        let mut explained: HashSet<u64> = HashSet::new();
        let mut note = |place: &Place| {
            if let Place::Maildir { key } = place {
                explained.insert(Tag::of_place(key).fold());
            }
        };
        ledger.places(&mut |_, _, place| note(place))?;
        ledger.other_places(&mut |_, place| note(place))?;
        let nameless = names::origin(&self.identity, None);
        let by_name = |tag: &Tag| matches!(tag, Tag::Key(key) if key.origin != nameless);
        let mut found = Vec::new();
        let (mut problem, mut broken_off) = (None, false);
        let (mut done, mut all) = (0, None);
        self.folder.names(&mut |folder, name, _| {
            broken_off |= stop::requested().is_some();
            let goes_on = problem.is_none() && !broken_off;
            let tag = Tag::of_name(name).filter(|_| goes_on);
            let Some(tag) = tag.filter(|tag| !explained.contains(&tag.fold())) else { return };
            if !by_name(&tag) {
                // Files are to be read: how many, another look at the names tells.
                let all = *all.get_or_insert_with(|| {
                    let (explained, mut count) = (&explained, 0_u64);
                    let counted = self.folder.names(&mut |_, name, _| {
                        let is_to_be_read = |tag: &Tag| !by_name(tag) && !explained.contains(&tag.fold());
                        count += u64::from(Tag::of_name(name).is_some_and(|tag| is_to_be_read(&tag)));
                    });
                    counted.map_or(0, |()| count)
                });
                watch(Looking { done: std::cmp::min(done, all), all: all.max(1), in_octets: false });
                done += 1;
            }
            explained.insert(tag.fold());
            let arrived = name.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
            let place = Place::Maildir { key: tag.to_string() };
            let unknown = match &tag {
                // A name without a UID says too little of a copy that another program may have made.
                Tag::Key(key) if by_name(&tag) => {
                    let (origin, content) = (Some(key.origin), key.content);
                    Some(UnknownCopy { id: 0, place, origin, content, header: None, uid: None, arrived })
                }
                Tag::Key(_) | Tag::Name(_) => {
                    let met = self.read_other(&self.folder.path(folder, name));
                    met.and_then(|met| met.into_unknown(place, arrived))
                }
            };
            found.extend(unknown);
            if found.len() >= PORTION {
                let portion = Change::UnknownCopies {
                    found: std::mem::take(&mut found),
                    stamp: None,
                    first_look: true,
                };
                problem = ledger.commit(&[portion]).err();
            }
        })?;
        if let Some(error) = problem {
            return Err(error.into());
        }
        if let Some(all) = all {
            watch(Looking { done: all.max(1), all: all.max(1), in_octets: false });
        }
        self.note_unknown_copies(ledger, found, before.filter(|_| !broken_off), begun)
    }

    /// Whether the names are those of the last look, and each has a row.
    fn has_a_row_for_each(&mut self, ledger: &dyn Ledger) -> Result<bool, ArchiveError> {
        ledger.other_places(&mut |_, place| {
            if let Place::Maildir { key } = place {
                self.folder.claim(&Tag::of_place(key));
            }
        })?;
        self.folder.is_all_claimed()
    }

    /// Puts the last of them on record; and that these are all, in folders that were as in `before`.
    fn note_unknown_copies(
        &self,
        ledger: &mut dyn Ledger,
        found: Vec<UnknownCopy>,
        before: Option<String>,
        begun: Begun,
    ) -> Result<(), ArchiveError> {
        // A change may follow that leaves no other time stamp behind.
        let settled = self.folder.stamp_now()? == before && self.folder.is_settled(begun)?;
        let stamp = before.filter(|_| settled);
        let first_look = !found.is_empty();
        if first_look || stamp.is_some() {
            ledger.commit(&[Change::UnknownCopies { found, stamp, first_look }])?;
        }
        Ok(())
    }

    /// Another program's message; `None` when it cannot be read, or is none.
    pub(super) fn read_other(&self, path: &Path) -> Option<Met> {
        self.disk.metadata(path).ok().filter(|meta| meta.kind == Kind::File)?;
        archive::meet(self.disk.open(path, Access::Read).ok()?).ok()
    }

    /// See [`crate::archive::Archive::meet`].
    pub(super) fn read_unknown_copy(&mut self, unknown: &UnknownCopy) -> Result<Option<Met>, ArchiveError> {
        let Place::Maildir { key } = &unknown.place else { return Ok(None) };
        let tag = Tag::of_place(key);
        for look in 0..2 {
            for path in self.folder.find(&tag)? {
                let failed = |error| ArchiveError::at(&path, &error);
                let mut file = match self.disk.open(&path, Access::Read) {
                    Ok(file) => file,
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    Err(error) => return Err(failed(error)),
                };
                let met = archive::meet(&mut file).map_err(failed)?;
                // It was read, which says nothing about what the next power cut leaves of it.
                file.sync().map_err(failed)?;
                self.met = true;
                return Ok(Some(met));
            }
            if look > 0 || !self.folder.refresh()? {
                break;
            }
        }
        Ok(None)
    }

    /// See [`crate::archive::Archive::secure_met`].
    pub(super) fn secure_unknown_copies(&mut self) -> Result<(), ArchiveError> {
        if self.met {
            for folder in [self.root.join("new"), self.root.join("cur")] {
                self.disk.sync_dir(&folder).map_err(|error| ArchiveError::at(&folder, &error))?;
            }
            self.met = false;
        }
        Ok(())
    }
}
