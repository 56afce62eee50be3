//! What was restored to which IMAP folder.
//!
//! Promises: a copy is on record as sent before its first octet is, and as arrived only once the server has said so or the
//! copy was seen; copies are counted, so that of n equal messages each is restored once. A folder that was deleted and made
//! again has another UIDVALIDITY (RFC 3501, section 2.3.1.1) and is another folder.

use super::connections::Lent;
use super::file::path_value;
use super::rows::{signed, unsigned};
use super::{LedgerError, LedgerFile, Seq, UnixTime, turn};
use crate::config::Access;
use crate::mail::digest::Hash;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use std::path::Path;

/// An IMAP folder, as what was restored to it is filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderKey {
    /// Who logs in.
    pub user: String,
    /// The server's host name, as configured.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The folder's name on the server, for people.
    pub folder: String,
}

impl FolderKey {
    /// Of the folder of this name at a server.
    pub fn of(access: &Access, folder: &str) -> Self {
        FolderKey {
            user: access.user.clone(),
            host: access.host.clone(),
            port: access.port,
            folder: folder.to_owned(),
        }
    }

    /// As the name of a lock.
    pub fn identity(&self) -> String {
        format!("imap {}@{}:{}/{}", self.user, self.host, self.port, self.folder)
    }
}

/// A copy on its way, or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Of its stored form.
    pub content: Hash,
    /// Tells copies of equal content apart.
    pub ordinal: u64,
    /// Of its Message-ID and size.
    pub mark: [u8; 8],
    /// Octets as sent.
    pub octets: u64,
    /// A hash of its Message-ID, if it has one.
    pub message_id: Option<[u8; 16]>,
    /// The least UID that it can have got.
    pub uid_next: Option<u32>,
    /// When it was sent.
    pub at: UnixTime,
}

/// One step of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreChange {
    /// It is about to be sent.
    Sending(Sent),
    /// It is there.
    Arrived {
        /// As in [`Sent`].
        content: Hash,
        /// As in [`Sent`].
        ordinal: u64,
        /// The UID, if the server said it.
        uid: Option<u32>,
    },
    /// It was there before anything was sent.
    Found {
        /// As in [`Sent`].
        content: Hash,
        /// As in [`Sent`].
        ordinal: u64,
        /// As in [`Sent`].
        mark: [u8; 8],
        /// Its UID, if one message alone can be meant.
        uid: Option<u32>,
    },
    /// It has not arrived, and will not.
    NotSent {
        /// As in [`Sent`].
        content: Hash,
        /// As in [`Sent`].
        ordinal: u64,
    },
}

/// What was restored to one folder.
pub struct Restores {
    connection: Lent,
    path: String,
    folder: i64,
}

impl LedgerFile {
    /// The record of a folder, made when there is none. What counts as new for it is taken from a folder of the same name
    /// that was there before.
    pub fn restores(&self, key: &FolderKey, uid_validity: u32) -> Result<Restores, LedgerError> {
        let path = self.name();
        let _turn = turn::wait();
        let mut connection = self.connect()?;
        let made = (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = latest(&transaction, key)?;
            let folder = transaction.query_row(
                "INSERT INTO folder (user, host, port, name, uid_validity, turn) \
                 VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(turn), 0) + 1 FROM folder)) \
                 ON CONFLICT DO UPDATE SET turn = excluded.turn RETURNING id",
                (&key.user, &key.host, key.port, &key.folder, uid_validity),
                |row| row.get(0),
            )?;
            if let Some(before) = before.filter(|before| *before != folder) {
                transaction.execute(
                    "INSERT OR IGNORE INTO restored_since \
                     SELECT ?, identity, archive, seq FROM restored_since WHERE folder = ?",
                    (folder, before),
                )?;
            }
            transaction.commit()?;
            Ok(folder)
        })();
        let folder = made.map_err(|error| LedgerError::from_sqlite(&path, &error))?;
        Ok(Restores { connection, path, folder })
    }

    /// The record of a folder, if there is one.
    pub fn restores_so_far(
        &self,
        key: &FolderKey,
        uid_validity: u32,
    ) -> Result<Option<Restores>, LedgerError> {
        let (path, connection) = (self.name(), self.connect()?);
        let found = connection
            .query_row(
                "SELECT id FROM folder WHERE user = ? AND host = ? AND port = ? AND name = ? AND uid_validity = ?",
                (&key.user, &key.host, key.port, &key.folder, uid_validity),
                |row| row.get(0),
            )
            .optional();
        let folder = found.map_err(|error| LedgerError::from_sqlite(&path, &error))?;
        Ok(folder.map(|folder| Restores { connection, path, folder }))
    }
}

impl LedgerFile {
    /// The record of the folder that was restored to last by this name, as the configuration has it: with `/` between its
    /// levels, whatever the server has there.
    pub fn restores_to(&self, key: &FolderKey) -> Result<Option<Restores>, LedgerError> {
        let (path, connection) = (self.name(), self.connect()?);
        let name = if key.folder.eq_ignore_ascii_case("INBOX") { "INBOX" } else { key.folder.as_str() };
        let found = connection
            .query_row(
                "SELECT id FROM folder WHERE user = ? AND host = ? AND port = ? AND name IN (?, ?, ?) \
                 ORDER BY turn DESC LIMIT 1",
                (&key.user, &key.host, key.port, name, name.replace('/', "."), name.replace('/', "\\")),
                |row| row.get(0),
            )
            .optional();
        let folder = found.map_err(|error| LedgerError::from_sqlite(&path, &error))?;
        Ok(folder.map(|folder| Restores { connection, path, folder }))
    }
}

/// The folder of this name that was restored to last.
fn latest(connection: &Connection, key: &FolderKey) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row(
            "SELECT id FROM folder WHERE user = ? AND host = ? AND port = ? AND name = ? ORDER BY turn DESC LIMIT 1",
            (&key.user, &key.host, key.port, &key.folder),
            |row| row.get(0),
        )
        .optional()
}

impl Restores {
    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection, i64) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        question(&self.connection, self.folder).map_err(|error| LedgerError::from_sqlite(&self.path, &error))
    }

    /// How many copies of this content are there, or on their way; and the greatest number that one of them has.
    pub fn copies(&self, content: &Hash) -> Result<(u64, u64), LedgerError> {
        self.ask(|connection, folder| {
            connection
                .prepare_cached(
                    "SELECT count(*), coalesce(max(ordinal), 0) FROM restored WHERE folder = ? AND content = ?",
                )?
                .query_row((folder, content), |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))
        })
    }

    /// How many copies of this content have arrived.
    pub fn arrived(&self, content: &Hash) -> Result<u64, LedgerError> {
        self.ask(|connection, folder| {
            connection
                .prepare_cached(
                    "SELECT count(*) FROM restored WHERE folder = ? AND content = ? AND sent_at IS NULL",
                )?
                .query_row((folder, content), |row| row.get(0).map(unsigned))
        })
    }

    /// The copies of which it is not known whether they have arrived.
    pub fn sent(&self) -> Result<Vec<Sent>, LedgerError> {
        self.ask(|connection, folder| {
            connection
                .prepare(
                    "SELECT content, ordinal, mark, octets, message_id, uid_next, sent_at FROM restored \
                     WHERE folder = ? AND sent_at IS NOT NULL ORDER BY content, ordinal",
                )?
                .query_map([folder], |row| {
                    Ok(Sent {
                        content: row.get(0)?,
                        ordinal: unsigned(row.get(1)?),
                        mark: row.get(2)?,
                        octets: unsigned(row.get(3)?),
                        message_id: row.get(4)?,
                        uid_next: row.get(5)?,
                        at: row.get(6)?,
                    })
                })?
                .collect()
        })
    }

    /// Calls `each` with the mark, and if it is known the UID, of every copy that is there.
    pub fn marks(&self, each: &mut dyn FnMut([u8; 8], Option<u32>)) -> Result<(), LedgerError> {
        self.ask(|connection, folder| {
            let mut statement =
                connection.prepare("SELECT mark, uid FROM restored WHERE folder = ? AND sent_at IS NULL")?;
            let mut rows = statement.query([folder])?;
            while let Some(row) = rows.next()? {
                each(row.get(0)?, row.get(1)?);
            }
            Ok(())
        })
    }

    /// Makes all of these changes durable in one atomic step.
    pub fn commit(&mut self, changes: &[RestoreChange]) -> Result<(), LedgerError> {
        if changes.is_empty() {
            return Ok(());
        }
        let _turn = turn::wait();
        let folder = self.folder;
        let done = (|| {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for change in changes {
                apply(&transaction, folder, change)?;
            }
            transaction.commit()
        })();
        done.map_err(|error| LedgerError::from_sqlite(&self.path, &error))
    }

    /// From which row on the messages of an archive are new for this folder; if that was never said, from now on, and with
    /// `notes` it is said.
    pub fn since(&mut self, identity: &str, archive: &Path, notes: bool) -> Result<Seq, LedgerError> {
        let archive = path_value(archive);
        let said = self.ask(|connection, folder| {
            connection
                .query_row(
                    "SELECT seq FROM restored_since WHERE folder = ? AND identity = ? AND archive = ?",
                    (folder, identity, &archive),
                    |row| row.get(0).map(unsigned),
                )
                .optional()
        })?;
        if let Some(seq) = said {
            return Ok(seq);
        }
        let next = self.next_seq(identity, &archive)?;
        if notes {
            let _turn = turn::wait();
            self.ask(|connection, folder| {
                connection.execute(
                    "INSERT INTO restored_since (folder, identity, archive, seq) VALUES (?, ?, ?, ?)",
                    (folder, identity, &archive, signed(next)),
                )
            })?;
        }
        Ok(next)
    }

    fn next_seq(&self, identity: &str, archive: &Value) -> Result<Seq, LedgerError> {
        self.ask(|connection, _| {
            connection
                .query_row(
                    "SELECT next_seq FROM maildrop WHERE identity = ? AND archive = ?",
                    (identity, archive),
                    |row| row.get(0).map(unsigned),
                )
                .optional()
                .map(|next| next.unwrap_or(1))
        })
    }
}

fn apply(connection: &Connection, folder: i64, change: &RestoreChange) -> rusqlite::Result<()> {
    match change {
        RestoreChange::Sending(sent) => connection
            .prepare_cached(
                "INSERT INTO restored (folder, content, ordinal, mark, octets, message_id, uid_next, sent_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
                 octets = excluded.octets, uid_next = excluded.uid_next, sent_at = excluded.sent_at",
            )?
            .execute((
                folder,
                &sent.content,
                signed(sent.ordinal),
                &sent.mark,
                signed(sent.octets),
                &sent.message_id,
                sent.uid_next,
                sent.at,
            ))?,
        RestoreChange::Arrived { content, ordinal, uid } => connection
            .prepare_cached(
                "UPDATE restored SET uid = ?, sent_at = NULL, octets = NULL, message_id = NULL, uid_next = NULL \
                 WHERE folder = ? AND content = ? AND ordinal = ?",
            )?
            .execute((uid, folder, content, signed(*ordinal)))?,
        RestoreChange::Found { content, ordinal, mark, uid } => connection
            .prepare_cached(
                "INSERT INTO restored (folder, content, ordinal, mark, uid) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute((folder, content, signed(*ordinal), mark, uid))?,
        RestoreChange::NotSent { content, ordinal } => connection
            .prepare_cached("DELETE FROM restored WHERE folder = ? AND content = ? AND ordinal = ?")?
            .execute((folder, content, signed(*ordinal)))?,
    };
    Ok(())
}
