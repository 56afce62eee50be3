//! What one session comes to: which messages are archived, which are missing and why, and who is in quarantine.

use crate::account_error::AccountError;
use crate::clock::now;
use crate::config::DeletePolicy;
use crate::event::Missing;
use crate::fetch::download::outcome::{Download, Ending};
use crate::fetch::download::storer::Filed;
use crate::fetch::report::unreached::Unreached;
use crate::fetch::run::Run;
use crate::ledger::{Seq, UnixTime};
use crate::plan::{Left, Plan, SEEN_ELSEWHERE, Verdict, due, skipped_because};
use crate::text::figures::messages;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

impl Run<'_> {
    /// Notes what failed in this session, and what is out of quarantine; `deletes`: it goes on to delete messages.
    pub(crate) fn update_quarantine(
        &mut self,
        plan: &Plan<'_>,
        download: &Download,
        deletes: bool,
    ) -> Result<(), AccountError> {
        if let Ending::ArchiveFailed(_) = download.ending {
            return Ok(());
        }
        let now = now();
        self.failures.missed(plan, download, deletes, now);
        match &download.ending {
            Ending::TooLarge(place) => self.failures.too_large(plan, *place, self.account.max_size, now),
            Ending::SessionFailed(error) => self.failures.blame(plan, download, error, now),
            _ => {}
        }
        for message in &download.filed {
            self.failures.stored(plan, message.item);
        }
        for (place, _) in plan.quarantined() {
            // Stored by a run that could not say so any more.
            if let Verdict::Archived(archived) = plan.item(place).verdict
                && !self.is_due(archived.seq, archived.archived_at)
            {
                self.failures.stored(plan, place);
            }
        }
        Ok(self.failures.record(&mut *self.store.ledger)?)
    }

    /// Adds this session up: every listed message is archived, or missing with its reason.
    pub(crate) fn sum_up(&mut self, plan: &Plan<'_>, download: &Download, doubted: &HashMap<usize, Seq>) {
        let unreached = match &download.ending {
            Ending::SessionFailed(error) => not_fetched(error),
            Ending::ArchiveFailed(error) => format!("not stored: {error}"),
            Ending::Stopped(_) => "not reached before the signal".to_owned(),
            Ending::LimitReached(_) => "not fetched: the provider does not allow more for now".to_owned(),
            Ending::Complete | Ending::ClosedAfterAll(_) | Ending::TooLarge(_) => {
                "not reached in this run".to_owned()
            }
        };
        self.count(plan, download, doubted, unreached);
        for message in download.durable().filter(|message| message.fresh) {
            self.tally.octets += message.size;
            self.tally.fetched += 1;
        }
        if let Some(left) = &mut self.orders.limit {
            *left = left.saturating_sub(download.filed.len() as u64);
        }
    }

    /// The same for a session that failed before it could fetch anything.
    pub(crate) fn sum_up_nothing(&mut self, plan: &Plan<'_>, error: &dyn Display) {
        self.count(plan, &Download::default(), &HashMap::new(), not_fetched(error));
    }

    /// Notes that this row's message stays on the server, if that is so because of its copy.
    fn keep_without_copy(&mut self, seq: Seq, archived_at: UnixTime, octets: Option<u64>) {
        let presence = &self.copies.presence;
        if !presence.keeps(seq) || !self.deletions.stay.insert(seq) {
            return;
        }
        let policy = self.account.delete;
        if policy != DeletePolicy::Never
            && !presence.is_accepted(seq)
            && due(policy, &self.deletions.ages, &self.deletions.restored, seq, archived_at)
        {
            self.tally.kept_no_copy += 1;
            self.tally.kept_octets += octets.unwrap_or(0);
        }
    }

    fn count(
        &mut self,
        plan: &Plan<'_>,
        download: &Download,
        doubted: &HashMap<usize, Seq>,
        unreached: String,
    ) {
        let filed: HashMap<usize, &Filed> =
            download.filed.iter().map(|message| (message.item, message)).collect();
        let mut missed: Vec<(usize, &Arc<str>)> =
            download.missed.iter().map(|(place, reason)| (*place, reason)).collect();
        missed.sort_by_key(|(place, _)| *place);
        // Of several reasons the last one counts.
        let reason_of = |place: usize| {
            let behind = missed.partition_point(|(other, _)| *other <= place);
            missed[..behind].last().filter(|(other, _)| *other == place).map(|(_, reason)| *reason)
        };
        let mut unreached = Unreached::because(unreached);
        let limit: Arc<str> = "left by --limit".into();
        let seen: Arc<str> = SEEN_ELSEWHERE.into();
        let mut skipped: HashMap<u32, Arc<str>> = HashMap::new();
        if !download.phantoms.is_empty() {
            self.note(&format!(
                "the server counts {} too many (STAT): it neither lists nor has them",
                messages(download.phantoms.len() as u64)
            ));
        }
        for (place, item) in plan.iter().enumerate() {
            if download.phantoms.contains(&place) {
                continue;
            }
            let row = item.verdict.row().map(|archived| (archived.seq, archived.archived_at));
            let row = row.or(filed.get(&place).map(|message| (message.seq, message.archived_at)));
            let seq = row.map(|row| row.0).or(doubted.get(&place).copied());
            if let Some((seq, archived_at)) = row {
                self.keep_without_copy(seq, archived_at, item.entry.size);
            }
            if let Some(damaged) = seq.and_then(|seq| self.copies.damaged(&item, seq)) {
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
                uid: item.entry.uid.map(Box::from),
                reason,
                chosen,
            };
            let aside = self.failures.quarantine().reason(item.entry, plan.has_own_uid(place));
            self.tally.missing(match (item.verdict, aside, reason_of(place)) {
                (Verdict::Left(Left::TooLarge(size)), ..) => missing(
                    format!("{size} octets, larger than max_size ({})", self.account.max_size).into(),
                    true,
                ),
                (Verdict::Left(Left::SeenElsewhere), ..) => missing(Arc::clone(&seen), true),
                (Verdict::Left(Left::SkipHeaders(field)), ..) => {
                    let because = || skipped_because(&self.account.skip_headers, field);
                    missing(Arc::clone(skipped.entry(field).or_insert_with(because)), true)
                }
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
