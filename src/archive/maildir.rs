//! Maildir: one file per message, in `new/` until a mail client has seen it, then in `cur/`.
//!
//! Promises: a message is written to `tmp/`, synced, and only then given a name in `new/`; its
//! name holds a KEY (see [`crate::mail::names`]) that makes delivery idempotent: a message whose
//! KEY is there already is never put there twice. Folders are 0700, files 0600.
//!
//! Must never: touch a file that is not ours, in `tmp/` or elsewhere. Two accounts, and any mail
//! client, may use the same Maildir at the same time.

mod delivery;
mod folder;
mod look;
mod mark;
mod reading;
mod recovery;
mod temporary;
#[cfg(test)]
mod tests;
mod unknown;

use super::presence::Begun;
use super::{
    Archive, ArchiveError, Arrived, BUFFER, Beside, Copy, CopyAt, CopyReader, Met, Pending, Presence,
    Recovery, are_most, digest_of, expected, expects_mail,
};
use crate::clock;
use crate::disk::{self, Access, Disk, DiskFile as _, Kind};
use crate::event::Looking;
use crate::ledger::{Ledger, Place, Row, Seq, UnixTime, UnknownCopy};
use crate::mail::digest::{Digest, Digester};
use crate::mail::names::{self, Key, ShortHash};
use crate::mail::{dated, headers};
pub use delivery::OPEN_FILES;

use folder::{Folder, Tag};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use temporary::Temporary;

/// Rows whose copies are looked for by name before the whole folder is read.
const SAMPLE: usize = 16;

/// Rows that are compared with the folder at once when none of the sample is there.
const PAGE: usize = 1000;

/// An account's Maildir.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Maildir<D: Disk> {
    disk: Arc<D>,
    root: PathBuf,
    identity: String,
    host: String,
    temporary: Temporary<D>,
    folder: Folder<D>,
    draft: Option<Draft<D::File>>,
    finished: Option<Finished<D::File>>,
    pending: Vec<Finished<D::File>>,
    /// Syncs a large batch at once, where that can be relied on.
    group: Option<D::File>,
    /// A file was closed before its octets were durable: the batch needs the group's sync.
    closed_unsynced: bool,
    /// A commit failed: nothing more before recovery.
    unsettled: bool,
    /// Unknown copies were read whose names may not be durable.
    met: bool,
    /// The number of the next copy, where there are many identical ones under one UID.
    next_copies: HashMap<Key, u32>,
    /// Why the last commit stored a part only.
    shortfall: Option<ArchiveError>,
    /// The archive's mark is there, or was tried, or is not wanted.
    marked: bool,
    /// Files whose size is looked at in one run, at most.
    stats: usize,
    /// Files of a batch that are kept open, at most.
    open_files: usize,
}

/// The message that is being written.
struct Draft<F> {
    path: PathBuf,
    file: F,
    digester: Digester,
    header: headers::Reader,
    /// Octets that wait to be written together.
    buffer: Vec<u8>,
}

/// A message that is complete in `tmp/`.
struct Finished<F> {
    path: PathBuf,
    /// Open until its octets are durable.
    file: Option<F>,
    /// When it came, by its own header, as far as that can be true.
    dated: Option<UnixTime>,
    digest: Digest,
    size: u64,
    /// Set when the message is kept.
    seq: Seq,
    arrived: Option<Arrived>,
}

impl<D: Disk> Maildir<D> {
    /// The Maildir whose folder (the one that holds `tmp/`, `new/` and `cur/`) is `path`, for the
    /// mail of `identity`. Nothing is touched before [`Archive::open`].
    pub fn new(disk: Arc<D>, path: PathBuf, identity: &str) -> Self {
        let host = names::host(&disk::host_name());
        Maildir {
            folder: Folder::new(Arc::clone(&disk), &path),
            temporary: Temporary::new(Arc::clone(&disk), path.join("tmp"), identity, &host),
            host,
            disk,
            root: path,
            identity: identity.to_owned(),
            draft: None,
            finished: None,
            pending: Vec::new(),
            group: None,
            closed_unsynced: false,
            unsettled: false,
            met: false,
            shortfall: None,
            next_copies: HashMap::new(),
            marked: false,
            stats: look::STATS,
            open_files: OPEN_FILES,
        }
    }

    /// The same for a Maildir that gets nothing but messages: no mark of ours.
    #[must_use]
    pub fn without_mark(mut self) -> Self {
        self.marked = true;
        self
    }

    /// Makes what is missing of the Maildir and of the folders above it.
    fn make_folders(&self) -> Result<(), ArchiveError> {
        for path in [self.root.clone(), self.root.join("tmp"), self.root.join("new"), self.root.join("cur")] {
            disk::make_dirs(&*self.disk, &path).map_err(|error| ArchiveError::at_first(&path, &error))?;
        }
        Ok(())
    }

    /// A run that was killed may have made folders that a power cut would still take away. Those
    /// above the Maildir are durable once it holds a message.
    fn secure_folders(&self, all: bool) -> Result<(), ArchiveError> {
        disk::sync_names(&*self.disk, &self.root)
            .and_then(|()| if all { disk::secure_dirs(&*self.disk, &self.root) } else { Ok(()) })
            .map_err(|error| ArchiveError::at(&self.root, &error))
    }

    /// Whether at least one message of the ledger is still there.
    fn holds_a_known_copy(&mut self, ledger: &dyn Ledger) -> Result<bool, ArchiveError> {
        let sample = ledger.newest(Seq::MAX, SAMPLE)?;
        if sample.iter().any(|row| self.likely_names(row).iter().any(|path| self.disk.metadata(path).is_ok()))
        {
            return Ok(true);
        }
        if self.folder.is_bare()? {
            return Ok(false);
        }
        let mut before = Seq::MAX;
        loop {
            let rows = ledger.newest(before, PAGE)?;
            let Some(oldest) = rows.last() else { return Ok(false) };
            before = oldest.seq;
            for tag in rows.iter().filter_map(tag_of) {
                if !self.folder.find(&tag)?.is_empty() {
                    return Ok(true);
                }
            }
        }
    }

    /// Where a message is as long as nothing or little was done to it since we stored it.
    fn likely_names(&self, row: &Row) -> Vec<PathBuf> {
        let Some(key) = key_of(row) else { return Vec::new() };
        let name = names::file_name(row.archived_at, &key, &self.host, row.size);
        let cur = self.root.join("cur");
        vec![
            self.root.join("new").join(&name),
            cur.join(format!("{name}:2,S")),
            cur.join(format!("{name}:2,")),
        ]
    }

    /// Opens and hashes a copy; `None` when it is not there any more.
    fn read(&self, path: &Path) -> Result<Option<(Digest, u64)>, ArchiveError> {
        let failed = |error| ArchiveError::at(path, &error);
        match self.disk.open(path, Access::Read) {
            Ok(file) => digest_of(file).map(Some).map_err(failed),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Something failed while the open message was written: away with it.
    fn throw_away(&mut self) {
        for path in
            self.draft.take().map(|draft| draft.path).into_iter().chain(self.finished.take().map(|f| f.path))
        {
            // What cannot be removed now, recovery removes.
            let _ = self.disk.unlink(&path);
        }
    }
}

/// What identifies the file of a row's copy; `None` for a row of an mbox.
fn tag_of(row: &Row) -> Option<Tag> {
    match &row.place {
        Place::Maildir { key } => Some(Tag::of_place(key)),
        Place::Mbox { .. } => None,
    }
}

/// The KEY of a row's copy; `None` for a row of an mbox, and for another program's copy.
fn key_of(row: &Row) -> Option<Key> {
    match &row.place {
        Place::Maildir { key } => Key::parse(key),
        Place::Mbox { .. } => None,
    }
}

impl<D: Disk> Archive for Maildir<D> {
    fn keep_open(&mut self, at_most: usize) {
        self.open_files = at_most.clamp(1, OPEN_FILES);
    }

    fn check(&mut self, ledger: &dyn Ledger) -> Result<(), ArchiveError> {
        match self.disk.metadata(&self.root) {
            Ok(meta) if meta.kind == Kind::Folder => {}
            Ok(_) => return Err(ArchiveError::cannot_create(&self.root, "it is not a folder")),
            // Without it there is no known copy either, which is looked at next.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(ArchiveError::at_first(&self.root, &error)),
        }
        if expects_mail(ledger)? && !self.has_mark() && !self.holds_a_known_copy(ledger)? {
            let (path, expected) = (self.root.display().to_string(), expected(ledger)?);
            return Err(ArchiveError::Vanished { path, expected });
        }
        Ok(())
    }

    fn open(&mut self, ledger: &mut dyn Ledger) -> Result<(), ArchiveError> {
        self.check(ledger)?;
        let holds = !ledger.newest(Seq::MAX, 1)?.is_empty();
        if expects_mail(ledger)? {
            self.leave_mark();
        }
        self.make_folders()?;
        self.secure_folders(!holds)?;
        for path in [self.root.join("tmp"), self.root.join("new")] {
            self.disk.writable(&path).map_err(|error| ArchiveError::at_first(&path, &error))?;
        }
        // A folder that can be written but not read cannot be synced as a group; its files can.
        self.group = self.disk.group_sync(&self.root.join("tmp")).unwrap_or(None);
        Ok(())
    }

    fn has_most(&mut self, ledger: &dyn Ledger) -> Result<bool, ArchiveError> {
        let cur = self.root.join("cur");
        match self.disk.metadata(&cur) {
            Err(error) if disk::is_absent(&error) && !self.has_mark() => return Ok(false),
            Err(error) if !disk::is_absent(&error) => return Err(ArchiveError::at_first(&cur, &error)),
            _ => {}
        }
        self.folder.look()?;
        let mut present = 0;
        ledger.places(&mut |_, _, place| {
            if let Place::Maildir { key } = place {
                present += u64::from(self.folder.inode(&Tag::of_place(key)).is_some());
            }
        })?;
        Ok(are_most(present, ledger)?)
    }

    fn recover(&mut self, ledger: &mut dyn Ledger) -> Result<Recovery, ArchiveError> {
        self.settle(ledger)
    }

    fn look(&mut self, ledger: &mut dyn Ledger, now: UnixTime) -> Result<Presence, ArchiveError> {
        self.look_through(ledger, Begun::at(now))
    }

    fn find_unknown_copies(
        &mut self,
        ledger: &mut dyn Ledger,
        now: UnixTime,
        watch: &mut dyn FnMut(Looking),
    ) -> Result<(), ArchiveError> {
        self.look_for_unknown_copies(ledger, Begun::at(now), watch)
    }

    fn origin(&self, uid: &[u8]) -> Option<ShortHash> {
        Some(names::origin(&self.identity, Some(uid)))
    }

    fn meet(&mut self, unknown: &UnknownCopy) -> Result<Option<Met>, ArchiveError> {
        self.read_unknown_copy(unknown)
    }

    fn secure_met(&mut self) -> Result<(), ArchiveError> {
        self.secure_unknown_copies()
    }

    fn begin(&mut self) -> Result<(), ArchiveError> {
        self.throw_away();
        let (path, file) = self.temporary.file()?;
        let buffer = Vec::with_capacity(BUFFER);
        self.draft =
            Some(Draft { path, file, digester: Digester::new(), header: headers::Reader::new(), buffer });
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), ArchiveError> {
        let Some(draft) = &mut self.draft else { return Err(ArchiveError::no_message(&self.root)) };
        draft.digester.update(octets);
        draft.header.update(octets);
        let written = if draft.buffer.len() + octets.len() <= BUFFER {
            draft.buffer.extend_from_slice(octets);
            Ok(())
        } else {
            draft.flush().and_then(|()| draft.file.write_all(octets))
        };
        written.map_err(|error| {
            let error = ArchiveError::at(&self.root.join("tmp"), &error);
            self.throw_away();
            error
        })
    }

    fn finish(&mut self) -> Result<(Digest, u64), ArchiveError> {
        let Some(mut draft) = self.draft.take() else { return Err(ArchiveError::no_message(&self.root)) };
        if let Err(error) = draft.flush() {
            let _ = self.disk.unlink(&draft.path);
            return Err(ArchiveError::at(&draft.path, &error));
        }
        let (digest, size) = draft.digester.finish();
        let result = (digest.clone(), size);
        let header = draft.header.into_header();
        let dated = dated::arrival(&header, clock::now());
        let Draft { path, file, .. } = draft;
        self.finished = Some(Finished { path, file: Some(file), dated, digest, size, seq: 0, arrived: None });
        Ok(result)
    }

    fn keep(&mut self, seq: Seq, arrived: Arrived) -> Result<(), ArchiveError> {
        let Some(mut finished) = self.finished.take() else {
            return Err(ArchiveError::no_message(&self.root));
        };
        if let (Some(file), Some(at)) = (&mut finished.file, finished.dated) {
            // Mail programs sort by it, and nothing else goes by it: no failure.
            let _ = file.set_modified(at);
        }
        self.pending.push(Finished { seq, arrived: Some(arrived), ..finished });
        self.bound_open_files()
    }

    fn discard(&mut self) -> Result<(), ArchiveError> {
        self.throw_away();
        Ok(())
    }

    fn pending(&self) -> Pending {
        Pending {
            messages: self.pending.len(),
            octets: self.pending.iter().map(|message| message.size).sum(),
        }
    }

    fn commit(&mut self, ledger: &mut dyn Ledger) -> Result<Vec<Seq>, ArchiveError> {
        let stored = self.deliver(ledger)?;
        if !stored.is_empty() {
            self.leave_mark();
        }
        Ok(stored)
    }

    fn shortfall(&mut self) -> Option<ArchiveError> {
        self.shortfall.take()
    }

    fn verify(&mut self, row: &Row) -> Result<Copy, ArchiveError> {
        let Some(tag) = tag_of(row) else { return Ok(Copy::Gone) };
        let mut found = false;
        let mut candidates = self.likely_names(row);
        // By name, by the last look at the folders, by a fresh one: as long as it takes.
        for look in 0..3 {
            for path in &candidates {
                match self.compare(path, &row.digest) {
                    Ok(Some(copy)) => return Ok(Copy::Intact(copy)),
                    Ok(None) => found = true,
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(ArchiveError::at(path, &error)),
                }
            }
            if found || (look > 0 && !self.folder.refresh()?) {
                break;
            }
            candidates = self.folder.find(&tag)?;
        }
        Ok(if found { Copy::Changed } else { Copy::Gone })
    }

    fn locate(&mut self, _ledger: &dyn Ledger, _moved: bool) -> Result<(), ArchiveError> {
        self.folder.look()
    }

    fn stamp(&self) -> Result<Option<String>, ArchiveError> {
        if self.folder.is_settled(Begun::at(clock::now()))? { self.folder.stamp_now() } else { Ok(None) }
    }

    fn copies(&mut self, row: &Row) -> Result<Vec<CopyAt>, ArchiveError> {
        let Some(tag) = tag_of(row) else { return Ok(Vec::new()) };
        Ok(self.folder.find(&tag)?.into_iter().map(CopyAt::File).collect())
    }

    fn reader(&self) -> Arc<dyn CopyReader> {
        Arc::new(reading::FileReader(Arc::clone(&self.disk)))
    }

    fn take_out(
        &mut self,
        bad: &Place,
        kept: &mut dyn FnMut(&Path) -> io::Result<()>,
    ) -> Result<bool, ArchiveError> {
        let Place::Maildir { key } = bad else { return Ok(false) };
        self.folder.refresh()?;
        for path in self.folder.find(&Tag::of_place(key))? {
            let taken = kept(&path).and_then(|()| self.disk.unlink(&path));
            match taken {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                taken => taken.map_err(|error| ArchiveError::at(&path, &error))?,
            }
        }
        // Also where nothing was left: a run that was killed may have removed it, and not durably.
        for folder in [self.root.join("new"), self.root.join("cur")] {
            self.disk.sync_dir(&folder).map_err(|error| ArchiveError::at(&folder, &error))?;
        }
        Ok(true)
    }

    fn beside(&mut self, ledger: &dyn Ledger) -> Result<Beside, ArchiveError> {
        self.without_a_row(ledger)
    }
}

impl<F: std::io::Write> Draft<F> {
    fn flush(&mut self) -> std::io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<D: Disk> Drop for Maildir<D> {
    /// What was not committed is thrown away; a crash here is what recovery is for.
    fn drop(&mut self) {
        self.throw_away();
        for message in self.pending.drain(..) {
            let _ = self.disk.unlink(&message.path);
        }
    }
}
