//! The index: a SQLite file in the cache folder that may be deleted at any time.
//!
//! Promises: one popkeep at a time changes it, and who reads meanwhile is not in the way; a new one is made in a file
//! beside it that takes its name when it is complete, so that what a crash leaves of it is never read; one that is
//! damaged, or that another version made, is rebuilt.
//!
//! It holds words (FTS5 without the text itself), and of each message what a list shows.

use super::error::SearchError;
use crate::disk::{self, AccountLock};
use crate::ledger::{Seq, UnixTime};
use crate::mail::id::{MessageId, SHORTEST};
use crate::stop;
use rusqlite::{Connection, OptionalExtension as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file's name in the cache folder.
const NAME: &str = "search.sqlite3";

/// The file that a new index is made in.
const DRAFT: &str = "search.sqlite3.new";

/// The file whose lock is held by who changes the index.
const LOCK: &str = "search.lock";

/// What the file says of itself: an index of ours, and of which version.
const APPLICATION: i64 = 0x706b_7378;
const VERSION: i64 = 1;

/// How long a reader waits for a writer's last step, and a writer for readers.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How FTS5 cuts and keeps words.
pub(super) const OPTIONS: &str =
    "content='', contentless_delete=1, tokenize=\"unicode61 remove_diacritics 2\"";

/// The words of one message, and what a list shows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) seq: Seq,
    pub(super) id: MessageId,
    pub(super) at: UnixTime,
    pub(super) dated: bool,
    pub(super) size: u64,
    pub(super) attachments: u64,
    /// Its copy is not in the archive.
    pub(super) is_gone: bool,
    /// Its copy could not be read.
    pub(super) is_unread: bool,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) subject: Option<String>,
    /// For the columns of `words`, in their order.
    pub(super) words: [String; 6],
}

/// What the index says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) seq: Seq,
    pub(super) id: MessageId,
    pub(super) is_gone: bool,
    pub(super) is_unread: bool,
}

/// The open index.
pub(super) struct Index {
    pub(super) connection: Connection,
    folder: PathBuf,
    path: PathBuf,
    /// It is being made, in a file of another name.
    is_draft: bool,
    /// Held by who changes it.
    lock: Option<AccountLock>,
}

/// Whether there is an index in this folder.
pub(super) fn exists(folder: &Path) -> bool {
    disk::is_there(&folder.join(NAME))
}

/// Takes the lock of who changes the index; `None` when another popkeep has it, and we do not wait.
fn take_lock(folder: &Path, waits: bool) -> Result<Option<AccountLock>, SearchError> {
    let failed = |error| SearchError::folder(folder, error);
    disk::make_private_dirs(folder).map_err(failed)?;
    loop {
        let lock = AccountLock::try_take(&folder.join(LOCK)).map_err(failed)?;
        if lock.is_some() || !waits {
            return Ok(lock);
        }
        stop::check()?;
        stop::pause(Duration::from_millis(100));
    }
}

impl Index {
    /// Opens the index in this folder to change it, or begins a new one; `None` when another popkeep changes it, and
    /// we do not wait.
    pub(super) fn open(folder: &Path, waits: bool) -> Result<Option<Index>, SearchError> {
        let Some(lock) = take_lock(folder, waits)? else { return Ok(None) };
        let path = folder.join(NAME);
        if exists(folder) {
            let opened = connect(&path).and_then(|connection| Ok((is_ours(&connection)?, connection)));
            if let Ok((true, connection)) = opened {
                let (folder, lock) = (folder.to_owned(), Some(lock));
                return Ok(Some(Index { connection, folder, path, is_draft: false, lock }));
            }
        }
        Index::begin(folder, lock).map(Some)
    }

    /// Begins a new one in its place, whatever is there.
    pub(super) fn begin_anew(&mut self) -> Result<(), SearchError> {
        let lock = match self.lock.take() {
            Some(lock) => Some(lock),
            None => take_lock(&self.folder, true)?,
        };
        // Whoever waits has it in the end.
        let Some(lock) = lock else { return Ok(()) };
        *self = Index::begin(&self.folder, lock)?;
        Ok(())
    }

    fn begin(folder: &Path, lock: AccountLock) -> Result<Index, SearchError> {
        let path = folder.join(DRAFT);
        let failed = |error| SearchError::folder(folder, error);
        remove(&path).map_err(failed)?;
        disk::write_new_private(&path, b"").map_err(failed)?;
        let made = connect(&path).and_then(|connection| {
            connection.execute_batch(&format!(
                "PRAGMA journal_mode = OFF;
                 PRAGMA synchronous = OFF;
                 PRAGMA cache_size = -16384;
                 PRAGMA application_id = {APPLICATION};
                 PRAGMA user_version = {VERSION};
                 CREATE TABLE account (
                     id INTEGER PRIMARY KEY,
                     identity TEXT NOT NULL,
                     archive BLOB NOT NULL,
                     -- What the ledger and the archive were when the index was brought up to date.
                     stamp TEXT,
                     UNIQUE (identity, archive)
                 ) STRICT;
                 CREATE TABLE message (
                     -- Never used twice: what an update adds is above all that was there before.
                     id INTEGER PRIMARY KEY AUTOINCREMENT,
                     account INTEGER NOT NULL,
                     seq INTEGER NOT NULL,
                     content BLOB NOT NULL,
                     at INTEGER NOT NULL,
                     dated INTEGER NOT NULL,
                     size INTEGER NOT NULL,
                     attachments INTEGER NOT NULL,
                     gone INTEGER NOT NULL,
                     unread INTEGER NOT NULL,
                     sender TEXT,
                     recipient TEXT,
                     subject TEXT
                 ) STRICT;
                 CREATE UNIQUE INDEX message_row ON message (account, seq);
                 CREATE INDEX message_content ON message (content);
                 CREATE INDEX message_at ON message (at);
                 -- How many digits an ID needs.
                 CREATE TABLE fact (digits INTEGER NOT NULL) STRICT;
                 INSERT INTO fact VALUES ({SHORTEST});
                 CREATE VIRTUAL TABLE words USING fts5 (
                     sender, recipient, copy, subject, body, filename, {OPTIONS}
                 );
                 INSERT INTO words (words, rank) VALUES ('hashsize', 4194304);"
            ))?;
            Ok(connection)
        });
        let connection = made.map_err(|source| index_error(&path, source))?;
        Ok(Index { connection, folder: folder.to_owned(), path, is_draft: true, lock: Some(lock) })
    }

    /// All changes are made: a new index takes its name, and others may change it.
    pub(super) fn finish(&mut self) -> Result<(), SearchError> {
        if self.is_draft {
            // SQLite must not have a file open that gets another name.
            let none = Connection::open_in_memory().map_err(|error| self.failed(error))?;
            let draft = std::mem::replace(&mut self.connection, none);
            draft.close().map_err(|(_, error)| self.failed(error))?;
            let name = self.folder.join(NAME);
            disk::sync_file(&self.path)
                .and_then(|()| remove(&name))
                .and_then(|()| disk::rename_new(&self.path, &name))
                .map_err(|error| SearchError::folder(&self.folder, error))?;
            (self.path, self.is_draft) = (name, false);
            self.connection = connect(&self.path).map_err(|error| self.failed(error))?;
        }
        self.lock = None;
        Ok(())
    }

    /// What SQLite says of it, as an error.
    pub(super) fn failed(&self, source: rusqlite::Error) -> SearchError {
        index_error(&self.path, source)
    }

    /// The number of an account, which is made if need be, and what it was when it was brought up to date.
    pub(super) fn account(&self, identity: &str, archive: &[u8]) -> rusqlite::Result<(i64, Option<String>)> {
        let find = "SELECT id, stamp FROM account WHERE identity = ? AND archive = ?";
        let found = self
            .connection
            .query_row(find, (identity, archive), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
        self.connection
            .execute("INSERT INTO account (identity, archive) VALUES (?, ?)", (identity, archive))?;
        Ok((self.connection.last_insert_rowid(), None))
    }

    /// Says what an account was when it was brought up to date; `None`: it is not.
    pub(super) fn set_stamp(&self, account: i64, stamp: Option<&str>) -> rusqlite::Result<()> {
        self.connection.execute("UPDATE account SET stamp = ? WHERE id = ?", (stamp, account))?;
        Ok(())
    }

    /// The number in the index of what was added last.
    pub(super) fn last(&self) -> rusqlite::Result<i64> {
        self.connection.query_row("SELECT coalesce(max(id), 0) FROM message", [], |row| row.get(0))
    }

    /// Rows of an account with numbers above `after`, ascending, so many at most; of what was added up to `last`.
    pub(super) fn known(
        &self,
        account: i64,
        last: i64,
        after: i64,
        limit: usize,
    ) -> rusqlite::Result<Vec<Known>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(
                "SELECT seq, content, gone, unread FROM message WHERE account = ? AND seq > ? AND id <= ? \
                 ORDER BY seq LIMIT ?",
            )?
            .query_map((account, after, last, limit), |row| {
                Ok(Known {
                    seq: row.get::<_, i64>(0)?.cast_unsigned(),
                    id: MessageId(row.get(1)?),
                    is_gone: row.get(2)?,
                    is_unread: row.get(3)?,
                })
            })?
            .collect()
    }

    /// Adds a message, in the place of what is there of it.
    pub(super) fn put(&self, account: i64, entry: &Entry) -> rusqlite::Result<()> {
        self.remove(account, entry.seq)?;
        self.connection
            .prepare_cached(
                "INSERT INTO message (account, seq, content, at, dated, size, attachments, gone, unread, sender, \
                 recipient, subject) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute((
                account,
                entry.seq.cast_signed(),
                entry.id.0,
                entry.at,
                entry.dated,
                entry.size.cast_signed(),
                entry.attachments.cast_signed(),
                entry.is_gone,
                entry.is_unread,
                &entry.from,
                &entry.to,
                &entry.subject,
            ))?;
        let id = self.connection.last_insert_rowid();
        let [sender, recipient, copy, subject, body, filename] = &entry.words;
        self.connection
            .prepare_cached(
                "INSERT INTO words (rowid, sender, recipient, copy, subject, body, filename) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute((id, sender, recipient, copy, subject, body, filename))?;
        self.raise_digits(entry.id)
    }

    /// Takes a message out.
    pub(super) fn remove(&self, account: i64, seq: Seq) -> rusqlite::Result<()> {
        let id: Option<i64> = self
            .connection
            .prepare_cached("DELETE FROM message WHERE account = ? AND seq = ? RETURNING id")?
            .query_row((account, seq.cast_signed()), |row| row.get(0))
            .optional()?;
        if let Some(id) = id {
            self.connection.prepare_cached("DELETE FROM words WHERE rowid = ?")?.execute([id])?;
        }
        Ok(())
    }

    /// Says whether a message's copy is in the archive.
    pub(super) fn set_gone(&self, account: i64, seq: Seq, is_gone: bool) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE message SET gone = ? WHERE account = ? AND seq = ?")?
            .execute((is_gone, account, seq.cast_signed()))?;
        Ok(())
    }

    /// How many digits it takes to tell every ID from the others. Once messages were removed, fewer might do.
    pub(super) fn digits(&self) -> rusqlite::Result<usize> {
        let digits: u8 = self.connection.query_row("SELECT digits FROM fact", [], |row| row.get(0))?;
        Ok(usize::from(digits))
    }

    /// Raises the number of digits if this ID needs more. The IDs just before and after it have most in common with it.
    fn raise_digits(&self, id: MessageId) -> rusqlite::Result<()> {
        let mut nearest = self.connection.prepare_cached(
            "SELECT max(content) FROM message WHERE content < ?1 \
             UNION ALL SELECT min(content) FROM message WHERE content > ?1",
        )?;
        let nearest = nearest.query_map([id.0], |row| row.get::<_, Option<_>>(0))?;
        let mut digits = SHORTEST;
        for other in nearest.filter_map(Result::transpose) {
            digits = digits.max(id.common(&MessageId(other?)) + 1);
        }
        if digits > SHORTEST {
            let digits = i64::try_from(digits).unwrap_or(i64::MAX);
            self.connection
                .prepare_cached("UPDATE fact SET digits = ?1 WHERE digits < ?1")?
                .execute([digits])?;
        }
        Ok(())
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    Ok(number("application_id")? == APPLICATION && number("user_version")? == VERSION)
}

fn index_error(path: &Path, source: rusqlite::Error) -> SearchError {
    SearchError::Index { path: path.display().to_string(), source }
}

/// Removes an index, and the journal beside it.
fn remove(path: &Path) -> std::io::Result<()> {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    disk::remove(Path::new(&journal)).and_then(|()| disk::remove(path))
}

#[cfg(test)]
mod tests {
    use super::{Entry, Index};
    use crate::mail::id::{MessageId, SHORTEST};

    #[test]
    fn the_digits_tell_each_id_from_the_others_in_whatever_order_they_come() {
        let id = |last: [u8; 4]| {
            let mut id = MessageId([0x5a; 16]);
            id.0[3..7].copy_from_slice(&last);
            id
        };
        // With two nearest ones, with one, with none, and the same content twice.
        let ids =
            [[1, 0, 0, 0], [1, 0, 0x10, 0], [1, 0, 0x1f, 1], [1, 0, 0, 0], [0xff, 0, 0, 0], [2, 0, 0, 9]];
        for first in 0..ids.len() {
            let folder = tempfile::tempdir().unwrap();
            let index = Index::open(folder.path(), true).unwrap().unwrap();
            let mut put: Vec<MessageId> = Vec::new();
            for (seq, at) in (1..).zip((0..ids.len()).map(|at| (first + at) % ids.len())) {
                let entry = Entry { seq, id: id(ids[at]), ..Entry::default() };
                index.put(1, &entry).unwrap();
                put.push(entry.id);
                let pairs = put.iter().flat_map(|one| put.iter().map(move |other| (one, other)));
                let needed =
                    pairs.filter(|(one, other)| one != other).map(|(one, other)| one.common(other) + 1);
                assert_eq!(index.digits().unwrap(), needed.fold(SHORTEST, usize::max));
            }
        }
    }
}
