//! The storer: a thread that takes messages off the network's hands and makes them durable.
//!
//! The network side packs octets into [`Chunk`]s; the storer writes them into the archive,
//! decides by content whether a doubtful message is one that is archived already, and commits
//! batches. The queue between them is short, so that the slower of wire and disk sets the pace
//! and memory stays bounded.
//!
//! Promises: a [`Filed`] message is durable and on record. Must never: report a message of a
//! batch whose commit failed.

use super::chunk::{Chunk, Ended, Mark};
use crate::archive::{Archive, ArchiveError, Arrived};
use crate::clock::now;
use crate::event::{Event, Reporter};
use crate::fetch::download::sizes::{Sizes, is_short};
use crate::fetch::portions::BatchLimits;
use crate::fetch::recognition::by_content::ByContent;
use crate::fetch::recognition::listed_together::ListedTogether;
use crate::fetch::recognition::unknown_copies::UnknownCopies;
use crate::ledger::{Change, Ledger, LedgerError, Row, RowState, Seq, UnixTime};
use crate::mail::digest::Digest;
use crate::mail::reason;
use crate::plan::{Compare, Plan, Verdict, Why};
use crate::pop3::listing::Entry;
use crate::store::Store;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// A message that is durable and on record.
#[derive(Clone, Debug)]
pub(crate) struct Filed {
    /// Which of the plan.
    pub item: usize,
    /// Its row.
    pub seq: Seq,
    /// The digest of what this session brought.
    pub digest: Digest,
    /// Octets of the stored form.
    pub size: u64,
    /// Octets on the wire, dot-stuffing undone.
    pub wire_octets: u64,
    /// When it was archived.
    pub archived_at: UnixTime,
    /// It was stored now; otherwise it was recognised as one that was archived before.
    pub fresh: bool,
    /// The server sends it with other octets each time, or less than half of it: it stays there.
    pub unsteady: bool,
}

/// Messages, by their place in the plan, that need a second look, and what the first one showed: see
/// [`crate::fetch::download::second_look`].
pub(crate) type Looks = HashMap<usize, Look>;

/// What the first look at a message showed.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    digest: Digest,
    doubt: Doubt,
}

impl Look {
    /// At a message that is filed with this content.
    pub(crate) fn filed(digest: Digest) -> Self {
        Look { digest, doubt: Doubt::Filed }
    }
}

/// Why one look at a message is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Its octets do not tally with its LIST size, in a session that sent commands ahead.
    DoesNotTally,
    /// Less than half of what LIST says has come.
    Short,
    /// It has other content than is on record under its UID.
    DiffersFromRecord,
    /// It has the content of one that came just before it, or that is on record under another listed UID.
    Twin,
    /// It is filed, and another came with the same content right behind it.
    Filed,
}

/// On what terms a session brings messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'w> {
    /// The session sends commands ahead, so that octets must tally with sizes.
    pub must_tally: bool,
    /// UTF8 (RFC 6856) is in force.
    pub utf8: bool,
    /// Where the network side looks.
    pub watch: &'w Watch,
}

/// What the storer has seen that the network side must heed at once.
#[derive(Debug)]
pub(crate) struct Watch {
    calm: bool,
    /// Messages that do not tally.
    untallied: AtomicU64,
    /// Messages with the content of another.
    doubles: AtomicU64,
    /// Messages seem to have other numbers than they were listed with.
    other_numbers: AtomicBool,
}

/// An answer that came in another's place came this number of messages before it at most.
const RECENT: usize = 16;

/// Messages that do not tally: with this number of them a server loses the privilege of pipelining. This number of
/// messages with the content of another is asked for again before any more is fetched.
pub(crate) const WRONG_SIZES: u64 = 3;

impl Watch {
    /// Nothing seen yet. `calm`: sizes that are another message's mean nothing.
    pub(crate) fn new(calm: bool) -> Self {
        Watch {
            calm,
            untallied: AtomicU64::new(0),
            doubles: AtomicU64::new(0),
            other_numbers: AtomicBool::new(false),
        }
    }

    /// Whether nothing more is to be asked for before what has come is looked into.
    pub(crate) fn enough(&self) -> bool {
        let most = self.untallied.load(Ordering::Relaxed).max(self.doubles.load(Ordering::Relaxed));
        self.other_numbers() || most >= WRONG_SIZES
    }

    /// Whether messages seem to have other numbers than they were listed with.
    pub(crate) fn other_numbers(&self) -> bool {
        self.other_numbers.load(Ordering::Relaxed)
    }
}

/// What the storer found out besides what it filed.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What needs a second look.
    pub unsettled: Looks,
    /// Messages that came with the same octets twice, so that LIST's size of them is wrong.
    pub wrong_sizes: u64,
    /// A message came with other octets when it was asked for alone.
    pub mixed_up: bool,
    /// Messages that came too short twice, and differently.
    pub missed: Vec<(usize, Arc<str>)>,
    /// The first message that does not tally, where others did.
    pub first_untallied: Option<usize>,
    /// A message does not tally, whether others did or not.
    pub untallied: bool,
    /// Messages that came right before one with the same content, and that content.
    pub twins: Looks,
    /// One of these came with another content when it was asked for alone.
    pub another: bool,
    /// Messages that have the content of another when they are asked for alone, too.
    pub equals: u64,
    /// Messages with the content of another that are left to the next session.
    pub put_off: u64,
}

impl Findings {
    /// Whether a message has other content than is on record under its UID, or a size that is neither the recorded nor
    /// the listed one: perhaps it is another one.
    pub(crate) fn differs_from_record(&self, plan: &Plan<'_>) -> bool {
        self.unsettled.iter().any(|(place, look)| match look.doubt {
            Doubt::DiffersFromRecord => true,
            Doubt::DoesNotTally => matches!(
                plan.item(*place).verdict,
                Verdict::Fetch { why, .. } if why.is_on_record()
            ),
            _ => false,
        })
    }
}

/// What is known of the messages to be fetched before they come.
#[derive(Clone, Copy)]
pub(crate) struct Before<'b> {
    /// Rows that none of them can be, whatever its content.
    pub gone: &'b HashSet<Seq>,
    /// What a first look showed of them.
    pub looks: &'b Looks,
    /// Which UIDs were listed together in this run.
    pub listed_together: &'b ListedTogether,
    /// The maildrop has equal messages, this run has seen: the content of another leaves no doubt.
    pub equals: bool,
}

/// See the module's page.
pub(crate) struct Storer<'a> {
    archive: &'a mut dyn Archive,
    ledger: &'a mut dyn Ledger,
    plan: &'a Plan<'a>,
    limits: BatchLimits,
    reporter: Reporter<'a>,
    by_content: ByContent<'a>,
    /// What is in the archive and no row explains, if there is any.
    unknown_copies: Option<UnknownCopies>,
    /// UTF8 (RFC 6856) is in force.
    utf8: bool,
    before: Before<'a>,
    /// The session sends commands ahead, so that octets must tally with sizes.
    must_tally: bool,
    sizes: Sizes,
    watch: &'a Watch,
    /// Messages that were put off because of their size alone, in a session that sends nothing ahead.
    suspects: u64,
    /// Messages that were put off because they have the content of another.
    doubles: u64,
    /// The messages that came last, and their content.
    recent: VecDeque<(usize, Digest)>,
    findings: Findings,
    changes: Vec<Change>,
    /// What is to be on record before the archive looks for copies that no row explains.
    first: Vec<Change>,
    waiting: Vec<Filed>,
    oldest: Option<Instant>,
    /// A batch is no larger: it grows from one message where there was no room for more.
    at_most: usize,
    /// The last commit failed, or stored a part only: nothing more is committed.
    no_more_commits: bool,
}

impl<'a> Storer<'a> {
    pub(crate) fn new(
        store: &'a mut Store,
        plan: &'a Plan<'a>,
        before: Before<'a>,
        limits: BatchLimits,
        Terms { must_tally, utf8, watch }: Terms<'a>,
        reporter: Reporter<'a>,
    ) -> Self {
        Storer {
            archive: &mut *store.archive,
            ledger: &mut *store.ledger,
            plan,
            limits,
            reporter,
            by_content: ByContent::new(plan, before.gone.clone(), before.listed_together),
            unknown_copies: None,
            utf8,
            before,
            must_tally,
            sizes: Sizes::new(),
            watch,
            suspects: 0,
            doubles: 0,
            recent: VecDeque::new(),
            findings: Findings::default(),
            changes: Vec::new(),
            first: Vec::new(),
            waiting: Vec::new(),
            oldest: None,
            at_most: if limits.gently { 1 } else { usize::MAX },
            no_more_commits: false,
        }
    }

    /// Works until the network side hangs up, then commits what is complete.
    /// `filed` gets each batch after its commit; `spare` gets emptied chunks back.
    pub(crate) fn work(
        mut self,
        chunks: &Receiver<Chunk>,
        filed: &Sender<Vec<Filed>>,
        spare: &Sender<Chunk>,
    ) -> Result<Findings, ArchiveError> {
        self.unknown_copies = self.ledger.has_unknown_copies()?.then(UnknownCopies::default);
        let taken_in = self.take_in(chunks, filed, spare);
        if let Err(error) = &taken_in
            && error.is_one_messages()
            && !self.no_more_commits
        {
            // What is complete is kept.
            let _ = self.commit(filed);
        }
        taken_in.map(|()| self.findings)
    }

    fn take_in(
        &mut self,
        chunks: &Receiver<Chunk>,
        filed: &Sender<Vec<Filed>>,
        spare: &Sender<Chunk>,
    ) -> Result<(), ArchiveError> {
        let mut open = false;
        loop {
            let patience = match self.oldest {
                Some(since) if !open => {
                    self.limits.age.saturating_sub(since.elapsed()).max(Duration::from_millis(1))
                }
                _ => self.limits.age,
            };
            match chunks.recv_timeout(patience) {
                Ok(mut chunk) => {
                    self.unpack(&chunk, &mut open, filed)?;
                    chunk.clear();
                    // Nobody may want it back any more; that is no failure.
                    let _ = spare.send(chunk);
                }
                Err(RecvTimeoutError::Timeout) if open => {}
                Err(RecvTimeoutError::Timeout) => self.commit_when_due(filed)?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if open {
            self.archive.discard()?;
        }
        self.commit(filed)
    }

    fn unpack(
        &mut self,
        chunk: &Chunk,
        open: &mut bool,
        filed: &Sender<Vec<Filed>>,
    ) -> Result<(), ArchiveError> {
        let mut done = 0;
        for &(at, mark) in &chunk.marks {
            if at > done {
                self.write(&chunk.octets[done..at])?;
                done = at;
            }
            match mark {
                Mark::Begin => {
                    self.archive.begin()?;
                    if let Some(unknown_copies) = &mut self.unknown_copies {
                        unknown_copies.begin();
                    }
                    *open = true;
                }
                Mark::End(ended) => {
                    *open = false;
                    self.file(ended)?;
                    // Here, between two messages: a commit throws away one that is open.
                    self.commit_when_due(filed)?;
                }
                Mark::Discard => {
                    *open = false;
                    self.archive.discard()?;
                }
                // The message that came last is still open, and outlives the commit.
                Mark::Rest => self.commit(filed)?,
            }
        }
        if done < chunk.octets.len() {
            self.write(&chunk.octets[done..])?;
        }
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), ArchiveError> {
        if let Some(unknown_copies) = &mut self.unknown_copies {
            unknown_copies.update(octets);
        }
        self.archive.write(octets)
    }

    /// A message is complete: is it one that is archived, or a new one?
    fn file(&mut self, ended: Ended) -> Result<(), ArchiveError> {
        let Ended { item, wire_octets, .. } = ended;
        let (digest, size) = self.archive.finish()?;
        let entry = self.plan.item(item).entry;
        let tallies = self.tallies(item, wire_octets, size);
        let short = is_short(entry.size, wire_octets);
        let look = self.before.looks.get(&item);
        let doubt = if short {
            Some(Doubt::Short)
        } else if !tallies && (self.must_tally || look.is_none() && self.is_suspect(&ended)) {
            Some(Doubt::DoesNotTally)
        } else if look.is_none() && self.is_twin(item, &digest) {
            Some(Doubt::Twin)
        } else {
            None
        };
        match (look, doubt) {
            (None, Some(doubt)) => return self.look_again(item, digest, doubt),
            (Some(first), _) if first.doubt == Doubt::Filed => {
                self.findings.another |= first.digest != digest;
                return self.archive.discard();
            }
            (Some(first), _) if first.doubt != Doubt::DiffersFromRecord => {
                let same = first.digest == digest;
                self.findings.equals += u64::from(same && first.doubt == Doubt::Twin);
                self.findings.wrong_sizes += u64::from(same && !tallies);
                self.findings.mixed_up |= !same && first.doubt != Doubt::Short;
                if short && !same {
                    let size = entry.size.unwrap_or_default();
                    let reason = format!("the server sent {wire_octets} octets of a message of {size}");
                    self.findings
                        .missed
                        .push((item, reason::shared(&reason, "the server sent a part of it")));
                    return self.archive.discard();
                }
            }
            _ => {}
        }
        let (compare, why) = match self.plan.item(item).verdict {
            Verdict::Fetch { compare, why } => (compare, Some(why)),
            _ => (Compare::Nothing, None),
        };
        let on_record = why.is_some_and(Why::is_on_record);
        // Half a message, even if the server says twice that this is all: it is kept where it came from, too.
        let mut unsteady = short;
        let (seq, archived_at, fresh) =
            if let Some(row) = self.by_content.find(self.archive, self.ledger, item, compare, &digest)? {
                self.archive.discard()?;
                self.note_size(why, compare, &row, &digest);
                self.displace(why, compare, Some(row.seq))?;
                if row.uid.as_deref() != entry.uid
                || (entry.size.is_some() && row.list_size != entry.size)
                || row.state == RowState::Deleted
                // Its row may have had its UID by its header alone until now.
                || why == Some(Why::HeaderChanged)
                {
                    self.changes.push(Change::Recognised {
                        seq: row.seq,
                        uid: entry.uid.map(<[u8]>::to_vec).or(row.uid),
                        list_size: entry.size.or(row.list_size),
                    });
                }
                (row.seq, row.archived_at, false)
            } else if let Some(row) = self.unknown_copy(entry, &digest)? {
                self.archive.discard()?;
                self.displace(why, compare, None)?;
                (row.seq, row.archived_at, false)
            } else if on_record && look.is_none() {
                return self.look_again(item, digest, Doubt::DiffersFromRecord);
            } else if on_record
                && self.differs_from_first_look(item, &digest)
                && let Some(version) = self.unsteady_version(compare)?
            {
                unsteady = true;
                self.archive.discard()?;
                (version, UnixTime::MAX, false)
            } else if look.is_none() && self.is_listed_elsewhere(&digest)? {
                return self.look_again(item, digest, Doubt::Twin);
            } else {
                unsteady |= on_record && self.differs_from_first_look(item, &digest);
                let (seq, at) = (self.ledger.next_seq(), now());
                let uid = entry.uid.map(<[u8]>::to_vec);
                let arrived = Arrived { uid, list_size: entry.size, at, utf8: self.utf8, flags: None };
                self.archive.keep(seq, arrived)?;
                if unsteady {
                    self.changes.push(Change::Unsteady(seq));
                } else {
                    self.changes.extend((why == Some(Why::SizeChanged)).then_some(Change::SizeTold));
                    self.displace(why, compare, None)?;
                }
                (seq, at, true)
            };
        self.by_content.claimed.insert(seq);
        self.oldest.get_or_insert_with(Instant::now);
        self.waiting.push(Filed { item, seq, digest, size, wire_octets, archived_at, fresh, unsteady });
        Ok(())
    }

    /// The row of the unknown copy that this message is: it is on record with the batch.
    fn unknown_copy(&mut self, entry: Entry<'_>, digest: &Digest) -> Result<Option<Row>, ArchiveError> {
        let Some(unknown_copies) = &mut self.unknown_copies else { return Ok(None) };
        unknown_copies.find(self.archive, self.ledger, entry, digest, &mut self.first)
    }

    /// Puts a message off until it has been asked for a second time, or to the next session.
    fn look_again(&mut self, item: usize, digest: Digest, doubt: Doubt) -> Result<(), ArchiveError> {
        if doubt == Doubt::Twin {
            self.doubles += 1;
            self.watch.doubles.store(self.doubles, Ordering::Relaxed);
        }
        if doubt == Doubt::Twin && self.doubles > WRONG_SIZES {
            self.findings.put_off += 1;
        } else {
            self.findings.unsettled.insert(item, Look { digest, doubt });
        }
        self.archive.discard()
    }

    /// Whether a message that does not tally may hold an answer that nobody asked for, though nothing was sent
    /// ahead: it is the odd one among those that tally, or begins as an answer does. After a few the sizes
    /// are no sign.
    fn is_suspect(&mut self, ended: &Ended) -> bool {
        let sized = self.plan.item(ended.item).entry.size.is_some();
        let odd = ended.begins_as_answer || sized && self.sizes.has_tallied();
        let suspect = odd && self.suspects < WRONG_SIZES;
        self.suspects += u64::from(suspect);
        suspect
    }

    /// Whether a message has the content of one of the last few: an answer may have come twice, or in another's place.
    fn is_twin(&mut self, item: usize, digest: &Digest) -> bool {
        if self.before.equals {
            return false;
        }
        let twin = self.recent.iter().find(|(_, recent)| recent == digest).map(|(item, _)| *item);
        self.recent.truncate(RECENT - 1);
        self.recent.push_front((item, digest.clone()));
        let Some(other) = twin else { return false };
        if self.doubles < WRONG_SIZES {
            self.findings.twins.insert(other, Look::filed(digest.clone()));
        }
        true
    }

    /// Whether a message that no row explains has the content of one that is on record and listed under another UID:
    /// it may be that one, in answer to another's RETR.
    fn is_listed_elsewhere(&self, digest: &Digest) -> Result<bool, LedgerError> {
        Ok(!self.before.equals
            && self.plan.has_rows()
            && self.ledger.by_core(digest)?.iter().any(|seq| self.plan.is_listed(*seq)))
    }

    /// Whether a message's octets tally with its LIST size, and what it means for the session if not.
    fn tallies(&mut self, item: usize, wire: u64, stored: u64) -> bool {
        let Some(listed) = self.plan.item(item).entry.size else { return false };
        if self.sizes.tallies(listed, wire, stored) {
            self.sizes.end_of_others();
            return true;
        }
        self.findings.untallied = true;
        self.watch.untallied.fetch_add(u64::from(self.must_tally), Ordering::Relaxed);
        if self.sizes.has_tallied() {
            self.findings.first_untallied.get_or_insert(item);
        }
        if !self.watch.calm && self.sizes.suggest_other_numbers(self.plan, wire, stored) {
            self.watch.other_numbers.store(true, Ordering::Relaxed);
        }
        false
    }

    /// Takes note of a size in LIST that has changed for a message that was recognised as this row.
    fn note_size(&mut self, why: Option<Why>, compare: Compare, row: &Row, digest: &Digest) {
        let Compare::Group(group) = compare else { return };
        if why == Some(Why::SizeChanged) && self.plan.group(group).contains(&row.seq) {
            let same = row.digest.content() == digest.content();
            self.changes.extend(same.then_some(Change::SizeChanged(row.seq)));
        }
    }

    /// A message's UID is that of this row, or of a new one: others that bear it have lost it, if the server has
    /// never shown one UID for two messages.
    fn displace(&mut self, why: Option<Why>, compare: Compare, row: Option<Seq>) -> Result<(), LedgerError> {
        let (Some(why), Compare::Group(group)) = (why, compare) else { return Ok(()) };
        let alone = self.plan.group(group).iter().all(|seq| Some(*seq) == row);
        if alone || !why.is_on_record() || why == Why::DeletedBefore {
            return Ok(());
        }
        let quirks = self.ledger.quirks()?;
        if quirks.equal_uids {
            return Ok(());
        }
        for &other in self.plan.group(group).iter().filter(|seq| Some(**seq) != row) {
            let stored = self.ledger.row(other)?.is_some_and(|row| row.state == RowState::Stored);
            if stored && !self.by_content.claimed.contains(&other) && !quirks.unsteady.contains(&other) {
                self.changes.push(Change::Recognised { seq: other, uid: None, list_size: None });
            }
        }
        Ok(())
    }

    fn differs_from_first_look(&self, item: usize, digest: &Digest) -> bool {
        self.before.looks.get(&item).is_some_and(|first| first.digest.core() != digest.core())
    }

    /// Of the rows allowed, the newest whose message is known to come with other octets each time.
    fn unsteady_version(&self, compare: Compare) -> Result<Option<Seq>, LedgerError> {
        let Compare::Group(group) = compare else { return Ok(None) };
        let unsteady = self.ledger.quirks()?.unsteady;
        let rows = self.plan.group(group).iter().copied();
        Ok(rows.filter(|seq| unsteady.contains(seq) && !self.by_content.claimed.contains(seq)).max())
    }

    fn commit_when_due(&mut self, filed: &Sender<Vec<Filed>>) -> Result<(), ArchiveError> {
        let age = self.oldest.map_or(Duration::ZERO, |since| since.elapsed());
        let pending = self.archive.pending();
        let due = self.limits.reached(pending, age) || pending.messages >= self.at_most;
        if due { self.commit(filed) } else { Ok(()) }
    }

    fn commit(&mut self, filed: &Sender<Vec<Filed>>) -> Result<(), ArchiveError> {
        self.oldest = None;
        self.no_more_commits = true;
        let mut stored = HashSet::new();
        if !self.first.is_empty() {
            self.archive.secure_met()?;
            self.ledger.commit(&std::mem::take(&mut self.first))?;
        }
        if self.archive.pending().messages > 0 {
            stored.extend(self.archive.commit(self.ledger)?);
            self.at_most = self.at_most.saturating_mul(2);
        }
        let shortfall = self.archive.shortfall();
        if shortfall.is_some() {
            self.forget_all_but(&stored);
        }
        self.ledger.commit(&std::mem::take(&mut self.changes))?;
        self.no_more_commits = shortfall.is_some();
        let batch = std::mem::take(&mut self.waiting);
        if !batch.is_empty() {
            let messages = batch.iter().filter(|message| message.fresh).count() as u64;
            self.reporter.event(Event::Stored { messages });
            // The other end waits for us with `join`; it reads them afterwards.
            let _ = filed.send(batch);
        }
        shortfall.map_or(Ok(()), Err)
    }

    /// Of the messages that are new, only these are stored.
    fn forget_all_but(&mut self, stored: &HashSet<Seq>) {
        let new = self.waiting.iter().filter(|message| message.fresh).map(|message| message.seq);
        let lost: HashSet<Seq> = new.filter(|seq| !stored.contains(seq)).collect();
        self.waiting.retain(|message| !lost.contains(&message.seq));
        self.changes.retain(|change| !matches!(change, Change::Unsteady(seq) if lost.contains(seq)));
    }
}
