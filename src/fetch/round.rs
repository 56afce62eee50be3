//! One session of an account's run: list, compare, prove, fetch; how it ends is in [`super::depart`].

use super::beside::Beside;
use super::due::{due, due_now, policy_words};
use super::error::AccountError;
use super::filer::{Before, Looks};
use super::logbook::Logbook;
use super::now;
use super::parts::is_gmail;
use super::portions::Portions;
use super::presence::Sight;
use super::prove::{Proof, name};
use super::remove::Marked;
use super::retrieve::{Bounds, Broken, Haul, retrieve};
use super::set_aside::SetAside;
use super::tally::Tally;
use crate::archive::Archive;
use crate::config::{Account, DeletePolicy};
use crate::event::{Event, Observer};
use crate::exit::Exit;
use crate::ledger::{Change, Ledger, LedgerError, Roll, Seq, UnixTime};
use crate::plan::{Ages, Plan, Verdict};
use crate::pop3::capability::Expire;
use crate::pop3::listing::Listing;
use crate::session::{Session, SessionError, Transaction};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

/// Opens a session that is logged in; if told so, one that sends nothing ahead of a reply.
pub(super) type Open<'a> = &'a dyn Fn(bool) -> Result<Session<Transaction>, AccountError>;

/// What an account's run carries from session to session.
pub(super) struct Run<'a> {
    pub account: &'a Account,
    pub observer: &'a Arc<dyn Observer>,
    pub open: Open<'a>,
    pub portions: Portions,
    pub archive: Box<dyn Archive>,
    pub ledger: Box<dyn Ledger>,
    pub tally: Tally,
    /// What `--limit` still allows.
    pub messages_left: Option<u64>,
    /// Everything in quarantine is to be tried, whatever the time.
    pub retry: bool,
    /// What was reported in the last week is not reported again.
    pub quiet: bool,
    /// What the next session is for.
    pub errand: Errand,
    /// What the server was seen doing.
    pub seen: Seen,
    /// TOP was answered.
    pub top_answers: bool,
    /// Which UIDs were listed together.
    pub beside: Beside,
    /// Messages that failed, in this run or before.
    pub aside: SetAside,
    /// How old what is archived is.
    pub ages: Ages,
    /// What is in the archive.
    pub sight: Sight,
    /// Rows that are due and that this run cannot delete: their copy is gone, DELE was refused, or made no
    /// difference.
    pub stay: HashSet<Seq>,
    /// Messages that the last session listed, and the rows that its QUIT deleted.
    pub last: Option<(usize, Vec<Seq>)>,
    /// Rows whose deletion QUIT has confirmed in this run.
    pub deleted: HashSet<Seq>,
    /// Rows of this run whose messages the server has certainly given up: what it still lists is not them.
    pub gone: HashSet<Seq>,
    /// DELEs that were refused.
    pub refused: u64,
    /// Sessions in which the server changed its numbers.
    pub renumbered: u32,
    /// A deletion that was due and is not confirmed: its cause's code, and the words.
    pub unconfirmed: Option<(Exit, String)>,
    /// What is remembered of the way to the server.
    pub logbook: Rc<Logbook>,
    /// The `delete` setting of the run before, when it was another one.
    pub delete_was: Option<String>,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Errand {
    /// Whatever is new and whatever is due.
    #[default]
    Ordinary,
    /// To see whether there is more: the server may show a part of its messages at a time.
    Look,
    /// What failed before.
    Failed,
}

/// What a server was seen doing, in this run or before.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and they combine")]
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// It mixes up its answers when commands are sent ahead of them, so none is.
    pub disorder: bool,
    /// It shows a part of its messages at a time.
    pub parts: bool,
    /// What there is to say about TOP.
    pub top: Top,
    /// Messages at which TOP met with silence in earlier runs; they are not asked for by it.
    pub silent_tops: Vec<Vec<u8>>,
    /// The last one at which it did in this run.
    pub silent_top: Option<Vec<u8>>,
    /// It seemed to have changed its numbers, and had not.
    pub calm: bool,
    /// TOP showed other messages than the listing's numbers stand for.
    pub moved_at_top: bool,
    /// Octets that are no answer came from it, and which message they belong to is not known: STAT follows each.
    pub careful: bool,
    /// It did not answer commands that were sent ahead.
    pub silent_ahead: bool,
}

/// Whether a server can be asked for TOP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Top {
    /// Nothing speaks against it, and this session has not done it yet.
    #[default]
    Free,
    /// This session has.
    Asked,
    /// It hangs up on it, never ends its answer, or answers more than was asked.
    Avoided,
}

/// How a session ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing is left to do.
    Finished,
    /// More is due: in a new session.
    Again,
    /// Only what failed before is left to try: in a session of its own.
    Last,
    /// The server has given its messages other numbers: what is left is to do in a new session.
    Renumbered,
}

/// What one session is to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Places in the plan of messages to RETR, in this order.
    pub fetch: Vec<usize>,
    /// Places of archived messages that are due for deletion.
    pub due: Vec<usize>,
    /// There is more than one session should do.
    more: bool,
    /// Messages in quarantine wait for their turn.
    others_wait: bool,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.fetch.is_empty() && self.due.is_empty()
    }

    /// What follows this session.
    fn next(&self) -> Next {
        match (self.more, self.others_wait) {
            (true, _) => Next::Again,
            (false, true) => Next::Last,
            (false, false) => Next::Finished,
        }
    }
}

impl Run<'_> {
    pub(super) fn round(&mut self) -> Result<Next, AccountError> {
        let mut session = self.log_in()?;
        let opened = Instant::now();
        let (listing, roll) = list_and_call_the_roll(&mut session, &mut *self.ledger);
        let listing = match listing {
            Ok(listing) => listing,
            Err(error) => {
                self.watch_order(session.sent_ahead(), &error)?;
                return Err(error.into());
            }
        };
        if !listing.has_sizes() {
            // Nothing would show that octets of an answer got into a message.
            session.stop_pipelining();
        }
        self.take_note_of(&listing);
        let parts = self.seen.parts || is_gmail(self.account, session.capabilities());
        let mut plan = self.plan(&listing, roll?, parts)?;
        let (mut work, (proven, doubted)) = match self.find_work(&mut session, &mut plan) {
            Ok(found) => found,
            Err(error) => {
                self.reckon_nothing(&plan, &error);
                return Err(error);
            }
        };
        if std::mem::take(&mut self.seen.moved_at_top) {
            self.reckon_nothing(&plan, &"the server changed its message numbers");
            return Ok(self.leave_renumbered(session, &Haul::default()));
        }
        let bounds = Bounds {
            max_size: self.account.max_size,
            until: self.deletes_what_it_fetches().then(|| opened + self.portions.session),
            batch: self.portions.batch,
            calm: self.seen.calm,
            first_alone: self.is_thorough(&session),
            each_alone: self.seen.careful || work.fetch.iter().any(|&place| plan.ward(place).is_some()),
        };
        self.put_last(&plan, &mut work);
        let mut haul = retrieve(
            &mut session,
            &plan,
            &work.fetch,
            Before { gone: &self.gone, looks: &Looks::new(), beside: &self.beside },
            bounds,
            (&mut *self.archive, &mut *self.ledger),
            (&self.account.name, &**self.observer),
        );
        if let Some((place, _)) = &haul.used_up {
            self.logbook.ended_at(name(&plan.item(*place)));
        }
        // Other content than is on record may be another message's.
        haul.suspicion |= haul.findings.differs_from_record();
        let mut moved = self.settle_numbers(&mut session, &plan, &mut haul)?;
        if !haul.findings.unsettled.is_empty() {
            // There is more to ask.
            haul.broken = haul.broken.take().or(haul.gone.take().map(Broken::Session));
        }
        if haul.broken.is_none() && haul.used_up.is_none() && !haul.findings.unsettled.is_empty() {
            (haul.suspicion, haul.other_stat) = (false, false);
            self.look_again(&mut session, &plan, bounds, &mut haul)?;
            moved = self.settle_numbers(&mut session, &plan, &mut haul)?;
        }
        work.more |= haul.cut_short;
        let deletes = self.account.delete != DeletePolicy::Never
            && haul.broken.is_none()
            && !moved
            && !(proven.is_empty() && haul.filed.is_empty());
        self.see_what_is_back(&haul);
        // What was heard in disorder says nothing about a message.
        if self.was_in_order(session.sent_ahead(), &mut haul)? && !moved {
            self.heed(&plan, &haul, deletes)?;
        }
        self.reckon(&plan, &haul, &doubted);
        self.end_of_move(&plan, &haul)?;
        match haul.broken.take() {
            // Leaving without QUIT: the server undoes what this session did to it.
            Some(Broken::Session(error)) => return Err(error.into()),
            Some(Broken::Stopped(exit)) => return Err(AccountError::Stopped { exit }),
            Some(Broken::Archive(error)) => return Err(error.into()),
            Some(Broken::TooLarge(_)) => return Ok(Next::Again),
            None => {}
        }
        if moved {
            return Ok(self.leave_renumbered(session, &haul));
        }
        if let Some(error) = haul.gone.take() {
            let due = !(proven.is_empty() && self.due_of_haul(session.id(), &plan, &haul.filed).is_empty());
            return self.left_by_the_server(error, due, work.next());
        }
        let used_up = haul.used_up.take();
        let sent_ahead = session.pipelining();
        let finished = self.finish(session, &plan, proven, (&haul, bounds), work.next());
        if let Err(AccountError::Session(error)) = &finished {
            if error.is_disorder() {
                self.disown(&haul.filed)?;
            } else if error.silence() == Some("DELE") {
                self.watch_order(sent_ahead, error)?;
            }
        }
        match used_up {
            // A later run goes on.
            Some((_, reply)) => finished.and(Err(SessionError::TryLater { during: "RETR", reply }.into())),
            None => finished,
        }
    }

    /// A new session, on record.
    fn log_in(&mut self) -> Result<Session<Transaction>, AccountError> {
        if self.seen.top == Top::Asked {
            self.seen.top = Top::Free;
        }
        let session = (self.open)(self.seen.disorder)?;
        let mut changes = self.logbook.take_changes();
        changes.push(Change::LoggedIn { at: now() });
        self.ledger.commit(&changes)?;
        Ok(session)
    }

    /// Leaves a session in which numbers have moved.
    fn leave_renumbered(&self, session: Session<Transaction>, haul: &Haul) -> Next {
        if self.may_quit(&session, haul, &Marked::default()) {
            // Nothing is marked, so that its answer can say nothing of use.
            let _ = session.quit();
        }
        Next::Renumbered
    }

    /// Puts those messages last that ended two runs by meeting the provider's limit first.
    fn put_last(&self, plan: &Plan<'_>, work: &mut Work) {
        let names = self.logbook.tried_last();
        if !names.is_empty() {
            work.fetch.sort_by_key(|&place| names.contains(&name(&plan.item(place))));
        }
    }

    /// A new session shows this listing.
    fn take_note_of(&mut self, listing: &Listing) {
        self.tally.new_listing(listing);
        self.beside.listed(listing);
        if let Some((before, deleted)) = self.last.take()
            && listing.len() + deleted.len() == before
        {
            self.gone.extend(deleted);
        }
    }

    /// Settles whether numbers have moved, as long as there is somebody to ask.
    fn settle_numbers(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        haul: &mut Haul,
    ) -> Result<bool, AccountError> {
        if haul.broken.is_some() || haul.gone.is_some() {
            return Ok(false);
        }
        self.is_renumbered(session, plan, haul)
    }

    /// What this session is to do.
    fn find_work(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
    ) -> Result<(Work, Proof), AccountError> {
        self.recognise_by_header(session, plan)?;
        self.keep_by_header(session, plan)?;
        self.learn_of_parts(plan)?;
        let mut work = self.select(plan);
        if session.capabilities().expire() == Some(Expire::Days(0))
            && !self.deletes_what_it_fetches()
            && !work.fetch.is_empty()
            && !work.due.is_empty()
        {
            // There QUIT deletes all that RETR has shown: new mail must stay, what is due must go.
            work.due.clear();
            work.more = true;
        }
        self.announce(plan);
        let proof = self.prove(session, plan, &mut work)?;
        if self.portions.batch.gently {
            // A large message that there is no room for must not keep out small ones.
            work.fetch.sort_by_key(|&place| plan.item(place).entry.size);
        }
        Ok((work, proof))
    }

    fn select(&self, plan: &Plan<'_>) -> Work {
        let mut work = Work::default();
        let mut last = Work::default();
        for (place, item) in plan.iter().enumerate() {
            let ward = plan.ward(place);
            let turn = if ward.is_some() { &mut last } else { &mut work };
            match item.verdict {
                Verdict::Fetch { .. } => turn.fetch.push(place),
                Verdict::Archived(archived)
                    if !archived.stays
                        && self.is_due(archived.seq, archived.archived_at)
                        && !ward.is_some_and(|ward| self.aside.quarantine().rests(ward)) =>
                {
                    turn.due.push(place);
                }
                _ => {}
            }
        }
        if work.is_empty() || self.errand == Errand::Failed {
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
            let portion = room + work.fetch.iter().filter(unknown).count().min(self.stay.len());
            if work.fetch.len() > portion {
                work.more = true;
                // What comes back whenever it is deleted must not keep new mail out.
                work.fetch.sort_by_key(|&place| !plan.item(place).verdict.is_new());
                work.fetch.truncate(portion);
                work.fetch.sort_unstable_by_key(|&place| (plan.ward(place).is_some(), place));
            }
            room = room.saturating_sub(work.fetch.len());
        }
        work.more |= work.due.len() > room;
        work.due.truncate(room);
        work
    }

    pub(super) fn is_due(&self, seq: Seq, archived_at: UnixTime) -> bool {
        self.account.delete != DeletePolicy::Never
            && due(self.account.delete, &self.ages, seq, archived_at)
            && !self.stay.contains(&seq)
            && !self.sight.presence.keeps(seq)
    }

    fn deletes_what_it_fetches(&self) -> bool {
        self.account.delete == DeletePolicy::Fetched
    }

    fn announce(&mut self, plan: &Plan<'_>) {
        let (to_fetch, octets) = plan.to_fetch();
        let listed = plan.len() as u64;
        self.observer.event(&self.account.name, Event::Planned { listed, to_fetch, octets });
        let Some(before) = self.delete_was.take() else { return };
        let (count, oldest) = due_now(plan, self.account.delete, &self.ages);
        if let Some(oldest) = oldest {
            self.note(&format!(
                "`delete` changed from \"{before}\" to \"{}\": {} fetched by earlier runs will be deleted from the server, the oldest archived on {}",
                policy_words(self.account.delete),
                messages(count),
                super::day(oldest),
            ));
        }
    }

    pub(super) fn note(&self, text: &str) {
        self.observer.event(&self.account.name, Event::Note(text));
    }
}

/// The listing, and what the ledger knows, read meanwhile: with many messages both take a while.
fn list_and_call_the_roll(
    session: &mut Session<Transaction>,
    ledger: &mut dyn Ledger,
) -> (Result<Listing, SessionError>, Result<Roll, LedgerError>) {
    let (listing, roll) = thread::scope(|scope| {
        let beside = &mut *ledger;
        let roll = thread::Builder::new().spawn_scoped(scope, move || Roll::call(&*beside));
        let listing = session.listing();
        (listing, roll.ok().map(|roll| roll.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
    });
    // Where the system allows no further thread, one after the other.
    (listing, roll.unwrap_or_else(|| Roll::call(&*ledger)))
}

pub(super) fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}
