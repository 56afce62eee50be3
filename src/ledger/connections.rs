//! The connections of a [`LedgerFile`](super::LedgerFile). One that nobody uses any more waits for the next who wants one:
//! to open it, and to parse what is asked over it, takes longer than all that a poll of one maildrop asks. Of ten
//! thousand accounts, as many connections are made as are used at once.
//!
//! When the file and all that came from it are dropped, the last to leave moves everything into the main file, so that a copy of
//! it alone is complete. Not a matter of durability: what is in the write-ahead log is safe there too.
//!
//! Must never: hand out a connection with a transaction open, or one whose commits are not durable.

use super::turn;
use crate::stop;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Octets of pages that hold nothing any more, from which on they are worth giving back.
const WORTH_GIVING_BACK: i64 = 8 << 20;

/// Those that wait.
#[derive(Debug, Default)]
pub(super) struct Connections {
    idle: Mutex<Vec<Connection>>,
}

impl Connections {
    /// One that waits, if there is one.
    pub(super) fn take(self: &Arc<Self>) -> Option<Lent> {
        let connection = self.idle().pop()?;
        Some(self.lend(connection))
    }

    /// A new one.
    pub(super) fn lend(self: &Arc<Self>, connection: Connection) -> Lent {
        Lent { connection: Some(connection), home: Some(Arc::clone(self)) }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        let Some(connection) = self.idle().pop() else { return };
        if connection.is_readonly("main").unwrap_or(true) {
            return;
        }
        let _turn = turn::wait();
        // A checkpoint that another process is in the way of is made by that one.
        let _ = connection.busy_timeout(Duration::ZERO);
        if is_mostly_empty(&connection) && stop::requested().is_none() {
            let _ = connection.execute_batch("VACUUM");
        }
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}

/// Whether more than half of the file holds nothing any more: a server that refused everything has made it large.
fn is_mostly_empty(connection: &Connection) -> bool {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap_or(0);
    let (free, all) = (number("freelist_count"), number("page_count"));
    free > all / 2 && free.saturating_mul(number("page_size")) >= WORTH_GIVING_BACK
}

/// Keeps all that is asked over a connection: each statement is parsed once, and not again for other values (as SQLite does
/// unless it is to plan each query without them).
pub(super) fn parse_once(connection: &Connection) -> rusqlite::Result<()> {
    // More than there are.
    connection.set_prepared_statement_cache_capacity(256);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// A connection that somebody uses.
pub(super) struct Lent {
    /// There until it is dropped.
    connection: Option<Connection>,
    /// Where it goes then; none is closed.
    home: Option<Arc<Connections>>,
}

impl Lent {
    /// A connection that nobody else will want.
    pub(super) fn for_ever(connection: Connection) -> Lent {
        Lent { connection: Some(connection), home: None }
    }

    /// Closes it: nobody will want it.
    pub(super) fn close(mut self) {
        self.connection = None;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(connection), Some(home)) = (self.connection.take(), &self.home)
            && connection.is_autocommit()
            && connection.pragma_update(None, "synchronous", "FULL").is_ok()
        {
            home.idle().push(connection);
        }
    }
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("only drop takes it"),
        }
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("only drop takes it"),
        }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn synchronous(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
    }

    #[test]
    fn what_comes_back_is_handed_out_again_with_durable_commits() {
        let connections = Arc::new(Connections::default());
        let lent = connections.lend(Connection::open_in_memory().unwrap());
        lent.execute_batch("CREATE TABLE here (id); PRAGMA synchronous = NORMAL").unwrap();
        assert_eq!(synchronous(&lent), 1);
        drop(lent);
        let lent = connections.take().unwrap();
        assert!(lent.table_exists(None, "here").unwrap());
        assert_eq!(synchronous(&lent), 2);
        assert!(connections.take().is_none());
    }

    #[test]
    fn one_with_a_transaction_open_is_not_handed_out_again() {
        let connections = Arc::new(Connections::default());
        let lent = connections.lend(Connection::open_in_memory().unwrap());
        lent.execute_batch("BEGIN").unwrap();
        drop(lent);
        assert!(connections.take().is_none());
        connections.lend(Connection::open_in_memory().unwrap()).close();
        assert!(connections.take().is_none());
    }
}
