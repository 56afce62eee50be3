//! One archive compared with its ledger: is every message that was archived still there, as it was?
//!
//! Promises: contacts no server and changes nothing in the archive; a copy is intact only when all of its octets were read
//! just now; what the owner has given up ([`Change::Accepted`]) is counted and not mentioned.
//!
//! Must never: call a message missing that it has not looked for.

use crate::archive::{ArchiveError, Examined, Whereabouts};
use crate::clock;
use crate::config::{Account, Config};
use crate::ledger::{Change, Ledger, LedgerFile, Row, Seq};
use crate::mail::names;
use crate::stop;
use crate::store::{Store, StoreError};
use crate::text::hex::Hex;

/// Rows that are looked at between two questions to the ledger.
const PAGE: usize = 256;

/// Hex digits of a message's ID in a report.
const ID_DIGITS: usize = 16;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Messages on record.
    pub archived: u64,
    /// Those of them that are in the archive, as they were or changed.
    pub present: u64,
    /// Copies that were read.
    pub read: u64,
    /// Octets of them, as stored.
    pub octets: u64,
    /// Copies that are octet for octet what was stored.
    pub intact: u64,
    /// Copies that differ in header marks of mail programs alone.
    pub changed: u64,
    /// Copies that are something else now.
    pub damaged: Vec<Damaged>,
    /// Messages whose copies are gone.
    pub missing: Vec<Lost>,
    /// Messages in the archive that are not on record.
    pub foreign: u64,
    /// Copies that were repaired.
    pub repaired: u64,
    /// Messages whose copies are gone or changed, as their owner wants it.
    pub accepted: u64,
}

/// A copy that is not the message any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The message's ID.
    pub id: String,
    /// Where the copy is.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A message whose copy is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The message's ID.
    pub id: String,
    /// The UID it was listed under last.
    pub uid: Option<Vec<u8>>,
}

impl Verified {
    /// Whether nothing is damaged or missing.
    pub fn is_well(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty()
    }
}

/// Compares an account's archive with its ledger; with `accept` what is gone or changed counts from now on as the
/// owner's wish.
pub fn verify(config: &Config, account: &Account, accept: bool) -> Result<Verified, StoreError> {
    if LedgerFile::read_only(&config.state_dir)?.is_none() {
        return Ok(Verified::default());
    }
    let mut store = Store::open(config, account, None)?;
    let Store { ledger, archive, .. } = &mut store;
    let ledger = &mut **ledger;
    let vanished = match archive.open(ledger) {
        Ok(()) => false,
        // Whoever accepts that all is gone has said so.
        Err(ArchiveError::Vanished { .. }) if accept => true,
        Err(error) => return Err(error.into()),
    };
    let mut found = Verified::default();
    let mut given_up = Vec::new();
    if vanished {
        each_row(ledger, &mut |_, row| {
            given_up.push(row.seq);
            Ok(())
        })?;
        found.archived = given_up.len() as u64;
        found.accepted = found.archived;
    } else {
        let presence = archive.look(ledger, clock::now())?;
        if presence.why_unseen().is_some() {
            return Err(ArchiveError::Locked { path: account.archive.display().to_string() }.into());
        }
        each_row(ledger, &mut |_, row| {
            stop::check()?;
            found.archived += 1;
            let examined = match presence.of(row.seq) {
                Whereabouts::Removed => Examined::Gone,
                _ => archive.examine(row)?,
            };
            let accepted = presence.is_accepted(row.seq);
            match examined {
                Examined::Whole { exactly } => {
                    found.present += 1;
                    found.read += 1;
                    found.octets += row.size;
                    found.intact += u64::from(exactly);
                    found.changed += u64::from(!exactly);
                }
                Examined::Damaged { place, reason } => {
                    found.present += 1;
                    if accepted {
                        found.accepted += 1;
                    } else if accept {
                        given_up.push(row.seq);
                    } else {
                        found.damaged.push(Damaged { id: id(row), place, reason });
                    }
                }
                Examined::Gone if accepted => found.accepted += 1,
                Examined::Gone if accept => given_up.push(row.seq),
                Examined::Gone => found.missing.push(Lost { id: id(row), uid: row.uid.clone() }),
            }
            Ok(())
        })?;
        found.foreign = archive.foreign(ledger)?;
        found.accepted += given_up.len() as u64;
    }
    found.damaged.reverse();
    found.missing.reverse();
    ledger.commit(&given_up.into_iter().map(Change::Accepted).collect::<Vec<_>>())?;
    Ok(found)
}

/// Calls `each` for every stored or deleted row, the newest first.
fn each_row(
    ledger: &mut dyn Ledger,
    each: &mut dyn FnMut(&dyn Ledger, &Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut before = Seq::MAX;
    loop {
        let rows = ledger.newest(before, PAGE)?;
        let Some(oldest) = rows.last() else { return Ok(()) };
        before = oldest.seq;
        for row in &rows {
            each(ledger, row)?;
        }
    }
}

/// The ID that a report gives a message: the beginning of its content's hash.
fn id(row: &Row) -> String {
    let mut id = Hex(&names::content(&row.digest)).to_string();
    id.truncate(ID_DIGITS);
    id
}
