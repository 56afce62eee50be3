//! What a message is known by on the other side: its Message-ID and its size.

use sha2::{Digest as _, Sha256};

/// A longer Message-ID is none, in octets; RFC 5322 allows 998 in a line.
const LIMIT: usize = 2000;

/// A short hash of a Message-ID and a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark(pub(super) [u8; 8]);

impl Mark {
    /// `octets` as they cross the wire.
    pub(super) fn of(message_id: Option<&[u8; 16]>, octets: u64) -> Mark {
        let mut hash = Sha256::new();
        hash.update(octets.to_be_bytes());
        if let Some(id) = message_id {
            hash.update(id);
        }
        let hash: [u8; 32] = hash.finalize().into();
        Mark(hash.first_chunk().copied().unwrap_or_default())
    }
}

/// The hash of the Message-ID of a header in stored form (LF).
pub(super) fn message_id(header: &[u8]) -> Option<[u8; 16]> {
    let mut rest = header;
    while !rest.is_empty() {
        let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |lf| lf + 1);
        let (name, value) = rest.split_at_checked(b"message-id:".len()).unwrap_or((rest, &[]));
        if name.eq_ignore_ascii_case(b"message-id:") {
            let mut end = line;
            while matches!(rest.get(end), Some(b' ' | b'\t')) {
                end += memchr::memchr(b'\n', &rest[end..]).map_or(rest.len() - end, |lf| lf + 1);
            }
            return hash_of(value.get(..end - name.len()).unwrap_or(value));
        }
        rest = &rest[line..];
    }
    None
}

/// The hash of a Message-ID, whose blanks and line ends do not count: servers fold and trim it in their own ways.
pub(super) fn hash_of(message_id: &[u8]) -> Option<[u8; 16]> {
    let id: Vec<u8> =
        message_id.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).take(LIMIT + 1).collect();
    if id.is_empty() || id.len() > LIMIT {
        return None;
    }
    let hash: [u8; 32] = Sha256::digest(&id).into();
    hash.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::{Mark, hash_of, message_id};

    #[test]
    fn an_id_is_the_same_however_it_is_folded() {
        let id = hash_of(b"<a@b>");
        assert!(id.is_some());
        for header in [
            "Message-ID: <a@b>\nTo: x\n",
            "To: x\nMESSAGE-id:\n <a@b>\n",
            "Message-ID:<a@b>",
            "Message-Id: <a@\n\tb>\n",
        ] {
            assert_eq!(message_id(header.as_bytes()), id, "{header:?}");
        }
    }

    #[test]
    fn who_has_none_is_known_by_its_size() {
        for header in
            ["", "To: x\n", "Message-ID: \n", "X-Message-ID: <a@b>\n", "To: x\n Message-ID: <a@b>\n"]
        {
            assert_eq!(message_id(header.as_bytes()), None, "{header:?}");
        }
        assert_eq!(Mark::of(None, 5), Mark::of(None, 5));
        assert_ne!(Mark::of(None, 5), Mark::of(None, 6));
        assert_ne!(Mark::of(hash_of(b"<a>").as_ref(), 5), Mark::of(None, 5));
    }
}
