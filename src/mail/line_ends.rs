//! Line ends: CRLF on the wire (RFC 1939 section 3), LF in an archive.
//!
//! Promises: exactly the CR of each CRLF goes; a bare CR and a bare LF are kept as they are,
//! wherever the chunks are cut.

/// Turns CRLF into LF, chunk by chunk.
#[derive(Clone, Debug, Default)]
pub struct Unix {
    /// The last chunk ended in a CR whose fate the next octet decides.
    cr: bool,
}

impl Unix {
    /// At the start of a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the stored form of the next octets to `out`.
    pub fn feed(&mut self, wire: &[u8], out: &mut Vec<u8>) {
        let Some(first) = wire.first() else { return };
        if std::mem::take(&mut self.cr) && *first != b'\n' {
            out.push(b'\r');
        }
        out.reserve(wire.len());
        let mut start = 0;
        for cr in memchr::memchr_iter(b'\r', wire) {
            match wire.get(cr + 1) {
                Some(b'\n') => {
                    out.extend_from_slice(&wire[start..cr]);
                    start = cr + 1;
                }
                Some(_) => {}
                None => {
                    out.extend_from_slice(&wire[start..cr]);
                    start = wire.len();
                    self.cr = true;
                }
            }
        }
        out.extend_from_slice(&wire[start..]);
    }

    /// The message has ended: a CR that was its last octet is kept. Ready for the next message.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.cr) {
            out.push(b'\r');
        }
    }
}

/// Turns a stored form into what goes over the wire, chunk by chunk: every LF gets a CR, and a last line without an end
/// gets one.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// The last octet was no LF.
    open: bool,
}

impl Wire {
    /// At the start of a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the wire form of the next octets to `out`.
    pub fn feed(&mut self, stored: &[u8], out: &mut Vec<u8>) {
        let Some(last) = stored.last() else { return };
        self.open = *last != b'\n';
        let mut start = 0;
        for lf in memchr::memchr_iter(b'\n', stored) {
            out.extend_from_slice(&stored[start..lf]);
            out.extend_from_slice(b"\r\n");
            start = lf + 1;
        }
        out.extend_from_slice(&stored[start..]);
    }

    /// The message has ended.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.open {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Counts the octets of what [`Wire`] makes.
#[derive(Clone, Copy, Debug, Default)]
pub struct WireSize {
    octets: u64,
    open: bool,
}

impl WireSize {
    /// The next octets of the stored form.
    pub fn add(&mut self, stored: &[u8]) {
        let Some(last) = stored.last() else { return };
        self.open = *last != b'\n';
        self.octets += stored.len() as u64 + memchr::memchr_iter(b'\n', stored).count() as u64;
    }

    /// All of them, when the message has ended.
    pub fn octets(self) -> u64 {
        self.octets + if self.open { 2 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{Unix, Wire, WireSize};
    use proptest::prelude::*;

    fn stored(chunks: &[&[u8]]) -> Vec<u8> {
        let mut unix = Unix::new();
        let mut out = Vec::new();
        for chunk in chunks {
            unix.feed(chunk, &mut out);
        }
        unix.finish(&mut out);
        out
    }

    #[test]
    fn only_the_cr_of_a_crlf_goes() {
        assert_eq!(stored(&[b"a\r\nb\r\n"]), b"a\nb\n");
        assert_eq!(stored(&[b"bare \r and \n, \r\r\n, \n\r, end\r"]), b"bare \r and \n, \r\n, \n\r, end\r");
        assert_eq!(stored(&[b"a\r", b"\nb", b"\r", b"", b"\r", b"\n"]), b"a\nb\r\n");
        assert_eq!(stored(&[]), b"");
    }

    /// What the whole text becomes, as plainly as can be.
    fn by_definition(wire: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (at, octet) in wire.iter().enumerate() {
            if !(*octet == b'\r' && wire.get(at + 1) == Some(&b'\n')) {
                out.push(*octet);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn the_chunks_do_not_matter(
            chunks in prop::collection::vec(prop::collection::vec(prop::sample::select(b"\r\n.a".to_vec()), 0..6), 0..8),
        ) {
            let pieces: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(stored(&pieces), by_definition(&chunks.concat()));
        }

        #[test]
        fn what_goes_out_comes_back(stored in "[a\r\n]{0,30}", split in 1_usize..9) {
            let (mut wire, mut out, mut size) = (Wire::new(), Vec::new(), WireSize::default());
            for chunk in stored.as_bytes().chunks(split) {
                wire.feed(chunk, &mut out);
                size.add(chunk);
            }
            wire.finish(&mut out);
            prop_assert_eq!(size.octets(), out.len() as u64);
            let mut expected = stored.into_bytes();
            if !expected.is_empty() && !expected.ends_with(b"\n") {
                // RFC 1939 knows no line without an end.
                expected.push(b'\n');
            }
            let (mut unix, mut back) = (Unix::new(), Vec::new());
            unix.feed(&out, &mut back);
            unix.finish(&mut back);
            prop_assert_eq!(back, expected);
        }
    }
}
