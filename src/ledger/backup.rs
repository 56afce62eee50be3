//! The backup of the ledger: `ledger-backup.sqlite3` beside it, for programs that copy the state folder while we work.
//!
//! SQLite writes a ledger in its place, so a copy of it that is made meanwhile can be half old and half new. The backup is
//! replaced as a whole and never written to, so a copy of it is whole at every moment.
//!
//! Promises: a ledger that is lost, or that is a damaged copy made by another program, gives way to the backup. What the
//! backup does not know yet is recognised in the archive like everything that no row explains.
//!
//! Must never: take the place of a ledger that is whole, or of one that was damaged where it was written. The latter is
//! for a person to look at: its disk may fail.

use super::{LedgerError, LedgerFile, UnixTime};
use crate::clock;
use crate::disk::{self, AccountLock, Disk as _, OsDisk};
use crate::stop::{self, Backoff};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The backup's name in the state folder.
const BACKUP: &str = "ledger-backup.sqlite3";
/// What becomes the backup when it is complete.
const DRAFT: &str = "ledger-backup.sqlite3.new";
/// Held by whoever writes the backup, or puts it in the ledger's place.
const LOCK: &str = "lock-ledger-backup";
/// The file that says which ledger was written here: [`disk::birth`].
const BIRTH: &str = "ledger-birth";
/// Where a damaged ledger goes for which the backup steps in. One that is there already is replaced.
const DAMAGED: &str = "ledger-damaged.sqlite3";

/// A ledger of up to so many octets is backed up after every run that changed it: that takes less time than a login.
const SMALL: u64 = 4 << 20;
/// A larger one at most so often, in seconds: what is archived meanwhile is recognised in the archive.
const EVERY: u64 = clock::DAY.unsigned_abs();

/// How long to wait for whoever puts the backup in the ledger's place, or checks the ledger.
const PATIENCE: Duration = Duration::from_mins(5);

/// The backup has taken the ledger's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made.
    pub made_at: UnixTime,
    /// Where the damaged ledger is now; `None` if there was none.
    pub damaged: Option<PathBuf>,
}

impl LedgerFile {
    /// Brings the backup up to date, unless it is not due yet or another process is at it. `changed`: this run has changed
    /// what is on record of messages.
    pub fn back_up(&self, changed: bool) -> Result<(), LedgerError> {
        if !self.is_backup_due(changed) {
            return Ok(());
        }
        let folder = disk::parent(self.path());
        let (backup, draft) = (folder.join(BACKUP), folder.join(DRAFT));
        let failed = |reason: String| LedgerError::NoBackup { path: backup.display().to_string(), reason };
        let io = |error: io::Error| failed(format!("{error}; {}", disk::remedy(&error)));
        let Some(_lock) = AccountLock::try_take(&folder.join(LOCK)).map_err(io)? else { return Ok(()) };
        // What a run that was killed has left.
        disk::remove(&draft).map_err(io)?;
        let written = disk::write_new_private(&draft, b"").map_err(io).and_then(|()| {
            copy_whole(&*self.connect()?, &draft).map_err(|error| failed(error.to_string()))?;
            disk::sync_file(&draft).and_then(|()| disk::replace_private(&draft, &backup)).map_err(io)
        });
        if written.is_err() {
            // Half a backup is worse than none; that it could not be written is the error that counts.
            let _ = disk::remove(&draft);
        }
        written
    }

    fn is_backup_due(&self, changed: bool) -> bool {
        let Ok(ledger) = OsDisk.metadata(self.path()) else { return false };
        let Ok(backup) = OsDisk.metadata(&disk::parent(self.path()).join(BACKUP)) else { return true };
        let is_old = clock::ago(backup.modified.0, clock::now()).is_none_or(|age| age >= EVERY);
        is_old || changed && ledger.len <= SMALL
    }
}

/// The same rows in another file, as they are at one moment, however many programs write meanwhile. A copy that is damaged is
/// an error: it must not take the place of a good backup.
fn copy_whole(ledger: &Connection, draft: &Path) -> rusqlite::Result<()> {
    let mut copy = Connection::open(draft)?;
    // It becomes the backup only when it is complete and durable.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    let done = Backup::new(ledger, &mut copy)?.step(-1)?;
    if done != StepResult::Done {
        return Err(failure(
            rusqlite::ffi::SQLITE_BUSY,
            "the ledger is locked by another program".to_owned(),
        ));
    }
    let found: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        let found = found.lines().last().unwrap_or_default();
        let words = format!("the ledger is damaged ({found}); run popkeep verify");
        return Err(failure(rusqlite::ffi::SQLITE_CORRUPT, words));
    }
    copy.close().map_err(|(_, error)| error)
}

fn failure(code: i32, words: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(words))
}

/// The backup, if there is one, for whoever only reads and finds no ledger.
pub(super) fn instead_of(ledger: &Path) -> Option<PathBuf> {
    let backup = disk::parent(ledger).join(BACKUP);
    disk::is_there(&backup).then_some(backup)
}

/// What was found in the ledger's place.
enum Found {
    Whole,
    Lost,
    Damaged(LedgerError),
}

/// Puts the backup in the ledger's place where that is to be done; `check` fails if the ledger is damaged. Costs nothing
/// where the ledger is the one that was written here.
pub(super) fn settle(
    ledger: &Path,
    check: impl Fn() -> Result<(), LedgerError>,
) -> Result<Option<Restored>, LedgerError> {
    if is_where_it_was_written(ledger) {
        return Ok(None);
    }
    let folder = disk::parent(ledger);
    let _lock = wait_for(&folder.join(LOCK), ledger)?;
    // Another process may have done it meanwhile.
    if is_where_it_was_written(ledger) {
        return Ok(None);
    }
    match (look_at(ledger, check)?, instead_of(ledger)) {
        (Found::Lost, None) => Ok(None),
        (Found::Lost, Some(backup)) => put_in_place(&backup, ledger, None).map(Some),
        (Found::Damaged(_), Some(backup)) => {
            put_in_place(&backup, ledger, Some(folder.join(DAMAGED))).map(Some)
        }
        (Found::Damaged(error), None) => Err(error),
        (Found::Whole, _) => {
            note_birth(ledger);
            Ok(None)
        }
    }
}

fn look_at(ledger: &Path, check: impl Fn() -> Result<(), LedgerError>) -> Result<Found, LedgerError> {
    if OsDisk.metadata(ledger).map_or(0, |meta| meta.len) == 0 {
        return Ok(Found::Lost);
    }
    // A version that noted no birth has left it.
    if birth_on_record(ledger).is_none() {
        return Ok(Found::Whole);
    }
    match check() {
        Ok(()) => Ok(Found::Whole),
        Err(error @ LedgerError::Damaged { .. }) => Ok(Found::Damaged(error)),
        Err(error) => Err(error),
    }
}

fn put_in_place(backup: &Path, ledger: &Path, damaged: Option<PathBuf>) -> Result<Restored, LedgerError> {
    let put = || {
        let made_at = OsDisk.metadata(backup)?.modified.0;
        if let Some(aside) = &damaged {
            disk::replace_private(ledger, aside)?;
        }
        // They belong to a ledger that is gone, and SQLite would take them for this one's.
        for suffix in ["-wal", "-shm", "-journal"] {
            disk::remove(&beside(ledger, suffix))?;
        }
        disk::replace_private(backup, ledger)?;
        io::Result::Ok(made_at)
    };
    let made_at = put().map_err(|error| LedgerError::from_io(ledger, &error))?;
    note_birth(ledger);
    Ok(Restored { made_at, damaged })
}

fn wait_for(lock: &Path, ledger: &Path) -> Result<AccountLock, LedgerError> {
    let mut backoff =
        Backoff::new(Duration::from_millis(50), Duration::from_secs(1), Some(Instant::now() + PATIENCE));
    loop {
        match AccountLock::try_take(lock).map_err(|error| LedgerError::from_lock(lock, &error))? {
            Some(lock) => return Ok(lock),
            None => match backoff.pause(Instant::now()) {
                Some(pause) if stop::requested().is_none() => stop::pause(pause),
                _ => return Err(LedgerError::Busy { path: ledger.display().to_string() }),
            },
        }
    }
}

/// Whether this ledger is the file that was written here, and no copy of it.
fn is_where_it_was_written(ledger: &Path) -> bool {
    let is_written = OsDisk.metadata(ledger).is_ok_and(|meta| meta.len > 0);
    is_written && disk::birth(ledger).is_ok_and(|birth| birth_on_record(ledger) == Some(birth))
}

fn birth_on_record(ledger: &Path) -> Option<String> {
    let octets = disk::read_limited(&disk::parent(ledger).join(BIRTH), 256).ok()?;
    Some(String::from_utf8_lossy(&octets).trim_end().to_owned())
}

/// This ledger is where it is written. That this cannot be noted costs a check at the next start, and nothing else.
pub(super) fn note_birth(ledger: &Path) {
    let path = disk::parent(ledger).join(BIRTH);
    if let Ok(birth) = disk::birth(ledger) {
        let text = format!("{birth}\n");
        if disk::write_new_private(&path, text.as_bytes()).is_err() {
            let _ = disk::rewrite_private(&path, text.as_bytes());
        }
    }
}

/// A file that SQLite keeps beside the ledger.
pub(super) fn beside(ledger: &Path, suffix: &str) -> PathBuf {
    let mut path = ledger.to_owned().into_os_string();
    path.push(suffix);
    path.into()
}
