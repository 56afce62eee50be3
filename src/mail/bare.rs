//! A message's header without what fetching and delivering programs are known to put into it, so that a copy that
//! another fetcher has made is known again.
//!
//! Left out, on both sides: what servers and mail programs write into stored mail, Return-Path, Delivered-To and their
//! like, and the Received fields of mpop, fetchmail, getmail and fdm.
//!
//! Promise: memory is bounded by a limit on the header; a longer header has no bare form.

use super::headers;
use crate::mail::digest::{Digest, Hash};
use crate::mail::names::ShortHash;
use sha2::{Digest as _, Sha256};

/// The longest header that is looked at, in octets.
const LIMIT: usize = 1 << 20;

/// Fields that are left out, in lower case; those that end in `-` with all that begin so.
const ADDED: [&str; 20] = [
    "status",
    "x-status",
    "x-uid",
    "x-uidl",
    "x-keywords",
    "x-imap",
    "x-imapbase",
    "content-length",
    "lines",
    "return-path",
    "delivered-to",
    "envelope-to",
    "x-original-to",
    "x-account-key",
    "x-mozilla-",
    "x-evolution",
    "x-evolution-",
    "x-getmail-",
    "x-tuid",
    "x-fetchmail-",
];

/// What a Received field of a fetcher has in it.
const FETCHERS: [&[u8]; 4] = [b"(mpop-", b"(fetchmail-", b"(fdm ", b" getmail"];

/// A header but for what fetching and delivering programs put into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bare {
    /// The hash of what is left of the header.
    pub hash: Hash,
    /// The whole header, without the empty line behind it.
    pub header: Extent,
}

impl Bare {
    /// The beginning of the hash.
    pub fn short(&self) -> ShortHash {
        self.hash.first_chunk().copied().unwrap_or_default()
    }
}

/// How long a text in stored form is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Octets, with one for each line end.
    pub octets: u64,
    /// Line ends.
    pub lines: u64,
}

impl Extent {
    /// Counts the next octets.
    pub fn add(&mut self, octets: &[u8]) {
        self.octets += octets.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', octets).count() as u64;
    }
}

/// Takes a message, or its header, in stored form and in chunks of any size.
#[derive(Clone, Debug, Default)]
pub struct BareHeader {
    header: Vec<u8>,
    over: bool,
    too_long: bool,
}

impl BareHeader {
    /// Looks at the next octets.
    pub fn update(&mut self, octets: &[u8]) {
        if self.over {
            return;
        }
        let from = self.header.len();
        let room = LIMIT - from;
        self.too_long |= octets.len() > room;
        self.header.extend_from_slice(&octets[..octets.len().min(room)]);
        if let Some(end) = headers::end(&self.header, from) {
            self.header.truncate(end);
            (self.over, self.too_long) = (true, false);
        } else if self.too_long {
            self.over = true;
            self.header = Vec::new();
        }
    }

    /// What the header is; `None` for one that is too long.
    pub fn finish(self) -> Option<Bare> {
        if self.too_long {
            return None;
        }
        let (mut hash, mut header) = (Sha256::new(), Extent::default());
        header.add(&self.header);
        for field in fields(&self.header) {
            if !is_added(field) {
                hash.update(field);
            }
        }
        Some(Bare { hash: hash.finalize().into(), header })
    }
}

/// What stands for a message but for what fetchers put into it.
pub fn content(bare_header: &Hash, digest: &Digest) -> ShortHash {
    let hash =
        Sha256::new().chain_update(b"bare").chain_update(bare_header).chain_update(digest.rest).finalize();
    hash.first_chunk().copied().unwrap_or_default()
}

/// The fields of a header, each with its continuation lines.
fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        loop {
            end = memchr::memchr(b'\n', &rest[end..]).map_or(rest.len(), |lf| end + lf + 1);
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (field, behind) = rest.split_at(end);
        rest = behind;
        Some(field)
    })
}

fn is_added(field: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', field) else { return false };
    let name = field[..colon].trim_ascii_end().to_ascii_lowercase();
    if name == b"received" {
        return FETCHERS.iter().any(|fetcher| memchr::memmem::find(field, fetcher).is_some());
    }
    ADDED
        .iter()
        .any(|added| added.as_bytes() == name || added.ends_with('-') && name.starts_with(added.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{BareHeader, LIMIT};
    use crate::mail::digest::Hash;

    fn bare(message: &[u8], chunk: usize) -> Option<Hash> {
        let mut header = BareHeader::default();
        message.chunks(chunk).for_each(|octets| header.update(octets));
        header.finish().map(|bare| bare.hash)
    }

    #[test]
    fn what_fetchers_add_makes_no_difference() {
        let plain = "Received: from a by b\n\tfor c; d\nSubject: s\nFrom: x\n";
        let added = [
            format!(
                "Received: from h (h [1.2.3.4])\n\tby l (mpop-1.4.18) with POP3\n\tfor <j>; date\n{plain}"
            ),
            format!(
                "Received: from h [1.2.3.4]\n\tby l with POP3 (fetchmail-6.4.37)\n\tfor <j> (single-drop)\n{plain}"
            ),
            format!(
                "Return-Path: <j@x>\nDelivered-To: j\nReceived: from h (1.2.3.4:110)\n  by l with POP3 getmail6 msgid:7; d\n{plain}"
            ),
            format!("Received: by h (fdm 2.1, account \"work\")\n\tdate\n{plain}"),
            format!(
                "X-Account-Key: account2\nX-UIDL: 7\nX-Mozilla-Status: 0001\nX-Mozilla-Keys:   \n{plain}"
            ),
            format!("{plain}Status: RO\n"),
        ];
        for chunk in [1, 7, 10_000] {
            let expected = bare(plain.as_bytes(), chunk);
            assert!(expected.is_some());
            for header in &added {
                assert_eq!(bare(format!("{header}\nbody\n").as_bytes(), chunk), expected, "{header}");
            }
            assert_ne!(bare(plain.replace("from a", "from z").as_bytes(), chunk), expected);
        }
    }

    #[test]
    fn an_endless_header_has_none() {
        assert_eq!(bare(&vec![b'x'; LIMIT + 10], 1000), None);
        assert!(bare(b"", 1).is_some());
        assert!(bare(b"\nbody", 1).is_some());
    }
}
