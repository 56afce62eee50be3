//! What an account's run carries from session to session, in parts that each have an owner.

use crate::account_error::AccountError;
use crate::clock::UnixTime;
use crate::config::Account;
use crate::connect::ServerRecord;
use crate::event::{Event, Observer, Warning};
use crate::fetch::deletion::deletions::Deletions;
use crate::fetch::failures::Failures;
use crate::fetch::portions::Portions;
use crate::fetch::recognition::listed_together::ListedTogether;
use crate::fetch::report::copies::Copies;
use crate::fetch::report::tally::Tally;
use crate::ledger::Seq;
use crate::session::{Session, Transaction};
use crate::store::Store;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What a run is asked to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Orders {
    /// At most this number of messages.
    pub limit: Option<u64>,
    /// Show the protocol.
    pub trace: bool,
    /// Try everything in quarantine, whatever the time.
    pub retry: bool,
    /// What was reported in the last week is not reported again.
    pub quiet: bool,
    /// Files of messages that the account may keep open at once; `None`: as many as it likes.
    pub open_messages: Option<usize>,
    /// How long to wait for a maildrop that is in use, here or elsewhere; `None`: not at all.
    pub wait: Option<Duration>,
}

/// Opens a session that is logged in; if told so, one that sends nothing ahead of a reply.
pub(crate) type Open<'a> = &'a dyn Fn(bool) -> Result<Session<Transaction>, AccountError>;

/// See the module's page.
pub(crate) struct Run<'a> {
    pub account: &'a Account,
    pub observer: &'a Arc<dyn Observer>,
    pub open: Open<'a>,
    /// What the run was asked to do; its limit is what `--limit` still allows.
    pub orders: Orders,
    pub store: Store,
    /// How much one session does at most.
    pub portions: Portions,
    /// What the next session is for.
    pub purpose: SessionPurpose,
    /// What is known about the server, from the ledger and for it.
    pub server_record: Rc<ServerRecord>,
    /// What the server was seen doing.
    pub server: ServerBehaviour,
    /// Messages that failed, in this run or before.
    pub failures: Failures,
    /// What is in the archive.
    pub copies: Copies,
    /// What became of deletions.
    pub deletions: Deletions,
    /// What the sessions so far add up to.
    pub tally: Tally,
    /// What a person should know beside that.
    pub warnings: Vec<Warning>,
    /// When the server's certificate ends, in Unix time.
    pub certificate_ends: Option<UnixTime>,
    /// Octets that the archive's disk has left.
    pub free: Option<u64>,
}

impl<'a> Run<'a> {
    /// A run that has done nothing yet.
    pub(crate) fn new(
        account: &'a Account,
        observer: &'a Arc<dyn Observer>,
        open: Open<'a>,
        store: Store,
    ) -> Self {
        Run {
            account,
            observer,
            open,
            orders: Orders::default(),
            store,
            portions: Portions::of(account.format),
            purpose: SessionPurpose::default(),
            server_record: Rc::default(),
            server: ServerBehaviour::default(),
            failures: Failures::default(),
            copies: Copies::default(),
            deletions: Deletions::default(),
            tally: Tally::default(),
            warnings: Vec::new(),
            certificate_ends: None,
            free: None,
        }
    }

    pub(crate) fn note(&self, text: &str) {
        self.observer.event(&self.account.name, Event::Note(text));
    }
}

/// What a session is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SessionPurpose {
    /// What is new, and what is due.
    #[default]
    Ordinary,
    /// To see whether there is more: the server may show a part of its messages at a time.
    Look,
    /// What failed before.
    Failed,
}

/// What a server was seen doing, in this run or before.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and they combine")]
#[derive(Debug, Default)]
pub(crate) struct ServerBehaviour {
    /// TOP was answered.
    pub top_answers: bool,
    /// It mixes up its answers when commands are sent ahead of them, so none is.
    pub disorder: bool,
    /// It shows a part of its messages at a time.
    pub parts: bool,
    /// What there is to say about TOP.
    pub top: Top,
    /// Messages at which TOP met with silence in earlier runs; they are not asked for by it.
    pub silent_tops: Vec<Vec<u8>>,
    /// The last one at which it did in this run.
    pub silent_top: Option<Vec<u8>>,
    /// It seemed to have changed its numbers, and had not.
    pub calm: bool,
    /// It refuses TOP, whichever message is asked for.
    pub refuses_top: bool,
    /// A note has said what `skip_headers` cannot do here.
    pub said_no_skipping: bool,
    /// The most headers that a session looks at for `skip_headers`: with more the connection broke.
    pub look_at_most: Option<usize>,
    /// Grows with each message that such a look has left, and when the next look is to be shorter.
    pub settled_by_looks: u64,
    /// Places of new messages that this session has not looked at for that: they wait for the next one.
    pub unlooked: HashSet<usize>,
    /// TOP showed other messages than the listing had under these numbers.
    pub moved_at_top: bool,
    /// Sessions of this run in which it changed its numbers.
    pub renumbered: u32,
    /// It has messages of equal content: asked for alone, they have it, too.
    pub equals: bool,
    /// Which UIDs it listed together in this run.
    pub listed_together: ListedTogether,
    /// Rows that this session has bound to messages by their headers.
    pub bound_by_header: Vec<Seq>,
    /// Octets that are no answer came from it, and which message they belong to is not known: STAT follows each.
    pub careful: bool,
    /// It did not answer commands that were sent ahead.
    pub silent_ahead: bool,
}

/// Whether a server can be asked for TOP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Top {
    /// Nothing speaks against it, and this session has not done it yet.
    #[default]
    Free,
    /// This session has.
    Asked,
    /// It hangs up on it, never ends its answer, or answers more than was asked.
    Avoided,
}

/// How a session ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing is left to do.
    Finished,
    /// More is due: in a new session.
    Again,
    /// Only what failed before is left to try: in a session of its own.
    Last,
    /// The server has given its messages other numbers: what is left is to do in a new session.
    Renumbered,
    /// Files of the archive are to be read before more is asked, and that takes longer than a server waits.
    ReadArchive,
}
