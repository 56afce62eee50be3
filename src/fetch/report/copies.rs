//! What the look at the archive means for a run: what is counted as removed, when its owner is told, and which
//! messages stay on the server for it.
//!
//! Promises: a removed message is counted, never fetched again by itself and never deleted from the server; that more
//! than half of the archive vanished between two runs is said once, and never again once its owner has accepted a loss.

use crate::archive::{ArchiveError, Presence, Whereabouts};
use crate::clock::now;
use crate::config::Account;
use crate::event::{Event, Missing, Reporter};
use crate::exit::Exit;
use crate::ledger::{Change, Ledger, LedgerError, Seq};
use crate::plan::Item;
use crate::store::Store;
use crate::text::figures::messages;
use std::sync::Arc;

/// What was seen of the archive before anybody logged in.
#[derive(Debug, Default)]
pub(crate) struct Copies {
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

impl Copies {
    /// Before login: what is in the archive. What is there and no row explains is put on record.
    pub(crate) fn look(store: &mut Store, reporter: Reporter<'_>) -> Result<Copies, ArchiveError> {
        let presence = store.archive.look(&mut *store.ledger, now())?;
        let mut copies = Copies { removed: presence.removed().count() as u64, ..Copies::default() };
        if copies.removed > 0 {
            let before = store.ledger.last_look()?;
            let accepted = presence.accepted().len() as u64;
            copies.expected = store.ledger.totals()?.messages.saturating_sub(accepted);
            let is_half = |count: u64| count.saturating_mul(2) > copies.expected;
            copies.said_half = before.said_half && is_half(copies.removed);
            let news = copies.removed.saturating_sub(before.told);
            copies.half = accepted == 0 && !before.said_half && is_half(news);
        }
        copies.presence = Arc::new(presence);
        let mut watch = |looking| reporter.event(Event::Looking(looking));
        store.archive.find_unknown_copies(&mut *store.ledger, now(), &mut watch)?;
        Ok(copies)
    }

    /// What has to be said about what is gone: the code and the words.
    pub(crate) fn alarm(&self, account: &Account) -> Option<(Exit, String)> {
        let Copies { removed, expected, half, .. } = *self;
        let archive = account.archive.display();
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
                account.name
            );
            (Exit::MISSING, words)
        })
    }

    /// What to put on record of what the owner was told: all of it, unless the run came to nothing.
    pub(crate) fn told(&self, ledger: &dyn Ledger, failed: bool) -> Result<Option<Change>, LedgerError> {
        let before = ledger.last_look()?;
        let mut after = before.clone();
        if !(failed && self.half) && self.presence.why_unseen().is_none() {
            after.told = self.removed;
            after.said_half = self.half || self.said_half;
        }
        Ok((after != before).then_some(Change::Looked(after)))
    }

    /// What is missing of a listed message whose copy is damaged.
    pub(crate) fn damaged(&self, item: &Item<'_>, seq: Seq) -> Option<Missing> {
        let problem = self.presence.problem(seq)?;
        (self.presence.of(seq) == Whereabouts::Damaged).then(|| Missing {
            number: item.entry.number,
            uid: item.entry.uid.map(Box::from),
            reason: format!("its copy is damaged: {problem}").into(),
            chosen: false,
        })
    }
}
