//! A small file for other programs to read, replaced as a whole.
#![expect(clippy::disallowed_types, reason = "this is the edge")]

use super::os::{OsDisk, parent};
use super::{Disk as _, Kind, is_alive, is_unsupported};
use rustix::fs::{Gid, Mode, OFlags};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Who may read a private file: nobody else.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
/// Who may read a shared one: everybody, whatever the umask, for its readers are other users.
const SHARED: Mode = PRIVATE.union(Mode::RGRP).union(Mode::ROTH);

/// Writes a file's content.
type Write<'w> = &'w mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>;

/// Puts what `write` writes into the file `path`, 0644, in one step: a reader finds the old content or the
/// new one. What is there already must be a regular file; a symbolic link, a device or a pipe is
/// [`io::ErrorKind::InvalidInput`]. Not durable: after a power cut the old content may be back.
pub fn replace_shared(path: &Path, write: Write<'_>) -> io::Result<()> {
    replace(path, write, SHARED)
}

/// The same, 0600: nobody else can read it, whoever could read what was there.
pub fn replace_for_owner(path: &Path, octets: &[u8]) -> io::Result<()> {
    replace(path, &mut |out| out.write_all(octets), PRIVATE)
}

fn replace(path: &Path, write: Write<'_>, mode: Mode) -> io::Result<()> {
    match OsDisk.link_metadata(path) {
        Ok(meta) if meta.kind != Kind::File => {
            return Err(not_regular());
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::InvalidFilename.into()) };
    // Two runs that write the same file at once each have a new one of their own.
    let mut hidden = OsString::from(".");
    hidden.push(name);
    clean(parent(path), &hidden);
    hidden.push(format!(".{}.new", std::process::id()));
    let new = parent(path).join(hidden);
    let written = write_new(&new, write, mode).and_then(|()| Ok(rustix::fs::rename(&new, path)?));
    if written.is_err() {
        // Half a file is worse than none; that it could not be written is the error that counts.
        let _ = OsDisk.unlink(&new);
    }
    written
}

/// Gives a file that [`super::write_new_private`] has made the name of another in the same folder, which it replaces, durably.
pub fn replace_private(draft: &Path, path: &Path) -> io::Result<()> {
    rustix::fs::rename(draft, path)?;
    OsDisk.sync_dir(parent(path))
}

/// The same, but who could read and write the old file can do so with the new one; where the group cannot be given, nobody
/// by the group. What it replaces must be a regular file, as in [`replace_shared`].
pub fn replace_as_it_was(draft: &Path, path: &Path) -> io::Result<()> {
    let (new, old) = (OsDisk.link_metadata(draft)?, OsDisk.link_metadata(path)?);
    if old.kind != Kind::File {
        return Err(not_regular());
    }
    let mut mode = Mode::from_raw_mode(old.mode & 0o777);
    if old.gid != new.gid && rustix::fs::chown(draft, None, Some(Gid::from_raw(old.gid))).is_err() {
        mode -= Mode::RWXG;
    }
    match rustix::fs::chmod(draft, mode).map_err(io::Error::from) {
        // CIFS, vfat: whoever mounts them says who may read.
        Err(error) if is_unsupported(&error) || error.kind() == io::ErrorKind::PermissionDenied => {}
        outcome => outcome?,
    }
    replace_private(draft, path)
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it exists and is not a regular file")
}

/// Removes what runs that were killed have left. What cannot be removed is in nobody's way.
fn clean(folder: &Path, start: &OsStr) {
    let mut left = Vec::new();
    let _ = OsDisk.read_dir(folder, &mut |name| {
        let pid = name.as_bytes().strip_prefix(start.as_bytes());
        let pid = pid.and_then(|rest| rest.strip_prefix(b".")?.strip_suffix(b".new"));
        let pid = pid.and_then(|pid| std::str::from_utf8(pid).ok()?.parse().ok());
        if pid.is_some_and(|pid| !is_alive(pid)) {
            left.push(folder.join(name));
        }
        true
    });
    for path in left {
        let _ = OsDisk.unlink(&path);
    }
}

fn write_new(path: &Path, write: Write<'_>, mode: Mode) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::open(path, flags, mode);
    let file = match open() {
        // A process of our number was killed while it wrote.
        Err(rustix::io::Errno::EXIST) => {
            OsDisk.unlink(path)?;
            open()?
        }
        outcome => outcome?,
    };
    match rustix::fs::fchmod(&file, mode).map_err(io::Error::from) {
        // CIFS, vfat: whoever mounts them says who may read.
        Err(error) if is_unsupported(&error) || error.kind() == io::ErrorKind::PermissionDenied => {}
        outcome => outcome?,
    }
    let mut file = BufWriter::new(File::from(file));
    write(&mut file)?;
    file.flush()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make the files")]
mod tests {
    use super::{replace_as_it_was, replace_for_owner, replace_shared};
    use crate::disk::{mode_and_owner, names_in, read_limited, write_new_private};
    use std::io::ErrorKind;

    #[test]
    fn the_new_content_takes_the_place_of_the_old_for_all_to_read() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("popkeep.prom");
        for content in [&b"first, and longer"[..], b"second"] {
            replace_shared(&file, &mut |out| out.write_all(content)).unwrap();
            assert_eq!(read_limited(&file, 100).unwrap(), content);
            assert_eq!(mode_and_owner(&file).unwrap().0, 0o644);
        }
        replace_for_owner(&file, b"private").unwrap();
        assert_eq!(
            (read_limited(&file, 100).unwrap(), mode_and_owner(&file).unwrap().0),
            (b"private".into(), 0o600)
        );
        assert_eq!(names_in(home.path()).unwrap(), ["popkeep.prom"], "nothing is left beside it");
    }

    #[test]
    fn a_draft_takes_over_the_mode_of_what_it_replaces() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let home = tempfile::tempdir().unwrap();
        let (file, draft) = (home.path().join("config.toml"), home.path().join(".config.toml.new"));
        for mode in [0o600, 0o640, 0o644, 0o400] {
            let _ = std::fs::remove_file(&file);
            std::fs::write(&file, "old").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            // Only root can give a file to any group.
            let _ = chown(&file, None, Some(12));
            let group = std::fs::metadata(&file).unwrap().gid();
            write_new_private(&draft, b"new").unwrap();
            replace_as_it_was(&draft, &file).unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), b"new");
            assert_eq!(mode_and_owner(&file).unwrap().0, mode);
            assert_eq!(std::fs::metadata(&file).unwrap().gid(), group);
        }
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_new_private(&draft, b"newer").unwrap();
        assert_eq!(replace_as_it_was(&draft, &link).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(std::fs::read_link(&link).unwrap(), file);
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn what_is_no_regular_file_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink("/nowhere", &link).unwrap();
        for path in [&link, home.path(), "/dev/null".as_ref()] {
            assert_eq!(
                replace_shared(path, &mut |out| out.write_all(b"x")).unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
        }
        assert_eq!(
            replace_shared(&home.path().join("none/x"), &mut |_| Ok(())).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert_eq!(names_in(home.path()).unwrap(), ["link"]);
    }

    #[test]
    fn what_a_killed_process_left_is_no_obstacle() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("m");
        crate::disk::write_new_private(&home.path().join(format!(".m.{}.new", std::process::id())), b"half")
            .unwrap();
        let left = format!(".m.{}.new", i32::MAX);
        crate::disk::write_new_private(&home.path().join(left), b"of another process").unwrap();
        for others in [".m.1.new", ".m.x.new", ".other.1.new"] {
            crate::disk::write_new_private(&home.path().join(others), b"").unwrap();
        }
        replace_shared(&file, &mut |out| out.write_all(b"whole")).unwrap();
        assert_eq!(names_in(home.path()).unwrap(), [".m.1.new", ".m.x.new", ".other.1.new", "m"]);
    }
}
