//! Reads the selected messages of accounts, one after the other, and hands each to the place it is copied to.
//!
//! Promises: of n copies of one content the n-th is handed over only if fewer are there; what is handed over is what the
//! ledger has on record, but for marks of mail programs: a damaged copy is not, and another copy of the same message is looked
//! for; one that another program moves meanwhile is looked for again.
//!
//! Must never: change an archive.

use crate::archive::{Content, CopyAt};
use crate::config::{Account, Config};
use crate::ledger::{Ledger as _, LedgerError, Row, RowPages};
use crate::mail::digest::Digest;
use crate::mail::id::MessageId;
use crate::stop::{self, Stopped};
use crate::store::{self, Store, StoreError};
use std::collections::HashMap;
use std::io;

/// A place that messages are copied to. At most one message is open at a time.
pub trait Target {
    /// What can go wrong.
    type Error: From<StoreError> + From<LedgerError> + From<Stopped>;

    /// Whether at least `nth` copies of this content, of `size` octets, were there when this run began.
    fn has(&mut self, digest: &Digest, size: u64, nth: u64) -> Result<bool, Self::Error>;

    /// Begins a message.
    fn begin(&mut self) -> Result<(), Self::Error>;

    /// Adds octets of its stored form.
    fn write(&mut self, octets: &[u8]) -> Result<(), Self::Error>;

    /// Closes it: the hashes of what was written, as it was given.
    fn finish(&mut self) -> Result<Digest, Self::Error>;

    /// Throws it away.
    fn discard(&mut self) -> Result<(), Self::Error>;

    /// The finished message, of this account's row, is to stay.
    fn keep(&mut self, account: &Account, row: &Row, flags: Option<String>) -> Result<Kept, Self::Error>;
}

/// What became of a message that was to stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is among those that the place has now, or is to have with its next batch.
    Taken,
    /// It was there already.
    There,
    /// The place cannot have it, for this reason.
    Refused(String),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Copies that the place has taken.
    pub taken: u64,
    /// Octets of them, in stored form.
    pub octets: u64,
    /// Selected copies that were there already.
    pub there: u64,
    /// Selected messages whose copies are not in the archive any more.
    pub gone: u64,
    /// What could not be copied.
    pub failed: Vec<Failed>,
}

/// A message that could not be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its account.
    pub account: String,
    /// Its ID.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// Which messages of an account are copied.
pub type Wanted<'w> = &'w dyn Fn(&Account, &Row) -> bool;

/// Who watches.
pub trait Watcher {
    /// The octets to look at, at most.
    fn begins(&mut self, octets: u64);
    /// One more message was looked at; its octets.
    fn went_on(&mut self, octets: u64);
}

/// The octets of all messages of these accounts.
pub fn octets_of(config: &Config, accounts: &[&Account]) -> Result<u64, StoreError> {
    let mut octets = 0_u64;
    for account in accounts {
        let ledger = store::ledger_to_read(config, account)?;
        octets = octets.saturating_add(ledger.map_or(Ok(0), |ledger| ledger.totals().map(|all| all.octets))?);
    }
    Ok(octets)
}

/// Copies the wanted messages of these accounts.
pub fn copy_all<T: Target + ?Sized>(
    (config, accounts): (&Config, &[&Account]),
    into: &mut T,
    wanted: Wanted<'_>,
    done: &mut Copied,
    watcher: &mut dyn Watcher,
) -> Result<(), T::Error> {
    watcher.begins(octets_of(config, accounts)?);
    let mut seen = Seen::default();
    accounts.iter().try_for_each(|account| {
        let mut copier = Copier { account, into: &mut *into, seen: &mut seen, done: &mut *done };
        copier.copy_all(config, wanted, watcher)
    })
}

/// How often each content was met in this run, by 64 bits of it.
#[derive(Default)]
struct Seen(HashMap<u64, u64>);

impl Seen {
    /// This is the n-th one.
    fn meet(&mut self, content: &[u8; 32]) -> u64 {
        let key = u64::from_be_bytes(content.first_chunk().copied().unwrap_or_default());
        let times = self.0.entry(key).or_default();
        *times += 1;
        *times
    }
}

struct Copier<'c, T: Target + ?Sized> {
    account: &'c Account,
    into: &'c mut T,
    seen: &'c mut Seen,
    done: &'c mut Copied,
}

impl<T: Target + ?Sized> Copier<'_, T> {
    fn copy_all(
        &mut self,
        config: &Config,
        wanted: Wanted<'_>,
        watcher: &mut dyn Watcher,
    ) -> Result<(), T::Error> {
        let Some(mut store) = Store::read_only(config, self.account)? else { return Ok(()) };
        store.archive.check(&*store.ledger).map_err(StoreError::from)?;
        store.archive.locate(&*store.ledger, false).map_err(StoreError::from)?;
        let mut pages = RowPages::all();
        loop {
            let rows = pages.next_page(&*store.ledger)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows.iter().filter(|row| wanted(self.account, row)) {
                stop::check()?;
                self.copy(&mut store, row)?;
                watcher.went_on(row.size);
            }
        }
    }

    fn copy(&mut self, store: &mut Store, row: &Row) -> Result<(), T::Error> {
        let nth = self.seen.meet(&row.digest.content());
        if self.into.has(&row.digest, row.size, nth)? {
            self.done.there += 1;
            return Ok(());
        }
        let mut problem = None;
        for moved in [false, true] {
            if moved {
                // Another program may have moved it since it was looked for.
                store.archive.locate(&*store.ledger, true).map_err(StoreError::from)?;
            }
            for at in store.archive.copies(row).map_err(StoreError::from)? {
                match self.copy_from(store, row, &at)? {
                    Ok(()) => return Ok(()),
                    Err(reason) => problem = reason.or(problem),
                }
            }
        }
        match problem {
            Some(reason) => {
                let (account, id) = (self.account.name.clone(), MessageId::of(&row.digest).to_string());
                self.done.failed.push(Failed { account, id, reason });
            }
            None => self.done.gone += 1,
        }
        Ok(())
    }

    /// Copies the message from one place; or says why not, if there is anything.
    fn copy_from(
        &mut self,
        store: &Store,
        row: &Row,
        at: &CopyAt,
    ) -> Result<Result<(), Option<String>>, T::Error> {
        let reader = store.archive.reader();
        self.into.begin()?;
        let (mut written, mut size) = (Ok(()), 0);
        let read = reader.read(at, row.size, &mut |octets| {
            size += octets.len() as u64;
            if written.is_ok() {
                written = self.into.write(octets);
            }
        });
        written?;
        let problem = match read {
            Ok(true) => None,
            Ok(false) => Some("what is there is no message".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.into.discard()?;
                return Ok(Err(None));
            }
            Err(error) => Some(format!("it cannot be read ({error})")),
        };
        if problem.is_some() {
            self.into.discard()?;
            return Ok(Err(problem));
        }
        let digest = self.into.finish()?;
        if digest != row.digest {
            let content = reader.examine(at, row, false);
            if !matches!(content, Ok(Content::Marked)) {
                self.into.discard()?;
                return Ok(Err(Some("its copy is damaged; see popkeep verify".to_owned())));
            }
            // With marks of mail programs: as it is in the archive.
            let nth = self.seen.meet(&digest.content());
            if self.into.has(&digest, size, nth)? {
                self.into.discard()?;
                self.done.there += 1;
                return Ok(Ok(()));
            }
        }
        match self.into.keep(self.account, row, at.flags())? {
            Kept::Taken => {
                self.done.taken += 1;
                self.done.octets += size;
            }
            Kept::There => self.done.there += 1,
            Kept::Refused(reason) => return Ok(Err(Some(reason))),
        }
        Ok(Ok(()))
    }
}
