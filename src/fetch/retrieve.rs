//! The network side of a fetch: RETR by RETR off the wire, into the filer's parcels, and STAT behind the last one.
//!
//! Promises: a message is passed on as complete only after CRLF `.` CRLF, and when the next octets have turned
//! out to be an answer, or there are none: a server that does not double a leading dot ends a message in its
//! middle, and what follows is no answer. What came short, or not at all, is never stored as mail. Where a reply
//! may have been lost, what came after it is unsure.

use super::filer::{Before, Filed, Filer, Findings, PARCELS_WAITING, Parcel, Watch};
use super::lost_reply;
use super::portions::BatchLimits;
use crate::archive::{Archive, ArchiveError};
use crate::event::{Event, Observer};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::mail::line_ends::Unix;
use crate::mail::safe_text::escape;
use crate::plan::Plan;
use crate::pop3::listing::parse_stat;
use crate::session::{DEPTH, Incoming, Sent, Session, SessionError, Transaction};
use crate::stop;
use std::collections::{HashSet, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::Instant;

/// Commands handed to the session ahead of the answers: enough that its own queue never runs dry.
pub(super) const QUEUED: usize = 2 * DEPTH;

/// What bounds a retrieval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// A message that turns out larger is given up, in octets on the wire.
    pub max_size: u64,
    /// No new RETR after this instant, once one message has come.
    pub until: Option<Instant>,
    /// When the filer commits.
    pub batch: BatchLimits,
    /// STAT follows each message before the next is asked for, so that whatever goes wrong has one author.
    pub each_alone: bool,
}

/// What a retrieval brought.
#[derive(Debug, Default)]
pub(super) struct Haul {
    /// Messages that are durable now, and of which it is certain which ones they are.
    pub filed: Vec<Filed>,
    /// Messages that are durable now, and may have come in answer to another's RETR.
    pub unsure: Vec<Filed>,
    /// Messages that did not come, by their place in the plan, and why.
    pub missed: Vec<(usize, String)>,
    /// Numbers that STAT alone implies, and that the server refused: it has counted wrongly.
    pub phantoms: HashSet<usize>,
    /// Of those missed, the ones that the server refused for now only.
    pub passing: HashSet<usize>,
    /// It did not come to its end.
    pub broken: Option<Broken>,
    /// The message whose answer was due when the session broke.
    pub broke_at: Option<usize>,
    /// The message behind which octets came that are no answer. It is not filed.
    pub ended_badly: Option<usize>,
    /// The STAT behind the last message did not say what it said when the maildrop was listed.
    pub other_stat: bool,
    /// A RETR was refused, or sizes speak for other messages: perhaps the server has changed its numbers.
    pub suspicion: bool,
    /// STAT was answered after the last message: nothing is under way.
    pub settled: bool,
    /// All came, and then the session ended before its last word.
    pub gone: Option<SessionError>,
    /// RETRs that had no whole answer when it broke off.
    pub unanswered: usize,
    /// Not all were asked for: the time was up.
    pub cut_short: bool,
    /// What the filer found out.
    pub findings: Findings,
}

impl Haul {
    /// All messages that are durable now.
    pub(super) fn durable(&self) -> impl Iterator<Item = &Filed> {
        self.filed.iter().chain(&self.unsure)
    }
}

/// Why a retrieval broke off. The session cannot be used any more.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection or the server failed.
    Session(SessionError),
    /// A signal asked to stop.
    Stopped(Exit),
    /// The archive failed.
    Archive(ArchiveError),
    /// This message passed `max_size`, whatever LIST said; the rest of it was not awaited.
    TooLarge(usize),
}

/// Fetches the messages `order` (places in the plan) and files them, in the light of what is known `before`.
pub(super) fn retrieve(
    session: &mut Session<Transaction>,
    plan: &Plan<'_>,
    order: &[usize],
    before: Before<'_>,
    bounds: Bounds,
    (archive, ledger): (&mut dyn Archive, &mut dyn Ledger),
    (account, observer): (&str, &dyn Observer),
) -> Haul {
    if order.is_empty() {
        return Haul::default();
    }
    let (parcels, incoming) = sync_channel(PARCELS_WAITING);
    let (emptied, spare) = channel();
    let (report, reports) = channel();
    let watch = Watch::default();
    let ways = (session.pipelining(), session.utf8());
    let filer = Filer::new(archive, ledger, plan, before, bounds.batch, ways, &watch, (account, observer));
    let mut haul = std::thread::scope(|scope| {
        let working = scope.spawn(move || filer.work(order.len(), &incoming, &report, &emptied));
        let packer = Packer { parcel: Parcel::new(), parcels, spare, account, observer };
        let mut haul = pump(session, plan, order, (bounds, &watch), packer);
        match working.join() {
            Ok(Ok(findings)) => haul.findings = findings,
            Ok(Err(error)) => haul.broken = Some(Broken::Archive(error)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        haul
    });
    haul.filed = reports.try_iter().flatten().collect();
    haul.missed.append(&mut haul.findings.missed);
    haul.suspicion |= watch.other_numbers();
    match &haul.broken {
        // One answer too many: what came may be the message that was asked for before it.
        Some(Broken::Session(error)) if error.is_disorder() => {
            let made_up = lost_reply::Replies::MadeUp;
            (haul.filed, haul.unsure) = lost_reply::part(haul.filed, order, plan, made_up);
            haul.ended_badly = haul.findings.first_untallied.or(haul.ended_badly);
        }
        Some(_) if haul.unanswered > 0 && session.sent_ahead() => {
            let lost = lost_reply::Replies::Lost(haul.unanswered);
            (haul.filed, haul.unsure) = lost_reply::part(haul.filed, order, plan, lost);
        }
        _ => {}
    }
    haul
}

/// Packs octets into parcels and sends them.
struct Packer<'a> {
    parcel: Parcel,
    parcels: SyncSender<Parcel>,
    spare: Receiver<Parcel>,
    account: &'a str,
    observer: &'a dyn Observer,
}

/// The filer has gone: its own result says why.
struct FilerGone;

impl Packer<'_> {
    /// Puts the next octets of a message, as they came off the wire, into parcels.
    fn pack(&mut self, mut octets: &[u8], ends: &mut Unix) -> Result<(), FilerGone> {
        while !octets.is_empty() {
            let (now, later) = octets.split_at(octets.len().min(self.parcel.room()));
            ends.feed(now, &mut self.parcel.octets);
            self.send_if_full()?;
            octets = later;
        }
        Ok(())
    }

    fn send_if_full(&mut self) -> Result<(), FilerGone> {
        if self.parcel.room() == 0 { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), FilerGone> {
        if self.parcel.is_empty() {
            return Ok(());
        }
        self.observer.event(self.account, Event::Received { octets: self.parcel.octets.len() as u64 });
        let next = self.spare.try_recv().unwrap_or_else(|_| Parcel::new());
        self.parcels.send(std::mem::replace(&mut self.parcel, next)).map_err(|_| FilerGone)
    }
}

/// The message whose answer is coming in.
#[derive(Default)]
struct Current {
    ends: Unix,
    wire_octets: u64,
}

fn pump(
    session: &mut Session<Transaction>,
    plan: &Plan<'_>,
    order: &[usize],
    (bounds, watch): (Bounds, &Watch),
    mut packer: Packer<'_>,
) -> Haul {
    let mut haul = Haul::default();
    let mut waiting = order.iter().copied();
    let mut asked: VecDeque<usize> = VecDeque::new();
    let mut current = Current::default();
    let mut came: u64 = 0;
    // A message that has come to its end, until what follows it is known to be an answer.
    let mut ended: Option<(usize, u64)> = None;
    let mut stat_under_way = false;
    let listed_stat = session.listed_stat();
    let at_once = if bounds.each_alone { 1 } else { QUEUED };
    loop {
        let late = came > 0 && bounds.until.is_some_and(|until| Instant::now() >= until);
        if waiting.len() > 0 && (late || watch.enough()) {
            haul.cut_short = true;
            waiting = order[order.len()..].iter().copied();
        }
        let settled = !bounds.each_alone || ended.is_none();
        if !stat_under_way && asked.len() <= DEPTH && settled {
            for item in waiting.by_ref().take(at_once.saturating_sub(asked.len())) {
                session.queue_retr(plan.item(item).entry.number);
                asked.push_back(item);
            }
        }
        if !stat_under_way && asked.is_empty() && !haul.settled {
            session.queue_stat();
            stat_under_way = true;
        }
        let event = match session.next() {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(error) => {
                if error.is_disorder()
                    && let Some((item, _)) = ended.take()
                {
                    haul.ended_badly = Some(item);
                    packer.parcel.discard();
                }
                haul.broke_at = asked.front().copied();
                if stat_under_way && waiting.len() == 0 && !error.is_disorder() {
                    haul.gone = Some(error);
                } else {
                    haul.broken = Some(Broken::Session(error));
                }
                break;
            }
        };
        if matches!(event, Incoming::Status { .. })
            && let Some((item, wire_octets)) = ended.take()
        {
            packer.parcel.end(item, wire_octets);
        }
        if let Incoming::Status { command: Sent::Stat, reply } = &event {
            stat_under_way = false;
            haul.settled = waiting.len() == 0;
            let said = parse_stat(reply.text()).filter(|_| reply.is_ok());
            haul.other_stat |= listed_stat.is_some_and(|listed| said != Some(listed));
            continue;
        }
        let Some(&item) = asked.front() else { continue };
        let step = match event {
            Incoming::Status { reply, .. } if reply.is_ok() => {
                packer.parcel.begin();
                current = Current::default();
                Ok(())
            }
            Incoming::Status { reply, .. } => {
                if reply.is_transient() {
                    haul.passing.insert(item);
                }
                if plan.is_counted_only(item) {
                    haul.phantoms.insert(item);
                } else {
                    haul.suspicion = true;
                    haul.missed.push((item, format!("the server refused it: {}", escape(reply.text()))));
                }
                asked.pop_front();
                Ok(())
            }
            Incoming::Body { octets, .. } => {
                current.wire_octets += octets.len() as u64;
                if current.wire_octets > bounds.max_size {
                    packer.parcel.discard();
                    haul.broken = Some(Broken::TooLarge(item));
                    break;
                }
                packer.pack(octets, &mut current.ends)
            }
            Incoming::End { .. } => {
                asked.pop_front();
                came += 1;
                current.ends.finish(&mut packer.parcel.octets);
                if current.wire_octets == 0 && plan.item(item).entry.size != Some(0) {
                    // RFC 1939 lets a server answer +OK and send nothing; Exchange does for messages that it
                    // cannot convert.
                    packer.parcel.discard();
                    haul.missed.push((item, "the server sent nothing for it".to_owned()));
                } else {
                    ended = Some((item, current.wire_octets));
                }
                packer.send_if_full()
            }
        };
        if step.is_err() {
            break;
        }
        let between_messages = asked.front() != Some(&item);
        let more = !asked.is_empty() || waiting.len() > 0;
        if let Some(exit) = stop::requested()
            && between_messages
            && more
        {
            haul.broken = Some(Broken::Stopped(exit));
            break;
        }
    }
    if let Some((item, wire_octets)) = ended {
        // The session has ended; nothing followed this message.
        packer.parcel.end(item, wire_octets);
    }
    haul.unanswered = asked.len();
    // What is complete is worth keeping, however the session ended.
    let _ = packer.send();
    haul
}
