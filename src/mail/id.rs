//! Message IDs: how a person names an archived message.
//!
//! A message's ID is the beginning of the hash of its content, in hexadecimal: the `C` part of a Maildir name. Messages
//! of equal content have one ID. It has at least [`SHORTEST`] digits, and as many as it takes to be unique.

use super::digest::Digest;
use super::names::{self, ShortHash};
use crate::text::hex::Hex;
use std::fmt;

/// Digits that an ID has at least.
pub const SHORTEST: usize = 8;

/// Digits that tell messages apart without a look at the others.
pub const SURE: usize = 16;

/// Digits of a whole hash.
const ALL: usize = 2 * size_of::<ShortHash>();

/// The ID of a message, whole; shown with [`SURE`] digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub ShortHash);

impl MessageId {
    /// Of the content with these hashes.
    pub fn of(digest: &Digest) -> MessageId {
        MessageId(names::content(digest))
    }

    /// So many of its first digits.
    pub fn digits(&self, digits: usize) -> String {
        let mut text = Hex(&self.0).to_string();
        text.truncate(digits);
        text
    }

    /// How many digits two IDs have in common at their beginnings.
    pub fn common(&self, other: &MessageId) -> usize {
        let same = self.0.iter().zip(other.0).take_while(|(one, other)| **one == *other).count();
        let half = self.0.get(same).zip(other.0.get(same)).is_some_and(|(one, other)| one >> 4 == other >> 4);
        2 * same + usize::from(half)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits(SURE))
    }
}

/// The beginning of an ID, as a person gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdStart {
    digits: String,
}

impl IdStart {
    /// Reads at least [`SHORTEST`] hex digits, in either case; `None` if it is something else.
    pub fn parse(text: &str) -> Option<IdStart> {
        let fits = (SHORTEST..=ALL).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| IdStart { digits: text.to_ascii_lowercase() })
    }

    /// The first and the last ID that begin so.
    pub fn range(&self) -> (MessageId, MessageId) {
        (self.filled(b'0'), self.filled(b'f'))
    }

    fn filled(&self, with: u8) -> MessageId {
        let digit = |at: usize| match self.digits.as_bytes().get(at).copied().unwrap_or(with) {
            digit @ b'0'..=b'9' => digit - b'0',
            digit => digit - b'a' + 10,
        };
        let mut id = ShortHash::default();
        for (at, octet) in id.iter_mut().enumerate() {
            *octet = digit(2 * at) << 4 | digit(2 * at + 1);
        }
        MessageId(id)
    }
}

impl fmt::Display for IdStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::{IdStart, MessageId};

    #[test]
    fn an_id_is_found_by_its_first_digits() {
        let id = MessageId([0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((id.digits(9).as_str(), id.to_string().as_str()), ("abcdef012", "abcdef0123456789"));
        for start in ["abcdef01", "ABCDEF012", &id.digits(32)] {
            let (first, last) = IdStart::parse(start).unwrap().range();
            assert!((first..=last).contains(&id), "{start}");
        }
        let (first, last) = IdStart::parse("abcdef02").unwrap().range();
        assert!(!(first..=last).contains(&id));
        for wrong in ["", "abcdef0", "abcdefgh", &"a".repeat(33)] {
            assert_eq!(IdStart::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn common_digits_are_counted() {
        let id = |first: u8, second: u8| {
            let mut id = MessageId([0; 16]);
            (id.0[0], id.0[1]) = (first, second);
            id
        };
        assert_eq!(id(0xab, 0).common(&id(0xbb, 0)), 0);
        assert_eq!(id(0xab, 0).common(&id(0xac, 0)), 1);
        assert_eq!(id(0xab, 0x10).common(&id(0xab, 0x20)), 2);
        assert_eq!(id(0xab, 0).common(&id(0xab, 0)), 32);
    }
}
