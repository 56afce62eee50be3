//! Test doubles: a disk and a ledger that write down what is done to them, in one list, and that
//! can be told to fail.

use super::{Archive, Arrived};
use crate::disk::{Access, Disk, DiskFile, Meta, OsDisk, OsFile};
use crate::ledger::{
    Adoption, ArchivedDay, Change, Known, Ledger, LedgerError, Logins, LookRecord, Marks, Other, Place,
    Quarantined, Quirks, Row, RunRecord, SeenElsewhere, Seq, Skipped, SqliteLedger, UnixTime, UnknownCopy,
    VerificationRecord, Which,
};
use crate::mail::digest::{Digest, Hash};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What was done, and what is to fail.
#[derive(Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    steps: Vec<String>,
    failing: Vec<(String, Errno)>,
    /// Once a step that starts like the first has been taken, one that starts like the second fails.
    later: Option<(String, String, Errno)>,
    /// A name that the next pass over a folder that has it leaves out.
    left_out: Option<OsString>,
    /// Octets that were read from files.
    read: u64,
    /// What happens when a file is read next.
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

impl Journal {
    /// Every step that starts like this fails from now on.
    pub(super) fn fail(&self, step: &str, errno: Errno) {
        self.0.lock().unwrap().failing.push((step.to_owned(), errno));
    }

    /// The same, from the first step on that starts like `trigger`.
    pub(super) fn fail_after(&self, trigger: &str, step: &str, errno: Errno) {
        self.0.lock().unwrap().later = Some((trigger.to_owned(), step.to_owned(), errno));
    }

    /// One pass over the folder leaves this name out, as if its file were renamed meanwhile.
    pub(super) fn leave_out_once(&self, name: &OsStr) {
        self.0.lock().unwrap().left_out = Some(name.to_owned());
    }

    /// Another program does this when a file is read next.
    pub(super) fn meanwhile(&self, act: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().meanwhile = Some(Box::new(act));
    }

    /// Nothing fails any more.
    pub(super) fn mend(&self) {
        self.0.lock().unwrap().failing.clear();
    }

    /// The steps since the last call.
    pub(super) fn steps(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().steps)
    }

    /// The octets read from files since the last call.
    pub(super) fn octets_read(&self) -> u64 {
        std::mem::take(&mut self.0.lock().unwrap().read)
    }

    fn step(&self, step: String) -> io::Result<()> {
        let mut record = self.0.lock().unwrap();
        let failing =
            record.failing.iter().find(|(start, _)| step.starts_with(start)).map(|(_, errno)| *errno);
        if let Some((_, later, errno)) =
            record.later.take_if(|(trigger, ..)| step.starts_with(trigger.as_str()))
        {
            record.failing.push((later, errno));
        }
        record.steps.push(step);
        failing.map_or(Ok(()), |errno| Err(errno.into()))
    }

    fn at(&self, what: &str, path: &Path) -> io::Result<()> {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        self.step(format!("{what} {}", folder.to_string_lossy()))
    }
}

/// The real disk, watched. A file is spoken of by its folder's name.
pub(super) struct WatchedDisk(pub(super) Journal);

/// A file of it.
pub(super) struct WatchedFile {
    file: OsFile,
    folder: String,
    journal: Journal,
}

impl WatchedDisk {
    fn watched(&self, file: OsFile, path: &Path) -> WatchedFile {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        WatchedFile { file, folder: folder.to_string_lossy().into_owned(), journal: self.0.clone() }
    }
}

impl Disk for WatchedDisk {
    type File = WatchedFile;

    fn create_new(&self, path: &Path) -> io::Result<WatchedFile> {
        self.0.at("create", path)?;
        Ok(self.watched(OsDisk.create_new(path)?, path))
    }

    fn create_unnamed(&self, folder: &Path) -> io::Result<WatchedFile> {
        self.0.step("create unnamed".to_owned())?;
        Ok(self.watched(OsDisk.create_unnamed(folder)?, Path::new("spool/file")))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<WatchedFile> {
        Ok(self.watched(OsDisk.open(path, access)?, path))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.at("link", to)?;
        OsDisk.link(from, to)
    }

    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.at("rename", to)?;
        OsDisk.rename_noreplace(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.0.at("unlink", path)?;
        OsDisk.unlink(path)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.make_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.at("sync folder", &path.join("file"))?;
        OsDisk.sync_dir(path)
    }

    fn group_sync(&self, folder: &Path) -> io::Result<Option<WatchedFile>> {
        self.0.step("open group".to_owned())?;
        let group = OsDisk.group_sync(folder)?;
        Ok(group.map(|file| self.watched(file, &folder.join("file"))))
    }

    fn sync_files(&self, files: &mut [&mut WatchedFile]) -> io::Result<()> {
        files.iter_mut().try_for_each(|file| file.sync())
    }

    fn read_dir_numbered(&self, path: &Path, each: &mut dyn FnMut(&OsStr, u64) -> bool) -> io::Result<()> {
        OsDisk.read_dir_numbered(path, &mut |name, inode| {
            let left_out = self.0.0.lock().unwrap().left_out.take_if(|left_out| left_out == name);
            left_out.is_some() || each(name, inode)
        })
    }

    fn metadata(&self, path: &Path) -> io::Result<Meta> {
        OsDisk.metadata(path)
    }

    fn link_metadata(&self, path: &Path) -> io::Result<Meta> {
        OsDisk.link_metadata(path)
    }

    fn writable(&self, path: &Path) -> io::Result<()> {
        self.0.at("writable", &path.join("file"))?;
        OsDisk.writable(path)
    }
}

impl DiskFile for WatchedFile {
    fn sync(&mut self) -> io::Result<()> {
        self.journal.step(format!("sync {}", self.folder))?;
        self.file.sync()
    }

    fn sync_file_system(&mut self) -> io::Result<()> {
        self.journal.step("sync all".to_owned())?;
        self.file.sync_file_system()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.journal.step(format!("cut {}", self.folder))?;
        self.file.set_len(len)
    }

    fn set_modified(&mut self, at: i64) -> io::Result<()> {
        self.file.set_modified(at)
    }

    fn metadata(&self) -> io::Result<Meta> {
        self.file.metadata()
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        self.file.try_lock()
    }
}

impl Read for WatchedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let meanwhile = self.journal.0.lock().unwrap().meanwhile.take();
        if let Some(act) = meanwhile {
            act();
        }
        let got = self.file.read(buffer)?;
        self.journal.0.lock().unwrap().read += got as u64;
        Ok(got)
    }
}

impl Write for WatchedFile {
    /// A failing write still writes the first half: so does a disk that fills up.
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.journal.step(format!("write {}", self.folder)) {
            self.file.write_all(&octets[..octets.len() / 2])?;
            return Err(error);
        }
        self.file.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for WatchedFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

/// A ledger in memory, watched.
pub(super) struct WatchedLedger {
    inner: SqliteLedger,
    journal: Journal,
}

impl WatchedLedger {
    pub(super) fn new(identity: &str, journal: &Journal) -> Self {
        WatchedLedger { inner: SqliteLedger::in_memory(identity).unwrap(), journal: journal.clone() }
    }

    /// Every stored row, oldest first.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = self.newest(Seq::MAX, usize::MAX).unwrap();
        rows.reverse();
        rows
    }
}

impl Ledger for WatchedLedger {
    fn next_seq(&mut self) -> Seq {
        self.inner.next_seq()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), LedgerError> {
        let mut kinds: Vec<&str> = changes
            .iter()
            .map(|change| match change {
                Change::Intent(_) => "intent",
                Change::Stored(_) => "stored",
                Change::Withdrawn(_) => "withdrawn",
                _ => "other",
            })
            .collect();
        kinds.dedup();
        self.journal
            .step(format!("ledger {}", kinds.join(" ")))
            .map_err(|error| LedgerError::Failed { path: "test".to_owned(), reason: error.to_string() })?;
        self.inner.commit(changes)
    }

    fn known(&self, each: &mut dyn FnMut(Known<'_>)) -> Result<(), LedgerError> {
        self.inner.known(each)
    }

    fn row(&self, seq: Seq) -> Result<Option<Row>, LedgerError> {
        self.inner.row(seq)
    }

    fn intents(&self) -> Result<Vec<Row>, LedgerError> {
        self.inner.intents()
    }

    fn by_content(&self, digest: &Digest) -> Result<Vec<Seq>, LedgerError> {
        self.inner.by_content(digest)
    }

    fn by_core(&self, digest: &Digest) -> Result<Vec<Seq>, LedgerError> {
        self.inner.by_core(digest)
    }

    fn core_headers(&self, each: &mut dyn FnMut(Seq, Hash)) -> Result<(), LedgerError> {
        self.inner.core_headers(each)
    }

    fn seen_elsewhere(&self) -> Result<SeenElsewhere, LedgerError> {
        self.inner.seen_elsewhere()
    }

    fn skipped(&self) -> Result<Vec<Skipped>, LedgerError> {
        self.inner.skipped()
    }

    fn adoption(&self) -> Result<Option<Adoption>, LedgerError> {
        self.inner.adoption()
    }

    fn quarantined(&self) -> Result<Vec<Quarantined>, LedgerError> {
        self.inner.quarantined()
    }

    fn unknown_copy(&self, which: Which<'_>, after: u64) -> Result<Option<UnknownCopy>, LedgerError> {
        self.inner.unknown_copy(which, after)
    }

    fn has_unknown_copies(&self) -> Result<bool, LedgerError> {
        self.inner.has_unknown_copies()
    }

    fn is_taken(&self, place: &Place) -> Result<bool, LedgerError> {
        self.inner.is_taken(place)
    }

    fn count_unknown_copies(&self) -> Result<u64, LedgerError> {
        self.inner.count_unknown_copies()
    }

    fn count_unread_unknown_copies(&self) -> Result<u64, LedgerError> {
        self.inner.count_unread_unknown_copies()
    }

    fn unread_unknown_copies(&self, limit: usize) -> Result<Vec<UnknownCopy>, LedgerError> {
        self.inner.unread_unknown_copies(limit)
    }

    fn first_look(&self) -> Result<bool, LedgerError> {
        self.inner.first_look()
    }

    fn other_places(&self, each: &mut dyn FnMut(Other, &Place)) -> Result<(), LedgerError> {
        self.inner.other_places(each)
    }

    fn unknown_copies_seen(&self) -> Result<Option<String>, LedgerError> {
        self.inner.unknown_copies_seen()
    }

    fn served_as(&self, seq: Seq) -> Result<Option<Digest>, LedgerError> {
        self.inner.served_as(seq)
    }

    fn marks(&self) -> Result<Marks, LedgerError> {
        self.inner.marks()
    }

    fn quirks(&self) -> Result<Quirks, LedgerError> {
        self.inner.quirks()
    }

    fn logins(&self) -> Result<Logins, LedgerError> {
        self.inner.logins()
    }

    fn newest(&self, before: Seq, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.inner.newest(before, limit)
    }

    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, LedgerError> {
        self.inner.rows(from, limit)
    }

    fn verification(&self) -> Result<VerificationRecord, LedgerError> {
        self.inner.verification()
    }

    fn places(&self, each: &mut dyn FnMut(Seq, u64, &Place)) -> Result<(), LedgerError> {
        self.inner.places(each)
    }

    fn last_look(&self) -> Result<LookRecord, LedgerError> {
        self.inner.last_look()
    }

    fn told(&self) -> Result<Vec<(Vec<u8>, UnixTime)>, LedgerError> {
        self.inner.told()
    }

    fn accepted(&self) -> Result<Vec<Seq>, LedgerError> {
        self.inner.accepted()
    }

    fn last_run(&self) -> Result<Option<RunRecord>, LedgerError> {
        self.inner.last_run()
    }

    fn last_run_within(&self, times: RangeInclusive<UnixTime>) -> Result<Option<UnixTime>, LedgerError> {
        self.inner.last_run_within(times)
    }

    fn ages(&self) -> Result<Vec<(Seq, UnixTime)>, LedgerError> {
        self.inner.ages()
    }

    fn last_login(&self) -> Result<Option<UnixTime>, LedgerError> {
        self.inner.last_login()
    }

    fn last_active(&self) -> Result<Option<UnixTime>, LedgerError> {
        self.inner.last_active()
    }

    fn archived_days(&self) -> Result<Vec<ArchivedDay>, LedgerError> {
        self.inner.archived_days()
    }
}

/// When all test messages arrive: 2026-11-18 11:06:40 UTC.
pub(super) const NOON: i64 = 1_795_000_000;

/// Puts a message into the archive's batch, as a fetch would.
pub(super) fn add(
    archive: &mut impl Archive,
    ledger: &mut dyn Ledger,
    uid: Option<&str>,
    message: &[u8],
) -> Seq {
    archive.begin().unwrap();
    for chunk in message.chunks(7) {
        archive.write(chunk).unwrap();
    }
    let (_, size) = archive.finish().unwrap();
    assert_eq!(size, message.len() as u64);
    let seq = ledger.next_seq();
    let uid = uid.map(|uid| uid.as_bytes().to_vec());
    archive.keep(seq, Arrived { uid, list_size: Some(size), at: NOON, utf8: false, flags: None }).unwrap();
    seq
}
