//! Our files in `tmp/`, and those that are made ahead of the messages that they are for.
//!
//! Where messages are small, making a file takes longer than writing it. A thread of its own does that: while the
//! server looks for the first message, and then beside the writing.
//!
//! Promises: a file that no message came for is removed again. Must never: use a name twice.

use crate::archive::ArchiveError;
use crate::disk::{Access, Disk};
use crate::mail::names;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Files that wait for messages, at most. They are closed: several accounts run side by side and share the
/// 1,024 descriptors that a process may have.
const WAITING: usize = 512;

/// A Maildir's `tmp/`.
pub(super) struct Temporary<D: Disk> {
    maker: Arc<Maker<D>>,
    stock: Option<Stock>,
}

/// Makes files under names of ours.
struct Maker<D> {
    disk: Arc<D>,
    folder: PathBuf,
    /// What our names start with.
    prefix: String,
    host: String,
    /// Numbers our names.
    turn: AtomicU64,
}

/// Files that are being made ahead.
struct Stock {
    made: Receiver<PathBuf>,
    enough: Arc<AtomicBool>,
}

impl<D: Disk> Temporary<D> {
    /// The `tmp/` at `folder`, for the mail of `identity`. Nothing is touched.
    pub(super) fn new(disk: Arc<D>, folder: PathBuf, identity: &str, host: &str) -> Self {
        let (prefix, host) = (names::temporary_prefix(identity), host.to_owned());
        let maker = Arc::new(Maker { disk, folder, prefix, host, turn: AtomicU64::new(1) });
        Temporary { maker, stock: None }
    }

    /// Whether a file of this name in `tmp/` is ours.
    pub(super) fn is_ours(&self, name: &str) -> bool {
        name.starts_with(&self.maker.prefix)
    }

    /// So many files will be wanted.
    pub(super) fn expect(&mut self, files: usize) {
        self.stop();
        if files == 0 {
            return;
        }
        let (out, made) = sync_channel(WAITING);
        let enough = Arc::new(AtomicBool::new(false));
        let (maker, told) = (Arc::clone(&self.maker), Arc::clone(&enough));
        if D::IN_ONE_ORDER {
            // A disk whose steps are counted must not be used by two threads in any order.
            maker.make(files.min(WAITING), &out, &told);
            self.stock = Some(Stock { made, enough });
            return;
        }
        // Without a thread each file is made when it is wanted.
        let thread = thread::Builder::new().spawn(move || maker.make(files, &out, &told));
        self.stock = thread.ok().map(|_| Stock { made, enough });
    }

    /// An empty file.
    pub(super) fn file(&mut self) -> Result<(PathBuf, D::File), ArchiveError> {
        // One that was made ahead may be gone again: whoever cleans `tmp/` is free to.
        while let Some(path) = self.stock.as_ref().and_then(|stock| stock.made.recv().ok()) {
            match self.maker.disk.open(&path, Access::ReadWrite) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    self.maker.remove(&path);
                    return Err(ArchiveError::at(&path, &error));
                }
            }
        }
        self.maker.create()
    }

    /// Makes no more files ahead, and removes those that are left.
    pub(super) fn stop(&mut self) {
        let Some(Stock { made, enough }) = self.stock.take() else { return };
        enough.store(true, Ordering::Relaxed);
        for path in made {
            self.maker.remove(&path);
        }
    }
}

impl<D: Disk> Maker<D> {
    fn create(&self) -> Result<(PathBuf, D::File), ArchiveError> {
        let pid = std::process::id();
        loop {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let path = self.folder.join(format!("{}{pid}-{turn}.{}", self.prefix, self.host));
            match self.disk.create_new(&path) {
                Ok(file) => return Ok((path, file)),
                // Left by a process with our number; recovery has not been asked to clean up.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(ArchiveError::at(&path, &error)),
            }
        }
    }

    /// What cannot be removed now, recovery removes.
    fn remove(&self, path: &Path) {
        let _ = self.disk.unlink(path);
    }

    /// Until there are enough, or one cannot be made: whoever wants that one will be told why.
    fn make(&self, files: usize, out: &SyncSender<PathBuf>, enough: &AtomicBool) {
        for _ in 0..files {
            if enough.load(Ordering::Relaxed) {
                return;
            }
            let Ok((path, _)) = self.create() else { return };
            // The other end listens until this one is gone.
            let _ = out.send(path);
        }
    }
}

impl<D: Disk> Drop for Temporary<D> {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files as a user does")]
mod tests {
    use super::*;
    use crate::disk::OsDisk;

    fn temporary(folder: &Path) -> Temporary<OsDisk> {
        Temporary::new(Arc::new(OsDisk), folder.to_owned(), "jane@pop.example.com", "host")
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn files_that_no_message_came_for_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut temporary = temporary(folder.path());
        temporary.expect(2 * WAITING);
        let (wanted, _) = temporary.file().unwrap();
        drop(temporary);
        assert_eq!(names(folder.path()), [wanted.file_name().unwrap().to_str().unwrap()]);
    }

    #[test]
    fn more_files_than_expected_and_files_that_somebody_has_cleaned_away_are_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut temporary = temporary(folder.path());
        temporary.expect(2);
        while names(folder.path()).len() < 2 {
            thread::yield_now();
        }
        for name in names(folder.path()) {
            assert!(temporary.is_ours(&name), "{name}");
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        let files: Vec<PathBuf> = (0..3).map(|_| temporary.file().unwrap().0).collect();
        assert_eq!(names(folder.path()).len(), 3, "{files:?}");
    }
}
