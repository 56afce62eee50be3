//! What a fuzzer feeds: each target takes any octets and holds popkeep to a promise about them.
//!
//! The harness under `tests/fuzz` runs these functions with coverage as its guide; the test
//! beside this folder replays the corpora through the same functions. A target fails by panicking,
//! as the code under it would.

mod body;
mod configuration;
mod dialogue;
mod imap;
mod listings;
mod mbox;
mod message;
mod other_programs;
mod safe_text;
mod sasl;

/// A target by its name, which is also its corpus folder's.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
}

/// All of them.
pub(crate) const ALL: [Target; 13] = [
    Target { name: "body", run: body::run },
    Target { name: "configuration", run: configuration::run },
    Target { name: "dialogue", run: dialogue::run },
    Target { name: "imap", run: imap::run },
    Target { name: "listings", run: listings::run },
    Target { name: "mbox_crash", run: mbox::after_a_crash },
    Target { name: "mbox_rubbish", run: mbox::rubbish },
    Target { name: "message", run: message::run },
    Target { name: "other_lists", run: other_programs::lists },
    Target { name: "other_mail", run: other_programs::mail },
    Target { name: "other_settings", run: other_programs::settings },
    Target { name: "safe_text", run: safe_text::run },
    Target { name: "sasl", run: sasl::run },
];

/// The first line without its LF, and all behind it.
fn first_line(octets: &[u8]) -> (&[u8], &[u8]) {
    match octets.iter().position(|&octet| octet == b'\n') {
        Some(lf) => (&octets[..lf], &octets[lf + 1..]),
        None => (octets, &[]),
    }
}

/// The numbers in a line, whatever stands between them.
fn numbers(line: &[u8]) -> impl Iterator<Item = usize> {
    line.split(|octet| !octet.is_ascii_digit()).filter_map(|digits| {
        let digits = std::str::from_utf8(digits).ok()?;
        digits.parse().ok()
    })
}

/// `octets` in pieces whose lengths come from `lengths`, round and round; no piece is empty.
fn pieces<'a>(octets: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut lengths = lengths.iter().copied().filter(|&length| length > 0).cycle();
    let mut pieces = Vec::new();
    let mut rest = octets;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(lengths.next().unwrap_or(1).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
