//! TOP n 0 for archived messages that are due for deletion: is the message that the server lists
//! under this UID still the one that we hold?

use crate::account_error::AccountError;
use crate::event::Reporter;
use crate::fetch::deletion::dele::Due;
use crate::fetch::download::download_messages;
use crate::fetch::download::outcome::{Bounds, Ending};
use crate::fetch::download::storer::{Before, Look};
use crate::fetch::run::{Run, Top};
use crate::fetch::work::Work;
use crate::ledger::Seq;
use crate::mail::digest::{Digester, Hash};
use crate::plan::{Item, Plan, Verdict};
use crate::receipt::Sighting;
use crate::session::headers::{self, Heard};
use crate::session::{Session, SessionError, Transaction};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// What may be deleted, and by their places the rows of archived messages that have to be fetched again, since
/// their headers are not the recorded ones.
pub(crate) type Proof = (Vec<Due>, HashMap<usize, Seq>);

impl Run<'_> {
    /// Looks at the headers of what is due.
    pub(crate) fn prove(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
        work: &mut Work,
    ) -> Result<Proof, AccountError> {
        let mut proven = Vec::new();
        let mut doubted = HashMap::new();
        let tallied_from = self.store.ledger.quirks()?.tallied_from;
        let may_ask = |place: &&usize| match plan.item(**place).verdict {
            Verdict::Archived(archived) => {
                self.may_top(&plan.item(**place)) && !archived.by_header && archived.seq >= tallied_from
            }
            _ => false,
        };
        let asked: Vec<usize> = work.due.iter().filter(may_ask).copied().collect();
        let answers = self.ask_for_headers(session, plan, &asked)?;
        let hashes: HashMap<usize, Hash> =
            asked.into_iter().zip(answers).filter_map(|(place, hash)| Some((place, hash?))).collect();
        let rows = work.due.iter().filter_map(|&place| match plan.item(place).verdict {
            Verdict::Archived(archived) => Some((place, archived.seq)),
            _ => None,
        });
        let recorded = self.recorded_headers(rows)?;
        let differs = |(place, hash): (&usize, &Hash)| recorded.get(place).is_some_and(|known| known != hash);
        if hashes.iter().any(differs) && self.top_shows_others(session, plan)? {
            return Ok((Vec::new(), HashMap::new()));
        }
        for &place in &work.due {
            let Verdict::Archived(archived) = plan.item(place).verdict else { continue };
            let recorded = recorded.get(&place).copied();
            match hashes.get(&place).copied() {
                Some(hash) if Some(hash) == recorded => proven.push(Due {
                    seq: archived.seq,
                    sighting: Sighting::header(session.id(), plan.item(place).entry.number, hash),
                }),
                _ => {
                    plan.doubt_header(place);
                    doubted.insert(place, archived.seq);
                    work.fetch.push(place);
                }
            }
        }
        work.fetch.sort_unstable_by_key(|&place| (plan.quarantine_id(place).is_some(), place));
        Ok((proven, doubted))
    }
}

impl Run<'_> {
    /// Whether this message may be asked for by TOP.
    pub(crate) fn may_top(&self, item: &Item<'_>) -> bool {
        self.server.top != Top::Avoided && !self.server.silent_tops.contains(&name(item))
    }

    /// Where there are no UIDs, before the DELEs: whether TOP shows another header under any of these numbers than is
    /// on record. Sizes tell of other numbers as long as they differ, so only what shares its size with another
    /// message is looked at, and the last one listed, behind which new mail comes.
    pub(crate) fn headers_are_others(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        due: &[Due],
        bounds: Bounds,
    ) -> Result<bool, AccountError> {
        if plan.iter().any(|item| item.entry.uid.is_some()) || self.server.top == Top::Avoided {
            return Ok(false);
        }
        let mut of_size: HashMap<Option<u64>, u32> = HashMap::new();
        plan.iter().for_each(|item| *of_size.entry(item.entry.size).or_default() += 1);
        let last = plan.iter().map(|item| item.entry.number).max();
        let rows: HashMap<u32, Seq> = due.iter().map(|due| (due.sighting.number(), due.seq)).collect();
        let asked: Vec<(usize, Seq)> = plan
            .iter()
            .enumerate()
            .filter(|(_, item)| of_size.get(&item.entry.size) != Some(&1) || Some(item.entry.number) == last)
            .filter_map(|(place, item)| Some((place, *rows.get(&item.entry.number)?)))
            .collect();
        let places: Vec<usize> = asked.iter().map(|(place, _)| *place).collect();
        let answers = self.ask_for_headers(session, plan, &places)?;
        let recorded = self.recorded_headers(asked.iter().copied())?;
        let other = asked
            .into_iter()
            .zip(answers)
            .find_map(|((place, seq), hash)| (recorded.get(&place)? != &hash?).then_some((place, seq)));
        let Some((place, seq)) = other else { return Ok(false) };
        // Some servers show another header by TOP than by RETR.
        let Some(row) = self.store.ledger.row(seq)? else { return Ok(true) };
        let digest = self.store.ledger.served_as(seq)?.unwrap_or(row.digest);
        let again = download_messages(
            session,
            plan,
            &[place],
            Before {
                gone: &self.deletions.gone,
                looks: &[(place, Look::filed(digest))].into(),
                listed_together: &self.server.listed_together,
                equals: self.server.equals,
            },
            Bounds { each_alone: true, ..bounds },
            &mut self.store,
            Reporter::new(&self.account.name, &**self.observer),
        );
        match again.ending {
            Ending::SessionFailed(error) => Err(error.into()),
            ending if ending.breaks_off() => Ok(true),
            _ => Ok(again.findings.another || !again.settled || !again.missed.is_empty()),
        }
    }

    /// The header's hash on record for each of these rows, by the place of its message.
    fn recorded_headers(
        &self,
        rows: impl IntoIterator<Item = (usize, Seq)>,
    ) -> Result<HashMap<usize, Hash>, AccountError> {
        let mut recorded = HashMap::new();
        for (place, seq) in rows {
            let header = match self.store.ledger.served_as(seq)? {
                Some(form) => Some(form.header),
                None => self.store.ledger.row(seq)?.map(|row| row.digest.header),
            };
            recorded.extend(header.map(|header| (place, header)));
        }
        Ok(recorded)
    }

    /// The header's hash of each of these messages (places in the plan), in their order; `None` where the server refused
    /// TOP.
    pub(crate) fn ask_for_headers(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        places: &[usize],
    ) -> Result<Vec<Option<Hash>>, AccountError> {
        if !places.is_empty() {
            self.server.top = Top::Asked;
        }
        let mut hashes = Vec::with_capacity(places.len());
        let mut digester = Digester::new();
        let numbers = places.iter().map(|&place| plan.item(place).entry.number);
        let heard = headers::ask(session, numbers, &mut |heard| {
            match heard {
                Heard::Octets(octets) => digester.update(octets),
                Heard::End => hashes.push(Some(std::mem::take(&mut digester).finish_header())),
                Heard::Refused(_) => hashes.push(None),
            }
            ControlFlow::Continue(())
        });
        match heard {
            Ok(()) => Ok(hashes),
            Err(error) => Err(self.top_failed(session, plan, error)),
        }
    }

    /// A session broke off at TOP: takes note of what that says about the server.
    pub(crate) fn top_failed(
        &mut self,
        session: &Session<Transaction>,
        plan: &Plan<'_>,
        error: SessionError,
    ) -> AccountError {
        match self.watch_order(session.sent_ahead(), &error) {
            Ok(true) => self.watch_top(session, plan, &error),
            Ok(false) => {}
            Err(problem) => return problem,
        }
        error.into()
    }

    /// Looks at why a session broke off at TOP. If that was silence, the message is remembered: when two of them have
    /// met with it, on two connections, the server is not asked for TOP any more.
    fn watch_top(&mut self, session: &Session<Transaction>, plan: &Plan<'_>, error: &SessionError) {
        let Some(number) = session.awaited().filter(|_| error.silence() == Some("TOP")) else { return };
        self.server.silent_top = plan.iter().find(|item| item.entry.number == number).map(|item| name(&item));
    }
}

/// What a message is remembered by: its UID, else its number.
pub(crate) fn name(item: &Item<'_>) -> Vec<u8> {
    item.entry.uid.map_or_else(|| format!("number {}", item.entry.number).into_bytes(), <[u8]>::to_vec)
}
