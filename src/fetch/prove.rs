//! TOP n 0 for held messages that are due for deletion: is the message that the server lists
//! under this UID still the one that we hold?

use super::retrieve::QUEUED;
use crate::mail::digest::{Digester, Hash};
use crate::mail::line_ends::Unix;
use crate::plan::Plan;
use crate::session::{DEPTH, Incoming, Session, SessionError, Transaction};
use std::collections::VecDeque;

/// The header's hash of each of these messages (places in the plan), in their order; `None`
/// where the server refused TOP.
pub(super) fn headers(
    session: &mut Session<Transaction>,
    plan: &Plan<'_>,
    messages: &[usize],
) -> Result<Vec<Option<Hash>>, SessionError> {
    let mut hashes = Vec::with_capacity(messages.len());
    let mut waiting = messages.iter().copied();
    let mut asked = VecDeque::new();
    let mut digester = Digester::new();
    let mut ends = Unix::default();
    let mut stored_form = Vec::new();
    loop {
        if asked.len() <= DEPTH {
            for item in waiting.by_ref().take(QUEUED - asked.len()) {
                session.queue_top(plan.item(item).entry.number, 0)?;
                asked.push_back(item);
            }
        }
        match session.next()? {
            None => return Ok(hashes),
            Some(Incoming::Status { reply, .. }) if reply.is_ok() => {
                digester = Digester::new();
                ends = Unix::default();
            }
            Some(Incoming::Status { .. }) => {
                asked.pop_front();
                hashes.push(None);
            }
            Some(Incoming::Body { octets, .. }) => {
                stored_form.clear();
                ends.feed(octets, &mut stored_form);
                digester.update(&stored_form);
            }
            Some(Incoming::End { .. }) => {
                asked.pop_front();
                stored_form.clear();
                ends.finish(&mut stored_form);
                digester.update(&stored_form);
                hashes.push(Some(std::mem::take(&mut digester).finish_header()));
            }
        }
    }
}
