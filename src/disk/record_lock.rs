//! The lock that mail programs take on an mbox through `fcntl`, tied to the open file (OFD) where
//! the system knows that kind: closing another descriptor of the same file does not lose it.
//! rustix has only the kind that is tied to the process.
#![expect(clippy::disallowed_types, reason = "this is the edge")]

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Takes the write lock of the whole file; `false` when another holds a lock on it.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let take = FcntlArg::F_OFD_SETLK;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let take = FcntlArg::F_SETLK;
    let taken = match fcntl(file, take(&whole_file())) {
        // Linux before 3.15 knows the other kind alone.
        Err(Errno::EINVAL) => fcntl(file, FcntlArg::F_SETLK(&whole_file())),
        outcome => outcome,
    };
    match taken {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "constants that fit; their C type differs by platform")]
fn whole_file() -> libc::flock {
    region(libc::F_WRLCK as libc::c_short, 0, 0)
}

#[expect(clippy::cast_possible_truncation, reason = "a constant that fits; its C type differs by platform")]
fn region(kind: libc::c_short, start: libc::off_t, len: libc::off_t) -> libc::flock {
    libc::flock {
        l_type: kind,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: len,
        l_pid: 0,
    }
}

/// Files that were asked for locks. They stay open: closing one would take away every lock of `fcntl` that this process
/// has on it, SQLite's among them.
static ASKED: Mutex<Vec<(PathBuf, File)>> = Mutex::new(Vec::new());

/// An octet that nobody ever locks, far behind those that SQLite does.
const FAR: libc::off_t = 0x7000_0000;

/// Whether the file's file system has the locks of `fcntl`: an error that [`super::has_no_locks`] knows if not. Nobody
/// else's lock is in the way of the answer, nor is anything of it left.
#[expect(clippy::cast_possible_truncation, reason = "constants that fit; their C type differs by platform")]
pub(crate) fn has_locks(path: &Path) -> io::Result<()> {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    if asked.iter().any(|(known, _)| known == path) {
        return Ok(());
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let outcome = [libc::F_RDLCK, libc::F_UNLCK].into_iter().try_for_each(|kind| {
        fcntl(&file, FcntlArg::F_SETLK(&region(kind as libc::c_short, FAR, 1))).map(drop)
    });
    asked.push((path.to_owned(), file));
    if let Err(errno) = outcome {
        asked.pop();
        return Err(errno.into());
    }
    Ok(())
}
