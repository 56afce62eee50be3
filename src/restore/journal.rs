//! What is on record as restored, in the ledger; a dry run only reads it.

use super::RestoreError;
use super::folder::Folder;
use crate::config::{Account, Config};
use crate::ledger::{LedgerError, LedgerFile, RestoreChange, Restores, Sent, Seq};
use crate::mail::digest::Hash;
use std::collections::HashMap;

pub(super) struct Journal {
    /// `None` in a dry run where nothing is on record.
    restores: Option<Restores>,
    writes: bool,
}

impl Journal {
    /// The record of this folder.
    pub(super) fn open(config: &Config, folder: &Folder<'_>, dry_run: bool) -> Result<Self, LedgerError> {
        let (key, uid_validity) = (folder.key(), folder.uid_validity());
        let restores = if dry_run {
            match LedgerFile::read_only(&config.state_dir)? {
                Some(file) => file.restores_so_far(&key, uid_validity)?,
                None => None,
            }
        } else {
            Some(LedgerFile::open(&config.state_dir)?.restores(&key, uid_validity)?)
        };
        Ok(Journal { restores, writes: !dry_run })
    }

    /// From which row on the messages of each account are new.
    pub(super) fn since(&mut self, accounts: &[&Account]) -> Result<HashMap<String, Seq>, LedgerError> {
        let mut since = HashMap::new();
        for account in accounts {
            let first = match &mut self.restores {
                Some(restores) => restores.since(&account.identity, &account.archive, self.writes)?,
                // Nothing is new before the first such run.
                None => Seq::MAX,
            };
            since.insert(account.name.clone(), first);
        }
        Ok(since)
    }

    /// How many copies of this content are there or on their way, and the greatest ordinal of one.
    pub(super) fn copies(&self, content: &Hash) -> Result<(u64, u64), LedgerError> {
        self.restores.as_ref().map_or(Ok((0, 0)), |restores| restores.copies(content))
    }

    /// What may have arrived.
    pub(super) fn sent(&self) -> Result<Vec<Sent>, LedgerError> {
        self.restores.as_ref().map_or(Ok(Vec::new()), Restores::sent)
    }

    /// The marks and UIDs of what is there.
    pub(super) fn marks(&self, each: &mut dyn FnMut([u8; 8], Option<u32>)) -> Result<(), LedgerError> {
        self.restores.as_ref().map_or(Ok(()), |restores| restores.marks(each))
    }

    /// Makes these durable. In a dry run nothing is.
    pub(super) fn commit(&mut self, changes: &[RestoreChange]) -> Result<(), RestoreError> {
        match &mut self.restores {
            Some(restores) if self.writes => Ok(restores.commit(changes)?),
            _ => Ok(()),
        }
    }
}
