//! The tables, and what a file must be to hold them.

use super::LedgerError;
use rusqlite::{Connection, TransactionBehavior};

/// The newest format this version reads and writes (`PRAGMA user_version`).
pub(super) const VERSION: i64 = 1;

/// Marks the file as a popkeep ledger (`PRAGMA application_id`): "popk".
const APPLICATION_ID: i64 = 0x706f_706b;

/// The comments are kept by SQLite: `.schema` in the sqlite3 shell shows them.
const CREATE: &str = "
CREATE TABLE maildrop (        -- one mailbox on a server, kept in one archive
  id       INTEGER PRIMARY KEY,
  identity TEXT NOT NULL,      -- user@host, or `identity` in the configuration
  archive  TEXT NOT NULL,      -- path of the Maildir or mbox (a BLOB if it is not UTF-8)
  next_seq INTEGER NOT NULL,   -- above every message.seq ever used here
  last_login INTEGER,          -- when a fetch last logged in, for servers with LOGIN-DELAY
  UNIQUE (identity, archive)
);

CREATE TABLE message (         -- one message in an archive, or about to enter it
  maildrop    INTEGER NOT NULL REFERENCES maildrop (id),
  seq         INTEGER NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('intent', 'stored', 'deleted')),
                               -- deleted: from the server, by us; the archive keeps it
  uid         BLOB,            -- as UIDL last listed it; NULL without UIDL
  list_size   INTEGER,         -- octets as LIST gave them; servers get this wrong
  archived_at INTEGER NOT NULL, -- seconds since 1970-01-01 00:00 UTC, like every time here
  deleted_at  INTEGER,
  leaving     INTEGER NOT NULL DEFAULT 0, -- 1: DELE accepted, and QUIT not answered yet
  size        INTEGER NOT NULL, -- octets of the stored form
  utf8        INTEGER NOT NULL, -- 1: UTF8 (RFC 6856) was in force when it came
  maildir_key TEXT,            -- Maildir: what identifies the file's name
  mbox_offset INTEGER,         -- mbox: where its region begins
  mbox_length INTEGER,         -- mbox: octets of the region
  header_hash      BLOB NOT NULL, -- SHA-256 of the header block
  core_header_hash BLOB NOT NULL, -- the same without Status, X-UID and their like
  rest_hash        BLOB NOT NULL, -- SHA-256 of the empty line and what follows
  core_key         INTEGER NOT NULL, -- 8 octets of the hash over core_header_hash and rest_hash
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
CREATE INDEX message_by_core ON message (maildrop, core_key);
CREATE INDEX message_intent ON message (maildrop, seq) WHERE state = 'intent';

CREATE TABLE quirk (           -- what a server was seen doing
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  name     TEXT NOT NULL,      -- equal_uids: one UID stood for two messages in one listing
  PRIMARY KEY (maildrop, name)
) WITHOUT ROWID;

CREATE TABLE run (             -- the newest runs, and the last success however old
  maildrop      INTEGER NOT NULL REFERENCES maildrop (id),
  number        INTEGER NOT NULL,
  started_at    INTEGER NOT NULL,
  ended_at      INTEGER,       -- NULL: still at work, or killed
  exit          INTEGER,
  error         TEXT,
  listed        INTEGER,
  held          INTEGER,
  fetched       INTEGER,
  octets        INTEGER,
  deleted       INTEGER,
  missing       INTEGER,
  delete_policy TEXT,
  PRIMARY KEY (maildrop, number)
) WITHOUT ROWID;
";

/// Makes the tables in an empty database; checks those of any other.
pub(super) fn prepare(connection: &mut Connection, path: &str) -> Result<(), LedgerError> {
    if version(connection, path)? == Some(VERSION) {
        return Ok(());
    }
    // Looked at again under the write lock: another process may be making the tables now.
    let failed = |error| LedgerError::from_sqlite(path, &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if version(&transaction, path)?.is_none() {
        transaction.execute_batch(CREATE).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// The format of the file: `None` when it is empty. A newer format, or a database of another
/// program, is an error.
pub(super) fn version(connection: &Connection, path: &str) -> Result<Option<i64>, LedgerError> {
    // One snapshot for all three questions: another process may be making the tables between them.
    let snapshot = connection.is_autocommit().then(|| connection.unchecked_transaction());
    let _snapshot = snapshot.transpose().map_err(|error| LedgerError::from_sqlite(path, &error))?;
    let number = |sql: &str| -> Result<i64, LedgerError> {
        connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(|error| LedgerError::from_sqlite(path, &error))
    };
    let found = number("PRAGMA user_version")?;
    let ours = number("PRAGMA application_id")? == APPLICATION_ID;
    if !ours && found == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(None);
    }
    if !ours {
        return Err(LedgerError::Damaged {
            path: path.to_owned(),
            reason: "it is a database of another program".to_owned(),
        });
    }
    match found {
        VERSION => Ok(Some(VERSION)),
        newer if newer > VERSION => {
            Err(LedgerError::Newer { path: path.to_owned(), found: newer, known: VERSION })
        }
        _ => Err(LedgerError::Damaged {
            path: path.to_owned(),
            reason: format!("it says that its format is {found}"),
        }),
    }
}
