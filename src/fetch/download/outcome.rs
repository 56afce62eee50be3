//! What a download is asked for, and what it brought.

use crate::archive::ArchiveError;
use crate::exit::Exit;
use crate::fetch::download::storer::{Filed, Findings};
use crate::fetch::portions::BatchLimits;
use crate::pop3::reply::Reply;
use crate::session::SessionError;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// What bounds a download.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// A message that turns out larger is given up, in octets on the wire.
    pub max_size: u64,
    /// No new RETR after this instant, once one message has come.
    pub until: Option<Instant>,
    /// When the storer commits.
    pub batch: BatchLimits,
    /// STAT follows each message before the next is asked for, so that whatever goes wrong has one author.
    pub each_alone: bool,
    /// The first message is asked for alone, even if commands are sent ahead: it shows how this server counts.
    pub first_alone: bool,
    /// Sizes that are another message's are no reason to stop: the numbers were asked about before.
    pub calm: bool,
}

/// What a download brought.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and they combine")]
#[derive(Debug, Default)]
pub(crate) struct Download {
    /// Messages that are durable now, and of which it is certain which ones they are.
    pub filed: Vec<Filed>,
    /// Messages that are durable now, and may have come in answer to another's RETR.
    pub unsure: Vec<Filed>,
    /// Messages that did not come, by their place in the plan, and why.
    pub missed: Vec<(usize, Arc<str>)>,
    /// Numbers that STAT alone implies, and that the server refused: it has counted wrongly.
    pub phantoms: HashSet<usize>,
    /// Of those missed, the ones that the server refused for now only.
    pub passing: HashSet<usize>,
    /// How it ended.
    pub ending: Ending,
    /// The message whose answer was due when the session broke.
    pub broke_at: Option<usize>,
    /// The message behind which octets came that are no answer. It is not filed.
    pub ended_badly: Option<usize>,
    /// Octets came that are no answer, and which message they belong to is not certain.
    pub somewhere: bool,
    /// The STAT behind the last message did not say what it said when the maildrop was listed.
    pub other_stat: bool,
    /// A RETR was refused, or sizes speak for other messages: perhaps the server has changed its numbers.
    pub suspicion: bool,
    /// Messages have vanished from the server since it listed them.
    pub vanished: bool,
    /// STAT was answered after the last message: nothing is under way.
    pub settled: bool,
    /// RETRs that had no whole answer when it broke off.
    pub unanswered: usize,
    /// Not all were asked for: the time was up.
    pub cut_short: bool,
    /// The message that met the provider's limit first.
    pub limit_met_at: Option<usize>,
    /// What the storer found out.
    pub findings: Findings,
    /// The session broke before the next message was asked for: the last one alone can be the reason.
    pub exact: bool,
}

impl Download {
    /// All messages that are durable now.
    pub(crate) fn durable(&self) -> impl Iterator<Item = &Filed> {
        self.filed.iter().chain(&self.unsure)
    }
}

/// How a download ended.
#[derive(Debug, Default)]
pub(crate) enum Ending {
    /// Whatever was asked for came, or was refused.
    #[default]
    Complete,
    /// The provider allows no more for now, in these words. The session can still be used.
    LimitReached(Reply),
    /// All came, and then the session ended before its last word.
    ClosedAfterAll(SessionError),
    /// The connection or the server failed.
    SessionFailed(SessionError),
    /// A signal asked to stop.
    Stopped(Exit),
    /// The archive failed.
    ArchiveFailed(ArchiveError),
    /// This message passed `max_size`, whatever LIST said; the rest of it was not awaited.
    TooLarge(usize),
}

impl Ending {
    /// Whether the session cannot be used any more, with questions open.
    pub(crate) fn breaks_off(&self) -> bool {
        match self {
            Ending::Complete | Ending::LimitReached(_) | Ending::ClosedAfterAll(_) => false,
            Ending::SessionFailed(_)
            | Ending::Stopped(_)
            | Ending::ArchiveFailed(_)
            | Ending::TooLarge(_) => true,
        }
    }
}
