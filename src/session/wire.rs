//! One connection with its dialogue: the only place where a session reads and writes.
//!
//! Promises: 64 KiB of input are held, never more; every wait has a deadline; secrets are
//! masked in the trace and in replies that repeat them; after the first error nothing more is
//! sent. Must never: read on while octets lie unexplained.

use super::loss::Loss;
use super::masks::Masks;
use super::patience::Patience;
use super::{Options, SessionError, Tracer};
use crate::event::Side;
use crate::net::{NetError, Security, TlsSettings, Transport};
use crate::pop3::command::{Command, MASK, Secret, encode_response};
use crate::pop3::dialogue::{Dialogue, DialogueError, Event};
use crate::pop3::reply::Reply;
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Octets of input held at once; larger than any line that the dialogue accepts.
const BUFFER: usize = 64 << 10;

/// Room to read into, at least: what one TLS record brings.
const ROOM: usize = 16 << 10;

/// How long a listing is waited for that is said to be empty.
const WAIT_FOR_NOTHING: Duration = Duration::from_secs(3);

/// Octets of unexplained input that an error shows.
pub(super) const SHOWN: usize = 80;

pub(super) struct Wire {
    transport: Box<dyn Transport>,
    dialogue: Dialogue,
    buffer: Box<[u8]>,
    unread: Range<usize>,
    out: Vec<u8>,
    patience: Patience,
    until: Option<Instant>,
    tracer: Option<Tracer>,
    /// Hides what the server repeats of a secret.
    pub(super) masks: Masks,
    /// Inside a listing or a body, and how many octets of a body have come.
    streaming: bool,
    body: u64,
    failed: bool,
}

impl Wire {
    pub(super) fn new(transport: Box<dyn Transport>, options: Options) -> Self {
        Wire {
            transport,
            dialogue: Dialogue::new(),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            unread: 0..0,
            out: Vec::with_capacity(BUFFER / 16),
            patience: Patience::new(options.timeout),
            until: options.until,
            tracer: options.tracer,
            masks: Masks::default(),
            streaming: false,
            body: 0,
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

    /// Replies that are not complete.
    pub(super) fn due(&self) -> usize {
        self.dialogue.due()
    }

    /// Octets that have been received and not been explained.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.unread.clone()]
    }

    /// Octets that an event points to; valid until the next call.
    pub(super) fn octets(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// No octet lies unread while no reply is due, but for what belongs to the status line that it comes before, and
    /// may be here sooner.
    pub(super) fn check_surplus(&mut self) -> Result<(), SessionError> {
        if self.due() > 0 || self.unread.is_empty() || self.dialogue.passes_over(self.unread()) {
            return Ok(());
        }
        self.failed = true;
        let mut octets = self.masks.hidden(self.unread());
        octets.truncate(SHOWN);
        Err(SessionError::Surplus { octets })
    }

    /// Marks the session as lost, for a caller that cannot go on.
    pub(super) fn fail<E>(&mut self, error: E) -> E {
        self.failed = true;
        error
    }

    /// Puts `command` into the output; [`Wire::flush`] sends it.
    pub(super) fn send(&mut self, command: &Command<'_>) -> Result<(), SessionError> {
        self.check_sane()?;
        self.check_surplus()?;
        if self.due() == 0 {
            self.patience.renew();
        }
        self.dialogue.send(command, &mut self.out)?;
        self.trace(Side::Client, || command.masked());
        Ok(())
    }

    /// Answers a SASL challenge.
    pub(super) fn respond(&mut self, response: &SecretString) -> Result<(), SessionError> {
        self.check_sane()?;
        encode_response(Secret(response.expose_secret()), &mut self.out)?;
        self.trace(Side::Client, || MASK.as_bytes().to_vec());
        self.patience.renew();
        self.flush("AUTH")
    }

    /// Writes all output at once.
    pub(super) fn flush(&mut self, during: &'static str) -> Result<(), SessionError> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.transport.set_deadline(self.deadline(self.patience.timeout()));
        let sent = self.transport.write_all(&self.out).and_then(|()| self.transport.flush());
        // A password may have been in it.
        self.out.zeroize();
        sent.map_err(|error| self.broken(during, error))
    }

    /// Waits for the next event of the oldest reply due.
    pub(super) fn event(&mut self, during: &'static str) -> Result<Event, SessionError> {
        self.event_at(during).map(|(event, _)| event)
    }

    /// The same, and the line that it came as, without its end, secrets masked. Only for what is one line.
    pub(super) fn event_and_line(&mut self, during: &'static str) -> Result<(Event, Vec<u8>), SessionError> {
        let (event, raw) = self.event_at(during)?;
        Ok((event, self.masks.hidden(self.line(raw))))
    }

    /// The next event, and where in the buffer it stands.
    fn event_at(&mut self, during: &'static str) -> Result<(Event, Range<usize>), SessionError> {
        self.check_sane()?;
        loop {
            let base = self.unread.start;
            let step = match self.dialogue.advance(&self.buffer[self.unread.clone()]) {
                Ok(step) => step,
                Err(DialogueError::Surplus) => {
                    self.check_surplus()?;
                    return Err(
                        self.fail(SessionError::Order("a reply was awaited that no command asked for"))
                    );
                }
                Err(source) => {
                    return Err(
                        self.fail(SessionError::Protocol { during, source: self.masks.clean(source) })
                    );
                }
            };
            self.unread.start += step.consumed;
            match step.event {
                Some(event) => {
                    let raw = base..base + step.consumed;
                    return Ok((self.note(event, raw.clone()), raw));
                }
                None => self.fill(during)?,
            }
        }
    }

    /// Whether a listing was taken for complete though its dot never came.
    pub(super) fn has_ended_a_listing(&self) -> bool {
        self.dialogue.has_ended_a_listing()
    }

    /// The next line of a listing that is said to be empty; `None` at its end, which may be that nothing comes any
    /// more: some servers leave out its dot.
    pub(super) fn line_of_nothing(
        &mut self,
        during: &'static str,
    ) -> Result<Option<Range<usize>>, SessionError> {
        self.patience.shorten(WAIT_FOR_NOTHING);
        match self.event(during) {
            Ok(Event::Line(range)) => Ok(Some(range)),
            Ok(_) => Ok(None),
            Err(SessionError::TimedOut { .. }) if self.unread.is_empty() => {
                self.failed = false;
                self.dialogue.end_listing();
                self.streaming = false;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// One command with a reply of one line.
    pub(super) fn ask(&mut self, command: &Command<'_>) -> Result<Reply, SessionError> {
        self.ask_lines(command, |_| ())
    }

    /// One command with a listing as its reply.
    pub(super) fn ask_lines(
        &mut self,
        command: &Command<'_>,
        each: impl FnMut(&[u8]),
    ) -> Result<Reply, SessionError> {
        self.send(command)?;
        self.flush(command.keyword())?;
        self.hear(command.keyword(), each)
    }

    /// The whole reply that is due, line by line.
    pub(super) fn hear(
        &mut self,
        during: &'static str,
        mut each: impl FnMut(&[u8]),
    ) -> Result<Reply, SessionError> {
        let Event::Status { reply, more } = self.event(during)? else {
            return Err(self.fail(SessionError::Order("a reply began in its middle")));
        };
        if !more {
            return Ok(reply);
        }
        loop {
            match self.event(during)? {
                Event::Line(range) => each(&self.buffer[range]),
                Event::End => return Ok(reply),
                Event::Status { .. } | Event::Challenge(_) | Event::Body(_) => {
                    return Err(self.fail(SessionError::Order("a listing turned into something else")));
                }
            }
        }
    }

    /// Shakes hands for TLS after the `+OK` of STLS.
    pub(super) fn start_tls(mut self, tls: &TlsSettings) -> Result<Self, SessionError> {
        if !self.unread.is_empty() {
            return Err(SessionError::Injected);
        }
        self.transport.set_deadline(self.deadline(self.patience.timeout()));
        let transport = self.transport.start_tls(tls).map_err(|error: NetError| SessionError::Net(error))?;
        Ok(Wire { transport, ..self })
    }

    /// Traces an event, keeps the time, and turns its range into one of the buffer.
    fn note(&mut self, event: Event, raw: Range<usize>) -> Event {
        let shift = |range: Range<usize>| range.start + raw.start..range.end + raw.start;
        match event {
            Event::Status { mut reply, more } => {
                self.trace_line(raw);
                self.patience.renew();
                (self.streaming, self.body) = (more, 0);
                self.masks.hide_in(&mut reply);
                Event::Status { reply, more }
            }
            Event::Challenge(range) => {
                let text = shift(range);
                if self.masks.shows_in_base64(&self.buffer[text.clone()]) {
                    self.trace(Side::Server, || format!("+ {MASK}").into_bytes());
                } else {
                    self.trace_line(raw);
                }
                Event::Challenge(text)
            }
            Event::Line(range) => {
                self.trace_line(raw.clone());
                Event::Line(shift(range))
            }
            Event::Body(range) => {
                self.body += range.len() as u64;
                Event::Body(shift(range))
            }
            Event::End => {
                let body = self.body;
                if body > 0 {
                    self.trace(Side::Server, || format!("… {body} octets").into_bytes());
                }
                self.trace(Side::Server, || b".".to_vec());
                self.streaming = false;
                self.patience.renew();
                Event::End
            }
        }
    }

    /// Reads more input, within what is left of the deadline.
    fn fill(&mut self, during: &'static str) -> Result<(), SessionError> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.buffer.len() - self.unread.end < ROOM {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let begun = Instant::now();
        self.transport.set_deadline(self.deadline(self.patience.left()));
        let outcome = loop {
            match self.transport.read(&mut self.buffer[self.unread.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.patience.waited(begun.elapsed());
        match outcome {
            Ok(0) => Err(self.fail(SessionError::Closed { during })),
            Ok(octets) => {
                self.unread.end += octets;
                if self.streaming {
                    self.patience.brought(octets);
                }
                Ok(())
            }
            Err(error) => Err(self.broken(during, error)),
        }
    }

    fn broken(&mut self, during: &'static str, source: io::Error) -> SessionError {
        self.failed = true;
        match Loss::of(&source, self.until) {
            Loss::RunTimeout => SessionError::RunTimeout { during },
            Loss::TimedOut => SessionError::TimedOut { during, after: self.patience.timeout() },
            Loss::Closed => SessionError::Closed { during },
            Loss::Other => SessionError::Io { during, source },
        }
    }

    /// The instant at which waiting so long ends, or the run's end if that is before.
    fn deadline(&self, wait: Duration) -> Option<Instant> {
        Instant::now().checked_add(wait).into_iter().chain(self.until).min()
    }

    fn check_sane(&self) -> Result<(), SessionError> {
        if self.failed { Err(SessionError::Order("the session has failed before")) } else { Ok(()) }
    }

    fn trace_line(&self, raw: Range<usize>) {
        self.trace(Side::Server, || self.masks.hidden(self.line(raw)));
    }

    /// A line that lies in the buffer, without its end.
    fn line(&self, raw: Range<usize>) -> &[u8] {
        let line = &self.buffer[raw];
        // What was passed over.
        let begin = memchr::memchr(b'\n', line).map_or(0, |end| end + 1);
        let line = if begin < line.len() { &line[begin..] } else { line };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    fn trace(&self, side: Side, line: impl FnOnce() -> Vec<u8>) {
        if let Some(tracer) = &self.tracer {
            tracer(side, &line());
        }
    }
}
