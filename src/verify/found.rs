//! What a verification finds, and who attends it.

use super::bad::BadCopy;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Messages on record.
    pub archived: u64,
    /// Those of them that are in the archive, as they were or changed.
    pub present: u64,
    /// Copies that were read.
    pub read: u64,
    /// Octets of them, as stored.
    pub octets: u64,
    /// Copies that are octet for octet what was stored.
    pub intact: u64,
    /// Copies that differ in header marks of mail programs alone.
    pub changed: u64,
    /// Copies that are something else now.
    pub damaged: Vec<BadCopy>,
    /// Messages whose copies are gone.
    pub missing: Vec<BadCopy>,
    /// Messages in the archive that are not on record.
    pub foreign: u64,
    /// Further copies of messages that are on record.
    pub twice: u64,
    /// Copies that were repaired.
    pub repaired: u64,
    /// Messages whose copies are gone or changed, as their owner wants it.
    pub accepted: u64,
    /// Copies that were to be read, and were not for want of time.
    pub put_off: u64,
}

impl Verified {
    /// Whether nothing is damaged or missing.
    pub fn is_well(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty()
    }
}

/// What a verification asks, and what it tells on its way.
pub trait Attendant {
    /// So many copies and octets are to be read.
    fn begins(&mut self, copies: u64, octets: u64);
    /// So many more octets were read, of so many more copies.
    fn has_read(&mut self, copies: u64, octets: u64);
    /// Messages were removed from the archive: are they to be fetched again?
    fn restores_removed(&mut self, removed: u64) -> bool;
    /// What is shown as damaged or missing is about to be accepted: is that meant?
    fn accepts(&mut self, found: &Verified) -> bool;
    /// Something a person should know that is no failure.
    fn note(&mut self, text: &str);
}

/// What came of comparing copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Copies that are what is on record.
    pub same: u64,
    /// The IDs of the others, and what is wrong with them.
    pub bad: Vec<(String, String)>,
}
