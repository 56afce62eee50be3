//! The listing compared with what the ledger knows: the plan of a session.
//!
//! Promise: what the plan itself has learnt is on record before anything is fetched by it.

use super::error::AccountError;
use super::round::{Run, messages};
use crate::ledger::{Change, Known, Roll};
use crate::plan::{Limits, Plan, Planner, Verdict};
use crate::pop3::listing::Listing;
use std::sync::Arc;

impl Run<'_> {
    /// What this session is to do about each listed message.
    pub(super) fn plan<'l>(&mut self, listing: &'l Listing, roll: Roll) -> Result<Plan<'l>, AccountError> {
        let mut planner = Planner::new(listing).looking_at(Arc::clone(&self.sight.presence));
        let roll = if roll.is_empty() { self.adopt(listing)? } else { roll };
        for row in roll.iter() {
            planner.row(&row);
        }
        let limits = Limits { max_size: self.account.max_size, messages: self.messages_left };
        let plan = planner.finish(&limits, self.aside.quarantine());
        self.aside.listed(&plan);
        let mut learnt: Vec<Change> = plan
            .iter()
            .filter_map(|item| match item.verdict {
                Verdict::Archived(archived) if archived.learn_size && !archived.by_header => {
                    Some(Change::Recognised {
                        seq: archived.seq,
                        uid: item.entry.uid.map(<[u8]>::to_vec),
                        list_size: item.entry.size,
                    })
                }
                _ => None,
            })
            .collect();
        if plan.equal_uids && !self.ledger.overview()?.equal_uids {
            learnt.push(Change::EqualUids);
        }
        self.ledger.commit(&learnt)?;
        Ok(plan)
    }

    /// After a lost ledger: the messages that the archive itself can show to hold.
    fn adopt(&mut self, listing: &Listing) -> Result<Roll, AccountError> {
        let mut roll = Roll::default();
        let mut adopted = Vec::new();
        for uid in listing.iter().filter_map(|entry| entry.uid) {
            if let Some(row) = self.archive.adoptable(&mut *self.ledger, uid)? {
                roll.add(&Known {
                    seq: row.seq,
                    uid: Some(uid),
                    list_size: row.list_size,
                    archived_at: row.archived_at,
                    deleted: false,
                    leaving: false,
                    by_header: false,
                });
                adopted.push(Change::Adopted(row));
            }
        }
        self.ledger.commit(&adopted)?;
        if !adopted.is_empty() {
            self.note(&format!(
                "the ledger had no record of this archive; {} were recognised in it",
                messages(adopted.len() as u64)
            ));
        }
        Ok(roll)
    }
}
