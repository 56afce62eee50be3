//! Whether what a file says may be believed, and acted upon: a configuration names commands, a secret is sent away.
//!
//! The way to the file is walked from the top, one name at a time, symbolic links resolved. Every folder on it must
//! belong to us or to root, and nobody else may be able to change the names in it; so nobody else can change what is
//! below while we walk on. In a sticky folder such as /tmp everybody may make names, and only the owner may remove
//! them: there the next name must be ours or root's. The file is then opened, and what it is, whose it is, and who may write
//! to it, is asked of the open file, before the first octet is read.
//!
//! Must never: wait for a pipe or a device, or judge by a name what was opened by another.
#![expect(clippy::disallowed_types, reason = "this is the edge")]

use super::os::OsDisk;
use super::{Disk as _, Kind, Meta, small};
use rustix::fs::{Mode, OFlags};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Component, Path, PathBuf};

/// As many symbolic links on one way as the system itself follows.
const LINKS: usize = 40;
/// The largest list of users or groups that is looked at, in octets.
const LIST: u64 = 4 << 20;

/// What a file that may be believed holds.
pub struct Trusted {
    /// All of it.
    pub octets: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

/// Why a file may not be believed.
#[derive(Debug, thiserror::Error)]
pub enum Distrusted {
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    /// A pipe, a device, a socket, a folder.
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    /// What should be a folder is something else.
    #[error("{} is not a folder", .0.display())]
    NotFolder(PathBuf),
    /// It, or something on the way to it, belongs to somebody else.
    #[error(
        "{} belongs to another user (user id {owner}), who could change it; \
         use files and folders that belong to you or root",
        path.display()
    )]
    Foreign {
        /// What does.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others may write to it, or to a folder above it.
    #[error(
        "others can write to {} (mode {mode:04o}); run `chmod go-w {}`",
        path.display(),
        path.display()
    )]
    Writable {
        /// What they may write to.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It has several names, one of them in a folder in which everybody can make names.
    #[error(
        "{} is a hard link in a folder that everyone can write to; copy the file to a folder of your own",
        .0.display()
    )]
    HardLink(PathBuf),
}

/// Reads a file of at most `max` octets whose content decides what is done in our name.
pub fn read_trusted(path: &Path, max: u64) -> Result<Trusted, Distrusted> {
    // Follows the links that /dev/stdin and its kin are, which lead to no name.
    if let Some(what) = not_regular(&OsDisk.metadata(path)?) {
        return Err(Distrusted::NotRegular(what));
    }
    let mut found = walk(path, People::new())?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(&found.path, flags, Mode::empty()).map_err(io::Error::from)?);
    let meta = super::os::meta(&rustix::fs::fstat(&file).map_err(io::Error::from)?);
    if let Some(what) = not_regular(&meta) {
        return Err(Distrusted::NotRegular(what));
    }
    if meta.uid != found.people.us && meta.uid != 0 {
        return Err(Distrusted::Foreign { path: found.path, owner: meta.uid });
    }
    if found.people.can_others_write(&meta) {
        return Err(Distrusted::Writable { path: found.path, mode: meta.mode });
    }
    if found.common && meta.links > 1 {
        return Err(Distrusted::HardLink(found.path));
    }
    let mut octets = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut octets)?;
    if octets.len() as u64 > max {
        return Err(io::Error::from(ErrorKind::FileTooLarge).into());
    }
    Ok(Trusted { octets, mode: meta.mode })
}

/// Whether a folder, which exists, is ours or root's, and nobody else can remove or replace what we make there, or change
/// the way to it. Sticky folders are fine. With `groups`, so is what a group may write to: volumes of containers are
/// shared by group.
pub fn check_folder(path: &Path, groups: bool) -> Result<(), Distrusted> {
    let found = walk(path, People { trust_groups: groups, ..People::new() })?;
    match found.meta {
        Some(meta) if meta.kind != Kind::Folder => Err(Distrusted::NotFolder(found.path)),
        _ => Ok(()),
    }
}

/// Whether a folder is on a file system that nobody can write to as it is mounted here, such as a container's
/// configuration: then its permissions say nothing.
fn is_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|mount| mount.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

fn not_regular(meta: &Meta) -> Option<&'static str> {
    match meta.kind {
        Kind::File => None,
        Kind::Folder => Some("a folder"),
        Kind::Link => Some("a symbolic link"),
        Kind::Other => Some("a pipe, a socket or a device"),
    }
}

/// The end of a way.
struct Found {
    /// Without symbolic links.
    path: PathBuf,
    /// What was seen under this name; nothing for the root folder.
    meta: Option<Meta>,
    /// For a folder: everybody can make names in it, and it is sticky. For a file: the folder it is in is so.
    common: bool,
    people: People,
}

fn walk(path: &Path, mut people: People) -> Result<Found, Distrusted> {
    let absolute = std::path::absolute(path)?;
    let mut ahead: Vec<OsString> = Vec::new();
    push(&mut ahead, &absolute);
    let root = PathBuf::from("/");
    let common = people.check_folder(&root, &OsDisk.link_metadata(&root)?)?;
    // The folders we are in, and whether everybody can make names there.
    let mut way = vec![(root, common)];
    let mut links = 0;
    let mut last = None;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            if way.len() > 1 {
                way.pop();
            }
            last = None;
            continue;
        }
        let (here, common) = way.last().map(|(path, common)| (path.clone(), *common)).unwrap_or_default();
        let next = here.join(&name);
        let meta = OsDisk.link_metadata(&next)?;
        if (common || meta.kind == Kind::Link) && meta.uid != people.us && meta.uid != 0 {
            return Err(Distrusted::Foreign { path: next, owner: meta.uid });
        }
        match meta.kind {
            Kind::Link => {
                links += 1;
                if links > LINKS {
                    return Err(io::Error::from(rustix::io::Errno::LOOP).into());
                }
                let target = rustix::fs::readlink(&next, Vec::new()).map_err(io::Error::from)?;
                let target =
                    PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(target.as_bytes()));
                if target.is_absolute() {
                    way.truncate(1);
                }
                push(&mut ahead, &target);
                last = None;
            }
            Kind::Folder => {
                let common = people.check_folder(&next, &meta)?;
                way.push((next, common));
                last = Some(meta);
            }
            Kind::File | Kind::Other if ahead.is_empty() => {
                return Ok(Found { path: next, meta: Some(meta), common, people });
            }
            Kind::File | Kind::Other => return Err(Distrusted::NotFolder(next)),
        }
    }
    let (path, common) = way.pop().unwrap_or_default();
    Ok(Found { path, meta: last, common, people })
}

/// Puts the names of a path before those that lie ahead.
fn push(ahead: &mut Vec<OsString>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => ahead.push(name.to_owned()),
            Component::ParentDir => ahead.push("..".into()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
}

/// Who we are, and which groups are nobody else's.
struct People {
    us: u32,
    /// A group may write, whoever is in it.
    trust_groups: bool,
    /// Groups that were looked up: whether others are in it.
    known: Vec<(u32, bool)>,
}

impl People {
    fn new() -> People {
        People { us: super::our_user(), trust_groups: false, known: Vec::new() }
    }

    /// Whether everybody can make names in a folder on the way; an error if others can also replace what is in it.
    fn check_folder(&mut self, path: &Path, meta: &Meta) -> Result<bool, Distrusted> {
        if meta.uid != self.us && meta.uid != 0 {
            return Err(Distrusted::Foreign { path: path.to_owned(), owner: meta.uid });
        }
        if !self.can_others_write(meta) {
            return Ok(false);
        }
        // 01000: sticky.
        if meta.mode & 0o1000 == 0 {
            if is_read_only(path) {
                return Ok(false);
            }
            return Err(Distrusted::Writable { path: path.to_owned(), mode: meta.mode });
        }
        Ok(true)
    }

    /// Whether somebody who is neither we nor root may write to it.
    fn can_others_write(&mut self, meta: &Meta) -> bool {
        meta.mode & 0o002 != 0
            || (meta.mode & 0o020 != 0 && !self.trust_groups && self.are_others_in(meta.gid))
    }

    /// Whether a group has members besides us and root, as far as the system's own lists tell. Where each user has a
    /// group of their own, and a umask of 002, what they make is writable for a group of one.
    fn are_others_in(&mut self, gid: u32) -> bool {
        if let Some((_, others)) = self.known.iter().find(|(known, _)| *known == gid) {
            return *others;
        }
        let list = |path: &str| small::read_limited(Path::new(path), LIST).unwrap_or_default();
        let (users, groups) = (list("/etc/passwd"), list("/etc/group"));
        let others =
            others_in(gid, self.us, &String::from_utf8_lossy(&users), &String::from_utf8_lossy(&groups));
        self.known.push((gid, others));
        others
    }
}

/// Whether a group has members besides `us` and root, by the text of passwd(5) and group(5). A group that is not
/// listed may have any members.
fn others_in(gid: u32, us: u32, users: &str, groups: &str) -> bool {
    let fields = |line: &str| -> Vec<String> { line.split(':').map(str::to_owned).collect() };
    let users: Vec<(String, Option<u32>, Option<u32>)> = users
        .lines()
        .map(fields)
        .filter(|fields| fields.len() >= 4)
        .map(|fields| (fields[0].clone(), fields[2].parse().ok(), fields[3].parse().ok()))
        .collect();
    let harmless = |uid: Option<u32>| uid == Some(us) || uid == Some(0);
    let Some(group) =
        groups.lines().map(fields).find(|fields| fields.len() >= 4 && fields[2].parse() == Ok(gid))
    else {
        return true;
    };
    let named = group[3].split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut members =
        named.map(|name| users.iter().find(|(known, ..)| known == name).and_then(|user| user.1));
    members.any(|uid| !harmless(uid))
        || users.iter().any(|(_, uid, primary)| *primary == Some(gid) && !harmless(*uid))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make the files")]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn home() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        std::fs::create_dir_all(&folder).unwrap();
        for folder in [home.path(), &home.path().join("a"), &folder] {
            chmod(folder, 0o755);
        }
        let file = folder.join("file");
        std::fs::write(&file, "text").unwrap();
        chmod(&file, 0o644);
        (home, file)
    }

    fn read(path: &Path) -> Result<Vec<u8>, Distrusted> {
        read_trusted(path, 100).map(|trusted| trusted.octets)
    }

    #[test]
    fn a_file_of_ours_in_folders_of_ours_is_believed_also_through_links() {
        let (home, file) = home();
        assert_eq!(read(&file).unwrap(), b"text");
        symlink("a/./b/../b", home.path().join("link")).unwrap();
        symlink(&file, home.path().join("to file")).unwrap();
        for path in ["link/file", "to file", "a/b/../../link/file"] {
            assert_eq!(read(&home.path().join(path)).unwrap(), b"text", "{path}");
        }
        check_folder(&home.path().join("link"), false).unwrap();
        assert!(matches!(check_folder(&file, false), Err(Distrusted::NotFolder(_))));
        assert!(matches!(read_trusted(&file, 3), Err(Distrusted::Io(_))));
        assert!(matches!(read(&home.path().join("none")), Err(Distrusted::Io(_))));
    }

    #[test]
    fn what_others_can_write_to_is_not_believed_be_it_the_file_or_any_folder_above() {
        let (home, file) = home();
        for (path, good) in [("a/b/file", 0o644), ("a/b", 0o755), ("a", 0o755)] {
            let path = home.path().join(path);
            for bad in [good | 0o002, good | 0o022] {
                chmod(&path, bad);
                assert!(matches!(read(&file), Err(Distrusted::Writable { .. })), "{}", path.display());
            }
            chmod(&path, good);
        }
        // The folder that a link leads to is one above the file as well.
        let link = home.path().join("link");
        symlink(&file, &link).unwrap();
        chmod(&home.path().join("a"), 0o777);
        assert!(matches!(read(&link), Err(Distrusted::Writable { .. })));
        assert!(check_folder(&home.path().join("a/b"), true).is_err());
        // A sticky one is fine.
        chmod(&home.path().join("a"), 0o1777);
        assert_eq!(read(&link).unwrap(), b"text");
        check_folder(&home.path().join("a"), false).unwrap();
        check_folder(&home.path().join("a/b"), false).unwrap();
    }

    #[test]
    fn a_hard_link_where_everybody_makes_names_is_not_believed() {
        let (home, file) = home();
        std::fs::hard_link(&file, home.path().join("a/second")).unwrap();
        assert_eq!(read(&home.path().join("a/second")).unwrap(), b"text");
        chmod(&home.path().join("a"), 0o1777);
        assert!(matches!(read(&home.path().join("a/second")), Err(Distrusted::HardLink(_))));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let (home, file) = home();
        let pipe = home.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let socket = home.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        symlink("loop", home.path().join("loop")).unwrap();
        for path in [&pipe, &socket, home.path(), Path::new("/dev/zero")] {
            assert!(matches!(read(path), Err(Distrusted::NotRegular(_))), "{}", path.display());
        }
        assert!(matches!(read(&home.path().join("loop")), Err(Distrusted::Io(_))));
        assert!(matches!(read(&file.join("x")), Err(Distrusted::Io(_))));
    }

    #[test]
    fn a_group_of_one_is_nobody_else() {
        let users = "root:x:0:0:root:/root:/bin/sh\njane:x:1000:1000::/home/jane:/bin/sh\njoe:x:1001:100::/:/bin/sh\n";
        let groups = "root:x:0:\njane:x:1000:\nusers:x:100:\nstaff:x:50:jane\nmail:x:8:joe\nold:x:9:gone\n";
        let others = |gid| others_in(gid, 1000, users, groups);
        assert!(!others(1000) && !others(0) && !others(50));
        assert!(others(100), "somebody's primary group");
        assert!(others(8) && others(9) && others(7), "a member, one nobody knows, a group nobody knows");
    }
}
