//! Octets into text.
//!
//! Promise: whatever the octets and whatever charset they are said to be in, the result is as readable as can be.

use charset::Charset;

/// The text of octets that are said to be in this charset. Valid UTF-8 is what it looks like where the charset is not
/// named, not known, or does not fit.
pub fn text(octets: &[u8], named: Option<&str>) -> String {
    let named = named.map(str::trim).filter(|name| !name.eq_ignore_ascii_case("us-ascii"));
    let charset = named.and_then(|name| Charset::for_label(name.as_bytes()));
    if let Some(charset) = charset {
        let (text, _, has_errors) = charset.decode(octets);
        if !has_errors {
            return text.into_owned();
        }
    }
    match (as_utf8(octets), charset) {
        (Some(text), _) => text.to_owned(),
        (None, Some(charset)) => charset.decode(octets).0.into_owned(),
        // What most mail without a charset is in.
        (None, None) => charset::decode_latin1(octets).into_owned(),
    }
}

/// The octets as UTF-8, without a last character that was cut; `None` if they are something else.
fn as_utf8(octets: &[u8]) -> Option<&str> {
    match str::from_utf8(octets) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => str::from_utf8(&octets[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn text_is_read_in_the_charset_that_it_is_in() {
        assert_eq!(text(b"caf\xe9", Some("iso-8859-1")), "café");
        assert_eq!(text(b"\x1b$BF|K\\\x1b(B", Some("ISO-2022-JP")), "日本");
        assert_eq!(text(b"\xc4\xe3\xba\xc3", Some("gb2312")), "你好");
        assert_eq!(text(b"\xb0\xa1", Some("euc-kr")), "가");
        assert_eq!(text(b"Hi +AOQ-", Some("utf-7")), "Hi ä");
    }

    #[test]
    fn a_charset_that_is_wrong_or_unknown_gives_readable_text() {
        for named in
            [None, Some("us-ascii"), Some("x-unknown"), Some(""), Some("iso-2022-jp"), Some("\u{1b}[2J")]
        {
            assert_eq!(text("Grüße aus Köln".as_bytes(), named), "Grüße aus Köln", "{named:?}");
        }
        assert_eq!(text(b"caf\xe9 au lait", None), "café au lait");
        assert_eq!(text(b"caf\xe9 au lait", Some("x-unknown")), "café au lait");
        assert_eq!(text(&"Grüße".as_bytes()[..3], None), "Gr", "cut within a character");
    }
}
