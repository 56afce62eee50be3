//! Reading copies, by whoever needs what is in the archive: from several threads at once, and without changing anything.
//!
//! Promises: what is given out is the stored form, with an mbox's quoting undone; memory is a constant, whatever the
//! message.

use crate::disk::{Access, Disk, DiskFile as _, Kind};
use crate::ledger::Row;
use std::fmt;
use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a copy is, or was when it was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyAt {
    /// A file of its own.
    File(PathBuf),
    /// A part of an mbox.
    Region {
        /// The mbox.
        path: Arc<Path>,
        /// From the `From_` line to the empty line behind the message.
        region: Range<u64>,
    },
}

impl CopyAt {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            CopyAt::File(path) => path,
            CopyAt::Region { path, .. } => path,
        }
    }

    /// The flags of a Maildir's file that a mail program has seen (`RS`); `None` where none has.
    pub fn flags(&self) -> Option<String> {
        let CopyAt::File(path) = self else { return None };
        let in_cur = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "cur");
        let flags = path.file_name()?.to_str()?.rsplit_once(":2,").map_or("", |(_, flags)| flags);
        in_cur.then(|| flags.chars().filter(char::is_ascii_alphabetic).take(32).collect())
    }
}

impl fmt::Display for CopyAt {
    /// For people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CopyAt::File(path) => write!(f, "{}", path.display()),
            CopyAt::Region { path, region } => {
                write!(f, "octets {} to {} of {}", region.start, region.end, path.display())
            }
        }
    }
}

/// What a copy is, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The message, octet for octet.
    Exact,
    /// The message, with marks of mail programs in its header.
    Marked,
    /// Something else, of this many octets where that can be told.
    Different(Option<u64>),
}

/// Reads copies.
pub trait CopyReader: Send + Sync {
    /// Reads a copy to its end and compares it with what is recorded of its row; with `anew` from the disk, past what
    /// the system has in memory of it.
    fn examine(&self, at: &CopyAt, row: &Row, anew: bool) -> io::Result<Content>;

    /// Gives a copy of this many octets to `each`, in stored form and in pieces of any size, until `each` breaks; the rest of
    /// the copy is then not read. `false` where an mbox has no message at that place.
    fn read_while(
        &self,
        at: &CopyAt,
        size: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<bool>;

    /// The same, to the end of the copy.
    fn read(&self, at: &CopyAt, size: u64, each: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        self.read_while(at, size, &mut |octets| {
            each(octets);
            ControlFlow::Continue(())
        })
    }
}

/// Opens the file of a copy; with `anew` so that the copy is read from the disk.
pub(super) fn open<D: Disk>(disk: &D, at: &CopyAt, anew: bool) -> io::Result<D::File> {
    let mut file = disk.open(at.path(), Access::Read)?;
    if anew {
        let meta = file.metadata()?;
        if meta.kind != Kind::File {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        file.drop_cached(match at {
            CopyAt::File(_) => 0..meta.len,
            CopyAt::Region { region, .. } => region.clone(),
        });
    }
    Ok(file)
}

#[cfg(test)]
mod tests;
