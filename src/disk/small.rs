//! Small files, and the lock on an account: for those who need no more of a disk.
#![expect(clippy::disallowed_types, reason = "this is the edge")]

use super::os::{OsDisk, OsFile, parent};
use super::{Access, Disk as _, DiskFile as _, Kind};
use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Reads a whole file of at most `max` octets; a larger one is
/// [`io::ErrorKind::FileTooLarge`]. A pipe or a device, which might never end, is [`io::ErrorKind::InvalidInput`].
pub fn read_limited(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let file = OsDisk.open(path, Access::Read)?;
    match file.metadata()?.kind {
        Kind::File => {}
        Kind::Folder => return Err(io::ErrorKind::IsADirectory.into()),
        Kind::Link | Kind::Other => return Err(not_regular()),
    }
    let mut octets = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut octets)?;
    if octets.len() as u64 > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(octets)
}

/// What was opened is there to be waited for, and nothing to be read to its end.
fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

/// A file's permission bits and its owner's user id, symbolic links followed.
pub fn mode_and_owner(path: &Path) -> io::Result<(u32, u32)> {
    let meta = OsDisk.metadata(path)?;
    Ok((meta.mode, meta.uid))
}

/// When a file's content, mode or name changed last (its ctime) and its number, symbolic links followed; only good for
/// comparing.
pub fn last_change(path: &Path) -> io::Result<String> {
    let stat = rustix::fs::stat(path)?;
    Ok(format!("{}.{}.{}", stat.st_ctime, stat.st_ctime_nsec, stat.st_ino))
}

/// A path, absolute and without links or `..`, as far as it exists.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut missing = Vec::new();
    let mut there = absolute.as_path();
    while let Err(rustix::io::Errno::NOENT) = rustix::fs::lstat(there) {
        let (Some(above), Some(name)) = (there.parent(), there.file_name()) else { break };
        missing.push(name);
        there = above;
    }
    let mut found = there.canonicalize()?;
    found.extend(missing.into_iter().rev());
    Ok(found)
}

/// The names in a folder, sorted.
pub fn names_in(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    OsDisk.read_dir(folder, &mut |name| {
        names.push(name.to_owned());
        true
    })?;
    names.sort_unstable();
    Ok(names)
}

/// Makes a folder and its missing parents, each 0700 and durable in its own parent. A folder that
/// exists is left as it is.
pub fn make_private_dirs(path: &Path) -> io::Result<()> {
    make_dirs(&OsDisk, path)
}

/// The same on any disk.
pub(crate) fn make_dirs(disk: &impl super::Disk, path: &Path) -> io::Result<()> {
    match disk.metadata(path) {
        Ok(meta) if meta.kind == Kind::Folder => return Ok(()),
        Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let above = parent(path);
    if above != path {
        make_dirs(disk, above)?;
    }
    match disk.make_dir(path) {
        // Another account's thread was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => make_dirs_again(disk, path),
        outcome => outcome,
    }
}

/// The name appeared while we looked: fine if it is a folder.
fn make_dirs_again(disk: &impl super::Disk, path: &Path) -> io::Result<()> {
    match disk.metadata(path)?.kind {
        Kind::Folder => disk.sync_dir(parent(path)),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// Makes the names of a folder and of all folders of ours above it durable, before the first thing
/// of worth is put into it. Who made them may have been killed before it could see to that.
pub(crate) fn secure_dirs(disk: &impl super::Disk, folder: &Path) -> io::Result<()> {
    let us = super::our_user();
    let mut folder = folder;
    while disk.metadata(folder)?.uid == us {
        let above = parent(folder);
        if above == folder || disk.writable(above).is_err() {
            break;
        }
        sync_names(disk, above)?;
        folder = above;
    }
    Ok(())
}

/// Makes the names in a folder durable, as far as it lets us: one that we may not read is none of our making.
pub(crate) fn sync_names(disk: &impl super::Disk, folder: &Path) -> io::Result<()> {
    match disk.sync_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

/// Writes a new file, 0600, durable with its name. Fails when the name exists.
pub fn write_new_private(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file: OsFile = OsDisk.create_new(path)?;
    let written = file.write_all(octets).and_then(|()| file.sync());
    if let Err(error) = written {
        // Half a file is worse than none; that it could not be written is the error that counts.
        let _ = OsDisk.unlink(path);
        return Err(error);
    }
    OsDisk.sync_dir(parent(path))
}

/// Copies a file into a folder, which is made if need be, under its name or that with `-2`, `-3`… at its end: private, and
/// durable with its name. A copy that is there already will do. Returns where it is.
pub fn keep_copy(path: &Path, folder: &Path, name: &OsStr) -> io::Result<PathBuf> {
    make_private_dirs(folder)?;
    for turn in 1_u32.. {
        let mut name = name.to_owned();
        if turn > 1 {
            name.push(format!("-{turn}"));
        }
        let target = folder.join(name);
        let mut from = OsDisk.open(path, Access::Read)?;
        match OsDisk.create_new(&target) {
            Ok(mut to) => {
                let copied = io::copy(&mut from, &mut to).and_then(|_| to.sync());
                if let Err(error) = copied {
                    let _ = OsDisk.unlink(&target);
                    return Err(error);
                }
                OsDisk.sync_dir(folder)?;
                return Ok(target);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut there = OsDisk.open(&target, Access::Read)?;
                if are_equal(&mut from, &mut there)? {
                    // Whoever made it may have been killed before it was durable.
                    there.sync()?;
                    OsDisk.sync_dir(folder)?;
                    return Ok(target);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Whether two files have the same octets.
fn are_equal(first: &mut OsFile, second: &mut OsFile) -> io::Result<bool> {
    if first.metadata()?.len != second.metadata()?.len {
        return Ok(false);
    }
    let (mut first, mut second) = (io::BufReader::new(first), io::BufReader::new(second));
    loop {
        let (here, there) = (first.fill_buf()?, second.fill_buf()?);
        let octets = here.len().min(there.len());
        if here[..octets] != there[..octets] {
            return Ok(false);
        }
        if octets == 0 {
            return Ok(here.is_empty() && there.is_empty());
        }
        first.consume(octets);
        second.consume(octets);
    }
}

/// Reads a file of at most `max` octets that is ours, and that nobody else can read or write. A symbolic link is not
/// followed. `None` if there is no such file; [`io::ErrorKind::PermissionDenied`] if it is not private.
pub fn read_private(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let meta = super::os::meta(&rustix::fs::fstat(&file).map_err(io::Error::from)?);
    if meta.kind != Kind::File {
        return Err(not_regular());
    }
    if meta.mode & 0o077 != 0 || meta.uid != super::our_user() {
        let why = format!("others can use it (mode {:04o}); run chmod 600 on it, or remove it", meta.mode);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    let mut octets = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut octets)?;
    if octets.len() as u64 > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(octets))
}

/// Writes a file that [`write_new_private`] has made once more, from its beginning, in the room that it has.
pub fn rewrite_private(path: &Path, octets: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    file.write_all(octets)?;
    file.set_len(octets.len() as u64)?;
    file.sync_all()
}

/// What tells a file from its copies, as text: when it was made, which no program can choose, or its number where the
/// file system does not tell. A file that gets another name, or other content, keeps it.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn birth(path: &Path) -> io::Result<String> {
    let made = std::fs::metadata(path)?.created().ok();
    match made.and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok()) {
        Some(since) => Ok(format!("made {}.{:09}", since.as_secs(), since.subsec_nanos())),
        None => Ok(format!("file number {}", OsDisk.metadata(path)?.ino)),
    }
}

/// How many octets we may still write to the file system that a file or a folder is on; one that does not exist yet is on
/// that of its folder.
pub fn free(path: &Path) -> io::Result<u64> {
    let path = if is_there(path) { path } else { parent(path) };
    let room = rustix::fs::statvfs(path)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

/// Whether this name is taken, as far as can be seen. A symbolic link is not followed.
pub fn is_there(path: &Path) -> bool {
    OsDisk.link_metadata(path).is_ok()
}

/// Makes the content of a file durable.
pub fn sync_file(path: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    File::from(rustix::fs::open(path, flags, Mode::empty())?).sync_all()
}

/// Removes a file, if it is there, durably.
pub fn remove(path: &Path) -> io::Result<()> {
    match OsDisk.unlink(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => OsDisk.sync_dir(parent(path)),
    }
}

/// Gives a file that [`write_new_private`] has made the name that is meant for it, in the same folder, durably.
/// Fails when that name exists, however it came about.
pub fn rename_new(draft: &Path, path: &Path) -> io::Result<()> {
    match OsDisk.link(draft, path) {
        Ok(()) => OsDisk.unlink(draft)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without hard links.
        Err(_) => OsDisk.rename_noreplace(draft, path)?,
    }
    OsDisk.sync_dir(parent(path))
}

/// Whether another process has this number. One that we may not signal has.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    pid.as_raw_nonzero().get().unsigned_abs() != std::process::id()
        && rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// The one lock of an account, held until it is dropped or the process ends, however it ends. Its
/// file stays behind, empty.
#[derive(Debug)]
pub struct AccountLock {
    _file: File,
}

impl AccountLock {
    /// Takes the lock whose file is `path`, making the file (0600) if need be; `None` when another
    /// process, or another part of this one, holds it.
    pub fn try_take(path: &Path) -> io::Result<Option<AccountLock>> {
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
        if !file.metadata()?.is_file() {
            return Err(not_regular());
        }
        match file.try_lock() {
            Ok(()) => Ok(Some(AccountLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        AccountLock, make_private_dirs, mode_and_owner, read_limited, rename_new, write_new_private,
    };
    use std::io::ErrorKind;

    #[test]
    fn what_we_make_is_private() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b/c");
        make_private_dirs(&folder).unwrap();
        make_private_dirs(&folder).unwrap();
        for made in [home.path().join("a"), home.path().join("a/b"), folder.clone()] {
            assert_eq!(mode_and_owner(&made).unwrap().0, 0o700);
        }
        let file = folder.join("file");
        write_new_private(&file, b"text").unwrap();
        assert_eq!(mode_and_owner(&file).unwrap(), (0o600, crate::disk::our_user()));
        assert_eq!(write_new_private(&file, b"other").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(make_private_dirs(&file.join("d")).unwrap_err().kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn a_draft_takes_its_name_only_if_that_is_free() {
        let home = tempfile::tempdir().unwrap();
        let (draft, path) = (home.path().join(".draft"), home.path().join("file"));
        write_new_private(&draft, b"text").unwrap();
        rename_new(&draft, &path).unwrap();
        assert_eq!((read_limited(&path, 9).unwrap(), draft.exists()), (b"text".to_vec(), false));
        write_new_private(&draft, b"other").unwrap();
        assert_eq!(rename_new(&draft, &path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(read_limited(&path, 9).unwrap(), b"text");
    }

    #[test]
    fn a_file_larger_than_allowed_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        write_new_private(&file, b"12345").unwrap();
        assert_eq!(read_limited(&file, 5).unwrap(), b"12345");
        assert_eq!(read_limited(&file, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_limited(&home.path().join("none"), 4).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn an_account_has_one_lock() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let first = AccountLock::try_take(&path).unwrap();
        assert!(first.is_some());
        assert!(AccountLock::try_take(&path).unwrap().is_none());
        drop(first);
        assert!(AccountLock::try_take(&path).unwrap().is_some());
    }
}
