//! The text of a header's field, decoded.
//!
//! Promises: RFC 2047 and raw 8-bit text become Unicode as well as can be; what is looked at is bounded, so that no
//! field, however made, costs more than a moment.

use mailparse::MailHeader;

/// Octets of one field that are looked at. Decoding may take the square of it.
pub const LIMIT: usize = 2000;

/// Octets of a list of addresses that are looked at, in pieces of [`LIMIT`].
const LONG: usize = 32 * 1024;

/// A field's text, decoded, on one line, runs of white space as one blank; `None` when there is none.
pub fn text(field: &MailHeader<'_>) -> Option<String> {
    let text = decoded(field.get_value_raw());
    (!text.is_empty()).then_some(text)
}

/// A list of addresses, decoded, on one line: more of it than of another field; `None` when there is none.
pub fn addresses(field: &MailHeader<'_>) -> Option<String> {
    let value = field.get_value_raw();
    let mut rest = &value[..cut(value, LONG)];
    let mut text = String::new();
    while !rest.is_empty() {
        // Between two addresses or, where there is none, between two words.
        let piece = &rest[..cut(rest, LIMIT)];
        let end = match memchr::memrchr2(b',', b' ', piece) {
            Some(at) if piece.len() < rest.len() => at + 1,
            _ => piece.len(),
        };
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&decoded(&rest[..end]));
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(text)
}

fn decoded(value: &[u8]) -> String {
    let mut line = b"Text: ".to_vec();
    line.extend_from_slice(&value[..cut(value, LIMIT)]);
    let Ok((field, _)) = mailparse::parse_header(&line) else { return String::new() };
    field.get_value().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where to cut so that at most `limit` octets are left, and no UTF-8 character is halved.
fn cut(value: &[u8], limit: usize) -> usize {
    if value.len() <= limit {
        return value.len();
    }
    let continues = |octet: &u8| octet & 0b1100_0000 == 0b1000_0000;
    limit - value[..=limit].iter().rev().take(4).take_while(|octet| continues(octet)).count()
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, addresses, cut};

    #[test]
    fn a_long_field_is_cut_between_characters() {
        for shift in 0..4 {
            let value = format!("{}{}", "x".repeat(shift), "日本".repeat(LIMIT));
            let end = cut(value.as_bytes(), LIMIT);
            assert!(value.is_char_boundary(end) && LIMIT - end < 4, "{end}");
        }
        assert!(cut(&[0x80; 3000], LIMIT) <= LIMIT);
    }

    #[test]
    fn a_long_list_of_addresses_is_read_in_pieces() {
        let list: Vec<String> =
            (0..500).map(|number| format!("=?utf-8?q?J=C3=A4ne?= <j{number}@example.com>")).collect();
        let line = format!("To: {}\n", list.join(",\n "));
        let (field, _) = mailparse::parse_header(line.as_bytes()).unwrap();
        let text = addresses(&field).unwrap();
        assert_eq!(text.matches("Jäne").count(), 500, "{text}");
        assert!(text.ends_with("<j499@example.com>"));
    }
}
