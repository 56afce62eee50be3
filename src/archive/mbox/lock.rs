//! Keeping others away from an mbox: a dotlock, then the lock of `fcntl`, and one writer per file
//! in this process.
//!
//! The dotlock is `FILE.lock`, made by linking a file that holds our PID, the host's name, the
//! boot's id and the file's own inode, one a line (the PID first, where other programs look for it). One
//! that was left by a process of this host that is no more is removed, and so is one that came here in a
//! copy of the folder: nobody who wrote it works on this mbox. Where the folder is not ours to write, as
//! `/var/mail` often is, `fcntl` alone must do, as it must for every other program there.

use crate::archive::ArchiveError;
use crate::clock;
use crate::disk::{self, Access, Disk, DiskFile, Kind, Meta, is_alive};
use crate::stop;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long we wait for a lock before we say "try again later".
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// After so long a dotlock that names no living holder counts as left behind, as it does for
/// liblockfile and the programs that use it; Dovecot waits for two minutes. A process that ends before it has
/// signed its dotlock, where there are no hard links, leaves such a one; so does a power cut.
const UNSIGNED: Duration = Duration::from_mins(5);

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// A locked, open mbox. Dropping it unlocks it.
pub(super) struct Locked<D: Disk> {
    // In this order they are given back.
    pub(super) file: D::File,
    _dotlock: Option<Dotlock<D>>,
    _turn: OnlyWriter,
    /// It was made just now.
    pub(super) created: bool,
}

/// Locks the mbox and opens it for reading and writing. `None` when there is none and it is not to
/// be created.
pub(super) fn lock<D: Disk>(
    disk: &Arc<D>,
    path: &Path,
    create: bool,
    patience: Duration,
) -> Result<Option<Locked<D>>, ArchiveError> {
    let until = Instant::now() + patience;
    let failed = |error: &io::Error| ArchiveError::at(path, error);
    let late = || ArchiveError::Locked { path: path.display().to_string() };
    let turn = OnlyWriter::take(path, until).ok_or_else(late)?;
    let mut made = false;
    loop {
        let dotlock = match Dotlock::take(disk, path, until).map_err(|error| failed(&error))? {
            Taken::Ours(dotlock) => Some(dotlock),
            Taken::NotPossible => None,
            Taken::Late => return Err(late()),
        };
        let Some((mut file, created)) = open(disk, path, create, until)? else { return Ok(None) };
        made |= created;
        let has_it = match file.try_lock() {
            // The file system has no such locks: what every program there goes by is the dotlock.
            Err(error) if disk::has_no_locks(&error) && dotlock.is_some() => true,
            Err(error) if disk::has_no_locks(&error) => return Err(ArchiveError::no_locks(path, &error)),
            outcome => outcome.map_err(|error| failed(&error))?,
        };
        if has_it {
            // A mail client may have put another file in its place while we waited.
            let locked = file.metadata().map_err(|error| failed(&error))?;
            match disk.link_metadata(path) {
                Ok(named) if (named.dev, named.ino) == (locked.dev, locked.ino) => {
                    return Ok(Some(Locked { file, _dotlock: dotlock, _turn: turn, created: made }));
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&error)),
                _ => {}
            }
        }
        // mutt takes the two locks in the other order: whoever has one must not wait for the other.
        drop((file, dotlock));
        pause(until).ok_or_else(late)?;
    }
}

/// Whether a file may be an mbox of ours: a regular file that we own. A symbolic link is none: it
/// could lead our mail into any other file of ours.
pub(super) fn check(path: &Path, meta: &Meta) -> Result<(), ArchiveError> {
    match meta.kind {
        Kind::File if meta.links > 1 => Err(ArchiveError::cannot_create(
            path,
            "it has a second name (a hard link), and writing to one changes both",
        )),
        Kind::File if meta.uid == crate::disk::our_user() => Ok(()),
        Kind::File => Err(ArchiveError::cannot_create(path, "it belongs to another user")),
        Kind::Folder => Err(ArchiveError::cannot_create(path, "it is a folder; an mbox is a file")),
        Kind::Link => Err(ArchiveError::cannot_create(path, "it is a symbolic link; name the file itself")),
        Kind::Other => Err(ArchiveError::cannot_create(path, "it is not a regular file")),
    }
}

fn open<D: Disk>(
    disk: &Arc<D>,
    path: &Path,
    create: bool,
    until: Instant,
) -> Result<Option<(D::File, bool)>, ArchiveError> {
    let failed = |error: &io::Error| ArchiveError::at(path, error);
    loop {
        match disk.link_metadata(path) {
            Ok(meta) => {
                check(path, &meta)?;
                let file = disk.open(path, Access::ReadWrite).map_err(|error| failed(&error))?;
                check(path, &file.metadata().map_err(|error| failed(&error))?)?;
                return Ok(Some((file, false)));
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&error)),
            Err(_) if !create => return Ok(None),
            Err(_) => match disk.create_new(path) {
                Ok(file) => return Ok(Some((file, true))),
                // Another program has just made it, and may have removed it again.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if is_late(until) {
                        return Err(ArchiveError::Locked { path: path.display().to_string() });
                    }
                }
                Err(error) => return Err(failed(&error)),
            },
        }
    }
}

/// Waits a little; `None` when there is no time left, or a signal has come.
fn pause(until: Instant) -> Option<()> {
    if is_late(until) {
        return None;
    }
    std::thread::sleep(until.saturating_duration_since(Instant::now()).min(PAUSE));
    Some(())
}

/// Whether there is no more waiting.
fn is_late(until: Instant) -> bool {
    stop::requested().is_some() || Instant::now() >= until
}

static BUSY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static FREED: Condvar = Condvar::new();

/// This process's only writer of a file.
struct OnlyWriter(PathBuf);

impl OnlyWriter {
    fn take(path: &Path, until: Instant) -> Option<OnlyWriter> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // Whoever panicked while it held this lock left a list that is still whole.
        let mut busy = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
        while busy.contains(&path) {
            if is_late(until) {
                return None;
            }
            let left = until.saturating_duration_since(Instant::now()).min(PAUSE);
            busy = FREED.wait_timeout(busy, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        busy.push(path.clone());
        Some(OnlyWriter(path))
    }
}

impl Drop for OnlyWriter {
    fn drop(&mut self) {
        BUSY.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
        FREED.notify_all();
    }
}

enum Taken<D: Disk> {
    Ours(Dotlock<D>),
    /// The folder is not ours to write.
    NotPossible,
    Late,
}

/// `FILE.lock`, ours until it is dropped.
struct Dotlock<D: Disk> {
    disk: Arc<D>,
    path: PathBuf,
}

impl<D: Disk> Dotlock<D> {
    fn take(disk: &Arc<D>, mbox: &Path, until: Instant) -> io::Result<Taken<D>> {
        let path = with_suffix(mbox, ".lock");
        loop {
            let (ticket, file) = match Self::ticket(&**disk, mbox) {
                Err(error) if not_ours_to_write(&error) => return Ok(Taken::NotPossible),
                // Somebody has taken all the names that we thought of.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if pause(until).is_none() {
                        return Ok(Taken::Late);
                    }
                    continue;
                }
                made => made?,
            };
            let signed = sign(file);
            if signed.is_err() {
                let _ = disk.unlink(&ticket);
            }
            signed?;
            let linked = disk.link(&ticket, &path);
            // On NFS an answer may be lost: that the ticket has this second name is the proof.
            let ours = linked.is_ok() || is_same(&**disk, &ticket, &path);
            let _ = disk.unlink(&ticket);
            if ours {
                return Ok(Taken::Ours(Dotlock { disk: Arc::clone(disk), path }));
            }
            match linked {
                // The ticket is gone: a process with our number, on another host, has its own.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Self::without_links(disk, &path, until);
                }
                _ if remove_if_stale(&**disk, &path) && !is_late(until) => continue,
                _ => {}
            }
            if pause(until).is_none() {
                return Ok(Taken::Late);
            }
        }
    }

    /// A file to be linked. Its name is ours as a rule; where others can make names too, it may be taken.
    fn ticket(disk: &D, mbox: &Path) -> io::Result<(PathBuf, D::File)> {
        let pid = std::process::id();
        let mut made = Err(ErrorKind::AlreadyExists.into());
        for turn in 0..TICKETS {
            let suffix = if turn == 0 { String::new() } else { format!("-{turn}") };
            let ticket = with_suffix(mbox, &format!("{TICKET}{pid}{suffix}"));
            // Left by a process that had our number.
            let _ = disk.unlink(&ticket);
            made = disk.create_new(&ticket).map(|file| (ticket, file));
            if !matches!(&made, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
                break;
            }
        }
        made
    }

    /// The same where there are no hard links: made exclusively, then filled.
    fn without_links(disk: &Arc<D>, path: &Path, until: Instant) -> io::Result<Taken<D>> {
        loop {
            match disk.create_new(path) {
                Ok(file) => {
                    let ours = Dotlock { disk: Arc::clone(disk), path: path.to_owned() };
                    sign(file)?;
                    return Ok(Taken::Ours(ours));
                }
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                Err(_) if remove_if_stale(&**disk, path) && !is_late(until) => {}
                Err(_) if pause(until).is_none() => return Ok(Taken::Late),
                Err(_) => {}
            }
        }
    }
}

impl<D: Disk> Drop for Dotlock<D> {
    fn drop(&mut self) {
        // If it stays, the next one who wants it finds that we are no more.
        let _ = self.disk.unlink(&self.path);
    }
}

/// Writes down who we are. Durable, since the name may become so at any moment: nobody can tell
/// of an empty dotlock, left by a power cut, whether its holder is no more.
fn sign(mut file: impl DiskFile) -> io::Result<()> {
    let holder = Holder { inode: Some(file.metadata()?.ino), ..Holder::us() };
    file.write_all(holder.to_string().as_bytes())?;
    file.sync()
}

/// What the file that becomes a dotlock is called, behind the mbox's name and before our PID.
const TICKET: &str = ".lock.popkeep-";
/// As many names are tried for it.
const TICKETS: u32 = 20;

/// Removes the dotlock of a process of ours that is no more, and files that such a process left behind
/// while it was taking one.
pub(super) fn clean<D: Disk>(disk: &D, mbox: &Path) -> io::Result<u64> {
    let (Some(folder), Some(name)) = (mbox.parent(), mbox.file_name().and_then(|name| name.to_str())) else {
        return Ok(0);
    };
    // With the turn taken, a file with our own PID is a leftover too.
    let Some(_turn) = OnlyWriter::take(mbox, Instant::now() + PATIENCE) else { return Ok(0) };
    let start = format!("{name}{TICKET}");
    let mut left = Vec::new();
    disk.read_dir(folder, &mut |name| {
        let rest = name.to_str().and_then(|name| name.strip_prefix(&start));
        let pid = rest.and_then(|rest| rest.split('-').next()?.parse().ok());
        if pid.is_some_and(|pid| !is_alive(pid)) {
            left.push(folder.join(name));
        }
        true
    })?;
    // What another user has put there under such a name stays.
    let removed = left.iter().filter(|path| disk.unlink(path).is_ok()).count();
    let lock = with_suffix(mbox, ".lock");
    let stale = disk.link_metadata(&lock).is_ok() && remove_if_stale(disk, &lock);
    Ok(removed as u64 + u64::from(stale))
}

/// Whether both names are one file's.
fn is_same<D: Disk>(disk: &D, one: &Path, other: &Path) -> bool {
    match (disk.link_metadata(one), disk.link_metadata(other)) {
        (Ok(one), Ok(other)) => one.kind == Kind::File && (one.dev, one.ino) == (other.dev, other.ino),
        _ => false,
    }
}

/// Removes a dotlock whose holder is no more; whether it is gone. What is no regular file, or cannot be read or removed
/// by us (another user's, say), is not ours to judge: it is a lock for as long as it is there.
fn remove_if_stale<D: Disk>(disk: &D, path: &Path) -> bool {
    let gone = |error: &io::Error| error.kind() == ErrorKind::NotFound;
    let named = match disk.link_metadata(path) {
        Ok(named) if named.kind == Kind::File => named,
        Ok(_) => return false,
        Err(error) => return gone(&error),
    };
    let read = || -> io::Result<Option<String>> {
        let file = disk.open(path, Access::Read)?;
        let seen = file.metadata()?;
        // Another one by now, or a link to elsewhere.
        if (seen.kind, seen.dev, seen.ino) != (Kind::File, named.dev, named.ino) {
            return Ok(None);
        }
        let mut text = Vec::new();
        file.take(1024).read_to_end(&mut text)?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    };
    let text = match read() {
        Ok(Some(text)) => text,
        Ok(None) => return false,
        Err(error) => return gone(&error),
    };
    let stale = match Holder::parse(&text) {
        // Some file systems give one file several inodes, one after the other: no lock of theirs is that old.
        Some(holder) => holder.is_no_more() || holder.signed_another_than(&named) && is_old(&named),
        None => is_old(&named) && !names_a_living_process(&text),
    };
    if !stale {
        return false;
    }
    // Still the one that was read? Another process may have been quicker.
    match disk.link_metadata(path) {
        Ok(now) if (now.dev, now.ino) == (named.dev, named.ino) => {
            disk.unlink(path).map_or_else(|error| gone(&error), |()| true)
        }
        Ok(_) => false,
        Err(error) => gone(&error),
    }
}

/// Whether nobody has touched a file for so long that it cannot be the lock of a program at work.
fn is_old(meta: &Meta) -> bool {
    let (now, modified) = (clock::now(), meta.modified.0);
    match clock::ago(modified, now) {
        Some(ago) => ago > UNSIGNED.as_secs(),
        // No clock that is right has written that, or ours is not.
        None => clock::is_believable(now) && modified > now.saturating_add(clock::DAY),
    }
}

/// Whether another program's dotlock begins with the number of a process that is at work here. A number whose line has
/// no end may be the beginning of another one, which a power cut has left.
fn names_a_living_process(text: &str) -> bool {
    text.split_once('\n').and_then(|(line, _)| line.trim().parse().ok()).is_some_and(is_alive)
}

/// Who holds a dotlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) pid: u32,
    pub(super) host: String,
    pub(super) boot: String,
    /// The inode of the file that it signed; an older popkeep wrote none.
    pub(super) inode: Option<u64>,
}

impl Holder {
    pub(super) fn us() -> Holder {
        let boot = disk::read_limited(Path::new("/proc/sys/kernel/random/boot_id"), 256).unwrap_or_default();
        Holder {
            pid: std::process::id(),
            host: disk::host_name(),
            boot: String::from_utf8_lossy(&boot).trim().to_owned(),
            inode: None,
        }
    }

    /// Reads what [`std::fmt::Display`] writes; `None` for other programs' locks, which say less.
    fn parse(text: &str) -> Option<Holder> {
        let mut lines = text.lines();
        let pid = lines.next()?.parse().ok()?;
        let (host, boot) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        Some(Holder { pid, host, boot, inode: lines.next().and_then(|inode| inode.parse().ok()) })
    }

    /// The dotlock is a copy of the one that it signed.
    fn signed_another_than(&self, dotlock: &Meta) -> bool {
        self.inode.is_some_and(|inode| inode != dotlock.ino)
    }

    /// It held the lock on this host, and has ended. (Our own PID: another process had it before
    /// us, since this one has no two writers of a file.)
    fn is_no_more(&self) -> bool {
        let us = Holder::us();
        self.host == us.host && (self.boot != us.boot || !is_alive(self.pid))
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.pid, self.host, self.boot)?;
        self.inode.map_or(Ok(()), |inode| writeln!(f, "{inode}"))
    }
}

fn not_ours_to_write(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
