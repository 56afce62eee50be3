//! A session whose answers do not fit its questions, or may not: what it brought may be filed under the wrong UIDs.
//!
//! One answer too many, and every later one is taken for the answer to the next command: all
//! messages come whole, and each under its neighbour's UID. By the time this shows, batches are
//! stored.
//!
//! Where commands were sent ahead, that may be why: then the run goes on one command at a time, and the
//! ledger remembers it for 30 days, unless the configuration insists on pipelining.
//!
//! Where an answer is lost there is no such sign; which messages are in doubt then is told by
//! [`crate::fetch::quirks::lost_replies`]. It is a suspicion, so it lasts for the run only.
//!
//! Promise: a message that only such a session has seen under a UID is fetched again before that
//! UID counts as archived. Its copy stays, as one of a message without UID, so that it is
//! recognised by its content whichever message it turns out to be.

use crate::account_error::AccountError;
use crate::config::Pipelining;
use crate::connect::answers_mixed_up;
use crate::fetch::download::outcome::{Download, Ending};
use crate::fetch::download::storer::Filed;
use crate::fetch::run::Run;
use crate::ledger::Change;
use crate::session::SessionError;
use crate::text::dates::day;
use crate::text::figures::messages;
use std::fmt::Display;

impl Run<'_> {
    /// Looks at how a fetch ended, and takes back what it said about messages that may have come under each other's
    /// UIDs. `false` when what was heard in it says nothing about a message.
    pub(crate) fn was_in_order(
        &mut self,
        sent_ahead: bool,
        download: &mut Download,
    ) -> Result<bool, AccountError> {
        let mut in_order = match &download.ending {
            Ending::SessionFailed(error) => self.watch_order(sent_ahead, error)?,
            _ => true,
        };
        if let Ending::SessionFailed(error) = &download.ending
            && error.is_disorder()
        {
            self.release_bound_by_header()?;
        }
        if in_order && download.somewhere && !std::mem::replace(&mut self.server.careful, true) {
            in_order = false;
        }
        if download.ending.breaks_off() && sent_ahead && !download.findings.unsettled.is_empty() {
            // Nobody could ask for these again: whether answers are in order is not known.
            self.server.disorder = true;
        }
        if download.unsure.is_empty() {
            return Ok(in_order);
        }
        self.release_uids(&download.unsure)?;
        if !sent_ahead || self.server.disorder {
            return Ok(in_order);
        }
        // One doubt in a run is enough: from here on no reply can be lost unnoticed.
        self.server.disorder = true;
        let doubtful = messages(download.unsure.len() as u64);
        match &download.ending {
            Ending::SessionFailed(error) => {
                self.note(&format!(
                    "{error}; {doubtful} may have arrived under wrong UIDs because a reply was lost; fetching them again, \
                     without pipelining"
                ));
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// Looks at why a session broke off; `sent_ahead`: it has sent commands ahead of replies. `false` when that
    /// may be why: from here on the run sends nothing ahead.
    pub(crate) fn watch_order(
        &mut self,
        sent_ahead: bool,
        error: &SessionError,
    ) -> Result<bool, AccountError> {
        if !sent_ahead || self.server.disorder {
            return Ok(true);
        }
        // TOP is what a server may not know at all: it is left out first.
        if matches!(error, SessionError::TimedOut { during, .. } if *during != "TOP") {
            (self.server.disorder, self.server.silent_ahead) = (true, true);
            self.note(&format!("{error}; continuing without pipelining"));
            return Ok(false);
        }
        if !error.is_disorder() {
            return Ok(true);
        }
        self.stop_sending_ahead(error)?;
        Ok(false)
    }

    /// The run has come to its end: commands that met with silence when they were sent ahead were answered without.
    pub(crate) fn remember_silence(&mut self) -> Result<(), AccountError> {
        let all_came = self.failures.count() + self.failures.suspected() == 0;
        if !std::mem::take(&mut self.server.silent_ahead) || !all_came {
            return Ok(());
        }
        self.server.disorder = false;
        self.stop_sending_ahead(&"the server answers commands only one at a time")
    }

    /// From here on nothing is sent ahead to this server, for the reason given.
    pub(crate) fn stop_sending_ahead(&mut self, why: &dyn Display) -> Result<(), AccountError> {
        if std::mem::replace(&mut self.server.disorder, true) {
            return Ok(());
        }
        let mut text = format!("{why}; continuing without pipelining");
        if self.account.pipelining == Pipelining::Auto {
            let failed = answers_mixed_up(self.account);
            text = format!("{text}, until {}", day(failed.until));
            self.store.ledger.commit(&[Change::PipeliningFailed(failed)])?;
        }
        self.note(&text);
        Ok(())
    }

    /// Takes back what a session said about the UIDs of these messages.
    pub(crate) fn release_uids(&mut self, filed: &[Filed]) -> Result<(), AccountError> {
        let taken_back: Vec<Change> = filed
            .iter()
            .map(|message| Change::Recognised { seq: message.seq, uid: None, list_size: None })
            .collect();
        self.store.ledger.commit(&taken_back)?;
        Ok(())
    }
}
