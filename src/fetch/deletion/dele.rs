//! Deleting from the server what is archived: receipts, DELE, and QUIT's answer.
//!
//! Promises: a DELE leaves only for a message whose copy was re-read a moment ago and
//! matched, and which this session has shown to be that message. Must never: count a
//! deletion before QUIT's +OK.

use crate::account_error::AccountError;
use crate::archive::Copy;
use crate::event::{Event, Reporter};
use crate::exit::Exit;
use crate::ledger::Seq;
use crate::pop3::reply::Reply;
use crate::receipt::{Receipt, Sighting};
use crate::session::{Incoming, QUEUED, Session, Transaction};
use crate::stop;
use crate::store::Store;
use std::collections::{HashSet, VecDeque};

/// DELEs that leave in one write, at least.
const SENT_TOGETHER: usize = 64;

/// An archived message that is due, and what this session has seen of it.
#[derive(Debug)]
pub(crate) struct Due {
    /// Its row.
    pub seq: Seq,
    /// What was seen.
    pub sighting: Sighting,
}

/// What came of the DELEs.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    /// The server accepted these; QUIT decides.
    pub accepted: Vec<Seq>,
    /// Their numbers.
    pub numbers: HashSet<u32>,
    /// These stay because their copy is gone or changed.
    pub no_copy: Vec<Seq>,
    /// Messages that stay because what the server showed is not what the archive holds.
    pub kept_other: u64,
    /// The server refused these.
    pub refused: Vec<(Seq, Reply)>,
}

/// Marks these messages for deletion, each with a receipt.
pub(crate) fn mark(
    session: &mut Session<Transaction>,
    mut due: Vec<Due>,
    store: &mut Store,
    reporter: Reporter<'_>,
) -> Result<Marked, AccountError> {
    // What is queued goes out: with one command a turn, no more than one at a time, so that a signal counts.
    let at_once = if session.pipelining() { QUEUED } else { 1 };
    let mut marked = Marked::default();
    // From the highest number to the lowest: a server that renumbers at each DELE moves only those that are done.
    due.sort_by_key(|due| std::cmp::Reverse(due.sighting.number()));
    let mut due = due.into_iter().peekable();
    // After a signal no further DELE goes out; those that the server has accepted are safe to confirm.
    while due.peek().is_some() && stop::requested().is_none() {
        let mut asked = VecDeque::new();
        for Due { seq, sighting } in due.by_ref().take(at_once) {
            let Some(row) = store.ledger.row(seq)? else {
                marked.no_copy.push(seq);
                continue;
            };
            let Copy::Intact(copy) = store.archive.verify(&row)? else {
                marked.no_copy.push(seq);
                continue;
            };
            let copy = copy.served_in(store.ledger.served_as(seq)?);
            let number = sighting.number();
            match Receipt::issue(&copy, &sighting) {
                Some(receipt) => {
                    session.queue_dele(receipt)?;
                    asked.push_back((seq, number));
                    // The server works on these while the next copies are read.
                    if asked.len() % SENT_TOGETHER == 0 {
                        session.flush()?;
                    }
                }
                None => marked.kept_other += 1,
            }
        }
        session.flush()?;
        while let Some(event) = session.next()? {
            let (Incoming::Status { reply, .. }, Some((seq, number))) = (event, asked.pop_front()) else {
                continue;
            };
            if reply.is_ok() {
                marked.accepted.push(seq);
                marked.numbers.insert(number);
                reporter.event(Event::Marked);
            } else {
                marked.refused.push((seq, reply));
            }
        }
    }
    Ok(marked)
}

/// The code for a refused DELE or QUIT.
pub(crate) fn refusal_exit(reply: &Reply) -> Exit {
    if reply.is_transient() { Exit::TRY_LATER } else { Exit::UNAVAILABLE }
}
