//! Forms as browsers send them (application/x-www-form-urlencoded).

use crate::text::hex::percent_encoded;

/// What has no meaning of its own in an address, besides letters and digits (RFC 3986, section 2.3).
const UNRESERVED: &[u8] = b"-._~";

/// `a=b&c=d`, percent-encoded.
pub fn encode<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
    let encoded = |text: &str| percent_encoded(text.as_bytes(), UNRESERVED);
    let pairs = fields.into_iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// An address with these fields in its query.
pub fn address(base: &str, fields: &[(&str, &str)]) -> String {
    let glue = if base.contains('?') { '&' } else { '?' };
    format!("{base}{glue}{}", encode(fields.iter().copied()))
}

/// The fields of a query. What is not UTF-8 is replaced.
pub fn decode(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (plain(name), plain(value))
        })
        .collect()
}

/// The only value of a field; `None` if it is missing, or comes more than once.
pub fn only<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    let mut values = fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

fn plain(part: &str) -> String {
    let digit = |octet: Option<&u8>| octet.and_then(|octet| char::from(*octet).to_digit(16));
    let octets = part.as_bytes();
    let mut out = Vec::with_capacity(octets.len());
    let mut at = 0;
    while at < octets.len() {
        match octets[at] {
            b'+' => out.push(b' '),
            b'%' => match (digit(octets.get(at + 1)), digit(octets.get(at + 2))) {
                (Some(high), Some(low)) => {
                    out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                    at += 2;
                }
                _ => out.push(b'%'),
            },
            octet => out.push(octet),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_what_is_read(name in "\\PC{1,9}", value in "\\PC{0,20}") {
            let fields = decode(&encode([(name.as_str(), value.as_str())]));
            prop_assert_eq!(only(&fields, &name), Some(value.as_str()));
        }

        #[test]
        fn no_query_is_too_odd(query in "[%&=+a-f0-9\u{e9}]{0,30}") {
            let _ = decode(&query);
        }
    }

    #[test]
    fn a_field_that_comes_twice_has_no_value() {
        let fields = decode("code=a&code=b&state=x+y%2");
        assert_eq!(only(&fields, "code"), None);
        assert_eq!(only(&fields, "state"), Some("x y%2"));
        assert_eq!(address("https://a/?b=c", &[("d", "e f")]), "https://a/?b=c&d=e%20f");
    }
}
