//! The maildrop's listing: the union of what STAT, LIST and UIDL say.
//!
//! Promises: every number that any of the three names is listed exactly once, in order; of
//! contradicting lines the first one counts; a UID is an opaque string of octets. Memory: 24
//! octets a message, the UIDs in one piece, and both are bounded: by what STAT has counted and a little
//! more, for nothing comes or goes while a session has the maildrop (RFC 1939, section 4); without STAT by
//! [`UNCOUNTED_ENTRIES`]; at any rate by [`MAX_ENTRIES`] and [`MAX_UID_OCTETS`]. An answer may have twice as many
//! lines as that. So a server whose listing never ends can take no more memory and little more time than it has
//! announced. Must never: guess at a line that cannot be read; it is counted as garbage.

use std::ops::Range;

/// Messages that one listing may hold. A server that names more is refused.
pub const MAX_ENTRIES: usize = 1 << 20;

/// Octets that all UIDs of one listing may take (RFC 1939 allows 70 for each).
pub const MAX_UID_OCTETS: usize = 96 << 20;

/// Messages that LIST and UIDL may name beyond those that STAT counts: some servers count wrongly.
pub const SLACK: usize = 16 << 10;

/// Messages that LIST and UIDL may name where STAT is not understood.
pub const UNCOUNTED_ENTRIES: usize = 128 << 10;

/// Octets that a UID may take on the average, where there are many.
const UID_OCTETS: usize = 128;

/// The maildrop, by ascending message number.
#[derive(Debug, Default)]
pub struct Listing {
    slots: Vec<Slot>,
    uids: Vec<u8>,
    stat: Option<(u64, u64)>,
    has_uids: bool,
    has_sizes: bool,
    garbage: u64,
}

/// One listed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The message number, from 1.
    pub number: u32,
    /// What LIST says, in octets: a hint, never evidence.
    pub size: Option<u64>,
    /// The unique-id: opaque octets, never empty.
    pub uid: Option<&'a [u8]>,
}

/// The listing is longer than popkeep accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// More messages than [`MAX_ENTRIES`].
    #[error("the server lists more than {MAX_ENTRIES} messages")]
    TooManyMessages,
    /// More messages than STAT counts, and [`SLACK`] besides.
    #[error("the server counts {counted} messages (STAT) and lists far more")]
    MoreThanCounted {
        /// What STAT says.
        counted: u64,
    },
    /// More than [`UNCOUNTED_ENTRIES`] where there is no count.
    #[error("the server lists more than {UNCOUNTED_ENTRIES} messages and does not count them (STAT)")]
    Uncounted,
    /// Lines that say the same again, or cannot be read.
    #[error("the listing has more than {limit} lines, most of which say nothing new")]
    TooManyLines {
        /// Lines allowed.
        limit: usize,
    },
    /// More UIDs than so many messages can have.
    #[error("the UIDs of the listing are longer than {limit} octets together")]
    UidsTooLong {
        /// Octets allowed.
        limit: usize,
    },
}

/// An entry in 24 octets. Absent values have a value of their own instead of an `Option`.
#[derive(Clone, Copy, Debug)]
struct Slot {
    size: u64,
    number: u32,
    uid_start: u32,
    uid_length: u16,
}

const NO_SIZE: u64 = u64::MAX;

impl Slot {
    fn bare(number: u32) -> Self {
        Slot { size: NO_SIZE, number, uid_start: 0, uid_length: 0 }
    }

    /// Takes over what `self` lacks.
    fn merge(&mut self, other: Slot) {
        if self.size == NO_SIZE {
            self.size = other.size;
        }
        if self.uid_length == 0 {
            (self.uid_start, self.uid_length) = (other.uid_start, other.uid_length);
        }
    }
}

impl Listing {
    /// How many messages.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The message at this place, from 0.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    pub fn entry(&self, place: usize) -> Entry<'_> {
        self.show(&self.slots[place])
    }

    /// All messages, by ascending number.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.slots.iter().map(|slot| self.show(slot))
    }

    fn show(&self, slot: &Slot) -> Entry<'_> {
        Entry {
            number: slot.number,
            size: (slot.size != NO_SIZE).then_some(slot.size),
            uid: (slot.uid_length != 0).then(|| {
                let start = slot.uid_start as usize;
                &self.uids[start..start + usize::from(slot.uid_length)]
            }),
        }
    }

    /// What STAT said, if it could be read: messages and octets.
    pub fn stat(&self) -> Option<(u64, u64)> {
        self.stat
    }

    /// Whether the server answered UIDL.
    pub fn has_uids(&self) -> bool {
        self.has_uids
    }

    /// Whether the server answered LIST.
    pub fn has_sizes(&self) -> bool {
        self.has_sizes
    }

    /// Lines of LIST and UIDL that could not be read.
    pub fn garbage(&self) -> u64 {
        self.garbage
    }
}

/// Collects a [`Listing`] line by line, LIST and UIDL in any order.
#[derive(Debug, Default)]
pub struct ListingBuilder {
    listing: Listing,
    /// The slot that the next line is likely about: servers list in order.
    cursor: usize,
    /// How many slots, from the first, have ascending numbers.
    sorted: usize,
    /// Lines of this answer so far.
    lines: usize,
    /// The count of an earlier STAT of the session, for a listing that has none of its own.
    counted: Option<u64>,
}

impl ListingBuilder {
    /// An empty one.
    pub fn new() -> Self {
        ListingBuilder::default()
    }

    /// An empty one, in a session whose STAT has counted so many messages: they bound it, until [`ListingBuilder::stat`] says
    /// otherwise.
    pub fn counted(counted: Option<u64>) -> Self {
        ListingBuilder { counted, ..ListingBuilder::default() }
    }

    /// The text of STAT's `+OK`: count and octets. Unreadable text is ignored. To be told before the lines of LIST
    /// and UIDL: it bounds them.
    pub fn stat(&mut self, text: &[u8]) {
        self.listing.stat = parse_stat(text);
    }

    /// LIST was answered; its lines follow.
    pub fn sizes_follow(&mut self) {
        self.listing.has_sizes = true;
        self.settle();
    }

    /// UIDL was answered; its lines follow.
    pub fn uids_follow(&mut self) {
        self.listing.has_uids = true;
        self.settle();
    }

    /// A line of LIST: `number size`, anything after it ignored.
    pub fn list_line(&mut self, line: &[u8]) -> Result<(), ListingError> {
        self.count_line()?;
        let Some((number, size)) = parse_list(line) else {
            self.listing.garbage += 1;
            return Ok(());
        };
        self.add(Slot { size: size.unwrap_or(NO_SIZE), ..Slot::bare(number) })
    }

    /// A line of UIDL: `number uid`, any number of blanks between them. A UID of 64 KiB or more
    /// (no [dialogue](super::dialogue) lets one through) counts as garbage.
    pub fn uidl_line(&mut self, line: &[u8]) -> Result<(), ListingError> {
        self.count_line()?;
        let Some((number, uid)) = parse_uidl(line) else {
            self.listing.garbage += 1;
            return Ok(());
        };
        let mut slot = Slot::bare(number);
        let (Ok(length), Ok(start)) = (u16::try_from(uid.len()), u32::try_from(self.listing.uids.len()))
        else {
            self.listing.garbage += 1;
            return self.add(slot);
        };
        let limit = self.entries_allowed().saturating_mul(UID_OCTETS).min(MAX_UID_OCTETS);
        if self.listing.uids.len() + uid.len() > limit {
            return Err(ListingError::UidsTooLong { limit });
        }
        (slot.uid_start, slot.uid_length) = (start, length);
        self.listing.uids.extend_from_slice(uid);
        self.add(slot)
    }

    /// What STAT says, now or earlier in the session.
    fn count(&self) -> Option<u64> {
        self.listing.stat.map(|(count, _)| count).or(self.counted)
    }

    /// How many messages LIST and UIDL may name.
    fn entries_allowed(&self) -> usize {
        let Some(counted) = self.count() else { return UNCOUNTED_ENTRIES };
        usize::try_from(counted).map_or(MAX_ENTRIES, |counted| counted.saturating_add(SLACK)).min(MAX_ENTRIES)
    }

    fn count_line(&mut self) -> Result<(), ListingError> {
        self.lines += 1;
        let limit = 2 * self.entries_allowed();
        if self.lines > limit { Err(ListingError::TooManyLines { limit }) } else { Ok(()) }
    }

    fn add(&mut self, slot: Slot) -> Result<(), ListingError> {
        let allowed = self.entries_allowed();
        let slots = &mut self.listing.slots;
        // Only what is sorted has one entry for each number.
        let place = match slots[..self.sorted].get(self.cursor) {
            Some(expected) if expected.number == slot.number => Some(self.cursor),
            _ => slots[..self.sorted].binary_search_by_key(&slot.number, |known| known.number).ok(),
        };
        if let Some(place) = place {
            slots[place].merge(slot);
            self.cursor = place + 1;
            return Ok(());
        }
        if slots.len() >= allowed {
            return Err(match self.count() {
                _ if allowed == MAX_ENTRIES => ListingError::TooManyMessages,
                Some(counted) => ListingError::MoreThanCounted { counted },
                None => ListingError::Uncounted,
            });
        }
        if self.sorted == slots.len() && slots.last().is_none_or(|last| last.number < slot.number) {
            self.sorted += 1;
        }
        slots.push(slot);
        self.cursor = slots.len();
        Ok(())
    }

    /// An answer is over, or none has begun: sorts what has come out of order, one entry for each number.
    fn settle(&mut self) {
        let slots = &mut self.listing.slots;
        if self.sorted < slots.len() {
            // Stable, so that the first of several lines about one number stays the first.
            slots.sort_by_key(|slot| slot.number);
            slots.dedup_by(|later, first| {
                let same = later.number == first.number;
                if same {
                    first.merge(*later);
                }
                same
            });
        }
        self.sorted = slots.len();
        (self.cursor, self.lines) = (0, 0);
    }

    /// The union.
    pub fn finish(mut self) -> Result<Listing, ListingError> {
        self.settle();
        let mut listing = self.listing;
        let count = listing.stat.map_or(0, |(count, _)| count);
        let count = u32::try_from(count).map_err(|_| ListingError::TooManyMessages)?;
        if count as usize > MAX_ENTRIES {
            return Err(ListingError::TooManyMessages);
        }
        fill_gaps(&mut listing.slots, 1..count + 1);
        if listing.slots.len() > MAX_ENTRIES {
            return Err(ListingError::TooManyMessages);
        }
        Ok(listing)
    }
}

/// Adds the numbers of `range` that are missing from the sorted `slots`.
fn fill_gaps(slots: &mut Vec<Slot>, range: Range<u32>) {
    let listed = slots.partition_point(|slot| slot.number < range.end);
    if listed == range.len() {
        return;
    }
    let mut known = slots[..listed].iter().map(|slot| slot.number).peekable();
    let missing: Vec<Slot> =
        range.filter(|number| known.next_if_eq(number).is_none()).map(Slot::bare).collect();
    slots.extend(missing);
    slots.sort_by_key(|slot| slot.number);
}

/// The count and octets of STAT's answer; octets that cannot be read count as 0.
pub fn parse_stat(text: &[u8]) -> Option<(u64, u64)> {
    let (count, rest) = leading_number(text)?;
    let octets = separated(rest).and_then(leading_number).map_or(0, |(octets, _)| octets);
    Some((count, octets))
}

/// The number and size of a line of LIST; `None` for garbage.
pub fn parse_list(line: &[u8]) -> Option<(u32, Option<u64>)> {
    let (number, rest) = message_number(line)?;
    let size = separated(rest).and_then(leading_number).and_then(|(size, rest)| {
        let whole = rest.first().is_none_or(u8::is_ascii_whitespace);
        (whole && size != NO_SIZE).then_some(size)
    });
    Some((number, size))
}

/// The number and UID of a line of UIDL; `None` for garbage. The UID is the rest of the line
/// without the blanks around it, and may be empty.
pub fn parse_uidl(line: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = message_number(line)?;
    Some((number, separated(rest).unwrap_or_default().trim_ascii_end()))
}

fn message_number(line: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = leading_number(line)?;
    let apart = rest.first().is_none_or(u8::is_ascii_whitespace);
    let number = u32::try_from(number).ok().filter(|&number| number != 0 && apart)?;
    Some((number, rest))
}

fn leading_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let text = text.trim_ascii_start();
    let digits = text.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

/// What stands behind the blanks that `rest` begins with.
fn separated(rest: &[u8]) -> Option<&[u8]> {
    let trimmed = rest.trim_ascii_start();
    (trimmed.len() < rest.len()).then_some(trimmed)
}

/// A listing of messages with these UIDs, for tests.
#[cfg(test)]
pub(crate) fn listing_of(uids: &[&str]) -> Listing {
    let mut builder = ListingBuilder::new();
    builder.uids_follow();
    for (number, uid) in (1..).zip(uids) {
        builder.uidl_line(format!("{number} {uid}").as_bytes()).unwrap();
    }
    builder.finish().unwrap()
}

#[cfg(test)]
mod tests;
