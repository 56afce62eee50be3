//! The lock that mail programs take on an mbox through `fcntl`, tied to the open file (OFD) where
//! the system knows that kind: closing another descriptor of the same file does not lose it.
//! rustix has only the kind that is tied to the process.
#![expect(clippy::disallowed_types, reason = "this is the edge")]

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;
use std::io;

/// Takes the write lock of the whole file; `false` when another holds a lock on it.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let take = FcntlArg::F_OFD_SETLK;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let take = FcntlArg::F_SETLK;
    match fcntl(file, take(&whole_file())) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "constants that fit; their C type differs by platform")]
fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}
