//! Rows of the tables `unanswered`, `login_refused` and `login_worked`: what the way to the server was like.

use super::{LoginRefused, LoginWorked, Logins, SecretMark, Unanswered};
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

/// Notes what a server does not answer, in the place of what was noted under the same name.
pub(super) fn unanswered(connection: &Connection, maildrop: i64, silence: &Unanswered) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO unanswered (maildrop, server, command, message, until) \
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute((maildrop, &silence.server, &silence.command, &silence.message, silence.until))?;
    Ok(())
}

/// Notes a refused login, in the place of the one before.
pub(super) fn refused(connection: &Connection, maildrop: i64, login: &LoginRefused) -> Result<()> {
    let SecretMark { files, salt, digest } = &login.mark;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO login_refused (maildrop, times, last_at, worked, files, salt, digest) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((maildrop, login.times, login.last_at, login.worked_lately, files, salt, digest))?;
    Ok(())
}

/// Notes what let us in; nothing is refused any more.
pub(super) fn worked(connection: &Connection, maildrop: i64, login: &LoginWorked) -> Result<()> {
    let SecretMark { files, salt, digest } = &login.mark;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO login_worked (maildrop, at, files, salt, digest) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute((maildrop, login.at, files, salt, digest))?;
    connection.prepare_cached("DELETE FROM login_refused WHERE maildrop = ?")?.execute([maildrop])?;
    Ok(())
}

/// All of it.
pub(super) fn all(connection: &Connection, maildrop: i64) -> Result<Logins> {
    let unanswered = connection
        .prepare_cached("SELECT server, command, message, until FROM unanswered WHERE maildrop = ?")?
        .query_map([maildrop], |row| {
            Ok(Unanswered {
                server: row.get(0)?,
                command: row.get(1)?,
                message: row.get(2)?,
                until: row.get(3)?,
            })
        })?
        .collect::<Result<_>>()?;
    let refused = connection
        .prepare_cached(
            "SELECT files, salt, digest, times, last_at, worked FROM login_refused WHERE maildrop = ?",
        )?
        .query_row([maildrop], |row| {
            Ok(LoginRefused {
                mark: mark(row)?,
                times: row.get(3)?,
                last_at: row.get(4)?,
                worked_lately: row.get(5)?,
            })
        })
        .optional()?;
    let worked = connection
        .prepare_cached("SELECT files, salt, digest, at FROM login_worked WHERE maildrop = ?")?
        .query_row([maildrop], |row| Ok(LoginWorked { mark: mark(row)?, at: row.get(3)? }))
        .optional()?;
    Ok(Logins { unanswered, refused, worked })
}

fn mark(row: &Row<'_>) -> Result<SecretMark> {
    Ok(SecretMark { files: row.get(0)?, salt: row.get(1)?, digest: row.get(2)? })
}
