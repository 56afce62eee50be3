//! Dot-stuffing (RFC 1939, section 3): undone as a body arrives, and done for a server.
//!
//! Promises: only CRLF `.` CRLF ends a body, wherever the input happens to be split; the CRLF
//! before the dot belongs to the message; nothing else is changed. A chunk without a line that
//! begins with a dot passes as one slice. Must never: trim anything to a size somebody announced.

use memchr::memmem::Finder;
use std::ops::Range;
use std::sync::LazyLock;

/// Finds the octets of a message in a dot-stuffed body.
#[derive(Clone, Debug)]
pub struct Unstuffer {
    at: At,
}

static DOTTED_LINE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n."));

/// Where in a line the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    AfterCr,
    Inside,
}

/// What [`Unstuffer::advance`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These octets of the input belong to the message; never empty.
    Octets(Range<usize>),
    /// The body is complete.
    End,
    /// More input is needed. At most two octets remain unconsumed: show them again with what
    /// follows them.
    More,
}

impl Unstuffer {
    /// At the beginning of a body.
    pub fn new() -> Self {
        Unstuffer { at: At::LineStart }
    }

    /// The next piece of `input`, and how many octets of it are done with. Not to be called
    /// again after [`Piece::End`].
    pub fn advance(&mut self, input: &[u8]) -> (usize, Piece) {
        let start = match (self.at, input) {
            (_, []) | (At::LineStart, [b'.'] | [b'.', b'\r']) => return (0, Piece::More),
            (At::LineStart, [b'.', b'\r', b'\n', ..]) => return (3, Piece::End),
            // Any other dot at a line's start was put there by the sender.
            (At::LineStart, [b'.', ..]) => 1,
            (At::AfterCr, [b'\n', b'.', ..]) => {
                self.at = At::LineStart;
                return (1, Piece::Octets(0..1));
            }
            _ => 0,
        };
        let end = match DOTTED_LINE.find(&input[start..]) {
            Some(found) => start + found + 2,
            None => input.len(),
        };
        self.at = match &input[start..end] {
            [.., b'\r', b'\n'] => At::LineStart,
            [b'\n'] if self.at == At::AfterCr => At::LineStart,
            [.., b'\r'] => At::AfterCr,
            _ => At::Inside,
        };
        (end, Piece::Octets(start..end))
    }
}

impl Default for Unstuffer {
    fn default() -> Self {
        Unstuffer::new()
    }
}

/// Dot-stuffs a body that comes in chunks.
#[derive(Clone, Debug)]
pub struct Stuffer {
    at: At,
}

impl Stuffer {
    /// At the beginning of a body.
    pub fn new() -> Self {
        Stuffer { at: At::LineStart }
    }

    /// Appends the next octets of the text (with CRLF line ends) to `out`, with a dot before each line that begins with
    /// one.
    pub fn feed(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        if self.at == At::AfterCr
            && let Some(behind) = rest.strip_prefix(b"\n")
        {
            out.push(b'\n');
            (rest, self.at) = (behind, At::LineStart);
        }
        let Some(first) = rest.first() else { return };
        if self.at == At::LineStart && *first == b'.' {
            out.push(b'.');
        }
        while let Some(found) = DOTTED_LINE.find(rest) {
            let (line, behind) = rest.split_at(found + 2);
            out.extend_from_slice(line);
            out.push(b'.');
            // The text's own dot goes along, so that it is not found again.
            out.push(b'.');
            rest = &behind[1..];
        }
        out.extend_from_slice(rest);
        self.at = match text {
            [.., b'\r', b'\n'] => At::LineStart,
            [.., b'\r'] => At::AfterCr,
            _ => At::Inside,
        };
    }

    /// Appends a CRLF if the last line lacks it, and the final dot.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.at != At::LineStart {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

impl Default for Stuffer {
    fn default() -> Self {
        Stuffer::new()
    }
}

/// Appends `text` (with CRLF line ends) to `out` as a whole dot-stuffed body: a dot before each
/// line that begins with one, a CRLF if the last line lacks it, and the final dot.
pub fn stuff(text: &[u8], out: &mut Vec<u8>) {
    let mut stuffer = Stuffer::new();
    stuffer.feed(text, out);
    stuffer.finish(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Unstuffs `wire` shown in chunks of `split` octets; what is left after the end too.
    fn unstuff(wire: &[u8], split: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut unstuffer = Unstuffer::new();
        let (mut text, mut seen, mut start) = (Vec::new(), 0, 0);
        loop {
            let (consumed, piece) = unstuffer.advance(&wire[start..seen]);
            match piece {
                Piece::Octets(range) => {
                    assert!(!range.is_empty() && range.end <= consumed);
                    text.extend_from_slice(&wire[start + range.start..start + range.end]);
                }
                Piece::End => return Some((text, wire[start + consumed..].to_vec())),
                Piece::More if seen == wire.len() => return None,
                Piece::More => {
                    assert!(seen - start <= 2 && consumed == 0);
                    seen = wire.len().min(seen + split);
                }
            }
            start += consumed;
        }
    }

    #[test]
    fn only_crlf_dot_crlf_ends_a_body() {
        for (wire, text) in [
            ("a\r\n.\r\n", "a\r\n"),
            (".\r\n", ""),
            ("..\r\n.\r\n", ".\r\n"),
            ("...\r\n.\r\n", "..\r\n"),
            ("a.\r\n.\r\n", "a.\r\n"),
            ("a\n.\n\r\n.\r\n", "a\n.\n\r\n"),
            ("a\r.\r\n\r\n.\r\n", "a\r.\r\n\r\n"),
            (". \r\n.\r\n", " \r\n"),
            (".\n.\r\n\r\n.\r\n", "\n.\r\n\r\n"),
            (".\r\r\n.\r\n", "\r\r\n"),
            ("\r\r\n.\r\n", "\r\r\n"),
            ("\r\n\r\n.\r\n", "\r\n\r\n"),
        ] {
            for split in 1..=wire.len() {
                let whole = unstuff(wire.as_bytes(), split);
                assert_eq!(whole, Some((text.into(), vec![])), "{wire:?} split {split}");
            }
        }
    }

    #[test]
    fn a_body_without_its_end_is_not_over() {
        for wire in ["", "a\r\n", "a\r\n.", "a\r\n.\r", "a\n.\n", "a.\r\n"] {
            assert_eq!(unstuff(wire.as_bytes(), 1), None, "{wire:?}");
        }
    }

    #[test]
    fn what_follows_the_end_is_left() {
        assert_eq!(unstuff(b"a\r\n.\r\n+OK\r\n", 99), Some((b"a\r\n".to_vec(), b"+OK\r\n".to_vec())));
    }

    #[test]
    fn a_chunk_without_dotted_lines_passes_as_one_slice() {
        let chunk = b"a line like any other\r\n".repeat(2800);
        let mut unstuffer = Unstuffer::new();
        assert_eq!(unstuffer.advance(&chunk), (chunk.len(), Piece::Octets(0..chunk.len())));
    }

    proptest! {
        #[test]
        fn unstuffing_undoes_stuffing_at_every_split(
            text in "[a.\r\n]{0,40}",
            rest in "[.\r\n+]{0,5}",
        ) {
            let mut wire = Vec::new();
            stuff(text.as_bytes(), &mut wire);
            wire.extend_from_slice(rest.as_bytes());
            let mut expected = text.into_bytes();
            if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                expected.extend_from_slice(b"\r\n");
            }
            for split in 1..=wire.len() {
                prop_assert_eq!(unstuff(&wire, split), Some((expected.clone(), rest.as_bytes().to_vec())));
            }
        }

        #[test]
        fn a_body_in_chunks_is_stuffed_as_a_whole_one(text in "[a.\r\n]{0,30}", split in 1_usize..9) {
            let (mut whole, mut parts, mut stuffer) = (Vec::new(), Vec::new(), Stuffer::new());
            stuff(text.as_bytes(), &mut whole);
            text.as_bytes().chunks(split).for_each(|chunk| stuffer.feed(chunk, &mut parts));
            stuffer.finish(&mut parts);
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn never_panics(wire in proptest::collection::vec(any::<u8>(), 0..100), split in 1_usize..9) {
            let _ = unstuff(&wire, split);
        }
    }
}
