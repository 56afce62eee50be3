//! The archive's mark: a small file beside `new/` and `cur/` that says "this is the archive", also when somebody
//! has emptied it. Without it an empty folder may be the place where a disk is not mounted.

use super::Maildir;
use crate::disk::Disk;
use std::io::Write as _;
use std::path::PathBuf;

/// Its name.
const MARK: &str = "popkeep-archive";

/// What is in it.
const WORDS: &[u8] =
    b"popkeep stores mail in this folder. Keep this file: it tells popkeep that this is the archive, even when it is empty.\n";

impl<D: Disk> Maildir<D> {
    fn mark(&self) -> PathBuf {
        self.root.join(MARK)
    }

    /// Whether it is there.
    pub(super) fn has_mark(&self) -> bool {
        self.disk.link_metadata(&self.mark()).is_ok()
    }

    /// A known copy was seen here just now: leaves the mark, if it can. Without one the worst is a question to
    /// the owner should the archive be emptied.
    pub(super) fn leave_mark(&mut self) {
        if !std::mem::replace(&mut self.marked, true) && !self.has_mark() {
            let _ = self.disk.create_new(&self.mark()).and_then(|mut file| file.write_all(WORDS));
        }
    }
}
