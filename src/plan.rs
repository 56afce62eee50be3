//! The plan: what one session does about each listed message. A pure function of the listing,
//! the ledger's rows and the user's limits.
//!
//! Promises: every listed message gets exactly one verdict; a row explains at most one listed
//! message; a message is [`Verdict::Archived`] only when its UID names one row, once, its size
//! has not changed, and the look at the archive has seen its copy. Whatever is doubtful is fetched and compared, never skipped.
//!
//! Must never: take a UID that one listing left out for a message that is gone.

mod ages;
mod due;
mod moves;
mod planner;
mod quarantine;
mod rows;

pub use ages::Ages;
pub use due::{Restored, due, due_now, policy_words};
pub use moves::Moves;
pub use planner::{Planner, STAYS};
pub use quarantine::{GAPS, Quarantine, QuarantineId};
use rows::Rows;

use crate::archive::{Presence, Whereabouts};
use crate::ledger::{Seq, UnixTime};
use crate::mail::skip_headers::SkipHeaders;
use crate::pop3::listing::{Entry, Listing};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

/// What the user allows in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Larger messages are left, in octets of their LIST size.
    pub max_size: u64,
    /// At most this number of messages is fetched.
    pub messages: Option<u64>,
}

/// What happens to one listed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The archive has it, as this row.
    Archived(Archived),
    /// It was archived as this row, and somebody has removed its copy since.
    Removed(Archived),
    /// It was archived as this row, and something else is in the place of its copy.
    Damaged(Archived),
    /// RETR it, and store it unless it turns out to be one of the rows of `compare`.
    Fetch {
        /// Why it cannot be taken for archived.
        why: Why,
        /// The rows that might be this message.
        compare: Compare,
    },
    /// Left by the user's wish.
    Left(Left),
}

impl Verdict {
    /// The row that explains it, wherever its copy is.
    pub fn row(self) -> Option<Archived> {
        match self {
            Verdict::Archived(row) | Verdict::Removed(row) | Verdict::Damaged(row) => Some(row),
            Verdict::Fetch { .. } | Verdict::Left(_) => None,
        }
    }

    /// Its UID was never seen.
    pub fn is_new(self) -> bool {
        matches!(self, Verdict::Fetch { why: Why::New | Why::AllUidsNew, .. })
    }

    /// No UID tells which message it is, so that each session has to fetch it.
    pub fn is_told_by_content(self) -> bool {
        matches!(self, Verdict::Fetch { why: Why::NoUid | Why::EqualUids, .. })
    }
}

/// The row that explains an archived message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The row.
    pub seq: Seq,
    /// When it was archived.
    pub archived_at: UnixTime,
    /// The ledger has no size for it yet, the listing has: worth recording.
    pub learn_size: bool,
    /// It was recognised under this UID by its header alone: no receipt without RETR.
    pub by_header: bool,
    /// The server does not delete it, whatever it confirms: it is not to be asked now.
    pub stays: bool,
}

/// Why a message is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its UID was never seen.
    New,
    /// Its UID is archived, but the size LIST gives has changed.
    SizeChanged,
    /// Its UID was deleted by us and is listed again.
    DeletedBefore,
    /// Several messages have its UID.
    EqualUids,
    /// Several messages were archived under its UID, one after the other.
    SeveralStored,
    /// The server gives it no UID.
    NoUid,
    /// Most known UIDs are gone and new ones are there: perhaps the server was migrated.
    AllUidsNew,
    /// Its header on the server is not the recorded one.
    HeaderChanged,
}

impl Why {
    /// Whether its UID is on record for this one message of the listing, so that other content than is
    /// recorded needs a second look.
    pub fn is_on_record(self) -> bool {
        matches!(self, Why::SizeChanged | Why::HeaderChanged | Why::DeletedBefore | Why::SeveralStored)
    }

    /// For people, behind "is fetched because".
    pub fn words(self) -> &'static str {
        match self {
            Why::New => "it is new",
            Why::SizeChanged => "its size has changed",
            Why::DeletedBefore => "it was deleted and is listed again",
            Why::EqualUids => "its UID is not unique",
            Why::SeveralStored => "several messages were archived under its UID",
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
    /// Rows of this maildrop that are not listed any more, and were not deleted by us.
    Loose,
    /// Every row that explains no other listed message.
    Unclaimed,
}

/// Why a message is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Larger than `max_size`: its LIST size in octets.
    TooLarge(u64),
    /// An adopted program had seen it, and it is not to be fetched for that.
    SeenElsewhere,
    /// Its header has the field of this number, from 0, of those that `skip_headers` names.
    SkipHeaders(u32),
    /// Behind `--limit`.
    Limit,
    /// It failed, and it is not its time to be tried again, or not its turn: [`Plan::quarantine_id`].
    Quarantine,
}

/// See [`Plan::most_skipped`]. Such servers show 200 messages and more.
const MOST_SKIPPED_OF_PARTS: usize = 100;

/// Why a message is left for [`Left::SeenElsewhere`], for people.
pub const SEEN_ELSEWHERE: &str = "seen by the program before, and not to be fetched (adopt --seen skip)";

/// Why a message is left for [`Left::SkipHeaders`], for people.
pub fn skipped_because(skip: &SkipHeaders, field: u32) -> Arc<str> {
    format!("its header has \"{}\" (skip_headers)", skip.text(field)).into()
}

/// A message that waits behind the limit, and what happens to it when its turn comes.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    place: u32,
    verdict: Verdict,
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
    /// What is in the archive.
    presence: Arc<Presence>,
    /// Places of messages that share their UID with another one.
    shared: HashSet<usize>,
    /// Messages that are in quarantine, by place.
    in_quarantine: BTreeMap<usize, QuarantineId>,
    /// The group of the rows that have no UID, if there are any.
    nameless: Option<u32>,
    /// The rows whose UIDs are listed.
    rows: Rows,
    /// Rows that are not listed and may have been deleted by us.
    leaving: Vec<Seq>,
    /// The server shows a part of its messages.
    parts: bool,
    /// Places of messages whose UIDs are on no row.
    new: Vec<u32>,
    /// Some row is not listed, and its message may be there under another UID.
    loose: bool,
    /// Messages of which only the size has changed, where no size says anything: their places, and their rows.
    wandering: Vec<(usize, Seq)>,
    /// Where headers may free places under the limit: what waits behind it, in the order of its turn.
    waiting: VecDeque<Waiting>,
    /// Messages that [`Plan::skip`] has left.
    skipped_now: Vec<(usize, Verdict)>,
    /// Rows that were deleted, more than once, and are listed again.
    back_again: Vec<Seq>,
    /// This listing shows one UID for several messages.
    pub equal_uids: bool,
    /// What the listing says of a maildrop that moves to other UIDs.
    pub moves: Moves,
}

impl<'l> Plan<'l> {
    /// Whether most known UIDs are gone, in this listing or in one before, and new ones are there.
    pub fn migrated(&self) -> bool {
        self.moves.is_moving()
    }

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

    /// The rows without a UID: of messages that had none when they were archived, or of which it became
    /// unsure which UID was theirs. Each may be any message.
    pub fn nameless(&self) -> &[Seq] {
        self.nameless.map_or(&[], |group| self.group(group))
    }

    /// Where in the quarantine the message at this place is, if it is there.
    pub fn quarantine_id(&self, place: usize) -> Option<QuarantineId> {
        self.in_quarantine.get(&place).copied()
    }

    /// Every message that is in quarantine, with its place.
    pub fn quarantined(&self) -> impl Iterator<Item = (usize, QuarantineId)> {
        self.in_quarantine.iter().map(|(&place, &id)| (place, id))
    }

    /// Whether the message at this place has a UID that no other listed message has.
    pub fn has_own_uid(&self, place: usize) -> bool {
        self.item(place).entry.uid.is_some() && !self.shared.contains(&place)
    }

    /// Whether nothing but STAT's count speaks for the message at this place, while UIDL or LIST name others.
    pub fn is_counted_only(&self, place: usize) -> bool {
        let entry = self.item(place).entry;
        entry.uid.is_none() && entry.size.is_none() && (self.listing.has_uids() || self.listing.has_sizes())
    }

    /// Places of messages whose UIDs are on no row, whether they are to be fetched or left.
    pub fn new_messages(&self) -> impl Iterator<Item = usize> {
        self.new.iter().map(|&place| place as usize)
    }

    /// Messages of which only the size has changed, where sizes were seen to say nothing, so that TOP has to tell:
    /// their places, and their rows.
    pub fn wandering(&self) -> &[(usize, Seq)] {
        &self.wandering
    }

    /// Leaves the message at this place, which was to be fetched or waits behind the limit, because its header has this field
    /// of those that `skip_headers` names. Whether that makes a place under the limit free:
    /// [`Plan::promote`].
    pub fn skip(&mut self, place: usize, field: u32) -> bool {
        let was = std::mem::replace(&mut self.verdicts[place], Verdict::Left(Left::SkipHeaders(field)));
        self.skipped_now.push((place, was));
        matches!(was, Verdict::Fetch { .. })
    }

    /// Messages that [`Plan::skip`] has left, by place, each with its verdict before.
    pub fn skipped_now(&self) -> &[(usize, Verdict)] {
        &self.skipped_now
    }

    /// None of these is left after all.
    pub fn take_back_skips(&mut self) {
        for (place, verdict) in self.skipped_now.drain(..) {
            self.verdicts[place] = verdict;
        }
    }

    /// How many messages may be left because of their headers at the same time: at a server that shows a part of its messages,
    /// what is left takes the place of what is not shown.
    pub fn most_skipped(&self) -> usize {
        if self.parts { MOST_SKIPPED_OF_PARTS } else { usize::MAX }
    }

    /// Up to `most` messages that wait behind the limit and are new, or not told by their UIDs, in the order of their turn.
    pub fn waiting(&self, most: usize) -> Vec<usize> {
        let is_new = |waiting: &&Waiting| {
            let verdict = waiting.verdict;
            verdict.is_new() || verdict.is_told_by_content()
        };
        let places = self.waiting.iter().filter(is_new).map(|waiting| waiting.place as usize);
        places.filter(|&place| self.verdicts[place] == Verdict::Left(Left::Limit)).take(most).collect()
    }

    /// The place of the message that waits behind the limit and whose turn comes next.
    pub fn next_waiting(&mut self) -> Option<usize> {
        while let Some(next) = self.waiting.front() {
            let place = next.place as usize;
            if !matches!(self.verdicts[place], Verdict::Left(Left::SkipHeaders(_))) {
                return Some(place);
            }
            self.waiting.pop_front();
        }
        None
    }

    /// That message takes a place under the limit that is free.
    pub fn promote(&mut self) {
        if self.next_waiting().is_some()
            && let Some(Waiting { place, verdict }) = self.waiting.pop_front()
        {
            self.verdicts[place as usize] = verdict;
        }
    }

    /// Rows that this server has not deleted although it said so, more than once.
    pub fn back_again(&self) -> &[Seq] {
        &self.back_again
    }

    /// Whether any row is listed.
    pub fn has_rows(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Whether this row's UID is listed.
    pub fn is_listed(&self, seq: Seq) -> bool {
        self.rows.get(seq).is_some()
    }

    /// Whether this row explains a listed message, so that it can explain no other.
    pub fn explains(&self, seq: Seq) -> bool {
        self.rows.get(seq) == Some(true)
    }

    /// Whether this row's message may be gone from the server by our own hand.
    pub fn is_leaving(&self, seq: Seq) -> bool {
        self.leaving.contains(&seq)
    }

    /// Whether the server shows a part of its messages, so that what it does not list says nothing.
    pub fn shows_parts(&self) -> bool {
        self.parts
    }

    /// The message at this place was recognised by its header as the one that this row holds.
    pub fn bind_by_header(&mut self, place: usize, seq: Seq, archived_at: UnixTime) {
        let archived = Archived { seq, archived_at, learn_size: false, by_header: true, stays: false };
        self.rows.bind(seq);
        self.verdicts[place] = self.verdict_of(archived);
    }

    /// The message at this place was not known by its header after all: its row may be any, and its verdict is this.
    pub fn release(&mut self, place: usize, seq: Seq, verdict: Verdict) {
        self.rows.release(seq);
        self.verdicts[place] = verdict;
    }

    /// The message at this place may be one whose row has lost its UID since the plan was made.
    pub fn compare_with_loose(&mut self, place: usize) {
        if let Verdict::Fetch { compare, .. } = &mut self.verdicts[place]
            && *compare == Compare::Nothing
        {
            *compare = Compare::Loose;
        }
    }

    /// The message at this place, of which only the size has changed, has the header that its one row has.
    pub fn keep_by_header(&mut self, place: usize, seq: Seq, archived_at: UnixTime) {
        let archived = Archived { seq, archived_at, learn_size: false, by_header: false, stays: false };
        self.rows.bind(seq);
        self.verdicts[place] = self.verdict_of(archived);
    }

    /// The verdict on a message that this row explains.
    fn verdict_of(&self, row: Archived) -> Verdict {
        match self.presence.of(row.seq) {
            Whereabouts::There | Whereabouts::Edited => Verdict::Archived(row),
            Whereabouts::Removed => Verdict::Removed(row),
            Whereabouts::Damaged => Verdict::Damaged(row),
        }
    }

    /// The archived message at this place is not proven by its header (which is not the recorded one, or all
    /// that is known of it): it has to be fetched and compared with its row.
    pub fn doubt_header(&mut self, place: usize) {
        let Some(&Verdict::Archived(archived)) = self.verdicts.get(place) else { return };
        self.groups.push(vec![archived.seq]);
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

#[cfg(test)]
mod tests;
