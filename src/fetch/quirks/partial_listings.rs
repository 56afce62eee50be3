//! Servers that show a part of their messages at a time.
//!
//! Gmail lists about 250 messages in a session, and hides what was fetched when it ends; the next session
//! shows the next. So after a session that has stored something, another one looks whether there is more,
//! for as long as each brings something new. It costs a login, and is done only where there is a reason:
//!
//! - the server is Gmail, by its host name or by a capability that begins with `X-GOOGLE`;
//! - it was seen doing so before (the ledger remembers);
//! - all that it lists is new, and 200 to 400 messages: what such servers show at once;
//! - all that it lists is new, and none of what is archived is listed any more.
//!
//! Must never: take an ordinary server's poll for such a case.

use crate::account_error::AccountError;
use crate::fetch::download::outcome::Download;
use crate::fetch::run::{Run, SessionPurpose};
use crate::ledger::Change;
use crate::plan::{Plan, Verdict};
use std::ops::RangeInclusive;

/// How many messages such servers show at once.
const SHOWN_AT_ONCE: RangeInclusive<usize> = 200..=400;

/// This number of new messages does not arrive by chance right behind a session that fetched everything.
const NO_CHANCE: u64 = 50;

impl Run<'_> {
    /// Whether a session after this one may show messages that this one did not.
    pub(crate) fn may_be_a_part(&self, gmail: bool, plan: &Plan<'_>, download: &Download) -> bool {
        let stored = download.filed.iter().filter(|message| message.fresh).count();
        let seen = stored + plan.skipped_now().len();
        let all_new = seen == plan.len();
        stored > 0
            && self.orders.limit != Some(0)
            && (gmail || self.server.parts || all_new && (plan.migrated() || SHOWN_AT_ONCE.contains(&seen)))
    }

    /// A session that only looks has found much that is new: so this server shows parts.
    pub(crate) fn learn_of_parts(&mut self, plan: &Plan<'_>) -> Result<(), AccountError> {
        let looked = self.purpose == SessionPurpose::Look;
        if looked {
            self.purpose = SessionPurpose::Ordinary;
        }
        let fetches = plan.iter().filter(|item| matches!(item.verdict, Verdict::Fetch { .. })).count() as u64;
        if looked && !self.server.parts && fetches >= NO_CHANCE {
            self.server.parts = true;
            self.store.ledger.commit(&[Change::ShowsParts])?;
        }
        Ok(())
    }
}
