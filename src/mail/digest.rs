//! Hashes of a message's stored form, taken in one pass.
//!
//! The stored form is split at the first empty line into the header block and the rest, and
//! each part is hashed once with SHA-256, so that the header's hash can be compared with what
//! TOP n 0 brings, and the content's without the headers that servers write into mail, without
//! hashing a body twice.
//!
//! Promises: the result does not depend on how the octets are cut into chunks; memory is a
//! constant, whatever the message.

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// What identifies a message's content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// Of the header block: every line before the first empty line, with their LF.
    pub header: Hash,
    /// Of the header block without the headers that servers write into mail: Status, X-Status,
    /// X-UID, X-UIDL, X-Keywords, X-IMAP, X-IMAPbase, Content-Length, Lines (continuation lines
    /// included, names compared without case).
    pub core_header: Hash,
    /// Of the rest: the empty line and all after it.
    pub rest: Hash,
}

impl Digest {
    /// The exact content: SHA-256 over `header` and `rest`.
    pub fn content(&self) -> Hash {
        both(&self.header, &self.rest)
    }

    /// The content but for what servers write into headers: SHA-256 over `core_header` and `rest`.
    pub fn core(&self) -> Hash {
        both(&self.core_header, &self.rest)
    }
}

fn both(first: &Hash, second: &Hash) -> Hash {
    Sha256::new().chain_update(first).chain_update(second).finalize().into()
}

/// Headers that POP3 and IMAP servers, delivery agents and mail clients write into stored mail,
/// in lower case.
const WRITTEN_BY_SERVERS: [&[u8]; 9] = [
    b"status",
    b"x-status",
    b"x-uid",
    b"x-uidl",
    b"x-keywords",
    b"x-imap",
    b"x-imapbase",
    b"content-length",
    b"lines",
];

/// Whether a header's name, or as much of one as [`NAME_LIMIT`] allows, is one that a mail program gives to a mark of
/// its own in a copy that it shows: X-Mozilla-Status, X-Evolution and their like. They are no part of the core that
/// goes on record, for a server may deliver them.
fn is_a_programs_mark(name: &[u8]) -> bool {
    let starts_with =
        |prefix: &[u8]| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    starts_with(b"x-mozilla-") || starts_with(b"x-evolution")
}

/// Octets of a line that decide whether it is one of [`WRITTEN_BY_SERVERS`]: the longest of these
/// names, a colon, and a little white space that old mailers put before it.
const NAME_LIMIT: usize = 20;

/// Takes a message's stored form in chunks of any size.
#[derive(Clone)]
pub struct Digester {
    header: Sha256,
    core_header: Sha256,
    rest: Sha256,
    position: Position,
    /// Whether the last complete field is part of the core header: continuation lines follow it.
    field_is_core: bool,
    /// The undecided start of a line: `name[..name_len]` is not in `core_header` yet.
    name: [u8; NAME_LIMIT],
    name_len: usize,
    size: u64,
    /// The marks of mail programs are no part of the core header either.
    without_marks: bool,
}

/// Where in the message the next octet stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    LineStart,
    /// In a header's name, or what may become one.
    Name,
    /// In the remainder of a line whose membership in the core header is known.
    Line,
    /// At or behind the first empty line.
    Rest,
}

impl Default for Digester {
    fn default() -> Self {
        Self::new()
    }
}

impl Digester {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Digester {
            header: Sha256::new(),
            core_header: Sha256::new(),
            rest: Sha256::new(),
            position: Position::LineStart,
            field_is_core: true,
            name: [0; NAME_LIMIT],
            name_len: 0,
            size: 0,
            without_marks: false,
        }
    }

    /// For the copy of a message that a mail program may have written marks into: [`Digest::core`] is that of the
    /// message without them. Not for the record: the core of a message that came with such a header is another one.
    pub fn without_marks() -> Self {
        Digester { without_marks: true, ..Self::new() }
    }

    /// Adds the next octets of the stored form.
    pub fn update(&mut self, octets: &[u8]) {
        self.size += octets.len() as u64;
        let in_header = if self.position == Position::Rest { 0 } else { self.walk_header(octets) };
        let (header, rest) = octets.split_at(in_header);
        self.header.update(header);
        self.rest.update(rest);
    }

    /// The hashes, and how many octets the stored form has.
    pub fn finish(mut self) -> (Digest, u64) {
        self.decide_name(false);
        let digest = Digest {
            header: self.header.finalize().into(),
            core_header: self.core_header.finalize().into(),
            rest: self.rest.finalize().into(),
        };
        (digest, self.size)
    }

    /// For the reply to TOP n 0, fed in the same way: the hash that [`Digest::header`] of the
    /// whole message has. Servers differ in whether they send the empty line behind the header;
    /// it and all that follows it does not count.
    pub fn finish_header(self) -> Hash {
        self.header.finalize().into()
    }

    /// Passes header octets on to `core_header` as far as they belong to it; returns how many of
    /// the octets are header.
    fn walk_header(&mut self, octets: &[u8]) -> usize {
        let mut at = 0;
        while at < octets.len() {
            let left = &octets[at..];
            match self.position {
                Position::LineStart => match left[0] {
                    b'\n' => {
                        self.position = Position::Rest;
                        return at;
                    }
                    b' ' | b'\t' => self.position = Position::Line,
                    _ => self.position = Position::Name,
                },
                Position::Name => {
                    let octet = left[0];
                    if octet == b'\n' || octet == b':' || self.name_len == NAME_LIMIT {
                        self.decide_name(octet == b':');
                        self.position = Position::Line;
                    } else {
                        self.name[self.name_len] = octet;
                        self.name_len += 1;
                        at += 1;
                    }
                }
                Position::Line => {
                    let end = memchr::memchr(b'\n', left).map_or(left.len(), |lf| lf + 1);
                    if self.field_is_core {
                        self.core_header.update(&left[..end]);
                    }
                    if left[end - 1] == b'\n' {
                        self.position = Position::LineStart;
                    }
                    at += end;
                }
                Position::Rest => return at,
            }
        }
        octets.len()
    }

    /// The start of a line is known well enough: is its field part of the core header? Without a
    /// colon it is no field of the listed names.
    fn decide_name(&mut self, colon: bool) {
        if self.position != Position::Name {
            return;
        }
        let start = &self.name[..self.name_len];
        let name = start.trim_ascii_end();
        let listed = WRITTEN_BY_SERVERS.iter().any(|known| known.eq_ignore_ascii_case(name));
        let mark = self.without_marks && is_a_programs_mark(name);
        self.field_is_core = !(colon && listed || mark);
        if self.field_is_core {
            self.core_header.update(start);
        }
        self.name_len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Digester, Hash};
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    fn sha(octets: &[u8]) -> Hash {
        Sha256::digest(octets).into()
    }

    fn digest(octets: &[u8]) -> Digest {
        let mut digester = Digester::new();
        digester.update(octets);
        let (digest, size) = digester.finish();
        assert_eq!(size, octets.len() as u64);
        digest
    }

    #[test]
    fn header_and_rest_part_at_the_first_empty_line() {
        let whole = digest(b"A: 1\nB: 2\n\nbody\n\nmore\n");
        assert_eq!(whole.header, sha(b"A: 1\nB: 2\n"));
        assert_eq!(whole.rest, sha(b"\nbody\n\nmore\n"));
        assert_eq!(digest(b"\nno header\n").header, sha(b""));
        assert_eq!(digest(b"\nno header\n").rest, sha(b"\nno header\n"));
        assert_eq!(digest(b"A: 1\n").rest, sha(b""));
        assert_eq!(digest(b"A: unfinished").header, sha(b"A: unfinished"));
        assert_eq!(digest(b""), digest(b""));
    }

    #[test]
    fn what_servers_write_is_not_part_of_the_core() {
        let written =
            b"A: 1\nSTATUS: RO\nX-Keywords: a\n b\n\tc\nB: 2\n folded\nX-UID : 7\nLines:3\n\nbody\n";
        let plain = b"A: 1\nB: 2\n folded\n\nbody\n";
        assert_eq!(digest(written).core(), digest(plain).core());
        assert_ne!(digest(written).content(), digest(plain).content());
        assert_eq!(digest(plain).core_header, sha(b"A: 1\nB: 2\n folded\n"));
    }

    #[test]
    fn what_only_looks_like_a_servers_header_is_part_of_the_core() {
        for line in
            ["X-Status-Of-Things: 1\n", "Status\n", "My-Lines: 1\n", ": no name\n", "no colon in this line\n"]
        {
            let header = format!("A: 1\n{line}");
            let message = format!("{header}\nbody\n");
            assert_eq!(digest(message.as_bytes()).core_header, sha(header.as_bytes()), "{line:?}");
        }
        // In a body nothing is dropped.
        assert_ne!(digest(b"A: 1\n\nStatus: R\n").core(), digest(b"A: 1\n\n").core());
    }

    #[test]
    fn a_mail_programs_marks_can_be_left_out_too() {
        let marked = b"A: 1\nX-Mozilla-Status: 0001\nX-MOZILLA-Status2: 00000000\nX-Mozilla-Keys:   \n\
                       X-Evolution: 00000001-0010\nX-Evolution-Source: pop:\n x\nStatus: RO\nB: 2\n\nbody\n";
        let plain = digest(b"A: 1\nB: 2\n\nbody\n");
        let mut digester = Digester::without_marks();
        digester.update(marked);
        assert_eq!(digester.finish().0.core(), plain.core());
        assert_ne!(digest(marked).core(), plain.core(), "what goes on record is as it ever was");
    }

    #[test]
    fn the_header_hash_of_a_top_reply_is_that_of_the_message() {
        let whole = digest(b"A: 1\nB: 2\n\nbody\n");
        for reply in [&b"A: 1\nB: 2\n\n"[..], b"A: 1\nB: 2\n", b"A: 1\nB: 2\n\nbody\n"] {
            let mut digester = Digester::new();
            digester.update(reply);
            assert_eq!(digester.finish_header(), whole.header);
        }
    }

    /// The definition, line by line, as slow and plain as can be.
    fn by_definition(message: &[u8]) -> Digest {
        let mut header = message.len();
        let mut start = 0;
        for (at, octet) in message.iter().enumerate() {
            if *octet == b'\n' {
                if at == start {
                    header = at;
                    break;
                }
                start = at + 1;
            }
        }
        let (header, rest) = message.split_at(header);
        let mut core = Vec::new();
        let mut keep = true;
        for line in header.split_inclusive(|octet| *octet == b'\n') {
            if !matches!(line[0], b' ' | b'\t') {
                let name = line.split(|octet| *octet == b':').next().unwrap_or_default();
                let name = name.trim_ascii_end().to_ascii_lowercase();
                let colon =
                    line.iter().position(|octet| *octet == b':').is_some_and(|at| at <= super::NAME_LIMIT);
                keep = !(colon && super::WRITTEN_BY_SERVERS.contains(&name.as_slice()));
            }
            if keep {
                core.extend_from_slice(line);
            }
        }
        Digest { header: sha(header), core_header: sha(&core), rest: sha(rest) }
    }

    proptest! {
        #[test]
        fn the_digest_does_not_depend_on_the_chunks(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "\n", " ", "\t", ":", "Status", "X-UID", "X-UIDL", "Content-Length", "a", "Subject",
                    "a rather long run of text", "\r", ": 1\n",
                ]),
                0..24,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let message: Vec<u8> = parts.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect();
            cuts.extend([0, message.len()]);
            cuts.sort_unstable();
            let mut digester = Digester::new();
            for pair in cuts.windows(2) {
                digester.update(&message[pair[0]..pair[1]]);
            }
            prop_assert_eq!(digester.finish().0, by_definition(&message));
        }
    }
}
