//! The `skip_headers` setting: which fields in a header mean that its message is left on the server.
//!
//! Promises: a field counts only if it is whole within [`headers::LIMIT`](crate::mail::headers::LIMIT); any octets are a
//! header, and none is an error; two settings have the same [`SkipHeaders::setting`] only if they mean the same.
//!
//! Must never: look at a message's body.

use sha2::{Digest as _, Sha256};

/// One field that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    /// As in the configuration, for people.
    text: String,
    /// In lower case.
    name: String,
    value: Value,
}

/// What the field's value must be: unfolded, trimmed, in lower case, with one blank for each run of white space.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Any,
    Is(String),
    BeginsWith(String),
}

impl Value {
    fn fits(&self, value: &str) -> bool {
        match self {
            Value::Any => true,
            Value::Is(wanted) => value == wanted,
            Value::BeginsWith(wanted) => value.starts_with(wanted),
        }
    }
}

/// The fields of which one is enough to leave a message on the server; by default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkipHeaders(Vec<Wanted>);

impl SkipHeaders {
    /// Adds `Name: value`, `Name: beginning*` or `Name:` (whatever its value). The error says what the text must be.
    pub fn add(&mut self, text: &str) -> Result<(), &'static str> {
        let form = "it must be \"Name: value\", \"Name: beginning*\" or \"Name:\"";
        let (name, value) = text.split_once(':').ok_or(form)?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(form);
        }
        if text.chars().any(char::is_control) {
            return Err("it must be one line of text, without control characters");
        }
        let value = value.trim();
        let value = match value.strip_suffix('*') {
            _ if value.is_empty() => Value::Any,
            None => Value::Is(plain(value)),
            Some(beginning) if beginning.ends_with(char::is_whitespace) => {
                Value::BeginsWith(plain(beginning) + " ")
            }
            Some(beginning) => Value::BeginsWith(plain(beginning)),
        };
        self.0.push(Wanted { text: text.trim().to_owned(), name: name.to_ascii_lowercase(), value });
        Ok(())
    }

    /// Whether no field is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By what the ledger knows this setting; `None` when no field is looked for. Numbers of [`SkipHeaders::find`] mean
    /// the same in settings that are known by the same.
    pub fn setting(&self) -> Option<i64> {
        if self.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        for Wanted { name, value, .. } in &self.0 {
            // Neither a name nor a value has a control character.
            let (kind, value) = match value {
                Value::Any => (b'1', ""),
                Value::Is(value) => (b'2', value.as_str()),
                Value::BeginsWith(value) => (b'3', value.as_str()),
            };
            hash.update(name);
            hash.update([0, kind]);
            hash.update(value);
            hash.update([0]);
        }
        hash.finalize().first_chunk().map(|octets| i64::from_be_bytes(*octets))
    }

    /// The first one that is in this header (its stored form), by its number from 0; `is_whole`: the header does not go
    /// on beyond these octets.
    pub fn find(&self, header: &[u8], is_whole: bool) -> Option<u32> {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut raw: Vec<u8> = Vec::new();
        let mut lines = header.split_inclusive(|octet| *octet == b'\n').peekable();
        while let Some(line) = lines.next() {
            if line == b"\n" {
                break;
            }
            raw.extend_from_slice(line);
            if lines.peek().is_some_and(|next| matches!(next.first(), Some(b' ' | b'\t'))) {
                continue;
            }
            // What follows the last one may belong to it.
            if is_whole || lines.peek().is_some() {
                fields.extend(self.field(&raw));
            }
            raw.clear();
        }
        let number = self.0.iter().position(|wanted| {
            fields.iter().any(|(name, value)| *name == wanted.name && wanted.value.fits(value))
        })?;
        u32::try_from(number).ok()
    }

    /// A field's name and value, if one of this name is looked for.
    fn field(&self, raw: &[u8]) -> Option<(String, String)> {
        let colon = memchr::memchr(b':', raw)?;
        let name = raw[..colon].trim_ascii().to_ascii_lowercase();
        let wanted = self.0.iter().find(|wanted| wanted.name.as_bytes() == name)?;
        Some((wanted.name.clone(), plain(&String::from_utf8_lossy(&raw[colon + 1..]))))
    }

    /// One of them as in the configuration.
    pub fn text(&self, number: u32) -> &str {
        self.0.get(number as usize).map_or("", |wanted| &wanted.text)
    }
}

/// In lower case, with one blank for each run of white space and none around.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::SkipHeaders;
    use proptest::prelude::*;

    fn of(texts: &[&str]) -> SkipHeaders {
        let mut skip = SkipHeaders::default();
        for text in texts {
            skip.add(text).unwrap();
        }
        skip
    }

    fn is_found(text: &str, header: &str) -> bool {
        of(&[text]).find(header.as_bytes(), true) == Some(0)
    }

    #[test]
    fn a_field_has_the_value_whatever_its_case_and_folding() {
        for header in [
            "X-Spam-Flag: YES\n",
            "From: a\nx-spam-flag:yes\n\n",
            "X-SPAM-FLAG \t:\n\t Yes \nTo: b\n",
            "X-Spam-Flag: NO\nX-Spam-Flag: YES\n",
            "not a field\n folded\nX-Spam-Flag: YES",
        ] {
            assert!(is_found("X-Spam-Flag: YES", header), "{header:?}");
        }
        for header in [
            "",
            "\nX-Spam-Flag: YES\n",
            "From: a\n\nX-Spam-Flag: YES\n",
            "X-Spam-Flag: YES, really\n",
            "X-Spam-Flag:\n",
            "X-Spam-Flags: YES\n",
            "X-Spam-Flag YES\n",
            "Subject: about\n X-Spam-Flag: YES\n",
        ] {
            assert!(!is_found("X-Spam-Flag: YES", header), "{header:?}");
        }
        assert!(is_found("Subject: Ü b", "SUBJECT: ü\n\tB\n"));
    }

    #[test]
    fn a_star_is_for_what_may_follow_and_nothing_for_any_value() {
        let header = "X-Spam-Status: Yes, score=9.1\n\trequired=5.0\n";
        assert!(is_found("X-Spam-Status: yes*", header));
        assert!(is_found("X-Spam-Status: yes, score=9.1 req*", header));
        assert!(is_found("X-Spam-Status: *", header) && is_found("x-spam-status:", header));
        assert!(!is_found("X-Spam-Status: yes, score=9.1*0", header), "a star elsewhere is a star");
        assert!(!is_found("X-Spam-Status: score*", header));
        assert!(!is_found("List-Id: spam *", "List-Id: spammers\n"));
        assert!(is_found("List-Id: spam *", "List-Id: spam  list\n") && is_found("List-Id:", "List-Id:\n"));
    }

    #[test]
    fn of_a_header_that_is_cut_off_the_last_field_does_not_count() {
        let skip = of(&["X-Spam-Flag: YES"]);
        assert_eq!(skip.find(b"X-Spam-Flag: YES\n", true), Some(0));
        assert_eq!(skip.find(b"X-Spam-Flag: YES\n", false), None);
        assert_eq!(skip.find(b"X-Spam-Flag: YES\nTo: a\n", false), Some(0));
    }

    #[test]
    fn the_first_that_fits_is_named() {
        let skip = of(&["X-Spam-Flag: YES", " Precedence:  Bulk "]);
        let found = skip.find(b"Precedence: bulk\n", true).unwrap();
        assert_eq!((found, skip.text(found)), (1, "Precedence:  Bulk"));
        assert_eq!(skip.find(b"Precedence: bulk\nX-Spam-Flag: yes\n", true), Some(0));
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for text in ["", "X-Spam-Flag", ": YES", "X Spam: YES", "X-Späm: YES", "X-Spam: a\nb", "\u{1}: x"] {
            assert!(SkipHeaders::default().add(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_setting_is_known_by_what_it_means() {
        let setting = |texts: &[&str]| of(texts).setting();
        assert_eq!(setting(&[]), None);
        assert_eq!(setting(&["X-Spam-Flag: YES"]), setting(&["x-spam-flag:  yes "]));
        let others: [&[&str]; 6] =
            [&["X-A: b"], &["X-A: b*"], &["X-A:"], &["X-A: b", "X-C:"], &["X-C:", "X-A: b"], &["X-A: *"]];
        for (place, one) in others.iter().enumerate() {
            for other in &others[place + 1..] {
                assert_ne!(setting(one), setting(other), "{one:?} {other:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_a_header(octets in prop::collection::vec(any::<u8>(), 0..300), whole: bool) {
            let _found = of(&["X: a", "Y:"]).find(&octets, whole);
        }
    }
}
