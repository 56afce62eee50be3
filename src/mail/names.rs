//! File names in a Maildir.
//!
//! A message's file is called `SECONDS.KEY.HOST,S=SIZE`, with `:2,FLAGS` behind it once a mail
//! client has seen it. The KEY alone identifies the message: `U<32 hex>C<32 hex>`, 128 bits each
//! of a hash of (identity, UID) and of the message's content, and `-2`, `-3`… behind it for
//! further identical copies under one UID.
//!
//! Promises: a name is made of our own digits and the host's name, never of a server's text; the
//! same message gets the same KEY on every machine and in every run.

use crate::mail::digest::Digest;
use crate::text::hex::Hex;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Half a SHA-256: enough to tell messages apart, short enough for a file name.
pub type ShortHash = [u8; 16];

/// Identifies a message in a Maildir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Of the identity and the UID.
    pub origin: ShortHash,
    /// Of the content.
    pub content: ShortHash,
    /// 1, or the number of the copy.
    pub copy: u32,
}

impl Key {
    /// The KEY of a message's first copy.
    pub fn new(identity: &str, uid: Option<&[u8]>, digest: &Digest) -> Key {
        Key { origin: origin(identity, uid), content: content(digest), copy: 1 }
    }

    /// The KEY of the next identical copy under the same UID.
    #[must_use]
    pub fn next_copy(self) -> Key {
        Key { copy: self.copy.saturating_add(1), ..self }
    }

    /// Reads `U<32 hex>C<32 hex>` with or without `-N`, as [`fmt::Display`] writes it.
    pub fn parse(text: &str) -> Option<Key> {
        let rest = text.strip_prefix('U')?;
        let origin = short_hash(rest.get(..32)?)?;
        let rest = rest[32..].strip_prefix('C')?;
        let content = short_hash(rest.get(..32)?)?;
        let copy = match rest[32..].strip_prefix('-') {
            // "-02" and its like are not ours.
            Some(number) => {
                number.parse().ok().filter(|copy: &u32| *copy >= 2 && copy.to_string() == number)?
            }
            None if rest.len() == 32 => 1,
            None => return None,
        };
        Some(Key { origin, content, copy })
    }

    /// The KEY in a file's name, whatever a mail client has put behind it.
    pub fn of_name(name: &str) -> Option<Key> {
        name.split('.').nth(1).and_then(Key::parse)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U{}C{}", Hex(&self.origin), Hex(&self.content))?;
        match self.copy {
            0 | 1 => Ok(()),
            copy => write!(f, "-{copy}"),
        }
    }
}

/// The name of a message's file in `new/`: `arrived` in seconds since 1970, `host` is as [`host`] makes it, `size` the file's
/// length in octets.
pub fn file_name(arrived: i64, key: &Key, host: &str, size: u64) -> String {
    format!("{}.{key}.{host},S={size}", arrived.max(0))
}

/// What the names of our files in `tmp/` start with; another identity's start otherwise.
pub fn temporary_prefix(identity: &str) -> String {
    let hash = hash(b"popkeep temporary", identity, &[]);
    format!("popkeep-{}-", Hex(&hash[..8]))
}

/// A host's name as it may stand in a file name: `/` and `:` as the Maildir convention writes them,
/// all else that could confuse a reader in the same way, and not too long.
pub fn host(name: &str) -> String {
    const LIMIT: usize = 64;
    let mut safe = String::new();
    for octet in name.bytes() {
        let next = match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(octet).to_string(),
            _ => format!("\\{octet:03o}"),
        };
        if safe.len() + next.len() > LIMIT {
            break;
        }
        safe.push_str(&next);
    }
    if safe.is_empty() { "localhost".to_owned() } else { safe }
}

/// The first half of a KEY: what stands for a UID of an identity.
pub fn origin(identity: &str, uid: Option<&[u8]>) -> ShortHash {
    let hash = match uid {
        Some(uid) => hash(b"popkeep uid", identity, uid),
        None => hash(b"popkeep no uid", identity, &[]),
    };
    half(&hash)
}

/// The second half of a KEY: what stands for a message's content.
pub fn content(digest: &Digest) -> ShortHash {
    half(&digest.content())
}

fn hash(purpose: &[u8], identity: &str, uid: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [purpose, identity.as_bytes(), uid] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn half(hash: &[u8; 32]) -> ShortHash {
    let mut half = ShortHash::default();
    half.copy_from_slice(&hash[..16]);
    half
}

fn short_hash(hex: &str) -> Option<ShortHash> {
    let hex = hex.as_bytes();
    let mut hash = ShortHash::default();
    let mut all = 0;
    for (octet, digits) in hash.iter_mut().zip(hex.chunks_exact(2)) {
        let (high, low) = (DIGITS[usize::from(digits[0])], DIGITS[usize::from(digits[1])]);
        *octet = high << 4 | low;
        all |= high | low;
    }
    (all < 16).then_some(hash)
}

/// The value of each character as a lower-case hex digit; [`u8::MAX`] if it is not one. A look through an archive reads 128
/// digits for each message, and the processor would often guess wrong whether the next one is a letter.
const DIGITS: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value: u8 = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::{Key, file_name, host, temporary_prefix};
    use crate::mail::digest::Digester;
    use proptest::prelude::*;

    fn key(identity: &str, uid: Option<&[u8]>, message: &[u8]) -> Key {
        let mut digester = Digester::new();
        digester.update(message);
        Key::new(identity, uid, &digester.finish().0)
    }

    #[test]
    fn a_key_stands_for_identity_uid_and_content() {
        let base = key("jane@pop", Some(b"1"), b"a\n");
        assert_eq!(key("jane@pop", Some(b"1"), b"a\n"), base);
        assert_ne!(key("joe@pop", Some(b"1"), b"a\n").origin, base.origin);
        assert_ne!(key("jane@pop", Some(b"2"), b"a\n").origin, base.origin);
        assert_ne!(key("jane@pop", None, b"a\n").origin, key("jane@pop", Some(b""), b"a\n").origin);
        assert_ne!(key("jane@po", Some(b"p1"), b"a\n").origin, base.origin, "the seam between both counts");
        assert_ne!(key("jane@pop", Some(b"1"), b"b\n").content, base.content);
        assert_ne!(temporary_prefix("jane@pop"), temporary_prefix("joe@pop"));
    }

    #[test]
    fn a_name_has_the_promised_form_and_gives_its_key_back() {
        let base = key("jane@pop", Some(b"../../etc/passwd\x00"), b"a\n");
        let name = file_name(1_795_000_000, &base, &host("mail.example.org"), 1234);
        assert_eq!(name, format!("1795000000.{base}.mail.example.org,S=1234"));
        assert!(name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'/' && octet != b':'));
        assert_eq!(Key::of_name(&name), Some(base));
        assert_eq!(Key::of_name(&format!("{name}:2,RS")), Some(base));
        let second = base.next_copy();
        assert_eq!(second.to_string(), format!("{base}-2"));
        assert_eq!(Key::of_name(&file_name(1, &second.next_copy(), "h", 0)).map(|key| key.copy), Some(3));
    }

    #[test]
    fn a_host_name_cannot_break_a_file_name() {
        assert_eq!(host("a/b:c,d e"), "a\\057b\\072c\\054d\\040e");
        assert_eq!(host(""), "localhost");
        assert!(host(&"ü".repeat(100)).len() <= 64);
    }

    #[test]
    fn what_is_not_ours_has_no_key() {
        let key = key("jane@pop", Some(b"1"), b"a\n").to_string();
        for name in [
            "1795000000.M1P2.host,S=3:2,S".to_owned(),
            format!("1.{key}-1.h"),
            format!("1.{key}-02.h"),
            format!("1.{key}x.h"),
            format!("1.{}.h", key.to_uppercase()),
            format!("1.{}.h", &key[..40]),
            "1.Uäöü".to_owned(),
            key,
        ] {
            assert_eq!(Key::of_name(&name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_looked_at_without_harm(name in "\\PC*|[0-9]{1,3}\\.U[0-9a-fC-]{0,80}") {
            Key::of_name(&name);
        }
    }
}
