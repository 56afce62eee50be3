//! What the server says, on stdout.
//!
//! Promises: a terminal gets lines in which nothing can steer it; anything else gets the octets
//! as they came, a message's CRLFs included, and the other lines with LF.

use crate::commands::output::Printer;
use crate::session::Heard;
use crate::text::safe::escape;
use std::io::{self, Write};

/// The longest piece of a message's line that waits for its end, in octets.
const LONGEST: usize = 4 << 10;

/// Shows one answer after another.
pub(super) struct Display<'o, W: Write> {
    printer: Printer<'o, W>,
    terminal: bool,
    /// What has come of a message's line, for a terminal.
    line: Vec<u8>,
}

impl<'o, W: Write> Display<'o, W> {
    pub(super) fn new(printer: Printer<'o, W>, terminal: bool) -> Self {
        Display { printer, terminal, line: Vec::new() }
    }

    /// Shows the next piece of an answer.
    pub(super) fn show(&mut self, heard: Heard<'_>) {
        let text = match heard {
            Heard::Status(line) | Heard::Line(line) if self.terminal => {
                format!("{}\n", shown(line)).into_bytes()
            }
            Heard::Status(line) | Heard::Line(line) => [line, b"\n"].concat(),
            Heard::Octets(octets) if self.terminal => self.lines(octets),
            Heard::Octets(octets) => octets.to_vec(),
            Heard::End => {
                let rest = std::mem::take(&mut self.line);
                [shown(&rest).as_bytes(), b".\n"].concat()
            }
        };
        // Whoever asks learns of a failure by `is_over`.
        let _ = self.printer.put(&text);
    }

    /// Whether nothing more can be shown.
    pub(super) fn is_over(&self) -> bool {
        self.printer.is_over()
    }

    /// The error that ended it, if one did.
    pub(super) fn finish(self) -> io::Result<()> {
        self.printer.finish()
    }

    /// A message's octets as lines; one that has not ended waits, unless it is long.
    fn lines(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut text = String::new();
        for piece in octets.split_inclusive(|octet| *octet == b'\n') {
            self.line.extend_from_slice(piece);
            if let Some(line) = self.line.strip_suffix(b"\n") {
                text.push_str(&shown(line.strip_suffix(b"\r").unwrap_or(line)));
                text.push('\n');
                self.line.clear();
            } else if self.line.len() > LONGEST {
                // Four octets stay, so that no character is halved.
                let rest = self.line.split_off(whole(&self.line));
                text.push_str(&shown(&self.line));
                self.line = rest;
            }
        }
        text.into_bytes()
    }
}

/// A line for a terminal: escaped, but for tabs.
fn shown(line: &[u8]) -> String {
    line.split(|octet| *octet == b'\t').map(escape).collect::<Vec<_>>().join("\t")
}

/// How much of an unfinished line can be shown: all but a CR, whose LF may follow, and all but the octets of a
/// character that may go on.
fn whole(line: &[u8]) -> usize {
    let tail = line.len().saturating_sub(4);
    let open = |octet: &u8| *octet >= 0xc0 || *octet == b'\r';
    tail + line[tail..].iter().position(open).unwrap_or(line.len() - tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::output::Out;

    /// What is printed of these pieces.
    fn printed(terminal: bool, pieces: &[Heard<'_>]) -> Vec<u8> {
        let mut screen = Vec::new();
        let mut out = Out::new(&mut screen);
        let mut display = Display::new(Printer::new(&mut out, true), terminal);
        for piece in pieces {
            display.show(*piece);
        }
        display.finish().unwrap();
        screen
    }

    const ANSWER: [Heard<'static>; 5] = [
        Heard::Status(b"+OK 12 octets"),
        Heard::Octets(b"a\tb\\\x1b[2J\r"),
        Heard::Octets(b"\n.\r\n\xe6"),
        Heard::Octets(b"\x97\xa5\r\n"),
        Heard::End,
    ];

    #[test]
    fn a_pipe_gets_a_messages_octets_as_they_came() {
        assert_eq!(printed(false, &ANSWER), b"+OK 12 octets\na\tb\\\x1b[2J\r\n.\r\n\xe6\x97\xa5\r\n.\n");
    }

    #[test]
    fn a_terminal_gets_nothing_that_steers_it() {
        let text = printed(true, &ANSWER);
        assert_eq!(String::from_utf8(text).unwrap(), "+OK 12 octets\na\tb\\\\\\x1b[2J\n.\n日\n.\n");
        let text = printed(true, &[Heard::Status(b"-ERR \x1b]0;pwned\x07"), Heard::Line(b"1 \x9b2J")]);
        assert_eq!(String::from_utf8(text).unwrap(), "-ERR \\x1b]0;pwned\\x07\n1 \\x9b2J\n");
    }

    #[test]
    fn an_endless_line_is_shown_piece_by_piece_and_no_character_is_halved() {
        let line = "日本".repeat(10_000);
        for size in [1, 7, 1000] {
            let pieces: Vec<Heard<'_>> = line.as_bytes().chunks(size).map(Heard::Octets).collect();
            let mut screen = Vec::new();
            let mut out = Out::new(&mut screen);
            let mut display = Display::new(Printer::new(&mut out, true), true);
            for piece in pieces {
                display.show(piece);
                assert!(display.line.len() <= LONGEST + 1000);
            }
            display.show(Heard::End);
            drop(display);
            assert_eq!(String::from_utf8(screen).unwrap(), format!("{line}.\n"));
        }
    }
}
