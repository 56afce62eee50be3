//! One session of an account's run: list, plan, prove, fetch; how it ends is in [`super::depart`].

use super::error::AccountError;
use super::filer::{Before, Filed, Looks};
use super::portions::Portions;
use super::prove;
use super::remove::Due;
use super::retrieve::{Bounds, Broken, Haul, retrieve};
use super::set_aside::SetAside;
use super::tally::Tally;
use super::{due, now};
use crate::archive::Archive;
use crate::config::{Account, DeletePolicy};
use crate::event::{Event, Missing, Observer};
use crate::exit::Exit;
use crate::ledger::{Change, Known, Ledger, Seq, UnixTime};
use crate::plan::{Left, Limits, Plan, Planner, Verdict};
use crate::pop3::listing::Listing;
use crate::receipt::Sighting;
use crate::session::{Session, Transaction};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// Opens a session that is logged in.
pub(super) type Open<'a> = &'a dyn Fn() -> Result<Session<Transaction>, AccountError>;

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
    /// It is the turn of what failed before.
    pub last_turn: bool,
    /// Messages that failed, in this run or before.
    pub aside: SetAside,
    /// Rows that are due and that this run cannot delete: their copy is gone, or DELE was refused.
    pub stay: HashSet<Seq>,
    /// Messages that the last session listed, and the rows that its QUIT deleted.
    pub last: Option<(usize, Vec<Seq>)>,
    /// Rows of this run whose messages the server has certainly given up: what it still lists is not them.
    pub gone: HashSet<Seq>,
    /// The server hangs up on TOP.
    pub without_top: bool,
    /// DELEs that were refused.
    pub refused: u64,
    /// A deletion that was due and is not confirmed: its cause's code, and the words.
    pub unconfirmed: Option<(Exit, String)>,
    /// The `delete` setting of the run before, when it was another one.
    pub delete_was: Option<String>,
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
}

/// What one session is to do.
#[derive(Debug, Default)]
struct Work {
    /// Places in the plan of messages to RETR, in this order.
    fetch: Vec<usize>,
    /// Places of held messages that are due for deletion.
    due: Vec<usize>,
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
        let mut session = (self.open)()?;
        self.ledger.commit(&[Change::LoggedIn { at: now() }])?;
        let opened = Instant::now();
        let listing = session.listing()?;
        self.tally.new_listing();
        if let Some((before, deleted)) = self.last.take()
            && listing.len() + deleted.len() == before
        {
            self.gone.extend(deleted);
        }
        let mut plan = self.plan(&listing)?;
        let mut work = self.select(&plan);
        self.announce(&plan);

        let (proven, doubted) = self.prove(&mut session, &mut plan, &mut work)?;
        let bounds = Bounds {
            max_size: self.account.max_size,
            until: self.deletes_what_it_fetches().then(|| opened + self.portions.session),
            batch: self.portions.batch,
        };
        let mut haul = retrieve(
            &mut session,
            &plan,
            &work.fetch,
            Before { gone: &self.gone, looks: &Looks::new() },
            bounds,
            (&mut *self.archive, &mut *self.ledger),
            (&self.account.name, &**self.observer),
        );
        if haul.broken.is_none() && !haul.unsettled.is_empty() {
            self.look_again(&mut session, &plan, bounds, &mut haul);
        }
        work.more |= haul.cut_short;
        let deletes = self.account.delete != DeletePolicy::Never
            && haul.broken.is_none()
            && !(proven.is_empty() && haul.filed.is_empty());
        self.heed(&plan, &haul, deletes)?;
        self.reckon(&plan, &haul, &doubted);
        match haul.broken.take() {
            // Leaving without QUIT: the server undoes what this session did to it.
            Some(Broken::Session(error)) => {
                if error.is_disorder() {
                    self.disown(&haul.filed)?;
                }
                return Err(error.into());
            }
            Some(Broken::Stopped(exit)) => return Err(AccountError::Stopped { exit }),
            Some(Broken::Archive(error)) => return Err(error.into()),
            Some(Broken::TooLarge(_)) => return Ok(Next::Again),
            None => {}
        }
        let finished = self.finish(session, &plan, proven, &haul, work.next());
        if let Err(AccountError::Session(error)) = &finished
            && error.is_disorder()
        {
            self.disown(&haul.filed)?;
        }
        finished
    }

    fn plan<'l>(&mut self, listing: &'l Listing) -> Result<Plan<'l>, AccountError> {
        let mut planner = Planner::new(listing);
        let mut rows: u64 = 0;
        self.ledger.known(&mut |row| {
            rows += 1;
            planner.row(&row);
        })?;
        if rows == 0 {
            for row in self.adopt(listing)? {
                planner.row(&row);
            }
        }
        let limits = Limits { max_size: self.account.max_size, messages: self.messages_left };
        let plan = planner.finish(&limits, self.aside.quarantine());
        self.aside.listed(&plan);
        let mut learnt: Vec<Change> = plan
            .iter()
            .filter_map(|item| match item.verdict {
                Verdict::Held(held) if held.learn_size && !held.by_header => Some(Change::Recognised {
                    seq: held.seq,
                    uid: item.entry.uid.map(<[u8]>::to_vec),
                    list_size: item.entry.size,
                }),
                _ => None,
            })
            .collect();
        if plan.equal_uids && !self.ledger.overview()?.equal_uids {
            learnt.push(Change::EqualUids);
        }
        self.ledger.commit(&learnt)?;
        Ok(plan)
    }

    /// After a lost ledger: the messages that the archive itself can show to hold.
    fn adopt(&mut self, listing: &Listing) -> Result<Vec<Known>, AccountError> {
        let mut known = Vec::new();
        let mut adopted = Vec::new();
        for uid in listing.iter().filter_map(|entry| entry.uid) {
            if let Some(row) = self.archive.adoptable(&mut *self.ledger, uid)? {
                known.push(Known {
                    seq: row.seq,
                    uid: Some(uid.into()),
                    list_size: row.list_size,
                    archived_at: row.archived_at,
                    deleted: false,
                    leaving: false,
                    by_header: false,
                });
                adopted.push(Change::Adopted(row));
            }
        }
        self.ledger.commit(&adopted)?;
        if !known.is_empty() {
            self.note(&format!(
                "the ledger had no record of this archive; {} were recognised in it",
                messages(known.len() as u64)
            ));
        }
        Ok(known)
    }

    fn select(&self, plan: &Plan<'_>) -> Work {
        let mut work = Work::default();
        let mut last = Work::default();
        for (place, item) in plan.iter().enumerate() {
            let ward = plan.ward(place);
            let list = if ward.is_some() { &mut last } else { &mut work };
            match item.verdict {
                Verdict::Fetch { .. } => list.fetch.push(place),
                Verdict::Held(held)
                    if self.is_due(held.seq, held.archived_at)
                        && !ward.is_some_and(|ward| self.aside.quarantine().rests(ward)) =>
                {
                    list.due.push(place);
                }
                _ => {}
            }
        }
        if work.is_empty() || self.last_turn {
            // Others come first all the same: where UIDs tell nothing they are fetched in each session.
            work.fetch.append(&mut last.fetch);
            work.due.append(&mut last.due);
        } else {
            work.others_wait = !last.is_empty();
        }
        let mut room = self.portions.deletions;
        if self.deletes_what_it_fetches() {
            work.more |= work.fetch.len() > room;
            work.fetch.truncate(room);
            room -= work.fetch.len();
        }
        work.more |= work.due.len() > room;
        work.due.truncate(room);
        work
    }

    pub(super) fn is_due(&self, seq: Seq, archived_at: UnixTime) -> bool {
        self.account.delete != DeletePolicy::Never
            && due(self.account.delete, archived_at, now())
            && !self.stay.contains(&seq)
    }

    fn deletes_what_it_fetches(&self) -> bool {
        self.account.delete == DeletePolicy::Fetched
    }

    fn announce(&mut self, plan: &Plan<'_>) {
        let (to_fetch, octets) = plan.to_fetch();
        let listed = plan.len() as u64;
        self.observer.event(&self.account.name, Event::Planned { listed, to_fetch, octets });
        let Some(before) = self.delete_was.take() else { return };
        let (count, oldest) = super::due_now(plan, self.account.delete);
        if let Some(oldest) = oldest {
            self.note(&format!(
                "`delete` was \"{before}\" and is now \"{}\": {} fetched by earlier runs will be deleted from the server, the oldest archived on {}",
                super::policy_words(self.account.delete),
                messages(count),
                super::day(oldest),
            ));
        }
    }

    /// Looks at the headers of what is due. Returns what may be deleted, and the rows of what
    /// has to be fetched again because its header is not the recorded one.
    fn prove(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
        work: &mut Work,
    ) -> Result<(Vec<Due>, HashMap<usize, Seq>), AccountError> {
        let mut proven = Vec::new();
        let mut doubted = HashMap::new();
        let hashes = if self.without_top {
            vec![None; work.due.len()]
        } else {
            prove::headers(session, plan, &work.due)?
        };
        for (&place, hash) in work.due.iter().zip(hashes) {
            let Verdict::Held(held) = plan.item(place).verdict else { continue };
            let recorded = self.ledger.row(held.seq)?.map(|row| row.digest.header);
            match hash {
                Some(hash) if Some(hash) == recorded => proven.push(Due {
                    seq: held.seq,
                    sighting: Sighting::header(session.id(), plan.item(place).entry.number, hash),
                }),
                _ => {
                    plan.doubt_header(place);
                    doubted.insert(place, held.seq);
                    work.fetch.push(place);
                }
            }
        }
        work.fetch.sort_unstable_by_key(|&place| (plan.ward(place).is_some(), place));
        Ok((proven, doubted))
    }

    /// Notes what failed in this session, and what is out of quarantine; `deletes`: it goes on to delete messages.
    fn heed(&mut self, plan: &Plan<'_>, haul: &Haul, deletes: bool) -> Result<(), AccountError> {
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
        for message in haul.certain() {
            self.aside.stored(plan, message.item);
        }
        for (place, _) in plan.wards() {
            // Stored by a run that could not say so any more.
            if let Verdict::Held(held) = plan.item(place).verdict
                && !self.is_due(held.seq, held.archived_at)
            {
                self.aside.stored(plan, place);
            }
        }
        Ok(self.ledger.commit(&self.aside.take_changes())?)
    }

    /// Adds this session up: every listed message is held, or missing with its reason.
    fn reckon(&mut self, plan: &Plan<'_>, haul: &Haul, doubted: &HashMap<usize, Seq>) {
        let filed: HashMap<usize, &Filed> =
            haul.certain().iter().map(|message| (message.item, message)).collect();
        let missed: BTreeMap<usize, &str> =
            haul.missed.iter().map(|(place, reason)| (*place, reason.as_str())).collect();
        let broken = match &haul.broken {
            Some(Broken::Session(error)) => format!("not fetched: {error}"),
            Some(Broken::Archive(error)) => format!("not stored: {error}"),
            Some(Broken::Stopped(_)) => "not reached before the signal".to_owned(),
            Some(Broken::TooLarge(_)) | None => "not reached in this run".to_owned(),
        };
        for (place, item) in plan.iter().enumerate() {
            let seq = match item.verdict {
                Verdict::Held(held) => Some(held.seq),
                _ => filed.get(&place).map(|message| message.seq).or(doubted.get(&place).copied()),
            };
            if let Some(seq) = seq {
                self.tally.held(seq);
                continue;
            }
            let aside = self.aside.reason(plan, place);
            let (reason, chosen) = match (item.verdict, aside) {
                (Verdict::Left(Left::TooLarge(size)), _) => {
                    (format!("{size} octets, larger than max_size ({})", self.account.max_size), true)
                }
                (Verdict::Left(Left::Limit), _) => ("left by --limit".to_owned(), true),
                (_, Some(aside)) => aside,
                (_, None) => (missed.get(&place).map_or(broken.as_str(), |reason| reason).to_owned(), false),
            };
            self.tally.missing(Missing {
                number: item.entry.number,
                uid: item.entry.uid.map(<[u8]>::to_vec),
                reason,
                chosen,
            });
        }
        let fresh = haul.filed.iter().filter(|message| message.fresh);
        self.tally.octets += fresh.clone().map(|message| message.size).sum::<u64>();
        self.tally.fetched += fresh.count() as u64;
        if let Some(left) = &mut self.messages_left {
            *left = left.saturating_sub(haul.filed.len() as u64);
        }
    }

    pub(super) fn note(&self, text: &str) {
        self.observer.event(&self.account.name, Event::Note(text));
    }
}

pub(super) fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}
