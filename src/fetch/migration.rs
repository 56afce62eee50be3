//! A server that has moved: most UIDs of the last complete listing are gone at once, and new ones are there.
//!
//! What is archived is recognised by its header, which TOP n 0 shows, so that it need not be fetched again. The
//! fingerprint is the hash of the header without what servers write into it, and counts only where a
//! Message-ID and at least one Received make it a header like no other, where no other listed message and no
//! other row has the same one, and where LIST gives the size that is on record. Whatever does not fit is
//! fetched and compared. Servers that refuse TOP, or show whole messages, are not asked for long.
//!
//! That a maildrop moves is on record, and what is recognised is put on record as it comes: however a session or a run
//! ends, the next one goes on, until every old row is bound or every listed message has been looked at.
//!
//! Must never: make a receipt. A row that got its UID in this way is fetched and compared before
//! its message is deleted; where all that is archived is due for deletion, headers are not asked for at all.

use super::error::AccountError;
use super::retrieve::Haul;
use super::round::{Run, Top, messages};
use super::tops::{self, Heard};
use crate::config::DeletePolicy;
use crate::ledger::{Change, Ledger, LedgerError, Seq, State};
use crate::mail::digest::{Digester, Hash};
use crate::plan::{Left, Moves, Plan, Verdict};
use crate::session::{Session, Transaction};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Octets of a line that tell whether it is one of the two fields: the longer name and its colon.
const NAME: usize = b"message-id:".len();

/// Takes a header in chunks of any size.
#[derive(Default)]
struct Fingerprint {
    digester: Digester,
    line: [u8; NAME],
    length: usize,
    message_id: bool,
    received: bool,
    /// The empty line has come: some servers show more than the header.
    over: bool,
    /// Octets behind it.
    behind: u64,
}

impl Fingerprint {
    fn update(&mut self, octets: &[u8]) {
        self.digester.update(octets);
        for (at, &octet) in octets.iter().enumerate() {
            if self.over {
                self.behind += (octets.len() - at) as u64;
                return;
            }
            if octet == b'\n' {
                self.over = self.length == 0;
                self.length = 0;
            } else if let Some(place) = self.line.get_mut(self.length) {
                *place = octet.to_ascii_lowercase();
                self.length += 1;
                self.message_id |= &self.line[..self.length] == b"message-id:";
                self.received |= &self.line[..self.length] == b"received:";
            }
        }
    }

    /// `None` for a header that others may have, too.
    fn finish(self) -> Option<Hash> {
        (self.message_id && self.received).then(|| self.digester.finish().0.core_header)
    }
}

/// Answers after which what was recognised is put on record.
const PORTION: usize = 500;

/// Messages that are asked for first: if all answers are refusals, or whole messages, TOP is given up.
const FIRST: usize = 3;

/// Octets behind a header that make an answer to TOP n 0 a whole message.
const BODY: u64 = 1024;

/// The stored rows by the beginnings of their headers' hashes, ascending.
struct Headers(Vec<(u64, Seq)>);

impl Headers {
    fn of(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let mut headers = Vec::new();
        ledger.core_headers(&mut |seq, hash| headers.push((front(&hash), seq)))?;
        headers.sort_unstable();
        Ok(Headers(headers))
    }

    /// Rows whose header may have this hash.
    fn find(&self, hash: &Hash) -> impl Iterator<Item = Seq> {
        let front = front(hash);
        let first = self.0.partition_point(|(other, _)| *other < front);
        self.0[first..].iter().take_while(move |(other, _)| *other == front).map(|(_, seq)| *seq)
    }
}

fn front(hash: &Hash) -> u64 {
    hash.first_chunk().map_or(0, |octets| u64::from_be_bytes(*octets))
}

/// What was recognised so far, of the listed messages whose headers some row has.
#[derive(Default)]
struct Known {
    /// By fingerprint: the place of the one message that has it; `None` when several do.
    bearers: HashMap<Hash, Option<usize>>,
    /// The row that each of these messages was bound to, and the verdict before.
    bound: HashMap<usize, (Seq, Verdict)>,
    /// Messages that were bound to rows by their headers in earlier sessions.
    earlier: HashMap<Seq, usize>,
    changes: Vec<Change>,
}

impl Known {
    fn new(plan: &Plan<'_>) -> Self {
        let earlier = plan.iter().enumerate().filter_map(|(place, item)| match item.verdict.row() {
            Some(row) if row.by_header => Some((row.seq, place)),
            _ => None,
        });
        Known { earlier: earlier.collect(), ..Known::default() }
    }

    /// The message at this place has this fingerprint.
    fn hear(
        &mut self,
        plan: &mut Plan<'_>,
        ledger: &dyn Ledger,
        headers: &Headers,
        (place, hash): (usize, Hash),
    ) -> Result<(), LedgerError> {
        let mut rows = Vec::new();
        for seq in headers.find(&hash) {
            let row = ledger.row(seq)?.filter(|row| row.digest.core_header == hash);
            rows.extend(row);
        }
        if rows.is_empty() {
            return Ok(());
        }
        if let Some(first) = self.bearers.insert(hash, Some(place)) {
            // Two messages have it: neither is known by it.
            self.bearers.insert(hash, None);
            if let Some((seq, verdict)) = first.and_then(|first| self.bound.remove(&first)) {
                self.release(plan, first.unwrap_or_default(), seq, verdict);
            }
            return Ok(());
        }
        let entry = plan.item(place).entry;
        let ([row], Some(uid)) = (&rows[..], entry.uid) else { return Ok(()) };
        if let Some(other) = self.earlier.remove(&row.seq) {
            self.bearers.insert(hash, None);
            self.release(plan, other, row.seq, plan.item(place).verdict);
            return Ok(());
        }
        if row.state == State::Stored && row.list_size == entry.size && !plan.is_listed(row.seq) {
            self.changes.push(Change::Rebound { seq: row.seq, uid: uid.to_vec(), list_size: entry.size });
            self.bound.insert(place, (row.seq, plan.item(place).verdict));
            plan.bind_by_header(place, row.seq, row.archived_at);
        }
        Ok(())
    }

    /// A row's message is not known by its header after all.
    fn release(&mut self, plan: &mut Plan<'_>, place: usize, seq: Seq, verdict: Verdict) {
        plan.release(place, seq, verdict);
        self.changes.push(Change::Recognised { seq, uid: None, list_size: None });
    }
}

impl Run<'_> {
    /// Recognises what it can of a maildrop whose UIDs are new; the rest of the plan stays as it is.
    pub(super) fn recognise_by_header(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
    ) -> Result<(), AccountError> {
        let deletes_all = self.account.delete == DeletePolicy::Fetched;
        if !plan.migrated()
            || self.seen.top == Top::Avoided
            || deletes_all
            || self.ledger.quirks()?.equal_uids
        {
            return Ok(());
        }
        let fits = |place: &usize| {
            let rests = matches!(plan.item(*place).verdict, Verdict::Left(Left::Quarantine));
            self.may_top(&plan.item(*place))
                && plan.item(*place).entry.size.is_some()
                && plan.has_own_uid(*place)
                && plan.ward(*place).is_none()
                && !rests
        };
        let places: Vec<usize> = plan.new_messages().filter(fits).collect();
        if places.is_empty() {
            return Ok(());
        }
        self.seen.top = Top::Asked;
        let headers = Headers::of(&*self.ledger)?;
        let mut known = Known::new(plan);
        // A few at first: the server may refuse it, or show whole messages.
        let (first, rest) = places.split_at(places.len().min(FIRST));
        let mut heard = self.hear_headers(session, plan, &headers, first, &mut known);
        if let Ok(true) = heard {
            heard = self.hear_headers(session, plan, &headers, rest, &mut known);
        }
        self.ledger.commit(&std::mem::take(&mut known.changes))?;
        let count = known.bound.len() as u64;
        self.tally.named += count;
        if count > 0 {
            self.note(&format!(
                "the UIDs on this server are new; {} were recognised by their headers and will not be fetched again",
                messages(count)
            ));
        }
        match heard {
            Err(AccountError::Session(error)) => {
                self.watch_order(session.sent_ahead(), &error)?;
                self.watch_top(session, plan, &error);
                Err(error.into())
            }
            heard => heard.map(drop),
        }
    }

    /// Asks for the headers of these messages, and puts on record what they show as it comes. Whether it is worth going
    /// on.
    fn hear_headers(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
        headers: &Headers,
        places: &[usize],
        known: &mut Known,
    ) -> Result<bool, AccountError> {
        let mut waiting = places.iter().copied();
        let mut current = Fingerprint::default();
        let (mut answers, mut whole, mut problem) = (0, 0, None);
        let numbers: Vec<u32> = places.iter().map(|&place| plan.item(place).entry.number).collect();
        let heard = tops::headers(session, numbers, &mut |heard| {
            match heard {
                Heard::Octets(octets) => current.update(octets),
                Heard::End => {
                    let current = std::mem::take(&mut current);
                    answers += 1;
                    whole += usize::from(current.behind > BODY);
                    if let (Some(place), Some(hash)) = (waiting.next(), current.finish()) {
                        let heard = known.hear(plan, &*self.ledger, headers, (place, hash));
                        problem = problem.take().or(heard.err());
                    }
                    if answers % PORTION == 0 && problem.is_none() {
                        problem = self.ledger.commit(&std::mem::take(&mut known.changes)).err();
                    }
                }
                Heard::Refused(_) => drop(waiting.next()),
            }
            if problem.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.top_answers |= answers > 0;
        match problem {
            Some(error) => Err(error.into()),
            None => Ok(heard.map(|()| answers > 0 && whole < answers)?),
        }
    }

    /// Ends the move to other UIDs once no listed message is still to be looked at.
    pub(super) fn end_of_move(&mut self, plan: &Plan<'_>, haul: &Haul) -> Result<(), AccountError> {
        let Moves::Moving { old, .. } = &plan.moves else { return Ok(()) };
        if haul.broken.is_some() || !haul.findings.unsettled.is_empty() {
            return Ok(());
        }
        let filed: HashSet<usize> = haul.filed.iter().map(|message| message.item).collect();
        let missed: HashSet<usize> = haul.missed.iter().map(|(place, _)| *place).collect();
        let is_open = |place: &usize| match plan.item(*place).verdict {
            Verdict::Left(Left::Limit) => true,
            Verdict::Fetch { .. } => !filed.contains(place) && !missed.contains(place),
            _ => false,
        };
        if plan.new_messages().any(|place| is_open(&place)) {
            return Ok(());
        }
        let found: HashSet<Seq> = haul.filed.iter().map(|message| message.seq).collect();
        let mut gone = old.clone();
        gone.retain(|seq| !found.contains(seq) && !plan.explains(*seq));
        Ok(self.ledger.commit(&[Change::UidsMoved, Change::Listed { gone, back: Vec::new() }])?)
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;
    use crate::mail::digest::{Digester, Hash};

    fn of(header: &str, chunk: usize) -> Option<Hash> {
        let mut fingerprint = Fingerprint::default();
        header.as_bytes().chunks(chunk).for_each(|octets| fingerprint.update(octets));
        fingerprint.finish()
    }

    #[test]
    fn only_a_header_like_no_other_has_a_fingerprint() {
        let whole = "Status: R\nRECEIVED: by x\n\tfor y\nMessage-Id: <1@x>\nSubject: s\n";
        for chunk in [1, 3, 1000] {
            let hash = of(whole, chunk);
            assert!(hash.is_some());
            assert_eq!(hash, of(&whole.replace("Status: R\n", "X-UID: 9\n"), chunk), "servers write these");
            assert_ne!(hash, of(&whole.replace("<1@x>", "<2@x>"), chunk));
            assert_eq!(of(&whole.replace("RECEIVED", "X-Received"), chunk), None);
            assert_eq!(of(&whole.replace("Message-Id", "Message"), chunk), None);
            assert_eq!(of("Subject: received: message-id:\n", chunk), None);
            assert_eq!(of("Subject: s\n\nReceived: x\nMessage-Id: y\n", chunk), None, "not in the body");
        }
    }

    #[test]
    fn it_is_the_same_for_a_whole_message_and_for_what_top_shows_of_it() {
        let header = "Received: by x\nMessage-Id: <1@x>\n";
        let mut digester = Digester::new();
        digester.update(format!("{header}\nthe body\n").as_bytes());
        assert_eq!(of(&format!("{header}\n"), 7), Some(digester.finish().0.core_header));
        assert_eq!(of(header, 7), of(&format!("{header}\n"), 7), "servers may leave out the empty line");
    }
}
