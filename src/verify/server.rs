//! Good copies from the mail server.
//!
//! A message is asked for when it is listed under the UID on record, or when its LIST size and its header are those on
//! record; it is taken when its content is. Nothing is deleted, and where QUIT deletes or hides what was shown (RFC 2449
//! `EXPIRE 0`, Gmail) the connection is closed without it.

use super::mender::{Mender, RepairError, Target};
use crate::config::{Account, Config};
use crate::connect;
use crate::event::Observer;
use crate::mail::digest::Digester;
use crate::mail::line_ends::Unix;
use crate::pop3::listing::Listing;
use crate::session::headers::{self, Heard};
use crate::session::{Incoming, Session, SessionError, Transaction};
use crate::stop;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Headers that are asked for in search of one message, at most: those of its size.
const CANDIDATES: usize = 200;

/// Takes what it can from the account's server, for [`Mender::commit`] to deliver.
pub(super) fn repair(
    mender: &mut Mender<'_>,
    (config, account): (&Config, &Account),
    observer: &Arc<dyn Observer>,
) -> Result<(), RepairError> {
    let until = connect::run_deadline(&account.access);
    let mut session = connect::open_session(Some(config), account, until, false, observer)?;
    let done = from_session(mender, &mut session);
    if done.is_ok() && !connect::quit_itself_deletes(&session, account) {
        let _ = session.quit();
    }
    done
}

fn from_session(mender: &mut Mender<'_>, session: &mut Session<Transaction>) -> Result<(), RepairError> {
    let listing = session.listing()?;
    // UIDs that stand for one message alone.
    let mut uids: HashMap<&[u8], Option<usize>> = HashMap::new();
    for (place, uid) in listing.iter().enumerate().filter_map(|(place, entry)| Some((place, entry.uid?))) {
        uids.entry(uid).and_modify(|only| *only = None).or_insert(Some(place));
    }
    let mut seen: HashSet<usize> = HashSet::new();
    for target in mender.open_targets() {
        let place = mender.uid(target).and_then(|uid| uids.get(uid).copied().flatten());
        let Some(place) = place.filter(|place| seen.insert(*place)) else { continue };
        retrieve(mender, session, listing.entry(place).number, target)?;
    }
    for target in mender.open_targets() {
        for place in alike(mender, &listing, target).into_iter().take(CANDIDATES) {
            if seen.contains(&place) {
                continue;
            }
            let number = listing.entry(place).number;
            if has_header(mender, session, number, target)? && retrieve(mender, session, number, target)? {
                seen.insert(place);
                break;
            }
        }
    }
    Ok(())
}

/// Listed messages of a target's size, those under other UIDs than it had; all of them where sizes are not listed.
fn alike(mender: &Mender<'_>, listing: &Listing, target: Target) -> Vec<usize> {
    let size = mender.list_size(target);
    let fits = |listed: Option<u64>| listed.is_none() || size.is_none() || listed == size;
    listing.iter().enumerate().filter(|(_, entry)| fits(entry.size)).map(|(place, _)| place).collect()
}

/// Whether the header of a message is that of a target; `true` where the server does not say.
fn has_header(
    mender: &Mender<'_>,
    session: &mut Session<Transaction>,
    number: u32,
    target: Target,
) -> Result<bool, RepairError> {
    let (mut digester, mut ends, mut octets) = (Digester::new(), Unix::new(), Vec::new());
    let mut refused = false;
    headers::ask(session, [number], &mut |heard| {
        match heard {
            Heard::Octets(came) => {
                ends.feed(came, &mut octets);
                digester.update(&octets);
                octets.clear();
            }
            Heard::End => {}
            Heard::Refused(_) => refused = true,
        }
        ControlFlow::Continue(())
    })?;
    ends.finish(&mut octets);
    digester.update(&octets);
    Ok(refused || mender.has_header(target, &digester.finish().0))
}

/// Asks for a message and takes it if it is the target; whether it is.
fn retrieve(
    mender: &mut Mender<'_>,
    session: &mut Session<Transaction>,
    number: u32,
    target: Target,
) -> Result<bool, RepairError> {
    stop::check()?;
    mender.begin()?;
    session.queue_retr(number);
    let (mut ends, mut octets, mut whole) = (Unix::new(), Vec::new(), false);
    while let Some(event) = session.next()? {
        match event {
            Incoming::Body { octets: came, .. } => {
                ends.feed(came, &mut octets);
                mender.write(&octets)?;
                octets.clear();
            }
            Incoming::End { .. } => whole = true,
            Incoming::Status { .. } => {}
        }
    }
    ends.finish(&mut octets);
    mender.write(&octets)?;
    if !whole {
        mender.discard()?;
        return Ok(false);
    }
    mender.take(target, false)
}

impl From<SessionError> for RepairError {
    fn from(error: SessionError) -> Self {
        RepairError::Connect(error.into())
    }
}
