//! All that a ledger has on record, whatever it is about: for models of the world, which compare it and put it back.

use super::{NEW_MAILDROP, SqliteLedger, unsigned};
use rusqlite::types::Value;
use rusqlite::{CachedStatement, params_from_iter};

/// Every row of every table, by the table's name, the newest table first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content(pub(crate) Vec<(String, Vec<Vec<Value>>)>);

impl SqliteLedger {
    /// All of it.
    pub(crate) fn content(&self) -> Content {
        let read = |table: String| {
            let mut all = self.cached(&format!("SELECT * FROM {table}"));
            let columns = all.column_count();
            let rows = all.query_map([], |row| (0..columns).map(|column| row.get(column)).collect()).unwrap();
            let rows = rows.map(Result::unwrap).collect();
            (table, rows)
        };
        Content(self.tables().into_iter().map(read).collect())
    }

    /// This is on record now, and nothing else.
    pub(crate) fn put_back(&mut self, content: &Content) {
        let transaction = self.connection.unchecked_transaction().unwrap();
        self.delete_all();
        // Rows refer to rows of older tables.
        for (table, rows) in content.0.iter().rev().filter(|(_, rows)| !rows.is_empty()) {
            let places = vec!["?"; rows[0].len()].join(", ");
            // The triggers of the table message have been there already.
            let mut insert = self.cached(&format!("INSERT OR REPLACE INTO {table} VALUES ({places})"));
            for row in rows {
                insert.execute(params_from_iter(row)).unwrap();
            }
        }
        transaction.commit().unwrap();
        self.reopen();
    }

    /// Forgets all that is on record, as if it were a new ledger. Much faster than making one.
    pub(crate) fn empty(&mut self, identity: &str) {
        self.delete_all();
        let maildrop = self.cached(NEW_MAILDROP).query_row([identity], |row| row.get(0)).unwrap();
        self.maildrop = maildrop;
        self.reopen();
    }

    /// Forgets what is not on record, as the end of a process does.
    pub(crate) fn reopen(&mut self) {
        let next = self
            .cached("SELECT next_seq FROM maildrop WHERE id = ?")
            .query_row([self.maildrop], |row| row.get(0))
            .unwrap();
        self.next = unsigned(next);
    }

    fn delete_all(&self) {
        for table in self.tables() {
            self.cached(&format!("DELETE FROM {table}")).execute([]).unwrap();
        }
    }

    /// Their names, the newest first.
    fn tables(&self) -> Vec<String> {
        let mut tables =
            self.cached("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid DESC");
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn cached(&self, statement: &str) -> CachedStatement<'_> {
        self.connection.prepare_cached(statement).unwrap()
    }
}

#[test]
fn what_is_put_back_is_what_was_there() {
    let mut ledger = SqliteLedger::in_memory("jane@pop.example.org").unwrap();
    let empty = ledger.content();
    let commit = |ledger: &mut SqliteLedger| {
        let login = super::Change::LoggedIn { at: 1_800_000_000 };
        super::Ledger::commit(ledger, &[login, super::Change::RunStarted { at: 1_800_000_000 }]).unwrap();
    };
    commit(&mut ledger);
    let full = ledger.content();
    assert_ne!(full, empty);
    commit(&mut ledger);
    assert_ne!(ledger.content(), full);
    for content in [&full, &empty, &full] {
        ledger.put_back(content);
        assert_eq!(&ledger.content(), content);
    }
    ledger.empty("jane@pop.example.org");
    assert_eq!(ledger.content(), empty);
}
