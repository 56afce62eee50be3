//! Where mail is kept.
//!
//! Promises: a message is durable (data synced, name synced) before the ledger calls it stored;
//! nothing that is half there is ever visible as mail; what was stored is the octets given, and
//! recovery after a crash at any instant leaves each message exactly once.
//!
//! Must never: change a message, use a raw UID or any text of a server in a path, write into a
//! folder that looks like another disk's empty mount point, call a message removed that it has not looked for.
//!
//! The caller's turn of events: [`Archive::open`], [`Archive::recover`], [`Archive::look`], then for each message
//! [`Archive::begin`], [`Archive::write`], [`Archive::finish`] and either [`Archive::keep`] or
//! [`Archive::discard`], and [`Archive::commit`] for each batch. [`Archive::verify`] may come at
//! any time after `open`. Whoever only reads: [`Archive::check`], [`Archive::locate`], then [`Archive::copies`].

pub mod collection;
mod error;
pub mod maildir;
pub mod mbox;
mod presence;
mod readers;
mod reading;
#[cfg(test)]
mod testing;

pub use error::ArchiveError;
pub use maildir::OPEN_FILES;

pub use presence::{Presence, Whereabouts};
pub use readers::{Readers, ToRead, with_readers};
pub use reading::{Content, CopyAt, CopyReader};

use crate::event::Looking;
use crate::ledger::{Ledger, LedgerError, Place, Row, Seq, UnixTime, UnknownCopy};
use crate::mail::bare::{self, Bare, BareHeader, Extent};
use crate::mail::digest::{Digest, Digester};
use crate::mail::names::{self, ShortHash};
use crate::receipt::VerifiedCopy;
use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What is known of a message when its last octet has been written.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Its UID, if the server gave one.
    pub uid: Option<Vec<u8>>,
    /// Its LIST size.
    pub list_size: Option<u64>,
    /// When it arrived.
    pub at: UnixTime,
    /// UTF8 (RFC 6856) was in force.
    pub utf8: bool,
    /// A Maildir puts it into `cur/` with these flags (`RS`), in place of `new/`.
    pub flags: Option<String>,
}

/// Messages closed and waiting for [`Archive::commit`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// How many.
    pub messages: usize,
    /// Octets of their stored forms.
    pub octets: u64,
}

/// What looking at a archived message's copy found.
#[derive(Debug)]
pub enum Copy {
    /// It is there and whole.
    Intact(VerifiedCopy),
    /// It is not there any more.
    Gone,
    /// Something else is in its place.
    Changed,
}

/// What is in an archive beside the copies of the ledger's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Messages that no row explains.
    pub foreign: u64,
    /// Further copies of rows' messages.
    pub twice: u64,
    /// Two rows have the same copy, which no ledger of ours says.
    pub contradiction: bool,
}

/// An unknown copy, as it was read just now.
#[derive(Clone, Debug)]
pub struct Met {
    /// Its hashes.
    pub digest: Digest,
    /// Octets of its stored form.
    pub extent: Extent,
    /// Its header but for what fetchers add; `None` if that is too long.
    pub bare: Option<Bare>,
}

impl Met {
    /// It as an unknown copy at this place that no name of ours speaks for; `None` if its header is too long.
    pub fn into_unknown(self, place: Place, arrived: UnixTime) -> Option<UnknownCopy> {
        let bare = self.bare?;
        Some(UnknownCopy {
            id: 0,
            place,
            origin: None,
            content: bare::content(&bare.hash, &self.digest),
            header: Some(bare.short()),
            uid: bare.labelled.map(|labelled| labelled.uid),
            arrived,
        })
    }

    /// The size that LIST gives for the message behind a label, in octets on the wire.
    pub fn size_without_label(&self) -> Option<u64> {
        let label = self.bare.as_ref()?.labelled.as_ref()?.label;
        Some((self.extent.octets - label.octets) + (self.extent.lines - label.lines))
    }

    /// Whether it is what was seen when it was put on record.
    pub fn is_still(&self, unknown: &UnknownCopy) -> bool {
        let by_name = unknown.origin.is_some() && names::content(&self.digest) == unknown.content;
        let by_content = |bare: &Bare| bare::content(&bare.hash, &self.digest) == unknown.content;
        by_name || unknown.origin.is_none() && self.bare.as_ref().is_some_and(by_content)
    }
}

/// What recovery found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Intents whose message was found whole: stored now.
    pub completed: u64,
    /// Intents whose message never arrived: withdrawn, to be fetched again.
    pub withdrawn: u64,
    /// Temporary files of ours that were removed.
    pub cleaned: u64,
    /// What is in the place of an intent's message, and is not that message: left alone, the
    /// intent withdrawn. One sentence each.
    pub left_alone: Vec<String>,
}

/// One account's archive. At most one message is open at a time.
///
/// When an operation on the open message fails, that message is thrown away; those pending are
/// not touched, and may be committed.
pub trait Archive: Send {
    /// Is the archive there, as [`Archive::open`] has it? Makes nothing.
    fn check(&mut self, ledger: &dyn Ledger) -> Result<(), ArchiveError>;

    /// Before login: is the archive there? It is known by its mark (for an mbox, by the file itself) or by the copy
    /// of a message. Makes missing folders only where it is, or while the ledger expects no message in it. Fails
    /// with [`ArchiveError::Vanished`] when the ledger expects messages and nothing shows that this is their
    /// archive, and with [`ArchiveError::CannotCreate`] when it cannot be made or written.
    fn open(&mut self, ledger: &mut dyn Ledger) -> Result<(), ArchiveError>;

    /// For an archive that was moved: whether most of the copies that the ledger expects are here. Makes nothing, and
    /// may come before `open`.
    fn has_most(&mut self, ledger: &dyn Ledger) -> Result<bool, ArchiveError>;

    /// Keeps no more files of messages open than this until they are committed, where each message has a file; at least one,
    /// and never more than [`OPEN_FILES`].
    fn keep_open(&mut self, _at_most: usize) {}

    /// Settles what a crash, or a failed [`Archive::commit`], left behind: intents and temporary
    /// files. After `open`.
    fn recover(&mut self, ledger: &mut dyn Ledger) -> Result<Recovery, ArchiveError>;

    /// Before login, after `recover`: what is there of what the ledger has. `now` is when it begins, or before. What
    /// was seen goes on record, so that the next look can be a short one.
    fn look(&mut self, ledger: &mut dyn Ledger, now: UnixTime) -> Result<Presence, ArchiveError>;

    /// Before login, after `look`: puts on record what is in the archive and no row explains, as unknown copies. Costs
    /// nothing where the archive is what it was when that was done last. `watch` hears how far it has come, if
    /// anything is read. After a signal it breaks off, and a later one goes on.
    fn find_unknown_copies(
        &mut self,
        ledger: &mut dyn Ledger,
        now: UnixTime,
        watch: &mut dyn FnMut(Looking),
    ) -> Result<(), ArchiveError>;

    /// How the archive's names show a UID of this account; `None` where they do not.
    fn origin(&self, _uid: &[u8]) -> Option<ShortHash> {
        None
    }

    /// Re-reads an unknown copy; `None` when it is not there any more. Before it is put on record as a row's copy,
    /// [`Archive::secure_met`] is called.
    fn meet(&mut self, unknown: &UnknownCopy) -> Result<Option<Met>, ArchiveError>;

    /// Makes every unknown copy durable that was met.
    fn secure_met(&mut self) -> Result<(), ArchiveError>;

    /// Begins a message. One that is still open, or finished and not kept, is discarded.
    fn begin(&mut self) -> Result<(), ArchiveError>;

    /// Adds octets of its stored form: unstuffed, with LF line ends.
    fn write(&mut self, octets: &[u8]) -> Result<(), ArchiveError>;

    /// Closes the message. Returns its digest and the octets of its stored form. Whether it is a
    /// new message is the caller's to know: [`Archive::keep`] or [`Archive::discard`] is next.
    fn finish(&mut self) -> Result<(Digest, u64), ArchiveError>;

    /// The finished message is new: it joins those pending, under the row number `seq`, which
    /// comes from [`Ledger::next_seq`].
    fn keep(&mut self, seq: Seq, arrived: Arrived) -> Result<(), ArchiveError>;

    /// Throws away the message that is open, or finished and not yet kept.
    fn discard(&mut self) -> Result<(), ArchiveError>;

    /// What waits for `commit`.
    fn pending(&self) -> Pending;

    /// Makes everything pending durable and stored, in the promised order: data synced, intents
    /// in the ledger, visible, folder synced, stored in the ledger. Returns the rows that are
    /// stored now, in the order in which they were kept. A message that is open, or finished and
    /// not kept, is no part of it and stays as it is.
    ///
    /// Where there is not room enough for all, the first ones are stored, as many as there is room for, and the others
    /// are thrown away: [`Archive::shortfall`] says why.
    ///
    /// When it fails, the batch is condemned: nothing of it is linked or synced again, what can
    /// be taken back is, and its messages count as not fetched. Nothing more can be committed
    /// before [`Archive::recover`] has been called.
    fn commit(&mut self, ledger: &mut dyn Ledger) -> Result<Vec<Seq>, ArchiveError>;

    /// Why the last [`Archive::commit`] stored fewer messages than were pending, if it did. Asked once.
    fn shortfall(&mut self) -> Option<ArchiveError>;

    /// Re-reads the copy of a stored row and compares it with the recorded hash. Header marks that mail programs
    /// write are no difference.
    fn verify(&mut self, row: &Row) -> Result<Copy, ArchiveError>;

    /// Finds out where the copies are; writes nothing. An mbox's are taken to be where they are recorded, unless `moved`
    /// ones are to be found, which means looking through the file under its lock.
    fn locate(&mut self, ledger: &dyn Ledger, moved: bool) -> Result<(), ArchiveError>;

    /// What the archive is now, in words that change when a copy comes, goes or gets another name; `None` when it has
    /// just changed, so that another change might not show.
    fn stamp(&self) -> Result<Option<String>, ArchiveError>;

    /// Where the copies of a row may be, after [`Archive::locate`]; none: it has no copy.
    fn copies(&mut self, row: &Row) -> Result<Vec<CopyAt>, ArchiveError>;

    /// Reads what [`Archive::copies`] gives.
    fn reader(&self) -> Arc<dyn CopyReader>;

    /// Gives what is left of a bad copy to `kept`, and takes it out of the archive once that has kept it: then `true`.
    /// An mbox is not rewritten, and keeps it.
    fn take_out(
        &mut self,
        _bad: &Place,
        _kept: &mut dyn FnMut(&Path) -> io::Result<()>,
    ) -> Result<bool, ArchiveError> {
        Ok(false)
    }

    /// What else is there, after [`Archive::locate`].
    fn beside(&mut self, ledger: &dyn Ledger) -> Result<Beside, ArchiveError>;
}

/// Whether a message should be in the archive.
fn expects_mail(ledger: &dyn Ledger) -> Result<bool, LedgerError> {
    let any = !ledger.newest(Seq::MAX, 1)?.is_empty();
    Ok(any && (ledger.accepted()?.is_empty() || expected(ledger)? > 0))
}

/// Messages that should be in the archive: all on record but those that their owner has given up.
fn expected(ledger: &dyn Ledger) -> Result<u64, LedgerError> {
    let given_up = ledger.accepted()?;
    let mut expected = 0;
    ledger.known(&mut |row| expected += u64::from(given_up.binary_search(&row.seq).is_err()))?;
    Ok(expected)
}

/// Whether this number of copies is most of those that were there at the last look.
fn are_most(present: u64, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
    let given_up = ledger.accepted()?;
    let seen = Presence::of_record(&ledger.last_look()?, given_up);
    let mut expected = 0;
    ledger.known(&mut |row| expected += u64::from(!seen.keeps(row.seq)))?;
    Ok(present.saturating_mul(2) >= expected)
}

/// Reads a stored form to its end and hashes it.
pub(crate) fn digest_of(file: impl io::Read) -> io::Result<(Digest, u64)> {
    digest_with(Digester::new(), file, &mut |_| {})
}

/// The same for what may be an unknown copy.
fn meet(file: impl io::Read) -> io::Result<Met> {
    let (mut bare, mut extent) = (BareHeader::default(), Extent::default());
    let (digest, _) = digest_with(Digester::new(), file, &mut |octets| {
        bare.update(octets);
        extent.add(octets);
    })?;
    Ok(Met { digest, extent, bare: bare.finish() })
}

/// The same with the marks of mail programs left out of the core.
fn digest_of_marked(file: impl io::Read) -> io::Result<(Digest, u64)> {
    digest_with(Digester::without_marks(), file, &mut |_| {})
}

fn digest_with(
    mut digester: Digester,
    mut file: impl io::Read,
    also: &mut dyn FnMut(&[u8]),
) -> io::Result<(Digest, u64)> {
    with_buffer(|buffer| {
        loop {
            match file.read(buffer) {
                Ok(0) => return Ok(digester.finish()),
                Ok(got) => {
                    digester.update(&buffer[..got]);
                    also(&buffer[..got]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    })
}

/// Lends a buffer of [`BUFFER`] octets. A verification reads tens of thousands of files; one buffer a thread saves it a
/// tenth of its time.
fn with_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static LENT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    LENT.with(|lent| {
        // Whoever borrows it while it is lent gets another one.
        let mut buffer = lent.take();
        buffer.resize(BUFFER, 0);
        let outcome = work(&mut buffer);
        lent.set(buffer);
        outcome
    })
}

/// Octets that are read, or gathered before they are written, at once.
const BUFFER: usize = 32 * 1024;
