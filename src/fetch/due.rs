//! What the `delete` setting says of a archived message, and how it is written.

use super::now;
use crate::config::DeletePolicy;
use crate::ledger::UnixTime;
use crate::plan::{Plan, Verdict};

/// Whether a message archived at `archived_at` may be deleted from the server.
pub(super) fn due(policy: DeletePolicy, archived_at: UnixTime, now: UnixTime) -> bool {
    match policy {
        DeletePolicy::Never => false,
        DeletePolicy::Fetched => true,
        DeletePolicy::After(age) => {
            i64::try_from(age.as_secs()).is_ok_and(|age| archived_at.saturating_add(age) <= now)
        }
    }
}

/// How many archived messages are due for deletion, and when the oldest of them was archived.
pub(super) fn due_now(plan: &Plan<'_>, policy: DeletePolicy) -> (u64, Option<UnixTime>) {
    let now = now();
    let archived = plan.iter().filter_map(|item| match item.verdict {
        Verdict::Archived(archived) if due(policy, archived.archived_at, now) => Some(archived.archived_at),
        _ => None,
    });
    archived
        .fold((0, None), |(count, oldest), at| (count + 1, Some(oldest.map_or(at, |old: i64| old.min(at)))))
}

/// The `delete` setting as the ledger remembers it.
pub(super) fn policy_words(policy: DeletePolicy) -> String {
    match policy {
        DeletePolicy::Never => "never".to_owned(),
        DeletePolicy::Fetched => "fetched".to_owned(),
        DeletePolicy::After(age) if age.as_secs().is_multiple_of(86400) => {
            format!("{}d", age.as_secs() / 86400)
        }
        DeletePolicy::After(age) => format!("{}s", age.as_secs()),
    }
}
