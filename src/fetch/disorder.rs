//! A session whose answers do not fit its questions, or may not: what it brought may stand under the wrong UIDs.
//!
//! One answer too many, and every later one is taken for the answer to the next command: all
//! messages come whole, and each under its neighbour's UID. By the time this shows, batches are
//! stored.
//!
//! Where commands were sent ahead, that may be why: then the run goes on one command at a time, and the
//! ledger remembers it for [`REMEMBERED`], unless the configuration insists on pipelining.
//!
//! Where an answer is lost there is no such sign; which messages are in doubt then is told by
//! [`super::lost_reply`]. It is a suspicion, so it lasts for the run only.
//!
//! Promise: a message that only such a session has seen under a UID is fetched again before that
//! UID counts as archived. Its copy stays, as one of a message without UID, so that it is
//! recognised by its content whichever message it turns out to be.

use super::error::AccountError;
use super::filer::Filed;
use super::logbook::Logbook;
use super::retrieve::{Broken, Haul};
use super::round::{Run, messages};
use super::{day, now};
use crate::clock;
use crate::config::{Account, Config, Pipelining};
use crate::ledger::{Change, Ledger, LedgerError, LedgerFile, PipeliningFailed, UnixTime};
use crate::session::{Omissions, SessionError};
use std::fmt::Display;

/// For how long nothing is sent ahead to a server that has mixed up its answers: 30 days, in seconds. It may
/// have been mended then.
pub(super) const REMEMBERED: UnixTime = 30 * 24 * 3_600;

/// Until when nothing is to be sent ahead to this account's server, if that is so now.
pub fn one_at_a_time_until(account: &Account, ledger: &dyn Ledger) -> Result<Option<UnixTime>, LedgerError> {
    if account.pipelining != Pipelining::Auto {
        return Ok(None);
    }
    let failed = ledger.quirks()?.pipelining_failed;
    Ok(failed
        .filter(|failed| {
            failed.server == server(account) && clock::is_to_come(failed.until, REMEMBERED, now())
        })
        .map(|failed| failed.until))
}

/// What who only looks should know.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Nothing is to be sent ahead.
    pub one_at_a_time: bool,
    /// When our own last session was at work.
    pub last_session: Option<UnixTime>,
    /// What the server is not asked.
    pub omissions: Omissions,
    /// TOP is not asked for either.
    pub without_top: bool,
}

/// What is known before a look, by a ledger that is only read.
pub(super) fn before_a_look(config: &Config, account: &Account) -> Result<Before, LedgerError> {
    let Some(file) = LedgerFile::read_only(&config.state_dir)? else { return Ok(Before::default()) };
    let Some(ledger) = file.existing(&account.identity, &account.archive)? else {
        return Ok(Before::default());
    };
    let logbook = Logbook::new(config, account, ledger.logins()?);
    Ok(Before {
        one_at_a_time: one_at_a_time_until(account, &ledger)?.is_some(),
        last_session: ledger.last_active()?,
        omissions: logbook.omissions(),
        without_top: logbook.silent_tops().1,
    })
}

/// What this account's server is not asked for now, since it did not answer it, and until when.
pub fn left_out(
    config: &Config,
    account: &Account,
    ledger: &dyn Ledger,
) -> Result<Vec<(String, UnixTime)>, LedgerError> {
    Ok(Logbook::new(config, account, ledger.logins()?).left_out())
}

/// Whether it is known that this account's server does not answer TOP.
pub fn is_silent_at_top(config: &Config, account: &Account) -> bool {
    before_a_look(config, account).is_ok_and(|known| known.without_top)
}

/// What the ledger calls an account's server.
pub(super) fn server(account: &Account) -> String {
    format!("{}:{}", account.host, account.port)
}

impl Run<'_> {
    /// Looks at how a fetch ended, and takes back what it said about messages that may have come under each other's
    /// UIDs. `false` when what was heard in it says nothing about a message.
    pub(super) fn was_in_order(&mut self, sent_ahead: bool, haul: &mut Haul) -> Result<bool, AccountError> {
        let mut in_order = match &haul.broken {
            Some(Broken::Session(error)) => self.watch_order(sent_ahead, error)?,
            _ => true,
        };
        if in_order && haul.somewhere && !std::mem::replace(&mut self.seen.careful, true) {
            in_order = false;
        }
        if haul.broken.is_some() && sent_ahead && !haul.findings.unsettled.is_empty() {
            // Nobody could ask for these again: whether answers are in order is not known.
            self.seen.disorder = true;
        }
        if haul.unsure.is_empty() {
            return Ok(in_order);
        }
        self.disown(&haul.unsure)?;
        if !sent_ahead || self.seen.disorder {
            return Ok(in_order);
        }
        // One doubt in a run is enough: from here on no reply can be lost unnoticed.
        self.seen.disorder = true;
        let doubtful = messages(haul.unsure.len() as u64);
        match &haul.broken {
            Some(Broken::Session(error)) => {
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
    pub(super) fn watch_order(
        &mut self,
        sent_ahead: bool,
        error: &SessionError,
    ) -> Result<bool, AccountError> {
        if !sent_ahead || self.seen.disorder {
            return Ok(true);
        }
        // TOP is what a server may not know at all: it is left out first.
        if matches!(error, SessionError::TimedOut { during, .. } if *during != "TOP") {
            (self.seen.disorder, self.seen.silent_ahead) = (true, true);
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
    pub(super) fn remember_silence(&mut self) -> Result<(), AccountError> {
        let all_came = self.aside.failures() + self.aside.suspected() == 0;
        if !std::mem::take(&mut self.seen.silent_ahead) || !all_came {
            return Ok(());
        }
        self.seen.disorder = false;
        self.stop_sending_ahead(&"the server answers commands only one at a time")
    }

    /// From here on nothing is sent ahead to this server, for the reason given.
    pub(super) fn stop_sending_ahead(&mut self, why: &dyn Display) -> Result<(), AccountError> {
        if std::mem::replace(&mut self.seen.disorder, true) {
            return Ok(());
        }
        let mut text = format!("{why}; continuing without pipelining");
        if self.account.pipelining == Pipelining::Auto {
            let failed = PipeliningFailed { server: server(self.account), until: now() + REMEMBERED };
            text = format!("{text}, until {}", day(failed.until));
            self.ledger.commit(&[Change::PipeliningFailed(failed)])?;
        }
        self.note(&text);
        Ok(())
    }

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
