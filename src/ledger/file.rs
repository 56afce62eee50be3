//! The ledger's file: how it is made, opened, read beside a writer, and locked.
//!
//! Beside `ledger.sqlite3` lie its write-ahead log (`-wal`) and the index of that log (`-shm`).
//! SQLite removes both when the last connection closes, and makes them again when the next one
//! reads; we keep them, so that a reader finds all it needs and has to make nothing. A reader maps
//! the index read-only: while nobody writes it builds an index of its own in memory, and so leaves no
//! trace at all. Only when a writer is at work and has left it no snapshot to share does
//! it open the index like any other connection, and marks its snapshot there. While a process has a reader open and no
//! writer, it cannot open a writer: SQLite gives both the same index.

use super::connections::{self, Connections, Lent};
use super::journal::Journal;
use super::{LedgerError, Restored, SqliteLedger, backup, schema, turn};
use crate::disk::{self, Access, AccountLock, Disk as _, Distrusted, Kind, OsDisk};
use crate::stop;
use crate::text::hex::{Hex, percent_encoded};
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior};
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The file's name in the state folder.
const NAME: &str = "ledger.sqlite3";

/// How long a connection waits for another one's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The octet of a database's header that is 2 for a write-ahead log, 1 for a rollback journal.
const READ_VERSION: usize = 19;

/// The ledger's file. Every maildrop gets a connection of its own, so it may be shared by threads.
#[derive(Debug)]
pub struct LedgerFile {
    folder: PathBuf,
    path: PathBuf,
    writable: bool,
    restored: Option<Restored>,
    connections: Arc<Connections>,
}

impl LedgerFile {
    /// The ledger in a state folder, making what is missing: folders of mode 0700, the file of mode 0600. What is
    /// in the file is looked at when it is first used. A ledger that is lost, or a damaged copy, gives way to its backup.
    pub fn open(state_dir: &Path) -> Result<LedgerFile, LedgerError> {
        disk::make_private_dirs(state_dir).map_err(|error| LedgerError::from_io(state_dir, &error))?;
        check_folder(state_dir)?;
        let path = state_dir.join(NAME);
        check_files(&path)?;
        // A connection to what is looked at is of no use for what may take its place.
        let restored =
            backup::settle(&path, || LedgerFile::of(state_dir, path.clone(), true).check_integrity())?;
        let file = LedgerFile { restored, ..LedgerFile::of(state_dir, path, true) };
        let path = &file.path;
        if OsDisk.metadata(path).map_or(0, |meta| meta.len) == 0 {
            // Whoever made the folders may have been killed before they were durable.
            disk::secure_dirs(&OsDisk, state_dir).map_err(|error| LedgerError::from_io(state_dir, &error))?;
        }
        match disk::write_new_private(path, b"") {
            Ok(()) => backup::note_birth(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(LedgerError::from_io(path, &error)),
        }
        disk::has_locks(path).map_err(|error| LedgerError::from_lock(path, &error))?;
        Ok(file)
    }

    fn of(state_dir: &Path, path: PathBuf, writable: bool) -> LedgerFile {
        let connections = Arc::new(Connections::default());
        LedgerFile { folder: state_dir.to_owned(), path, writable, restored: None, connections }
    }

    /// Whether there is one in this folder, or its backup.
    pub fn exists(state_dir: &Path) -> Result<bool, LedgerError> {
        let path = state_dir.join(NAME);
        let there = path.try_exists().map_err(|error| LedgerError::from_io(&path, &error))?;
        Ok(there || backup::instead_of(&path).is_some())
    }

    /// What was done about a ledger that was lost or damaged when this one was opened; it is told once.
    pub fn take_restored(&mut self) -> Option<Restored> {
        self.restored.take()
    }

    /// Opens the ledger for reading, without making or changing anything; `None` when there is
    /// none. A fetch may be running meanwhile.
    pub fn read_only(state_dir: &Path) -> Result<Option<LedgerFile>, LedgerError> {
        let mut path = state_dir.join(NAME);
        if !LedgerFile::exists(state_dir)? {
            return Ok(None);
        }
        if let (false, Some(backup)) = (disk::is_there(&path), backup::instead_of(&path)) {
            path = backup;
        }
        check_folder(state_dir)?;
        check_files(&path)?;
        // SQLite takes a lock that the system refuses for one that another program has, and waits.
        // What else is wrong is for SQLite to tell.
        if let Err(error) = disk::has_locks(&path)
            && disk::has_no_locks(&error)
        {
            return Err(LedgerError::from_lock(&path, &error));
        }
        let file = LedgerFile::of(state_dir, path, false);
        let made = schema::version(&*file.connect()?, &file.name())?.is_some();
        Ok(made.then_some(file))
    }

    /// The part of one maildrop, made when there is none.
    ///
    /// While it holds no message, two mistakes of a changed configuration are errors:
    /// the mail of `identity` is on record in another archive, or `archive` holds the mail of
    /// another identity. They are none where `configured`, the identity and the archive of every
    /// configured account, still has what is on record.
    pub fn maildrop(
        &self,
        identity: &str,
        archive: &Path,
        configured: &[(&str, &Path)],
    ) -> Result<SqliteLedger, LedgerError> {
        let name = self.name();
        let failed = |error| LedgerError::from_sqlite(&name, &error);
        let _turn = turn::wait();
        let mut connection = self.connect()?;
        // Also where there is nothing to be made: a ledger that cannot be written is known before anybody logs in.
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        self.check_on(&transaction, identity, archive, configured)?;
        let id = match find(&transaction, identity, archive).map_err(failed)? {
            Some(id) => id,
            None => transaction
                .query_row(
                    "INSERT INTO maildrop (identity, archive, next_seq) VALUES (?, ?, 1) RETURNING id",
                    (identity, path_value(archive)),
                    |row| row.get(0),
                )
                .map_err(failed)?,
        };
        transaction.commit().map_err(failed)?;
        SqliteLedger::on(connection, name, id)
    }

    /// Whether [`LedgerFile::maildrop`] would fail because a changed configuration has cut a
    /// maildrop off from its record; makes nothing.
    pub fn check(
        &self,
        identity: &str,
        archive: &Path,
        configured: &[(&str, &Path)],
    ) -> Result<(), LedgerError> {
        self.check_on(&*self.connect()?, identity, archive, configured)
    }

    /// The parts of `identity` that are on record for archives that are not configured any more, with the paths of
    /// these for people, where [`LedgerFile::maildrop`] would fail for them.
    pub fn elsewhere(
        &self,
        identity: &str,
        archive: &Path,
        configured: &[(&str, &Path)],
    ) -> Result<Vec<(String, SqliteLedger)>, LedgerError> {
        let name = self.name();
        let failed = |error| LedgerError::from_sqlite(&name, &error);
        let connection = self.connect()?;
        let others = held_elsewhere(&connection, identity, archive).map_err(failed)?;
        let others = others.into_iter().filter(|other| other.identity == identity);
        let mut found = Vec::new();
        for other in others.filter(|other| !is_configured(other, configured)) {
            let id = connection
                .query_row(
                    "SELECT id FROM maildrop WHERE identity = ? AND archive = ?",
                    (identity, &other.archive),
                    |row| row.get(0),
                )
                .map_err(failed)?;
            found.push((shown(&other.archive), SqliteLedger::on(self.connect()?, self.name(), id)?));
        }
        Ok(found)
    }

    /// The part of one maildrop, if there is one.
    pub fn existing(&self, identity: &str, archive: &Path) -> Result<Option<SqliteLedger>, LedgerError> {
        let connection = self.connect()?;
        let found = find(&connection, identity, archive)
            .map_err(|error| LedgerError::from_sqlite(&self.name(), &error))?;
        found.map(|id| SqliteLedger::on(connection, self.name(), id)).transpose()
    }

    /// The part whose adoption, as the account of this name, can still be taken back.
    pub fn adopted(&self, account: &str) -> Result<Option<(String, SqliteLedger)>, LedgerError> {
        let connection = self.connect()?;
        let found = connection
            .query_row(
                "SELECT maildrop.id, identity FROM adoption JOIN maildrop ON maildrop.id = adoption.maildrop \
                 WHERE account = ? ORDER BY at DESC, maildrop.id DESC LIMIT 1",
                [account],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(|error| LedgerError::from_sqlite(&self.name(), &error))?;
        let Some((id, identity)) = found else { return Ok(None) };
        Ok(Some((identity, SqliteLedger::on(connection, self.name(), id)?)))
    }

    /// The one lock of an identity; `None` when another popkeep has it.
    pub fn lock(&self, identity: &str) -> Result<Option<AccountLock>, LedgerError> {
        let path = self.folder.join(lock_name(identity));
        AccountLock::try_take(&path).map_err(|error| LedgerError::from_lock(&path, &error))
    }

    /// Reads the whole file, and fails where it is not what a ledger must be: pages that are damaged, indexes that
    /// lack rows, numbers that contradict each other.
    pub fn check_integrity(&self) -> Result<(), LedgerError> {
        let name = self.name();
        let failed = |error| LedgerError::from_sqlite(&name, &error);
        let connection = self.connect()?;
        let found: String =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if found != "ok" {
            return Err(LedgerError::Damaged { path: name, reason: found });
        }
        for (question, reason) in CONTRADICTIONS {
            if connection.prepare(question).and_then(|mut asked| asked.exists([])).map_err(failed)? {
                return Err(LedgerError::Damaged { path: name, reason: (*reason).to_owned() });
            }
        }
        Ok(())
    }

    /// The file, for people.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// A connection, its database checked.
    pub(super) fn connect(&self) -> Result<Lent, LedgerError> {
        let name = self.name();
        let is_current =
            |connection: &Connection| Ok(schema::version(connection, &name)? == Some(schema::VERSION));
        // Since somebody used it, a newer popkeep may have upgraded the ledger, or the last writer may have left behind a log that a
        // reader cannot share. What is wrong then, if anything, a new connection tells.
        if let Some(connection) = self.connections.take() {
            match is_current(&connection) {
                Ok(true) => return Ok(connection),
                _ => connection.close(),
            }
        }
        let made = if self.writable { self.connect_to_write() } else { self.connect_to_read() };
        let mut connection = made.map_err(|error| LedgerError::from_sqlite(&name, &error))?;
        if self.writable {
            schema::prepare(&mut connection, &name)?;
        } else if !is_current(&connection)? {
            // What makes it look like one of this format stays on this connection.
            schema::prepare_to_read(&connection, &name)?;
            return Ok(Lent::for_ever(connection));
        }
        Ok(self.connections.lend(connection))
    }

    fn connect_to_write(&self) -> rusqlite::Result<Connection> {
        let connection = self.raw(OpenFlags::SQLITE_OPEN_READ_WRITE, "mode=rw")?;
        set_journal(&connection, Journal::for_folder(&self.folder))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -1024;
             PRAGMA wal_autocheckpoint = 4096;
             PRAGMA journal_size_limit = 33554432;",
        )?;
        Ok(connection)
    }

    fn connect_to_read(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let beside = |suffix| backup::beside(&self.path, suffix).exists();
        if !self.has_write_ahead_log() {
            return self.raw(flags, "mode=ro");
        }
        if !beside("-wal") || !beside("-shm") {
            // A copy of the main file alone: nobody can be writing to it.
            return self.raw(flags, "mode=ro&immutable=1");
        }
        let connection = self.raw(flags, "mode=ro&readonly_shm=1")?;
        match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
            // A writer that was killed has left an index that its log does not fit; SQLite may have tried to make sense of
            // both for some seconds.
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(
                        ErrorCode::ReadOnly | ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed
                    )
                ) =>
            {
                self.raw(flags, "mode=ro")
            }
            Err(error) => Err(error),
            Ok(()) => Ok(connection),
        }
    }

    /// Asked of the file itself: to ask SQLite would make a missing log. What cannot be read here is
    /// for SQLite to complain about.
    fn has_write_ahead_log(&self) -> bool {
        let mut header = [0; READ_VERSION + 1];
        OsDisk
            .open(&self.path, Access::Read)
            .and_then(|mut file| file.read_exact(&mut header))
            .is_ok_and(|()| header[READ_VERSION] == 2)
    }

    fn raw(&self, flags: OpenFlags, parameters: &str) -> rusqlite::Result<Connection> {
        let flags = flags | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(uri(&self.path, parameters), flags)?;
        connection.busy_handler(Some(wait_for_another))?;
        connections::parse_once(&connection)?;
        Ok(connection)
    }

    fn check_on(
        &self,
        connection: &Connection,
        identity: &str,
        archive: &Path,
        configured: &[(&str, &Path)],
    ) -> Result<(), LedgerError> {
        let others = held_elsewhere(connection, identity, archive)
            .map_err(|error| LedgerError::from_sqlite(&self.name(), &error))?;
        let Some(other) = others.into_iter().find(|other| !is_configured(other, configured)) else {
            return Ok(());
        };
        let archive = archive.display().to_string();
        Err(if other.identity == identity {
            let (identity, other) = (other.identity, shown(&other.archive));
            LedgerError::OtherArchive { identity, archive, other }
        } else {
            LedgerError::OtherIdentity { archive, other: other.identity }
        })
    }
}

/// What no ledger of ours says, and how to tell a person that this one does. That two rows have one place is noticed by
/// whoever looks at the places.
const CONTRADICTIONS: &[(&str, &str)] = &[
    (
        "SELECT 1 FROM maildrop WHERE next_seq <= (SELECT max(seq) FROM message WHERE maildrop = maildrop.id) LIMIT 1",
        "a message has a number that is still to be given",
    ),
    (
        "SELECT 1 FROM (SELECT maildrop, count(*) AS messages, sum(size) AS octets FROM message \
         WHERE state <> 'intent' GROUP BY maildrop) AS found FULL JOIN (SELECT maildrop, sum(messages) AS messages, \
         sum(octets) AS octets FROM archived_day GROUP BY maildrop) AS told USING (maildrop) \
         WHERE coalesce(found.messages, 0) <> coalesce(told.messages, 0) \
         OR coalesce(found.octets, 0) <> coalesce(told.octets, 0) LIMIT 1",
        "its totals are not those of its messages",
    ),
];

/// The state folder must be ours (or root's), and nobody else's to change what is ours in it.
fn check_folder(state_dir: &Path) -> Result<(), LedgerError> {
    disk::check_folder(state_dir, true).map_err(|error| match error {
        Distrusted::Io(error) => LedgerError::from_io(state_dir, &error),
        reason => {
            LedgerError::Distrusted { path: state_dir.display().to_string(), reason: reason.to_string() }
        }
    })
}

/// SQLite waits for a pipe in the place of one of its files until somebody opens it, and believes what is in a journal that
/// another user has put beside the ledger.
fn check_files(path: &Path) -> Result<(), LedgerError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let file = backup::beside(path, suffix);
        match OsDisk.metadata(&file) {
            Ok(meta) if meta.kind != Kind::File => {
                let reason = "it is not a regular file".to_owned();
                return Err(LedgerError::Denied { path: file.display().to_string(), reason });
            }
            Ok(meta) if meta.uid != crate::disk::our_user() && meta.uid != 0 => {
                let reason = format!("{} belongs to another user", file.display());
                let path = disk::parent(path).display().to_string();
                return Err(LedgerError::Distrusted { path, reason });
            }
            _ => {}
        }
    }
    Ok(())
}

/// A maildrop with messages that shares its identity or its archive with one that has none.
struct Other {
    identity: String,
    archive: Value,
}

fn is_configured(other: &Other, configured: &[(&str, &Path)]) -> bool {
    configured
        .iter()
        .any(|(identity, archive)| other.identity == *identity && other.archive == path_value(archive))
}

fn held_elsewhere(connection: &Connection, identity: &str, archive: &Path) -> rusqlite::Result<Vec<Other>> {
    let archive = path_value(archive);
    // Nearly always its own mail is there, and no other is asked for.
    let is_held = "SELECT 1 FROM maildrop WHERE identity = ?1 AND archive = ?2 \
         AND EXISTS (SELECT 1 FROM message WHERE message.maildrop = maildrop.id AND state <> 'intent')";
    if connection.prepare_cached(is_held)?.exists((identity, &archive))? {
        return Ok(Vec::new());
    }
    let mut others = Vec::new();
    // Two questions: each has an index.
    for shares in ["identity = ?1 AND archive <> ?2", "archive = ?2 AND identity <> ?1"] {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT identity, archive FROM maildrop WHERE {shares} \
             AND EXISTS (SELECT 1 FROM message WHERE message.maildrop = maildrop.id AND state <> 'intent') \
             ORDER BY id"
        ))?;
        let mut rows = statement.query((identity, &archive))?;
        while let Some(row) = rows.next()? {
            others.push(Other { identity: row.get(0)?, archive: row.get(1)? });
        }
    }
    Ok(others)
}

fn find(connection: &Connection, identity: &str, archive: &Path) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM maildrop WHERE identity = ? AND archive = ?")?
        .query_row((identity, path_value(archive)), |row| row.get(0))
        .optional()
}

/// A path as the table has it: `a/b/`, `a/./b` and `a/b` are one; text where it can be.
pub(super) fn path_value(path: &Path) -> Value {
    let plain: PathBuf = path.components().collect();
    match plain.into_os_string().into_string() {
        Ok(text) => Value::Text(text),
        Err(bytes) => Value::Blob(bytes.as_bytes().to_vec()),
    }
}

fn shown(path: &Value) -> String {
    match path {
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

/// Whether to look again, for the `tries`-th time, if another connection's transaction is over: for as long as
/// [`BUSY_TIMEOUT`], and not after a signal.
fn wait_for_another(tries: i32) -> bool {
    let tries = u32::try_from(tries).unwrap_or(u32::MAX);
    // A commit takes a few milliseconds as a rule; longer ones are looked at less often: 1, 2, … 50, 50, … ms.
    let pause = |tries: u32| u64::from(tries.saturating_add(1).min(50));
    let waited: u64 = (0..tries.min(50)).map(pause).sum::<u64>() + 50 * u64::from(tries.saturating_sub(50));
    if stop::requested().is_some() || Duration::from_millis(waited) >= BUSY_TIMEOUT {
        return false;
    }
    std::thread::sleep(Duration::from_millis(pause(tries)));
    true
}

/// SQLite refuses to change the journal of a database in use without waiting for it; two first
/// runs at once are no error, so we wait here.
fn set_journal(connection: &Connection, journal: Journal) -> rusqlite::Result<()> {
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", journal.pragma(), |_| Ok(())) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < give_up
                    && stop::requested().is_none() =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// The URI of a path, which may hold any octet.
pub(super) fn uri(path: &Path, parameters: &str) -> String {
    format!("file:{}?{parameters}", percent_encoded(path.as_os_str().as_bytes(), b"/-_.~"))
}

/// A lock's file name tells nothing about the identity but that it is the same one.
fn lock_name(identity: &str) -> String {
    format!("lock-{}", Hex(&Sha256::digest(identity.as_bytes())[..12]))
}
