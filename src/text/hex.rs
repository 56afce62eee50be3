//! Octets in hexadecimal.

use std::fmt::{self, Write as _};

/// Shows two digits for each octet, in lower case.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of files and rows are made of these: one call for 16 octets, not one for each.
        for part in self.0.chunks(16) {
            let mut digits = [0; 32];
            for (pair, octet) in digits.chunks_exact_mut(2).zip(part) {
                pair.copy_from_slice(&[digit(octet >> 4), digit(octet & 15)]);
            }
            f.write_str(str::from_utf8(&digits[..2 * part.len()]).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

fn digit(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

/// Octets as they may be part of an address (RFC 3986, section 2.1): letters, digits and those in `kept` as they are.
pub fn percent_encoded(octets: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for &octet in octets {
        if octet.is_ascii_alphanumeric() || kept.contains(&octet) {
            text.push(char::from(octet));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{octet:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_has_two_digits() {
        let all: Vec<u8> = (0..=255).collect();
        let each = all.iter().fold(String::new(), |each, octet| each + &format!("{octet:02x}"));
        assert_eq!(Hex(&all).to_string(), each);
        assert_eq!(Hex(&[]).to_string(), "");
        assert_eq!(Hex(&all[..17]).to_string(), each[..34]);
    }

    #[test]
    fn what_is_not_kept_is_percent_encoded() {
        assert_eq!(percent_encoded(b"a/b c?\xff~", b"/~"), "a/b%20c%3F%FF~");
    }
}
