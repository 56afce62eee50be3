//! Message numbers that no longer mean what they meant in the listing.
//!
//! RFC 1939 gives a message its number for the whole session. Some servers look numbers up live (`GreenMail`), so
//! that another client's expunge, or our own DELE, moves every number behind it: RETR 2 brings message 3, DELE 2
//! deletes it.
//!
//! The rule: after the last RETR, with nothing under way, and before the first DELE, STAT must say what it said when
//! the maildrop was listed. If it does not, or a RETR was refused, or two messages in a row have other messages'
//! sizes, that is a suspicion, and UIDL settles it (LIST where there are no UIDs). If any number now means another
//! UID, only those with the same UID in both listings keep what came under them. The others lose their UIDs:
//! their content stays archived, and is recognised when it comes again. Nothing is deleted in a session in which
//! numbers have moved or messages vanished, and a new one does what is left, up to [`MOST`] times a run. New mail
//! at the end moves nothing. After the DELEs STAT is asked once more: a message that is gone and was not marked
//! means RSET and no QUIT.
//!
//! STAT alone is deceived by new mail that comes at the same time and has the size of the message that another
//! client took. So UIDL is asked for without a suspicion, too, wherever it costs little beside what the session
//! does. A TOP that shows another header than the recorded one, or a RETR that brings another content, is a
//! suspicion as well: it is settled before what came is taken for a new version of a message.
//!
//! What is beyond this: mail that comes at the moment between UIDL's answer and the first DELE, together with
//! another client's expunge, at a server that renumbers at once. POP3 has no word to ask that question.
//!
//! Promise: no message is deleted that was not the one a receipt was issued for.

use crate::account_error::AccountError;
use crate::config::DeletePolicy;
use crate::exit::Exit;
use crate::fetch::deletion::dele::Marked;
use crate::fetch::download::outcome::{Download, Ending};
use crate::fetch::download::storer::Filed;
use crate::fetch::run::Run;
use crate::plan::Plan;
use crate::pop3::listing::{Entry, Listing};
use crate::session::{Session, SessionError, Transaction};
use std::collections::HashMap;
use std::time::Duration;

/// A server that answers in less time is next door. In unit tests every server is: they count steps.
const NEARBY: Duration = if cfg!(test) { Duration::MAX } else { Duration::from_millis(20) };

/// New sessions that a run may have because message numbers changed.
pub(crate) const MOST: u32 = 3;

impl Run<'_> {
    /// Settles what a fetch made suspicious. If numbers have moved, what came under them is taken back from its
    /// UIDs, and `true` is returned.
    pub(crate) fn is_renumbered(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        download: &mut Download,
    ) -> Result<bool, AccountError> {
        let suspicion = download.other_stat || download.suspicion && !self.server.calm;
        let cheap =
            download.settled && self.is_thorough(session) && is_cheap(plan, download.durable().count());
        if !(suspicion || cheap) {
            return Ok(false);
        }
        let numbers = match self.moved(session, plan, suspicion) {
            Err(AccountError::Session(error)) if !suspicion && error.silence().is_some() => {
                if let Ending::Complete = download.ending {
                    download.ending = Ending::ClosedAfterAll(error);
                }
                return Ok(false);
            }
            numbers => numbers?,
        };
        let moved = match numbers {
            Numbers::AsListed => return Ok(false),
            Numbers::SomeVanished => {
                download.vanished = true;
                return Ok(false);
            }
            Numbers::Moved(moved) => moved,
        };
        let (stay, go): (Vec<Filed>, Vec<Filed>) = std::mem::take(&mut download.filed)
            .into_iter()
            .partition(|message| moved.get(message.item) == Some(&false));
        self.release_uids(&go)?;
        self.release_bound_by_header()?;
        download.filed = stay;
        download.unsure.extend(go);
        // What was refused, or came with other octets, may have been another message.
        download.missed.clear();
        download.findings.unsettled.clear();
        Ok(true)
    }

    /// Whether it is worth a turn to ask what only a coincidence would hide: where mail is deleted, and where a turn
    /// costs next to nothing.
    pub(crate) fn is_thorough(&self, session: &Session<Transaction>) -> bool {
        self.account.delete != DeletePolicy::Never || session.turn().is_some_and(|turn| turn < NEARBY)
    }

    /// Whether numbers have moved, before anything is marked in a session that has fetched nothing.
    pub(crate) fn have_numbers_moved(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        due: usize,
    ) -> Result<bool, AccountError> {
        let suspicion = says_stat(session)? != session.listed_stat();
        if !suspicion && !is_cheap(plan, due) {
            return Ok(false);
        }
        Ok(!matches!(self.moved(session, plan, suspicion)?, Numbers::AsListed))
    }

    /// TOP has shown another header than the recorded one; whether that is because numbers have moved.
    pub(crate) fn top_shows_others(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
    ) -> Result<bool, AccountError> {
        self.server.moved_at_top =
            !self.server.calm && matches!(self.moved(session, plan, true)?, Numbers::Moved(_));
        Ok(self.server.moved_at_top)
    }

    /// What UIDL, or LIST, says of the numbers now; `suspicion`: something speaks for other numbers.
    fn moved(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        suspicion: bool,
    ) -> Result<Numbers, AccountError> {
        let by_uid = plan.iter().any(|item| item.entry.uid.is_some());
        let again = match (suspicion, by_uid) {
            (true, _) => session.listing_again(by_uid),
            (false, true) => session.unique_ids(),
            (false, false) => session.scan_listing(),
        };
        let again = match again {
            Ok(again) => again,
            Err(SessionError::Refused { .. }) if !suspicion => return Ok(Numbers::AsListed),
            // It was answered before. All numbers are in doubt now.
            Err(SessionError::Refused { .. }) => return Ok(Numbers::Moved(vec![true; plan.len()])),
            Err(error) => return Err(error.into()),
        };
        let sign = |entry: Entry<'_>| {
            if by_uid {
                entry.uid.map(<[u8]>::to_vec)
            } else {
                entry.size.map(|size| size.to_be_bytes().to_vec())
            }
        };
        let now: HashMap<u32, Vec<u8>> =
            again.iter().filter_map(|entry| Some((entry.number, sign(entry)?))).collect();
        let mut vanished = false;
        let moved: Vec<bool> = plan
            .iter()
            .map(|item| match (now.get(&item.entry.number), sign(item.entry)) {
                (Some(now), Some(before)) => *now != before,
                (None, Some(_)) => {
                    vanished = true;
                    false
                }
                (_, None) => false,
            })
            .collect();
        if moved.contains(&true) {
            // What has vanished may have moved as well.
            let lost = plan.iter().map(|item| !now.contains_key(&item.entry.number));
            return Ok(Numbers::Moved(
                moved.into_iter().zip(lost).map(|(moved, lost)| moved || lost).collect(),
            ));
        }
        self.server.calm |= suspicion;
        Ok(if vanished { Numbers::SomeVanished } else { Numbers::AsListed })
    }

    /// A session ended with other numbers; whether there is another one.
    pub(crate) fn goes_on_renumbered(&mut self) -> bool {
        self.server.renumbered += 1;
        if self.server.renumbered > MOST {
            let text = "the server keeps changing its message numbers; the next run continues";
            self.deletions.note_unconfirmed(Exit::UNAVAILABLE, text.to_owned());
            return false;
        }
        if self.server.renumbered == 1 {
            self.note("the server changed its message numbers during the session; continuing in a new one");
        }
        true
    }
}

/// After the DELEs: whether the server has marked what was meant, as far as it tells. If it has not, all marks
/// are taken back.
pub(crate) fn marks_are_ours(
    session: &mut Session<Transaction>,
    plan: &Plan<'_>,
    marked: &Marked,
) -> Result<bool, AccountError> {
    let listed = session.listed_stat();
    let said = says_stat(session)?;
    let fits =
        listed.is_some() && (said == listed || said == listed.and_then(|listed| less(listed, plan, marked)));
    let is_unmarked = |entry: &Entry<'_>| !marked.numbers.contains(&entry.number);
    let mut unmarked = plan.iter().map(|item| item.entry).filter(is_unmarked);
    let tell =
        is_cheap(plan, marked.numbers.len()) && unmarked.next().is_some_and(|entry| entry.uid.is_some());
    if fits && !tell {
        return Ok(true);
    }
    let again = match session.listing_again(true) {
        Ok(again) => again,
        Err(SessionError::Refused { .. }) if fits => return Ok(true),
        Err(SessionError::Refused { .. }) => Listing::default(),
        Err(error) => return Err(error.into()),
    };
    let mut there: HashMap<&[u8], u64> = HashMap::new();
    for uid in again.iter().filter_map(|entry| entry.uid) {
        *there.entry(uid).or_default() += 1;
    }
    let mut unmarked = plan.iter().map(|item| item.entry).filter(is_unmarked);
    let all_there = unmarked.all(|entry| match entry.uid.and_then(|uid| there.get_mut(uid)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    });
    if !all_there {
        // An answer of any kind will do: the connection is closed without QUIT.
        let _ = session.rset();
    }
    Ok(all_there)
}

/// Whether a listing costs little beside what the session has done: then it is asked for without a suspicion, too.
/// STAT says the same when new mail has the size of what another client took.
fn is_cheap(plan: &Plan<'_>, done: usize) -> bool {
    done > 0 && plan.len() / 64 <= done
}

/// What became of the numbers of a session.
enum Numbers {
    /// They mean what they meant.
    AsListed,
    /// So do all that are still there.
    SomeVanished,
    /// By place in the plan: whether the number means another message now, or none.
    Moved(Vec<bool>),
}

/// What STAT says now, `None` if it cannot be read.
fn says_stat(session: &mut Session<Transaction>) -> Result<Option<(u64, u64)>, AccountError> {
    match session.stat() {
        Ok(stat) => Ok(Some(stat)),
        Err(SessionError::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What STAT should say once these messages are marked, at a server that counts them no more.
fn less(listed: (u64, u64), plan: &Plan<'_>, marked: &Marked) -> Option<(u64, u64)> {
    let marked: Vec<Entry<'_>> =
        plan.iter().map(|item| item.entry).filter(|entry| marked.numbers.contains(&entry.number)).collect();
    let octets = marked.iter().map(|entry| entry.size).sum::<Option<u64>>()?;
    Some((listed.0.checked_sub(marked.len() as u64)?, listed.1.checked_sub(octets)?))
}
