//! What a crash left in a Maildir, and what a lost ledger can learn from it.

use super::{Maildir, tag_of};
use crate::archive::{ArchiveError, Recovery};
use crate::disk::{Access, Disk, DiskFile as _};
use crate::ledger::{Change, Ledger, Row};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What is under the KEY of an intent.
enum Found {
    Whole(PathBuf),
    Different(PathBuf),
    Nothing,
}

impl<D: Disk> Maildir<D> {
    /// Cleans our own files from `tmp/`, and completes or withdraws every intent.
    pub(super) fn settle(&mut self, ledger: &mut dyn Ledger) -> Result<Recovery, ArchiveError> {
        self.throw_away();
        self.remove_pending();
        self.next_copies.clear();
        let mut recovery = Recovery { cleaned: self.clean_tmp()?, ..Recovery::default() };
        let intents = ledger.intents()?;
        if !intents.is_empty() {
            let changes = self.settle_intents(&intents, &mut recovery)?;
            ledger.commit(&changes)?;
        }
        self.unsettled = false;
        Ok(recovery)
    }

    fn clean_tmp(&self) -> Result<u64, ArchiveError> {
        let tmp = self.root.join("tmp");
        let mut ours = Vec::new();
        let read = self.disk.read_dir(&tmp, &mut |name| {
            if name.to_str().is_some_and(|name| self.temporary.is_ours(name)) {
                ours.push(tmp.join(name));
            }
            true
        });
        read.map_err(|error| ArchiveError::at(&tmp, &error))?;
        let mut cleaned = 0;
        for path in ours {
            match self.disk.unlink(&path) {
                Ok(()) => cleaned += 1,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(ArchiveError::at(&path, &error)),
            }
        }
        Ok(cleaned)
    }

    /// Finds out what became of each intent, and makes what was found durable: only then may the
    /// ledger call it stored.
    fn settle_intents(
        &mut self,
        intents: &[Row],
        recovery: &mut Recovery,
    ) -> Result<Vec<Change>, ArchiveError> {
        self.folder.look()?;
        let mut found = Vec::with_capacity(intents.len());
        for row in intents {
            found.push(self.whereabouts(row)?);
        }
        if found.iter().any(|found| matches!(found, Found::Nothing)) {
            // A mail client may have renamed it while we looked: look twice before it is absent.
            self.folder.look()?;
            for (row, found) in intents.iter().zip(&mut found) {
                if matches!(found, Found::Nothing) {
                    *found = self.whereabouts(row)?;
                }
            }
        }
        let mut changes = Vec::with_capacity(intents.len());
        for (row, found) in intents.iter().zip(&found) {
            if let Found::Whole(_) = found {
                recovery.completed += 1;
                changes.push(Change::Stored(row.seq));
                continue;
            }
            if let Found::Different(path) = found {
                let path = path.display();
                recovery.left_alone.push(format!(
                    "{path} is not the message that was stored there; popkeep leaves it alone"
                ));
            }
            recovery.withdrawn += 1;
            changes.push(Change::Withdrawn(row.seq));
        }
        self.make_durable(found.iter().filter_map(|found| match found {
            Found::Whole(path) => Some(path.as_path()),
            _ => None,
        }))?;
        Ok(changes)
    }

    fn whereabouts(&mut self, row: &Row) -> Result<Found, ArchiveError> {
        let Some(tag) = tag_of(row) else { return Ok(Found::Nothing) };
        let candidates = self.folder.find(&tag)?;
        let mut found = Found::Nothing;
        for path in candidates {
            match self.read(&path)? {
                Some((digest, _)) if digest == row.digest => return Ok(Found::Whole(path)),
                Some(_) => found = Found::Different(path),
                None => {}
            }
        }
        Ok(found)
    }

    /// Syncs these files and the folders that hold them.
    fn make_durable<'a>(&self, paths: impl Iterator<Item = &'a Path>) -> Result<(), ArchiveError> {
        let mut any = false;
        for path in paths {
            any = true;
            match self.disk.open(path, Access::Read) {
                Ok(mut file) => file.sync().map_err(|error| ArchiveError::at(path, &error))?,
                // Renamed since it was read: syncing a folder's names is all that is left to do.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(ArchiveError::at(path, &error)),
            }
        }
        if any {
            for folder in [self.root.join("new"), self.root.join("cur")] {
                self.disk.sync_dir(&folder).map_err(|error| ArchiveError::at(&folder, &error))?;
            }
        }
        Ok(())
    }
}
