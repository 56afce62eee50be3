"""Large ledgers of any format: what tests/data has of it, and as many messages more as you like."""

import os
import sqlite3

DATA = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "data")
HOME = "/home/jane"  # what the home folder is called in tests/data

# Like rows of a Maildir that grew by 300 messages a day.
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO message (maildrop, seq, state, uid, list_size, archived_at, size, utf8, maildir_key, header_hash,
                     core_header_hash, rest_hash, core_key)
SELECT :drop, :first + i, iif(i % 3, 'stored', 'deleted'), CAST(printf('uid-%08d', i) AS BLOB), 5000 + i % 999,
       1767225600 + i * 288, 4900 + i % 999, 0,
       lower('U' || hex(randomblob(16)) || 'C' || hex(randomblob(16))), randomblob(32), randomblob(32), randomblob(32), random()
FROM n
"""


def make(path, form, home, messages):
    """Makes the ledger in the file `path`, of format `form`; its archives are below `home`."""
    with open(os.path.join(DATA, f"format-{form}", "ledger.sql"), encoding="utf-8") as file:
        sql = file.read().replace(HOME, home)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(sql)
    drop, first = connection.execute(
        "SELECT id, next_seq FROM maildrop WHERE identity = 'joe@maildir.example'").fetchone()
    connection.execute(FILL, {"count": messages, "drop": drop, "first": first})
    connection.execute("UPDATE maildrop SET next_seq = ? WHERE id = ?", (first + messages + 1, drop))
    connection.commit()
    connection.close()
    os.chmod(path, 0o600)
