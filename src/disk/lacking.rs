//! What a file system may not have, or a machine may have run out of, as the system says it.
//!
//! Network and FUSE file systems, and those of other systems, lack this or that operation. That is no failure of theirs:
//! there is another way, or nothing to be done. An I/O error or a full disk is never one of these.

use rustix::io::Errno;
use std::io;

fn is_one_of(error: &io::Error, errnos: &[Errno]) -> bool {
    error.raw_os_error().is_some_and(|code| errnos.iter().any(|errno| errno.raw_os_error() == code))
}

/// The file system has no such operation. CIFS answers `EINVAL` to the fsync of a folder, FUSE `ENOSYS` to what its
/// program does not do.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::INVAL, Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOSYS])
}

/// It has no locks: NFS without its lock daemon, CIFS mounted with `nobrl`.
pub(crate) fn has_no_locks(error: &io::Error) -> bool {
    is_unsupported(error) || is_one_of(error, &[Errno::NOLCK])
}

/// It has no hard links, or not for us, or no more for this file.
pub(crate) fn has_no_hard_links(error: &io::Error) -> bool {
    // Android answers EACCES.
    is_unsupported(error) || is_one_of(error, &[Errno::PERM, Errno::ACCESS, Errno::MLINK, Errno::XDEV])
}

/// No more can be stored: the disk or a quota is full, or a file may not grow.
fn is_out_of_room(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::NOSPC, Errno::DQUOT, Errno::FBIG])
}

/// The machine has run out of something, for now: room, descriptors, memory.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    is_out_of_room(error)
        || is_one_of(error, &[Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::AGAIN])
}

/// Nothing has that name.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// It is about who we are or what stands there, not about the disk: a person has to change that.
pub(crate) fn is_denied(error: &io::Error) -> bool {
    is_one_of(
        error,
        &[
            Errno::ACCESS,
            Errno::PERM,
            Errno::ROFS,
            Errno::NOTDIR,
            Errno::ISDIR,
            Errno::LOOP,
            Errno::NAMETOOLONG,
        ],
    ) || error.raw_os_error().is_none()
        && matches!(
            error.kind(),
            io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::NotADirectory
        )
}

/// What a person can do about a failure of the disk.
pub(crate) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "make room, then run popkeep again",
        io::ErrorKind::QuotaExceeded => "make room or raise the quota, then run popkeep again",
        io::ErrorKind::FileTooLarge => "raise the limit (ulimit -f), then run popkeep again",
        io::ErrorKind::NotFound => "find out what removes files there, then run popkeep again",
        _ if is_one_of(error, &[Errno::MFILE, Errno::NFILE]) => {
            "raise the limit on open files (ulimit -n) or fetch fewer accounts at once (--jobs), then run popkeep again"
        }
        _ if is_one_of(error, &[Errno::NOMEM]) => "free memory, then run popkeep again",
        _ => "what was stored before is safe; run popkeep again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_io_error_or_a_full_disk_is_never_taken_for_a_missing_feature() {
        for errno in
            [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::MFILE, Errno::NOMEM, Errno::STALE]
        {
            let error = io::Error::from(errno);
            assert!(
                !is_unsupported(&error) && !has_no_locks(&error) && !has_no_hard_links(&error),
                "{errno:?}"
            );
        }
        for errno in [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP] {
            let error = io::Error::from(errno);
            assert!(is_unsupported(&error) && has_no_locks(&error) && has_no_hard_links(&error), "{errno:?}");
        }
        assert!(has_no_locks(&Errno::NOLCK.into()) && !is_unsupported(&Errno::NOLCK.into()));
        assert!(is_denied(&Errno::ACCESS.into()) && is_denied(&io::ErrorKind::NotADirectory.into()));
        assert!(!is_denied(&Errno::NOSPC.into()) && !is_denied(&Errno::IO.into()));
    }
}
