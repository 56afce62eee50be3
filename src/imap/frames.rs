//! Where a response ends: lines, and the literals in them (RFC 9051, section 2.2.2 and 4.3).
//!
//! Promises: pure; the frames are the same however the input is cut; what is held of one response is at most
//! [`MAX_TEXT`] octets of text and [`MAX_HELD`] of literals; a message's body is not held but passed on as it
//! comes. Must never: take the end of a text for people (`* OK see {5}`) for a literal.

use super::fault::{Fault, beginning};
use memchr::memchr;
use std::collections::VecDeque;
use std::ops::Range;

/// The most text of one response, in octets, its literals not counted.
pub const MAX_TEXT: usize = 64 << 10;

/// The most that is held of the literals of one response, in octets.
pub const MAX_HELD: usize = 64 << 10;

/// What becomes of literals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Literals {
    /// They are held; a longer one than [`MAX_HELD`] is a fault.
    #[default]
    Held,
    /// They are held; of a longer one only its length.
    LargeDropped,
    /// The literal of `BODY[]` is passed on as it comes.
    BodyStreamed {
        /// The most octets that it may have.
        limit: u64,
    },
}

/// A literal of a [`Frame`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    /// Its octets.
    Held(Vec<u8>),
    /// It was passed on, or dropped.
    Gone,
}

/// One whole response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Its lines without their ends, one behind the other; `{5}` stands where a literal stood.
    pub(super) text: Vec<u8>,
    /// The literals, and where in the text the `{` (or `~{`) of each one stands.
    pub(super) literals: VecDeque<(usize, Literal)>,
}

impl Frame {
    /// Its first line and what follows, without the literals: for people.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// Something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Octets of a literal that is passed on; never empty. The range counts from the beginning of the input.
    Streamed(Range<usize>),
    /// A response is complete.
    Response(Frame),
}

/// What [`Frames::advance`] has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Octets of the input that are not needed any more; all of them if there is no event.
    pub consumed: usize,
    /// What came, if something is complete.
    pub event: Option<Event>,
}

/// Finds the ends of responses.
#[derive(Debug, Default)]
pub struct Frames {
    literals: Literals,
    frame: Frame,
    /// Where in the text the present line begins.
    line: usize,
    /// Octets of literals that are held.
    held: usize,
    /// Octets that are still to come of the present literal.
    left: u64,
    streaming: bool,
}

impl Frames {
    /// From here on this becomes of literals.
    pub fn set_literals(&mut self, literals: Literals) {
        self.literals = literals;
    }

    /// Whether nothing of a response has come yet.
    pub fn is_at_start(&self) -> bool {
        self.frame.text.is_empty()
    }

    /// The beginning of what has come of a response that is not complete.
    pub(super) fn unfinished(&self) -> Vec<u8> {
        beginning(&self.frame.text)
    }

    /// Reads on.
    pub fn advance(&mut self, input: &[u8]) -> Result<Step, Fault> {
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            if rest.is_empty() {
                return Ok(Step { consumed, event: None });
            }
            if self.left > 0 {
                let part = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                let range = consumed..consumed + part;
                self.left -= part as u64;
                consumed += part;
                if self.streaming {
                    return Ok(Step { consumed, event: Some(Event::Streamed(range)) });
                }
                if let Some((_, Literal::Held(octets))) = self.frame.literals.back_mut() {
                    octets.extend_from_slice(&input[range]);
                }
                continue;
            }
            let end = memchr(b'\n', rest);
            let line = &rest[..end.unwrap_or(rest.len())];
            if line.contains(&0) {
                return Err(Fault::Nul);
            }
            if self.frame.text.len() + line.len() > MAX_TEXT {
                return Err(Fault::LineTooLong { limit: MAX_TEXT });
            }
            self.frame.text.extend_from_slice(line);
            consumed += line.len();
            if end.is_none() {
                continue;
            }
            consumed += 1;
            if self.frame.text.len() > self.line && self.frame.text.ends_with(b"\r") {
                self.frame.text.pop();
            }
            let Some((at, octets)) = self.announced() else {
                (self.line, self.held) = (0, 0);
                let frame = std::mem::take(&mut self.frame);
                return Ok(Step { consumed, event: Some(Event::Response(frame)) });
            };
            self.begin_literal(at, octets)?;
        }
    }

    /// Where the announcement of a literal begins at the end of the present line, and its length.
    fn announced(&self) -> Option<(usize, u64)> {
        let text = &self.frame.text;
        if !may_hold_literals(text) {
            return None;
        }
        let inner = text[self.line..].strip_suffix(b"}")?;
        let brace = memchr::memrchr(b'{', inner)?;
        let digits = &inner[brace + 1..];
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let octets = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
        let brace = self.line + brace;
        let binary = brace > self.line && text[brace - 1] == b'~';
        Some((brace - usize::from(binary), octets))
    }

    fn begin_literal(&mut self, at: usize, octets: u64) -> Result<(), Fault> {
        let fits = octets <= (MAX_HELD - self.held) as u64;
        let before = self.frame.text[..at].to_ascii_uppercase();
        self.streaming = false;
        let literal = match self.literals {
            Literals::BodyStreamed { limit } if before.ends_with(b"BODY[] ") => {
                if octets > limit {
                    return Err(Fault::LiteralTooLong { octets, limit });
                }
                self.streaming = true;
                Literal::Gone
            }
            Literals::LargeDropped if !fits => Literal::Gone,
            _ if !fits => return Err(Fault::LiteralTooLong { octets, limit: MAX_HELD as u64 }),
            _ => {
                self.held += usize::try_from(octets).unwrap_or(MAX_HELD);
                Literal::Held(Vec::new())
            }
        };
        self.frame.literals.push_back((at, literal));
        self.left = octets;
        self.line = self.frame.text.len();
        Ok(())
    }
}

/// Whether a response that begins so can hold literals: only data can. The text for people of a status response may
/// end with anything.
fn may_hold_literals(text: &[u8]) -> bool {
    let Some(data) = text.strip_prefix(b"* ") else { return false };
    let word = data.split(|octet| *octet == b' ').next().unwrap_or_default();
    ![&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status))
}
