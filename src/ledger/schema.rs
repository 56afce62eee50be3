//! The tables, and what a file must be to hold them.

use super::LedgerError;
use rusqlite::{Connection, TransactionBehavior};

/// The newest format this version reads and writes (`PRAGMA user_version`).
pub(super) const VERSION: i64 = 8;

/// Marks the file as a popkeep ledger (`PRAGMA application_id`): "popk".
const APPLICATION_ID: i64 = 0x706f_706b;

/// The first format, which every file has been in.
const FIRST: i64 = 1;

/// The tables of [`FIRST`]. The comments are kept by SQLite: `.schema` in the sqlite3 shell shows them.
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

/// What format 2 adds.
const ADD_2: &str = "
CREATE TABLE quarantine (      -- listed messages that could not be had
  maildrop    INTEGER NOT NULL REFERENCES maildrop (id),
  uid         BLOB NOT NULL,   -- empty where the server gives none
  number      INTEGER NOT NULL, -- 0 where the UID alone tells which message it is
  list_size   INTEGER,
  reason      TEXT NOT NULL,   -- of the last failure
  failures    INTEGER NOT NULL, -- runs in which it failed; 0: a connection was lost at it, once
  first_at    INTEGER NOT NULL,
  last_at     INTEGER NOT NULL,
  next_at     INTEGER NOT NULL, -- when it is due to be tried again
  larger_than INTEGER,         -- the max_size that it passed, if that was the reason
  PRIMARY KEY (maildrop, uid, number)
) WITHOUT ROWID;

CREATE TABLE rebound (         -- rows that got a new uid by header and size alone: RETR before DELE
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE unsteady (        -- rows whose messages the server sends with other octets each time
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE pipelining_failed ( -- servers that mixed up replies to commands sent ahead
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  server   TEXT NOT NULL,      -- host:port
  until    INTEGER NOT NULL    -- nothing is sent ahead to it before
);
";

/// What format 3 adds.
const ADD_3: &str = "
CREATE TABLE stranger (        -- what is in the archive and no row explains
  maildrop    INTEGER NOT NULL REFERENCES maildrop (id),
  content     BLOB NOT NULL,   -- 16 octets: with an origin as the file's name has it, else without what fetchers add
  id          INTEGER NOT NULL,
  maildir_key TEXT,            -- Maildir: the KEY, or the file's name without its flags
  mbox_offset INTEGER,
  mbox_length INTEGER,
  origin      BLOB,            -- Maildir: the hash of identity and UID in the file's name
  arrived     INTEGER NOT NULL, -- as the file's name has it
  PRIMARY KEY (maildrop, content, id)
) WITHOUT ROWID;

CREATE TABLE stranger_uid (    -- those that have an origin
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  origin   BLOB NOT NULL,
  id       INTEGER NOT NULL,
  content  BLOB NOT NULL,
  PRIMARY KEY (maildrop, origin, id)
) WITHOUT ROWID;

CREATE TABLE stranger_count (  -- the number of the last one
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  last     INTEGER NOT NULL
);

CREATE TABLE strangers_seen (  -- what the archive was when unknown copies were looked for
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  stamp    TEXT NOT NULL
);

CREATE TABLE served_as (       -- rows whose copies another program has made: the message as the server has it
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  header_hash      BLOB NOT NULL,
  core_header_hash BLOB NOT NULL,
  rest_hash        BLOB NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE served_key (      -- the same by core_key, as in message
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  core_key INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, core_key, seq)
) WITHOUT ROWID;

CREATE TABLE unlisted (        -- stored messages that the last complete listing left out
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE migration (       -- all UIDs have changed at once, and not all messages are known again yet
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  since    INTEGER NOT NULL
);

CREATE TABLE returned (        -- messages that were listed again after a confirmed deletion
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  times    INTEGER NOT NULL,   -- how often
  until    INTEGER NOT NULL,   -- no DELE for it before; 0: none was put off
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE size_change (     -- messages whose size in LIST changed and whose content did not
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  times    INTEGER NOT NULL,   -- how often
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE told (            -- missing messages that were reported with --quiet
  maildrop INTEGER NOT NULL,   -- maildrop.id
  sign     BLOB NOT NULL,      -- 16 octets of a hash over its uid and the reason
  at       INTEGER NOT NULL,
  PRIMARY KEY (maildrop, sign)
) WITHOUT ROWID;

CREATE TABLE tallied_from (    -- older rows were stored before octets had to tally with LIST sizes
  maildrop INTEGER PRIMARY KEY, -- maildrop.id
  seq      INTEGER NOT NULL    -- the first row that had to
);
INSERT INTO tallied_from SELECT id, next_seq FROM maildrop;

CREATE TABLE age_counts (      -- rows that a wrong clock archived
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  since    INTEGER NOT NULL,   -- their age counts from here
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE unanswered (      -- what a server does not answer or hangs up at: it is asked without it
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  server   TEXT NOT NULL,      -- host:port
  command  TEXT NOT NULL,      -- CAPA, UTF8, TOP or a mechanism; with \"no \" before it a mechanism that it
                               -- refuses as unknown and then hangs up; \"limit\": the provider's limit
  message  BLOB NOT NULL,      -- TOP, limit: the message that was asked for; empty for the others
  until    INTEGER NOT NULL,   -- it is asked again from then on
  PRIMARY KEY (maildrop, server, command, message)
) WITHOUT ROWID;

CREATE TABLE login_refused (   -- the login that was refused, until one succeeds
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  times    INTEGER NOT NULL,   -- in a row, with the same configuration and secret
  last_at  INTEGER NOT NULL,
  worked   INTEGER NOT NULL,   -- 1: this secret had let us in not long before
  files    TEXT NOT NULL,      -- when the configuration's and the secret's file changed last
  salt     BLOB NOT NULL,
  digest   INTEGER             -- 16 bits of a slow, salted hash of a secret that is in no file
);

CREATE TABLE login_worked (    -- what let us in last
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  at       INTEGER NOT NULL,   -- to the day
  files    TEXT NOT NULL,      -- as in login_refused, like the next two
  salt     BLOB NOT NULL,
  digest   INTEGER
);

CREATE TABLE run_remainder (   -- listed messages of a run that are neither archived nor missing
  maildrop   INTEGER NOT NULL REFERENCES maildrop (id),
  number     INTEGER NOT NULL, -- as in run
  removed    INTEGER NOT NULL, -- archived once, and removed from the archive since
  left_alone INTEGER NOT NULL, -- left on the server by the user's own settings
  kept       INTEGER NOT NULL, -- due for deletion, and kept: their copy is gone or changed
  kept_octets INTEGER NOT NULL, -- octets of these, as listed
  PRIMARY KEY (maildrop, number)
) WITHOUT ROWID;

CREATE TABLE look (            -- what was seen of the archive when it was last looked at
  maildrop  INTEGER PRIMARY KEY REFERENCES maildrop (id),
  stamp     TEXT,              -- what its folders or its file were; NULL: not to be relied on
  absent    BLOB NOT NULL,     -- message.seq of copies that were not there: differences, 7 bits to an octet
  turn      INTEGER NOT NULL,  -- message.seq from which on sizes are looked at next
  turn_at   INTEGER NOT NULL,  -- when sizes were last looked at
  told      INTEGER NOT NULL,  -- removed messages that the account's owner knows of
  said_half INTEGER NOT NULL   -- 1: that more than half vanished was said
);

CREATE TABLE odd_copy (        -- copies that are not as recorded
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  stamp    TEXT NOT NULL,      -- what the file was when it was read
  problem  TEXT,               -- NULL: it differs in header marks alone
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE accepted (        -- messages whose copies are gone or changed on purpose
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
";

/// What format 4 adds.
const ADD_4: &str = "
CREATE TABLE stranger_header ( -- unknown copies whose headers were read
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  id       INTEGER NOT NULL,   -- stranger.id
  content  BLOB NOT NULL,      -- stranger.content
  header   BLOB NOT NULL,      -- 16 octets of the hash of the header without what fetchers add; empty: too long
  PRIMARY KEY (maildrop, id)
) WITHOUT ROWID;
CREATE INDEX stranger_by_header ON stranger_header (maildrop, header);

CREATE TABLE first_look (      -- listed messages are still to be looked for among the unknown copies, by their headers
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id)
);
";

/// What format 5 adds.
const ADD_5: &str = "
CREATE TABLE reading (         -- whose copies were read to verify them
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  first    INTEGER NOT NULL,   -- message.seq: from this one
  last     INTEGER NOT NULL,   -- to this one
  at       INTEGER NOT NULL,
  PRIMARY KEY (maildrop, first)
) WITHOUT ROWID;

CREATE TABLE verified (        -- what the last verification found
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  at       INTEGER NOT NULL,
  read     INTEGER NOT NULL,   -- copies read
  damaged  INTEGER NOT NULL,   -- at its end
  missing  INTEGER NOT NULL
);

CREATE TABLE replacement (     -- intents whose copies are to replace bad or missing ones
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,   -- of the intent
  replaces INTEGER NOT NULL,   -- message.seq of the row that gets the copy
  bad      INTEGER NOT NULL,   -- 1: a bad copy of it is there
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;

CREATE TABLE bad_copy (        -- replaced copies that are still in the archive
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  id       INTEGER NOT NULL,
  maildir_key TEXT,
  mbox_offset INTEGER,
  mbox_length INTEGER,
  PRIMARY KEY (maildrop, id)
) WITHOUT ROWID;

CREATE TABLE stranger_label (  -- unknown copies into which another program has written the UID
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  id       INTEGER NOT NULL,   -- stranger.id
  content  BLOB NOT NULL,      -- stranger.content
  uid      BLOB NOT NULL,
  PRIMARY KEY (maildrop, id)
) WITHOUT ROWID;
CREATE INDEX stranger_by_label ON stranger_label (maildrop, uid);

CREATE TABLE seen_elsewhere (  -- messages that an adopted program had seen, and that are not to be fetched
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  uid      BLOB NOT NULL,
  folded   INTEGER NOT NULL,   -- 1: with each / written as -
  PRIMARY KEY (maildrop, uid)
) WITHOUT ROWID;

CREATE TABLE adoption (        -- what adopt has done, until the next fetch
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  account  TEXT NOT NULL,      -- its name in the configuration
  program  TEXT NOT NULL,      -- from which it was taken over
  at       INTEGER NOT NULL,
  config   TEXT NOT NULL,      -- the configuration file (a BLOB if it is not UTF-8)
  added    TEXT NOT NULL       -- the lines that were added to it; empty: none
);

CREATE TABLE adopted_copy (    -- rows that are copies of another program's messages: once stored, they become unknown copies
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  content  BLOB NOT NULL,      -- as in stranger
  header   BLOB NOT NULL,      -- as in stranger_header
  uid      BLOB,               -- as in stranger_label
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
";

/// What format 6 adds.
const ADD_6: &str = "
CREATE TABLE folder (          -- IMAP folders that mail was restored to
  id       INTEGER PRIMARY KEY,
  user     TEXT NOT NULL,
  host     TEXT NOT NULL,
  port     INTEGER NOT NULL,
  name     TEXT NOT NULL,
  uid_validity INTEGER NOT NULL, -- a different value is a different folder, even of the same name
  turn     INTEGER NOT NULL,   -- the greatest is that of the folder that was restored to last
  UNIQUE (user, host, port, name, uid_validity)
);

CREATE TABLE restored (        -- copies in such a folder
  folder   INTEGER NOT NULL REFERENCES folder (id),
  content  BLOB NOT NULL,      -- SHA-256 of the stored form
  ordinal  INTEGER NOT NULL,   -- tells copies of equal content apart
  mark     BLOB NOT NULL,      -- 8 octets of a hash over Message-ID and size
  uid      INTEGER,            -- that the server gave it, if it said so
  sent_at  INTEGER,            -- NULL: it is there; else whether it has arrived is not known
  octets   INTEGER,            -- as sent, like the next two, while that is not known
  message_id BLOB,             -- 16 octets of a hash
  uid_next INTEGER,            -- the UID of whatever came next into the folder
  PRIMARY KEY (folder, content, ordinal)
) WITHOUT ROWID;
CREATE INDEX restored_sent ON restored (folder, content, ordinal) WHERE sent_at IS NOT NULL;

CREATE TABLE restored_since (  -- what counts as new for a folder: rows of an archive from this one on
  folder   INTEGER NOT NULL REFERENCES folder (id),
  identity TEXT NOT NULL,
  archive  TEXT NOT NULL,      -- as in maildrop
  seq      INTEGER NOT NULL,
  PRIMARY KEY (folder, identity, archive)
) WITHOUT ROWID;

CREATE TABLE skipped (         -- listed messages that skip_headers leaves on the server
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  uid      BLOB NOT NULL,
  list_size INTEGER,
  setting  INTEGER NOT NULL,   -- 8 octets of a hash over skip_headers
  field    INTEGER NOT NULL,   -- which field of that setting the header has, from 0
  PRIMARY KEY (maildrop, uid)
) WITHOUT ROWID;

CREATE TABLE run_day (         -- runs that are in the table run no more, by the day on which they began
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  day      TEXT NOT NULL,      -- 2026-11-23, in the local time zone
  last     INTEGER NOT NULL,   -- the greatest run.number of them
  runs     INTEGER NOT NULL,
  succeeded INTEGER NOT NULL,  -- exit code 0
  failed   INTEGER NOT NULL,   -- another one; the rest were killed
  fetched  INTEGER NOT NULL,
  octets   INTEGER NOT NULL,
  deleted  INTEGER NOT NULL,
  exit     INTEGER,            -- the highest exit code; NULL: all were killed
  PRIMARY KEY (maildrop, day)
) WITHOUT ROWID;
";

/// What format 7 adds.
const ADD_7: &str = "
CREATE TABLE archived_day (    -- what was archived, by the day
  maildrop INTEGER NOT NULL,   -- maildrop.id
  day      INTEGER NOT NULL,   -- days since 1970-01-01 UTC
  messages INTEGER NOT NULL,   -- rows of the table message that are no intents
  octets   INTEGER NOT NULL,   -- of their stored forms
  PRIMARY KEY (maildrop, day)
) WITHOUT ROWID;
INSERT INTO archived_day SELECT maildrop, archived_at / 86400, count(*), sum(size) FROM message
  WHERE state <> 'intent' GROUP BY 1, 2;
";

/// Triggers keep the totals, so that no change of a row can forget them.
const TOTALS_7: &str = "
CREATE TRIGGER archived_more AFTER INSERT ON message WHEN new.state <> 'intent' BEGIN
  INSERT INTO archived_day VALUES (new.maildrop, new.archived_at / 86400, 1, new.size)
    ON CONFLICT DO UPDATE SET messages = messages + 1, octets = octets + new.size;
END;
CREATE TRIGGER archived_at_last AFTER UPDATE OF state ON message
WHEN old.state = 'intent' AND new.state <> 'intent' BEGIN
  INSERT INTO archived_day VALUES (new.maildrop, new.archived_at / 86400, 1, new.size)
    ON CONFLICT DO UPDATE SET messages = messages + 1, octets = octets + new.size;
END;
CREATE TRIGGER archived_anew AFTER UPDATE OF size ON message WHEN old.state <> 'intent' BEGIN
  UPDATE archived_day SET octets = octets - old.size + new.size
    WHERE maildrop = new.maildrop AND day = new.archived_at / 86400;
END;
CREATE TRIGGER archived_less AFTER DELETE ON message WHEN old.state <> 'intent' BEGIN
  UPDATE archived_day SET messages = messages - 1, octets = octets - old.size
    WHERE maildrop = old.maildrop AND day = old.archived_at / 86400;
END;
";

/// Each run of an account without mail asks who else has its archive.
const ARCHIVES_8: &str = "CREATE INDEX maildrop_by_archive ON maildrop (archive);";

/// What leads from one format to the next. It only adds, so that a file of an older format can be read as it is.
struct Step {
    /// Tables, with their indexes and what fills them.
    tables: &'static str,
    /// What a reader can do without: triggers, and indexes of older tables.
    for_writers: &'static str,
}

impl Step {
    const fn of(tables: &'static str) -> Step {
        Step { tables, for_writers: "" }
    }
}

/// From each format to the next, the empty file first.
const STEPS: [Step; 8] = [
    Step::of(CREATE),
    Step::of(ADD_2),
    Step::of(ADD_3),
    Step::of(ADD_4),
    Step::of(ADD_5),
    Step::of(ADD_6),
    Step { tables: ADD_7, for_writers: TOTALS_7 },
    Step { tables: "", for_writers: ARCHIVES_8 },
];

/// Makes the tables in an empty database, brings those of an older format up to date, and checks
/// those of any other.
pub(super) fn prepare(connection: &mut Connection, path: &str) -> Result<(), LedgerError> {
    if version(connection, path)? == Some(VERSION) {
        return Ok(());
    }
    // Looked at again under the write lock: another process may be at the same work now.
    let failed = |error| LedgerError::from_sqlite(path, &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for step in missing(version(&transaction, path)?) {
        transaction.execute_batch(step.tables).map_err(failed)?;
        transaction.execute_batch(step.for_writers).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Lets a file of an older format be read as one of this format, without writing to it: the tables that it
/// lacks are there for this connection alone, in memory, as an upgrade leaves them. An empty one stays empty.
pub(super) fn prepare_to_read(connection: &Connection, path: &str) -> Result<(), LedgerError> {
    let found = version(connection, path)?;
    if found.is_none() {
        return Ok(());
    }
    let failed = |error| LedgerError::from_sqlite(path, &error);
    for step in missing(found) {
        connection.pragma_update(None, "temp_store", "memory").map_err(failed)?;
        let tables = step.tables.replace("CREATE TABLE", "CREATE TEMP TABLE");
        connection.execute_batch(&tables).map_err(failed)?;
    }
    Ok(())
}

/// The steps from a format to this one.
fn missing(found: Option<i64>) -> &'static [Step] {
    let done = found.and_then(|found| usize::try_from(found).ok()).unwrap_or(0);
    STEPS.get(done..).unwrap_or(&[])
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
        FIRST..=VERSION => Ok(Some(found)),
        newer if newer > VERSION => {
            Err(LedgerError::Newer { path: path.to_owned(), found: newer, known: VERSION })
        }
        _ => Err(LedgerError::Damaged {
            path: path.to_owned(),
            reason: format!("it says that its format is {found}"),
        }),
    }
}
