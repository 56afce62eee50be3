//! Files: the only place that touches a file system.
//!
//! [`Disk`] is the seam: all that delivery, recovery and locking need, one method per step whose
//! order matters, so that another implementation can stop after any of them and forget what was
//! not synced. [`OsDisk`] is the real one. The functions beside it serve who needs no more than
//! to read or write one small file.
//!
//! Promises: what we make is private (files 0600, folders 0700) whatever the umask; a folder we
//! make is durable in its parent when the call returns.
//!
//! Must never: follow a name into something that is not asked for (existing files are opened
//! without waiting on a FIFO), or replace a file that exists ([`replace_shared`] and
//! [`replace_for_owner`] are for that, and for nothing else).

mod lacking;
mod open_files;
mod os;
mod record_lock;
mod replace;
mod small;
mod trust;

pub(crate) use lacking::{
    has_no_hard_links, has_no_locks, is_absent, is_denied, is_exhausted, is_unsupported, remedy,
};
pub use open_files::allow_open_files;
pub(crate) use os::parent;
pub use os::{OsDisk, OsFile, host_name, our_user};
pub(crate) use record_lock::has_locks;
pub use replace::{replace_as_it_was, replace_for_owner, replace_private, replace_shared};
pub use small::{
    AccountLock, absolute, birth, free, is_there, keep_copy, last_change, make_private_dirs, mode_and_owner,
    names_in, read_limited, read_private, remove, rename_new, rewrite_private, sync_file, write_new_private,
};
pub(crate) use small::{is_alive, make_dirs, secure_dirs, sync_names};
pub use trust::{Distrusted, Trusted, check_folder, read_trusted};

use std::ffi::OsStr;
use std::io::{self, Read, Seek, Write};
use std::ops::Range;
use std::path::Path;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link (seen only where links are not followed).
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Its length in octets.
    pub len: u64,
    /// The file system it is on.
    pub dev: u64,
    /// Its number there.
    pub ino: u64,
    /// How many names it has.
    pub links: u64,
    /// Who owns it.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// When its content (a folder's: its names) changed last: seconds and nanoseconds.
    pub modified: (i64, i64),
    /// When anything about it changed last, which no program can set back: seconds and nanoseconds.
    pub changed: (i64, i64),
}

/// What an existing file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    ReadWrite,
}

/// An open file.
pub trait DiskFile: Read + Write + Seek + Send {
    /// Makes the file's octets and length durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Makes everything durable that was written to its file system so far, by whomever: one
    /// journal commit for a whole batch.
    fn sync_file_system(&mut self) -> io::Result<()>;
    /// Cuts or extends it.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
    /// Says when its content changed last, in seconds since 1970.
    fn set_modified(&mut self, at: i64) -> io::Result<()>;
    /// What is known of it.
    fn metadata(&self) -> io::Result<Meta>;
    /// Lets go of what the system has of this part of it in memory, so that what is read there next comes from the disk.
    /// Where that cannot be done, nothing happens.
    fn drop_cached(&mut self, _part: Range<u64>) {}
    /// Takes the write lock of the whole file that `fcntl` knows, tied to this open file; `false` when another holds one. Closing the file
    /// gives it back.
    fn try_lock(&mut self) -> io::Result<bool>;
}

/// A file system, step by step.
pub trait Disk: Send + Sync + 'static {
    /// An open file of it.
    type File: DiskFile;

    /// Makes a new file, 0600, for reading and writing. Fails when the name exists.
    fn create_new(&self, path: &Path) -> io::Result<Self::File>;
    /// Makes a file without a name in `folder`: gone when it is closed, or when we are.
    fn create_unnamed(&self, folder: &Path) -> io::Result<Self::File>;
    /// Opens what exists.
    fn open(&self, path: &Path, access: Access) -> io::Result<Self::File>;
    /// Gives a file a second name. Fails when that name exists.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file another name. Fails when that name exists.
    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name.
    fn unlink(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder, 0700, and makes it durable in its parent.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// A handle for [`DiskFile::sync_file_system`] on the file system that `folder` is on; `None`
    /// where that call does not report errors. It reports those that come after this call.
    fn group_sync(&self, folder: &Path) -> io::Result<Option<Self::File>>;
    /// Makes the octets of all these files durable: when this fails, none of them counts as such.
    fn sync_files(&self, files: &mut [&mut Self::File]) -> io::Result<()>;
    /// Calls `each` for every name in a folder but `.` and `..`, in no order, until it says
    /// `false`.
    fn read_dir(&self, path: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        self.read_dir_numbered(path, &mut |name, _| each(name))
    }
    /// The same, with each file's number on its file system ([`Meta::ino`]): reading in that order spares a disk
    /// its ways.
    fn read_dir_numbered(&self, path: &Path, each: &mut dyn FnMut(&OsStr, u64) -> bool) -> io::Result<()>;
    /// What a name stands for, symbolic links followed.
    fn metadata(&self, path: &Path) -> io::Result<Meta>;
    /// What a name stands for, a symbolic link being one.
    fn link_metadata(&self, path: &Path) -> io::Result<Meta>;
    /// Whether we may make and remove names in a folder (or write a file), as far as permissions tell. Leaves no trace.
    fn writable(&self, path: &Path) -> io::Result<()>;
}
