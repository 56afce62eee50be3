//! The network side of a fetch: RETR by RETR off the wire, into the storer's chunks, and STAT behind the last one.
//!
//! Promises: a message is passed on as complete only after CRLF `.` CRLF, and when the next octets have turned
//! out to be an answer, or there are none: a server that does not double a leading dot ends a message in its
//! middle, and what follows is no answer. What came short, or not at all, is never stored as mail. Where a reply
//! may have been lost, what came after it is unsure.

use crate::event::{Event, Reporter};
use crate::fetch::download::allowance::Allowance;
use crate::fetch::download::chunk::{Chunk, Ended};
use crate::fetch::download::outcome::{Bounds, Download, Ending};
use crate::fetch::download::storer::{WRONG_SIZES, Watch};
use crate::mail::line_ends::Unix;
use crate::mail::reason;
use crate::plan::Plan;
use crate::pop3::listing::parse_stat;
use crate::pop3::refusal::ends_the_login;
use crate::pop3::reply::Reply;
use crate::session::{DEPTH, Incoming, QUEUED, Sent, Session, SessionError, Transaction};
use crate::stop;
use crate::text::safe::escape;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

/// Packs octets into chunks and sends them.
pub(crate) struct Packer<'a> {
    chunk: Chunk,
    chunks: SyncSender<Chunk>,
    spare: Receiver<Chunk>,
    reporter: Reporter<'a>,
}

/// The storer has gone: its own result says why.
struct StorerGone;

impl<'a> Packer<'a> {
    /// `spare`: emptied chunks that come back.
    pub(crate) fn new(chunks: SyncSender<Chunk>, spare: Receiver<Chunk>, reporter: Reporter<'a>) -> Self {
        Packer { chunk: Chunk::new(), chunks, spare, reporter }
    }

    /// Puts the next octets of a message, as they came off the wire, into chunks.
    fn pack(&mut self, mut octets: &[u8], ends: &mut Unix) -> Result<(), StorerGone> {
        while !octets.is_empty() {
            let (now, later) = octets.split_at(octets.len().min(self.chunk.room()));
            ends.feed(now, &mut self.chunk.octets);
            self.send_if_full()?;
            octets = later;
        }
        Ok(())
    }

    fn send_if_full(&mut self) -> Result<(), StorerGone> {
        if self.chunk.room() == 0 { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), StorerGone> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.reporter.event(Event::Received { octets: self.chunk.octets.len() as u64 });
        let next = self.spare.try_recv().unwrap_or_else(|_| Chunk::new());
        self.chunks.send(std::mem::replace(&mut self.chunk, next)).map_err(|_| StorerGone)
    }
}

/// The message whose answer is coming in.
#[derive(Default)]
struct Current {
    ends: Unix,
    wire_octets: u64,
    begins_as_answer: bool,
}

/// Asks for messages and hears the answers.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and they combine")]
pub(crate) struct MessageReceiver<'a> {
    plan: &'a Plan<'a>,
    bounds: Bounds,
    watch: &'a Watch,
    packer: Packer<'a>,
    download: Download,
    /// Messages to ask for, by their place in the plan.
    waiting: &'a [usize],
    /// Messages whose answers are not complete.
    asked: VecDeque<usize>,
    current: Current,
    came: u64,
    /// A message that has come to its end, until what follows it is known to be an answer.
    ended: Option<Ended>,
    /// It has fewer octets than LIST says: there may be more of it behind a dot that was not doubled.
    short: bool,
    /// For this number of them STAT is still to be asked at once.
    looks_at_short: u64,
    /// An answer has come whole.
    opened: bool,
    pipelining: bool,
    stat_under_way: bool,
    /// STAT has said something else behind this message: it is asked twice, since a line of a message may look
    /// like its answer, but not the dot behind it.
    stat_again: bool,
    /// What STAT said when the maildrop was listed.
    listed_stat: Option<(u64, u64)>,
    allowance: Allowance,
    /// The login holds no more, the server has said: nothing is asked for any more.
    login_over: Option<Reply>,
}

/// There is no more to hear.
struct Over;

impl From<StorerGone> for Over {
    fn from(_: StorerGone) -> Self {
        Over
    }
}

impl<'a> MessageReceiver<'a> {
    pub(crate) fn new(
        session: &Session<Transaction>,
        plan: &'a Plan<'a>,
        order: &'a [usize],
        bounds: Bounds,
        watch: &'a Watch,
        packer: Packer<'a>,
    ) -> Self {
        MessageReceiver {
            plan,
            bounds,
            watch,
            packer,
            download: Download::default(),
            waiting: order,
            asked: VecDeque::new(),
            current: Current::default(),
            came: 0,
            ended: None,
            short: false,
            looks_at_short: WRONG_SIZES,
            opened: false,
            pipelining: session.pipelining(),
            stat_under_way: false,
            stat_again: false,
            listed_stat: session.listed_stat(),
            allowance: Allowance::default(),
            login_over: None,
        }
    }

    pub(crate) fn work(mut self, session: &mut Session<Transaction>) -> Download {
        loop {
            self.ask(session);
            let heard = match session.next() {
                Ok(Some(Incoming::Status { command: Sent::Stat, reply })) => self.hear_stat(&reply),
                Ok(Some(event)) => self.hear(event),
                Ok(None) => Err(Over),
                Err(error) => {
                    self.broke(error);
                    Err(Over)
                }
            };
            if heard.is_err() {
                break;
            }
        }
        // The session has ended; nothing followed the last message.
        self.confirm();
        self.went_on();
        if let Some((item, reply)) = self.allowance.used() {
            self.download.limit_met_at = Some(item);
            if let Ending::Complete = self.download.ending {
                self.download.ending = Ending::LimitReached(reply.clone());
            }
        }
        self.download.unanswered = self.asked.len();
        if let Some(reply) = self.login_over.take() {
            self.download.ending = Ending::SessionFailed(SessionError::LoginOver { during: "RETR", reply });
        }
        // What is complete is worth keeping, however the session ended.
        let _ = self.packer.send();
        self.download
    }

    fn ask(&mut self, session: &mut Session<Transaction>) {
        if self.stat_under_way || self.login_over.is_some() {
            return;
        }
        let late = self.came > 0 && self.bounds.until.is_some_and(|until| Instant::now() >= until);
        if self.allowance.used().is_some() {
            self.waiting = &[];
        }
        if !self.waiting.is_empty() && (late || self.watch.enough()) {
            self.download.cut_short = true;
            self.waiting = &[];
        }
        let room = if self.awaits_stat() {
            0
        } else if self.bounds.each_alone || !self.pipelining || self.bounds.first_alone && !self.opened {
            1
        } else if self.asked.len() > DEPTH {
            0
        } else {
            QUEUED
        };
        let (now, later) =
            self.waiting.split_at(room.saturating_sub(self.asked.len()).min(self.waiting.len()));
        self.waiting = later;
        for &item in now {
            session.queue_retr(self.plan.item(item).entry.number);
            self.asked.push_back(item);
        }
        if self.asked.is_empty() && !self.download.settled {
            session.queue_stat();
            self.stat_under_way = true;
            // What has come is made durable while the answer is on its way.
            self.packer.chunk.rest();
            // If the storer has gone, its own result says why.
            let _ = self.packer.send();
        }
    }

    /// Whether nothing is asked for before STAT has said that the message just ended is whole.
    fn awaits_stat(&self) -> bool {
        self.ended.is_some() && (self.bounds.each_alone || self.short)
    }

    /// What has ended is a whole message: an answer, or nothing, has followed it.
    fn confirm(&mut self) {
        if let Some(ended) = self.ended.take() {
            self.packer.chunk.end(ended);
        }
    }

    fn hear_stat(&mut self, reply: &Reply) -> Result<(), Over> {
        let said = parse_stat(reply.text()).filter(|_| reply.is_ok());
        if self.ended.is_some() && (said.is_none() || said != self.listed_stat) && !self.stat_again {
            self.stat_under_way = false;
            self.stat_again = true;
            return Ok(());
        }
        if ends_the_login(reply) {
            self.broke(SessionError::LoginOver { during: "STAT", reply: reply.clone() });
            return Err(Over);
        }
        self.stat_under_way = false;
        self.stat_again = false;
        if self.ended.is_some() && self.short {
            self.looks_at_short -= 1;
        }
        self.confirm();
        self.download.settled = self.waiting.is_empty();
        self.download.other_stat |= self.listed_stat.is_some_and(|listed| said != Some(listed));
        Ok(())
    }

    fn hear(&mut self, event: Incoming<'_>) -> Result<(), Over> {
        let Some(&item) = self.asked.front() else { return Ok(()) };
        match event {
            Incoming::Status { reply, .. } => {
                self.confirm();
                if reply.is_ok() {
                    self.went_on();
                    self.packer.chunk.begin();
                    self.current = Current::default();
                    return Ok(());
                }
                self.asked.pop_front();
                self.opened = true;
                if self.login_over.is_some() || ends_the_login(&reply) {
                    // No message's fault; what was asked for behind it meets the same.
                    self.download.broke_at.get_or_insert(item);
                    self.login_over.get_or_insert(reply);
                    return Ok(());
                }
                for (item, reply) in self.allowance.refused(item, &reply) {
                    self.refused(item, &reply);
                }
            }
            Incoming::Body { octets, .. } => {
                if self.current.wire_octets == 0 {
                    self.current.begins_as_answer = octets.starts_with(b"+OK") || octets.starts_with(b"-ERR");
                }
                self.current.wire_octets += octets.len() as u64;
                if self.current.wire_octets > self.bounds.max_size {
                    self.packer.chunk.discard();
                    self.download.ending = Ending::TooLarge(item);
                    return Err(Over);
                }
                return Ok(self.packer.pack(octets, &mut self.current.ends)?);
            }
            Incoming::End { .. } => {
                self.asked.pop_front();
                self.opened = true;
                self.came += 1;
                self.end(item)?;
            }
        }
        let more = !self.asked.is_empty() || !self.waiting.is_empty();
        if let Some(exit) = stop::requested()
            && more
        {
            self.download.ending = Ending::Stopped(exit);
            return Err(Over);
        }
        Ok(())
    }

    /// The refusal before was its message's own.
    fn went_on(&mut self) {
        if let Some((item, reply)) = self.allowance.went_on() {
            self.refused(item, &reply);
        }
    }

    fn refused(&mut self, item: usize, reply: &Reply) {
        if reply.is_transient() {
            self.download.passing.insert(item);
        }
        if self.plan.is_counted_only(item) {
            self.download.phantoms.insert(item);
        } else {
            self.download.suspicion = true;
            let text = format!(
                "the server refused it: {}",
                escape(&reply.text()[..reply.text().len().min(reason::LIMIT)])
            );
            self.download.missed.push((item, reason::shared(&text, "the server refused it")));
        }
    }

    fn end(&mut self, item: usize) -> Result<(), StorerGone> {
        let Current { ends, wire_octets, begins_as_answer } = &mut self.current;
        ends.finish(&mut self.packer.chunk.octets);
        let listed = self.plan.item(item).entry.size;
        if *wire_octets == 0 && listed != Some(0) {
            // RFC 1939 lets a server answer +OK and send nothing; Exchange does for messages that it cannot
            // convert.
            self.packer.chunk.discard();
            self.download.missed.push((item, reason::shared("the server sent nothing for it", "")));
        } else {
            let (wire_octets, begins_as_answer) = (*wire_octets, *begins_as_answer);
            self.ended = Some(Ended { item, wire_octets, begins_as_answer });
            let short = !self.pipelining && listed.is_some_and(|listed| wire_octets < listed);
            self.short = short && self.looks_at_short > 0;
        }
        self.packer.send_if_full()
    }

    fn broke(&mut self, error: SessionError) {
        // After a signal no answer is awaited to its end: nothing is wrong with the message.
        if let Some(exit) = stop::requested()
            && !error.is_disorder()
        {
            self.download.ending = Ending::Stopped(exit);
            return;
        }
        if error.is_disorder()
            && let Some(Ended { item, .. }) = self.ended
        {
            self.download.exact = self.awaits_stat();
            self.ended = None;
            self.download.ended_badly = Some(item);
            self.packer.chunk.discard();
        }
        if error.silence().is_some() {
            self.allowance.hung_up();
        }
        if let Some((_, reply)) = self.allowance.used() {
            let limit = SessionError::TryLater { during: "RETR", reply: reply.clone() };
            self.download.ending = Ending::SessionFailed(limit);
            return;
        }
        self.download.broke_at = self.asked.front().copied();
        if self.stat_under_way && self.waiting.is_empty() && !error.is_disorder() {
            self.download.ending = Ending::ClosedAfterAll(error);
        } else {
            self.download.ending = Ending::SessionFailed(error);
        }
    }
}
