//! A session whose answers do not fit its questions: what it brought may stand under the wrong UIDs.
//!
//! One answer too many, and every later one is taken for the answer to the next command: all
//! messages come whole, and each under its neighbour's UID. By the time this shows, batches are
//! stored.
//!
//! Promise: a message that only such a session has seen under a UID is fetched again before that
//! UID counts as held. Its copy stays, as one of a message without UID, so that it is
//! recognised by its content whichever message it turns out to be.

use super::error::AccountError;
use super::filer::Filed;
use super::round::Run;
use crate::ledger::Change;

impl Run<'_> {
    /// Takes back what a session said about the UIDs of these messages.
    pub(super) fn disown(&mut self, filed: &[Filed]) -> Result<(), AccountError> {
        let taken_back: Vec<Change> = filed
            .iter()
            .map(|message| Change::Recognised { seq: message.seq, uid: None, list_size: None })
            .collect();
        self.ledger.commit(&taken_back)?;
        Ok(())
    }
}
