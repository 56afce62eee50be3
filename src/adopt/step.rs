//! One adoption: a step in the ledger that can be taken back until the next fetch.
//!
//! First the archive is looked through or filled; then one commit records everything else. An adoption that is cut off before
//! that commit can be run again, and a fetch takes nothing that it left for more than it is.

use super::copying::{self, Copied};
use super::proposal::OldPlace;
use crate::account_error::AccountError;
use crate::clock::now;
use crate::config::{Account, Config};
use crate::ledger::{Adoption, Change, Ledger as _, LedgerFile, SeenElsewhere};
use crate::stop;
use crate::store::{Store, StoreError};
use std::path::Path;

/// What is to be taken over.
#[derive(Debug)]
pub struct Step<'s> {
    /// The configuration with the account in it.
    pub config: &'s Config,
    /// The account.
    pub account: &'s Account,
    /// From which program.
    pub program: &'s str,
    /// Messages to be copied into the account's archive; `None`: its archive is taken as it is.
    pub copy: Option<&'s OldPlace>,
    /// Messages that are not to be fetched.
    pub seen: SeenElsewhere,
    /// The lines that will be added to the configuration.
    pub added: &'s str,
}

/// What was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Messages in the archive that no row explains: the next fetch looks for them on the server.
    pub indexed: u64,
    /// What was copied.
    pub copied: Option<Copied>,
}

/// Takes over. `also` hears how many messages were copied so far.
pub fn take_over(step: &Step<'_>, also: &mut dyn FnMut(u64)) -> Result<Taken, AccountError> {
    let store = Store::open(step.config, step.account, None)?;
    take_over_into(store, step, also)
}

/// The same with a store that is open.
pub(crate) fn take_over_into(
    mut store: Store,
    step: &Step<'_>,
    also: &mut dyn FnMut(u64),
) -> Result<Taken, AccountError> {
    let Store { archive, ledger, .. } = &mut store;
    archive.open(&mut **ledger)?;
    archive.recover(&mut **ledger)?;
    archive.look(&mut **ledger, now())?;
    archive.find_unknown_copies(&mut **ledger, now(), &mut |_| {})?;
    stop::check()?;
    let copied = match step.copy {
        Some(place) => Some(copying::copy(&mut store, place, also)?),
        None => None,
    };
    let adoption = Adoption {
        account: step.account.name.clone(),
        program: step.program.to_owned(),
        at: now(),
        config: step.config.file.clone(),
        added: step.added.to_owned(),
    };
    store.ledger.commit(&[Change::AdoptedFrom { adoption, seen: step.seen.clone() }])?;
    Ok(Taken { indexed: store.ledger.count_unknown_copies()?, copied })
}

/// Takes the adoption of an account back, as far as the ledger goes: what it was; `None` when there is none, or a run has
/// begun since.
pub fn take_back(state_dir: &Path, account: &str) -> Result<Option<Adoption>, AccountError> {
    let Some(reading) = LedgerFile::read_only(state_dir)? else { return Ok(None) };
    if reading.adopted(account)?.is_none() {
        return Ok(None);
    }
    // Within a process SQLite opens the index of the log once: for whoever reads, not to write.
    drop(reading);
    let file = LedgerFile::open(state_dir)?;
    let Some((identity, mut ledger)) = file.adopted(account)? else { return Ok(None) };
    let Some(_lock) = file.lock(&identity)? else { return Err(StoreError::Busy { identity }.into()) };
    // A run may have begun before the lock was ours.
    let adoption = ledger.adoption()?;
    if adoption.is_some() {
        ledger.commit(&[Change::AdoptionUndone])?;
    }
    Ok(adoption)
}
