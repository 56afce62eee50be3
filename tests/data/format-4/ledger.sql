-- A ledger of format 4, as the last program with that format wrote it: two runs archived messages 1 to 5 of the
-- tests' maildrop in a Maildir; the server refused message 6.
PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1886351467;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE accepted (        -- messages whose copies are gone or changed on purpose
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
CREATE TABLE age_counts (      -- rows that a wrong clock archived
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  since    INTEGER NOT NULL,   -- their age counts from here
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
CREATE TABLE first_look (      -- listed messages are still to be looked for among the unknown copies, by their headers
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id)
);
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
INSERT INTO "login_worked" VALUES(1,1767607200,'1767607200.0.1;',X'D60D87BDE4731DBC80D8BAF7358D0CAC',NULL);
CREATE TABLE look (            -- what was seen of the archive when it was last looked at
  maildrop  INTEGER PRIMARY KEY REFERENCES maildrop (id),
  stamp     TEXT,              -- what its folders or its file were; NULL: not to be relied on
  absent    BLOB NOT NULL,     -- message.seq of copies that were not there: differences, 7 bits to an octet
  turn      INTEGER NOT NULL,  -- message.seq from which on sizes are looked at next
  turn_at   INTEGER NOT NULL,  -- when sizes were last looked at
  told      INTEGER NOT NULL,  -- removed messages that the account's owner knows of
  said_half INTEGER NOT NULL   -- 1: that more than half vanished was said
);
CREATE TABLE maildrop (        -- one mailbox on a server, kept in one archive
  id       INTEGER PRIMARY KEY,
  identity TEXT NOT NULL,      -- user@host, or `identity` in the configuration
  archive  TEXT NOT NULL,      -- path of the Maildir or mbox (a BLOB if it is not UTF-8)
  next_seq INTEGER NOT NULL,   -- above every message.seq ever used here
  last_login INTEGER,          -- when a fetch last logged in, for servers with LOGIN-DELAY
  UNIQUE (identity, archive)
);
INSERT INTO "maildrop" VALUES(1,'joe@127.0.0.1','/home/joe/Mail/work',6,1767607200);
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
INSERT INTO "message" VALUES(1,1,'stored',X'7569642D3030303031',239,1767607200,NULL,0,230,0,'Uc43f255a584ef1b2d1b225e06108fe78Cbcbdfd1475e6e183d5906f5385becff2',NULL,NULL,X'F5D5A3F76D7007C06E3144C9E61B646D2BEF97AC1EEEDC46C66A9F8979D0A3A9',X'F5D5A3F76D7007C06E3144C9E61B646D2BEF97AC1EEEDC46C66A9F8979D0A3A9',X'FBA4E980B76194B48748DD71682F0C8DC0AD9392A0CB509146EBDE55CFD2C114',-4846439359661547133);
INSERT INTO "message" VALUES(1,2,'stored',X'7569642D3030303032',239,1767607200,NULL,0,230,0,'U76bd4876fd99efe2b45c15c9c51ffa18C669daf177f659f30b8e38d00aa00efc7',NULL,NULL,X'867DA8E58567EE2F909B232AD95A5FF667D85BA43DE838EB96207C6A9F4ED795',X'867DA8E58567EE2F909B232AD95A5FF667D85BA43DE838EB96207C6A9F4ED795',X'802D7D59BA857E1969B22A0312FF1E1E7A999D1D35208702569856EA282B1B2D',7394258678668697392);
INSERT INTO "message" VALUES(1,3,'stored',X'7569642D3030303033',239,1767607200,NULL,0,230,0,'Ue6a67623f30792dfabd4584b03cffb71Cb74fd6a61ff6d93dc4af82ee25589269',NULL,NULL,X'FFF47A697D9DB0E21B97C4B4B4C8CFBE50D201C6C8E097FE3D02557BC5D60FBF',X'FFF47A697D9DB0E21B97C4B4B4C8CFBE50D201C6C8E097FE3D02557BC5D60FBF',X'CD7D0A1C09643778A0B62E1C70C5769EBED8A97765A5D81B8CA0E3828A5E44B8',-5237731832619411139);
INSERT INTO "message" VALUES(1,4,'stored',X'7569642D3030303034',239,1767607200,NULL,0,230,0,'Uc7377d8b28541cc8813b030a29d641ffC91d3c4b5da228bb226dc132d186cc65f',NULL,NULL,X'74E0A3ED5DBD3D0BC3BCEFE0E5226B7F0F67FCDBAA8CAAFAA1FB8B5C51CF1CDA',X'74E0A3ED5DBD3D0BC3BCEFE0E5226B7F0F67FCDBAA8CAAFAA1FB8B5C51CF1CDA',X'5511EFE0AADE3A2C2C20C746382E7CF8498582E3F4D82287905384F669D1F6E7',-7938785432796230734);
INSERT INTO "message" VALUES(1,5,'stored',X'7569642D3030303035',239,1767607200,NULL,0,230,0,'Ucb9a440d3964978f904620c458fe028fC39dd7188d7727c12ee6b8a3321cdc563',NULL,NULL,X'6A5420CDB549C1FB989143D04B3AB0271CA9E85A5ED9FAD03DF7CC892F2A0619',X'6A5420CDB549C1FB989143D04B3AB0271CA9E85A5ED9FAD03DF7CC892F2A0619',X'A3887EEA95E3C8225897AF2EFB9E9EE9D039B337F127063F4257E7DED88FAFAE',4169613662559042578);
CREATE TABLE migration (       -- all UIDs have changed at once, and not all messages are known again yet
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  since    INTEGER NOT NULL
);
CREATE TABLE odd_copy (        -- copies that are not as recorded
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  stamp    TEXT NOT NULL,      -- what the file was when it was read
  problem  TEXT,               -- NULL: it differs in header marks alone
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
CREATE TABLE pipelining_failed ( -- servers that mixed up replies to commands sent ahead
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  server   TEXT NOT NULL,      -- host:port
  until    INTEGER NOT NULL    -- nothing is sent ahead to it before
);
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
INSERT INTO "quarantine" VALUES(1,X'7569642D3030303036',0,239,'the server refused it: not this one',1,1767607200,1767607200,1767607200,NULL);
CREATE TABLE quirk (           -- what a server was seen doing
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  name     TEXT NOT NULL,      -- equal_uids: one UID stood for two messages in one listing
  PRIMARY KEY (maildrop, name)
) WITHOUT ROWID;
CREATE TABLE rebound (         -- rows that got a new uid by header and size alone: RETR before DELE
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
CREATE TABLE returned (        -- messages that were listed again after a confirmed deletion
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  times    INTEGER NOT NULL,   -- how often
  until    INTEGER NOT NULL,   -- no DELE for it before; 0: none was put off
  PRIMARY KEY (maildrop, seq)
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
INSERT INTO "run" VALUES(1,1,1767607200,1767607200,0,NULL,3,3,3,690,0,0,'never');
INSERT INTO "run" VALUES(1,2,1767607200,1767607200,1,NULL,6,5,2,460,0,1,'never');
CREATE TABLE run_remainder (   -- listed messages of a run that are neither archived nor missing
  maildrop   INTEGER NOT NULL REFERENCES maildrop (id),
  number     INTEGER NOT NULL, -- as in run
  removed    INTEGER NOT NULL, -- archived once, and removed from the archive since
  left_alone INTEGER NOT NULL, -- left on the server by the user's own settings
  kept       INTEGER NOT NULL, -- due for deletion, and kept: their copy is gone or changed
  kept_octets INTEGER NOT NULL, -- octets of these, as listed
  PRIMARY KEY (maildrop, number)
) WITHOUT ROWID;
INSERT INTO "run_remainder" VALUES(1,1,0,0,0,0);
INSERT INTO "run_remainder" VALUES(1,2,0,0,0,0);
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
CREATE TABLE size_change (     -- messages whose size in LIST changed and whose content did not
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  times    INTEGER NOT NULL,   -- how often
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
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
CREATE TABLE stranger_count (  -- the number of the last one
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  last     INTEGER NOT NULL
);
CREATE TABLE stranger_header ( -- unknown copies whose headers were read
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  id       INTEGER NOT NULL,   -- stranger.id
  content  BLOB NOT NULL,      -- stranger.content
  header   BLOB NOT NULL,      -- 16 octets of the hash of the header without what fetchers add; empty: too long
  PRIMARY KEY (maildrop, id)
) WITHOUT ROWID;
CREATE TABLE stranger_uid (    -- those that have an origin
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  origin   BLOB NOT NULL,
  id       INTEGER NOT NULL,
  content  BLOB NOT NULL,
  PRIMARY KEY (maildrop, origin, id)
) WITHOUT ROWID;
CREATE TABLE strangers_seen (  -- what the archive was when unknown copies were looked for
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  stamp    TEXT NOT NULL
);
CREATE TABLE tallied_from (    -- older rows were stored before octets had to tally with LIST sizes
  maildrop INTEGER PRIMARY KEY, -- maildrop.id
  seq      INTEGER NOT NULL    -- the first row that had to
);
CREATE TABLE told (            -- missing messages that were reported with --quiet
  maildrop INTEGER NOT NULL,   -- maildrop.id
  sign     BLOB NOT NULL,      -- 16 octets of a hash over its uid and the reason
  at       INTEGER NOT NULL,
  PRIMARY KEY (maildrop, sign)
) WITHOUT ROWID;
CREATE TABLE unanswered (      -- what a server does not answer or hangs up at: it is asked without it
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  server   TEXT NOT NULL,      -- host:port
  command  TEXT NOT NULL,      -- CAPA, UTF8, TOP or a mechanism; with "no " before it a mechanism that it
                               -- refuses as unknown and then hangs up; "limit": the provider's limit
  message  BLOB NOT NULL,      -- TOP, limit: the message that was asked for; empty for the others
  until    INTEGER NOT NULL,   -- it is asked again from then on
  PRIMARY KEY (maildrop, server, command, message)
) WITHOUT ROWID;
CREATE TABLE unlisted (        -- stored messages that the last complete listing left out
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
CREATE TABLE unsteady (        -- rows whose messages the server sends with other octets each time
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
CREATE INDEX message_by_core ON message (maildrop, core_key);
CREATE INDEX message_intent ON message (maildrop, seq) WHERE state = 'intent';
CREATE INDEX stranger_by_header ON stranger_header (maildrop, header);
COMMIT;
