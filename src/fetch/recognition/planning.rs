//! The listing compared with what the ledger knows: the plan of a session.
//!
//! Promise: what the plan itself has learnt is on record before anything is fetched by it.

use crate::account_error::AccountError;
use crate::clock::now;
use crate::config::DeletePolicy;
use crate::fetch::recognition::unknown_copies;
use crate::fetch::run::{Run, SessionPurpose};
use crate::ledger::{Change, Known, KnownRows, Which};
use crate::mail::names::ShortHash;
use crate::plan::{Limits, Moves, Plan, Planner, STAYS, Verdict};
use crate::pop3::listing::{Entry, Listing};
use crate::text::dates::day;
use crate::text::figures::messages;
use std::collections::HashMap;
use std::sync::Arc;

/// Changes that are put on record in one step.
const PORTION: usize = 500;

impl Run<'_> {
    /// What this session is to do about each listed message; `parts`: the server shows a part of them at a time.
    pub(crate) fn plan<'l>(
        &mut self,
        listing: &'l Listing,
        known_rows: KnownRows,
        parts: bool,
    ) -> Result<Plan<'l>, AccountError> {
        let now = now();
        let parts = parts || self.purpose == SessionPurpose::Look;
        let mut plan = self.plan_by(listing, &known_rows, parts)?;
        let mut known_rows = known_rows;
        if plan.new_messages().next().is_some()
            && self.store.ledger.has_unknown_copies()?
            && self.recognise_by_name(&plan, &mut known_rows)?
                + self.recognise_by_label(&plan, &mut known_rows)?
                > 0
        {
            plan = self.plan_by(listing, &known_rows, parts)?;
        }
        drop(known_rows);
        self.failures.listed(&plan);
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
        if plan.equal_uids && !self.store.ledger.quirks()?.equal_uids {
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
        learnt.extend(self.no_longer_skipped(&plan)?);
        self.store.ledger.commit(&learnt)?;
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
    fn plan_by<'l>(
        &self,
        listing: &'l Listing,
        known_rows: &KnownRows,
        parts: bool,
    ) -> Result<Plan<'l>, AccountError> {
        let mut planner = Planner::new(listing)
            .looking_at(Arc::clone(&self.copies.presence))
            .without(self.store.ledger.seen_elsewhere()?)
            .skipping(self.store.ledger.skipped()?, self.account.skip_headers.setting())
            .with_marks(self.store.ledger.marks()?, now())
            .of_parts(parts);
        for row in known_rows.iter() {
            planner.row(&row);
        }
        let limits = Limits { max_size: self.account.max_size, messages: self.orders.limit };
        Ok(planner.finish(&limits, self.failures.quarantine()))
    }

    /// Of the new messages of this plan, those whose copies the archive's own names show, although no row explains them:
    /// after a lost or older ledger, or from another machine's popkeep. They are on record when this returns, and in
    /// the roll.
    fn recognise_by_name(
        &mut self,
        plan: &Plan<'_>,
        known_rows: &mut KnownRows,
    ) -> Result<u64, AccountError> {
        let mut behind: HashMap<ShortHash, u64> = HashMap::new();
        let mut changes = Vec::new();
        let mut count = 0;
        for place in plan.new_messages() {
            let Some(uid) = plan.item(place).entry.uid else { continue };
            let Some(origin) = self.store.archive.origin(uid) else { return Ok(0) };
            let after = behind.entry(origin).or_default();
            let first = self.store.ledger.unknown_copy(Which::Origin(&origin), *after)?;
            let second = match &first {
                Some(first) => self.store.ledger.unknown_copy(Which::Origin(&origin), first.id)?,
                None => continue,
            };
            if second.is_some_and(|second| first.is_some_and(|first| first.content != second.content)) {
                // Different messages have borne this UID: which one the server has now, its octets tell.
                continue;
            }
            while let Some(unknown) = self.store.ledger.unknown_copy(Which::Origin(&origin), *after)? {
                *after = unknown.id;
                if self.store.ledger.is_taken(&unknown.place)? {
                    continue;
                }
                let met = self.store.archive.meet(&unknown)?;
                if met.is_none() {
                    changes.push(Change::ForgetUnknownCopy(unknown));
                    continue;
                }
                // What was changed is compared with what the server sends.
                let Some(met) = met.filter(|met| met.is_still(&unknown)) else { continue };
                let row = unknown_copies::row_of(&mut *self.store.ledger, &unknown, &met, Some(uid), None);
                known_rows.add(&Known {
                    seq: row.seq,
                    uid: Some(uid),
                    list_size: row.list_size,
                    archived_at: row.archived_at,
                    deleted: false,
                    leaving: false,
                    by_header: false,
                });
                changes.extend([Change::ForgetUnknownCopy(unknown), Change::Adopted(row)]);
                count += 1;
                break;
            }
            if changes.len() >= PORTION {
                self.put_on_record(&mut changes)?;
            }
        }
        self.put_on_record(&mut changes)?;
        if count > 0 {
            self.note(&format!(
                "{} without a record in the ledger were recognised in the archive by their names",
                messages(count)
            ));
        }
        Ok(count)
    }

    /// Of the new messages of this plan, those of which one unknown copy has the UID: Thunderbird or getmail has written it
    /// there, with the size that LIST gives for what is behind. It is a hint: the message is fetched and
    /// compared before it is deleted. On record when this returns, and among the rows.
    fn recognise_by_label(
        &mut self,
        plan: &Plan<'_>,
        known_rows: &mut KnownRows,
    ) -> Result<u64, AccountError> {
        if self.account.delete == DeletePolicy::Fetched {
            // Each of them will be fetched.
            return Ok(0);
        }
        let mut changes = Vec::new();
        let mut count = 0;
        for place in plan.new_messages().filter(|&place| plan.has_own_uid(place)) {
            let Entry { uid: Some(uid), size: Some(size), .. } = plan.item(place).entry else { continue };
            let Some(unknown) = self.store.ledger.unknown_copy(Which::Uid(uid), 0)? else { continue };
            // Of two that claim to be the message neither is believed.
            if self.store.ledger.unknown_copy(Which::Uid(uid), unknown.id)?.is_some()
                || self.store.ledger.is_taken(&unknown.place)?
            {
                continue;
            }
            let Some(met) = self.store.archive.meet(&unknown)?.filter(|met| met.is_still(&unknown)) else {
                continue;
            };
            let (Some(own_size), Some(labelled)) =
                (met.size_without_label(), met.bare.as_ref().and_then(|bare| bare.labelled.as_ref()))
            else {
                continue;
            };
            if own_size != size {
                continue;
            }
            let served = labelled.digest.clone();
            let row = unknown_copies::row_of(&mut *self.store.ledger, &unknown, &met, Some(uid), Some(size));
            let seq = row.seq;
            known_rows.add(&Known {
                seq,
                uid: Some(uid),
                list_size: row.list_size,
                archived_at: row.archived_at,
                deleted: false,
                leaving: false,
                by_header: true,
            });
            changes.extend([
                Change::ForgetUnknownCopy(unknown),
                Change::Adopted(row),
                Change::ServedAs { seq, digest: served },
                Change::Rebound { seq, uid: uid.to_vec(), list_size: Some(size) },
            ]);
            count += 1;
            if changes.len() >= PORTION {
                self.put_on_record(&mut changes)?;
            }
        }
        self.put_on_record(&mut changes)?;
        if count > 0 {
            self.note(&format!(
                "{} were recognised in the archive by the UIDs that another program has written into them",
                messages(count)
            ));
        }
        Ok(count)
    }

    /// What was met is durable before the ledger has it.
    fn put_on_record(&mut self, changes: &mut Vec<Change>) -> Result<(), AccountError> {
        self.store.archive.secure_met()?;
        Ok(self.store.ledger.commit(&std::mem::take(changes))?)
    }
}
