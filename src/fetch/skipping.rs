//! New messages that `skip_headers` leaves on the server: their headers are asked for (TOP n 0) before anything is
//! fetched.
//!
//! Only what would be fetched because it is new, or because no UID tells what it is, is looked at. What is on record,
//! doubtful, in quarantine, too large, or a copy of what the archive has follows its own rules. What is left is remembered by
//! its UID, its size and the setting, so that the next run asks for nothing; without a UID of its own a message is looked
//! at in each session.
//!
//! Promises: a message is left only if its own header has such a field: all answers have come in order, and STAT behind the
//! last one says that numbers still mean what they meant. Where TOP does not work, mail is fetched, and a note says once
//! why. A connection that breaks meanwhile makes the next look shorter, so that new mail comes all the same. At a server
//! that shows a part of its messages at a time, what is left never fills the whole part.
//!
//! Must never: leave a message because of what another setting, or another message under its UID, has shown; take a
//! message that is left for one that may be deleted.

use crate::account_error::AccountError;
use crate::fetch::recognition::by_header::{Fingerprint, Headers};
use crate::fetch::run::{Run, Top};
use crate::ledger::{Change, Skipped, Which};
use crate::mail::headers::Reader;
use crate::plan::{Compare, Left, Moves, Plan, Verdict};
use crate::pop3::refusal::is_about_the_account;
use crate::session::headers::{self, Heard};
use crate::session::{Session, Transaction};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Messages that are asked for first: if all answers are refusals, TOP is given up.
const FIRST: usize = 3;

/// Messages behind `--limit` that are asked for at once when places become free.
const AHEAD: usize = 100;

/// A look that breaks off may make the next one so short, and no shorter.
const SHORTEST: usize = 50;

/// A message whose header has a field of the setting.
struct Found {
    place: usize,
    field: u32,
    fingerprint: Fingerprint,
}

impl Run<'_> {
    /// Leaves new messages whose headers have a field of `skip_headers`, and puts that on record.
    pub(crate) fn leave_by_header(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
    ) -> Result<(), AccountError> {
        self.server.unlooked.clear();
        let Some(setting) = self.account.skip_headers.setting() else { return Ok(()) };
        let is_new = |verdict: Verdict| verdict.is_new() || verdict.is_told_by_content();
        let mut queue: Vec<usize> = (0..plan.len())
            .filter(|&place| is_new(plan.item(place).verdict) && plan.quarantine_id(place).is_none())
            .collect();
        if queue.is_empty() || !self.can_be_looked_at() {
            return Ok(());
        }
        if let Some(most) = self.server.look_at_most.filter(|most| queue.len() > *most) {
            self.server.unlooked.extend(queue.drain(most..));
        }
        let is_skipped = |verdict| matches!(verdict, Verdict::Left(Left::SkipHeaders(_)));
        let before = plan.iter().filter(|item| is_skipped(item.verdict)).count();
        let mut room = plan.most_skipped().saturating_sub(before);
        let mut free = self.look(session, plan, &queue, &mut room)?;
        let mut looked: HashSet<usize> = HashSet::new();
        while free > 0
            && let Some(next) = plan.next_waiting()
        {
            if plan.waiting(1) == [next] && !looked.contains(&next) {
                let ahead = plan.waiting(AHEAD);
                self.look(session, plan, &ahead, &mut room)?;
                looked.extend(ahead);
            } else {
                plan.promote();
                free -= 1;
            }
        }
        let skipped = plan.skipped_now().len();
        if skipped == 0 {
            return Ok(());
        }
        if self.have_numbers_moved(session, plan, skipped)? {
            plan.take_back_skips();
            self.server.moved_at_top = true;
            return Ok(());
        }
        let remembered: Vec<Change> = plan
            .skipped_now()
            .iter()
            .filter_map(|&(place, _)| match (plan.item(place).verdict, plan.item(place).entry) {
                (Verdict::Left(Left::SkipHeaders(field)), entry) if plan.has_own_uid(place) => {
                    let (uid, list_size) = (entry.uid?.to_vec(), entry.size);
                    Some(Change::Skipped(Skipped { uid, list_size, setting, field }))
                }
                _ => None,
            })
            .collect();
        self.server.settled_by_looks += remembered.len() as u64;
        Ok(self.store.ledger.commit(&remembered)?)
    }

    /// Whether the server shows headers, as far as is known.
    fn can_be_looked_at(&mut self) -> bool {
        let can = self.server.top != Top::Avoided && !self.server.refuses_top;
        if !can && !std::mem::replace(&mut self.server.said_no_skipping, true) {
            self.note(
                "skip_headers cannot work with this server, which does not show headers (TOP): new messages are fetched",
            );
        }
        can
    }

    /// Looks at these messages, and leaves those with a field of the setting, as long as there is `room`. How many places
    /// under the limit that makes free.
    fn look(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
        places: &[usize],
        room: &mut usize,
    ) -> Result<usize, AccountError> {
        let mut places = places.to_vec();
        places.retain(|&place| self.may_top(&plan.item(place)));
        // A few at first: the server may refuse it.
        let first = if self.server.top_answers { 0 } else { places.len().min(FIRST) };
        let (first, rest) = places.split_at(first);
        let mut found = self.hear_fields(session, plan, first)?;
        if self.server.top_answers {
            found.extend(self.hear_fields(session, plan, rest)?);
        }
        if self.server.refuses_top {
            self.can_be_looked_at();
        }
        let mut free = 0;
        for (place, field) in self.new_to_the_archive(plan, found)? {
            if *room == 0 {
                if !std::mem::replace(&mut self.server.said_no_skipping, true) {
                    self.note(&format!(
                        "this server shows a part of its messages at a time: skip_headers leaves no more than {} of them, so \
                         that new mail is shown",
                        plan.most_skipped()
                    ));
                }
                break;
            }
            *room -= 1;
            free += usize::from(plan.skip(place, field));
        }
        Ok(free)
    }

    /// Asks for the headers of these messages: those that have a field of the setting.
    fn hear_fields(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        places: &[usize],
    ) -> Result<Vec<Found>, AccountError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        self.server.top = Top::Asked;
        let skip = &self.account.skip_headers;
        let mut waiting = places.iter().copied();
        let (mut reader, mut fingerprint) = (Reader::new(), Fingerprint::default());
        let (mut found, mut answers, mut refusals, mut limited) = (Vec::new(), 0, 0, false);
        let numbers: Vec<u32> = places.iter().map(|&place| plan.item(place).entry.number).collect();
        let heard = headers::ask(session, numbers, &mut |heard| {
            match heard {
                Heard::Octets(octets) => {
                    reader.update(octets);
                    fingerprint.update(octets);
                }
                Heard::End => {
                    answers += 1;
                    let (reader, fingerprint) =
                        (std::mem::take(&mut reader), std::mem::take(&mut fingerprint));
                    let is_whole = !reader.is_cut();
                    let field = skip.find(&reader.into_header(), is_whole);
                    if let (Some(place), Some(field)) = (waiting.next(), field) {
                        found.push(Found { place, field, fingerprint });
                    }
                }
                Heard::Refused(reply) => {
                    refusals += 1;
                    // It may show them another time.
                    limited |= is_about_the_account(&reply) || reply.is_transient();
                    waiting.next();
                }
            }
            ControlFlow::Continue(())
        });
        self.server.top_answers |= answers > 0;
        match heard {
            Ok(()) => {
                self.server.refuses_top = !self.server.top_answers && !limited;
                Ok(found)
            }
            Err(error) => {
                // What is left without a UID of its own would be in the way of the others each time.
                let heard = answers + refusals;
                let own = places.iter().all(|&place| plan.has_own_uid(place));
                if own && answers > 0 && error.may_go_better_anew() && !error.is_disorder() {
                    let shorter = (heard / 2).max(SHORTEST);
                    if self.server.look_at_most.is_none_or(|most| shorter < most) {
                        self.server.look_at_most = Some(shorter);
                        self.server.settled_by_looks += 1;
                    }
                }
                Err(self.top_failed(session, plan, error))
            }
        }
    }

    /// Of these, the ones that cannot be copies of what the archive has: the header of those others is on record, so that
    /// they are fetched and compared.
    fn new_to_the_archive(
        &self,
        plan: &Plan<'_>,
        found: Vec<Found>,
    ) -> Result<Vec<(usize, u32)>, AccountError> {
        let ledger = &*self.store.ledger;
        let is_compared = |found: &Found| {
            !matches!(plan.item(found.place).verdict, Verdict::Fetch { compare: Compare::Nothing, .. })
        };
        let headers = if found.iter().any(is_compared) { Some(Headers::of(ledger)?) } else { None };
        let unknown = !found.is_empty() && ledger.has_unknown_copies()?;
        let mut new = Vec::with_capacity(found.len());
        for Found { place, field, fingerprint } in found {
            let (core_header, bare) = fingerprint.hashes();
            let on_record = match &headers {
                Some(headers) => !headers.rows(ledger, &core_header)?.is_empty(),
                None => false,
            };
            let met = match bare.filter(|_| unknown) {
                Some(bare) => ledger.unknown_copy(Which::Header(&bare), 0)?.is_some(),
                None => false,
            };
            if !(on_record || met) {
                new.push((place, field));
            }
        }
        Ok(new)
    }

    /// What the ledger need not remember any more: messages that are left by this plan for no such reason, or that a
    /// complete listing does not show.
    pub(crate) fn no_longer_skipped(&self, plan: &Plan<'_>) -> Result<Vec<Change>, AccountError> {
        let known = self.store.ledger.skipped()?;
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let is_complete = !matches!(plan.moves, Moves::Unknown { .. });
        let setting = self.account.skip_headers.setting();
        let uids = |all: bool| -> HashSet<&[u8]> {
            plan.iter()
                .filter(|item| all || matches!(item.verdict, Verdict::Left(Left::SkipHeaders(_))))
                .filter_map(|item| item.entry.uid)
                .collect()
        };
        let (left, listed) = (uids(false), uids(true));
        let is_over = |skipped: &Skipped| {
            !left.contains(&*skipped.uid)
                && (is_complete || Some(skipped.setting) != setting || listed.contains(&*skipped.uid))
        };
        Ok(known.into_iter().filter(is_over).map(|Skipped { uid, .. }| Change::NotSkipped { uid }).collect())
    }
}
