//! The parts of a message (RFC 2045, RFC 2046), found while it passes.
//!
//! | file | what it does |
//! | --- | --- |
//! | `mod` | finds where parts begin and end, and hands them to a [`Sink`] |
//! | `head` | what a part's header says of it |
//! | `transfer` | undoes base64 and quoted-printable |
//! | `charset` | octets into text |
//! | `html` | HTML into text |
//! | `filename` | names that are safe to write under |
//!
//! Promises: memory is a constant, whatever the message; time grows with its octets alone. More than [`BOUNDARIES`]
//! boundary lines or [`LEVELS`] levels end the search: [`Walker::finish`] says so, and whoever asked goes by the header
//! alone. A message that is broken is read as well as can be, and never an error.
//!
//! It does not use the parser of a library: that one wants the whole message in memory, copies of what is in it, and
//! takes a level for each call of itself.

pub mod charset;
pub mod filename;
mod head;
pub mod html;
mod transfer;

pub use head::Part;

use head::{Kind, Multipart};
use transfer::Decoder;

/// Boundary lines in a message, at most.
pub const BOUNDARIES: usize = 10_000;

/// Parts within parts, and messages within messages, at most.
pub const LEVELS: usize = 100;

/// Octets of a header that are looked at.
const HEADER: usize = 64 * 1024;

/// Octets of a line that must be known to tell whether it is a boundary: RFC 2046 allows 70 for the boundary itself.
const LINE: usize = 1024;

/// Takes what a [`Walker`] finds.
pub trait Sink {
    /// The header of the message, or of one within it: without the empty line at its end, and not more than 64 KiB of it.
    fn header(&mut self, header: &[u8], level: usize);

    /// A part begins that has no parts; whether its octets are wanted.
    fn begin(&mut self, part: &Part) -> bool;

    /// Octets of that part, its transfer encoding undone.
    fn octets(&mut self, octets: &[u8]);

    /// That part has ended.
    fn end(&mut self);

    /// A message within the message begins; [`Sink::header`] follows, then its parts.
    fn message_begins(&mut self, part: &Part);

    /// The message within the message has ended; it had so many octets.
    fn message_ends(&mut self, octets: u64);
}

/// What becomes of messages within the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Embedded {
    /// Their parts are parts of the message.
    Opened,
    /// They are parts as others are.
    Closed,
}

/// A message has more boundary lines or levels than any that a person wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooComplex;

/// Finds the parts of a message given in stored form (LF line ends), in pieces of any size.
pub struct Walker<'s, S: Sink> {
    sink: &'s mut S,
    embedded: Embedded,
    state: State,
    /// What is open around the place where we are, outermost first.
    open: Vec<Open>,
    /// The beginning of a line whose end is yet to come.
    line: Vec<u8>,
    /// The beginning of this line was handed on already: it is no boundary.
    in_line: bool,
    boundaries: usize,
    /// Octets so far, to the beginning of this line.
    seen: u64,
    too_complex: bool,
}

enum State {
    /// In the header of a message or a part.
    Header { octets: Vec<u8>, of: HeaderOf },
    /// In the body of a part that has no parts.
    Leaf { decoder: Option<Decoder>, line_end: bool },
    /// Before the first part, behind the last one, or behind what is too complex.
    Between,
}

#[derive(Clone, Copy)]
enum HeaderOf {
    Message,
    Part { digest: bool },
}

enum Open {
    Multipart(Multipart),
    Message { begins: u64 },
}

impl<'s, S: Sink> Walker<'s, S> {
    /// For a message, none of which has come yet.
    pub fn new(sink: &'s mut S, embedded: Embedded) -> Self {
        Walker {
            sink,
            embedded,
            state: State::Header { octets: Vec::new(), of: HeaderOf::Message },
            open: Vec::new(),
            line: Vec::new(),
            in_line: false,
            boundaries: 0,
            seen: 0,
            too_complex: false,
        }
    }

    /// The next octets.
    pub fn update(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() && !self.too_complex {
            let end = memchr::memchr(b'\n', octets);
            let (piece, rest) = octets.split_at(end.map_or(octets.len(), |lf| lf + 1));
            octets = rest;
            match end {
                Some(_) if self.line.is_empty() => self.piece(piece, true),
                None if self.line.is_empty() && (self.in_line || piece.len() > LINE) => {
                    self.piece(piece, false);
                }
                _ => {
                    self.line.extend_from_slice(piece);
                    if end.is_some() || self.line.len() > LINE {
                        let line = std::mem::take(&mut self.line);
                        self.piece(&line, end.is_some());
                        self.line = line;
                        self.line.clear();
                    }
                }
            }
        }
    }

    /// No more.
    pub fn finish(mut self) -> Result<(), TooComplex> {
        if !self.line.is_empty() && !self.too_complex {
            let line = std::mem::take(&mut self.line);
            self.piece(&line, false);
        }
        if let State::Header { .. } = self.state {
            self.header_ends();
        }
        self.leave(0);
        if self.too_complex { Err(TooComplex) } else { Ok(()) }
    }

    /// A line, or a piece of a long one; `whole`: it ends here.
    fn piece(&mut self, piece: &[u8], whole: bool) {
        let begins = !self.in_line;
        self.in_line = !whole;
        if begins && piece.starts_with(b"--") && self.boundary(piece) {
            self.seen += piece.len() as u64;
            return;
        }
        match &mut self.state {
            State::Header { octets, .. } => {
                if begins && piece == b"\n" {
                    self.seen += 1;
                    self.header_ends();
                    return;
                }
                let room = HEADER - octets.len();
                octets.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            State::Leaf { decoder: Some(decoder), line_end } => {
                // The line end before a boundary belongs to the boundary.
                if std::mem::replace(line_end, whole) {
                    decoder.feed(b"\n", &mut |octets| self.sink.octets(octets));
                }
                let text = if whole { &piece[..piece.len() - 1] } else { piece };
                decoder.feed(text, &mut |octets| self.sink.octets(octets));
            }
            State::Leaf { decoder: None, .. } | State::Between => {}
        }
        self.seen += piece.len() as u64;
    }

    /// Whether this line is a boundary of something open; then what it ends has ended, and what it begins has begun.
    fn boundary(&mut self, line: &[u8]) -> bool {
        let line = line.trim_ascii_end();
        let which = self.open.iter().rposition(|open| match open {
            Open::Multipart(multipart) => multipart.is_boundary(line),
            Open::Message { .. } => false,
        });
        let Some(which) = which else { return false };
        if let State::Header { .. } = self.state {
            self.header_ends();
        }
        self.leave(which + 1);
        self.boundaries += 1;
        if self.boundaries > BOUNDARIES {
            self.give_up();
            return true;
        }
        if let Some(Open::Multipart(multipart)) = self.open.get(which) {
            self.state = if multipart.is_end(line) {
                State::Between
            } else {
                State::Header { octets: Vec::new(), of: HeaderOf::Part { digest: multipart.digest } }
            };
        }
        true
    }

    /// All that was open from this level on has ended.
    fn leave(&mut self, level: usize) {
        if let State::Leaf { decoder, line_end } = std::mem::replace(&mut self.state, State::Between) {
            if let Some(mut decoder) = decoder {
                // A body that no boundary ends keeps its last line end.
                if line_end && level == 0 {
                    decoder.feed(b"\n", &mut |octets| self.sink.octets(octets));
                }
                decoder.finish(&mut |octets| self.sink.octets(octets));
            }
            self.sink.end();
        }
        while self.open.len() > level {
            if let Some(Open::Message { begins }) = self.open.pop() {
                // The line end before a boundary belongs to the boundary.
                let end = self.seen.saturating_sub(u64::from(level > 0));
                self.sink.message_ends(end.saturating_sub(begins));
            }
        }
    }

    fn header_ends(&mut self) {
        let State::Header { octets, of } = std::mem::replace(&mut self.state, State::Between) else { return };
        if matches!(of, HeaderOf::Message) {
            let level = self.open.iter().filter(|open| matches!(open, Open::Message { .. })).count();
            self.sink.header(&octets, level);
        }
        let alternative = self.open.iter().rev().find_map(|open| match open {
            Open::Multipart(multipart) => Some(multipart.alternative),
            Open::Message { .. } => None,
        });
        let digest = matches!(of, HeaderOf::Part { digest: true });
        match head::read(&octets, digest, alternative.flatten(), self.boundaries) {
            Kind::Multipart(multipart) => self.enter(Open::Multipart(multipart)),
            Kind::Message(part) if self.embedded == Embedded::Opened => {
                self.sink.message_begins(&part);
                self.enter(Open::Message { begins: self.seen });
                if !self.too_complex {
                    self.state = State::Header { octets: Vec::new(), of: HeaderOf::Message };
                }
            }
            Kind::Leaf(part) | Kind::Message(part) => {
                let decoder = self.sink.begin(&part).then(|| Decoder::new(part.encoding));
                self.state = State::Leaf { decoder, line_end: false };
            }
        }
    }

    fn enter(&mut self, open: Open) {
        self.open.push(open);
        if self.open.len() > LEVELS {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.too_complex = true;
        self.state = State::Between;
    }
}

#[cfg(test)]
mod tests;
