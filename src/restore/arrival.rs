//! After a run that was cut off, or a connection: what of the copies on their way has arrived?
//!
//! A server that has read a whole APPEND may still be at work on it when we look: what is not there is looked for again for
//! [`PATIENCE`] after it was sent.

use super::RestoreError;
use super::folder::Folder;
use super::holdings::Holdings;
use super::journal::Journal;
use crate::clock;
use crate::ledger::{RestoreChange, Sent, UnixTime};
use crate::stop;
use std::collections::HashSet;
use std::time::Duration;

/// How long after it was sent a message may arrive, in seconds. What still lies in a queue of the network when we are killed
/// goes on its way all the same.
const PATIENCE: UnixTime = 10;

/// How often it is looked for meanwhile.
const PAUSE: Duration = Duration::from_millis(500);

/// Puts on record which of the copies on their way have arrived, and gives back which of these.
pub(super) fn settle(folder: &mut Folder<'_>, journal: &mut Journal) -> Result<Vec<Sent>, RestoreError> {
    let sent = journal.sent()?;
    let Some(last) = sent.iter().map(|sent| sent.at).max() else { return Ok(Vec::new()) };
    let from = least_uid(&sent, journal)?;
    let begun = clock::now();
    loop {
        let (arrived, missing) = look(folder, journal, &sent, from)?;
        let now = clock::now();
        // A clock that was set meanwhile must not let us wait for years.
        let over = !(last..last.saturating_add(PATIENCE)).contains(&now) || now - begun >= PATIENCE;
        if missing.is_empty() || over {
            let missing = missing
                .into_iter()
                .map(|sent| RestoreChange::NotSent { content: sent.content, ordinal: sent.ordinal });
            let changes: Vec<RestoreChange> =
                arrived.iter().map(|(_, change)| change.clone()).chain(missing).collect();
            journal.commit(&changes)?;
            return Ok(arrived.into_iter().map(|(sent, _)| sent.clone()).collect());
        }
        stop::pause(PAUSE);
        stop::check()?;
        folder.look_again()?;
    }
}

/// Where to look from: a UID that came before one of them was sent is none of theirs. But where copies like them are there
/// whose UIDs the server never said, all must be counted.
fn least_uid(sent: &[Sent], journal: &Journal) -> Result<u32, RestoreError> {
    let marks: HashSet<[u8; 8]> = sent.iter().map(|sent| sent.mark).collect();
    let mut must_count = false;
    journal.marks(&mut |mark, uid| must_count |= uid.is_none() && marks.contains(&mark))?;
    let least = sent.iter().map(|sent| sent.uid_next.unwrap_or(1)).min();
    Ok(least.filter(|_| !must_count).unwrap_or(1))
}

type Arrived<'s> = Vec<(&'s Sent, RestoreChange)>;

fn look<'s>(
    folder: &mut Folder<'_>,
    journal: &Journal,
    sent: &'s [Sent],
    from: u32,
) -> Result<(Arrived<'s>, Vec<&'s Sent>), RestoreError> {
    let mut held = Holdings::read(folder, journal, from)?;
    let arrived =
        |sent: &Sent, uid| RestoreChange::Arrived { content: sent.content, ordinal: sent.ordinal, uid };
    let (mut there, mut others) = (Vec::new(), Vec::new());
    for sent in sent {
        match held.take(folder, sent.message_id.as_ref(), sent.octets, &sent.content)? {
            Some(found) => there.push((sent, arrived(sent, found.uid))),
            None => others.push(sent),
        }
    }
    let mut missing = Vec::new();
    for sent in others {
        match held.take_named(sent.message_id.as_ref()) {
            Some(found) => there.push((sent, arrived(sent, found.uid))),
            None => missing.push(sent),
        }
    }
    Ok((there, missing))
}
