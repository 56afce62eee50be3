//! How a plan comes about: the listing, then the ledger's rows one by one, then the verdicts.

use super::{Archived, Compare, Left, Limits, Plan, Quarantine, Verdict, Why};
use crate::archive::Presence;
use crate::ledger::{Known, Seq, UnixTime};
use crate::pop3::listing::Listing;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// A row that bears a listed UID.
#[derive(Clone, Copy)]
struct Match {
    /// The position of its UID in `by_uid`: of the first entry that bears it.
    position: u32,
    deleted: bool,
    seq: Seq,
    list_size: Option<u64>,
    archived_at: UnixTime,
    by_header: bool,
}

/// Makes a plan: the listing first, then every row of the ledger, then [`Planner::finish`].
///
/// Rows that no listed UID matches leave nothing behind but a count, so a ledger of any size is
/// planned with in the memory of the listing.
pub struct Planner<'l> {
    listing: &'l Listing,
    /// Places of messages that have a UID, ordered by it.
    by_uid: Vec<u32>,
    matches: Vec<Match>,
    live_rows: u64,
    /// Rows of messages that had no UID when they were archived.
    nameless: Vec<Seq>,
    guess: usize,
    presence: Arc<Presence>,
}

impl<'l> Planner<'l> {
    /// For one listing.
    pub fn new(listing: &'l Listing) -> Self {
        let mut by_uid: Vec<u32> = (0u32..)
            .zip(listing.iter())
            .filter(|(_, entry)| entry.uid.is_some())
            .map(|(place, _)| place)
            .collect();
        by_uid.sort_by_key(|&place| listing.entry(place as usize).uid);
        // As many rows as messages is what a backup that is kept up comes to.
        let matches = Vec::with_capacity(by_uid.len());
        Planner {
            listing,
            by_uid,
            matches,
            live_rows: 0,
            nameless: Vec::new(),
            guess: 0,
            presence: Arc::default(),
        }
    }

    /// With what a look at the archive has found; without it every copy is taken to be there.
    #[must_use]
    pub fn looking_at(self, presence: Arc<Presence>) -> Self {
        Planner { presence, ..self }
    }

    fn uid_at(&self, position: usize) -> Option<&'l [u8]> {
        self.by_uid.get(position).and_then(|&place| self.listing.entry(place as usize).uid)
    }

    /// The first position of this UID. Rows come in the order of their arrival, which is often
    /// the order of the listing: the next position is tried before a search.
    fn position_of(&mut self, uid: &[u8]) -> Option<usize> {
        if self.uid_at(self.guess) != Some(uid)
            || (self.guess > 0 && self.uid_at(self.guess - 1) == Some(uid))
        {
            self.guess =
                self.by_uid.partition_point(|&place| self.listing.entry(place as usize).uid < Some(uid));
        }
        let found = self.guess;
        (self.uid_at(found) == Some(uid)).then(|| {
            self.guess += 1;
            found
        })
    }

    /// One row that is stored or deleted.
    pub fn row(&mut self, known: &Known<'_>) {
        self.live_rows += u64::from(!known.deleted && !known.leaving);
        if known.uid.is_none() && !known.deleted {
            self.nameless.push(known.seq);
        }
        let Some(position) = known.uid.and_then(|uid| self.position_of(uid)) else { return };
        let Ok(position) = u32::try_from(position) else { return };
        self.matches.push(Match {
            position,
            seq: known.seq,
            list_size: known.list_size,
            archived_at: known.archived_at,
            deleted: known.deleted,
            by_header: known.by_header,
        });
    }

    /// The verdicts. A message that rests in `quarantine` is left; of those that may be tried again none takes
    /// the place of another under the limit.
    pub fn finish(mut self, limits: &Limits, quarantine: &Quarantine) -> Plan<'l> {
        self.matches.sort_by_key(|row| (row.position, row.seq));
        let migrated = self.live_rows > 0 && self.matches.is_empty() && !self.by_uid.is_empty();
        let nameless = std::mem::take(&mut self.nameless);
        let unknown = Verdict::Fetch { why: Why::NoUid, compare: Compare::Unclaimed };
        let mut plan = Plan {
            listing: self.listing,
            verdicts: vec![unknown; self.listing.len()],
            presence: Arc::clone(&self.presence),
            shared: HashSet::new(),
            wards: BTreeMap::new(),
            nameless: (!nameless.is_empty()).then_some(0),
            groups: if nameless.is_empty() { Vec::new() } else { vec![nameless] },
            equal_uids: false,
            migrated,
        };

        let mut rows = self.matches.as_slice();
        let mut position = 0;
        while position < self.by_uid.len() {
            let uid = self.uid_at(position);
            let run = self.by_uid[position..]
                .iter()
                .take_while(|&&index| self.listing.entry(index as usize).uid == uid)
                .count();
            let listed = &self.by_uid[position..position + run];
            let mine = rows.iter().take_while(|row| row.position as usize == position).count();
            let (rows_here, rest) = rows.split_at(mine);
            rows = rest;
            if run > 1 {
                plan.equal_uids = true;
                plan.shared.extend(listed.iter().map(|&place| place as usize));
            }
            for &index in listed {
                let size = self.listing.entry(index as usize).size;
                plan.verdicts[index as usize] =
                    judge(&mut plan, size, rows_here, run > 1, listed[0] == index);
            }
            position += run;
        }
        if !quarantine.is_empty() {
            let found = (0..plan.len()).filter_map(|place| {
                let ward = quarantine.find(self.listing.entry(place), plan.has_own_uid(place))?;
                Some((place, ward))
            });
            plan.wards = found.collect();
        }
        apply(limits, &mut plan, quarantine);
        plan
    }
}

/// The verdict on one listed message, from the rows that bear its UID.
fn judge(plan: &mut Plan<'_>, size: Option<u64>, rows: &[Match], shared: bool, first: bool) -> Verdict {
    if rows.is_empty() {
        // A UID that was missing for once: what was archived then may be this message.
        let unnamed = plan.nameless.map_or(Compare::Nothing, Compare::Group);
        return match (plan.migrated, shared) {
            (true, true) => Verdict::Fetch { why: Why::EqualUids, compare: Compare::Unclaimed },
            (true, false) => Verdict::Fetch { why: Why::AllUidsNew, compare: Compare::Unclaimed },
            (false, true) => Verdict::Fetch { why: Why::EqualUids, compare: unnamed },
            (false, false) => Verdict::Fetch { why: Why::New, compare: unnamed },
        };
    }
    let mut live = rows.iter().filter(|row| !row.deleted);
    let why = match (live.next(), live.next()) {
        _ if shared => Why::EqualUids,
        (Some(row), None) if !differs(row.list_size, size) => {
            return plan.verdict_of(Archived {
                seq: row.seq,
                archived_at: row.archived_at,
                learn_size: row.list_size.is_none() && size.is_some(),
                by_header: row.by_header,
            });
        }
        (Some(_), None) => Why::SizeChanged,
        (Some(_), Some(_)) => Why::SeveralStored,
        (None, _) => Why::DeletedBefore,
    };
    if first {
        plan.groups.push(rows.iter().map(|row| row.seq).collect());
    }
    let group = u32::try_from(plan.groups.len() - 1).unwrap_or(u32::MAX);
    Verdict::Fetch { why, compare: Compare::Group(group) }
}

/// Two sizes that are both known and not the same. A LIST that failed for once, or says -1,
/// tells nothing: it must not cause a second download of everything.
fn differs(recorded: Option<u64>, listed: Option<u64>) -> bool {
    matches!((recorded, listed), (Some(a), Some(b)) if a != b)
}

/// Leaves what is not to be fetched now. New messages come before doubtful ones, so that a maildrop full
/// of doubt cannot keep new mail out for ever, and what has failed before comes last.
fn apply(limits: &Limits, plan: &mut Plan<'_>, quarantine: &Quarantine) {
    for (entry, verdict) in plan.listing.iter().zip(&mut plan.verdicts) {
        if let (Verdict::Fetch { .. }, Some(size)) = (*verdict, entry.size)
            && size > limits.max_size
        {
            *verdict = Verdict::Left(Left::TooLarge(size));
        }
    }
    for (&place, &ward) in &plan.wards {
        if matches!(plan.verdicts[place], Verdict::Fetch { .. }) && quarantine.rests(ward) {
            plan.verdicts[place] = Verdict::Left(Left::Quarantine);
        }
    }
    let Some(mut left) = limits.messages else { return };
    for turn in [Turn::New, Turn::Doubtful, Turn::FailedBefore] {
        for (place, verdict) in plan.verdicts.iter_mut().enumerate() {
            let Verdict::Fetch { why, compare } = *verdict else { continue };
            let its_turn =
                match (plan.wards.contains_key(&place), why == Why::New || compare == Compare::Nothing) {
                    (true, _) => Turn::FailedBefore,
                    (false, true) => Turn::New,
                    (false, false) => Turn::Doubtful,
                };
            if its_turn != turn {
                continue;
            }
            if left == 0 {
                // A failure is to be told as one.
                let failed = turn == Turn::FailedBefore;
                *verdict = Verdict::Left(if failed { Left::Quarantine } else { Left::Limit });
            } else {
                left -= 1;
            }
        }
    }
}

/// In this order messages count towards the limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    New,
    Doubtful,
    FailedBefore,
}
