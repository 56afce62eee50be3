-- What the last popkeep with format 7 left; made by tests/data/make-format, which says what is in it.
PRAGMA application_id = 1886351467;
PRAGMA user_version = 7;
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
INSERT INTO maildrop VALUES(3,'joe@refused.example','/home/jane/Mail/refused',1,NULL);
INSERT INTO maildrop VALUES(4,'imap joe@localhost:46719','imap',1,NULL);
INSERT INTO maildrop VALUES(5,'ann@127.0.0.1','/home/jane/old',1,NULL);
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
INSERT INTO run VALUES(2,2,1767607200,1767607200,1,NULL,6,4,0,0,0,1,'never');
INSERT INTO run VALUES(2,3,1767607200,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO run VALUES(3,1,1767607200,1767607200,77,'the server refused the login (USER/PASS): “[AUTH] wrong password”; check `user`, the password and `auth`; the password is `password` in the configuration',0,0,0,0,0,0,'never');
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
INSERT INTO stranger VALUES(1,X'1ef94e33b7b88f195cc87bd0b1ea0def',1,NULL,0,278,NULL,0);
INSERT INTO stranger VALUES(5,X'1c35345cb2299d1ec6b7f6e1b69d6680',1,'1.M1.host',NULL,NULL,NULL,1);
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
INSERT INTO stranger_count VALUES(1,1);
INSERT INTO stranger_count VALUES(5,1);
CREATE TABLE strangers_seen (  -- what the archive was when unknown copies were looked for
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  stamp    TEXT NOT NULL
);
INSERT INTO strangers_seen VALUES(1,'10010651:1112:1796023377:255612207:1796023377:255612207:0');
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
INSERT INTO unlisted VALUES(2,1);
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
INSERT INTO told VALUES(2,X'8ca4269694084729f4484aadbdbd23e1',1767607200);
CREATE TABLE tallied_from (    -- older rows were stored before octets had to tally with LIST sizes
  maildrop INTEGER PRIMARY KEY, -- maildrop.id
  seq      INTEGER NOT NULL    -- the first row that had to
);
CREATE TABLE age_counts (      -- rows that a wrong clock archived
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  since    INTEGER NOT NULL,   -- their age counts from here
  PRIMARY KEY (maildrop, seq)
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
INSERT INTO unanswered VALUES(1,'127.0.0.1:41317','CAPA',X'',1770199200);
CREATE TABLE login_refused (   -- the login that was refused, until one succeeds
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  times    INTEGER NOT NULL,   -- in a row, with the same configuration and secret
  last_at  INTEGER NOT NULL,
  worked   INTEGER NOT NULL,   -- 1: this secret had let us in not long before
  files    TEXT NOT NULL,      -- when the configuration's and the secret's file changed last
  salt     BLOB NOT NULL,
  digest   INTEGER             -- 16 bits of a slow, salted hash of a secret that is in no file
);
INSERT INTO login_refused VALUES(3,1,1767607200,0,'1796023377.496446067.10010652;',X'6822a93747f37624bb286741ed9e6307',NULL);
CREATE TABLE login_worked (    -- what let us in last
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  at       INTEGER NOT NULL,   -- to the day
  files    TEXT NOT NULL,      -- as in login_refused, like the next two
  salt     BLOB NOT NULL,
  digest   INTEGER
);
INSERT INTO login_worked VALUES(1,1767607200,'1796023377.496446067.10010652;',X'6977f6782150a18fde5cbd6be92839f9',NULL);
INSERT INTO login_worked VALUES(2,1767607200,'1796023379.416780613.10010688;',X'fcf8ead193b3e73e338d2565cdb4f8f1',NULL);
INSERT INTO login_worked VALUES(4,1796023378,'1796023377.882526025.10010652;',X'0f06dd5c79d3a5bd951e165139634943',NULL);
CREATE TABLE run_remainder (   -- listed messages of a run that are neither archived nor missing
  maildrop   INTEGER NOT NULL REFERENCES maildrop (id),
  number     INTEGER NOT NULL, -- as in run
  removed    INTEGER NOT NULL, -- archived once, and removed from the archive since
  left_alone INTEGER NOT NULL, -- left on the server by the user's own settings
  kept       INTEGER NOT NULL, -- due for deletion, and kept: their copy is gone or changed
  kept_octets INTEGER NOT NULL, -- octets of these, as listed
  PRIMARY KEY (maildrop, number)
) WITHOUT ROWID;
INSERT INTO run_remainder VALUES(1,1,0,0,0,0);
INSERT INTO run_remainder VALUES(1,2,0,0,0,0);
INSERT INTO run_remainder VALUES(2,1,0,0,0,0);
INSERT INTO run_remainder VALUES(2,2,0,1,0,0);
INSERT INTO run_remainder VALUES(3,1,0,0,0,0);
CREATE TABLE look (            -- what was seen of the archive when it was last looked at
  maildrop  INTEGER PRIMARY KEY REFERENCES maildrop (id),
  stamp     TEXT,              -- what its folders or its file were; NULL: not to be relied on
  absent    BLOB NOT NULL,     -- message.seq of copies that were not there: differences, 7 bits to an octet
  turn      INTEGER NOT NULL,  -- message.seq from which on sizes are looked at next
  turn_at   INTEGER NOT NULL,  -- when sizes were last looked at
  told      INTEGER NOT NULL,  -- removed messages that the account's owner knows of
  said_half INTEGER NOT NULL   -- 1: that more than half vanished was said
);
INSERT INTO look VALUES(1,'10010651:1668:1796023377:535547991:1796023377:535547991:0',X'',0,0,0,0);
INSERT INTO look VALUES(2,NULL,X'',0,0,0,0);
CREATE TABLE odd_copy (        -- copies that are not as recorded
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  stamp    TEXT NOT NULL,      -- what the file was when it was read
  problem  TEXT,               -- NULL: it differs in header marks alone
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
INSERT INTO odd_copy VALUES(2,3,'10010670:241:1796023379.361341854',NULL);
CREATE TABLE accepted (        -- messages whose copies are gone or changed on purpose
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
CREATE TABLE stranger_header ( -- unknown copies whose headers were read
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  id       INTEGER NOT NULL,   -- stranger.id
  content  BLOB NOT NULL,      -- stranger.content
  header   BLOB NOT NULL,      -- 16 octets of the hash of the header without what fetchers add; empty: too long
  PRIMARY KEY (maildrop, id)
) WITHOUT ROWID;
INSERT INTO stranger_header VALUES(1,1,X'1ef94e33b7b88f195cc87bd0b1ea0def',X'89e6a1d8c4ced6cbf36c111bee5b35be');
INSERT INTO stranger_header VALUES(5,1,X'1c35345cb2299d1ec6b7f6e1b69d6680',X'3f3f00feac6dcaabb6b1884e3e2efe01');
CREATE TABLE first_look (      -- listed messages are still to be looked for among the unknown copies, by their headers
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id)
);
INSERT INTO first_look VALUES(5);
CREATE TABLE reading (         -- whose copies were read to verify them
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  first    INTEGER NOT NULL,   -- message.seq: from this one
  last     INTEGER NOT NULL,   -- to this one
  at       INTEGER NOT NULL,
  PRIMARY KEY (maildrop, first)
) WITHOUT ROWID;
INSERT INTO reading VALUES(2,1,5,1767607200);
CREATE TABLE verified (        -- what the last verification found
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  at       INTEGER NOT NULL,
  read     INTEGER NOT NULL,   -- copies read
  damaged  INTEGER NOT NULL,   -- at its end
  missing  INTEGER NOT NULL
);
INSERT INTO verified VALUES(2,1767607200,5,0,0);
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
CREATE TABLE seen_elsewhere (  -- messages that an adopted program had seen, and that are not to be fetched
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  uid      BLOB NOT NULL,
  folded   INTEGER NOT NULL,   -- 1: with each / written as -
  PRIMARY KEY (maildrop, uid)
) WITHOUT ROWID;
INSERT INTO seen_elsewhere VALUES(5,X'7569642d3030303330',0);
INSERT INTO seen_elsewhere VALUES(5,X'7569642d3030303331',0);
CREATE TABLE adoption (        -- what adopt has done, until the next fetch
  maildrop INTEGER PRIMARY KEY REFERENCES maildrop (id),
  account  TEXT NOT NULL,      -- its name in the configuration
  program  TEXT NOT NULL,      -- from which it was taken over
  at       INTEGER NOT NULL,
  config   TEXT NOT NULL,      -- the configuration file (a BLOB if it is not UTF-8)
  added    TEXT NOT NULL       -- the lines that were added to it; empty: none
);
INSERT INTO adoption VALUES(5,'adopted','mpop',1767607200,'/home/jane/.config/popkeep/config.toml',replace('\n[accounts.adopted]\n# Taken over from mpop: ~/mpoprc, line 1.\n# mpop deletes from the server what it has fetched, unless it is told to keep it; popkeep will delete nothing until you say so with `delete`\n# Its password is in ~/mpoprc; --take-password copies it into a file of its own.\nhost = "127.0.0.1"\nport = 1\ntls = "none"        # clear text\nuser = "ann"\narchive = "~/old"   # where to keep the mail\nformat = "maildir"  # a folder with tmp/, new/ and cur/\ndelete = "never"    # from the server: "never", "fetched" or "30d"\n# Often useful:\n# max_size = "100 MiB"     # leave larger messages on the server, and report them\n# quiet_transient = "6h"   # with --quiet: say nothing about outages shorter than this\n','\n',char(10)));
CREATE TABLE adopted_copy (    -- rows that are copies of another program's messages: once stored, they become unknown copies
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  seq      INTEGER NOT NULL,
  content  BLOB NOT NULL,      -- as in stranger
  header   BLOB NOT NULL,      -- as in stranger_header
  uid      BLOB,               -- as in stranger_label
  PRIMARY KEY (maildrop, seq)
) WITHOUT ROWID;
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
INSERT INTO folder VALUES(1,'joe','localhost',46719,'Archive',1796023378,2);
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
INSERT INTO restored VALUES(1,X'086ed89d972ec9830b59abf37d7c61c360411fdfe8e6e54d348d8bc3971bcbf1',1,X'd7983c8c4a4682d9',4,NULL,NULL,NULL,NULL);
INSERT INTO restored VALUES(1,X'465d1713c33b3708f8ae895765d2a183e5534f80b1f25913056c2a3d1d75a2d3',1,X'3e2292a7c1abe1c4',5,NULL,NULL,NULL,NULL);
INSERT INTO restored VALUES(1,X'c9a859ec978a69438e2ce5eb50531eb3f90b865aedbe03891442ad8628352ac7',1,X'681e1d9da562f9a2',2,NULL,NULL,NULL,NULL);
INSERT INTO restored VALUES(1,X'd646af809e1d4bf2ec5b036aad6c2144ae6ac8cfe3e7a85fd47873ef502d7713',1,X'7bc23146b3c68cd3',3,NULL,NULL,NULL,NULL);
INSERT INTO restored VALUES(1,X'e1b12826b571c06c3c1c5ce05cb1633cd4d39f75dd355fe4a167bcd1b6bd7348',1,X'a544b3b2baaaa388',1,NULL,NULL,NULL,NULL);
CREATE TABLE restored_since (  -- what counts as new for a folder: rows of an archive from this one on
  folder   INTEGER NOT NULL REFERENCES folder (id),
  identity TEXT NOT NULL,
  archive  TEXT NOT NULL,      -- as in maildrop
  seq      INTEGER NOT NULL,
  PRIMARY KEY (folder, identity, archive)
) WITHOUT ROWID;
INSERT INTO restored_since VALUES(1,'joe@mbox.example','/home/jane/Mail/mbox',6);
CREATE TABLE skipped (         -- listed messages that skip_headers leaves on the server
  maildrop INTEGER NOT NULL REFERENCES maildrop (id),
  uid      BLOB NOT NULL,
  list_size INTEGER,
  setting  INTEGER NOT NULL,   -- 8 octets of a hash over skip_headers
  field    INTEGER NOT NULL,   -- which field of that setting the header has, from 0
  PRIMARY KEY (maildrop, uid)
) WITHOUT ROWID;
INSERT INTO skipped VALUES(2,X'7569642d3030303137',260,7486605884599448046,0);
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
CREATE TABLE archived_day (    -- what was archived, by the day
  maildrop INTEGER NOT NULL,   -- maildrop.id
  day      INTEGER NOT NULL,   -- days since 1970-01-01 UTC
  messages INTEGER NOT NULL,   -- rows of the table message that are no intents
  octets   INTEGER NOT NULL,   -- of their stored forms
  PRIMARY KEY (maildrop, day)
) WITHOUT ROWID;
INSERT INTO archived_day VALUES(1,20458,5,1165);
INSERT INTO archived_day VALUES(2,20458,5,1150);
CREATE INDEX message_by_core ON message (maildrop, core_key);
CREATE INDEX message_intent ON message (maildrop, seq) WHERE state = 'intent';
CREATE INDEX stranger_by_header ON stranger_header (maildrop, header);
CREATE INDEX stranger_by_label ON stranger_label (maildrop, uid);
CREATE INDEX restored_sent ON restored (folder, content, ordinal) WHERE sent_at IS NOT NULL;
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
COMMIT;
