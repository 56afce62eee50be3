//! A batch on its way from `tmp/` into `new/`.
//!
//! The order is the promise: data synced, intents in the ledger, links, folder synced, stored in
//! the ledger. A step that fails condemns the batch; for want of room its first messages are kept, where their data is
//! durable.

use super::folder::Tag;
use super::{Finished, Maildir, key_of};
use crate::archive::ArchiveError;
use crate::disk::{self, Access, Disk, DiskFile as _};
use crate::ledger::{Change, Ledger, Place, Row, RowState, Seq, Which};
use crate::mail::names::{Key, ShortHash, file_name};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Files that are kept open until a batch is committed. A larger batch is synced with its whole
/// file system, which costs one journal commit instead of one for each file: 8,000 files of 1 KB on
/// ext4 took 5 s with a sync for each and 1.3 s with one for every 1,024. A small batch is not, since
/// that also waits for whatever other programs have written. Where a group's sync cannot be
/// relied on, the files beyond this number are synced at once and closed: several accounts run
/// side by side and share the descriptors that a process may have.
pub const OPEN_FILES: usize = 64;

/// Where there are more copies under one UID, the next one is not counted up to again.
const FEW: u32 = 8;

/// A message of the batch and what is to be done with it.
struct Delivery {
    temporary: PathBuf,
    row: Row,
    /// Its name in `new/`.
    target: PathBuf,
    /// The message is in the folder already, here: a ledger that was lost or set back.
    present: Option<PathBuf>,
    /// It goes to `cur/`, with flags.
    flags: bool,
    /// We gave it its name in `new/`, or there.
    linked: bool,
}

/// How far a batch has come when it fails.
enum Failed {
    /// Nothing is visible, and nothing is on record for sure.
    Early(ArchiveError),
    /// Intents are on record, some or all messages may be visible.
    Visible(ArchiveError),
    /// All is durable but the word `stored`.
    Late(ArchiveError),
}

impl<D: Disk> Maildir<D> {
    /// Keeps the number of open files within bounds.
    pub(super) fn bound_open_files(&mut self) -> Result<(), ArchiveError> {
        if self.pending.iter().filter(|message| message.file.is_some()).count() <= self.open_files {
            return Ok(());
        }
        let Some(file) = self.pending.last_mut().and_then(|last| last.file.take()) else { return Ok(()) };
        if self.group.is_some() {
            self.closed_unsynced = true;
            return Ok(());
        }
        self.sync_and_close(file).inspect_err(|_| {
            self.remove_pending();
            self.unsettled = true;
        })
    }

    fn sync_and_close(&self, mut file: D::File) -> Result<(), ArchiveError> {
        file.sync().map_err(|error| ArchiveError::at(&self.root.join("tmp"), &error))
    }

    pub(super) fn remove_pending(&mut self) {
        for message in self.pending.drain(..) {
            // What cannot be removed now, recovery removes.
            let _ = self.disk.unlink(&message.path);
        }
    }

    pub(super) fn deliver(&mut self, ledger: &mut dyn Ledger) -> Result<Vec<Seq>, ArchiveError> {
        if self.unsettled {
            self.remove_pending();
            return Err(ArchiveError::Unsettled { path: self.root.display().to_string() });
        }
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        if let Err(error) = self.sync_data() {
            self.remove_pending();
            self.unsettled = true;
            return Err(error);
        }
        let mut batch = match self.name_all(ledger) {
            Ok(batch) => batch,
            Err(error) => {
                self.remove_pending();
                return Err(error);
            }
        };
        self.shortfall = None;
        loop {
            match self.make_visible(&mut batch, ledger) {
                Ok(()) => return Ok(batch.iter().map(|delivery| delivery.row.seq).collect()),
                // The room that the last ones give back may be what the first ones, or the ledger, want.
                Err(Failed::Early(error)) if error.is_want_of_room() && batch.len() > 1 => {
                    for delivery in batch.drain(batch.len() / 2..) {
                        let _ = self.disk.unlink(&delivery.temporary);
                    }
                    self.shortfall = Some(error);
                }
                Err(failed) => {
                    self.unsettled = true;
                    return Err(self.give_up(&batch, failed, ledger));
                }
            }
        }
    }

    /// Makes the octets of all pending messages durable, and closes their files.
    fn sync_data(&mut self) -> Result<(), ArchiveError> {
        let synced = match &mut self.group {
            Some(group) if std::mem::take(&mut self.closed_unsynced) => match group.sync_file_system() {
                Err(error) if disk::is_unsupported(&error) => {
                    self.group = None;
                    self.sync_each()
                }
                outcome => outcome,
            },
            _ => {
                let mut files: Vec<&mut D::File> =
                    self.pending.iter_mut().filter_map(|message| message.file.as_mut()).collect();
                self.disk.sync_files(&mut files)
            }
        };
        for message in &mut self.pending {
            message.file = None;
        }
        synced.map_err(|error| ArchiveError::at(&self.root.join("tmp"), &error))
    }

    /// The same where nothing but a file of its own can be synced: those that were closed are opened again. What could
    /// not be written since is told to who opens a file for the first time since, too.
    fn sync_each(&mut self) -> io::Result<()> {
        for message in &mut self.pending {
            match &mut message.file {
                Some(file) => file.sync()?,
                None => self.disk.open(&message.path, Access::ReadWrite)?.sync()?,
            }
        }
        Ok(())
    }

    /// Finds a KEY, and with it a name, for every pending message.
    fn name_all(&mut self, ledger: &dyn Ledger) -> Result<Vec<Delivery>, ArchiveError> {
        let mut taken = Taken::default();
        let mut batch = Vec::with_capacity(self.pending.len());
        let pending = std::mem::take(&mut self.pending);
        for message in &pending {
            match self.name(message, &mut taken, ledger) {
                Ok(delivery) => batch.push(delivery),
                Err(error) => {
                    self.pending = pending;
                    return Err(error);
                }
            }
        }
        Ok(batch)
    }

    fn name(
        &mut self,
        message: &Finished<D::File>,
        taken: &mut Taken,
        ledger: &dyn Ledger,
    ) -> Result<Delivery, ArchiveError> {
        let Some(arrived) = message.arrived.clone() else { return Err(ArchiveError::no_message(&self.root)) };
        let mut key = Key::new(&self.identity, arrived.uid.as_deref(), &message.digest);
        let first = key;
        if let Some(next) = self.next_copies.get(&first) {
            key.copy = *next;
        } else if taken.asked.insert(key.content) {
            for seq in ledger.by_content(&message.digest)? {
                taken.keys.extend(ledger.row(seq)?.as_ref().and_then(key_of));
            }
        }
        let present = loop {
            if taken.keys.insert(key) {
                match self.occupant_of(&key, message)? {
                    Occupant::Nothing => break None,
                    // It may be another message's copy.
                    Occupant::TheMessage(path)
                        if arrived.uid.is_none() && self.is_unknown_copy(ledger, &key, &path)? => {}
                    Occupant::TheMessage(path) => break Some(path),
                    Occupant::SomethingElse => {}
                }
            }
            key = key.next_copy();
        };
        if key.copy > FEW {
            self.next_copies.insert(first, key.next_copy().copy);
        }
        let row = Row {
            seq: message.seq,
            uid: arrived.uid,
            list_size: arrived.list_size,
            size: message.size,
            digest: message.digest.clone(),
            place: Place::Maildir { key: key.to_string() },
            state: RowState::Intent,
            archived_at: arrived.at,
            utf8: arrived.utf8,
        };
        let flags = arrived.flags.is_some();
        let name = file_name(arrived.at, &key, &self.host, message.size);
        let target = match &arrived.flags {
            Some(flags) => self.root.join("cur").join(format!("{name}:2,{flags}")),
            None => self.root.join("new").join(name),
        };
        Ok(Delivery { temporary: message.path.clone(), row, target, present, flags, linked: false })
    }

    /// Whether a file is on record as an unknown copy: of which message it is a copy is still to be found out.
    fn is_unknown_copy(&self, ledger: &dyn Ledger, key: &Key, path: &Path) -> Result<bool, ArchiveError> {
        let place = Place::Maildir { key: key.to_string() };
        let bare = self.read_other(path).and_then(|met| met.into_unknown(place.clone(), 0));
        for content in bare.map(|unknown| unknown.content).into_iter().chain([key.content]) {
            let mut after = 0;
            while let Some(unknown) = ledger.unknown_copy(Which::Content(&content), after)? {
                if unknown.place == place {
                    return Ok(true);
                }
                after = unknown.id;
            }
        }
        Ok(false)
    }

    /// What the folder has under a KEY that the ledger does not know.
    fn occupant_of(&mut self, key: &Key, message: &Finished<D::File>) -> Result<Occupant, ArchiveError> {
        let candidates = self.folder.find(&Tag::Key(*key))?;
        let mut occupant = Occupant::Nothing;
        for path in candidates {
            match self.read(&path)? {
                Some((digest, _)) if digest == message.digest => return Ok(Occupant::TheMessage(path)),
                Some(_) => occupant = Occupant::SomethingElse,
                None => {}
            }
        }
        Ok(occupant)
    }

    fn make_visible(&mut self, batch: &mut Vec<Delivery>, ledger: &mut dyn Ledger) -> Result<(), Failed> {
        let intents: Vec<Change> =
            batch.iter().map(|delivery| Change::Intent(delivery.row.clone())).collect();
        ledger.commit(&intents).map_err(|error| Failed::Early(error.into()))?;

        let mut withdrawn = Vec::new();
        for place in 0..batch.len() {
            let delivery = &mut batch[place];
            let done = match &delivery.present {
                Some(path) => self.sync_present(path, &delivery.temporary),
                None => self.give_name(delivery),
            };
            match done {
                // A folder grows with its names.
                Err(error) if error.is_want_of_room() && place > 0 => {
                    for delivery in batch.drain(place..) {
                        let _ = self.disk.unlink(&delivery.temporary);
                        withdrawn.push(Change::Withdrawn(delivery.row.seq));
                    }
                    self.shortfall = Some(error);
                    break;
                }
                done => done.map_err(Failed::Visible)?,
            }
        }
        let mut folders = vec![self.root.join("new")];
        let is_in_cur = |delivery: &Delivery| delivery.present.is_some() || delivery.flags;
        if batch.iter().any(is_in_cur) {
            folders.push(self.root.join("cur"));
        }
        for folder in folders {
            self.disk
                .sync_dir(&folder)
                .map_err(|error| Failed::Visible(ArchiveError::at(&folder, &error)))?;
        }
        let stored = batch.iter().map(|delivery| Change::Stored(delivery.row.seq));
        let settled: Vec<Change> = stored.chain(withdrawn).collect();
        ledger.commit(&settled).map_err(|error| Failed::Late(error.into()))
    }

    /// Moves a message from `tmp/` into `new/`: a second name, then the first one away, which no
    /// reader can see half done and which cannot replace anything.
    fn give_name(&mut self, delivery: &mut Delivery) -> Result<(), ArchiveError> {
        let Delivery { temporary, target, .. } = delivery;
        let placed = match self.disk.link(temporary, target) {
            Ok(()) => {
                // Left behind, it is cleaned by recovery: the message is in `new/` now.
                let _ = self.disk.unlink(temporary);
                Ok(())
            }
            Err(error) if disk::has_no_hard_links(&error) => self.disk.rename_noreplace(temporary, target),
            Err(error) => Err(error),
        };
        placed.map_err(|error| ArchiveError::at(target, &error))?;
        delivery.linked = true;
        Ok(())
    }

    /// The message was there before: make sure that it stays, and drop what was fetched.
    fn sync_present(&self, path: &Path, temporary: &Path) -> Result<(), ArchiveError> {
        let synced = match self.disk.open(path, Access::Read) {
            Ok(mut file) => file.sync(),
            // A mail client has renamed it since we looked; it was read and compared then.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        synced.map_err(|error| ArchiveError::at(path, &error))?;
        let _ = self.disk.unlink(temporary);
        Ok(())
    }

    /// Takes back what can be taken back of a batch that failed. What cannot stays on record as an
    /// intent, for recovery to look at.
    fn give_up(&mut self, batch: &[Delivery], failed: Failed, ledger: &mut dyn Ledger) -> ArchiveError {
        let (error, take_back, on_record) = match failed {
            Failed::Early(error) => (error, true, false),
            Failed::Visible(error) => (error, true, true),
            Failed::Late(error) => (error, false, true),
        };
        let mut withdrawn = Vec::new();
        for delivery in batch {
            let _ = self.disk.unlink(&delivery.temporary);
            if take_back && (!delivery.linked || self.disk.unlink(&delivery.target).is_ok()) {
                withdrawn.push(Change::Withdrawn(delivery.row.seq));
            }
        }
        if on_record {
            // If the ledger cannot be written either, recovery finds these intents.
            let _ = ledger.commit(&withdrawn);
        }
        error
    }
}

/// KEYs of other messages, of the ledger or of this batch.
#[derive(Default)]
struct Taken {
    keys: HashSet<Key>,
    /// Contents for which the ledger was asked.
    asked: HashSet<ShortHash>,
}

/// What the folder has under a KEY.
enum Occupant {
    Nothing,
    TheMessage(PathBuf),
    SomethingElse,
}
