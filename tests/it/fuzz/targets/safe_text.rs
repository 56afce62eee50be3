//! Text of a server made safe to print: nothing that steers a terminal is left, and nothing is lost.

use popkeep::text::safe::escape;

pub(super) fn run(octets: &[u8]) {
    let safe = escape(octets);
    for character in safe.chars() {
        assert!(!character.is_control(), "{character:?} is left");
        assert!(
            !matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
        );
    }
    assert_eq!(unescape(&safe), octets);
}

/// The way back, as the documentation of [`escape`] has it.
fn unescape(safe: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = safe;
    while let Some((before, escaped)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        if let Some(behind) = escaped.strip_prefix('\\') {
            octets.push(b'\\');
            rest = behind;
        } else if let Some(hex) = escaped.strip_prefix('x') {
            octets.push(u8::from_str_radix(&hex[..2], 16).unwrap());
            rest = &hex[2..];
        } else {
            let (code, behind) = escaped.strip_prefix("u{").unwrap().split_once('}').unwrap();
            let character = char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap();
            octets.extend_from_slice(character.to_string().as_bytes());
            rest = behind;
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}
