//! The listing compared with what the ledger knows: the plan of a session.
//!
//! Promise: what the plan itself has learnt is on record before anything is fetched by it.

use super::error::AccountError;
use super::round::{Errand, Run, messages};
use super::{day, now};
use crate::archive::Met;
use crate::ledger::{Change, Known, Ledger, Roll, Row, State, Stranger, Which};
use crate::mail::names::{self, ShortHash};
use crate::plan::{Limits, Moves, Plan, Planner, STAYS, Verdict};
use crate::pop3::listing::Listing;
use std::collections::HashMap;
use std::sync::Arc;

/// Changes that are put on record in one step.
const PORTION: usize = 500;

impl Run<'_> {
    /// What this session is to do about each listed message; `parts`: the server shows a part of them at a time.
    pub(super) fn plan<'l>(
        &mut self,
        listing: &'l Listing,
        roll: Roll,
        parts: bool,
    ) -> Result<Plan<'l>, AccountError> {
        let now = now();
        let parts = parts || self.errand == Errand::Look;
        let mut plan = self.plan_by(listing, &roll, parts)?;
        let mut roll = roll;
        if plan.new_messages().next().is_some()
            && self.ledger.has_strangers()?
            && self.recognise_by_name(&plan, &mut roll)? > 0
        {
            plan = self.plan_by(listing, &roll, parts)?;
        }
        drop(roll);
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
                "the server confirmed more than once that {} were deleted, but still lists them; they are \
                 archived, and are not to be deleted again before {}",
                messages(stay),
                day(now + STAYS)
            ));
        }
        Ok(plan)
    }

    /// The plan by these rows.
    fn plan_by<'l>(&self, listing: &'l Listing, roll: &Roll, parts: bool) -> Result<Plan<'l>, AccountError> {
        let mut planner = Planner::new(listing)
            .looking_at(Arc::clone(&self.sight.presence))
            .with_marks(self.ledger.marks()?, now())
            .of_parts(parts);
        for row in roll.iter() {
            planner.row(&row);
        }
        let limits = Limits { max_size: self.account.max_size, messages: self.messages_left };
        Ok(planner.finish(&limits, self.aside.quarantine()))
    }

    /// Of the new messages of this plan, those whose copies the archive's own names show, although no row explains them:
    /// after a lost or older ledger, or from another machine's popkeep. They are on record when this returns, and in
    /// the roll.
    fn recognise_by_name(&mut self, plan: &Plan<'_>, roll: &mut Roll) -> Result<u64, AccountError> {
        let mut behind: HashMap<ShortHash, u64> = HashMap::new();
        let mut changes = Vec::new();
        let mut count = 0;
        for place in plan.new_messages() {
            let Some(uid) = plan.item(place).entry.uid else { continue };
            let Some(origin) = self.archive.origin(uid) else { return Ok(0) };
            let after = behind.entry(origin).or_default();
            let first = self.ledger.stranger(Which::Origin(&origin), *after)?;
            let second = match &first {
                Some(first) => self.ledger.stranger(Which::Origin(&origin), first.id)?,
                None => continue,
            };
            if second.is_some_and(|second| first.is_some_and(|first| first.content != second.content)) {
                // Different messages have borne this UID: which one the server has now, its octets tell.
                continue;
            }
            while let Some(stranger) = self.ledger.stranger(Which::Origin(&origin), *after)? {
                *after = stranger.id;
                let met = self.archive.meet(&stranger)?;
                if met.is_none() {
                    changes.push(Change::NoStranger(stranger));
                    continue;
                }
                // What was changed is compared with what the server sends.
                let Some(met) = met.filter(|met| names::content(&met.digest) == stranger.content) else {
                    continue;
                };
                let row = row_of(&mut *self.ledger, &stranger, &met, Some(uid), None);
                roll.add(&Known {
                    seq: row.seq,
                    uid: Some(uid),
                    list_size: row.list_size,
                    archived_at: row.archived_at,
                    deleted: false,
                    leaving: false,
                    by_header: false,
                });
                changes.extend([Change::NoStranger(stranger), Change::Adopted(row)]);
                count += 1;
                break;
            }
            if changes.len() >= PORTION {
                self.archive.secure_met()?;
                self.ledger.commit(&std::mem::take(&mut changes))?;
            }
        }
        self.archive.secure_met()?;
        self.ledger.commit(&changes)?;
        if count > 0 {
            self.note(&format!(
                "{} without a record in the ledger were recognised in the archive by their names",
                messages(count)
            ));
        }
        Ok(count)
    }
}

/// The row of a stranger that has turned out to be a message of the server's.
pub(super) fn row_of(
    ledger: &mut dyn Ledger,
    stranger: &Stranger,
    met: &Met,
    uid: Option<&[u8]>,
    list_size: Option<u64>,
) -> Row {
    let now = now();
    Row {
        seq: ledger.next_seq(),
        uid: uid.map(<[u8]>::to_vec),
        list_size,
        size: met.size,
        digest: met.digest.clone(),
        place: stranger.place.clone(),
        state: State::Stored,
        // A file's name says when it was archived only if we gave it.
        archived_at: if stranger.origin.is_some() && stranger.arrived <= now {
            stranger.arrived
        } else {
            now
        },
        // It does not tell.
        utf8: false,
    }
}
