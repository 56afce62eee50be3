//! A server that has moved: all known UIDs are gone at once, and new ones are there.
//!
//! What is archived is recognised by its header, which TOP n 0 shows, so that it need not be fetched again. The
//! fingerprint is the hash of the header without what servers write into it, and counts only where a
//! Message-ID and at least one Received make it a header like no other, where no other listed message and no
//! other row has the same one, and where LIST gives the size that is on record. Whatever does not fit is
//! fetched and compared.
//!
//! Must never: make a receipt. A row that got its UID in this way is fetched and compared before
//! its message is deleted; where all that is archived is due for deletion, headers are not asked for at all.

use super::error::AccountError;
use super::round::{Run, Top, messages};
use super::tops::{self, Heard};
use crate::config::DeletePolicy;
use crate::ledger::{Change, Seq, State};
use crate::mail::digest::{Digester, Hash};
use crate::plan::{Plan, Verdict, Why};
use crate::session::{Session, Transaction};
use std::collections::HashMap;
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
}

impl Fingerprint {
    fn update(&mut self, octets: &[u8]) {
        self.digester.update(octets);
        for &octet in octets {
            if self.over {
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

/// Who has a fingerprint: listed messages by their places, and rows.
#[derive(Default)]
struct Bearers {
    listed: Vec<usize>,
    rows: Vec<Seq>,
}

impl Run<'_> {
    /// Recognises what it can of a maildrop whose UIDs are all new; the rest of the plan stays as it is.
    pub(super) fn recognise_by_header(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
    ) -> Result<(), AccountError> {
        let deletes_all = self.account.delete == DeletePolicy::Fetched;
        // After a first session there is nothing left to recognise; this server shows its mail part by part.
        let first = self.tally.fetched == 0 && !self.seen.parts;
        if !plan.migrated
            || !first
            || self.seen.top == Top::Avoided
            || deletes_all
            || self.ledger.quirks()?.equal_uids
        {
            return Ok(());
        }
        let fits = |(place, item): (usize, crate::plan::Item<'_>)| {
            let new = matches!(item.verdict, Verdict::Fetch { why: Why::AllUidsNew, .. });
            (new && self.may_top(&item) && item.entry.size.is_some() && plan.ward(place).is_none())
                .then_some(place)
        };
        let places: Vec<usize> = plan.iter().enumerate().filter_map(fits).collect();
        self.seen.top = Top::Asked;
        let mut bearers = match fingerprints(session, plan, &places) {
            Ok(bearers) => bearers,
            Err(AccountError::Session(error)) => {
                self.watch_order(session.sent_ahead(), &error)?;
                self.watch_top(session, plan, &error);
                return Err(error.into());
            }
            Err(error) => return Err(error),
        };
        self.ledger.core_headers(&mut |seq, hash| {
            if let Some(bearers) = bearers.get_mut(&hash) {
                bearers.rows.push(seq);
            }
        })?;
        let mut changes = Vec::new();
        for Bearers { listed, rows } in bearers.into_values() {
            let (&[place], &[seq]) = (&listed[..], &rows[..]) else { continue };
            let entry = plan.item(place).entry;
            let Some(row) = self.ledger.row(seq)? else { continue };
            if row.state == State::Stored
                && row.list_size == entry.size
                && let Some(uid) = entry.uid
            {
                changes.push(Change::Rebound { seq, uid: uid.to_vec(), list_size: entry.size });
                plan.bind_by_header(place, seq, row.archived_at);
            }
        }
        self.ledger.commit(&changes)?;
        if !changes.is_empty() {
            self.note(&format!(
                "all UIDs of this maildrop are new: {} were recognised by their headers and are not fetched again",
                messages(changes.len() as u64)
            ));
        }
        Ok(())
    }
}

/// Who bears which fingerprint among these listed messages.
fn fingerprints(
    session: &mut Session<Transaction>,
    plan: &Plan<'_>,
    places: &[usize],
) -> Result<HashMap<Hash, Bearers>, AccountError> {
    let mut bearers: HashMap<Hash, Bearers> = HashMap::new();
    let mut waiting = places.iter().copied();
    let mut current = Fingerprint::default();
    let numbers = places.iter().map(|&place| plan.item(place).entry.number);
    tops::headers(session, numbers, &mut |heard| {
        match heard {
            Heard::Octets(octets) => current.update(octets),
            Heard::End => {
                let hash = std::mem::take(&mut current).finish();
                if let (Some(hash), Some(place)) = (hash, waiting.next()) {
                    bearers.entry(hash).or_default().listed.push(place);
                }
            }
            Heard::Refused(_) => drop(waiting.next()),
        }
        ControlFlow::Continue(())
    })?;
    Ok(bearers)
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
