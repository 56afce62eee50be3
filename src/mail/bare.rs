//! A message's header without what fetching and delivering programs are known to put into it, so that a copy that
//! another fetcher has made is known again.
//!
//! Left out, on both sides: what servers and mail programs write into stored mail, Return-Path, Delivered-To and their
//! like, and the Received fields of mpop, fetchmail, getmail and fdm.
//!
//! Promise: memory is bounded by a limit on the header; a longer header has no bare form.

use super::headers;
use crate::mail::digest::{Digest, Digester, Hash};
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
const FETCHERS: [&[u8]; 4] = [b"(mpop-", b"(fetchmail-", FDM, b" getmail"];

/// That of fdm.
const FDM: &[u8] = b"(fdm ";

/// A header but for what fetching and delivering programs put into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bare {
    /// The hash of what is left of the header.
    pub hash: Hash,
    /// The whole header, without the empty line behind it.
    pub header: Extent,
    /// What a program has put in front of the message, if it has written the message's UID there.
    pub labelled: Option<Labelled>,
    /// fdm has fetched it, which writes one empty line more behind each message of an mbox.
    pub by_fdm: bool,
}

/// A copy in front of which a program has put fields of its own, the message's UID among them: Thunderbird or getmail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The UID.
    pub uid: Vec<u8>,
    /// The message without these fields.
    pub digest: Digest,
    /// How long they are.
    pub label: Extent,
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
#[derive(Default)]
pub struct BareHeader {
    header: Vec<u8>,
    over: bool,
    too_long: bool,
    /// The UID and the length of a label, and the message behind it.
    labelled: Option<(Vec<u8>, usize, Digester)>,
}

impl BareHeader {
    /// Looks at the next octets.
    pub fn update(&mut self, octets: &[u8]) {
        if self.over {
            if let Some((.., behind)) = &mut self.labelled {
                behind.update(octets);
            }
            return;
        }
        let from = self.header.len();
        let room = LIMIT - from;
        let (taken, rest) = octets.split_at(octets.len().min(room));
        self.too_long |= !rest.is_empty();
        self.header.extend_from_slice(taken);
        if let Some(end) = headers::end(&self.header, from) {
            self.labelled = label(&self.header[..end]).map(|(uid, length)| {
                let mut behind = Digester::new();
                behind.update(&self.header[length..]);
                behind.update(rest);
                (uid, length, behind)
            });
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
        let mut by_fdm = false;
        for field in fields(&self.header) {
            if is_added(field) {
                by_fdm |= memchr::memmem::find(field, FDM).is_some();
            } else {
                hash.update(field);
            }
        }
        let labelled = self.labelled.map(|(uid, length, behind)| {
            let mut label = Extent::default();
            label.add(&self.header[..length]);
            Labelled { uid, digest: behind.finish().0, label }
        });
        Some(Bare { hash: hash.finalize().into(), header, labelled, by_fdm })
    }
}

/// The UID in the fields that Thunderbird or getmail has put in front of a header, and how long these are in octets. A
/// sender can write the same: it is a hint.
fn label(header: &[u8]) -> Option<(Vec<u8>, usize)> {
    label_of_thunderbird(header).or_else(|| label_of_getmail(header))
}

/// Each of its fields once, in whatever order; the message's own begin where one comes a second time.
fn label_of_thunderbird(header: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut left = vec!["x-account-key", "x-uidl", "x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys"];
    let (mut uid, mut length) = (None, 0);
    for field in fields(header) {
        let Some((name, value)) = parts(field) else { break };
        let Some(at) = left.iter().position(|known| known.as_bytes() == name) else { break };
        if left.swap_remove(at) == "x-uidl" {
            uid = Some(value.to_vec());
        }
        length += field.len();
    }
    let is_its = !left.contains(&"x-mozilla-status");
    uid.filter(|uid| is_its && !uid.is_empty()).map(|uid| (uid, length))
}

/// Return-Path, Delivered-To and Received, of which the first two may be turned off.
fn label_of_getmail(header: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut length = 0;
    for field in fields(header).take(3) {
        let (name, value) = parts(field)?;
        length += field.len();
        match &name[..] {
            b"return-path" | b"delivered-to" => {}
            b"received" => return getmail_uid(value).map(|uid| (uid, length)),
            _ => return None,
        }
    }
    None
}

/// A field's name in lower case, and its value.
fn parts(field: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let colon = memchr::memchr(b':', field)?;
    Some((field[..colon].to_ascii_lowercase(), field[colon + 1..].trim_ascii()))
}

/// The UID in the Received field of getmail 6.
fn getmail_uid(received: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(received, b" getmail")?;
    let at = memchr::memmem::find(received, b"msgid:")? + b"msgid:".len();
    let rest = &received[at..];
    let end =
        rest.iter().position(|octet| octet.is_ascii_whitespace() || *octet == b';').unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].to_vec())
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
    use crate::mail::digest::{Digester, Hash};

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
    fn a_uid_in_front_of_a_message_is_a_hint_and_what_is_behind_it_is_hashed() {
        let plain = "Return-Path: <a@b>\nReceived: x\nSubject: s\n\nbody\n\n";
        let digest = |text: &str| {
            let mut digester = Digester::new();
            digester.update(text.as_bytes());
            digester.finish().0
        };
        let labels = [
            "X-Account-Key: account2\nX-UIDL: u 7\nX-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys:    \n",
            "Return-Path: <a@b>\nDelivered-To: j\nReceived: from h (1.2.3.4:110)\n  by l with POP3 getmail6 msgid:u7; date\n",
        ];
        for (label, uid) in labels.iter().zip([&b"u 7"[..], b"u7"]) {
            for chunk in [1, 50, 10_000] {
                let mut header = BareHeader::default();
                format!("{label}{plain}").as_bytes().chunks(chunk).for_each(|octets| header.update(octets));
                let labelled = header.finish().unwrap().labelled.unwrap();
                assert_eq!((labelled.uid.as_slice(), labelled.label.octets), (uid, label.len() as u64));
                assert_eq!(labelled.digest, digest(plain), "{label}, {chunk}");
            }
        }
        for none in [
            "X-UIDL: 7\nSubject: s\n\n",
            "Subject: s\nX-UIDL: 7\nX-Mozilla-Status: 0001\n\n",
            "X-Mozilla-Status: 0001\n\n",
        ] {
            let mut header = BareHeader::default();
            header.update(none.as_bytes());
            assert_eq!(header.finish().unwrap().labelled, None, "{none}");
        }
    }

    #[test]
    fn an_endless_header_has_none() {
        assert_eq!(bare(&vec![b'x'; LIMIT + 10], 1000), None);
        assert!(bare(b"", 1).is_some());
        assert!(bare(b"\nbody", 1).is_some());
    }
}
