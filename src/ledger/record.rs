//! What the ledger records: rows, changes to them, runs.

use super::adoption::{Adoption, SeenElsewhere};
use super::look::LookRecord;
use super::skipped::Skipped;
use super::unknown::UnknownCopy;
use super::verification::{LastVerification, Reading, Replacement};
use crate::mail::digest::Digest;
use std::collections::HashSet;
use std::sync::Arc;

pub use crate::clock::UnixTime;

/// Numbers the rows of one maildrop; never used twice.
pub type Seq = u64;

/// Where in an archive one message's copy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A Maildir: the KEY, the part of the file name that identifies the message.
    Maildir {
        /// `U<hash>C<hash>`, with `-2`, `-3`… for further identical copies under one UID.
        key: String,
    },
    /// An mbox: a region of the file, from the `From_` line to the empty line behind the message.
    Mbox {
        /// Octets before the region.
        offset: u64,
        /// Octets of the region.
        length: u64,
    },
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// About to enter the archive; after a crash, recovery finds out whether it did.
    Intent,
    /// Durable in the archive.
    Stored,
    /// Durable in the archive, and deleted from the server by us: QUIT was confirmed.
    Deleted,
}

/// One message that the archive holds, or is about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The row's number in its maildrop.
    pub seq: Seq,
    /// The UID it was last listed under; `None` when the server gave none.
    pub uid: Option<Vec<u8>>,
    /// The size LIST gave for it, in octets; a hint that servers get wrong.
    pub list_size: Option<u64>,
    /// Octets of the stored form.
    pub size: u64,
    /// The hashes of the stored form.
    pub digest: Digest,
    /// Where the copy is.
    pub place: Place,
    /// How far it has come.
    pub state: RowState,
    /// When it entered the archive.
    pub archived_at: UnixTime,
    /// UTF8 (RFC 6856) was in force when it came: without it a server may have sent other octets.
    pub utf8: bool,
}

/// What the planner needs of a stored row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<'r> {
    /// The row's number.
    pub seq: Seq,
    /// Its UID.
    pub uid: Option<&'r [u8]>,
    /// Its LIST size.
    pub list_size: Option<u64>,
    /// When it was archived.
    pub archived_at: UnixTime,
    /// Deleted from the server by us.
    pub deleted: bool,
    /// [`Change::Leaving`], and nothing since: it may or may not be on the server.
    pub leaving: bool,
    /// [`Change::Rebound`], and nothing since: the body under its UID was never compared.
    pub by_header: bool,
}

/// A message that is listed and could not be had, and when to try again.
///
/// It is known by its UID alone where `number` is `None`. Where the server gives no UID, or the
/// same one to several messages, it is known by UID, number and size together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its UID; `None` when the server gives none.
    pub uid: Option<Vec<u8>>,
    /// Its number when it failed last, where its UID alone does not tell which message it is.
    pub number: Option<u32>,
    /// Its LIST size when it failed last, in octets.
    pub list_size: Option<u64>,
    /// Why it failed last, in words; may hold a server's raw text.
    pub reason: Arc<str>,
    /// In how many runs it has failed. 0: a connection was lost at it once, which need not be its
    /// fault; it is tried after all others.
    pub failures: u32,
    /// When it failed first.
    pub first_at: UnixTime,
    /// When it failed last.
    pub last_at: UnixTime,
    /// When it is due to be tried again; not before, unless a person says so.
    pub next_at: UnixTime,
    /// It was given up since it grew larger than this `max_size`, in octets: the user's own wish.
    pub larger_than: Option<u64>,
}

/// What a server was seen doing, as far as it changes how it is treated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// [`Change::EqualUids`].
    pub equal_uids: bool,
    /// [`Change::ShowsParts`].
    pub shows_parts: bool,
    /// [`Change::PipeliningFailed`], the last one.
    pub pipelining_failed: Option<PipeliningFailed>,
    /// Rows of [`Change::Unsteady`].
    pub unsteady: HashSet<Seq>,
    /// Rows with lower numbers were stored by a popkeep that did not compare octets with LIST sizes: their last line
    /// may be an answer of the server.
    pub tallied_from: Seq,
}

/// A server that mixed up its replies when commands were sent ahead of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeliningFailed {
    /// Which: `host:port`.
    pub server: String,
    /// Until when nothing is sent ahead to it.
    pub until: UnixTime,
}

/// What the way to the server was like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logins {
    /// [`Change::Unanswered`], all of them.
    pub unanswered: Vec<Unanswered>,
    /// [`Change::LoginRefused`], the last one, unless [`Change::LoginWorked`] followed.
    pub refused: Option<LoginRefused>,
    /// [`Change::LoginWorked`], the last one.
    pub worked: Option<LoginWorked>,
}

/// What a server does not answer, or hangs up at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Which: `host:port`.
    pub server: String,
    /// The command or the mechanism.
    pub command: String,
    /// For TOP: the message that was asked for. Empty for the others.
    pub message: Vec<u8>,
    /// Until when it is asked without it.
    pub until: UnixTime,
}

/// How a secret is recognised without keeping it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretMark {
    /// When the files changed that it may depend on.
    pub files: String,
    /// The hash's salt.
    pub salt: Vec<u8>,
    /// 16 bits of a slow hash, for a secret that is in no file.
    pub digest: Option<u16>,
}

/// A login that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRefused {
    /// With what.
    pub mark: SecretMark,
    /// How often in a row.
    pub times: u32,
    /// When, the last time.
    pub last_at: UnixTime,
    /// The same secret had let us in not long before the first refusal.
    pub worked_lately: bool,
}

/// A login that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginWorked {
    /// With what.
    pub mark: SecretMark,
    /// When.
    pub at: UnixTime,
}

/// One change to the ledger.
#[derive(Clone, Debug)]
pub enum Change {
    /// A message is about to enter the archive. `row.state` is taken to be [`RowState::Intent`].
    Intent(Row),
    /// It is durable there.
    Stored(Seq),
    /// An intent came to nothing.
    Withdrawn(Seq),
    /// A row that was found in the archive itself (a lost ledger), stored at once.
    Adopted(Row),
    /// The server has accepted DELE for it, and QUIT is about to be sent: should its answer never
    /// come, the message may be gone from the server.
    Leaving(Seq),
    /// The server deleted it: QUIT was confirmed.
    Deleted {
        /// Which.
        seq: Seq,
        /// When.
        at: UnixTime,
    },
    /// The same message was recognised under another UID or size; it is listed (again), so a
    /// deleted one is stored again.
    Recognised {
        /// Which.
        seq: Seq,
        /// The UID it is listed under now.
        uid: Option<Vec<u8>>,
        /// The size it is listed with now.
        list_size: Option<u64>,
    },
    /// A stored row's message was recognised under another UID by its header and size alone: good
    /// enough not to fetch it again, not to delete it. [`Change::Recognised`] takes that back.
    Rebound {
        /// Which.
        seq: Seq,
        /// The UID it is listed under now.
        uid: Vec<u8>,
        /// The size it is listed with now.
        list_size: Option<u64>,
    },
    /// These messages are in the archive and no row explains them. With a stamp: there are no others, now that the
    /// archive is what the stamp says.
    UnknownCopies {
        /// What was found; numbers are given to them.
        found: Vec<UnknownCopy>,
        /// What the archive was, as it writes it.
        stamp: Option<String>,
        /// There are more than before: listed messages are to be looked for among them, by their headers.
        first_look: bool,
    },
    /// The header of this one was read.
    UnknownCopyRead(UnknownCopy),
    /// All listed messages were looked for among the unknown copies, by their headers.
    FirstLookOver,
    /// This one is a row's copy now, or is not there any more.
    ForgetUnknownCopy(UnknownCopy),
    /// All unknown copies are forgotten.
    ForgetUnknownCopies,
    /// The row of this number will be a copy of another program's message: once stored it is an unknown copy, this one,
    /// wherever its place is by then. Comes before the row's intent.
    Copying {
        /// Which.
        seq: Seq,
        /// What it will be.
        copy: UnknownCopy,
    },
    /// Another program's mail was taken over.
    AdoptedFrom {
        /// What was done.
        adoption: Adoption,
        /// Messages that are not to be fetched if they are not found in the archive.
        seen: SeenElsewhere,
    },
    /// [`Change::AdoptedFrom`] is taken back; whether it still may be, [`super::Ledger::adoption`] says.
    AdoptionUndone,
    /// A row's copy was made by another program, which has added to it; the server has the message in this form.
    ServedAs {
        /// Which.
        seq: Seq,
        /// The form.
        digest: Digest,
    },
    /// A message is left on the server because of its header. Takes the place of what is on record under its UID.
    Skipped(Skipped),
    /// The message of this UID is left for that reason no longer, or not listed any more.
    NotSkipped {
        /// Which.
        uid: Vec<u8>,
    },
    /// A complete listing left these stored rows out, and shows others that the one before left out.
    Listed {
        /// Left out now.
        gone: Vec<Seq>,
        /// Listed again.
        back: Vec<Seq>,
    },
    /// Most UIDs of the last complete listing are gone at once, and new ones are there. Stays as it is if it is on
    /// record already.
    UidsMoving {
        /// When that was first seen.
        since: UnixTime,
    },
    /// No message of a maildrop that was [`Change::UidsMoving`] is still to be looked at.
    UidsMoved,
    /// A message is listed again whose deletion the server had confirmed at least twice: it counts as archived.
    Stays {
        /// Which.
        seq: Seq,
        /// It is not to be deleted again before.
        until: UnixTime,
    },
    /// The LIST size of this row's message has changed, and its content has not.
    SizeChanged(Seq),
    /// The LIST size of a message has changed, and its content, too: sizes mean something here.
    SizeTold,
    /// This maildrop has shown one UID for two messages in one listing; it is never trusted to
    /// tell messages apart by UID alone again.
    EqualUids,
    /// This maildrop has listed many messages in a session right after one that fetched all it listed:
    /// the server shows a part of them at a time.
    ShowsParts,
    /// The server sends this row's message with other octets each time it is asked, or less than half of it: no
    /// third version of it is stored, and it is not deleted.
    Unsteady(Seq),
    /// A server answered commands that were sent ahead in no order that makes sense.
    PipeliningFailed(PipeliningFailed),
    /// A server did not answer this, and the run got on without it.
    Unanswered(Unanswered),
    /// The server refused the login.
    LoginRefused(LoginRefused),
    /// It let us in.
    LoginWorked(LoginWorked),
    /// A message failed: it is in quarantine from now on, or still. Takes the place of what is on
    /// record under the same UID and number.
    Quarantined(Quarantined),
    /// A message is out of quarantine: stored, or no longer listed. Nothing happens if it is not in it.
    Released {
        /// As in [`Quarantined::uid`].
        uid: Option<Vec<u8>>,
        /// As in [`Quarantined::number`].
        number: Option<u32>,
    },
    /// A row's time was a wrong clock's: its age counts from this one on.
    AgeCounts {
        /// Which.
        seq: Seq,
        /// From when.
        from: UnixTime,
    },
    /// A copy in an mbox was found elsewhere in the file: another program has rewritten the file.
    Moved {
        /// Which.
        seq: Seq,
        /// Where its region begins now.
        offset: u64,
        /// Octets of its region now.
        length: u64,
    },
    /// The archive was looked at. Takes the place of the look before.
    Looked(LookRecord),
    /// What is gone or changed of this row's copy is so on purpose: never mentioned again, never fetched again,
    /// never the reason for a receipt.
    Accepted(Seq),
    /// The copies of these rows were read to their ends.
    Read(Reading),
    /// A verification has ended.
    Verified(LastVerification),
    /// An intent is about to follow whose copy replaces another row's: when it is stored, that row has it, and the
    /// intent's own row is gone.
    Replaces(Replacement),
    /// A bad copy that was replaced is not in the archive any more.
    BadCopyGone(Place),
    /// What a quiet run has reported as missing, each with its time, in the place of what is on record.
    Told(Vec<(Vec<u8>, UnixTime)>),
    /// A fetch has logged in.
    LoggedIn {
        /// When.
        at: UnixTime,
    },
    /// A run began.
    RunStarted {
        /// When.
        at: UnixTime,
    },
    /// The run that began last has ended.
    RunEnded(RunRecord),
}

/// What one run did, for `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRecord {
    /// When it ended.
    pub at: UnixTime,
    /// Its exit code.
    pub exit: u8,
    /// Why it failed, in words without control characters; `None` when all is well.
    pub error: Option<String>,
    /// Messages the server listed.
    pub listed: u64,
    /// Listed messages that in the archive afterwards.
    pub archived: u64,
    /// Messages fetched and stored.
    pub fetched: u64,
    /// Octets fetched.
    pub octets: u64,
    /// Messages deleted from the server, confirmed.
    pub deleted: u64,
    /// Listed messages that were archived and that somebody has removed from the archive since.
    pub removed: u64,
    /// Listed messages that the user's own settings left on the server.
    pub left: u64,
    /// Messages that were due for deletion and stay on the server, since their copy is gone or changed.
    pub kept: u64,
    /// Octets of these, as listed.
    pub kept_octets: u64,
    /// Listed messages that should be in the archive and are not.
    pub missing: u64,
    /// The `delete` setting in force, as written in the configuration.
    pub delete_policy: String,
}
