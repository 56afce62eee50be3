//! The filer: a thread that takes messages off the network's hands and makes them durable.
//!
//! The network side packs octets into [`Parcel`]s; the filer writes them into the archive,
//! decides by content whether a doubtful message is one that is archived already, and commits
//! batches. The queue between them is short, so that the slower of wire and disk sets the pace
//! and memory stays bounded.
//!
//! Promises: a [`Filed`] message is durable and on record. Must never: report a message of a
//! batch whose commit failed.

use super::portions::BatchLimits;
use crate::archive::{Archive, ArchiveError, Arrived};
use crate::event::{Event, Observer};
use crate::ledger::{Change, Ledger, LedgerError, Row, Seq, UnixTime};
use crate::mail::digest::Digest;
use crate::plan::{Compare, Plan, Verdict, Why};
use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// A parcel is sent when it holds so many octets; a CR that waited for its LF may come on top.
const PARCEL_OCTETS: usize = 16 * 1024;
/// Parcels that may wait between network and disk. What comes while they do is held by the system, in
/// the socket's buffer, which is far larger.
pub(super) const PARCELS_WAITING: usize = 4;

/// Octets of messages in stored form, one behind the other, and where each begins and ends.
#[derive(Debug)]
pub(super) struct Parcel {
    pub octets: Vec<u8>,
    marks: Vec<(usize, Mark)>,
}

#[derive(Clone, Copy, Debug)]
enum Mark {
    Begin,
    End { item: usize, wire_octets: u64 },
    Discard,
}

impl Parcel {
    /// An empty one. It has its whole room at once: one that grows ends up with twice as much as it needs.
    pub(super) fn new() -> Self {
        Parcel { octets: Vec::with_capacity(PARCEL_OCTETS + 1), marks: Vec::new() }
    }

    /// Octets that it can take before it is full.
    pub(super) fn room(&self) -> usize {
        PARCEL_OCTETS.saturating_sub(self.octets.len())
    }

    /// A message begins here.
    pub(super) fn begin(&mut self) {
        self.marks.push((self.octets.len(), Mark::Begin));
    }

    /// The message that began last, number `item` of the plan, is complete, with so many octets on the wire.
    pub(super) fn end(&mut self, item: usize, wire_octets: u64) {
        self.marks.push((self.octets.len(), Mark::End { item, wire_octets }));
    }

    /// The message that began last is to be forgotten.
    pub(super) fn discard(&mut self) {
        self.marks.push((self.octets.len(), Mark::Discard));
    }

    /// Whether it is worth sending.
    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty() && self.marks.is_empty()
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.marks.clear();
    }
}

/// A message that is durable and on record.
#[derive(Clone, Debug)]
pub(super) struct Filed {
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
    /// The server sends it with other octets each time: it stays there.
    pub unsteady: bool,
}

/// Messages, by their place in the plan, that came with other content than is on record under their
/// UIDs, and with what. Each needs a second look: see [`super::unsteady`].
pub(super) type Looks = HashMap<usize, Digest>;

/// What is known of the messages to be fetched before they come.
#[derive(Clone, Copy)]
pub(super) struct Before<'b> {
    /// Rows that none of them can be, whatever its content.
    pub gone: &'b HashSet<Seq>,
    /// What a first look showed of them.
    pub looks: &'b Looks,
}

/// See the module's page.
pub(super) struct Filer<'a> {
    archive: &'a mut dyn Archive,
    ledger: &'a mut dyn Ledger,
    plan: &'a Plan<'a>,
    limits: BatchLimits,
    observer: &'a dyn Observer,
    account: &'a str,
    /// Rows that explain another listed message already, or that no listed message can be.
    claimed: HashSet<Seq>,
    /// UTF8 (RFC 6856) is in force.
    utf8: bool,
    /// The first look at what is fetched for a second one.
    looks: &'a Looks,
    unsettled: Looks,
    changes: Vec<Change>,
    waiting: Vec<Filed>,
    oldest: Option<Instant>,
}

impl<'a> Filer<'a> {
    pub(super) fn new(
        archive: &'a mut dyn Archive,
        ledger: &'a mut dyn Ledger,
        plan: &'a Plan<'a>,
        before: Before<'a>,
        limits: BatchLimits,
        utf8: bool,
        (account, observer): (&'a str, &'a dyn Observer),
    ) -> Self {
        let compares_all = |verdict| matches!(verdict, Verdict::Fetch { compare: Compare::Unclaimed, .. });
        let mut claimed = before.gone.clone();
        if plan.iter().any(|item| compares_all(item.verdict)) {
            claimed.extend(plan.iter().filter_map(|item| match item.verdict {
                Verdict::Archived(archived) => Some(archived.seq),
                _ => None,
            }));
        }
        Filer {
            archive,
            ledger,
            plan,
            limits,
            observer,
            account,
            claimed,
            utf8,
            looks: before.looks,
            unsettled: Looks::new(),
            changes: Vec::new(),
            waiting: Vec::new(),
            oldest: None,
        }
    }

    /// Works until the network side, which asks for `expected` messages, hangs up, then commits what is complete.
    /// `filed` gets each batch after its commit; `spare` gets emptied parcels back. Returns what needs a second look.
    pub(super) fn work(
        mut self,
        expected: usize,
        parcels: &Receiver<Parcel>,
        filed: &Sender<Vec<Filed>>,
        spare: &Sender<Parcel>,
    ) -> Result<Looks, ArchiveError> {
        self.archive.expect(expected);
        let mut open = false;
        loop {
            let patience = match self.oldest {
                Some(since) if !open => {
                    self.limits.age.saturating_sub(since.elapsed()).max(Duration::from_millis(1))
                }
                _ => self.limits.age,
            };
            match parcels.recv_timeout(patience) {
                Ok(mut parcel) => {
                    self.unpack(&parcel, &mut open, filed)?;
                    parcel.clear();
                    // Nobody may want it back any more; that is no failure.
                    let _ = spare.send(parcel);
                }
                Err(RecvTimeoutError::Timeout) if open => {}
                Err(RecvTimeoutError::Timeout) => self.commit_when_due(filed)?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if open {
            self.archive.discard()?;
        }
        self.commit(filed)?;
        Ok(self.unsettled)
    }

    fn unpack(
        &mut self,
        parcel: &Parcel,
        open: &mut bool,
        filed: &Sender<Vec<Filed>>,
    ) -> Result<(), ArchiveError> {
        let mut done = 0;
        for &(at, mark) in &parcel.marks {
            if at > done {
                self.archive.write(&parcel.octets[done..at])?;
                done = at;
            }
            match mark {
                Mark::Begin => {
                    self.archive.begin()?;
                    *open = true;
                }
                Mark::End { item, wire_octets } => {
                    *open = false;
                    self.file(item, wire_octets)?;
                    // Here, between two messages: a commit throws away one that is open.
                    self.commit_when_due(filed)?;
                }
                Mark::Discard => {
                    *open = false;
                    self.archive.discard()?;
                }
            }
        }
        if done < parcel.octets.len() {
            self.archive.write(&parcel.octets[done..])?;
        }
        Ok(())
    }

    /// A message is complete: is it one that is archived, or a new one?
    fn file(&mut self, item: usize, wire_octets: u64) -> Result<(), ArchiveError> {
        let (digest, size) = self.archive.finish()?;
        let entry = self.plan.item(item).entry;
        let (compare, why) = match self.plan.item(item).verdict {
            Verdict::Fetch { compare, why } => (compare, Some(why)),
            Verdict::Archived(_) | Verdict::Left(_) => (Compare::Nothing, None),
        };
        let on_record = why.is_some_and(Why::is_on_record);
        let mut unsteady = false;
        let (seq, archived_at, fresh) = if let Some(row) = self.recognise(compare, &digest)? {
            self.archive.discard()?;
            if row.uid.as_deref() != entry.uid
                || (entry.size.is_some() && row.list_size != entry.size)
                || row.state == crate::ledger::State::Deleted
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
        } else if on_record && !self.looks.contains_key(&item) {
            self.unsettled.insert(item, digest);
            return self.archive.discard();
        } else if on_record
            && self.differs_from_first_look(item, &digest)
            && let Some(version) = self.unsteady_version(compare)?
        {
            unsteady = true;
            self.archive.discard()?;
            (version, UnixTime::MAX, false)
        } else {
            unsteady = on_record && self.differs_from_first_look(item, &digest);
            let (seq, at) = (self.ledger.next_seq(), super::now());
            let uid = entry.uid.map(<[u8]>::to_vec);
            let arrived = Arrived { uid, list_size: entry.size, at, utf8: self.utf8 };
            self.archive.keep(seq, arrived)?;
            self.changes.extend(unsteady.then_some(Change::Unsteady(seq)));
            (seq, at, true)
        };
        self.claimed.insert(seq);
        self.oldest.get_or_insert_with(Instant::now);
        self.waiting.push(Filed { item, seq, digest, size, wire_octets, archived_at, fresh, unsteady });
        Ok(())
    }

    /// The row that is this message: of the rows allowed, or else of those without a UID, one that explains no
    /// other listed message and has the same content, exactly if there is such a one.
    fn recognise(&self, compare: Compare, digest: &Digest) -> Result<Option<Row>, LedgerError> {
        let (allowed, nameless): (Option<&[Seq]>, &[Seq]) = match compare {
            Compare::Nothing => return Ok(None),
            Compare::Group(group) => (Some(self.plan.group(group)), self.plan.nameless()),
            Compare::Unclaimed => (None, &[]),
        };
        let pick = |rows: Vec<Seq>| {
            let free: Vec<Seq> = rows.into_iter().filter(|seq| !self.claimed.contains(seq)).collect();
            let own = free.iter().find(|seq| allowed.is_none_or(|allowed| allowed.contains(seq)));
            own.or_else(|| free.iter().find(|seq| nameless.contains(seq))).copied()
        };
        let found = match pick(self.ledger.by_content(digest)?) {
            Some(seq) => Some(seq),
            None => pick(self.ledger.by_core(digest)?),
        };
        found.map_or(Ok(None), |seq| self.ledger.row(seq))
    }

    fn differs_from_first_look(&self, item: usize, digest: &Digest) -> bool {
        self.looks.get(&item).is_some_and(|first| first.core() != digest.core())
    }

    /// Of the rows allowed, the newest whose message is known to come with other octets each time.
    fn unsteady_version(&self, compare: Compare) -> Result<Option<Seq>, LedgerError> {
        let Compare::Group(group) = compare else { return Ok(None) };
        let unsteady = self.ledger.quirks()?.unsteady;
        let rows = self.plan.group(group).iter().copied();
        Ok(rows.filter(|seq| unsteady.contains(seq) && !self.claimed.contains(seq)).max())
    }

    fn commit_when_due(&mut self, filed: &Sender<Vec<Filed>>) -> Result<(), ArchiveError> {
        let age = self.oldest.map_or(Duration::ZERO, |since| since.elapsed());
        if self.limits.reached(self.archive.pending(), age) { self.commit(filed) } else { Ok(()) }
    }

    fn commit(&mut self, filed: &Sender<Vec<Filed>>) -> Result<(), ArchiveError> {
        self.oldest = None;
        if self.archive.pending().messages > 0 {
            self.archive.commit(self.ledger)?;
        }
        self.ledger.commit(&std::mem::take(&mut self.changes))?;
        let batch = std::mem::take(&mut self.waiting);
        if !batch.is_empty() {
            let messages = batch.iter().filter(|message| message.fresh).count() as u64;
            self.observer.event(self.account, Event::Stored { messages });
            // The other end waits for us with `join`; it reads them afterwards.
            let _ = filed.send(batch);
        }
        Ok(())
    }
}
