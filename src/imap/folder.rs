//! Names of folders, as people write them and as they cross the wire (RFC 3501, section 5.1.3).
//!
//! Promises: a name holds no CR, LF or NUL; what is sent is 7-bit and quoted (UTF-8 to a server that speaks nothing
//! but IMAP4rev2); reading what was written gives the same name again.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use std::fmt;

/// The most octets that a name may have, as people write it.
const MAX_NAME: usize = 1_000;

/// Base64 as it stands between `&` and `-`.
const MODIFIED: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// A folder's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Folder {
    name: String,
    encoded: String,
}

/// Why a name cannot be a folder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is none.
    #[error("the name of the folder is empty; write one, such as Archive or Archive/2024")]
    Empty,
    /// A level of it is empty.
    #[error(
        "the name of the folder begins or ends with a slash, or has two in a row; write it as Archive/2024"
    )]
    EmptyLevel,
    /// It holds CR, LF or NUL.
    #[error("the name of the folder contains a line end or NUL, which IMAP cannot send; choose another one")]
    Forbidden,
    /// It is too long.
    #[error("the name of the folder has {octets} octets, more than {MAX_NAME}; choose a shorter one")]
    TooLong {
        /// Its octets.
        octets: usize,
    },
}

impl Folder {
    /// The folder at `path`, whose levels are apart by `/`. `delimiter` is the server's; `None`: it has no levels. `utf8`:
    /// it takes UTF-8.
    pub fn new(path: &str, delimiter: Option<u8>, utf8: bool) -> Result<Folder, NameError> {
        if path.is_empty() {
            return Err(NameError::Empty);
        }
        if path.len() > MAX_NAME {
            return Err(NameError::TooLong { octets: path.len() });
        }
        if path.contains(['\r', '\n', '\0']) {
            return Err(NameError::Forbidden);
        }
        if path.split('/').any(str::is_empty) {
            return Err(NameError::EmptyLevel);
        }
        let name = match delimiter {
            _ if path.eq_ignore_ascii_case("INBOX") => "INBOX".to_owned(),
            Some(delimiter) => path.replace('/', char::from(delimiter).encode_utf8(&mut [0; 4])),
            None => path.to_owned(),
        };
        let encoded = if utf8 { name.clone() } else { encode(&name) };
        Ok(Folder { name, encoded })
    }

    /// As the server has it, decoded: for people, and for a journal. Escape it when it is shown.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it crosses the wire, without quotes.
    pub fn encoded(&self) -> &str {
        &self.encoded
    }

    /// With quotes.
    pub(super) fn quoted(&self) -> String {
        quote(&self.encoded)
    }

    /// Whether this is its name on the wire; some servers encode other characters than we do.
    pub(super) fn is_called(&self, name: &[u8]) -> bool {
        let Ok(name) = std::str::from_utf8(name) else { return false };
        name == self.encoded
            || decode(name).is_some_and(|decoded| decoded == self.name)
            || self.name == "INBOX" && name.eq_ignore_ascii_case("INBOX")
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::text::safe::escape(self.name.as_bytes()))
    }
}

/// Text without CR, LF and NUL as a quoted string.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Whether a character stands for itself in modified UTF-7.
fn is_direct(character: char) -> bool {
    matches!(character, ' '..='~')
}

/// In modified UTF-7.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if is_direct(first) {
            encoded.push(first);
            if first == '&' {
                encoded.push('-');
            }
            rest = &rest[1..];
            continue;
        }
        let (run, behind) = rest.split_at(rest.find(is_direct).unwrap_or(rest.len()));
        let units: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
        encoded.push('&');
        MODIFIED.encode_string(units, &mut encoded);
        encoded.push('-');
        rest = behind;
    }
    encoded
}

/// Out of modified UTF-7; `None` if it is none. More than one way to write a character is understood.
fn decode(encoded: &str) -> Option<String> {
    let mut name = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(at) = rest.find('&') {
        name.push_str(&rest[..at]);
        let (run, behind) = rest[at + 1..].split_once('-')?;
        if run.is_empty() {
            name.push('&');
        } else {
            let octets = MODIFIED.decode(run).ok()?;
            let (units, odd) = octets.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            name.push_str(&String::from_utf16(&units).ok()?);
        }
        rest = behind;
    }
    name.push_str(rest);
    name.chars().all(|character| !matches!(character, '\r' | '\n' | '\0')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(path: &str) -> String {
        Folder::new(path, Some(b'/'), false).unwrap().encoded
    }

    #[test]
    fn names_are_encoded_as_rfc_3501_shows_it() {
        // Section 5.1.3.
        assert_eq!(encoded("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(encoded("Entwürfe & Müll"), "Entw&APw-rfe &- M&APw-ll");
        assert_eq!(encoded("😀"), "&2D3eAA-");
        assert_eq!(encoded("a\tb"), "a&AAk-b");
        assert_eq!(encoded("&"), "&-");
        let folder = Folder::new(r#"say "\o/""#, None, false).unwrap();
        assert_eq!(folder.quoted(), r#""say \"\\o/\"""#);
        assert_eq!(Folder::new("Müll", Some(b'/'), true).unwrap().encoded(), "Müll");
    }

    #[test]
    fn a_slash_is_the_server_s_delimiter() {
        let name = |path: &str, delimiter| Folder::new(path, delimiter, false).unwrap().name;
        assert_eq!(name("Archive/2024/May", Some(b'.')), "Archive.2024.May");
        assert_eq!(name("Archive/2024", Some(b'\\')), "Archive\\2024");
        assert_eq!(name("Archive/2024", None), "Archive/2024");
        assert_eq!(name("Archive.2024", Some(b'.')), "Archive.2024", "the server's own way is a way, too");
        assert_eq!(name("iNbOx", Some(b'.')), "INBOX");
        assert_eq!(name("Inbox/x", Some(b'.')), "Inbox.x", "only the whole name is special");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let refused = |path: &str| Folder::new(path, Some(b'/'), false).unwrap_err();
        assert_eq!(refused(""), NameError::Empty);
        for path in ["/", "/a", "a/", "a//b"] {
            assert_eq!(refused(path), NameError::EmptyLevel, "{path}");
        }
        for path in ["a\rb", "a\nb", "a\0b", "x\r\nA2 DELETE INBOX"] {
            assert_eq!(refused(path), NameError::Forbidden, "{path:?}");
        }
        assert_eq!(refused(&"x".repeat(1001)), NameError::TooLong { octets: 1001 });
    }

    #[test]
    fn a_server_s_way_to_write_a_name_is_recognised() {
        let folder = Folder::new("Müll", Some(b'/'), false).unwrap();
        assert!(folder.is_called(b"M&APw-ll") && folder.is_called("Müll".as_bytes()));
        assert!(folder.is_called(b"M&APwAbA-l"), "more than must be is encoded");
        assert!(!folder.is_called(b"M&APw-lle") && !folder.is_called(b"\xff"));
        for broken in ["&", "&AP", "&A-", "&AAA-", "&2D0-", "&AA0-"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back_and_is_7_bit_on_the_wire(
            path in "[^/\r\n\0]{1,40}", delimiter in prop::option::of(prop::sample::select(b"/.\\".to_vec())),
        ) {
            let folder = Folder::new(&path, delimiter, false).unwrap();
            prop_assert!(folder.encoded.bytes().all(|octet| (b' '..=b'~').contains(&octet)));
            let decoded = decode(&folder.encoded);
            prop_assert_eq!(decoded.as_deref(), Some(folder.name()));
            prop_assert!(folder.is_called(folder.encoded.as_bytes()));
        }

        #[test]
        fn decoding_never_panics(text in ".{0,40}", run in "[A-Za-z0-9+,/&-]{0,20}") {
            let _ = (decode(&text), decode(&format!("&{run}-")));
        }
    }
}
