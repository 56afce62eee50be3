//! What one session is to do: which messages it asks for, and which it deletes.

use crate::fetch::run::{Next, Run, SessionPurpose};
use crate::plan::{Plan, Verdict};

/// What one session is to do.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Places in the plan of messages to RETR, in this order.
    pub fetch: Vec<usize>,
    /// Places of archived messages that are due for deletion.
    pub due: Vec<usize>,
    /// There is more than one session should do.
    pub more: bool,
    /// Messages in quarantine wait for their turn.
    others_wait: bool,
}

impl Work {
    pub(crate) fn is_empty(&self) -> bool {
        self.fetch.is_empty() && self.due.is_empty()
    }

    /// What follows this session, whose work is done: of a million messages it takes room that the report needs.
    pub(crate) fn next(self) -> Next {
        match (self.more, self.others_wait) {
            (true, _) => Next::Again,
            (false, true) => Next::Last,
            (false, false) => Next::Finished,
        }
    }
}

impl Run<'_> {
    /// Messages in quarantine come last; no session does more than its portion.
    pub(crate) fn select(&self, plan: &Plan<'_>) -> Work {
        let mut work = Work::default();
        let mut last = Work::default();
        for (place, item) in plan.iter().enumerate() {
            if self.server.unlooked.contains(&place) {
                // Whether `skip_headers` leaves it, the next session finds out.
                work.more = true;
                continue;
            }
            let id = plan.quarantine_id(place);
            let turn = if id.is_some() { &mut last } else { &mut work };
            match item.verdict {
                Verdict::Fetch { .. } => turn.fetch.push(place),
                Verdict::Archived(archived)
                    if !archived.stays
                        && self.is_due(archived.seq, archived.archived_at)
                        && !id.is_some_and(|id| self.failures.quarantine().rests(id)) =>
                {
                    turn.due.push(place);
                }
                _ => {}
            }
        }
        if work.is_empty() || self.purpose == SessionPurpose::Failed {
            // Others come first all the same: where UIDs tell nothing they are fetched in each session.
            work.fetch.append(&mut last.fetch);
            work.due.append(&mut last.due);
        } else {
            work.others_wait = !last.is_empty();
        }
        let mut room = self.portions.deletions.max(plan.len() / 50);
        if self.deletes_what_it_fetches() {
            // What stays, and cannot be told by its UID, is fetched in each session and not deleted.
            let unknown = |place: &&usize| plan.item(**place).verdict.is_told_by_content();
            let portion = room + work.fetch.iter().filter(unknown).count().min(self.deletions.stay.len());
            if work.fetch.len() > portion {
                work.more = true;
                // What comes back whenever it is deleted must not keep new mail out.
                work.fetch.sort_by_key(|&place| !plan.item(place).verdict.is_new());
                work.fetch.truncate(portion);
                work.fetch.sort_unstable_by_key(|&place| (plan.quarantine_id(place).is_some(), place));
            }
            room = room.saturating_sub(work.fetch.len());
        }
        work.more |= work.due.len() > room;
        work.due.truncate(room);
        work
    }
}
