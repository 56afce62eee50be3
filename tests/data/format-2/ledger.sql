-- What the last popkeep with format 2 left; made by tests/data/make-format, which says what is in it.
PRAGMA application_id = 1886351467;
PRAGMA user_version = 2;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE maildrop (        -- one mailbox on a server, kept in one archive
  id       INTEGER PRIMARY KEY,
  identity TEXT NOT NULL,      -- user@host, or `identity` in the configuration
  archive  TEXT NOT NULL,      -- path of the Maildir or mbox (a BLOB if it is not UTF-8)
  next_seq INTEGER NOT NULL,   -- above every message.seq ever used here
  last_login INTEGER,          -- when a fetch last logged in, for servers with LOGIN-DELAY
  UNIQUE (identity, archive)
);
INSERT INTO maildrop VALUES(1,'joe@mbox.example','/home/jane/Mail/mbox',6,1767607200);
INSERT INTO maildrop VALUES(2,'joe@maildir.example','/home/jane/Mail/maildir',7,1767607200);
INSERT INTO maildrop VALUES(3,'joe@refused.example','/home/jane/Mail/refused',1,1767607200);
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
INSERT INTO message VALUES(1,1,'deleted',X'7569642d3030303131',242,1767607200,1767607200,0,233,0,NULL,278,278,X'c0f6fb7ab69ede8731ef4c08b61dea5ad542735fd2687dbf6fbfa11b936d5bd2',X'c0f6fb7ab69ede8731ef4c08b61dea5ad542735fd2687dbf6fbfa11b936d5bd2',X'089297a585764cd2742e67c99fe6294bc578f34f85e95362a92db97e8e371b1d',-2183920197579980692);
INSERT INTO message VALUES(1,2,'deleted',X'7569642d3030303132',242,1767607200,1767607200,0,233,0,NULL,556,278,X'baf1d8df969429a8b93107fcdfe0efbc020891a0530bb831edd6de386eaa9ee7',X'baf1d8df969429a8b93107fcdfe0efbc020891a0530bb831edd6de386eaa9ee7',X'a37cbe5a9d86e9e6a31554a1b55b88d2cdcff2e03fb1128d5094af75cf2bdcdf',-3915781003309061821);
INSERT INTO message VALUES(1,3,'deleted',X'7569642d3030303133',242,1767607200,1767607200,0,233,0,NULL,834,278,X'20ed3299e92f2d335642fdaf98a316cc1512b3a87a67de6701e62f9a9f5c25c9',X'20ed3299e92f2d335642fdaf98a316cc1512b3a87a67de6701e62f9a9f5c25c9',X'8def9532a429c1abfa2b4b6fcacb67fefa3c934e37b9a7de4de46e0823970a19',-3006522734279832590);
INSERT INTO message VALUES(1,4,'stored',X'7569642d3030303134',242,1767607200,NULL,0,233,0,NULL,1112,278,X'ddea52c05e7c4ccad05b6bdfc8f27217eb3804635b72b0896a613e0a9be72e20',X'ddea52c05e7c4ccad05b6bdfc8f27217eb3804635b72b0896a613e0a9be72e20',X'9c56fcdd06d8d2b87cb98905d3e591183f249d45121e7a25d3741ba2345f995f',607661171099486595);
INSERT INTO message VALUES(1,5,'stored',X'7569642d3030303135',242,1767607200,NULL,0,233,0,NULL,1390,278,X'bdce7ba16fdf92588b70713fed187580ad35fdb5c5158d73aa05ff4ed3ba9a4e',X'bdce7ba16fdf92588b70713fed187580ad35fdb5c5158d73aa05ff4ed3ba9a4e',X'b17d01aa38c4c4081bf431f4d2f7b12a0e7e646feee880b447aec7bb6b07b7aa',5070234129136301832);
INSERT INTO message VALUES(2,1,'stored',X'7569642d3030303031',239,1767607200,NULL,0,230,0,'Ud1412f79ff3c0b76c5ec1967a19983a0Cbcbdfd1475e6e183d5906f5385becff2',NULL,NULL,X'f5d5a3f76d7007c06e3144c9e61b646d2bef97ac1eeedc46c66a9f8979d0a3a9',X'f5d5a3f76d7007c06e3144c9e61b646d2bef97ac1eeedc46c66a9f8979d0a3a9',X'fba4e980b76194b48748dd71682f0c8dc0ad9392a0cb509146ebde55cfd2c114',-4846439359661547133);
INSERT INTO message VALUES(2,2,'stored',X'7569642d3030303032',239,1767607200,NULL,0,230,0,'Ua30d139425940029d20240ac1e4d2586C669daf177f659f30b8e38d00aa00efc7',NULL,NULL,X'867da8e58567ee2f909b232ad95a5ff667d85ba43de838eb96207c6a9f4ed795',X'867da8e58567ee2f909b232ad95a5ff667d85ba43de838eb96207c6a9f4ed795',X'802d7d59ba857e1969b22a0312ff1e1e7a999d1d35208702569856ea282b1b2d',7394258678668697392);
INSERT INTO message VALUES(2,3,'stored',X'7569642d3030303033',239,1767607200,NULL,0,230,0,'U7886c062b9c5cc2775fb03e4f72d6447Cb74fd6a61ff6d93dc4af82ee25589269',NULL,NULL,X'fff47a697d9db0e21b97c4b4b4c8cfbe50d201c6c8e097fe3d02557bc5d60fbf',X'fff47a697d9db0e21b97c4b4b4c8cfbe50d201c6c8e097fe3d02557bc5d60fbf',X'cd7d0a1c09643778a0b62e1c70c5769ebed8a97765a5d81b8ca0e3828a5e44b8',-5237731832619411139);
INSERT INTO message VALUES(2,4,'stored',X'73616d65',239,1767607200,NULL,0,230,0,'Ud10ae3822fbb65a15a09c8e40f3444bfC91d3c4b5da228bb226dc132d186cc65f',NULL,NULL,X'74e0a3ed5dbd3d0bc3bcefe0e5226b7f0f67fcdbaa8caafaa1fb8b5c51cf1cda',X'74e0a3ed5dbd3d0bc3bcefe0e5226b7f0f67fcdbaa8caafaa1fb8b5c51cf1cda',X'5511efe0aade3a2c2c20c746382e7cf8498582e3f4d82287905384f669d1f6e7',-7938785432796230734);
INSERT INTO message VALUES(2,5,'stored',X'73616d65',239,1767607200,NULL,0,230,0,'Ud10ae3822fbb65a15a09c8e40f3444bfC39dd7188d7727c12ee6b8a3321cdc563',NULL,NULL,X'6a5420cdb549c1fb989143d04b3ab0271ca9e85a5ed9fad03df7cc892f2a0619',X'6a5420cdb549c1fb989143d04b3ab0271ca9e85a5ed9fad03df7cc892f2a0619',X'a3887eea95e3c8225897af2efb9e9ee9d039b337f127063f4257e7ded88fafae',4169613662559042578);
INSERT INTO message VALUES(2,6,'intent',X'7569642d3030303039',239,1767607200,NULL,0,230,0,'Uab58c9505612ca81742ed7e99ff19de4Cfa4de7398567c6473d49a311d5ca2fd2',NULL,NULL,X'6b013c10a98dee0aa738b78dd492d21973b36f3d44794eddcac574aab8b51e36',X'6b013c10a98dee0aa738b78dd492d21973b36f3d44794eddcac574aab8b51e36',X'898bc6491302e2f8feee5927cef455a3ee3b7d5396be795bfc9cca856fb08015',-410417756783524281);
CREATE TABLE quirk (           -- what a server was seen doing
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  name     TEXT NOT NULL,      -- equal_uids: one UID stood for two messages in one listing
  PRIMARY KEY (maildrop, name)
) WITHOUT ROWID;
INSERT INTO quirk VALUES(2,'equal_uids');
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
INSERT INTO run VALUES(1,1,1767607200,1767607200,0,NULL,3,3,3,699,3,0,'fetched');
INSERT INTO run VALUES(1,2,1767607200,1767607200,0,NULL,2,2,2,466,0,0,'never');
INSERT INTO run VALUES(2,1,1767607200,1767607200,1,NULL,6,5,5,1150,0,1,'never');
INSERT INTO run VALUES(2,2,1767607200,1767607200,1,NULL,5,4,0,0,0,1,'never');
INSERT INTO run VALUES(2,3,1767607200,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO run VALUES(3,1,1767607200,1767607200,0,NULL,0,0,0,0,0,0,'never');
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
INSERT INTO quarantine VALUES(2,X'7569642d3030303036',0,239,'the server refused it: it cannot be read',2,1767607200,1767607200,1767610800,NULL);
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
CREATE INDEX message_by_core ON message (maildrop, core_key);
CREATE INDEX message_intent ON message (maildrop, seq) WHERE state = 'intent';
COMMIT;
