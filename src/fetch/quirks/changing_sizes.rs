//! Servers whose LIST sizes change from run to run while the messages stay what they are (GNU Mailutils): where that
//! was seen of many messages, TOP n 0 tells whether a message whose size has changed is still the same.
//!
//! Must never: make a receipt.

use crate::account_error::AccountError;
use crate::config::DeletePolicy;
use crate::fetch::run::{Run, Top};
use crate::ledger::{Change, Seq};
use crate::mail::digest::{Digester, Hash};
use crate::plan::{Plan, Verdict};
use crate::session::headers::{self, Heard};
use crate::session::{Session, Transaction};
use std::ops::ControlFlow;

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
        self.server.top = Top::Asked;
        let mut headers: Vec<Option<Hash>> = Vec::with_capacity(asked.len());
        let mut digester = Digester::new();
        let numbers = asked.iter().map(|(place, _)| plan.item(*place).entry.number);
        let heard = headers::ask(session, numbers, &mut |heard| {
            match heard {
                Heard::Octets(octets) => digester.update(octets),
                Heard::End => headers.push(Some(std::mem::take(&mut digester).finish_header())),
                Heard::Refused(_) => headers.push(None),
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = heard {
            self.watch_order(session.sent_ahead(), &error)?;
            self.watch_top(session, plan, &error);
            return Err(error.into());
        }
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
