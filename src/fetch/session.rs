//! One session of an account's run: list, compare, prove, fetch; how it ends is in [`crate::fetch::deletion::quit`].

use crate::account_error::AccountError;
use crate::clock::{self, now};
use crate::config::DeletePolicy;
use crate::connect::{self, is_gmail};
use crate::event::{Event, Reporter};
use crate::fetch::deletion::dele::Marked;
use crate::fetch::deletion::proof::{Proof, name};
use crate::fetch::download::download_messages;
use crate::fetch::download::outcome::{Bounds, Download, Ending};
use crate::fetch::download::storer::{Before, Looks};
use crate::fetch::recognition::by_header::UnknownHeaders;
use crate::fetch::run::{Next, Run, Top};
use crate::fetch::work::Work;
use crate::ledger::{Change, KnownRows, Ledger, LedgerError};
use crate::plan::{Plan, due_now, policy_words};
use crate::pop3::capability::Expire;
use crate::pop3::listing::Listing;
use crate::session::{Session, SessionError, Transaction};
use crate::stop::Stopped;
use crate::text::dates::day;
use crate::text::figures::messages;
use std::thread;
use std::time::Instant;

impl Run<'_> {
    pub(crate) fn one_session(&mut self) -> Result<Next, AccountError> {
        let mut session = self.log_in()?;
        let opened = Instant::now();
        let (listing, known_rows) = self.list(&mut session)?;
        let parts = self.server.parts || is_gmail(self.account, session.capabilities());
        let mut plan = self.plan(&listing, known_rows, parts)?;
        let unknown = self.unknown_headers(&plan)?;
        if self.must_read_archive(&unknown)? {
            self.sum_up_nothing(&plan, &"the archive is to be read first");
            connect::quit_after_a_look(session);
            return Ok(Next::ReadArchive);
        }
        let (mut work, (proven, doubted)) = match self.find_work(&mut session, &mut plan, unknown) {
            Ok(found) => found,
            Err(error) => {
                self.sum_up_nothing(&plan, &error);
                return Err(error);
            }
        };
        if std::mem::take(&mut self.server.moved_at_top) {
            self.sum_up_nothing(&plan, &"the server changed its message numbers");
            return Ok(self.leave_renumbered(session, &Download::default()));
        }
        let bounds = self.bounds(&session, &plan, &work, opened);
        self.put_last(&plan, &mut work);
        let (mut download, moved) = self.download(&mut session, &plan, &work, bounds)?;
        work.more |= download.cut_short;
        let next = work.next();
        let any_to_delete = !proven.is_empty() || !download.filed.is_empty();
        let deletes = self.account.delete != DeletePolicy::Never
            && !download.ending.breaks_off()
            && !moved
            && any_to_delete;
        self.see_what_is_back(&download);
        // What was heard in disorder says nothing about a message.
        if self.was_in_order(session.sent_ahead(), &mut download)? && !moved {
            self.update_quarantine(&plan, &download, deletes)?;
        }
        self.sum_up(&plan, &download, &doubted);
        self.end_of_move(&plan, &download)?;
        let limit = match std::mem::take(&mut download.ending) {
            // Leaving without QUIT: the server undoes what this session did to it.
            Ending::SessionFailed(error) => return Err(error.into()),
            Ending::Stopped(exit) => return Err(Stopped { exit }.into()),
            Ending::ArchiveFailed(error) => return Err(error.into()),
            Ending::TooLarge(_) => return Ok(Next::Again),
            _ if moved => return Ok(self.leave_renumbered(session, &download)),
            Ending::ClosedAfterAll(error) => {
                let due = self.due_of_download(session.id(), &plan, &download.filed);
                return self.left_by_the_server(error, !(proven.is_empty() && due.is_empty()), next);
            }
            Ending::LimitReached(reply) => Some(reply),
            Ending::Complete => None,
        };
        let sent_ahead = session.pipelining();
        let finished = self.finish(session, &plan, proven, (&download, bounds), next);
        if let Err(AccountError::Session(error)) = &finished {
            if error.is_disorder() {
                self.release_uids(&download.filed)?;
            } else if error.silence() == Some("DELE") {
                self.watch_order(sent_ahead, error)?;
            }
        }
        match limit {
            // A later run goes on.
            Some(reply) => finished.and(Err(SessionError::TryLater { during: "RETR", reply }.into())),
            None => finished,
        }
    }

    /// The listing, and what the ledger knows.
    pub(crate) fn list(
        &mut self,
        session: &mut Session<Transaction>,
    ) -> Result<(Listing, KnownRows), AccountError> {
        let (listing, known_rows) = list_and_read_rows(session, &mut *self.store.ledger);
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
        Ok((listing, known_rows?))
    }

    fn bounds(
        &self,
        session: &Session<Transaction>,
        plan: &Plan<'_>,
        work: &Work,
        opened: Instant,
    ) -> Bounds {
        Bounds {
            max_size: self.account.max_size,
            until: self.deletes_what_it_fetches().then(|| opened + self.portions.session),
            batch: self.portions.batch,
            calm: self.server.calm,
            first_alone: self.is_thorough(session),
            each_alone: self.server.careful
                || work.fetch.iter().any(|&place| plan.quarantine_id(place).is_some()),
        }
    }

    /// Downloads what is to come, asks again for what leaves a doubt, and settles whether numbers have moved meanwhile.
    fn download(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        work: &Work,
        bounds: Bounds,
    ) -> Result<(Download, bool), AccountError> {
        let mut download = download_messages(
            session,
            plan,
            &work.fetch,
            Before {
                gone: &self.deletions.gone,
                looks: &Looks::new(),
                listed_together: &self.server.listed_together,
                equals: self.server.equals,
            },
            bounds,
            &mut self.store,
            Reporter::new(&self.account.name, &**self.observer),
        );
        if let Some(place) = download.limit_met_at {
            self.server_record.ended_at(name(&plan.item(place)));
        }
        // Other content than is on record may be another message's.
        download.suspicion |= download.findings.differs_from_record(plan);
        let mut moved = self.settle_numbers(session, plan, &mut download)?;
        if !download.findings.unsettled.is_empty() {
            // There is more to ask.
            download.ending = match download.ending {
                Ending::ClosedAfterAll(error) => Ending::SessionFailed(error),
                ending => ending,
            };
        }
        if matches!(download.ending, Ending::Complete) && !download.findings.unsettled.is_empty() {
            (download.suspicion, download.other_stat) = (false, false);
            self.look_again(session, plan, bounds, &mut download)?;
            moved = self.settle_numbers(session, plan, &mut download)?;
        }
        Ok((download, moved))
    }

    /// A new session, on record.
    pub(crate) fn log_in(&mut self) -> Result<Session<Transaction>, AccountError> {
        if self.server.top == Top::Asked {
            self.server.top = Top::Free;
        }
        self.server.bound_by_header.clear();
        let session = (self.open)(self.server.disorder)?;
        let mut changes = self.server_record.take_changes();
        changes.push(Change::LoggedIn { at: now() });
        self.store.ledger.commit(&changes)?;
        self.see_certificate(&session);
        Ok(session)
    }

    /// Leaves a session in which numbers have moved.
    fn leave_renumbered(&self, session: Session<Transaction>, download: &Download) -> Next {
        if self.may_quit(&session, download, &Marked::default()) {
            // Nothing is marked, so that its answer can say nothing of use.
            let _ = session.quit();
        }
        Next::Renumbered
    }

    /// Puts those messages last that ended two runs by meeting the provider's limit first.
    fn put_last(&self, plan: &Plan<'_>, work: &mut Work) {
        let names = self.server_record.tried_last();
        if !names.is_empty() {
            work.fetch.sort_by_key(|&place| names.contains(&name(&plan.item(place))));
        }
    }

    /// A new session shows this listing.
    fn take_note_of(&mut self, listing: &Listing) {
        self.tally.new_listing(listing);
        self.server.listed_together.listed(listing);
        self.deletions.new_listing(listing.len());
    }

    /// Settles whether numbers have moved, as long as there is somebody to ask.
    fn settle_numbers(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        download: &mut Download,
    ) -> Result<bool, AccountError> {
        if !matches!(download.ending, Ending::Complete | Ending::LimitReached(_)) {
            return Ok(false);
        }
        self.is_renumbered(session, plan, download)
    }

    /// What this session is to do.
    fn find_work(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
        unknown: UnknownHeaders,
    ) -> Result<(Work, Proof), AccountError> {
        self.recognise_by_header(session, plan, unknown)?;
        self.keep_by_header(session, plan)?;
        self.leave_by_header(session, plan)?;
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

    fn announce(&mut self, plan: &Plan<'_>) {
        let (to_fetch, octets) = plan.to_fetch();
        let listed = plan.len() as u64;
        self.observer.event(&self.account.name, Event::Planned { listed, to_fetch, octets });
        self.see_room(to_fetch, octets);
        let Some(before) = self.deletions.policy_before.take() else { return };
        let (count, oldest) =
            due_now(plan, self.account.delete, &self.deletions.ages, &self.deletions.restored);
        if let Some(oldest) = oldest {
            self.note(&format!(
                "`delete` changed from \"{before}\" to \"{}\": {} fetched by earlier runs will be deleted from the server, the oldest archived on {}",
                policy_words(self.account.delete),
                messages(count),
                day(oldest),
            ));
        }
    }
}

/// The listing, and what the ledger knows, read meanwhile: with many messages both take a while.
fn list_and_read_rows(
    session: &mut Session<Transaction>,
    ledger: &mut dyn Ledger,
) -> (Result<Listing, SessionError>, Result<KnownRows, LedgerError>) {
    let (listing, known_rows) = thread::scope(|scope| {
        let beside = &mut *ledger;
        let work = clock::carried(move || KnownRows::call(&*beside));
        let known_rows = thread::Builder::new().spawn_scoped(scope, work);
        let listing = session.listing();
        (
            listing,
            known_rows
                .ok()
                .map(|known_rows| known_rows.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        )
    });
    // Where the system allows no further thread, one after the other.
    (listing, known_rows.unwrap_or_else(|| KnownRows::call(&*ledger)))
}
