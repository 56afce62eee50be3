//! Our files in `tmp/`.
//!
//! Must never: use a name twice.

use crate::archive::ArchiveError;
use crate::disk::Disk;
use crate::mail::names;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

/// A Maildir's `tmp/`: makes files under names of ours.
pub(super) struct Temporary<D> {
    disk: Arc<D>,
    folder: PathBuf,
    /// What our names start with.
    prefix: String,
    host: String,
    /// Numbers our names.
    turn: u64,
}

impl<D: Disk> Temporary<D> {
    /// The `tmp/` at `folder`, for the mail of `identity`. Nothing is touched.
    pub(super) fn new(disk: Arc<D>, folder: PathBuf, identity: &str, host: &str) -> Self {
        let (prefix, host) = (names::temporary_prefix(identity), host.to_owned());
        Temporary { disk, folder, prefix, host, turn: 0 }
    }

    /// Whether a file of this name in `tmp/` is ours.
    pub(super) fn is_ours(&self, name: &str) -> bool {
        name.starts_with(&self.prefix)
    }

    /// A new, empty file.
    pub(super) fn file(&mut self) -> Result<(PathBuf, D::File), ArchiveError> {
        let pid = std::process::id();
        loop {
            self.turn += 1;
            let path = self.folder.join(format!("{}{pid}-{}.{}", self.prefix, self.turn, self.host));
            match self.disk.create_new(&path) {
                Ok(file) => return Ok((path, file)),
                // Left by a process with our number; recovery has not been asked to clean up.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(ArchiveError::at(&path, &error)),
            }
        }
    }
}
