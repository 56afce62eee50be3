//! One connection with its commands under way: the only place where this room reads and writes.
//!
//! Promises: 64 KiB of input and one response are held, never more; every wait has a deadline, and so has every
//! write; what nobody asked for is bounded for each command, in octets and in time; secrets are masked in the trace
//! and in what the server repeats of them; after the first error nothing more is sent. When a write fails, what the
//! server had said before is heard: it may be the reason.

use super::Options;
use super::code::Refusal;
use super::error::ImapError;
use super::fault::{Fault, SHOWN};
use super::frames::{Event, Frame, Frames, Literals};
use super::response::{Condition, Data, Response, Status};
use crate::event::Side;
use crate::net::{Security, TlsSettings, Transport};
use crate::pop3::command::MASK;
use crate::session::{Loss, Masks, Patience, Tracer};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Octets of input held at once.
const BUFFER: usize = 64 << 10;

/// Octets of output that are gathered before they are written, and the most that is written under one deadline.
const CHUNK: usize = 16 << 10;

/// Octets that may come for one command without having been asked for.
const CHATTER: u64 = 1 << 20;

/// A server that says that it is still at work gets this multiple of the `timeout` for one command.
const STILL_AT_WORK: u32 = 10;

/// How long is listened for the reason of a broken connection, or for a farewell.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Names a command on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u32);

impl Tag {
    fn is(self, tag: &[u8]) -> bool {
        tag.strip_prefix(b"P").and_then(super::code::number) == Some(self.0)
    }
}

/// What came.
#[derive(Debug)]
pub(super) enum Heard {
    /// The answer to a command of ours, which is no longer due.
    Answer(Tag, Status),
    /// A continuation request.
    Continue(Vec<u8>),
    /// Anything else, but BYE.
    Data(Data),
}

pub(super) struct Wire {
    transport: Box<dyn Transport>,
    frames: Frames,
    buffer: Box<[u8]>,
    unread: Range<usize>,
    out: Vec<u8>,
    /// Where in it the present command begins, if not before it.
    command: usize,
    /// The line that is being written, as the trace shows it.
    line: Vec<u8>,
    patience: Patience,
    until: Option<Instant>,
    tracer: Option<Tracer>,
    /// Hides what the server repeats of a secret.
    pub(super) masks: Masks,
    /// What the last `EXISTS` said: messages in the folder that is open.
    pub(super) exists: Option<u32>,
    last: u32,
    due: VecDeque<Tag>,
    /// A listing or a body comes, and how many octets of it have come.
    asked_for_much: bool,
    body: u64,
    /// Octets that came since the last answer, and how long they were waited for.
    chatter: u64,
    waited: Duration,
    /// Nothing can be sent any more.
    deaf: bool,
    failed: bool,
}

impl Wire {
    pub(super) fn new(transport: Box<dyn Transport>, options: Options) -> Self {
        Wire {
            transport,
            frames: Frames::default(),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            unread: 0..0,
            out: Vec::with_capacity(2 * CHUNK),
            command: 0,
            line: Vec::new(),
            patience: Patience::new(options.timeout),
            until: options.until,
            tracer: options.tracer,
            masks: Masks::default(),
            exists: None,
            last: 0,
            due: VecDeque::new(),
            asked_for_much: false,
            body: 0,
            chatter: 0,
            waited: Duration::ZERO,
            deaf: false,
            failed: false,
        }
    }

    pub(super) fn security(&self) -> Security {
        self.transport.security()
    }

    /// The channel binding of the connection, if it has one.
    pub(super) fn tls_server_end_point(&self) -> Option<Vec<u8>> {
        self.transport.tls_server_end_point()
    }

    /// Commands that are not answered.
    pub(super) fn due(&self) -> usize {
        self.due.len()
    }

    /// Marks the connection as lost, for a caller that cannot go on: nothing that was not sent is sent any more.
    pub(super) fn fail<E>(&mut self, error: E) -> E {
        self.failed = true;
        self.out.zeroize();
        error
    }

    /// A fault of the server's, which ends the connection.
    pub(super) fn fault(&mut self, during: &'static str, source: Fault) -> ImapError {
        let source = source.cleaned(|text| self.masks.hidden(text));
        self.fail(ImapError::Protocol { during, source })
    }

    /// Begins a command.
    pub(super) fn begin(&mut self) -> Result<Tag, ImapError> {
        self.check_sane()?;
        if self.due.is_empty() {
            self.check_surplus()?;
            self.patience.renew();
            (self.chatter, self.waited) = (0, Duration::ZERO);
        }
        self.last += 1;
        let tag = Tag(self.last);
        self.command = self.out.len();
        self.due.push_back(tag);
        let word = format!("P{} ", tag.0);
        self.text(word.as_bytes());
        Ok(tag)
    }

    /// Goes on with the line.
    pub(super) fn text(&mut self, text: &[u8]) {
        self.put(text, false);
    }

    /// The same; what is `masked` nobody may see.
    pub(super) fn put(&mut self, text: &[u8], masked: bool) {
        self.out.extend_from_slice(text);
        if self.tracer.is_some() {
            self.line.extend_from_slice(if masked { MASK.as_bytes() } else { text });
        }
    }

    /// Ends the line.
    pub(super) fn end_line(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        let line = std::mem::take(&mut self.line);
        self.trace(Side::Client, || line);
    }

    /// A whole line: an answer in an exchange that nobody may see.
    pub(super) fn respond(&mut self, response: &SecretString, during: &'static str) -> Result<(), ImapError> {
        self.check_sane()?;
        self.put(response.expose_secret().as_bytes(), true);
        self.end_line();
        self.patience.renew();
        self.flush(during)
    }

    /// Octets of a literal.
    pub(super) fn octets(&mut self, octets: &[u8], during: &'static str) -> Result<(), ImapError> {
        self.check_sane()?;
        self.out.extend_from_slice(octets);
        if self.out.len() >= CHUNK { self.flush(during) } else { Ok(()) }
    }

    /// Says in the trace how long a message was.
    pub(super) fn trace_body(&self, octets: u64) {
        self.trace(Side::Client, || format!("… {octets} octets").into_bytes());
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self, during: &'static str) -> Result<(), ImapError> {
        let mut sent = Ok(());
        for chunk in self.out.chunks(CHUNK) {
            let deadline = self.deadline(self.patience.timeout());
            self.transport.set_deadline(deadline);
            sent = self.transport.write_all(chunk);
            if sent.is_err() {
                break;
            }
        }
        if sent.is_ok() && !self.out.is_empty() {
            sent = self.transport.flush();
        }
        // A password may have been in it.
        self.out.zeroize();
        self.command = 0;
        sent.map_err(|error| {
            self.deaf = true;
            self.broken(during, error)
        })
    }

    /// Whether a write failed.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// The present command is never completed: what was gathered before it is written, and nothing is from here on.
    pub(super) fn break_off(&mut self, during: &'static str) -> Result<(), ImapError> {
        self.out.truncate(self.command);
        let flushed = self.flush(during);
        self.deaf = true;
        flushed
    }

    /// A message's body, or a listing, comes now: each `timeout` must bring some of it, and it may take long.
    pub(super) fn expect_much(&mut self, literals: Literals) {
        self.frames.set_literals(literals);
        self.asked_for_much = true;
        self.body = 0;
    }

    /// Octets that came since the last answer.
    pub(super) fn brought(&self) -> u64 {
        self.chatter
    }

    /// Waits for what comes next; `sink` gets the octets of a body.
    pub(super) fn hear_into(
        &mut self,
        during: &'static str,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Heard, ImapError> {
        if self.failed {
            return Err(ImapError::Order("the connection has failed before"));
        }
        let frame = loop {
            let step = match self.frames.advance(&self.buffer[self.unread.clone()]) {
                Ok(step) => step,
                Err(source) => return Err(self.fault(during, source)),
            };
            let base = self.unread.start;
            self.unread.start += step.consumed;
            self.chatter += step.consumed as u64;
            if !self.asked_for_much && self.chatter > CHATTER {
                return Err(self.fault(during, Fault::Chatter { limit: CHATTER }));
            }
            match step.event {
                Some(Event::Response(frame)) => break frame,
                Some(Event::Streamed(range)) => {
                    self.body += range.len() as u64;
                    sink(&self.buffer[base + range.start..base + range.end]);
                }
                None => self.fill(during)?,
            }
        };
        self.understand(frame, during)
    }

    /// The same where no body comes.
    pub(super) fn hear(&mut self, during: &'static str) -> Result<Heard, ImapError> {
        self.hear_into(during, &mut |_| ())
    }

    fn understand(&mut self, frame: Frame, during: &'static str) -> Result<Heard, ImapError> {
        self.trace_response(&frame);
        if !self.asked_for_much {
            self.patience.renew();
        }
        let response = Response::parse(frame).map_err(|source| self.fault(during, source))?;
        match response {
            Response::Continue(text) => Ok(Heard::Continue(text)),
            Response::Tagged { tag, mut status } => {
                let Some(at) = self.due.iter().position(|due| due.is(&tag)) else {
                    return Err(self.fault(during, Fault::ForeignTag { tag: super::fault::beginning(&tag) }));
                };
                let tag = self.due.remove(at).unwrap_or(Tag(0));
                status.text = self.masks.hidden(&status.text);
                self.patience.renew();
                (self.chatter, self.waited) = (0, Duration::ZERO);
                if self.asked_for_much {
                    self.asked_for_much = false;
                    self.frames.set_literals(Literals::Held);
                }
                Ok(Heard::Answer(tag, status))
            }
            Response::Untagged(Data::Status(mut status)) => {
                status.text = self.masks.hidden(&status.text);
                if status.condition == Condition::Bye {
                    let refusal = status.into_refusal();
                    return Err(self.fail(ImapError::Bye { during, refusal }));
                }
                Ok(Heard::Data(Data::Status(status)))
            }
            Response::Untagged(data) => {
                if let Data::Exists(messages) = data {
                    self.exists = Some(messages);
                }
                Ok(Heard::Data(data))
            }
        }
    }

    /// A command of one line, and its answer; `each` gets what comes before.
    pub(super) fn ask(
        &mut self,
        during: &'static str,
        command: &str,
        each: &mut dyn FnMut(Data),
    ) -> Result<Status, ImapError> {
        self.begin()?;
        self.text(command.as_bytes());
        self.end_line();
        self.answer(during, each)
    }

    /// Sends what was gathered and waits for the one answer that is due.
    pub(super) fn answer(
        &mut self,
        during: &'static str,
        each: &mut dyn FnMut(Data),
    ) -> Result<Status, ImapError> {
        if let Err(error) = self.flush(during) {
            return match self.last_words(error, during) {
                (Some((_, status)), _) if status.condition != Condition::Ok => Ok(status),
                (_, error) => Err(error),
            };
        }
        loop {
            match self.hear(during)? {
                Heard::Answer(_, status) => return Ok(status),
                Heard::Data(data) => each(data),
                Heard::Continue(_) => return Err(self.fault(during, Fault::UnexpectedContinuation)),
            }
        }
    }

    /// Sends what was gathered and waits until the server wants more; or it has answered the command instead.
    pub(super) fn go_ahead(&mut self, during: &'static str) -> Result<Option<(Tag, Status)>, ImapError> {
        if let Err(error) = self.flush(during) {
            return match self.last_words(error, during) {
                (Some(answer), _) => Ok(Some(answer)),
                (None, error) => Err(error),
            };
        }
        loop {
            match self.hear(during)? {
                Heard::Answer(tag, status) => return Ok(Some((tag, status))),
                Heard::Continue(_) => {
                    self.patience.renew();
                    return Ok(None);
                }
                Heard::Data(_) => {}
            }
        }
    }

    /// After a write that failed: the next answer that the server had given before, or the reason why the connection
    /// broke, which is `error` if the server did not say.
    pub(super) fn last_words(
        &mut self,
        error: ImapError,
        during: &'static str,
    ) -> (Option<(Tag, Status)>, ImapError) {
        self.failed = false;
        let end = Instant::now().checked_add(LAST_WORDS);
        self.until = self.until.into_iter().chain(end).min();
        loop {
            match self.hear(during) {
                Ok(Heard::Answer(tag, status)) => return (Some((tag, status)), error),
                Ok(_) => {}
                Err(bye @ ImapError::Bye { .. }) => return (None, bye),
                Err(_) => return (None, self.fail(error)),
            }
        }
    }

    /// Says farewell; what the server answers is of no interest.
    pub(super) fn leave(mut self) {
        if !self.due.is_empty() || self.begin().is_err() {
            return;
        }
        self.text(b"LOGOUT");
        self.end_line();
        let end = Instant::now().checked_add(LAST_WORDS);
        self.until = self.until.into_iter().chain(end).min();
        if self.flush("LOGOUT").is_ok() {
            while let Ok(Heard::Data(_)) = self.hear("LOGOUT") {}
        }
    }

    /// Shakes hands for TLS after the `OK` of STARTTLS.
    pub(super) fn start_tls(mut self, tls: &TlsSettings) -> Result<Self, ImapError> {
        if !self.unread.is_empty() || !self.frames.is_at_start() {
            return Err(ImapError::Injected);
        }
        self.transport.set_deadline(self.deadline(self.patience.timeout()));
        let transport = self.transport.start_tls(tls).map_err(ImapError::Net)?;
        Ok(Wire { transport, ..self })
    }

    /// What has come of the first line, for the reason why there is no greeting.
    pub(super) fn unfinished(&self) -> Vec<u8> {
        self.frames.unfinished()
    }

    /// An answer cannot come before its command.
    fn check_surplus(&mut self) -> Result<(), ImapError> {
        let unread = &self.buffer[self.unread.clone()];
        if self.frames.is_at_start() && unread.first().is_some_and(|octet| *octet != b'*') {
            let mut octets = self.masks.hidden(unread);
            octets.truncate(SHOWN);
            return Err(self.fail(ImapError::Surplus { octets }));
        }
        Ok(())
    }

    fn check_sane(&self) -> Result<(), ImapError> {
        if self.failed || self.deaf {
            return Err(ImapError::Order("the connection has failed before"));
        }
        Ok(())
    }

    /// Reads more input, within what is left of the deadline.
    fn fill(&mut self, during: &'static str) -> Result<(), ImapError> {
        let begun = Instant::now();
        let mut left = self.patience.left();
        if !self.asked_for_much {
            left = left.min((self.patience.timeout() * STILL_AT_WORK).saturating_sub(self.waited));
        }
        self.transport.set_deadline(self.deadline(left));
        let outcome = loop {
            match self.transport.read(&mut self.buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        let waited = begun.elapsed();
        self.patience.waited(waited);
        self.waited += waited;
        match outcome {
            Ok(0) => Err(self.fail(ImapError::Closed { during })),
            Ok(octets) => {
                self.unread = 0..octets;
                if self.asked_for_much {
                    self.patience.brought(octets);
                }
                Ok(())
            }
            Err(error) => Err(self.broken(during, error)),
        }
    }

    fn broken(&mut self, during: &'static str, source: io::Error) -> ImapError {
        self.failed = true;
        match Loss::of(&source, self.until) {
            Loss::RunTimeout => ImapError::RunTimeout { during },
            Loss::TimedOut => ImapError::TimedOut { during, after: self.patience.timeout() },
            Loss::Closed => ImapError::Closed { during },
            Loss::Other => ImapError::Io { during, source },
        }
    }

    /// The instant at which waiting so long ends, or the run's end if that is before.
    fn deadline(&self, wait: Duration) -> Option<Instant> {
        Instant::now().checked_add(wait).into_iter().chain(self.until).min()
    }

    fn trace_response(&mut self, frame: &Frame) {
        let body = std::mem::take(&mut self.body);
        if body > 0 {
            self.trace(Side::Server, || format!("… {body} octets").into_bytes());
        }
        let text = frame.text();
        if text.first() == Some(&b'+') && self.masks.shows_in_base64(text[1..].trim_ascii()) {
            self.trace(Side::Server, || format!("+ {MASK}").into_bytes());
        } else {
            self.trace(Side::Server, || self.masks.hidden(text));
        }
    }

    fn trace(&self, side: Side, line: impl FnOnce() -> Vec<u8>) {
        if let Some(tracer) = &self.tracer {
            tracer(side, &line());
        }
    }
}

/// What the server said against a command; `None`: nothing.
pub(super) fn refusal(status: Status) -> Option<Refusal> {
    (status.condition != Condition::Ok).then(|| status.into_refusal())
}
