//! The end of a session: DELE for what is due, and QUIT.
//!
//! Promises: no DELE leaves unless STAT, with nothing under way, has just said what the listing's STAT said; QUIT is
//! sent only where it deletes nothing that is not stored and due, and its answer is always waited for; what that
//! leaves open is reported, and looked at again by the next run.

use crate::account_error::AccountError;
use crate::clock::now;
use crate::connect::is_gmail;
use crate::event::{Event, Reporter};
use crate::exit::Exit;
use crate::fetch::deletion::dele::{self, Due, Marked, refusal_exit};
use crate::fetch::download::outcome::{Bounds, Download};
use crate::fetch::download::storer::Filed;
use crate::fetch::quirks::renumbering::marks_are_ours;
use crate::fetch::run::{Next, Run, SessionPurpose};
use crate::ledger::{Change, Seq};
use crate::plan::Plan;
use crate::pop3::capability::Expire;
use crate::pop3::reply::Reply;
use crate::receipt::{SessionId, Sighting};
use crate::session::{QuitOutcome, Session, SessionError, Transaction};
use crate::text::figures::messages;
use crate::text::safe::escape;

impl Run<'_> {
    /// Deletes what is due, and leaves.
    pub(crate) fn finish(
        &mut self,
        mut session: Session<Transaction>,
        plan: &Plan<'_>,
        mut due: Vec<Due>,
        (download, bounds): (&Download, Bounds),
        next: Next,
    ) -> Result<Next, AccountError> {
        due.extend(self.due_of_download(session.id(), plan, &download.filed));
        if download.vanished && !due.is_empty() {
            // A new session lists what is left.
            return Ok(Next::Renumbered);
        }
        if !due.is_empty() && !download.settled && self.have_numbers_moved(&mut session, plan, due.len())? {
            return Ok(Next::Renumbered);
        }
        if !due.is_empty() && self.headers_are_others(&mut session, plan, &due, bounds)? {
            return Ok(Next::Renumbered);
        }
        let marked = self.mark(&mut session, due)?;
        if !marked.accepted.is_empty() && !marks_are_ours(&mut session, plan, &marked)? {
            return Ok(Next::Renumbered);
        }
        let gmail = is_gmail(self.account, session.capabilities());
        let look = next == Next::Finished && self.may_be_a_part(gmail, plan, download);
        if !self.may_quit(&session, download, &marked) {
            // Leaving without QUIT: the server keeps what it has.
            return Ok(if look { Next::Finished } else { next });
        }
        if self.leave(session, &marked, &download.filed)? {
            self.deletions.last_session = Some((plan.len(), marked.accepted));
            if look {
                self.purpose = SessionPurpose::Look;
                return Ok(Next::Again);
            }
        }
        Ok(next)
    }

    /// What to do when the server has gone after the last message: what was to be deleted is, in another session.
    pub(crate) fn left_by_the_server(
        &mut self,
        error: SessionError,
        more_to_say: bool,
        next: Next,
    ) -> Result<Next, AccountError> {
        if !more_to_say {
            self.note(&format!("cannot send QUIT ({error})"));
        }
        if more_to_say { Err(error.into()) } else { Ok(next) }
    }

    /// DELE for what is due, and what its answers mean.
    fn mark(&mut self, session: &mut Session<Transaction>, due: Vec<Due>) -> Result<Marked, AccountError> {
        let marked =
            dele::mark(session, due, &mut self.store, Reporter::new(&self.account.name, &**self.observer))?;
        self.tally.kept_no_copy += marked.no_copy.len() as u64;
        for &seq in &marked.no_copy {
            let row = self.store.ledger.row(seq)?;
            self.tally.kept_octets += row.map_or(0, |row| row.list_size.unwrap_or(row.size));
        }
        self.deletions.refused += marked.refused.len() as u64;
        if let Some((_, first)) = marked.refused.first() {
            let text = format!(
                "the server refused to delete {} (\"{}\"); they are archived, and the next run tries again",
                messages(self.deletions.refused),
                escape(first.text())
            );
            self.deletions.note_unconfirmed(refusal_exit(first), text);
        }
        // Whatever stays must not take the place of others in the next session's portion.
        self.deletions.stay.extend(marked.no_copy.iter().chain(marked.refused.iter().map(|(seq, _)| seq)));
        Ok(marked)
    }

    /// Whether QUIT takes nothing away that should stay. Where it deletes all that was asked for with RETR
    /// (EXPIRE 0, RFC 2449, section 6.7), each of those messages must be one that is marked for deletion;
    /// Gmail only hides them, and must have been fetched without a failure.
    pub(crate) fn may_quit(
        &self,
        session: &Session<Transaction>,
        download: &Download,
        marked: &Marked,
    ) -> bool {
        if session.capabilities().expire() == Some(Expire::Days(0)) {
            let is_marked = |message: &Filed| marked.accepted.contains(&message.seq);
            return download.missed.is_empty()
                && download.findings.unsettled.is_empty()
                && download.durable().all(is_marked);
        }
        download.missed.is_empty() || !is_gmail(self.account, session.capabilities())
    }

    /// QUIT, and what its answer means for the DELEs before it, and for what this session `filed`; whether it
    /// confirmed them.
    fn leave(
        &mut self,
        session: Session<Transaction>,
        marked: &Marked,
        filed: &[Filed],
    ) -> Result<bool, AccountError> {
        let waiting = marked.accepted.len() as u64;
        self.store
            .ledger
            .commit(&marked.accepted.iter().map(|&seq| Change::Leaving(seq)).collect::<Vec<_>>())?;
        let problem = match session.quit() {
            Ok(QuitOutcome::Confirmed(_)) => {
                let at = now();
                let deleted: Vec<Change> =
                    marked.accepted.iter().map(|&seq| Change::Deleted { seq, at }).collect();
                self.store.ledger.commit(&deleted)?;
                self.tally.deleted += waiting;
                self.deletions.confirmed.extend(&marked.accepted);
                if waiting > 0 {
                    self.observer.event(&self.account.name, Event::Deleted { messages: waiting });
                }
                return Ok(true);
            }
            Ok(QuitOutcome::Refused(reply)) => {
                (refusal_exit(&reply), format!("the server refused QUIT (\"{}\")", escape(reply.text())))
            }
            // With no deletion under way, what counts is that no answer of this session can be trusted.
            Err(error) if waiting == 0 && is_out_of_step(&error) => return Err(error.into()),
            Err(error) => {
                if is_out_of_step(&error) {
                    self.release_uids(filed)?;
                }
                (error.exit(), format!("QUIT was not answered ({error})"))
            }
        };
        if waiting == 0 {
            self.note(&problem.1);
        } else {
            let text = format!(
                "{}, so it is unknown whether {} were deleted; they are archived, and the next run looks again",
                problem.1,
                messages(waiting)
            );
            self.deletions.note_unconfirmed(problem.0, text);
        }
        Ok(false)
    }

    /// Notices what is listed again though this run has deleted it, as the server has confirmed: it is not deleted
    /// a second time, so that a run comes to its end.
    pub(crate) fn see_what_is_back(&mut self, download: &Download) {
        let back = download.filed.iter().filter(|message| !message.fresh).map(|message| message.seq);
        let back: Vec<Seq> = back.filter(|seq| self.deletions.confirmed.contains(seq)).collect();
        let before = self.deletions.stay.len();
        self.deletions.stay.extend(back);
        let new = (self.deletions.stay.len() - before) as u64;
        if new > 0 {
            self.tally.deleted = self.tally.deleted.saturating_sub(new);
            let text =
                format!("the server confirmed that {} were deleted, but still lists them", messages(new));
            self.deletions.note_unconfirmed(Exit::UNAVAILABLE, text);
        }
    }

    pub(crate) fn due_of_download(&self, session: SessionId, plan: &Plan<'_>, filed: &[Filed]) -> Vec<Due> {
        let due = |message: &&Filed| !message.unsteady && self.is_due(message.seq, message.archived_at);
        let sighted = |message: &Filed| {
            let number = plan.item(message.item).entry.number;
            let sighting = Sighting::retrieved(session, number, message.digest.clone());
            Due { seq: message.seq, sighting }
        };
        filed.iter().filter(due).map(sighted).collect()
    }
}

/// Whether an answer shows that those before it may have been to other questions.
fn is_out_of_step(error: &SessionError) -> bool {
    error.is_disorder() && !is_second_farewell(error)
}

/// Some servers say goodbye twice: all that is left over is one more `+OK`.
fn is_second_farewell(error: &SessionError) -> bool {
    let SessionError::Surplus { octets } = error else { return false };
    let one_line = octets.iter().position(|&octet| octet == b'\n') == octets.len().checked_sub(1);
    one_line && Reply::parse(octets).is_ok_and(|reply| reply.is_ok())
}
