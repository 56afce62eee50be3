//! The listing compared with what the ledger knows: the plan of a session.
//!
//! Promise: what the plan itself has learnt is on record before anything is fetched by it.

use super::error::AccountError;
use super::round::{Errand, Run, messages};
use super::{day, now};
use crate::ledger::{Change, Known, Roll};
use crate::plan::{Limits, Moves, Plan, Planner, STAYS, Verdict};
use crate::pop3::listing::Listing;
use std::sync::Arc;

impl Run<'_> {
    /// What this session is to do about each listed message; `parts`: the server shows a part of them at a time.
    pub(super) fn plan<'l>(
        &mut self,
        listing: &'l Listing,
        roll: Roll,
        parts: bool,
    ) -> Result<Plan<'l>, AccountError> {
        let roll = if roll.is_empty() { self.adopt(listing)? } else { roll };
        let now = now();
        let parts = parts || self.errand == Errand::Look;
        let mut planner = Planner::new(listing)
            .looking_at(Arc::clone(&self.sight.presence))
            .with_marks(self.ledger.marks()?, now)
            .of_parts(parts);
        for row in roll.iter() {
            planner.row(&row);
        }
        drop(roll);
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
        learnt.extend(plan.back_again().iter().map(|&seq| Change::Stays { seq, until: now + STAYS }));
        match &plan.moves {
            Moves::Not { over, gone, back } => {
                learnt.extend(over.then_some(Change::UidsMoved));
                if !(gone.is_empty() && back.is_empty()) {
                    learnt.push(Change::Listed { gone: gone.clone(), back: back.clone() });
                }
            }
            Moves::Moving { began: true, .. } => learnt.push(Change::UidsMoving { since: now }),
            Moves::Moving { began: false, .. } | Moves::Unknown { .. } => {}
        }
        self.ledger.commit(&learnt)?;
        let stay = plan.back_again().len() as u64;
        if stay > 0 {
            self.note(&format!(
                "the server has confirmed more than once that {} were deleted, and lists them still; they are \
                 archived, and are not to be deleted again before {}",
                messages(stay),
                day(now + STAYS)
            ));
        }
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
