//! Finding archived messages.
//!
//! | file | what it does |
//! | --- | --- |
//! | `query` | what a person types, read |
//! | `index` | the file of the index, and what is in it |
//! | `update` | brings it up to date with an account's ledger and archive |
//! | `entry` | a message, made into what the index has of it |
//! | `words` | text as the index has it, in any language |
//! | `select` | a query as SQLite takes it |
//! | `hit` | a message that is found |
//!
//! Promises: nothing of an archive or a ledger is changed; the index may be deleted, or be damaged, at any time; what is
//! no longer on record, or not in the archive by its name, is not found. (In an mbox, the last fetch's look decides
//! what is there.) A fetch may be at work meanwhile, and is never kept waiting.
//!
//! Every command that takes a QUERY begins with [`Search::open`] and [`Search::find`].

mod entry;
mod error;
mod hit;
mod index;
pub mod query;
mod select;
mod update;
mod words;

pub use error::SearchError;
pub use hit::Hit;
pub use query::{Query, QueryError};
pub use update::Watcher;

use crate::archive::{CopyAt, CopyReader};
use crate::config::{Account, Config};
use crate::ledger::{LedgerFile, Row, Seq};
use crate::mail::id::MessageId;
use crate::stop;
use crate::store::{Store, StoreError};
use index::Index;
use rusqlite::params_from_iter;
use rusqlite::types::Value;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A message that was found, by its number in the index: newest first, as long as the index is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found(i64);

/// Archives that are searched.
pub struct Search<'c> {
    config: &'c Config,
    index: Index,
    accounts: Vec<Searched<'c>>,
}

/// One account's part.
struct Searched<'c> {
    account: &'c Account,
    /// Its number in the index.
    number: i64,
    store: Option<Store>,
    /// Its copies were looked for: where they are is known.
    is_located: bool,
}

/// So many accounts have their stores open at most: there may be thousands, and each needs files and memory.
const MOST_OPEN: usize = 8;

/// Where a message's copies are, and who reads them.
pub struct Copies {
    /// Its row in the ledger.
    pub row: Row,
    /// Where its copies may be; none: it has gone meanwhile.
    pub at: Vec<CopyAt>,
    /// Reads them.
    pub reader: Arc<dyn CopyReader>,
}

impl<'c> Search<'c> {
    /// Opens the index, and brings it up to date with these accounts. An account that cannot be searched is left out,
    /// and `problem` is told why.
    pub fn open(
        folder: &Path,
        config: &'c Config,
        accounts: &[&'c Account],
        watcher: &mut dyn Watcher,
        problem: &mut dyn FnMut(&str, SearchError),
    ) -> Result<Search<'c>, SearchError> {
        // Who waits has it in the end; only a fetch does not.
        let Some(index) = Index::open(folder, true)? else {
            return Err(SearchError::folder(folder, std::io::ErrorKind::WouldBlock.into()));
        };
        let mut search = Search::of(config, accounts, index)?;
        match search.bring_up_to_date(watcher, problem) {
            Err(error) if error.is_damage() => search.make_anew(watcher, problem)?,
            outcome => outcome?,
        }
        stop::check()?;
        Ok(search)
    }

    /// Without a ledger nothing is searched.
    fn of(config: &'c Config, accounts: &[&'c Account], index: Index) -> Result<Search<'c>, SearchError> {
        let searched =
            |account: &&'c Account| Searched { account, number: 0, store: None, is_located: false };
        let is_there = LedgerFile::exists(&config.state_dir).map_err(StoreError::from)?;
        let accounts = accounts.iter().filter(|_| is_there).map(searched).collect();
        Ok(Search { config, index, accounts })
    }

    /// Brings the index up to date. Accounts that cannot be searched are left out.
    fn bring_up_to_date(
        &mut self,
        watcher: &mut dyn Watcher,
        problem: &mut dyn FnMut(&str, SearchError),
    ) -> Result<(), SearchError> {
        let Search { config, index, accounts } = self;
        let (mut failed, mut open) = (None, 0);
        accounts.retain_mut(|searched| {
            if failed.is_some() {
                return true;
            }
            let updated = searched.bring_up_to_date(config, index, watcher);
            if open < MOST_OPEN {
                open += 1;
            } else {
                searched.store = None;
            }
            match updated {
                Ok(()) => true,
                Err(error @ SearchError::Store(_)) => {
                    problem(&searched.account.name, error);
                    false
                }
                Err(error) => {
                    failed = Some(error);
                    true
                }
            }
        });
        failed.map_or(Ok(()), Err)?;
        index.finish()
    }

    /// Makes a new index.
    fn make_anew(
        &mut self,
        watcher: &mut dyn Watcher,
        problem: &mut dyn FnMut(&str, SearchError),
    ) -> Result<(), SearchError> {
        self.index.begin_anew()?;
        self.bring_up_to_date(watcher, problem)
    }

    /// The messages that a query finds, newest first; so many at most.
    pub fn find(&mut self, query: &Query, limit: Option<u64>) -> Result<Vec<Found>, SearchError> {
        match self.ask(query, limit) {
            // It is noticed late that an index is damaged.
            Err(error) if error.is_damage() => {
                self.make_anew(&mut Unwatched, &mut |_, _| {})?;
                self.ask(query, limit)
            }
            outcome => outcome,
        }
    }

    fn ask(&self, query: &Query, limit: Option<u64>) -> Result<Vec<Found>, SearchError> {
        let numbers: HashMap<&str, i64> =
            self.accounts.iter().map(|searched| (searched.account.name.as_str(), searched.number)).collect();
        let select::Condition { sql, mut values } = select::condition(query, &numbers);
        let searched: Vec<String> = self.accounts.iter().map(|account| account.number.to_string()).collect();
        let sql = format!(
            "SELECT id FROM message WHERE gone = 0 AND account IN ({}) AND {sql} \
             ORDER BY at DESC, account, seq DESC LIMIT ?",
            searched.join(", ")
        );
        values.push(Value::Integer(limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))));
        let ask = || {
            let mut statement = self.index.connection.prepare(&sql)?;
            let found = statement.query_map(params_from_iter(values), |row| row.get(0).map(Found))?;
            found.collect::<rusqlite::Result<Vec<Found>>>()
        };
        ask().map_err(|error| self.index.failed(error))
    }

    /// The rows that a query finds, ascending, by the account's name.
    pub fn rows(&mut self, query: &Query) -> Result<HashMap<String, Vec<Seq>>, SearchError> {
        let mut rows: HashMap<String, Vec<Seq>> = HashMap::new();
        for found in self.find(query, None)? {
            if let Some(hit) = self.hit(found)? {
                rows.entry(hit.account).or_default().push(hit.seq);
            }
        }
        for rows in rows.values_mut() {
            rows.sort_unstable();
        }
        Ok(rows)
    }

    /// What the index has of a message; `None` when it was taken out meanwhile.
    pub fn hit(&self, Found(id): Found) -> Result<Option<Hit>, SearchError> {
        let ask = || {
            let mut statement = self.index.connection.prepare_cached(
                "SELECT account, seq, content, at, dated, sender, recipient, subject, size, attachments \
                 FROM message WHERE id = ?",
            )?;
            let mut rows = statement.query([id])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let number: i64 = row.get(0)?;
            let account = self.accounts.iter().find(|account| account.number == number);
            let Some(account) = account.map(|searched| searched.account.name.clone()) else {
                return Ok(None);
            };
            Ok(Some(Hit {
                account,
                seq: row.get::<_, i64>(1)?.cast_unsigned(),
                id: MessageId(row.get(2)?),
                at: row.get(3)?,
                dated: row.get(4)?,
                from: row.get(5)?,
                to: row.get(6)?,
                subject: row.get(7)?,
                size: row.get::<_, i64>(8)?.cast_unsigned(),
                attachments: row.get::<_, i64>(9)?.cast_unsigned(),
            }))
        };
        ask().map_err(|error| self.index.failed(error))
    }

    /// How many digits of an ID are shown, so that it is unique.
    pub fn id_digits(&self) -> Result<usize, SearchError> {
        self.index.digits().map_err(|error| self.index.failed(error))
    }

    /// Where the copies of a message are now; `None` when it is no longer on record.
    pub fn copies(&mut self, hit: &Hit) -> Result<Option<Copies>, SearchError> {
        let Some(place) = self.accounts.iter().position(|searched| searched.account.name == hit.account)
        else {
            return Ok(None);
        };
        if self.accounts[place].store.is_none() {
            self.close_if_many_are_open();
        }
        let searched = &mut self.accounts[place];
        searched.open(self.config)?;
        let Some(Store { ledger, archive, .. }) = &mut searched.store else { return Ok(None) };
        if !searched.is_located {
            archive.locate(&**ledger, false).map_err(StoreError::from)?;
            searched.is_located = true;
        }
        let Some(row) = ledger.row(hit.seq).map_err(StoreError::from)? else { return Ok(None) };
        let at = archive.copies(&row).map_err(StoreError::from)?;
        Ok(Some(Copies { row, at, reader: archive.reader() }))
    }

    fn close_if_many_are_open(&mut self) {
        if self.accounts.iter().filter(|searched| searched.store.is_some()).count() >= MOST_OPEN {
            for searched in &mut self.accounts {
                searched.store = None;
            }
        }
    }
}

/// After a fetch: brings the index up to date if there is one. Whatever goes wrong is left to the next search.
pub fn refresh(folder: &Path, config: &Config, accounts: &[&Account]) {
    if !index::exists(folder) {
        return;
    }
    let refreshed = || {
        let Some(index) = Index::open(folder, false)? else { return Ok(()) };
        let mut search = Search::of(config, accounts, index)?;
        search.bring_up_to_date(&mut Unwatched, &mut |_, _| {})
    };
    let _: Result<(), SearchError> = refreshed();
}

/// Nobody looks.
struct Unwatched;

impl Watcher for Unwatched {
    fn begins(&mut self, _: &str, _: u64) {}
    fn has_read(&mut self, _: u64) {}
}

/// The cache folder: `cache_dir` of the configuration, else `popkeep/` under the XDG cache folder.
pub fn folder(config: &Config) -> Result<PathBuf, crate::config::ConfigError> {
    config.cache_dir.clone().map_or_else(crate::config::cache_dir, Ok)
}

impl Searched<'_> {
    /// The account's store.
    fn open(&mut self, config: &Config) -> Result<&mut Store, StoreError> {
        let opened = if let Some(store) = self.store.take() {
            store
        } else {
            let mut store = Store::open_beside_others(config, self.account)?;
            store.archive.check(&*store.ledger)?;
            self.is_located = false;
            store
        };
        Ok(self.store.insert(opened))
    }

    fn bring_up_to_date(
        &mut self,
        config: &Config,
        index: &Index,
        watcher: &mut dyn Watcher,
    ) -> Result<(), SearchError> {
        let account = self.account;
        self.open(config)?;
        let archive = account.archive.as_os_str().as_bytes();
        let (number, stamp) =
            index.account(&account.identity, archive).map_err(|error| index.failed(error))?;
        self.number = number;
        let store = self.open(config)?;
        let updated = update::update(index, (number, stamp.as_deref()), &account.name, store, watcher);
        if let Err(SearchError::Store(_)) = updated
            && !index.connection.is_autocommit()
        {
            // What was done is right as far as it goes; without a stamp of today the rest follows.
            index.connection.execute_batch("COMMIT").map_err(|error| index.failed(error))?;
        }
        updated
    }
}
