"""Large ledgers of any format: what tests/data has of it, and as many messages more as you like."""

import os
import sqlite3
import time

DATA = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "data")
HOME = "/home/jane"  # what the home folder is called in tests/data
JOE = "joe@maildir.example"  # who has a Maildir there
GAP = 288  # seconds between two messages: 300 a day
OCTETS, SIZES = 4900, 999  # of the smallest message; how many sizes there are

# Like rows of a Maildir that grew day by day. `uid` and `list_size` below say the same of what a server lists.
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO message (maildrop, seq, state, uid, list_size, archived_at, size, utf8, maildir_key, header_hash,
                     core_header_hash, rest_hash, core_key)
SELECT :drop, :first + i, {state}, CAST(printf('uid-%08d', i) AS BLOB), {octets} + 100 + i % {sizes},
       :began + i * :gap, {octets} + i % {sizes}, 0,
       'U' || lower(hex(randomblob(16))) || 'C' || lower(hex(randomblob(16))), randomblob(32), randomblob(32), randomblob(32), random()
FROM n
"""


def uid(number):
    """The UID of message `number`, from 1 on."""
    return f"uid-{number:08}"


def list_size(number):
    return OCTETS + 100 + number % SIZES


def newest():
    """The highest format that tests/data has."""
    return max(int(name.removeprefix("format-")) for name in os.listdir(DATA) if name.startswith("format-"))


def make(path, form, home, messages, account=None, state="iif(i % 3, 'stored', 'deleted')"):
    """Makes the ledger in the file `path`, of format `form`; its archives are below `home`. The messages are Joe's, whose
    account has been through a lot, and began with 2026; or those of `account`, an identity and a Maildir that nothing else is
    known of, and the last of them came now. `state` is an expression of SQL."""
    with open(os.path.join(DATA, f"format-{form}", "ledger.sql"), encoding="utf-8") as file:
        sql = file.read().replace(HOME, home)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(sql)
    began = 1_767_225_600
    if account:
        connection.execute("INSERT INTO maildrop (identity, archive, next_seq) VALUES (?, ?, 1)", account)
        began = int(time.time()) - messages * GAP
    drop, first = connection.execute(
        "SELECT id, next_seq FROM maildrop WHERE identity = ?", (account[0] if account else JOE,)).fetchone()
    if messages:
        connection.execute(FILL.format(state=state, octets=OCTETS, sizes=SIZES),
                           {"count": messages, "drop": drop, "first": first, "began": began, "gap": GAP})
    connection.execute("UPDATE maildrop SET next_seq = ? WHERE id = ?", (first + messages + 1, drop))
    connection.commit()
    connection.close()
    os.chmod(path, 0o600)


def names(path, identity):
    """(size, name) of each of an identity's messages as its Maildir has it, oldest first; see popkeep-formats(7)."""
    connection = sqlite3.connect(path)
    host = os.uname().nodename.replace("/", "\\057").replace(":", "\\072")
    rows = connection.execute("""
        SELECT size, archived_at, maildir_key FROM message JOIN maildrop ON id = maildrop
        WHERE identity = ? AND maildir_key IS NOT NULL ORDER BY seq""", (identity,))
    for size, at, key in rows:
        yield size, f"{at}.{key}.{host},S={size}"
    connection.close()
