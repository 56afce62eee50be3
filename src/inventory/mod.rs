//! What of a listing is archived, by the same plan that a fetch makes: for `check`, `list`, `session` and
//! `fetch --dry-run`.
//!
//! It goes by what the last run saw of the archive; only a fetch and `verify` look at the archive itself.
//!
//! Must never: write anything anywhere, ask for a message, or mark one.

mod preview;

pub use preview::{Preview, ToFetch, preview};

use crate::archive::Presence;
use crate::clock;
use crate::config::{Account, Config, DeletePolicy};
use crate::ledger::{FolderKey, Ledger, LedgerError, LedgerFile, RowPages, RowState, Seq};
use crate::mail::skip_headers::SkipHeaders;
use crate::plan::{Ages, Left, Limits, Plan, Planner, Quarantine, Restored, Verdict, Why};
use crate::pop3::listing::Listing;
use crate::store::{self, StoreError};
use std::collections::HashSet;
use std::sync::Arc;

/// What the archive has of a listed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageStatus {
    /// It is on record.
    Archived,
    /// It is on record, and its copy was gone or damaged at the last run.
    Removed,
    /// Nothing; the next fetch brings it.
    New,
    /// Perhaps it: the next fetch brings it and compares.
    Doubtful,
    /// Nothing; an adopted program had seen it, and the next fetch leaves it.
    SeenElsewhere,
    /// Nothing; its header has a field that `skip_headers` names, and the next fetch leaves it.
    Skipped,
    /// Nothing; it is larger than `max_size`.
    TooLarge,
    /// Nothing; it has failed before, and is tried last and after growing gaps.
    Quarantined,
}

impl MessageStatus {
    /// All of them, in the order in which they are told.
    pub const ALL: [MessageStatus; 8] = [
        MessageStatus::Archived,
        MessageStatus::Removed,
        MessageStatus::New,
        MessageStatus::Doubtful,
        MessageStatus::SeenElsewhere,
        MessageStatus::Skipped,
        MessageStatus::TooLarge,
        MessageStatus::Quarantined,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            MessageStatus::Archived => "archived",
            MessageStatus::Removed => "removed",
            MessageStatus::New => "new",
            MessageStatus::Doubtful => "doubtful",
            MessageStatus::SeenElsewhere => "seen elsewhere",
            MessageStatus::Skipped => "skipped",
            MessageStatus::TooLarge => "too large",
            MessageStatus::Quarantined => "quarantined",
        }
    }
}

/// A listing compared with the ledger.
#[derive(Debug)]
pub struct Inventory<'l> {
    plan: Plan<'l>,
    /// The ledger has no message of this maildrop, so there is nothing to be in doubt about.
    blank: bool,
    /// Rows that have their UID for the sake of an equal header alone.
    by_header: HashSet<Seq>,
    /// What failed in earlier runs.
    quarantine: Quarantine,
    ages: Ages,
    restored: Restored,
}

impl<'l> Inventory<'l> {
    /// By what is in this part of the ledger, and what `skip_headers` says; `None` when it has none for the maildrop.
    pub fn of(
        listing: &'l Listing,
        ledger: Option<&dyn Ledger>,
        limits: Limits,
        skip: &SkipHeaders,
    ) -> Result<Self, LedgerError> {
        let mut planner = Planner::new(listing);
        if let Some(ledger) = ledger {
            let presence = Presence::of_record(&ledger.last_look()?, ledger.accepted()?);
            planner = planner
                .looking_at(Arc::new(presence))
                .without(ledger.seen_elsewhere()?)
                .skipping(ledger.skipped()?, skip.setting());
        }
        let mut blank = true;
        let mut by_header = HashSet::new();
        let mut quarantine = Quarantine::default();
        let mut ages = Ages::default();
        if let Some(ledger) = ledger {
            let parts = ledger.quirks()?.shows_parts;
            planner = planner.with_marks(ledger.marks()?, clock::now()).of_parts(parts);
            quarantine = Quarantine::on_record(ledger.quarantined()?, false, limits.max_size, clock::now());
            ages = self::ages(ledger)?;
            ledger.known(&mut |row| {
                blank = false;
                ages.row(row.seq, row.archived_at);
                if row.by_header {
                    by_header.insert(row.seq);
                }
                planner.row(&row);
            })?;
        }
        let restored = Restored::default();
        Ok(Inventory {
            plan: planner.finish(&limits, &quarantine),
            blank,
            by_header,
            quarantine,
            ages,
            restored,
        })
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
        self.quarantine.reason(self.plan.item(place).entry, self.plan.has_own_uid(place))
    }

    /// The message at this place in the listing, and the row that it is archived as.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    pub fn at(&self, place: usize) -> (MessageStatus, Option<Seq>) {
        let failed = || self.quarantined(place).map(|(_, by_choice)| by_choice);
        match self.plan.item(place).verdict {
            Verdict::Archived(archived) => (MessageStatus::Archived, Some(archived.seq)),
            Verdict::Removed(row) | Verdict::Damaged(row) => (MessageStatus::Removed, Some(row.seq)),
            Verdict::Left(Left::SeenElsewhere) => (MessageStatus::SeenElsewhere, None),
            Verdict::Left(Left::SkipHeaders(_)) => (MessageStatus::Skipped, None),
            Verdict::Left(Left::TooLarge(_)) => (MessageStatus::TooLarge, None),
            Verdict::Left(Left::Quarantine) if failed() == Some(true) => (MessageStatus::TooLarge, None),
            Verdict::Left(Left::Quarantine) => (MessageStatus::Quarantined, None),
            Verdict::Fetch { .. } if failed() == Some(false) => (MessageStatus::Quarantined, None),
            Verdict::Fetch { why, .. } if why != Why::New && !self.blank => (MessageStatus::Doubtful, None),
            Verdict::Fetch { .. } | Verdict::Left(Left::Limit) => (MessageStatus::New, None),
        }
    }
}

/// A listing against the ledger, which is only read; `limit` as in `--limit`.
pub fn look<'l>(
    config: &Config,
    account: &Account,
    listing: &'l Listing,
    limit: Option<u64>,
) -> Result<Inventory<'l>, StoreError> {
    let ledger = store::ledger_to_read(config, account)?;
    let limits = Limits { max_size: account.max_size, messages: limit };
    let part = ledger.as_ref().map(|ledger| ledger as &dyn Ledger);
    let mut inventory = Inventory::of(listing, part, limits, &account.skip_headers)?;
    if let Some(ledger) = &ledger {
        inventory.restored = restored(config, account, ledger)?;
    }
    Ok(inventory)
}

/// What of this account's mail is in the folder that its `delete_after_restore` names. Of n rows with equal content, all or
/// none are.
pub fn restored(config: &Config, account: &Account, ledger: &dyn Ledger) -> Result<Restored, LedgerError> {
    let destination = account.delete_after_restore.as_deref();
    // Where nothing is deleted, nothing waits.
    let Some(destination) = destination.filter(|_| account.delete != DeletePolicy::Never) else {
        return Ok(Restored::NotAwaited);
    };
    let mut there = HashSet::new();
    let Some(file) = LedgerFile::read_only(&config.state_dir)? else { return Ok(Restored::Rows(there)) };
    let key = FolderKey::of(&destination.access, &destination.folder);
    let Some(restores) = file.restores_to(&key)? else { return Ok(Restored::Rows(there)) };
    let mut pages = RowPages::all();
    loop {
        let rows = pages.next_page(ledger)?;
        if rows.is_empty() {
            return Ok(Restored::Rows(there));
        }
        for row in rows.iter().filter(|row| row.state == RowState::Stored) {
            let arrived = restores.arrived(&row.digest.content())?;
            if arrived > 0 && arrived >= ledger.by_content(&row.digest)?.len() as u64 {
                there.insert(row.seq);
            }
        }
    }
}

/// How old what is archived is, for a run that begins now.
pub fn ages(ledger: &dyn Ledger) -> Result<Ages, LedgerError> {
    let now = clock::now();
    Ok(Ages::at(now, ledger.last_run_within(clock::believable_until(now))?, ledger.ages()?))
}
