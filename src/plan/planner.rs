//! How a plan comes about: the listing, then the ledger's rows one by one, then the verdicts.

use super::{Archived, Compare, Left, Limits, Moves, Plan, Quarantine, Rows, Verdict, Waiting, Why};
use crate::archive::Presence;
use crate::ledger::{Known, Marks, SeenElsewhere, Seq, Skipped, UnixTime, fold};
use crate::pop3::listing::Listing;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// For so long a message that the server did not delete twice is not deleted again, in seconds.
pub const STAYS: UnixTime = 30 * 86400;

/// By UID: its size in LIST, and which field its header has.
type SkippedByUid = HashMap<Vec<u8>, (Option<u64>, u32)>;

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
    marks: Marks,
    now: UnixTime,
    /// The server shows a part of its messages: what it does not list says nothing.
    parts: bool,
    /// Rows that the last complete listing showed.
    listed_before: u64,
    /// Of those, the ones that this listing leaves out.
    gone: Vec<Seq>,
    /// Rows that are listed, and were not the last time.
    back: Vec<Seq>,
    /// Rows that are not listed, and may be listed under another UID.
    loose: bool,
    /// Rows whose messages may be gone from the server by our own hand.
    leaving: Vec<Seq>,
    /// Rows of messages that had no UID when they were archived.
    nameless: Vec<Seq>,
    guess: usize,
    presence: Arc<Presence>,
    /// What is not to be fetched, since another program has seen it.
    seen: SeenElsewhere,
    /// What `skip_headers` is known to leave. `None`: it is not set.
    skipped: Option<SkippedByUid>,
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
            presence: Arc::default(),
            seen: SeenElsewhere::default(),
            skipped: None,
            marks: Marks::default(),
            now: 0,
            parts: false,
            listed_before: 0,
            gone: Vec::new(),
            back: Vec::new(),
            loose: false,
            leaving: Vec::new(),
            nameless: Vec::new(),
            guess: 0,
        }
    }

    /// With what a look at the archive has found; without it every copy is taken to be there.
    #[must_use]
    pub fn looking_at(self, presence: Arc<Presence>) -> Self {
        Planner { presence, ..self }
    }

    /// With what earlier listings have shown, `now`.
    #[must_use]
    pub fn with_marks(self, marks: Marks, now: UnixTime) -> Self {
        Planner { marks, now, ..self }
    }

    /// Without messages that another program has seen, as far as no row explains them.
    #[must_use]
    pub fn without(self, seen: SeenElsewhere) -> Self {
        Planner { seen, ..self }
    }

    /// Without messages that `skip_headers` is known to leave by this setting; `None`: it is not set.
    #[must_use]
    pub fn skipping(self, known: Vec<Skipped>, setting: Option<i64>) -> Self {
        let of = |setting| {
            let known = known.into_iter().filter(move |skipped| skipped.setting == setting);
            known.map(|skipped| (skipped.uid, (skipped.list_size, skipped.field))).collect()
        };
        Planner { skipped: setting.map(of), ..self }
    }

    /// For a server that shows a part of its messages at a time, if `parts`.
    #[must_use]
    pub fn of_parts(self, parts: bool) -> Self {
        Planner { parts, ..self }
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
        let live = !known.deleted && !known.leaving;
        if known.uid.is_none() && !known.deleted {
            self.nameless.push(known.seq);
        }
        let Some(uid) = known.uid else { return };
        let unlisted = self.marks.is_unlisted(known.seq);
        self.listed_before += u64::from(live && !unlisted);
        let position = self.position_of(uid).and_then(|position| u32::try_from(position).ok());
        let Some(position) = position else {
            self.loose |= live;
            if live && !unlisted {
                self.gone.push(known.seq);
            }
            if known.leaving {
                self.leaving.push(known.seq);
            }
            return;
        };
        if live && unlisted {
            self.back.push(known.seq);
        }
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
        let moves = self.moves();
        let nameless = std::mem::take(&mut self.nameless);
        let unknown = Verdict::Fetch { why: Why::NoUid, compare: Compare::Unclaimed };
        let mut plan = Plan {
            listing: self.listing,
            verdicts: vec![unknown; self.listing.len()],
            presence: Arc::clone(&self.presence),
            shared: HashSet::new(),
            in_quarantine: BTreeMap::new(),
            nameless: (!nameless.is_empty()).then_some(0),
            groups: if nameless.is_empty() { Vec::new() } else { vec![nameless] },
            rows: Rows::of(self.matches.iter().map(|row| row.seq).collect()),
            leaving: std::mem::take(&mut self.leaving),
            new: Vec::new(),
            loose: self.loose && !self.parts,
            parts: self.parts,
            wandering: Vec::new(),
            waiting: VecDeque::new(),
            skipped_now: Vec::new(),
            back_again: Vec::new(),
            equal_uids: false,
            moves,
        };
        let ask_top = self.marks.sizes_are_idle();

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
                let verdict = self.judge(&mut plan, size, rows_here, run > 1, listed[0] == index);
                plan.note(index as usize, verdict, rows_here, ask_top);
                plan.verdicts[index as usize] = verdict;
            }
            position += run;
        }
        if !quarantine.is_empty() {
            let found = (0..plan.len()).filter_map(|place| {
                let id = quarantine.find(self.listing.entry(place), plan.has_own_uid(place))?;
                Some((place, id))
            });
            plan.in_quarantine = found.collect();
        }
        plan.rows.settle(&plan.verdicts);
        self.leave_seen(&mut plan);
        self.leave_skipped(&mut plan);
        apply(limits, &mut plan, quarantine, self.skipped.is_some());
        plan
    }

    /// The verdict on one listed message, from the rows that bear its UID.
    fn judge(
        &self,
        plan: &mut Plan<'_>,
        size: Option<u64>,
        rows: &[Match],
        shared: bool,
        first: bool,
    ) -> Verdict {
        if rows.is_empty() {
            let why = if shared {
                Why::EqualUids
            } else if plan.migrated() {
                Why::AllUidsNew
            } else {
                Why::New
            };
            let compare = match (plan.migrated(), plan.loose, plan.nameless) {
                (true, ..) => Compare::Unclaimed,
                (false, true, _) => Compare::Loose,
                // A UID that was missing for once: what was archived then may be this message.
                (false, false, Some(nameless)) => Compare::Group(nameless),
                (false, false, None) => Compare::Nothing,
            };
            return Verdict::Fetch { why, compare };
        }
        let mut live = rows.iter().filter(|row| !row.deleted);
        let why = match (live.next(), live.next(), rows) {
            _ if shared => Why::EqualUids,
            (Some(row), None, _) | (None, _, [row])
                if (!row.deleted || self.marks.returned.contains_key(&row.seq))
                    && (self.marks.has_idle_size(row.seq) || !differs(row.list_size, size)) =>
            {
                return plan.verdict_of(Archived {
                    seq: row.seq,
                    archived_at: row.archived_at,
                    learn_size: row.list_size.is_none() && size.is_some(),
                    by_header: row.by_header,
                    stays: row.deleted || self.stays(row.seq),
                });
            }
            (Some(_), None, _) => Why::SizeChanged,
            (Some(_), Some(_), _) => Why::SeveralStored,
            (None, ..) => Why::DeletedBefore,
        };
        if first {
            plan.groups.push(rows.iter().map(|row| row.seq).collect());
        }
        let group = u32::try_from(plan.groups.len() - 1).unwrap_or(u32::MAX);
        Verdict::Fetch { why, compare: Compare::Group(group) }
    }

    /// Leaves new messages that another program has seen.
    fn leave_seen(&self, plan: &mut Plan<'_>) {
        if self.seen.is_empty() {
            return;
        }
        let mut folded: HashMap<Vec<u8>, u32> = HashMap::new();
        let uids = self.listing.iter().filter_map(|entry| entry.uid);
        uids.for_each(|uid| *folded.entry(fold(uid)).or_default() += 1);
        for place in plan.new.clone() {
            let place = place as usize;
            let uid = self.listing.entry(place).uid.filter(|_| plan.has_own_uid(place));
            if uid.is_some_and(|uid| {
                self.seen.has(uid, |same| folded.get(same).is_some_and(|count| *count > 1))
            }) {
                plan.verdicts[place] = Verdict::Left(Left::SeenElsewhere);
            }
        }
    }

    /// Leaves new messages that are known to have a field in their headers that `skip_headers` names.
    fn leave_skipped(&self, plan: &mut Plan<'_>) {
        let Some(skipped) = self.skipped.as_ref().filter(|skipped| !skipped.is_empty()) else { return };
        let mut room = plan.most_skipped();
        for place in plan.new.clone() {
            let place = place as usize;
            let entry = self.listing.entry(place);
            if let Some(&(size, field)) = entry.uid.and_then(|uid| skipped.get(uid))
                && room > 0
                && plan.has_own_uid(place)
                && matches!(plan.verdicts[place], Verdict::Fetch { .. })
                && !plan.in_quarantine.contains_key(&place)
                // One of another size is another message under its UID.
                && !differs(size, entry.size)
            {
                plan.verdicts[place] = Verdict::Left(Left::SkipHeaders(field));
                room -= 1;
            }
        }
    }

    /// Whether this row's message is not to be deleted now: the server would not.
    fn stays(&self, seq: Seq) -> bool {
        let until = self.marks.returned.get(&seq).map(|returned| returned.until);
        until.is_some_and(|until| (self.now + 1..=self.now + STAYS).contains(&until))
    }

    /// What this listing says of a maildrop that moves, or may have moved, to other UIDs.
    fn moves(&mut self) -> Moves {
        let (mut gone, back) = (std::mem::take(&mut self.gone), std::mem::take(&mut self.back));
        let complete = !self.parts
            && !self.by_uid.is_empty()
            && self.listing.iter().all(|entry| entry.uid.is_some() || entry.size.is_none());
        if !complete {
            // It says nothing of what it leaves out.
            return Moves::Unknown { moving: self.marks.moving_since.is_some() && !self.parts };
        }
        let mut known: Vec<u32> = self.matches.iter().map(|row| row.position).collect();
        known.dedup();
        let mut firsts =
            (0..self.by_uid.len()).filter(|&at| at == 0 || self.uid_at(at) != self.uid_at(at - 1));
        // What `skip_headers` leaves has no row, and is not new for that.
        let is_skipped = |at| {
            let (uid, skipped) = (self.uid_at(at), self.skipped.as_ref());
            uid.zip(skipped).is_some_and(|(uid, skipped)| skipped.contains_key(uid))
        };
        let new = firsts.any(|at| {
            u32::try_from(at).is_ok_and(|place| known.binary_search(&place).is_err()) && !is_skipped(at)
        });
        let most = gone.len() as u64 * 2 > self.listed_before;
        match (self.marks.moving_since, new && !gone.is_empty()) {
            (Some(_), true) => Moves::Moving { began: false, old: gone },
            (None, true) if most => Moves::Moving { began: true, old: gone },
            (since, _) => {
                gone.sort_unstable();
                Moves::Not { over: since.is_some(), gone, back }
            }
        }
    }
}

impl Plan<'_> {
    /// Notes what there is to note besides the verdict on the message at this place.
    fn note(&mut self, place: usize, verdict: Verdict, rows: &[Match], ask_top: bool) {
        match (verdict, rows) {
            (Verdict::Fetch { .. }, []) => self.new.extend(u32::try_from(place)),
            (Verdict::Fetch { why: Why::SizeChanged, .. }, _) if ask_top => {
                let live = rows.iter().find(|row| !row.deleted && !row.by_header);
                self.wandering.extend(live.map(|row| (place, row.seq)));
            }
            (Verdict::Archived(row) | Verdict::Removed(row) | Verdict::Damaged(row), _)
                if rows.iter().all(|row| row.deleted) =>
            {
                self.back_again.push(row.seq);
            }
            _ => {}
        }
    }
}

/// Two sizes that are both known and not the same. A LIST that failed for once, or says -1,
/// tells nothing: it must not cause a second download of everything.
fn differs(recorded: Option<u64>, listed: Option<u64>) -> bool {
    matches!((recorded, listed), (Some(a), Some(b)) if a != b)
}

/// Leaves what is not to be fetched now. New messages come before doubtful ones, so that a maildrop full
/// of doubt cannot keep new mail out for ever, and what has failed before comes last. `waits`: places under the limit may
/// become free.
fn apply(limits: &Limits, plan: &mut Plan<'_>, quarantine: &Quarantine, waits: bool) {
    for (entry, verdict) in plan.listing.iter().zip(&mut plan.verdicts) {
        if let (Verdict::Fetch { .. }, Some(size)) = (*verdict, entry.size)
            && size > limits.max_size
        {
            *verdict = Verdict::Left(Left::TooLarge(size));
        }
    }
    for (&place, &id) in &plan.in_quarantine {
        if matches!(plan.verdicts[place], Verdict::Fetch { .. }) && quarantine.rests(id) {
            plan.verdicts[place] = Verdict::Left(Left::Quarantine);
        }
    }
    let Some(mut left) = limits.messages else { return };
    for turn in [LimitOrder::New, LimitOrder::Doubtful, LimitOrder::FailedBefore] {
        for (place, verdict) in plan.verdicts.iter_mut().enumerate() {
            let Verdict::Fetch { why, compare } = *verdict else { continue };
            let new = why == Why::New || matches!(compare, Compare::Nothing | Compare::Loose);
            let its_turn = match (plan.in_quarantine.contains_key(&place), new) {
                (true, _) => LimitOrder::FailedBefore,
                (false, true) => LimitOrder::New,
                (false, false) => LimitOrder::Doubtful,
            };
            if its_turn != turn {
                continue;
            }
            if left == 0 {
                if waits {
                    plan.waiting
                        .extend(u32::try_from(place).map(|place| Waiting { place, verdict: *verdict }));
                }
                // A failure is to be told as one.
                let failed = turn == LimitOrder::FailedBefore;
                *verdict = Verdict::Left(if failed { Left::Quarantine } else { Left::Limit });
            } else {
                left -= 1;
            }
        }
    }
}

/// In this order messages count towards the limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LimitOrder {
    New,
    Doubtful,
    FailedBefore,
}
