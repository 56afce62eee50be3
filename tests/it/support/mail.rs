//! Messages and their two forms: as they cross the wire, and as an archive must store them.

/// One message in a maildrop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    /// Its unique-id.
    pub(crate) uid: Vec<u8>,
    /// Its octets as RETR brings them, without dot-stuffing: CRLF line ends, the last line ended.
    pub(crate) wire: Vec<u8>,
    /// What LIST says instead of the truth.
    pub(crate) listed_size: Option<String>,
}

impl Mail {
    /// A message from its text with LF line ends.
    pub(crate) fn new(uid: &str, text: impl AsRef<[u8]>) -> Mail {
        Mail { uid: uid.as_bytes().to_vec(), wire: to_wire(text.as_ref()), listed_size: None }
    }

    /// An ordinary message that differs from its neighbours.
    pub(crate) fn numbered(number: usize) -> Mail {
        Mail::new(
            &format!("uid-{number:05}"),
            format!(
                "Received: from mx.example by pop.example; Thu, 19 Aug 1999 20:15:20 -0500\n\
                 Message-Id: <{number}@example>\n\
                 Date: Thu, 19 Aug 1999 20:15:55 -0500\n\
                 From: Dusty <dusty@example>\n\
                 Subject: message {number}\n\
                 \n\
                 This is message {number}.\n.\nA dot stood alone above.\n"
            ),
        )
    }

    /// As many numbered messages as wanted.
    pub(crate) fn some(count: usize) -> Vec<Mail> {
        (1..=count).map(Mail::numbered).collect()
    }

    /// The same message under another unique-id.
    pub(crate) fn with_uid(&self, uid: &str) -> Mail {
        Mail { uid: uid.as_bytes().to_vec(), ..self.clone() }
    }

    /// The same message, but LIST says this for its size.
    pub(crate) fn listed_as(&self, size: &str) -> Mail {
        Mail { listed_size: Some(size.to_owned()), ..self.clone() }
    }

    /// What the archive must hold for it.
    pub(crate) fn stored(&self) -> Vec<u8> {
        to_stored(&self.wire)
    }

    /// Its header with the empty line, as TOP n 0 brings it.
    pub(crate) fn header(&self) -> &[u8] {
        let end =
            self.wire.windows(4).position(|four| four == b"\r\n\r\n").map_or(self.wire.len(), |at| at + 4);
        &self.wire[..end]
    }
}

/// The text of a message, much like the one in `IMail`'s transcript, that is exactly so many octets on the wire.
pub(crate) fn of_size(octets: usize) -> String {
    let text = "Received: from [] by \n (SMTPD32-5.05) id AC28801E8; Thu, 19 Aug 1999 20:15:20 -0500\n\
                Date: Thu, 19 Aug 1999 20:15:55 -0500\nX-UIDL: 230371285\nStatus: U\nFrom: <>\n\n\
                Subject: test\nHi Dusty\n";
    let line_ends = text.matches('\n').count();
    format!("{text}{}\n", "x".repeat(octets - text.len() - line_ends - 2))
}

/// What the archive must hold for all of them, sorted.
pub(crate) fn stored_forms<'a>(mails: impl IntoIterator<Item = &'a Mail>) -> Vec<Vec<u8>> {
    let mut stored: Vec<_> = mails.into_iter().map(Mail::stored).collect();
    stored.sort();
    stored
}

/// What a POP3 server sends for a file with LF (or mixed) line ends: every LF gets its CR, and an
/// unfinished last line is finished.
pub(crate) fn to_wire(file: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(file.len() + file.len() / 40 + 2);
    for &octet in file {
        if octet == b'\n' && wire.last() != Some(&b'\r') {
            wire.push(b'\r');
        }
        wire.push(octet);
    }
    if wire.last() != Some(&b'\n') {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

/// What an archive stores for it: CRLF becomes LF, nothing else changes.
pub(crate) fn to_stored(wire: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(wire.len());
    for &octet in wire {
        if octet == b'\n' && stored.last() == Some(&b'\r') {
            stored.pop();
        }
        stored.push(octet);
    }
    stored
}

/// The octets as they cross the wire in a multi-line reply: dots doubled, the end marked.
pub(crate) fn dot_stuffed(wire: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(wire.len() + 8);
    for line in wire.split_inclusive(|&octet| octet == b'\n') {
        // A line ends with CRLF only; what follows a bare LF is no new line.
        if line.starts_with(b".") && (sent.is_empty() || sent.ends_with(b"\r\n")) {
            sent.push(b'.');
        }
        sent.extend_from_slice(line);
    }
    sent.extend_from_slice(b".\r\n");
    sent
}

/// Short words about octets, for messages of failing tests.
pub(crate) fn shown(octets: &[u8]) -> String {
    let head: String = octets
        .iter()
        .take(120)
        .flat_map(|&octet| std::ascii::escape_default(octet))
        .map(char::from)
        .collect();
    format!("{} octets: {head}", octets.len())
}

/// Compares two multisets of messages; says which are missing, extra or altered.
#[track_caller]
pub(crate) fn assert_same_mail(mut found: Vec<Vec<u8>>, mut expected: Vec<Vec<u8>>) {
    found.sort();
    expected.sort();
    if found == expected {
        return;
    }
    let mut report = format!("{} messages found, {} expected", found.len(), expected.len());
    let (mut left, mut right) = (found.iter().peekable(), expected.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(extra), wanted) if wanted.is_none_or(|wanted| extra < wanted) => {
                report += &format!("\n  not expected: {}", shown(extra));
                left.next();
            }
            (extra, Some(absent)) if extra.is_none_or(|extra| absent < extra) => {
                report += &format!("\n  missing:      {}", shown(absent));
                right.next();
            }
            (None, None) => break,
            _ => {
                left.next();
                right.next();
            }
        }
    }
    panic!("{report}");
}
