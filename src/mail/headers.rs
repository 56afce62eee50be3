//! What popkeep wants to know of a message's header, read while the message passes.
//!
//! Promises: nothing here decides how a message is stored; a header that cannot be parsed yields
//! no facts and no error; memory is bounded by [`LIMIT`].

use crate::mail::mboxrd::NO_SENDER;
use mailparse::{MailAddr, MailHeader, MailHeaderMap as _};

/// Octets of a header that are looked at.
pub const LIMIT: usize = 64 * 1024;

/// The longest sender that is put into a `From_` line; RFC 5321 section 4.5.3.1.3 allows a path
/// of 256 octets.
const SENDER_LIMIT: usize = 256;

/// Facts of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The Message-ID, as written but for white space around it.
    pub message_id: Option<String>,
    /// At least one Received header is there.
    pub received: bool,
    envelope: Option<String>,
}

impl Facts {
    /// The sender for a `From_` line: the Return-Path, else the first address of From, else
    /// [`NO_SENDER`]. Printable ASCII without white space.
    pub fn sender(&self) -> &str {
        self.envelope.as_deref().unwrap_or(NO_SENDER)
    }

    fn parse(header: &[u8]) -> Facts {
        let Ok((headers, _)) = mailparse::parse_headers(header) else { return Facts::default() };
        let message_id = headers.get_first_value("Message-ID").map(|id| id.trim().to_owned());
        let envelope = match headers.get_first_header("Return-Path") {
            Some(path) => address(path),
            None => headers.get_first_header("From").and_then(address),
        };
        Facts {
            message_id: message_id.filter(|id| !id.is_empty()),
            received: headers.get_first_header("Received").is_some(),
            envelope,
        }
    }
}

/// The first address of a header, if it may stand in a `From_` line.
fn address(header: &MailHeader<'_>) -> Option<String> {
    let addresses = mailparse::addrparse_header(header).ok()?;
    let first = addresses.iter().find_map(|address| match address {
        MailAddr::Single(single) => Some(single.addr.as_str()),
        MailAddr::Group(group) => group.addrs.first().map(|single| single.addr.as_str()),
    })?;
    let fits = !first.is_empty()
        && first.len() <= SENDER_LIMIT
        && first.bytes().all(|octet| octet.is_ascii_graphic());
    fits.then(|| first.to_owned())
}

/// Takes a message's stored form in chunks of any size and keeps the start of its header.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    header: Vec<u8>,
    done: bool,
    /// The header goes on beyond [`LIMIT`].
    cut: bool,
}

impl Reader {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next octets. Costs nothing once the header has ended.
    pub fn update(&mut self, octets: &[u8]) {
        if self.done {
            return;
        }
        let from = self.header.len();
        self.header.extend_from_slice(&octets[..octets.len().min(LIMIT - from)]);
        if let Some(end) = end(&self.header, from) {
            self.header.truncate(end);
            self.done = true;
        } else if self.header.len() == LIMIT {
            // A header is cut in mid-line here; what is whole of it will do.
            let whole = memchr::memrchr(b'\n', &self.header).map_or(0, |lf| lf + 1);
            self.header.truncate(whole);
            self.done = true;
            self.cut = true;
        }
    }

    /// Whether the header goes on beyond what was looked at.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The header as far as it was looked at, without the empty line at its end.
    pub fn into_header(self) -> Vec<u8> {
        self.header
    }

    /// The facts.
    pub fn finish(self) -> Facts {
        Facts::parse(&self.header)
    }
}

/// Where a header's empty line begins, in octets that had none among the first `from` of them.
pub(super) fn end(header: &[u8], from: usize) -> Option<usize> {
    // The line end before the empty line may have come with the chunk before this one.
    let seam = from.saturating_sub(1);
    match header.first() {
        Some(b'\n') => Some(0),
        _ => memchr::memmem::find(&header[seam..], b"\n\n").map(|at| seam + at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, LIMIT, Reader};
    use proptest::prelude::*;

    fn facts(message: &[u8]) -> Facts {
        let mut reader = Reader::new();
        reader.update(message);
        reader.finish()
    }

    #[test]
    fn the_sender_is_the_return_path_else_from_else_the_mailer_daemon() {
        assert_eq!(facts(b"Return-Path: <a@b.example>\nFrom: c@d.example\n\n").sender(), "a@b.example");
        assert_eq!(facts(b"From: =?utf-8?q?J=C3=A4ne?= <jane@example.com>\n\n").sender(), "jane@example.com");
        assert_eq!(facts(b"From: team: a@b.example, c@d.example;\n\n").sender(), "a@b.example");
        assert_eq!(facts(b"Return-Path: <>\nFrom: c@d.example\n\n").sender(), "MAILER-DAEMON");
        assert_eq!(facts(b"Subject: none\n\nFrom: body@example.com\n").sender(), "MAILER-DAEMON");
        assert_eq!(facts(b"\nFrom: body@example.com\n\n").sender(), "MAILER-DAEMON");
    }

    #[test]
    fn a_sender_cannot_break_the_from_line() {
        for from in ["\"a b\"@c.example", "a\x1b@b.example", "ä@b.example"] {
            let sender = facts(format!("From: {from}\n\n").as_bytes()).sender().to_owned();
            assert!(sender.bytes().all(|octet| octet.is_ascii_graphic()), "{sender:?}");
        }
        let long = format!("From: {}@b.example\n\n", "a".repeat(300));
        assert_eq!(facts(long.as_bytes()).sender(), "MAILER-DAEMON");
    }

    #[test]
    fn message_id_and_received_are_seen_wherever_the_chunks_are_cut() {
        let message =
            b"Received: from x\n by y; now\nMESSAGE-ID:\n <1@x.example>\nFrom: a@b.example\n\nReceived: no\n";
        for cut in 0..message.len() {
            let mut reader = Reader::new();
            reader.update(&message[..cut]);
            reader.update(&message[cut..]);
            let facts = reader.finish();
            assert_eq!(facts.message_id.as_deref(), Some("<1@x.example>"));
            assert!(facts.received);
            assert_eq!(facts.sender(), "a@b.example");
        }
        assert!(!facts(b"A: b\n\nReceived: no\n").received);
    }

    #[test]
    fn an_endless_header_is_read_up_to_the_limit() {
        let mut reader = Reader::new();
        reader.update(b"From: a@b.example\nX: ");
        for _ in 0..1000 {
            reader.update(&[b'x'; 1000]);
            assert!(reader.header.capacity() <= 4 * LIMIT);
        }
        assert_eq!(reader.finish().sender(), "a@b.example");
    }

    proptest! {
        #[test]
        fn rubbish_is_no_error(octets in prop::collection::vec(any::<u8>(), 0..200), from in ".{0,40}") {
            facts(&octets);
            let sender = facts(format!("From: {from}\nReturn-Path: {from}\n\n").as_bytes()).sender().to_owned();
            prop_assert!(!sender.is_empty() && sender.bytes().all(|octet| octet.is_ascii_graphic()));
        }
    }
}
