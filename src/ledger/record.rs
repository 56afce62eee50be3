//! What the ledger records: rows, changes to them, runs.

use crate::mail::digest::Digest;

/// Seconds since 1970-01-01 00:00 UTC.
pub type UnixTime = i64;

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
pub enum State {
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
    pub state: State,
    /// When it entered the archive.
    pub archived_at: UnixTime,
    /// UTF8 (RFC 6856) was in force when it came: without it a server may have sent other octets.
    pub utf8: bool,
}

/// What the planner needs of a stored row, small enough for a million of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The row's number.
    pub seq: Seq,
    /// Its UID.
    pub uid: Option<Box<[u8]>>,
    /// Its LIST size.
    pub list_size: Option<u64>,
    /// When it was archived.
    pub archived_at: UnixTime,
    /// Deleted from the server by us.
    pub deleted: bool,
    /// [`Change::Leaving`], and nothing since: it may or may not be on the server.
    pub leaving: bool,
}

/// One change to the ledger.
#[derive(Clone, Debug)]
pub enum Change {
    /// A message is about to enter the archive. `row.state` is taken to be [`State::Intent`].
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
    /// This maildrop has shown one UID for two messages in one listing; it is never trusted to
    /// tell messages apart by UID alone again.
    EqualUids,
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
    /// Listed messages that the archive held afterwards.
    pub held: u64,
    /// Messages fetched and stored.
    pub fetched: u64,
    /// Octets fetched.
    pub octets: u64,
    /// Messages deleted from the server, confirmed.
    pub deleted: u64,
    /// Listed messages that the archive does not hold.
    pub missing: u64,
    /// The `delete` setting in force, as written in the configuration.
    pub delete_policy: String,
}

/// What is on record about a maildrop, for `status` and for the start of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Messages held (stored, whether or not deleted from the server since).
    pub held: u64,
    /// Octets of their stored forms.
    pub octets: u64,
    /// When the newest of them was archived.
    pub newest: Option<UnixTime>,
    /// When the last run began.
    pub last_started: Option<UnixTime>,
    /// The last run that ended.
    pub last_run: Option<RunRecord>,
    /// When the last run with exit code 0 ended.
    pub last_success: Option<UnixTime>,
    /// When a fetch last logged in ([`Change::LoggedIn`]).
    pub last_login: Option<UnixTime>,
    /// One UID has stood for two messages here ([`Change::EqualUids`]).
    pub equal_uids: bool,
}
