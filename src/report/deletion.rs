//! What the `delete` setting would delete from the server now, by the ledger alone: by the same rules as a fetch
//! ([`plan::due`](crate::plan::due)), as if every message were listed that the last complete listing had.
//!
//! Where nothing is ever deleted, no message is looked at.

use crate::archive::Presence;
use crate::config::{Account, Config, DeletePolicy};
use crate::inventory;
use crate::ledger::{Ledger as _, LedgerError, SqliteLedger, UnixTime};
use crate::plan::{self, policy_words};

/// What would be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The `delete` setting, as written in the configuration; `None`: nothing is ever deleted.
    pub policy: Option<String>,
    /// Only what was restored first is deleted.
    pub after_restore: bool,
    /// After a long time without a run, nothing is deleted by age in the next one.
    pub put_off: bool,
    /// How many messages are due.
    pub messages: u64,
    /// Their octets on the server.
    pub octets: u64,
    /// When the oldest of them was archived.
    pub oldest: Option<UnixTime>,
}

pub(super) fn due(
    config: &Config,
    account: &Account,
    ledger: &SqliteLedger,
    now: UnixTime,
) -> Result<Due, LedgerError> {
    if account.delete == DeletePolicy::Never {
        return Ok(Due::default());
    }
    let presence = Presence::of_record(&ledger.last_look()?, ledger.accepted()?);
    let mut ages = inventory::ages(ledger)?;
    let restored = inventory::restored(config, account, ledger)?;
    let mut due = Due {
        policy: Some(policy_words(account.delete)),
        after_restore: account.delete_after_restore.is_some(),
        put_off: matches!(account.delete, DeletePolicy::After(_)) && !ages.count(),
        ..Due::default()
    };
    ledger.deletable(now, &mut |row| {
        ages.row(row.seq, row.archived_at);
        let is_due = row.can_go
            && !presence.keeps(row.seq)
            && plan::due(account.delete, &ages, &restored, row.seq, row.archived_at);
        if is_due {
            due.messages += 1;
            due.octets = due.octets.saturating_add(row.octets);
            due.oldest = Some(due.oldest.map_or(row.archived_at, |oldest| oldest.min(row.archived_at)));
        }
    })?;
    Ok(due)
}
