//! Archives as maildrops, for the POP3 server: any mail program gets its mail back.
//!
//! | file | what it does |
//! | --- | --- |
//! | `archived` | an account's archive as a maildrop |
//! | `giving` | one message's way from the archive to the session |
//! | `index` | what is in it: sizes on the wire and unique-ids, kept in the cache folder |
//! | `password` | a password for once |
//!
//! Promises: what is given is what is archived, octet for octet with CRLF line ends, and compared with the ledger's hash:
//! a damaged copy is never given as if it were whole. Unique-ids come from the content and stay the same for ever. Memory is
//! some tens of octets for each message, and a piece of one for each session. A fetch may run meanwhile; what it brings is
//! in the next session.
//!
//! Must never: write anything but its index, or keep the ledger or the archive from others.

mod archived;
mod giving;
mod index;
mod password;

pub use archived::Archived;
pub use password::one_time;

/// Who watches while an archive is indexed.
pub trait Watcher {
    /// It begins; `octets` finds out how many there are to look at, which takes a while.
    fn begin(&mut self, octets: &dyn Fn() -> u64);

    /// So many octets more were looked at.
    fn went_on(&mut self, octets: u64);
}
