//! The mboxrd form: how messages stand one behind the other in one file.
//!
//! A message is a `From_` line, its stored form with one `>` put before every line that matches
//! `>*From `, a newline if the stored form lacks one at its end, and an empty line. Quoting is
//! reversible, which is why this form is used and no other.
//!
//! Promises: what is quoted here comes back octet for octet, however the chunks are cut; memory is
//! a constant, whatever the lines.

const FROM: &[u8; 5] = b"From ";

/// The sender in the `From_` line of a message that names none.
pub const NO_SENDER: &str = "MAILER-DAEMON";

/// The `From_` line of a message, with its LF: sender and time of arrival (seconds since 1970 UTC).
/// The sender must hold neither white space nor control characters; see
/// [`crate::mail::headers::Facts::sender`].
pub fn from_line(sender: &str, arrived: i64) -> String {
    format!("From {sender} {}\n", asctime(arrived))
}

/// A time (seconds since 1970 UTC) as C's `asctime` writes it, in UTC, without its newline.
pub fn asctime(time: i64) -> String {
    let time = jiff::Timestamp::from_second(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// Where in a line the next octet stands, as far as quoting is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// At its start.
    Start,
    /// Behind a run of `>`, one or more.
    Run,
    /// Behind this many octets of `From `, themselves at the start or behind a run.
    From(usize),
    /// Anywhere else.
    Within,
}

/// Puts a `>` before each line that needs one.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The octets of `From ` that [`Position::From`] counts are not passed on yet.
    position: Position,
    last: Option<u8>,
}

impl Default for Quote {
    fn default() -> Self {
        Self::new()
    }
}

impl Quote {
    /// At the start of a message.
    pub fn new() -> Self {
        Quote { position: Position::Start, last: None }
    }

    /// Appends the quoted form of the next octets of the stored form to `out`.
    pub fn feed(&mut self, stored: &[u8], out: &mut Vec<u8>) {
        self.last = stored.last().copied().or(self.last);
        out.reserve(stored.len());
        let mut at = 0;
        while let Some(octet) = stored.get(at) {
            match (self.position, *octet) {
                (Position::Within, _) => at = copy_line(stored, at, out, &mut self.position),
                // Where in a run of `>` one is added makes no difference: pass the run on now,
                // add one in front of `From `, and nothing is held back but four octets.
                (Position::Start | Position::Run, b'>') => {
                    out.push(b'>');
                    self.position = Position::Run;
                    at += 1;
                }
                (Position::Start | Position::Run, b'F') => {
                    self.position = Position::From(1);
                    at += 1;
                }
                (Position::Start | Position::Run, _) => self.position = Position::Within,
                (Position::From(matched), octet) if octet == FROM[matched] => {
                    self.position = Position::From(matched + 1);
                    if matched + 1 == FROM.len() {
                        out.push(b'>');
                        self.release(out);
                    }
                    at += 1;
                }
                (Position::From(_), _) => self.release(out),
            }
        }
    }

    /// The message has ended: appends what was held back, and the newline that an mbox needs if
    /// the message has none at its end. (The empty line behind a message is the caller's.)
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.release(out);
        if self.last.is_some_and(|last| last != b'\n') {
            out.push(b'\n');
        }
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        if let Position::From(matched) = self.position {
            out.extend_from_slice(&FROM[..matched]);
        }
        self.position = Position::Within;
    }
}

/// Takes one `>` from each line that was given one.
#[derive(Clone, Debug)]
pub struct Unquote {
    /// In [`Position::Run`] and [`Position::From`] one `>` is not passed on yet, nor the octets counted.
    position: Position,
}

impl Default for Unquote {
    fn default() -> Self {
        Self::new()
    }
}

impl Unquote {
    /// At the start of a message.
    pub fn new() -> Self {
        Unquote { position: Position::Start }
    }

    /// Appends the stored form of the next quoted octets to `out`.
    pub fn feed(&mut self, quoted: &[u8], out: &mut Vec<u8>) {
        out.reserve(quoted.len());
        let mut at = 0;
        while let Some(octet) = quoted.get(at) {
            match (self.position, *octet) {
                (Position::Within, _) => at = copy_line(quoted, at, out, &mut self.position),
                (Position::Start, b'>') => {
                    self.position = Position::Run;
                    at += 1;
                }
                (Position::Start, _) => self.position = Position::Within,
                (Position::Run, b'>') => {
                    out.push(b'>');
                    at += 1;
                }
                (Position::Run, b'F') => {
                    self.position = Position::From(1);
                    at += 1;
                }
                (Position::From(matched), octet) if octet == FROM[matched] => {
                    self.position = Position::From(matched + 1);
                    if matched + 1 == FROM.len() {
                        out.extend_from_slice(FROM);
                        self.position = Position::Within;
                    }
                    at += 1;
                }
                (Position::Run | Position::From(_), _) => self.release(out),
            }
        }
    }

    /// The region has ended: appends what was held back.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.release(out);
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        match self.position {
            Position::Run => out.push(b'>'),
            Position::From(matched) => {
                out.push(b'>');
                out.extend_from_slice(&FROM[..matched]);
            }
            Position::Start | Position::Within => {}
        }
        self.position = Position::Within;
    }
}

/// Copies from `at` to the end of the line, or of the chunk; returns where that is.
fn copy_line(octets: &[u8], at: usize, out: &mut Vec<u8>, position: &mut Position) -> usize {
    let end = match memchr::memchr(b'\n', &octets[at..]) {
        Some(lf) => {
            *position = Position::Start;
            at + lf + 1
        }
        None => octets.len(),
    };
    out.extend_from_slice(&octets[at..end]);
    end
}

/// Finds `From_` lines: those that start with `From `, unquoted.
#[derive(Clone, Debug)]
pub struct FromLines {
    position: Position,
    offset: u64,
}

impl FromLines {
    /// To be fed from `offset` on, which is the start of a line.
    pub fn new(offset: u64) -> Self {
        FromLines { position: Position::Start, offset }
    }

    /// Calls `each` with the offset of every `From_` line whose fifth octet is in this chunk.
    pub fn feed(&mut self, octets: &[u8], each: &mut dyn FnMut(u64)) {
        let mut at = 0;
        while let Some(octet) = octets.get(at) {
            let matched = match self.position {
                Position::Start => 0,
                Position::From(matched) => matched,
                Position::Run | Position::Within => match memchr::memchr(b'\n', &octets[at..]) {
                    Some(lf) => {
                        self.position = Position::Start;
                        at += lf + 1;
                        continue;
                    }
                    None => break,
                },
            };
            if *octet != FROM[matched] {
                // Not consumed: it may be the LF of an empty line.
                self.position = Position::Within;
                continue;
            }
            at += 1;
            self.position = Position::From(matched + 1);
            if matched + 1 == FROM.len() {
                each(self.offset + at as u64 - FROM.len() as u64);
                self.position = Position::Within;
            }
        }
        self.offset += octets.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::{FromLines, Quote, Unquote, from_line};
    use proptest::prelude::*;

    fn quoted(chunks: &[&[u8]]) -> Vec<u8> {
        let mut quote = Quote::new();
        let mut out = Vec::new();
        for chunk in chunks {
            quote.feed(chunk, &mut out);
        }
        quote.finish(&mut out);
        out
    }

    fn unquoted(chunks: &[&[u8]]) -> Vec<u8> {
        let mut unquote = Unquote::new();
        let mut out = Vec::new();
        for chunk in chunks {
            unquote.feed(chunk, &mut out);
        }
        unquote.finish(&mut out);
        out
    }

    #[test]
    fn the_from_line_is_in_the_form_all_readers_know() {
        assert_eq!(from_line("jane@example.com", 0), "From jane@example.com Thu Jan  1 00:00:00 1970\n");
        assert_eq!(from_line("a@b", 1_795_000_000), "From a@b Wed Nov 18 11:06:40 2026\n");
    }

    #[test]
    fn lines_that_could_be_taken_for_a_from_line_are_quoted() {
        assert_eq!(
            quoted(&[b"From me\n>From\n>>From you\nFrom:\n"]),
            b">From me\n>From\n>>>From you\nFrom:\n"
        );
        assert_eq!(quoted(&[b"a From \n From \n"]), b"a From \n From \n");
        assert_eq!(quoted(&[b"x\nFro"]), b"x\nFro\n");
        assert_eq!(quoted(&[b"x\nFrom "]), b"x\n>From \n");
        assert_eq!(quoted(&[b"\n"]), b"\n");
        assert_eq!(quoted(&[b""]), b"");
    }

    #[test]
    fn a_foreign_region_that_is_not_quoted_comes_back_as_it_is() {
        assert_eq!(unquoted(&[b"From x\n>\n>>\n>Fro\n>From\n"]), b"From x\n>\n>>\n>Fro\n>From\n");
    }

    /// Text that is full of candidates, cut anywhere.
    fn chunks() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let token =
            prop::sample::select(vec!["\n", ">", ">>", "From ", "Fr", "om ", "F", "rom", " ", "x", "\r"]);
        prop::collection::vec(
            prop::collection::vec(token, 0..5).prop_map(|tokens| tokens.concat().into_bytes()),
            0..10,
        )
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(stored in chunks(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let pieces: Vec<&[u8]> = stored.iter().map(Vec::as_slice).collect();
            let quoted = quoted(&pieces);
            let mut found = false;
            FromLines::new(0).feed(&quoted, &mut |_| found = true);
            prop_assert!(!found, "a message must not hold what readers take for the next one");

            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(quoted.len() + 1)).collect();
            cuts.extend([0, quoted.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &quoted[pair[0]..pair[1]]).collect();
            let mut expected = stored.concat();
            if expected.last().is_some_and(|last| *last != b'\n') {
                expected.push(b'\n');
            }
            prop_assert_eq!(unquoted(&pieces), expected);
        }

        #[test]
        fn from_lines_are_found_at_every_split(text in chunks()) {
            let whole = text.concat();
            let expected: Vec<u64> = (0..whole.len())
                .filter(|at| whole[*at..].starts_with(b"From ") && (*at == 0 || whole[at - 1] == b'\n'))
                .map(|at| at as u64 + 7)
                .collect();
            let mut found = Vec::new();
            let mut lines = FromLines::new(7);
            for chunk in &text {
                lines.feed(chunk, &mut |offset| found.push(offset));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
