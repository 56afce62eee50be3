//! The plan: what one session does about each listed message. A pure function of the listing,
//! the ledger's rows and the user's limits.
//!
//! Promises: every listed message gets exactly one verdict; a row explains at most one listed
//! message; a message is [`Verdict::Held`] only when its UID names one row, once, and its size
//! has not changed. Whatever is doubtful is fetched and compared, never skipped.
//!
//! Must never: take a UID that one listing left out for a message that is gone.

use crate::ledger::{Known, Seq, UnixTime};
use crate::pop3::listing::{Entry, Listing};

/// What the user allows in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Larger messages are left, in octets of their LIST size.
    pub max_size: u64,
    /// At most so many messages are fetched.
    pub messages: Option<u64>,
}

/// What happens to one listed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The archive has it, as this row.
    Held(Held),
    /// RETR it, and store it unless it turns out to be one of the rows of `compare`.
    Fetch {
        /// Why it cannot be taken for held.
        why: Why,
        /// The rows that might be this message.
        compare: Compare,
    },
    /// Left by the user's wish.
    Left(Left),
}

/// The row that explains a held message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The row.
    pub seq: Seq,
    /// When it was archived.
    pub archived_at: UnixTime,
    /// The ledger has no size for it yet, the listing has: worth recording.
    pub learn_size: bool,
}

/// Why a message is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its UID was never seen.
    New,
    /// Its UID is held, but the size LIST gives has changed.
    SizeChanged,
    /// Its UID was deleted by us and is listed again.
    DeletedBefore,
    /// Its UID stands for several messages.
    EqualUids,
    /// The server gives it no UID.
    NoUid,
    /// All known UIDs are gone and new ones are there: perhaps the server was migrated.
    AllUidsNew,
    /// Its header on the server is not the recorded one.
    HeaderChanged,
}

impl Why {
    /// For people, to stand behind "is fetched because".
    pub fn words(self) -> &'static str {
        match self {
            Why::New => "it is new",
            Why::SizeChanged => "its size has changed",
            Why::DeletedBefore => "it was deleted and is listed again",
            Why::EqualUids => "its UID is not unique",
            Why::NoUid => "the server gives it no UID",
            Why::AllUidsNew => "all UIDs of this maildrop have changed",
            Why::HeaderChanged => "its header has changed",
        }
    }
}

/// Which rows a fetched message is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// None: it is new.
    Nothing,
    /// The rows of its UID: [`Plan::group`].
    Group(u32),
    /// Every row that explains no other listed message.
    Unclaimed,
}

/// Why a message is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Larger than `max_size`: its LIST size in octets.
    TooLarge(u64),
    /// Behind `--limit`.
    Limit,
}

/// One listed message and its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'l> {
    /// As listed.
    pub entry: Entry<'l>,
    /// What happens to it.
    pub verdict: Verdict,
}

/// The plan of one session. A place in it is a message's place in the listing.
#[derive(Clone, Debug)]
pub struct Plan<'l> {
    listing: &'l Listing,
    verdicts: Vec<Verdict>,
    groups: Vec<Vec<Seq>>,
    /// The group of the rows that have no UID, if there are any.
    nameless: Option<u32>,
    /// This listing shows one UID for several messages.
    pub equal_uids: bool,
    /// All known UIDs are gone and new ones are there.
    pub migrated: bool,
}

impl<'l> Plan<'l> {
    /// How many messages are listed.
    pub fn len(&self) -> usize {
        self.verdicts.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty()
    }

    /// The message at this place.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    pub fn item(&self, place: usize) -> Item<'l> {
        Item { entry: self.listing.entry(place), verdict: self.verdicts[place] }
    }

    /// Every listed message, by ascending number.
    pub fn iter(&self) -> impl Iterator<Item = Item<'l>> {
        self.listing.iter().zip(&self.verdicts).map(|(entry, &verdict)| Item { entry, verdict })
    }

    /// The rows of one UID.
    pub fn group(&self, group: u32) -> &[Seq] {
        self.groups.get(group as usize).map_or(&[], Vec::as_slice)
    }

    /// The header on the server of the held message at this place is not the recorded one: it has to be fetched and compared with its row.
    pub fn doubt_header(&mut self, place: usize) {
        let Some(&Verdict::Held(held)) = self.verdicts.get(place) else { return };
        self.groups.push(vec![held.seq]);
        let group = u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX);
        self.verdicts[place] = Verdict::Fetch { why: Why::HeaderChanged, compare: Compare::Group(group) };
    }

    /// How many messages are to be fetched, and their octets as far as LIST gives them.
    pub fn to_fetch(&self) -> (u64, u64) {
        self.iter().fold((0, 0), |(messages, octets), item| match item.verdict {
            Verdict::Fetch { .. } => (messages + 1, octets + item.entry.size.unwrap_or(0)),
            _ => (messages, octets),
        })
    }
}

/// A row that bears a listed UID.
#[derive(Clone, Copy)]
struct Match {
    /// The position of its UID in `by_uid`: of the first entry that bears it.
    position: u32,
    deleted: bool,
    seq: Seq,
    list_size: Option<u64>,
    archived_at: UnixTime,
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
        Planner { listing, by_uid, matches, live_rows: 0, nameless: Vec::new(), guess: 0 }
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
    pub fn row(&mut self, known: &Known) {
        self.live_rows += u64::from(!known.deleted && !known.leaving);
        if known.uid.is_none() && !known.deleted {
            self.nameless.push(known.seq);
        }
        let Some(position) = known.uid.as_deref().and_then(|uid| self.position_of(uid)) else { return };
        let Ok(position) = u32::try_from(position) else { return };
        self.matches.push(Match {
            position,
            seq: known.seq,
            list_size: known.list_size,
            archived_at: known.archived_at,
            deleted: known.deleted,
        });
    }

    /// The verdicts.
    pub fn finish(mut self, limits: &Limits) -> Plan<'l> {
        self.matches.sort_by_key(|row| (row.position, row.seq));
        let migrated = self.live_rows > 0 && self.matches.is_empty() && !self.by_uid.is_empty();
        let nameless = std::mem::take(&mut self.nameless);
        let unknown = Verdict::Fetch { why: Why::NoUid, compare: Compare::Unclaimed };
        let mut plan = Plan {
            listing: self.listing,
            verdicts: vec![unknown; self.listing.len()],
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
            }
            for &index in listed {
                let size = self.listing.entry(index as usize).size;
                plan.verdicts[index as usize] =
                    judge(&mut plan, size, rows_here, run > 1, listed[0] == index);
            }
            position += run;
        }
        apply(limits, self.listing, &mut plan.verdicts);
        plan
    }
}

/// The verdict on one listed message, from the rows that bear its UID.
fn judge(plan: &mut Plan<'_>, size: Option<u64>, rows: &[Match], shared: bool, first: bool) -> Verdict {
    if rows.is_empty() {
        // A UID that was missing for once: what was archived then may be this message.
        let unnamed = plan.nameless.map_or(Compare::Nothing, Compare::Group);
        return match (plan.migrated, shared) {
            (true, _) => Verdict::Fetch { why: Why::AllUidsNew, compare: Compare::Unclaimed },
            (false, true) => Verdict::Fetch { why: Why::EqualUids, compare: unnamed },
            (false, false) => Verdict::Fetch { why: Why::New, compare: unnamed },
        };
    }
    let mut live = rows.iter().filter(|row| !row.deleted);
    let why = match (live.next(), live.next()) {
        _ if shared => Why::EqualUids,
        (Some(row), None) if !differs(row.list_size, size) => {
            return Verdict::Held(Held {
                seq: row.seq,
                archived_at: row.archived_at,
                learn_size: row.list_size.is_none() && size.is_some(),
            });
        }
        (Some(_), None) => Why::SizeChanged,
        (Some(_), Some(_)) => Why::EqualUids,
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

/// Leaves what the user's limits exclude. New messages come before doubtful ones, so that a
/// maildrop full of doubt cannot keep new mail out for ever.
fn apply(limits: &Limits, listing: &Listing, verdicts: &mut [Verdict]) {
    for (entry, verdict) in listing.iter().zip(&mut *verdicts) {
        if let (Verdict::Fetch { .. }, Some(size)) = (*verdict, entry.size)
            && size > limits.max_size
        {
            *verdict = Verdict::Left(Left::TooLarge(size));
        }
    }
    let Some(mut left) = limits.messages else { return };
    for new in [true, false] {
        for verdict in &mut *verdicts {
            let Verdict::Fetch { why, compare } = *verdict else { continue };
            if (why == Why::New || compare == Compare::Nothing) != new {
                continue;
            }
            if left == 0 {
                *verdict = Verdict::Left(Left::Limit);
            } else {
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
