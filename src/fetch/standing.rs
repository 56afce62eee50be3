//! What the archive has of each listed message, by the same plan that a fetch makes.
//!
//! Must never: write anything anywhere.

use super::due::ages_now;
use super::error::AccountError;
use super::prepare::{configured, moved};
use super::set_aside::SetAside;
use crate::archive::Presence;
use crate::clock::now;
use crate::config::{Account, Config};
use crate::ledger::{Ledger, LedgerError, LedgerFile, Seq};
use crate::plan::{Ages, Left, Limits, Plan, Planner, Verdict, Why};
use crate::pop3::listing::Listing;
use std::collections::HashSet;
use std::sync::Arc;

/// What the archive has of a listed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is on record.
    Archived,
    /// It is on record, and its copy was gone or damaged at the last run.
    Removed,
    /// Nothing; the next fetch brings it.
    New,
    /// Perhaps it: the next fetch brings it and compares.
    Doubtful,
    /// Nothing; it is larger than `max_size`.
    TooLarge,
    /// Nothing; it has failed before, and is tried last and after growing gaps.
    Quarantined,
}

impl Standing {
    /// All of them, in the order in which they are told.
    pub const ALL: [Standing; 6] = [
        Standing::Archived,
        Standing::Removed,
        Standing::New,
        Standing::Doubtful,
        Standing::TooLarge,
        Standing::Quarantined,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Archived => "archived",
            Standing::Removed => "removed",
            Standing::New => "new",
            Standing::Doubtful => "doubtful",
            Standing::TooLarge => "too large",
            Standing::Quarantined => "quarantined",
        }
    }
}

/// A listing compared with the ledger.
#[derive(Debug)]
pub struct Standings<'l> {
    plan: Plan<'l>,
    /// The ledger has no message of this maildrop, so there is nothing to be in doubt about.
    blank: bool,
    /// Rows that have their UID for the sake of an equal header alone.
    by_header: HashSet<Seq>,
    /// What failed in earlier runs.
    aside: SetAside,
    ages: Ages,
}

impl<'l> Standings<'l> {
    /// By what is in this part of the ledger; `None` when it has none for the maildrop.
    pub fn of(
        listing: &'l Listing,
        ledger: Option<&dyn Ledger>,
        limits: Limits,
    ) -> Result<Self, LedgerError> {
        let mut planner = Planner::new(listing);
        if let Some(ledger) = ledger {
            let presence = Presence::of_record(&ledger.last_look()?, ledger.accepted()?);
            planner = planner.looking_at(Arc::new(presence));
        }
        let mut blank = true;
        let mut by_header = HashSet::new();
        let mut aside = SetAside::default();
        let mut ages = Ages::default();
        if let Some(ledger) = ledger {
            let parts = ledger.quirks()?.shows_parts;
            planner = planner.with_marks(ledger.marks()?, now()).of_parts(parts);
            aside = SetAside::new(ledger.quarantined()?, false, limits.max_size, now());
            ages = ages_now(ledger)?;
            ledger.known(&mut |row| {
                blank = false;
                ages.row(row.seq, row.archived_at);
                if row.by_header {
                    by_header.insert(row.seq);
                }
                planner.row(&row);
            })?;
        }
        Ok(Standings { plan: planner.finish(&limits, aside.quarantine()), blank, by_header, aside, ages })
    }

    /// The plan that a fetch would make of it.
    pub fn plan(&self) -> &Plan<'l> {
        &self.plan
    }

    /// How old what is archived is.
    pub fn ages(&self) -> &Ages {
        &self.ages
    }

    /// Whether all that speaks for this row being its message is that the headers are equal: enough to save a
    /// download, not enough to delete one.
    pub fn is_by_header(&self, seq: Seq) -> bool {
        self.by_header.contains(&seq)
    }

    /// Why the message at this place is left alone for now, and when it is tried again, if it is in quarantine.
    pub fn quarantined(&self, place: usize) -> Option<(Arc<str>, bool)> {
        self.aside.reason(&self.plan, place)
    }

    /// The message at this place in the listing, and the row that it is archived as.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    pub fn at(&self, place: usize) -> (Standing, Option<Seq>) {
        let failed = || self.quarantined(place).map(|(_, by_choice)| by_choice);
        match self.plan.item(place).verdict {
            Verdict::Archived(archived) => (Standing::Archived, Some(archived.seq)),
            Verdict::Removed(row) | Verdict::Damaged(row) => (Standing::Removed, Some(row.seq)),
            Verdict::Left(Left::TooLarge(_)) => (Standing::TooLarge, None),
            Verdict::Left(Left::Quarantine) if failed() == Some(true) => (Standing::TooLarge, None),
            Verdict::Left(Left::Quarantine) => (Standing::Quarantined, None),
            Verdict::Fetch { .. } if failed() == Some(false) => (Standing::Quarantined, None),
            Verdict::Fetch { why, .. } if why != Why::New && !self.blank => (Standing::Doubtful, None),
            Verdict::Fetch { .. } | Verdict::Left(Left::Limit) => (Standing::New, None),
        }
    }
}

/// A listing against the ledger, which is only read; `limit` as in `--limit`.
pub fn look<'l>(
    config: &Config,
    account: &Account,
    listing: &'l Listing,
    limit: Option<u64>,
) -> Result<Standings<'l>, AccountError> {
    let limits = Limits { max_size: account.max_size, messages: limit };
    let Some(file) = LedgerFile::read_only(&config.state_dir)? else {
        return Ok(Standings::of(listing, None, limits)?);
    };
    // What a fetch would stumble over is not to be passed over here.
    let ledger = match file.check(&account.identity, &account.archive, &configured(config)) {
        Err(error @ LedgerError::OtherArchive { .. }) => {
            Some(moved(&file, account, &configured(config))?.ok_or(error)?.1)
        }
        outcome => outcome.map(|()| file.existing(&account.identity, &account.archive))??,
    };
    Ok(Standings::of(listing, ledger.as_ref().map(|ledger| ledger as &dyn Ledger), limits)?)
}
