//! What became of this run's deletions, and what keeps messages on the server.

use crate::exit::Exit;
use crate::ledger::Seq;
use crate::plan::{Ages, Restored};
use std::collections::HashSet;

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Deletions {
    /// How old what is archived is.
    pub ages: Ages,
    /// What of it is restored elsewhere, if that is to come first.
    pub restored: Restored,
    /// Rows that are due and that this run cannot delete: their copy is gone, DELE was refused, or made no
    /// difference.
    pub stay: HashSet<Seq>,
    /// Rows whose deletion QUIT has confirmed in this run.
    pub confirmed: HashSet<Seq>,
    /// Messages that the last session listed, and the rows that its QUIT deleted.
    pub last_session: Option<(usize, Vec<Seq>)>,
    /// Rows of this run whose messages the server has certainly given up: what it still lists is not them.
    pub gone: HashSet<Seq>,
    /// DELEs that were refused.
    pub refused: u64,
    /// A deletion that was due and is not confirmed: its cause's code, and the words.
    pub unconfirmed: Option<(Exit, String)>,
    /// The `delete` setting of the run before, when it was another one.
    pub policy_before: Option<String>,
}

impl Deletions {
    /// A deletion that was due is not confirmed.
    pub(crate) fn note_unconfirmed(&mut self, exit: Exit, text: String) {
        let exit = Exit::merge([exit, self.unconfirmed.as_ref().map_or(Exit::OK, |before| before.0)]);
        self.unconfirmed = Some((exit, text));
    }

    /// A new session lists this number of messages: whether the last one's deletions have made all the difference.
    pub(crate) fn new_listing(&mut self, messages: usize) {
        if let Some((before, deleted)) = self.last_session.take()
            && messages + deleted.len() == before
        {
            self.gone.extend(deleted);
        }
    }
}
