//! When is a message deleted from the server? When all of this holds, and not before:
//!
//! 1. **Its owner wants it**: the `delete` setting says so. Never, at once, or at an age that counts from when it was
//!    archived ([`crate::plan::Ages`]: by no clock that was wrong, and not in the first run after a month). With
//!    `delete_after_restore` a copy of it must be on record in the folder that this names ([`crate::plan::Restored`]), one for
//!    each row of its content, when the run begins.
//! 2. **It is archived**: its row is *stored*, and this run has seen the copy as it was recorded, but for header marks.
//!    A removed, changed or accepted copy keeps its message on the server for good, and this is counted in the summary.
//! 3. **This session has shown that the message under this number is that message** ([`proof`]): RETR brought it, and
//!    its content is what is stored; or TOP n 0 brought the recorded header, of a row whose body was compared before.
//!    Otherwise it is fetched and compared first.
//! 4. **Numbers mean what they meant when they were listed** ([`crate::fetch::quirks::renumbering`]): STAT before the
//!    first DELE, with nothing under way, and UIDL wherever that is cheap.
//! 5. **The copy is whole** ([`dele`]): it is re-read now, and its hash compared. That copy and that sighting make the
//!    [`Receipt`](crate::receipt::Receipt) which DELE takes, and which is good for one number of one session.
//! 6. **The server marked what was meant** ([`quit`]): DELEs go from the highest number to the lowest, then STAT again. A
//!    message that is gone and was not marked: RSET, and no QUIT.
//! 7. **QUIT deletes nothing else** ([`quit`]): where it deletes whatever RETR has shown (EXPIRE 0), each of those messages
//!    must be one that is marked.
//! 8. **QUIT is answered `+OK`**: only then is the row *deleted*. Without an answer it is *leaving*, and the next run looks.
//!
//! Never deleted: a message that comes with other octets each time, or twice as less than half of itself; for 30 days one
//! that the server lists again after two confirmed deletions. DELE by DELE, at most a portion in a session
//! ([`crate::fetch::portions`]), then QUIT and a new one, so that a lost connection undoes little.
//!
//! A person's own DELE, typed at the prompt of `popkeep session`, is not a fetch's: see [`crate::pop3::typed`].

pub(crate) mod dele;
pub(crate) mod deletions;
pub(crate) mod proof;
pub(crate) mod quit;

use crate::account_error::AccountError;
use crate::config::DeletePolicy;
use crate::fetch::run::Run;
use crate::inventory;
use crate::ledger::{Seq, UnixTime};
use crate::plan::due;

impl Run<'_> {
    pub(crate) fn is_due(&self, seq: Seq, archived_at: UnixTime) -> bool {
        self.account.delete != DeletePolicy::Never
            && due(self.account.delete, &self.deletions.ages, &self.deletions.restored, seq, archived_at)
            && !self.deletions.stay.contains(&seq)
            && !self.copies.presence.keeps(seq)
    }

    /// Whether messages are deleted as soon as they are archived. Not those that are to be restored elsewhere first.
    pub(crate) fn deletes_what_it_fetches(&self) -> bool {
        self.account.delete == DeletePolicy::Fetched && self.account.delete_after_restore.is_none()
    }

    /// Before this run is on record: where messages are deleted by their age, how old they are.
    pub(crate) fn see_ages(&mut self) -> Result<(), AccountError> {
        let DeletePolicy::After(_) = self.account.delete else { return Ok(()) };
        self.deletions.ages = inventory::ages(&*self.store.ledger)?;
        let mut any = false;
        let ages = &mut self.deletions.ages;
        self.store.ledger.known(&mut |row| {
            any = true;
            ages.row(row.seq, row.archived_at);
        })?;
        if any && !ages.count() {
            let text = "the clock is wrong, or the last run is more than 30 days ago: nothing is deleted by its age in this run";
            self.note(text);
        }
        Ok(self.store.ledger.commit(&self.deletions.ages.changes())?)
    }
}
