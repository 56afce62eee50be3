//! The ledger: the durable record of which message is archived, where, and with what hash.
//!
//! Promises: [`Ledger::commit`] is one atomic, durable step (all of its changes or none survive a
//! crash, and when it has returned they do survive; what tells of the run alone may come later). A row that is [`RowState::Stored`] was
//! written only after its message was durable in the archive; nothing else ever becomes a
//! receipt. The ledger never holds a secret, a subject or a sender.
//!
//! Must never: forget a UID because one listing left it out.

mod adoption;
mod backup;
mod connections;
mod error;
mod file;
mod history;
mod journal;
mod known_rows;
mod logins;
mod look;
mod marks;
mod pages;
mod quarantine;
mod record;
mod restores;
mod rows;
mod run_log;
mod runs;
mod schema;
mod seen;
mod skipped;
mod sqlite;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files as a user does")]
mod tests;
mod totals;
mod turn;
mod unknown;
mod verification;

pub use adoption::{Adoption, SeenElsewhere, fold};
pub use backup::Restored;
pub use error::LedgerError;
pub use file::LedgerFile;
pub use history::{Failures, History, Week};
pub use known_rows::KnownRows;
pub use look::{LookRecord, OddCopy};
pub use marks::{Marks, Returned};
pub use pages::RowPages;
pub use record::{
    Change, Known, LoginRefused, LoginWorked, Logins, PipeliningFailed, Place, Quarantined, Quirks, Row,
    RowState, RunRecord, SecretMark, Seq, Unanswered, UnixTime,
};
pub use restores::{FolderKey, RestoreChange, Restores, Sent};
pub use rows::Deletable;
pub use run_log::{Logged, LoggedRun, RunDay};
pub use skipped::Skipped;
pub use sqlite::SqliteLedger;
#[cfg(test)]
pub(crate) use sqlite::content::Content;
pub use totals::{ArchivedDay, Totals};
pub use unknown::{Other, UnknownCopy, Which};
pub use verification::{LastVerification, Reading, Replacement, Verification, VerificationRecord};

use crate::mail::digest::{Digest, Hash};
use std::ops::RangeInclusive;

/// The record of one maildrop: one identity in one archive.
pub trait Ledger: Send {
    /// A row number that no row of this maildrop has had.
    fn next_seq(&mut self) -> Seq;

    /// Makes all of these changes durable in one atomic step. An empty slice does nothing.
    ///
    /// If they tell of the run alone (that it began, logged in, ended) the step is atomic all the same, but
    /// durable only with the next one, or when the ledger is closed.
    fn commit(&mut self, changes: &[Change]) -> Result<(), LedgerError>;

    /// Calls `each` for every stored or deleted row, by ascending row number.
    fn known(&self, each: &mut dyn FnMut(Known<'_>)) -> Result<(), LedgerError>;

    /// One whole row.
    fn row(&self, seq: Seq) -> Result<Option<Row>, LedgerError>;

    /// Rows that are still intents, by ascending row number: what recovery looks at.
    fn intents(&self) -> Result<Vec<Row>, LedgerError>;

    /// Stored or deleted rows of exactly this content (hashes of [`Digest::content`]).
    fn by_content(&self, digest: &Digest) -> Result<Vec<Seq>, LedgerError>;

    /// Stored or deleted rows whose content is the same but for the headers that servers write
    /// into mail ([`Digest::core`]).
    fn by_core(&self, digest: &Digest) -> Result<Vec<Seq>, LedgerError>;

    /// Calls `each` for every stored or deleted row with the hash of its header on the server but for what servers
    /// write into it ([`Digest::core_header`]), by ascending row number.
    fn core_headers(&self, each: &mut dyn FnMut(Seq, Hash)) -> Result<(), LedgerError>;

    /// Every message in quarantine: by UID, those without one first, then by number.
    fn quarantined(&self) -> Result<Vec<Quarantined>, LedgerError>;

    /// The first unknown copy of this kind with a number above `after`.
    fn unknown_copy(&self, which: Which<'_>, after: u64) -> Result<Option<UnknownCopy>, LedgerError>;

    /// Whether there are unknown copies.
    fn has_unknown_copies(&self) -> Result<bool, LedgerError>;

    /// Whether what is at this place in the archive is on record for another account.
    fn is_taken(&self, place: &Place) -> Result<bool, LedgerError>;

    /// How many unknown copies there are.
    fn count_unknown_copies(&self) -> Result<u64, LedgerError>;

    /// How many unknown copies have headers that were not read.
    fn count_unread_unknown_copies(&self) -> Result<u64, LedgerError>;

    /// Up to `limit` unknown copies whose headers were not read.
    fn unread_unknown_copies(&self, limit: usize) -> Result<Vec<UnknownCopy>, LedgerError>;

    /// Whether listed messages are still to be looked for among the unknown copies, by their headers.
    fn first_look(&self) -> Result<bool, LedgerError>;

    /// Calls `each` with the place of everything else that is on record in this archive, as far as it is known.
    fn other_places(&self, each: &mut dyn FnMut(Other, &Place)) -> Result<(), LedgerError>;

    /// What the archive was when unknown copies were looked for last.
    fn unknown_copies_seen(&self) -> Result<Option<String>, LedgerError>;

    /// The form in which the server has the message of a row whose copy another program has made.
    fn served_as(&self, seq: Seq) -> Result<Option<Digest>, LedgerError>;

    /// Messages that an adopted program had seen, and that are not to be fetched.
    fn seen_elsewhere(&self) -> Result<SeenElsewhere, LedgerError>;

    /// Messages that `skip_headers` leaves on the server, by UID; whatever the setting was.
    fn skipped(&self) -> Result<Vec<Skipped>, LedgerError>;

    /// What was adopted and can still be taken back.
    fn adoption(&self) -> Result<Option<Adoption>, LedgerError>;

    /// What earlier listings have shown.
    fn marks(&self) -> Result<Marks, LedgerError>;

    /// What the server was seen doing.
    fn quirks(&self) -> Result<Quirks, LedgerError>;

    /// What the way to the server was like: silence, and what became of logins.
    fn logins(&self) -> Result<Logins, LedgerError>;

    /// Up to `limit` stored or deleted rows with numbers below `before`, the newest first.
    fn newest(&self, before: Seq, limit: usize) -> Result<Vec<Row>, LedgerError>;

    /// Up to `limit` stored or deleted rows with numbers from `from` on, by ascending number.
    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, LedgerError>;

    /// What is on record of verifications.
    fn verification(&self) -> Result<VerificationRecord, LedgerError>;

    /// Calls `each` for every stored or deleted row with its number, the octets of its stored form and its place, by
    /// ascending row number.
    fn places(&self, each: &mut dyn FnMut(Seq, u64, &Place)) -> Result<(), LedgerError>;

    /// What was seen of the archive when it was last looked at.
    fn last_look(&self) -> Result<LookRecord, LedgerError>;

    /// What [`Change::Told`] has left on record.
    fn told(&self) -> Result<Vec<(Vec<u8>, UnixTime)>, LedgerError>;

    /// Rows of [`Change::Accepted`], ascending.
    fn accepted(&self) -> Result<Vec<Seq>, LedgerError>;

    /// The last run that ended.
    fn last_run(&self) -> Result<Option<RunRecord>, LedgerError>;

    /// When the newest run began that has ended or was killed, and all of whose times are among these.
    fn last_run_within(&self, times: RangeInclusive<UnixTime>) -> Result<Option<UnixTime>, LedgerError>;

    /// Rows of [`Change::AgeCounts`], and from when their age counts.
    fn ages(&self) -> Result<Vec<(Seq, UnixTime)>, LedgerError>;

    /// When we logged in last, with success, for whichever archive of this identity.
    fn last_login(&self) -> Result<Option<UnixTime>, LedgerError>;

    /// When a run last logged in or ended, for whichever archive of this identity.
    fn last_active(&self) -> Result<Option<UnixTime>, LedgerError>;

    /// What was archived on each day on which there was anything, the first day first.
    fn archived_days(&self) -> Result<Vec<ArchivedDay>, LedgerError>;

    /// What is archived in all.
    fn totals(&self) -> Result<Totals, LedgerError> {
        Ok(self.archived_days()?.iter().map(|day| day.archived).sum())
    }
}
