//! Octets in lower-case hexadecimal.

use std::fmt;

/// Shows two digits for each octet.
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
}
