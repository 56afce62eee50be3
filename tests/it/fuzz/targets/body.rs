//! A message on the wire: what is stuffed comes back unstuffed, CRLF becomes LF and nothing else
//! changes, wherever the wire cuts.
//!
//! The first line gives the lengths of the pieces, the rest is the message.

use popkeep::mail::line_ends::Unix;
use popkeep::pop3::dot::{Piece, Unstuffer, stuff};

pub(super) fn run(octets: &[u8]) {
    let (lengths, message) = super::first_line(octets);
    let lengths: Vec<usize> = super::numbers(lengths).collect();

    let mut wire = Vec::new();
    stuff(message, &mut wire);
    let (back, left) = unstuff(&super::pieces(&wire, &lengths)).unwrap();
    let ended = message.is_empty() || message.ends_with(b"\r\n");
    assert_eq!(back, [message, if ended { b"" } else { b"\r\n" }].concat());
    assert_eq!(left, 0, "octets behind the end");

    // As a server sends it that knows nothing of stuffing.
    let whole = unstuff(&[message]);
    let cut = unstuff(&super::pieces(message, &lengths));
    assert_eq!(whole.as_ref().map(|(text, _)| text), cut.as_ref().map(|(text, _)| text));

    let mut plain = Vec::new();
    for (at, &octet) in message.iter().enumerate() {
        if (octet, message.get(at + 1)) != (b'\r', Some(&b'\n')) {
            plain.push(octet);
        }
    }
    let mut unix = Unix::new();
    let mut stored = Vec::new();
    for piece in super::pieces(message, &lengths) {
        unix.feed(piece, &mut stored);
    }
    unix.finish(&mut stored);
    assert_eq!(stored, plain);
}

/// The text, and how many octets stand behind its end; `None` when there is no end.
fn unstuff(pieces: &[&[u8]]) -> Option<(Vec<u8>, usize)> {
    let mut unstuffer = Unstuffer::new();
    let mut text = Vec::new();
    let mut input: Vec<u8> = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        input.extend_from_slice(piece);
        loop {
            let (consumed, piece) = unstuffer.advance(&input);
            match piece {
                Piece::Octets(range) => text.extend_from_slice(&input[range]),
                Piece::More => {
                    assert_eq!(consumed, 0);
                    assert!(input.len() <= 2, "{} octets are held back", input.len());
                    break;
                }
                Piece::End => {
                    let behind: usize = pieces[place + 1..].iter().map(|piece| piece.len()).sum();
                    return Some((text, input.len() - consumed + behind));
                }
            }
            input.drain(..consumed);
        }
    }
    None
}
