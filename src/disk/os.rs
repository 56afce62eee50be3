//! The real file system.
#![expect(clippy::disallowed_types, reason = "this is the edge")]

use super::{Access, Disk, DiskFile, Kind, Meta, is_unsupported};
use nix::sys::utsname::uname;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The file system of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

/// An open file of it.
#[derive(Debug)]
pub struct OsFile(File);

const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const FOLDER_MODE: Mode = Mode::RWXU;

impl Disk for OsDisk {
    type File = OsFile;

    fn create_new(&self, path: &Path) -> io::Result<OsFile> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(OsFile(File::from(rustix::fs::open(path, flags, FILE_MODE)?)))
    }

    fn create_unnamed(&self, folder: &Path) -> io::Result<OsFile> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        match rustix::fs::open(folder, flags, FILE_MODE) {
            Ok(file) => Ok(OsFile(File::from(file))),
            // File systems without O_TMPFILE: a name that is gone at once.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => {
                for turn in 0_u32.. {
                    let name = folder.join(format!(".popkeep-spool-{}-{turn}", std::process::id()));
                    match self.create_new(&name) {
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(error),
                        Ok(file) => return self.unlink(&name).map(|()| file),
                    }
                }
                Err(Errno::EXIST.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<OsFile> {
        let access = match access {
            Access::Read => OFlags::RDONLY,
            Access::ReadWrite => OFlags::RDWR,
        };
        // NONBLOCK: opening a FIFO that somebody put there must not hang; a regular file does not care.
        let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        Ok(OsFile(File::from(rustix::fs::open(path, flags, Mode::empty())?)))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(rustix::fs::linkat(CWD, from, CWD, to, AtFlags::empty())?)
    }

    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()> {
        match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Some network and FUSE file systems know neither link nor this flag. The names given
            // here are ours alone, so that looking first is as good.
            // A sandbox that does not know the call answers EPERM.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
                match rustix::fs::lstat(to) {
                    Ok(_) => Err(Errno::EXIST.into()),
                    Err(Errno::NOENT) => Ok(rustix::fs::renameat(CWD, from, CWD, to)?),
                    Err(error) => Err(error.into()),
                }
            }
            outcome => Ok(outcome?),
        }
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        Ok(rustix::fs::unlink(path)?)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        rustix::fs::mkdir(path, FOLDER_MODE)?;
        self.sync_dir(parent(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        match rustix::fs::fsync(&folder).map_err(io::Error::from) {
            // A file system that does not sync folders has no names to lose, or none that we could keep.
            Err(error) if is_unsupported(&error) => Ok(()),
            outcome => outcome,
        }
    }

    fn group_sync(&self, folder: &Path) -> io::Result<Option<OsFile>> {
        if reports_errors_of_syncfs() { self.open(folder, Access::Read).map(Some) } else { Ok(None) }
    }

    fn sync_files(&self, files: &mut [&mut OsFile]) -> io::Result<()> {
        files.iter_mut().try_for_each(|file| file.sync())
    }

    fn read_dir_numbered(&self, path: &Path, each: &mut dyn FnMut(&OsStr, u64) -> bool) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        for entry in rustix::fs::Dir::new(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." && !each(OsStr::from_bytes(name), entry.ino()) {
                break;
            }
        }
        Ok(())
    }

    fn metadata(&self, path: &Path) -> io::Result<Meta> {
        Ok(meta(&rustix::fs::stat(path)?))
    }

    fn link_metadata(&self, path: &Path) -> io::Result<Meta> {
        Ok(meta(&rustix::fs::lstat(path)?))
    }

    fn writable(&self, path: &Path) -> io::Result<()> {
        let mut access = rustix::fs::Access::WRITE_OK;
        if self.metadata(path)?.kind == Kind::Folder {
            access |= rustix::fs::Access::EXEC_OK;
        }
        match rustix::fs::accessat(CWD, path, access, AtFlags::EACCESS).map_err(io::Error::from) {
            // It cannot be asked: the first step tells.
            Err(error) if is_unsupported(&error) => Ok(()),
            outcome => outcome,
        }
    }
}

impl OsFile {
    /// The same file once more, for a program that is to read it.
    pub fn try_clone(&self) -> io::Result<OwnedFd> {
        Ok(self.0.try_clone()?.into())
    }
}

impl DiskFile for OsFile {
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }

    #[cfg(target_os = "linux")]
    fn sync_file_system(&mut self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.0)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn sync_file_system(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn set_modified(&mut self, at: i64) -> io::Result<()> {
        let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let last_modification = Timespec { tv_sec: at, tv_nsec: 0 };
        Ok(rustix::fs::futimens(&self.0, &Timestamps { last_access, last_modification })?)
    }

    fn metadata(&self) -> io::Result<Meta> {
        Ok(meta(&rustix::fs::fstat(&self.0)?))
    }

    #[cfg(target_os = "linux")]
    fn drop_cached(&mut self, part: Range<u64>) {
        // What was never written to the disk is not let go.
        let _ = rustix::fs::fdatasync(&self.0);
        let length = std::num::NonZeroU64::new(part.end.saturating_sub(part.start));
        let _ = rustix::fs::fadvise(&self.0, part.start, length, rustix::fs::Advice::DontNeed);
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        super::record_lock::try_lock(&self.0)
    }
}

impl Read for OsFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for OsFile {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for OsFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

/// syncfs(2) tells of writes that failed only since Linux 5.8. On anything else, many a NAS among
/// them, each file is synced by itself.
fn reports_errors_of_syncfs() -> bool {
    cfg!(target_os = "linux") && is_at_least(&release(), (5, 8))
}

/// The kernel's release; nothing where the system does not say.
fn release() -> String {
    uname().map_or_else(|_| String::new(), |names| names.release().to_string_lossy().into_owned())
}

/// The user we act as.
pub fn our_user() -> u32 {
    nix::unistd::Uid::effective().as_raw()
}

/// The name of this machine; nothing where the system does not say.
pub fn host_name() -> String {
    uname().map_or_else(|_| String::new(), |names| names.nodename().to_string_lossy().into_owned())
}

/// Whether a kernel's release (`6.1.0-18-amd64`) is `least` or newer.
fn is_at_least(release: &str, least: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= least,
        _ => false,
    }
}

/// The folder that holds `path`'s last name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}

#[expect(clippy::unnecessary_cast, reason = "the fields' types differ between platforms")]
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "sizes are never negative, nanoseconds few"
)]
pub(super) fn meta(stat: &Stat) -> Meta {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    Meta {
        kind,
        len: stat.st_size as u64,
        dev: stat.st_dev as u64,
        ino: stat.st_ino as u64,
        links: stat.st_nlink as u64,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: (stat.st_mode as u32) & 0o7777,
        modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::OsDisk;
    use crate::disk::{Access, Disk as _, DiskFile as _, Kind, names_in};
    use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};

    #[test]
    fn only_a_kernel_that_reports_errors_syncs_in_groups() {
        for (release, new) in
            [("6.1.0-18-amd64", true), ("5.8.0", true), ("5.10.120+", true), ("10.0-rc1", true)]
        {
            assert_eq!(super::is_at_least(release, (5, 8)), new, "{release}");
        }
        for release in ["5.7.19", "4.4.302+", "3.10", "5", "", "unknown"] {
            assert!(!super::is_at_least(release, (5, 8)), "{release}");
        }
    }

    #[test]
    fn nothing_that_exists_is_ever_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (old, new) = (home.path().join("old"), home.path().join("new"));
        OsDisk.create_new(&old).unwrap().write_all(b"old").unwrap();
        OsDisk.create_new(&new).unwrap().write_all(b"new").unwrap();
        for refused in
            [OsDisk.create_new(&old).map(drop), OsDisk.link(&new, &old), OsDisk.rename_noreplace(&new, &old)]
        {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::AlreadyExists);
        }
        let mut text = String::new();
        OsDisk.open(&old, Access::Read).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "old");
        OsDisk.rename_noreplace(&new, &home.path().join("other")).unwrap();
        assert_eq!(names_in(home.path()).unwrap(), ["old", "other"]);
    }

    #[test]
    fn a_file_without_a_name_leaves_no_trace() {
        let home = tempfile::tempdir().unwrap();
        let mut file = OsDisk.create_unnamed(home.path()).unwrap();
        file.write_all(b"text").unwrap();
        file.seek(SeekFrom::Start(1)).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ext");
        assert!(names_in(home.path()).unwrap().is_empty());
    }

    #[test]
    fn the_lock_of_an_open_file_is_its_own() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mbox");
        let mut first = OsDisk.create_new(&path).unwrap();
        assert!(first.try_lock().unwrap());
        let mut second = OsDisk.open(&path, Access::ReadWrite).unwrap();
        assert!(!second.try_lock().unwrap());
        drop(OsDisk.open(&path, Access::Read).unwrap());
        assert!(!second.try_lock().unwrap(), "closing another descriptor does not lose it");
        drop(first);
        assert!(second.try_lock().unwrap());
    }

    #[test]
    fn opening_a_pipe_does_not_hang() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(OsDisk.metadata(&pipe).unwrap().kind, Kind::Other);
        let file = OsDisk.open(&pipe, Access::Read).unwrap();
        assert_eq!(file.metadata().unwrap().kind, Kind::Other);
    }
}
