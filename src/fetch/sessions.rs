//! Session after session, until nothing is left to do or no session gets anywhere any more.

use crate::account_error::AccountError;
use crate::fetch::run::{Next, Run, SessionPurpose, Top};
use crate::session::SessionError;
use crate::stop;

/// So many sessions in a row may bring nothing new, with each failing at another message, say; with more of
/// them a server could keep a run going for ever.
const MOST_FRUITLESS: u32 = 100;

impl Run<'_> {
    /// One session after another.
    pub(crate) fn sessions(&mut self) -> Result<(), AccountError> {
        // The last session brought nothing but a suspicion.
        let mut barren = false;
        // Sessions in a row that brought nothing new.
        let mut fruitless = 0;
        loop {
            stop::check()?;
            let before = (self.done(), self.settled(), self.failures.suspected());
            let (ahead, careful) = (!self.server.disorder, self.server.careful);
            let outcome = self.one_session();
            fruitless = if self.done() > before.0 { 0 } else { fruitless + 1 };
            let progress = fruitless == 0 || self.settled() > before.1 && fruitless < MOST_FRUITLESS;
            match outcome {
                Ok(Next::Renumbered) if self.goes_on_renumbered() => {}
                Ok(Next::ReadArchive) => self.read_archive()?,
                Ok(Next::Again) if progress => {}
                Ok(Next::Last) if self.purpose != SessionPurpose::Failed => {
                    self.purpose = SessionPurpose::Failed;
                }
                Ok(_) => return Ok(stop::check()?),
                // A note has said so.
                Err(AccountError::Session(_)) if ahead && self.server.disorder => {}
                Err(AccountError::Session(error)) if !careful && self.server.careful => {
                    self.note(&format!("{error}; continuing more carefully"));
                }
                // Old servers may hang up on what they do not know, others do not heed the number of
                // lines; RETR shows the header as well.
                Err(AccountError::Session(error))
                    if self.server.top != Top::Avoided
                        && !(self.server.top_answers && progress)
                        && (error.silence() == Some("TOP")
                            || matches!(error, SessionError::EndlessHeader { .. })) =>
                {
                    self.server.top = Top::Avoided;
                    self.note(&format!("{error}; continuing without TOP"));
                }
                // One header with an end in its middle, and all later answers are off by one.
                Err(AccountError::Session(error)) if error.is_disorder() && self.server.top == Top::Asked => {
                    self.server.top = Top::Avoided;
                    self.note(&format!("{error}; continuing without TOP"));
                }
                Err(AccountError::Session(error))
                    if error.may_go_better_anew()
                        && (progress || !barren && self.failures.suspected() > before.2) =>
                {
                    barren = !progress;
                    self.note(&format!("{error}; connecting again"));
                }
                // What failed before, or is only supposed to be there, may wait for another run.
                Err(error) if self.purpose != SessionPurpose::Ordinary && error.is_for_later() => {
                    self.note(&format!("{error}; the next run continues"));
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Grows whenever a session did something that the next need not do again.
    fn done(&self) -> u64 {
        self.tally.fetched + (self.deletions.confirmed.len() + self.deletions.stay.len()) as u64
    }

    /// Grows whenever there is less to stumble over: a message that failed is not tried again, and one that was
    /// recognised, or left because of its header, is not asked for again.
    fn settled(&self) -> u64 {
        self.failures.count() + self.tally.named + self.server.settled_by_looks
    }
}
