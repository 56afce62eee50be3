//! What a fetch would do: `fetch --dry-run`, and the counts of `check`.

use super::Inventory;
use crate::config::Account;
use crate::event::Missing;
use crate::ledger::UnixTime;
use crate::plan::{Left, SEEN_ELSEWHERE, Verdict, due_now, skipped_because};
use std::sync::Arc;

/// What `fetch --dry-run` would do.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Messages listed.
    pub listed: u64,
    /// Messages archived.
    pub archived: u64,
    /// Messages that were archived, and whose copies were gone or damaged at the last run.
    pub removed: u64,
    /// How many messages would be fetched, and their octets as far as LIST gives them.
    pub fetches: (u64, u64),
    /// Each of them; or none, where only the counts are asked for.
    pub to_fetch: Vec<ToFetch>,
    /// How many archived messages would be deleted from the server.
    pub to_delete: u64,
    /// When the oldest of them was archived.
    pub oldest_to_delete: Option<UnixTime>,
    /// What would be left.
    pub left: Vec<Missing>,
    /// How many of these `skip_headers` leaves, as far as the ledger knows.
    pub skipped: u64,
}

/// One message that would be fetched.
#[derive(Clone, Debug)]
pub struct ToFetch {
    /// Its number.
    pub number: u32,
    /// Its UID.
    pub uid: Option<Box<[u8]>>,
    /// Its LIST size, in octets.
    pub size: Option<u64>,
    /// Why it is fetched.
    pub why: &'static str,
}

/// What a fetch of this account would do with this inventory; `each`: with every message that it would fetch.
pub fn preview(inventory: &Inventory<'_>, account: &Account, each: bool) -> Preview {
    let plan = inventory.plan();
    let mut preview = Preview { listed: plan.len() as u64, fetches: plan.to_fetch(), ..Preview::default() };
    (preview.to_delete, preview.oldest_to_delete) =
        due_now(plan, account.delete, inventory.ages(), &inventory.restored);
    for (place, item) in plan.iter().enumerate() {
        if matches!(item.verdict, Verdict::Fetch { .. }) && !each {
            continue;
        }
        let uid: Option<Box<[u8]>> = item.entry.uid.map(Box::from);
        let number = item.entry.number;
        let leave = |reason: Arc<str>| Missing { number, uid: uid.clone(), reason, chosen: true };
        match item.verdict {
            Verdict::Archived(_) => preview.archived += 1,
            Verdict::Removed(_) | Verdict::Damaged(_) => preview.removed += 1,
            Verdict::Fetch { why, .. } => {
                preview.to_fetch.push(ToFetch { number, uid, size: item.entry.size, why: why.words() });
            }
            Verdict::Left(Left::Quarantine) => {
                let (reason, chosen) = inventory.quarantined(place).unwrap_or_default();
                preview.left.push(Missing { chosen, ..leave(reason) });
            }
            Verdict::Left(Left::SeenElsewhere) => preview.left.push(leave(SEEN_ELSEWHERE.into())),
            Verdict::Left(Left::SkipHeaders(field)) => {
                preview.skipped += 1;
                preview.left.push(leave(skipped_because(&account.skip_headers, field)));
            }
            Verdict::Left(Left::Limit) => preview.left.push(leave("left by --limit".into())),
            Verdict::Left(Left::TooLarge(size)) => preview
                .left
                .push(leave(format!("{size} octets, larger than max_size ({})", account.max_size).into())),
        }
    }
    preview
}
