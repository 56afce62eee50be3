//! Text from a server or a message, made safe for a terminal, a log line or JSON.
//!
//! Promises: the result is one line without control characters, and it is reversible: printable
//! UTF-8 stays as it is, a backslash is doubled, an octet that is no printable text becomes
//! `\xNN`, a character that could steer a terminal or reorder a line becomes `\u{…}`.

use std::fmt::Write as _;

/// Escapes `text`, which may be any octets.
pub fn escape(text: &[u8]) -> String {
    let mut safe = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => safe.push_str("\\\\"),
                '\0'..='\x1f' | '\x7f' => octet(&mut safe, character as u8),
                _ if steers(character) => {
                    // Writing to a String cannot fail.
                    let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
                }
                _ => safe.push(character),
            }
        }
        for byte in chunk.invalid() {
            octet(&mut safe, *byte);
        }
    }
    safe
}

/// Text that is already in words but may hold something unprintable. Escapes that are in it
/// stay as they are, so that this can be applied to what was escaped before.
pub fn printable(text: &str) -> String {
    text.split('\\').map(|part| escape(part.as_bytes())).collect::<Vec<_>>().join("\\")
}

/// Text of several lines, for reading: line ends and tabs stay, carriage returns go, and what could steer a terminal is
/// escaped. Not reversible: backslashes stay as they are.
pub fn readable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => safe.push(character),
            // The last three are invisible, and common in mail made of pages.
            '\r' | '\u{200b}' | '\u{2060}' | '\u{feff}' => {}
            '\0'..='\x1f' | '\x7f' => octet(&mut safe, character as u8),
            _ if steers(character) => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    safe
}

fn octet(safe: &mut String, octet: u8) {
    let _ = write!(safe, "\\x{octet:02x}");
}

/// Whether a character beyond ASCII does something instead of showing something.
pub fn steers(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}' // C1: CSI and its like
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // bidi
            | '\u{2028}' | '\u{2029}' // line and paragraph separator
            | '\u{200b}' | '\u{2060}' | '\u{feff}' // invisible, of no width
            | '\u{fff9}'..='\u{fffb}' // interlinear annotation
            | '\u{e0000}'..='\u{e007f}' // invisible tags
    )
}

#[cfg(test)]
mod tests {
    use super::{escape, printable};
    use proptest::prelude::*;

    /// The way back.
    fn unescape(safe: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let mut left = safe;
        while let Some(at) = left.find('\\') {
            out.extend_from_slice(&left.as_bytes()[..at]);
            let escape = &left[at + 1..];
            let used = match escape.as_bytes()[0] {
                b'x' => {
                    out.push(u8::from_str_radix(&escape[1..3], 16).unwrap());
                    3
                }
                b'u' => {
                    let end = escape.find('}').unwrap();
                    let code = u32::from_str_radix(&escape[2..end], 16).unwrap();
                    let mut utf8 = [0; 4];
                    out.extend_from_slice(char::from_u32(code).unwrap().encode_utf8(&mut utf8).as_bytes());
                    end + 1
                }
                _ => {
                    out.push(b'\\');
                    1
                }
            };
            left = &escape[used..];
        }
        out.extend_from_slice(left.as_bytes());
        out
    }

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        assert_eq!(escape(b"plain text"), "plain text");
        assert_eq!(escape("Grüße, 日本".as_bytes()), "Grüße, 日本");
        assert_eq!(escape(b"\x1b[2Jgone\r\n\t\0\x7f"), "\\x1b[2Jgone\\x0d\\x0a\\x09\\x00\\x7f");
        assert_eq!(escape("\u{9b}31m\u{202e}txt\u{2028}".as_bytes()), "\\u{9b}31m\\u{202e}txt\\u{2028}");
        assert_eq!(escape(b"latin \xe9, \xff"), "latin \\xe9, \\xff");
        assert_eq!(escape(b"\\x41"), "\\\\x41");
    }

    #[test]
    fn what_is_printable_already_stays_as_it_is() {
        let once = printable("a\u{7}b \\ ünï");
        assert_eq!(printable(&once), once);
        assert_eq!(printable("pass show mail\\work"), "pass show mail\\work");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_control_is_left(octets in prop::collection::vec(any::<u8>(), 0..64), text in ".{0,16}") {
            for input in [octets, text.into_bytes()] {
                let safe = escape(&input);
                prop_assert!(!safe.chars().any(char::is_control));
                prop_assert_eq!(unescape(&safe), input);
            }
        }
    }
}
