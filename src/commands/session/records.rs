//! A person's own session with the server: what of it is archived, and what the ledger learns of messages that are
//! deleted by hand.
//!
//! Promises: one session at a time has an account, this one or a fetch's; a message counts as archived when the plan
//! says so and its copy has just been read and found whole; a deletion is recorded when QUIT has
//! confirmed it, and an unconfirmed one as [`Change::Leaving`], as in a fetch. Must never: mark a
//! message, or say anything to the server but what lists the maildrop.

use crate::account_error::AccountError;
use crate::archive::Copy;
use crate::clock::now;
use crate::config::{Account, Config};
use crate::connect::quit_itself_deletes;
use crate::inventory::{Inventory, MessageStatus};
use crate::ledger::{Change, LedgerError, Seq};
use crate::plan::Limits;
use crate::pop3::listing::Listing;
use crate::session::{Session, SessionError, Transaction};
use crate::store::Store;
use std::fmt;

/// What is on record about the messages of one session. Has the account's lock.
pub(super) struct Records {
    store: Store,
    /// By ascending number.
    messages: Vec<Message>,
    archive_is_open: bool,
    quit_deletes: bool,
}

/// What is on record about a listed message.
#[derive(Clone, Copy, Debug)]
struct Message {
    number: u32,
    status: MessageStatus,
    seq: Option<Seq>,
    /// Its body was never compared with the copy's.
    by_header: bool,
}

/// Why a message would be lost with its deletion from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The server did not list it.
    NotListed,
    /// It is not archived.
    NotArchived(MessageStatus),
    /// It is on record, but all that was compared with its copy is the header.
    Unproven,
    /// It is on record, but its copy is not in the archive any more.
    Gone,
    /// It is on record, but something else is where its copy was.
    Changed,
    /// It is on record, but its copy cannot be read.
    Unreadable(String),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::NotListed => f.write_str("the server has not listed it"),
            Loss::NotArchived(MessageStatus::Doubtful) => {
                f.write_str("only a fetch can tell whether it is in the archive")
            }
            Loss::NotArchived(MessageStatus::TooLarge) => {
                f.write_str("it is not in the archive because it is larger than max_size")
            }
            Loss::NotArchived(MessageStatus::Skipped) => {
                f.write_str("it is not in the archive because skip_headers leaves it")
            }
            Loss::NotArchived(_) => f.write_str("it is not in the archive"),
            Loss::Unproven => f.write_str("only its header was compared with the copy in the archive"),
            Loss::Gone => f.write_str("its copy is no longer in the archive"),
            Loss::Changed => f.write_str("its copy in the archive has been changed"),
            Loss::Unreadable(why) => write!(f, "its copy cannot be read ({why})"),
        }
    }
}

impl Records {
    /// Takes the account's lock and opens its part of the ledger, before anybody logs in.
    pub(super) fn open(config: &Config, account: &Account) -> Result<Records, AccountError> {
        let store = Store::open(config, account, None)?;
        Ok(Records { store, messages: Vec::new(), archive_is_open: false, quit_deletes: false })
    }

    /// Lists the maildrop and compares it with the ledger. A server that refuses to list has nothing that is
    /// archived.
    pub(super) fn read(
        &mut self,
        session: &mut Session<Transaction>,
        account: &Account,
    ) -> Result<Listing, AccountError> {
        self.store.ledger.commit(&[Change::LoggedIn { at: now() }])?;
        let listing = match session.listing() {
            Err(SessionError::Refused { .. }) => Listing::default(),
            outcome => outcome?,
        };
        let limits = Limits { max_size: account.max_size, messages: None };
        let inventory = Inventory::of(&listing, Some(&*self.store.ledger), limits, &account.skip_headers)?;
        self.messages = listing
            .iter()
            .enumerate()
            .map(|(place, entry)| {
                let (status, seq) = inventory.at(place);
                let by_header = seq.is_some_and(|seq| inventory.is_by_header(seq));
                Message { number: entry.number, status, seq, by_header }
            })
            .collect();
        self.quit_deletes = quit_itself_deletes(session, account);
        Ok(listing)
    }

    /// How many listed messages are on record.
    pub(super) fn archived(&self) -> u64 {
        self.messages.iter().filter(|message| message.status == MessageStatus::Archived).count() as u64
    }

    /// Whether QUIT makes this server delete, or hide, what RETR showed.
    pub(super) fn quit_deletes(&self) -> bool {
        self.quit_deletes
    }

    /// What would be lost with this message; `None` when a whole copy of it was read just now.
    pub(super) fn loss(&mut self, number: u32) -> Option<Loss> {
        let Some(message) = self.find(number) else { return Some(Loss::NotListed) };
        let Some(seq) = message.seq else { return Some(Loss::NotArchived(message.status)) };
        if message.by_header {
            return Some(Loss::Unproven);
        }
        match self.copy(seq) {
            Ok(Copy::Intact(_)) => None,
            Ok(Copy::Gone) => Some(Loss::Gone),
            Ok(Copy::Changed) => Some(Loss::Changed),
            Err(error) => Some(Loss::Unreadable(error.to_string())),
        }
    }

    /// QUIT is about to be sent, with DELE accepted for these messages.
    pub(super) fn leaving(&mut self, numbers: impl IntoIterator<Item = u32>) -> Result<(), LedgerError> {
        self.record(numbers, Change::Leaving)
    }

    /// QUIT was confirmed, with DELE accepted for these messages.
    pub(super) fn deleted(&mut self, numbers: impl IntoIterator<Item = u32>) -> Result<(), LedgerError> {
        let at = now();
        self.record(numbers, |seq| Change::Deleted { seq, at })
    }

    fn record(
        &mut self,
        numbers: impl IntoIterator<Item = u32>,
        change: impl Fn(Seq) -> Change,
    ) -> Result<(), LedgerError> {
        let rows = numbers.into_iter().filter_map(|number| self.find(number).and_then(|message| message.seq));
        let changes: Vec<Change> = rows.map(change).collect();
        self.store.ledger.commit(&changes)
    }

    fn find(&self, number: u32) -> Option<Message> {
        let place = self.messages.binary_search_by_key(&number, |message| message.number).ok()?;
        self.messages.get(place).copied()
    }

    /// Looks at a row's copy. The archive is opened for the first one: the ledger has messages then, so that
    /// nothing is made.
    fn copy(&mut self, seq: Seq) -> Result<Copy, AccountError> {
        let Store { ledger, archive, .. } = &mut self.store;
        if !self.archive_is_open {
            archive.open(&mut **ledger)?;
            self.archive_is_open = true;
        }
        match ledger.row(seq)? {
            Some(row) => Ok(archive.verify(&row)?),
            None => Ok(Copy::Gone),
        }
    }
}
