//! Transfer encodings undone (RFC 2045, section 6), in pieces of any size.
//!
//! Promises: what is broken is decoded as well as can be; memory is a constant.

/// Decoded octets that are handed on together.
const BATCH: usize = 8 * 1024;

/// How octets are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    None,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// By its name in a header.
    pub(super) fn named(name: &str) -> Encoding {
        match name.trim().to_ascii_lowercase().as_str() {
            "base64" => Encoding::Base64,
            "quoted-printable" => Encoding::QuotedPrintable,
            _ => Encoding::None,
        }
    }
}

/// Decodes one part.
pub(super) enum Decoder {
    None,
    Base64(Base64),
    QuotedPrintable(Quoted),
}

impl Decoder {
    pub(super) fn new(encoding: Encoding) -> Decoder {
        match encoding {
            Encoding::None => Decoder::None,
            Encoding::Base64 => Decoder::Base64(Base64::default()),
            Encoding::QuotedPrintable => Decoder::QuotedPrintable(Quoted::default()),
        }
    }

    /// The next octets.
    pub(super) fn feed(&mut self, octets: &[u8], decoded: &mut dyn FnMut(&[u8])) {
        match self {
            Decoder::None => decoded(octets),
            Decoder::Base64(base64) => base64.feed(octets, decoded),
            Decoder::QuotedPrintable(quoted) => quoted.feed(octets, decoded),
        }
    }

    /// No more.
    pub(super) fn finish(self, decoded: &mut dyn FnMut(&[u8])) {
        match self {
            Decoder::None => {}
            Decoder::Base64(base64) => base64.finish(decoded),
            Decoder::QuotedPrintable(quoted) => quoted.finish(decoded),
        }
    }
}

/// Base64: what is none of its characters is passed over; padding ends a group, and another may follow.
#[derive(Default)]
pub(super) struct Base64 {
    bits: u32,
    held: u32,
    out: Vec<u8>,
}

impl Base64 {
    fn feed(&mut self, octets: &[u8], decoded: &mut dyn FnMut(&[u8])) {
        for &octet in octets {
            let value = match octet {
                b'A'..=b'Z' => octet - b'A',
                b'a'..=b'z' => octet - b'a' + 26,
                b'0'..=b'9' => octet - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' => {
                    self.held = 0;
                    continue;
                }
                _ => continue,
            };
            self.bits = self.bits << 6 | u32::from(value);
            self.held += 6;
            if self.held >= 8 {
                self.held -= 8;
                self.out.push((self.bits >> self.held).to_le_bytes()[0]);
            }
        }
        if self.out.len() >= BATCH {
            decoded(&self.out);
            self.out.clear();
        }
    }

    fn finish(self, decoded: &mut dyn FnMut(&[u8])) {
        decoded(&self.out);
    }
}

/// Quoted-printable: an `=` that means nothing stands for itself.
#[derive(Default)]
pub(super) struct Quoted {
    /// `=` and what has come behind it.
    escape: Vec<u8>,
}

impl Quoted {
    fn feed(&mut self, mut octets: &[u8], decoded: &mut dyn FnMut(&[u8])) {
        while !octets.is_empty() {
            if self.escape.is_empty() {
                let end = memchr::memchr(b'=', octets).unwrap_or(octets.len());
                decoded(&octets[..end]);
                octets = &octets[end..];
                let Some((equals, rest)) = octets.split_first() else { return };
                self.escape.push(*equals);
                octets = rest;
                continue;
            }
            let (octet, rest) = (octets[0], &octets[1..]);
            match (&self.escape[1..], octet) {
                // A soft line break, with white space that was added before its end.
                ([] | [b' ' | b'\t' | b'\r'], b'\n') => self.escape.clear(),
                ([], b' ' | b'\t' | b'\r') => self.escape.push(octet),
                ([], _) if octet.is_ascii_hexdigit() => self.escape.push(octet),
                ([first], _) if first.is_ascii_hexdigit() && octet.is_ascii_hexdigit() => {
                    decoded(&[hex(*first) << 4 | hex(octet)]);
                    self.escape.clear();
                }
                _ => {
                    decoded(&self.escape);
                    self.escape.clear();
                    // This one may begin something itself.
                    continue;
                }
            }
            octets = rest;
        }
    }

    fn finish(self, decoded: &mut dyn FnMut(&[u8])) {
        if self.escape.len() > 1 {
            decoded(&self.escape);
        }
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, Encoding};
    use proptest::prelude::*;

    fn decoded(encoding: Encoding, text: &[u8], cut: usize) -> Vec<u8> {
        let (mut decoder, mut out) = (Decoder::new(encoding), Vec::new());
        for piece in text.chunks(cut) {
            decoder.feed(piece, &mut |octets| out.extend_from_slice(octets));
        }
        decoder.finish(&mut |octets| out.extend_from_slice(octets));
        out
    }

    #[test]
    fn encodings_are_undone_wherever_the_pieces_are_cut() {
        for cut in 1..9 {
            let base64 = |text: &[u8]| decoded(Encoding::Base64, text, cut);
            assert_eq!(base64(b"SGVs\nbG8s\n IHdv!cmxkIQ==\n"), b"Hello, world!");
            assert_eq!(base64(b"SGk=SGk="), b"HiHi", "two that were put together");
            assert_eq!(base64(b"SGVsb"), b"Hel", "cut off");
            let quoted = |text: &[u8]| decoded(Encoding::QuotedPrintable, text, cut);
            assert_eq!(quoted(b"J=C3=a4ne =\nund= \n Joe=3D\n"), "Jäne und Joe=\n".as_bytes());
            assert_eq!(quoted(b"1 = 2, a=b, ==41, =4"), b"1 = 2, a=b, =A, =4");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(octets in prop::collection::vec(any::<u8>(), 0..200), cut in 1_usize..50) {
            use base64::Engine as _;
            let base64 = base64::engine::general_purpose::STANDARD.encode(&octets);
            prop_assert_eq!(decoded(Encoding::Base64, base64.as_bytes(), cut), octets.clone());
            let quoted: String = octets.iter().fold(String::new(), |text, octet| text + &format!("={octet:02X}"));
            prop_assert_eq!(decoded(Encoding::QuotedPrintable, quoted.as_bytes(), cut), octets);
        }
    }
}
