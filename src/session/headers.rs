//! TOP n 0 for many messages: their headers alone, pipelined where the server pipelines.
//!
//! Promises: answers come in the order of the questions, one after another; no header is held here, and none
//! goes on for ever.

use super::{DEPTH, Incoming, QUEUED, Session, SessionError, Transaction};
use crate::mail::line_ends::Unix;
use crate::pop3::refusal::is_about_the_account;
use crate::pop3::reply::Reply;
use std::ops::ControlFlow;

/// The longest answer to TOP that is taken in, in octets. Servers that do not heed the number of lines send whole
/// messages.
const LONGEST: u64 = 16 << 20;

/// Refusals in a row that speak of the account, the day or the rate, after which nothing more is asked for.
const MOST_LIMITS: u32 = 2;

/// What is heard of one message's header.
#[derive(Debug)]
pub enum Heard<'a> {
    /// Octets of it, in stored form; never empty.
    Octets(&'a [u8]),
    /// It is complete.
    End,
    /// The server refused to show it.
    Refused(Reply),
}

/// Asks for the header of each of these messages. When `each` says `Break`, nothing more is asked
/// for or told; what was asked for already is still taken in, so that the session can go on.
pub fn ask(
    session: &mut Session<Transaction>,
    numbers: impl IntoIterator<Item = u32>,
    each: &mut dyn FnMut(Heard<'_>) -> ControlFlow<()>,
) -> Result<(), SessionError> {
    let mut waiting = numbers.into_iter();
    let mut ends = Unix::default();
    let mut stored_form = Vec::new();
    let mut wanted = true;
    let mut came: u64 = 0;
    // Refusals in a row that speak of the account: what comes after them RETR will show.
    let mut limits = 0;
    loop {
        if wanted && session.outstanding() <= DEPTH {
            for number in waiting.by_ref().take(QUEUED - session.outstanding()) {
                session.queue_top(number, 0);
            }
        }
        stored_form.clear();
        wanted &= limits < MOST_LIMITS;
        let end = match session.next()? {
            None => return Ok(()),
            Some(Incoming::Status { reply, .. }) if reply.is_ok() => {
                ends = Unix::default();
                (came, limits) = (0, 0);
                continue;
            }
            Some(Incoming::Status { reply, .. }) => {
                limits = if is_about_the_account(&reply) { limits + 1 } else { 0 };
                Some(Heard::Refused(reply))
            }
            Some(Incoming::Body { command, octets }) => {
                came += octets.len() as u64;
                if let Some(number) = command.number()
                    && came > LONGEST
                {
                    return Err(SessionError::EndlessHeader { number, limit: LONGEST });
                }
                ends.feed(octets, &mut stored_form);
                None
            }
            Some(Incoming::End { .. }) => {
                ends.finish(&mut stored_form);
                Some(Heard::End)
            }
        };
        let octets = (!stored_form.is_empty()).then_some(Heard::Octets(&stored_form));
        for heard in octets.into_iter().chain(end) {
            wanted = wanted && each(heard).is_continue();
        }
    }
}
