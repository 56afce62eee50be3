//! A message's stored form: quoted for an mbox it comes back, it begins no other message there, and its hashes
//! and facts are the same however it is cut.
//!
//! The first line gives the lengths of the pieces, the rest is the message.

use popkeep::mail::digest::{Digest, Digester};
use popkeep::mail::headers::{Facts, Reader};
use popkeep::mail::mboxrd::{FromLines, Quote, Unquote, from_line};
use popkeep::mail::names::{Key, file_name};

pub(super) fn run(octets: &[u8]) {
    let (lengths, message) = super::first_line(octets);
    let lengths: Vec<usize> = super::numbers(lengths).collect();
    let pieces = super::pieces(message, &lengths);

    let quoted = quote(&pieces);
    assert_eq!(quoted, quote(&[message]));
    for line in quoted.split(|&octet| octet == b'\n') {
        assert!(!line.starts_with(b"From "), "a line of a message begins another one");
    }
    let completed = !message.is_empty() && !message.ends_with(b"\n");
    let expected = [message, if completed { b"\n" } else { b"" }].concat();
    assert_eq!(unquote(&super::pieces(&quoted, &lengths)), expected);
    assert_eq!(from_lines(&pieces), from_lines(&[message]));

    let (digest, facts) = (digest(&pieces), facts(&pieces));
    assert_eq!(digest, self::digest(&[message]));
    assert_eq!(facts, self::facts(&[message]));
    let line = from_line(facts.sender(), i64::try_from(message.len()).unwrap());
    assert_eq!(line.matches('\n').count(), 1);
    assert!(line.starts_with("From ") && line.is_ascii());

    // The octets as a UID, too.
    let key = Key::new("jane@pop.example.com", Some(message), &digest);
    let name = file_name(0, &key, "host", 1);
    assert!(name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'/' && octet != b':'));
    assert_eq!(Key::of_name(&name), Some(key));
    if let Some(other) = Key::of_name(&String::from_utf8_lossy(message)) {
        assert!(String::from_utf8_lossy(message).contains(&other.to_string()));
    }
}

fn quote(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut quote, mut quoted) = (Quote::new(), Vec::new());
    for piece in pieces {
        quote.feed(piece, &mut quoted);
    }
    quote.finish(&mut quoted);
    quoted
}

fn unquote(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut unquote, mut stored) = (Unquote::new(), Vec::new());
    for piece in pieces {
        unquote.feed(piece, &mut stored);
    }
    unquote.finish(&mut stored);
    stored
}

fn from_lines(pieces: &[&[u8]]) -> Vec<u64> {
    let (mut lines, mut found) = (FromLines::new(0), Vec::new());
    for piece in pieces {
        lines.feed(piece, &mut |offset| found.push(offset));
    }
    found
}

fn digest(pieces: &[&[u8]]) -> Digest {
    let mut digester = Digester::new();
    for piece in pieces {
        digester.update(piece);
    }
    digester.finish().0
}

fn facts(pieces: &[&[u8]]) -> Facts {
    let mut reader = Reader::new();
    for piece in pieces {
        reader.update(piece);
    }
    reader.finish()
}
