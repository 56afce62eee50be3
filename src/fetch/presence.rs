//! What the look at the archive means for a run: what is counted as removed, when its owner is told, and which
//! messages stay on the server for it.
//!
//! Promises: a removed message is counted, never fetched again by itself and never deleted from the server; that more
//! than half of the archive vanished between two runs is said once, and never again once its owner has accepted a loss.

use super::due::due;
use super::error::AccountError;
use super::now;
use super::round::{Run, messages};
use crate::archive::{Presence, Whereabouts};
use crate::config::DeletePolicy;
use crate::event::Missing;
use crate::exit::Exit;
use crate::ledger::{Change, LedgerError, Seq, UnixTime};
use crate::plan::Item;
use std::sync::Arc;

/// What was seen of the archive before anybody logged in.
#[derive(Debug, Default)]
pub(super) struct Sight {
    pub presence: Arc<Presence>,
    /// Messages that somebody has removed, and how many of them were news for the owner.
    removed: u64,
    /// All that should be in the archive.
    expected: u64,
    /// More than half of the archive is gone since the last run.
    pub half: bool,
    /// That was said in an earlier run, and it still is.
    said_half: bool,
}

impl Run<'_> {
    /// Before login: what is in the archive.
    pub(super) fn look_at_the_archive(&mut self) -> Result<(), AccountError> {
        let presence = self.archive.look(&mut *self.ledger, now())?;
        if let Some(why) = presence.why_unseen() {
            self.note(&format!("popkeep did not look at the archive: {why}"));
        }
        self.sight = Sight { removed: presence.removed().count() as u64, ..Sight::default() };
        if self.sight.removed > 0 {
            let before = self.ledger.last_look()?;
            let accepted = presence.accepted().len() as u64;
            self.sight.expected = self.ledger.overview()?.archived.saturating_sub(accepted);
            let is_half = |count: u64| count.saturating_mul(2) > self.sight.expected;
            self.sight.said_half = before.said_half && is_half(self.sight.removed);
            let news = self.sight.removed.saturating_sub(before.told);
            self.sight.half = accepted == 0 && !before.said_half && is_half(news);
        }
        self.sight.presence = Arc::new(presence);
        self.archive.find_strangers(&mut *self.ledger, now())?;
        Ok(())
    }

    /// What has to be said about what is gone: the code and the words.
    pub(super) fn alarm(&self) -> Option<(Exit, String)> {
        let Sight { removed, expected, half, .. } = self.sight;
        let archive = self.account.archive.display();
        half.then(|| {
            let which = if removed == expected {
                format!("all {}", messages(expected))
            } else {
                format!("{removed} of {}", messages(expected))
            };
            let words = format!(
                "{which} have vanished from the archive {archive} since the last run; if that was on purpose, \
                 `popkeep verify {} --accept` puts it on record; if not, bring them back from a backup: they are not \
                 fetched again by themselves",
                self.account.name
            );
            (Exit::MISSING, words)
        })
    }

    /// What to put on record of what the owner was told: all of it, unless the run came to nothing.
    pub(super) fn told(&self, failed: bool) -> Result<Option<Change>, LedgerError> {
        let before = self.ledger.last_look()?;
        let mut after = before.clone();
        if !(failed && self.sight.half) && self.sight.presence.why_unseen().is_none() {
            after.told = self.sight.removed;
            after.said_half = self.sight.half || self.sight.said_half;
        }
        Ok((after != before).then_some(Change::Looked(after)))
    }

    /// Notes that this row's message stays on the server, if that is so because of its copy.
    pub(super) fn heed_copy(&mut self, seq: Seq, archived_at: UnixTime, octets: Option<u64>) {
        if !self.sight.presence.keeps(seq) || !self.stay.insert(seq) {
            return;
        }
        let policy = self.account.delete;
        if policy != DeletePolicy::Never
            && !self.sight.presence.is_accepted(seq)
            && due(policy, &self.ages, seq, archived_at)
        {
            self.tally.kept_no_copy += 1;
            self.tally.kept_octets += octets.unwrap_or(0);
        }
    }

    /// What is missing of a listed message whose copy is damaged.
    pub(super) fn damaged(&self, item: &Item<'_>, seq: Seq) -> Option<Missing> {
        let problem = self.sight.presence.problem(seq)?;
        (self.sight.presence.of(seq) == Whereabouts::Damaged).then(|| Missing {
            number: item.entry.number,
            uid: item.entry.uid.map(<[u8]>::to_vec),
            reason: format!("its copy is damaged: {problem}").into(),
            chosen: false,
        })
    }
}
