//! Servers whose LIST sizes change from run to run while the messages stay what they are (GNU Mailutils): where that
//! was seen of many messages, TOP n 0 tells whether a message whose size has changed is still the same.
//!
//! Must never: make a receipt.

use crate::account_error::AccountError;
use crate::config::DeletePolicy;
use crate::fetch::run::{Run, Top};
use crate::ledger::{Change, Seq};
use crate::plan::{Plan, Verdict};
use crate::session::{Session, Transaction};

impl Run<'_> {
    /// Keeps what has its recorded header; the rest of the plan stays as it is.
    pub(crate) fn keep_by_header(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
    ) -> Result<(), AccountError> {
        let asked: Vec<(usize, Seq)> = plan
            .wandering()
            .iter()
            .filter(|(place, _)| {
                let item = plan.item(*place);
                matches!(item.verdict, Verdict::Fetch { .. }) && self.may_top(&item)
            })
            .copied()
            .collect();
        // What is to be deleted at once has to be looked at whole.
        if asked.is_empty() || self.server.top == Top::Avoided || self.account.delete == DeletePolicy::Fetched
        {
            return Ok(());
        }
        let places: Vec<usize> = asked.iter().map(|(place, _)| *place).collect();
        let headers = self.ask_for_headers(session, plan, &places)?;
        let mut changes = Vec::new();
        for (&(place, seq), header) in asked.iter().zip(headers) {
            let Some(row) = self.store.ledger.row(seq)? else { continue };
            if header == Some(row.digest.header) {
                changes.push(Change::Recognised {
                    seq,
                    uid: row.uid,
                    list_size: plan.item(place).entry.size.or(row.list_size),
                });
                changes.push(Change::SizeChanged(seq));
                plan.keep_by_header(place, seq, row.archived_at);
            }
        }
        Ok(self.store.ledger.commit(&changes)?)
    }
}
