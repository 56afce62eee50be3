//! TOP n 0 for held messages that are due for deletion: is the message that the server lists
//! under this UID still the one that we hold?

use super::tops::{self, Heard};
use crate::mail::digest::{Digester, Hash};
use crate::plan::Plan;
use crate::session::{Session, SessionError, Transaction};
use std::ops::ControlFlow;

/// The header's hash of each of these messages (places in the plan), in their order; `None`
/// where the server refused TOP.
pub(super) fn headers(
    session: &mut Session<Transaction>,
    plan: &Plan<'_>,
    messages: &[usize],
) -> Result<Vec<Option<Hash>>, SessionError> {
    let mut hashes = Vec::with_capacity(messages.len());
    let mut digester = Digester::new();
    let numbers = messages.iter().map(|&place| plan.item(place).entry.number);
    tops::headers(session, numbers, &mut |heard| {
        match heard {
            Heard::Octets(octets) => digester.update(octets),
            Heard::End => hashes.push(Some(std::mem::take(&mut digester).finish_header())),
            Heard::Refused(_) => hashes.push(None),
        }
        ControlFlow::Continue(())
    })?;
    Ok(hashes)
}
