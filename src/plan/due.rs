//! What the `delete` setting says about an archived message, and how it is written.

use super::{Ages, Plan, Verdict};
use crate::config::DeletePolicy;
use crate::ledger::{Seq, UnixTime};
use std::collections::HashSet;

/// Which rows may be deleted as far as `delete_after_restore` goes.
#[derive(Debug, Default)]
pub enum Restored {
    /// It is not set: all.
    #[default]
    NotAwaited,
    /// Those whose copies are in the folder that it names.
    Rows(HashSet<Seq>),
}

impl Restored {
    fn allows(&self, seq: Seq) -> bool {
        match self {
            Restored::NotAwaited => true,
            Restored::Rows(rows) => rows.contains(&seq),
        }
    }
}

/// Whether a message that was archived at `archived_at`, as its row says, may be deleted from the server.
pub fn due(policy: DeletePolicy, ages: &Ages, restored: &Restored, seq: Seq, archived_at: UnixTime) -> bool {
    let is_old_enough = match policy {
        DeletePolicy::Never => false,
        DeletePolicy::Fetched => true,
        DeletePolicy::After(age) => ages.is_at_least(age, seq, archived_at),
    };
    is_old_enough && restored.allows(seq)
}

/// How many archived messages are due for deletion, and when the oldest of them was archived.
pub fn due_now(
    plan: &Plan<'_>,
    policy: DeletePolicy,
    ages: &Ages,
    restored: &Restored,
) -> (u64, Option<UnixTime>) {
    let archived = plan.iter().filter_map(|item| match item.verdict {
        Verdict::Archived(archived)
            if !archived.stays && due(policy, ages, restored, archived.seq, archived.archived_at) =>
        {
            Some(archived.archived_at)
        }
        _ => None,
    });
    archived
        .fold((0, None), |(count, oldest), at| (count + 1, Some(oldest.map_or(at, |old: i64| old.min(at)))))
}

/// The `delete` setting as the ledger remembers it.
pub fn policy_words(policy: DeletePolicy) -> String {
    match policy {
        DeletePolicy::Never => "never".to_owned(),
        DeletePolicy::Fetched => "fetched".to_owned(),
        DeletePolicy::After(age) if age.as_secs().is_multiple_of(86400) => {
            format!("{}d", age.as_secs() / 86400)
        }
        DeletePolicy::After(age) => format!("{}s", age.as_secs()),
    }
}
