//! What one session comes to: which messages are archived, which are missing and why, and who is in quarantine.

use super::error::AccountError;
use super::filer::Filed;
use super::now;
use super::retrieve::{Broken, Haul};
use super::round::Run;
use super::unreached::Unreached;
use crate::event::Missing;
use crate::ledger::Seq;
use crate::plan::{Left, Plan, Verdict};
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

impl Run<'_> {
    /// Notes what failed in this session, and what is out of quarantine; `deletes`: it goes on to delete messages.
    pub(super) fn heed(&mut self, plan: &Plan<'_>, haul: &Haul, deletes: bool) -> Result<(), AccountError> {
        if let Some(Broken::Archive(_)) = haul.broken {
            return Ok(());
        }
        let now = now();
        self.aside.missed(plan, haul, deletes, now);
        match &haul.broken {
            Some(Broken::TooLarge(place)) => self.aside.too_large(plan, *place, self.account.max_size, now),
            Some(Broken::Session(error)) => self.aside.blame(plan, haul, error, now),
            Some(Broken::Archive(_) | Broken::Stopped(_)) | None => {}
        }
        for message in &haul.filed {
            self.aside.stored(plan, message.item);
        }
        for (place, _) in plan.wards() {
            // Stored by a run that could not say so any more.
            if let Verdict::Archived(archived) = plan.item(place).verdict
                && !self.is_due(archived.seq, archived.archived_at)
            {
                self.aside.stored(plan, place);
            }
        }
        Ok(self.aside.record(&mut *self.ledger)?)
    }

    /// Adds this session up: every listed message is archived, or missing with its reason.
    pub(super) fn reckon(&mut self, plan: &Plan<'_>, haul: &Haul, doubted: &HashMap<usize, Seq>) {
        let unreached = match &haul.broken {
            Some(Broken::Session(error)) => not_fetched(error),
            Some(Broken::Archive(error)) => format!("not stored: {error}"),
            Some(Broken::Stopped(_)) => "not reached before the signal".to_owned(),
            None if haul.used_up.is_some() => {
                "not fetched: the provider does not allow more for now".to_owned()
            }
            Some(Broken::TooLarge(_)) | None => "not reached in this run".to_owned(),
        };
        self.count(plan, haul, doubted, unreached);
        for message in haul.durable().filter(|message| message.fresh) {
            self.tally.octets += message.size;
            self.tally.fetched += 1;
        }
        if let Some(left) = &mut self.messages_left {
            *left = left.saturating_sub(haul.filed.len() as u64);
        }
    }

    /// The same for a session that failed before it could fetch anything.
    pub(super) fn reckon_nothing(&mut self, plan: &Plan<'_>, error: &dyn Display) {
        self.count(plan, &Haul::default(), &HashMap::new(), not_fetched(error));
    }

    fn count(&mut self, plan: &Plan<'_>, haul: &Haul, doubted: &HashMap<usize, Seq>, unreached: String) {
        let filed: HashMap<usize, &Filed> =
            haul.filed.iter().map(|message| (message.item, message)).collect();
        let mut missed: Vec<(usize, &Arc<str>)> =
            haul.missed.iter().map(|(place, reason)| (*place, reason)).collect();
        missed.sort_by_key(|(place, _)| *place);
        // Of several reasons the last one counts.
        let reason_of = |place: usize| {
            let behind = missed.partition_point(|(other, _)| *other <= place);
            missed[..behind].last().filter(|(other, _)| *other == place).map(|(_, reason)| *reason)
        };
        let mut unreached = Unreached::because(unreached);
        let limit: Arc<str> = "left by --limit".into();
        if !haul.phantoms.is_empty() {
            self.note(&format!(
                "the server counts {} too many (STAT): it neither lists nor has them",
                super::round::messages(haul.phantoms.len() as u64)
            ));
        }
        for (place, item) in plan.iter().enumerate() {
            if haul.phantoms.contains(&place) {
                continue;
            }
            let row = item.verdict.row().map(|archived| (archived.seq, archived.archived_at));
            let row = row.or(filed.get(&place).map(|message| (message.seq, message.archived_at)));
            let seq = row.map(|row| row.0).or(doubted.get(&place).copied());
            if let Some((seq, archived_at)) = row {
                self.heed_copy(seq, archived_at, item.entry.size);
            }
            if let Some(damaged) = seq.and_then(|seq| self.damaged(&item, seq)) {
                self.tally.missing(damaged);
                continue;
            }
            if let Some(seq) = seq {
                self.tally.archived(seq);
                self.tally.named += u64::from(filed.get(&place).is_some_and(|message| {
                    !message.fresh && item.verdict.is_new() && plan.has_own_uid(place)
                }));
                continue;
            }
            let missing = |reason: Arc<str>, chosen| Missing {
                number: item.entry.number,
                uid: item.entry.uid.map(<[u8]>::to_vec),
                reason,
                chosen,
            };
            let aside = self.aside.reason(plan, place);
            self.tally.missing(match (item.verdict, aside, reason_of(place)) {
                (Verdict::Left(Left::TooLarge(size)), ..) => missing(
                    format!("{size} octets, larger than max_size ({})", self.account.max_size).into(),
                    true,
                ),
                (Verdict::Left(Left::Limit), ..) => missing(Arc::clone(&limit), true),
                (_, Some((reason, chosen)), _) => missing(reason, chosen),
                (_, None, Some(reason)) => {
                    unreached.add_refused(item.entry.number, item.entry.uid, reason);
                    continue;
                }
                (_, None, None) => {
                    unreached.add(item.entry.number, item.entry.uid);
                    continue;
                }
            });
        }
        self.tally.unreached(unreached);
    }
}

fn not_fetched(error: &dyn Display) -> String {
    format!("not fetched: {error}")
}
