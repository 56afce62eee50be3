//! The TRANSACTION and UPDATE states (RFC 1939, sections 5 and 6).

use super::maildrop::{Deletion, NotGiven, OpenMaildrop, Taker};
use super::replies::Out;
use crate::pop3::command::Command;
use crate::pop3::dot::Stuffer;
use std::collections::BTreeSet;
use std::io;

/// A session that has a maildrop open.
pub(super) struct Transaction {
    /// As the maildrop was at login: message number n is at n - 1, until the session ends.
    maildrop: Box<dyn OpenMaildrop>,
    /// Marked as deleted.
    doomed: BTreeSet<usize>,
    /// Octets of all messages.
    octets: u64,
}

impl Transaction {
    /// Begins.
    pub(super) fn begin(maildrop: Box<dyn OpenMaildrop>) -> Self {
        let octets = (0..maildrop.len()).map(|at| maildrop.size(at)).sum();
        Transaction { maildrop, doomed: BTreeSet::new(), octets }
    }

    /// How many messages there are, and their octets: those not marked as deleted.
    fn count(&self) -> (usize, u64) {
        let doomed: u64 = self.doomed.iter().map(|at| self.maildrop.size(*at)).sum();
        (self.maildrop.len() - self.doomed.len(), self.octets - doomed)
    }

    /// Answers a command of this state.
    pub(super) fn answer(&mut self, command: Command<'_>, out: &mut Out<'_>) -> io::Result<()> {
        match command {
            Command::Stat => {
                let (count, octets) = self.count();
                out.ok(&format!("{count} {octets}"));
            }
            Command::List(None) => {
                let (count, octets) = self.count();
                out.ok(&format!("{count} messages ({octets} octets)"));
                for at in (0..self.maildrop.len()).filter(|at| !self.doomed.contains(at)) {
                    item(out, at, &self.maildrop.size(at).to_string())?;
                }
                out.octets.extend_from_slice(b".\r\n");
            }
            Command::Uidl(None) => {
                out.ok("unique-id listing follows");
                let (all, doomed) = (0..self.maildrop.len(), &self.doomed);
                let listed = self.maildrop.uids(all, &mut |at, uid| {
                    if doomed.contains(&at) { Ok(()) } else { item(out, at, uid) }
                });
                // A listing that has begun cannot be taken back.
                listed.map_err(broken)?;
                out.octets.extend_from_slice(b".\r\n");
            }
            Command::List(Some(number)) => {
                if let Some(at) = self.message(number, out) {
                    out.ok(&format!("{number} {}", self.maildrop.size(at)));
                }
            }
            Command::Uidl(Some(number)) => {
                if let Some(at) = self.message(number, out) {
                    let found = self.maildrop.uids(at..at + 1, &mut |_, uid| {
                        out.ok(&format!("{number} {uid}"));
                        Ok(())
                    });
                    self::given(found, out)?;
                }
            }
            Command::Retr(number) => {
                if let Some(at) = self.message(number, out) {
                    let given = self.maildrop.read(at, true, &mut Body::new(out, None));
                    self::given(given, out)?;
                }
            }
            Command::Top { number, lines } => {
                if let Some(at) = self.message(number, out) {
                    let given = self.maildrop.read(at, false, &mut Body::new(out, Some(Top::new(lines))));
                    self::given(given, out)?;
                }
            }
            Command::Dele(number) => match self.place(number) {
                None => out.error("no such message"),
                Some(_) if self.maildrop.deletion() == Deletion::Never => {
                    out.error("this is an archive, nothing in it can be deleted");
                }
                Some(at) if self.doomed.insert(at) => out.ok(&format!("message {number} deleted")),
                Some(_) => out.error(&format!("message {number} already deleted")),
            },
            Command::Noop => out.ok(""),
            Command::Rset => {
                self.doomed.clear();
                let (count, octets) = self.count();
                out.ok(&format!("maildrop has {count} messages ({octets} octets)"));
            }
            _ => out.error("not after login"),
        }
        Ok(())
    }

    /// QUIT: the UPDATE state. The maildrop is free again when this returns.
    pub(super) fn update(self, out: &mut Out<'_>) {
        let doomed: Vec<usize> = self.doomed.into_iter().collect();
        if self.maildrop.close(&doomed) {
            out.ok(&format!("good-bye ({} deleted)", doomed.len()));
        } else {
            out.error("[SYS/TEMP] some deleted messages not removed");
        }
    }

    fn place(&self, number: u32) -> Option<usize> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        (at < self.maildrop.len()).then_some(at)
    }

    /// Where the message is; says why if there is none to be had.
    fn message(&self, number: u32, out: &mut Out<'_>) -> Option<usize> {
        let place = self.place(number);
        match place {
            None => out.error("no such message"),
            Some(at) if self.doomed.contains(&at) => {
                out.error("message is deleted");
                return None;
            }
            Some(_) => {}
        }
        place
    }
}

fn item(out: &mut Out<'_>, at: usize, fact: &str) -> io::Result<()> {
    out.octets.extend_from_slice(format!("{} {fact}\r\n", at + 1).as_bytes());
    out.relieve()
}

fn given(given: Result<(), NotGiven>, out: &mut Out<'_>) -> io::Result<()> {
    match given {
        Err(NotGiven::Refused(reason)) => out.error(&reason),
        given => given.map_err(broken)?,
    }
    Ok(())
}

fn broken(not_given: NotGiven) -> io::Error {
    match not_given {
        NotGiven::Broken(error) => error,
        NotGiven::Refused(reason) => io::Error::other(reason),
    }
}

/// Sends a message, or the top of it.
struct Body<'b, 'o> {
    out: &'b mut Out<'o>,
    stuffer: Option<Stuffer>,
    top: Option<Top>,
}

impl<'b, 'o> Body<'b, 'o> {
    fn new(out: &'b mut Out<'o>, top: Option<Top>) -> Self {
        Body { out, stuffer: None, top }
    }
}

impl Taker for Body<'_, '_> {
    fn begin(&mut self, octets: u64) -> io::Result<()> {
        match self.top {
            None => self.out.ok(&format!("{octets} octets")),
            Some(_) => self.out.ok("top of message follows"),
        }
        self.stuffer = Some(Stuffer::new());
        Ok(())
    }

    fn take(&mut self, octets: &[u8]) -> io::Result<bool> {
        let Some(stuffer) = &mut self.stuffer else { return Ok(false) };
        // Pieces of a size that the buffer is made for.
        for piece in octets.chunks(32 * 1024) {
            let wanted = self.top.as_mut().map_or(piece.len(), |top| top.wanted(piece));
            stuffer.feed(&piece[..wanted], self.out.octets);
            self.out.relieve()?;
            if wanted < piece.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn end(&mut self) {
        if let Some(stuffer) = self.stuffer.take() {
            stuffer.finish(self.out.octets);
        }
    }
}

/// Finds the end of the header with its empty line, and so many lines of the body.
struct Top {
    /// Lines of the body that are still wanted.
    lines: u32,
    /// The header's empty line has passed.
    in_body: bool,
    /// The line so far has no octet but perhaps a CR.
    empty: bool,
    cr: bool,
}

impl Top {
    fn new(lines: u32) -> Self {
        Top { lines, in_body: false, empty: true, cr: false }
    }

    /// How many of the next octets belong to it; fewer than there are: it ends there.
    fn wanted(&mut self, octets: &[u8]) -> usize {
        if self.in_body && self.lines == 0 {
            return 0;
        }
        let mut start = 0;
        for lf in memchr::memchr_iter(b'\n', octets) {
            let line = &octets[start..lf];
            let ended = line.last().map_or(self.cr, |last| *last == b'\r');
            if !ended {
                // A bare LF ends no line; the line is not empty any more.
                self.empty = false;
                self.cr = false;
                start = lf + 1;
                continue;
            }
            let is_empty = self.empty && (line.is_empty() || line == b"\r" && !self.cr);
            start = lf + 1;
            (self.empty, self.cr) = (true, false);
            if self.in_body {
                self.lines -= 1;
            } else {
                self.in_body = is_empty;
            }
            if self.in_body && self.lines == 0 {
                return start;
            }
        }
        let rest = &octets[start..];
        if let Some(last) = rest.last() {
            let only_cr = rest == b"\r" && !self.cr;
            self.empty &= only_cr;
            self.cr = *last == b'\r';
        }
        octets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Top;

    /// The top of a message that comes in pieces of so many octets.
    fn top(wire: &[u8], lines: u32, piece: usize) -> Vec<u8> {
        let (mut top, mut out) = (Top::new(lines), Vec::new());
        for piece in wire.chunks(piece) {
            let wanted = top.wanted(piece);
            out.extend_from_slice(&piece[..wanted]);
            if wanted < piece.len() {
                break;
            }
        }
        out
    }

    #[test]
    fn top_counts_lines_of_the_body() {
        let mail = b"A: b\r\nC: d\r\n\r\n1\r\n2\r\n3\r\n";
        for piece in 1..=mail.len() {
            assert_eq!(top(mail, 0, piece), b"A: b\r\nC: d\r\n\r\n");
            assert_eq!(top(mail, 2, piece), b"A: b\r\nC: d\r\n\r\n1\r\n2\r\n");
            assert_eq!(top(mail, 3, piece), mail);
            assert_eq!(top(mail, u32::MAX, piece), mail);
            assert_eq!(top(b"A: no body\r\n", 1, piece), b"A: no body\r\n");
            assert_eq!(top(b"\r\nno header\r\n", 0, piece), b"\r\n");
            assert_eq!(top(b"\r\n\r\n\r\n", 1, piece), b"\r\n\r\n");
            assert_eq!(top(b"A: b\n\n\r\r\n\r\nx\r\n", 0, piece), b"A: b\n\n\r\r\n\r\n");
            assert_eq!(top(b"", 1, piece), b"");
        }
    }
}
