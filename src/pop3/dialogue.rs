//! Framing, sans I/O: commands become octets, octets become events.
//!
//! A queue holds the shape of each reply that is still due, so that pipelining is nothing but
//! a longer queue. Events point into the input; no body is ever copied or held.
//!
//! Promises: replies are matched to commands strictly in order; every length but a body's is
//! limited; octets that nobody asked for are an error; one empty line before a status line is passed over, for
//! some servers send one. Must never: guess where a reply ends.

use super::capability;
use super::command::{Command, EncodeError};
use super::dot::{Piece, Unstuffer};
use super::reply::{NotAReply, Reply, challenge};
use memchr::memchr;
use std::collections::VecDeque;
use std::ops::Range;

/// The longest line of a reply, its end included, in octets. RFC 2449 allows 512.
pub const MAX_LINE: usize = 4 << 10;

/// The longest SASL challenge, its end included, in octets.
pub const MAX_CHALLENGE: usize = 16 << 10;

/// The most that one answer to LIST or UIDL may bring, in octets: a million lines with UIDs of full length.
pub const MAX_LISTING: u64 = 96 << 20;

/// The most that one answer to CAPA may bring, in octets: as many of the longest lines as are kept.
pub const MAX_CAPABILITIES: u64 = (capability::MAX_LINES * MAX_LINE) as u64;

/// What kind of reply is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One status line.
    Line,
    /// A status line and, after `+OK`, lines up to a lone dot.
    Listing {
        /// Octets allowed.
        limit: u64,
    },
    /// A status line and, after `+OK`, a dot-stuffed message.
    Body,
    /// A status line, or challenges before it.
    Sasl,
}

impl Shape {
    /// The shape of the reply to `command`.
    pub fn of(command: &Command<'_>) -> Self {
        match command {
            Command::Capa => Shape::Listing { limit: MAX_CAPABILITIES },
            Command::List(None) | Command::Uidl(None) => Shape::Listing { limit: MAX_LISTING },
            Command::Retr(_) | Command::Top { .. } => Shape::Body,
            Command::Auth { .. } => Shape::Sasl,
            _ => Shape::Line,
        }
    }
}

/// Something the server said. Ranges count from the beginning of the input that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The status line of the oldest reply due. It ends the reply unless
    /// [`more`](Event::Status::more) is set.
    Status {
        /// The line.
        reply: Reply,
        /// Lines or a body follow, and then [`Event::End`].
        more: bool,
    },
    /// A SASL challenge in base64. Its answer is the client's next line; the reply stays due.
    Challenge(Range<usize>),
    /// A line of a listing, without its end.
    Line(Range<usize>),
    /// Octets of a message; never empty.
    Body(Range<usize>),
    /// The listing or body is complete.
    End,
}

/// What [`Dialogue::advance`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Octets of the input that are done with. What follows them must be shown again.
    pub consumed: usize,
    /// `None`: more input is needed.
    pub event: Option<Event>,
}

/// How a server broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialogueError {
    /// A status line was due.
    #[error(transparent)]
    NotAReply(#[from] NotAReply),
    /// A line has no end in sight.
    #[error("a line is longer than {limit} octets")]
    LineTooLong {
        /// Octets allowed.
        limit: usize,
    },
    /// A listing has no end in sight.
    #[error("a listing is longer than {} MiB", limit >> 20)]
    ListingTooLong {
        /// Octets allowed.
        limit: u64,
    },
    /// Octets arrived while no reply was due.
    #[error("octets arrived that belong to no command")]
    Surplus,
}

/// The client's side of the conversation.
#[derive(Debug)]
pub struct Dialogue {
    due: VecDeque<Shape>,
    within: Within,
    /// A listing was taken for complete without its dot, which may come yet.
    late_dot: bool,
}

/// What of the oldest reply has been seen.
#[derive(Debug)]
enum Within {
    Nothing,
    Listing { octets: u64, limit: u64 },
    Body(Unstuffer),
}

impl Dialogue {
    /// A fresh connection: the greeting is due.
    pub fn new() -> Self {
        Dialogue { due: VecDeque::from([Shape::Line]), within: Within::Nothing, late_dot: false }
    }

    /// Appends `command` to `out` and expects its reply.
    pub fn send(&mut self, command: &Command<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        command.encode(out)?;
        self.due.push_back(Shape::of(command));
        Ok(())
    }

    /// Takes the listing under way for complete, though its dot has not come: some servers leave it out where there
    /// is nothing to list. Should it come before the next status line, it is passed over.
    pub fn end_listing(&mut self) {
        if matches!(self.within, Within::Listing { .. }) {
            self.complete();
            self.late_dot = true;
        }
    }

    /// Whether that was done.
    pub fn has_ended_a_listing(&self) -> bool {
        self.late_dot
    }

    /// Whether these octets, while no reply is due, belong to the status line that is to come: an empty line, or
    /// the dot of a listing that was [ended](Self::end_listing) without it.
    pub fn passes_over(&self, octets: &[u8]) -> bool {
        matches!(octets, b"\r\n" | b"\n") || self.late_dot && matches!(octets, b".\r\n" | b".\n")
    }

    /// Replies that are not complete.
    pub fn due(&self) -> usize {
        self.due.len()
    }

    /// The next event in `input`.
    pub fn advance(&mut self, input: &[u8]) -> Result<Step, DialogueError> {
        let Some(&shape) = self.due.front() else {
            return if input.is_empty() {
                Ok(Step { consumed: 0, event: None })
            } else {
                Err(DialogueError::Surplus)
            };
        };
        match self.within {
            Within::Nothing => self.status(shape, input),
            Within::Listing { .. } => self.listing(input),
            Within::Body(ref mut unstuffer) => {
                let (consumed, piece) = unstuffer.advance(input);
                let event = match piece {
                    Piece::Octets(range) => Some(Event::Body(range)),
                    Piece::More => None,
                    Piece::End => {
                        self.complete();
                        Some(Event::End)
                    }
                };
                Ok(Step { consumed, event })
            }
        }
    }

    fn status(&mut self, shape: Shape, input: &[u8]) -> Result<Step, DialogueError> {
        let limit = if shape == Shape::Sasl { MAX_CHALLENGE } else { MAX_LINE };
        let Some((line, consumed)) = self.status_line(input, limit)? else {
            return Ok(Step { consumed: 0, event: None });
        };
        if shape == Shape::Sasl
            && let Some(range) = challenge(&input[line.clone()])
        {
            let range = range.start + line.start..range.end + line.start;
            return Ok(Step { consumed, event: Some(Event::Challenge(range)) });
        }
        let reply = Reply::parse(&input[line])?;
        self.within = match shape {
            Shape::Listing { limit } if reply.is_ok() => Within::Listing { octets: 0, limit },
            Shape::Body if reply.is_ok() => Within::Body(Unstuffer::new()),
            _ => Within::Nothing,
        };
        let more = !matches!(self.within, Within::Nothing);
        if !more {
            self.complete();
        }
        Ok(Step { consumed, event: Some(Event::Status { reply, more }) })
    }

    /// The [first line](first_line), or the one after it if the first is one to pass over. That alone is not told
    /// of: what follows it may still be on its way.
    fn status_line(
        &self,
        input: &[u8],
        limit: usize,
    ) -> Result<Option<(Range<usize>, usize)>, DialogueError> {
        match first_line(input, limit)? {
            Some((_, begin)) if self.passes_over(&input[..begin]) => {
                let next = first_line(&input[begin..], limit)?;
                Ok(next.map(|(line, end)| (line.start + begin..line.end + begin, end + begin)))
            }
            first => Ok(first),
        }
    }

    fn listing(&mut self, input: &[u8]) -> Result<Step, DialogueError> {
        let Some((mut line, consumed)) = first_line(input, MAX_LINE)? else {
            return Ok(Step { consumed: 0, event: None });
        };
        if &input[line.clone()] == b"." {
            self.complete();
            return Ok(Step { consumed, event: Some(Event::End) });
        }
        if let Within::Listing { octets, limit } = &mut self.within {
            *octets += consumed as u64;
            if *octets > *limit {
                return Err(DialogueError::ListingTooLong { limit: *limit });
            }
        }
        if input[line.clone()].starts_with(b".") {
            line.start += 1;
        }
        Ok(Step { consumed, event: Some(Event::Line(line)) })
    }

    fn complete(&mut self) {
        self.due.pop_front();
        self.within = Within::Nothing;
    }
}

impl Default for Dialogue {
    fn default() -> Self {
        Dialogue::new()
    }
}

/// The first line without its end (CRLF, or a lone LF from servers that know no better), and
/// where the next one begins; `None` when it is not complete.
fn first_line(input: &[u8], limit: usize) -> Result<Option<(Range<usize>, usize)>, DialogueError> {
    match memchr(b'\n', &input[..input.len().min(limit)]) {
        Some(end) => {
            let bare = input[..end].strip_suffix(b"\r").map_or(end, <[u8]>::len);
            Ok(Some((0..bare, end + 1)))
        }
        None if input.len() >= limit => Err(DialogueError::LineTooLong { limit }),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
