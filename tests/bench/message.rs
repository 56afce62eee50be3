//! What every octet of a message passes on its way from the wire into the archive, in chunks of
//! the size in which they come.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use popkeep::mail::digest::Digester;
use popkeep::mail::line_ends::Unix;
use popkeep::mail::mboxrd::{Quote, Unquote};
use popkeep::pop3::dot::{Piece, Unstuffer, stuff};

/// Octets of a message.
const SIZE: usize = 4 << 20;
/// Octets that are seen at a time.
const CHUNK: usize = 64 << 10;

/// Messages that differ in what slows the way down.
fn kinds() -> [(&'static str, Vec<u8>); 3] {
    // Base64, as most octets of most mail are: no line begins with a dot or with `From `.
    let attachment = "TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcms".repeat(2);
    // Text, a few of its lines dotted or quoted.
    let mut text = vec!["Ships at a distance have every man's wish on board.\r\n\r\nOr not."; 40];
    text.extend(["> From here on, somebody is quoted.", "...", "From now on."]);
    // The worst: short lines, each of which has to be touched.
    let hostile = [".", "From me", ">From me", ""];
    [("attachment", message(&[&attachment])), ("text", message(&text)), ("hostile", message(&hostile))]
}

/// Header and lines, with CRLF line ends.
fn message(lines: &[&str]) -> Vec<u8> {
    let mut text = "From: jane@example.com\r\nSubject: benchmark\r\nStatus: RO\r\n\r\n".to_owned();
    for line in lines.iter().cycle() {
        if text.len() >= SIZE {
            break;
        }
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// What an archive stores of it.
fn stored(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut unix = Unix::new();
    unix.feed(message, &mut out);
    unix.finish(&mut out);
    out
}

/// The octets that `wire` holds, counted.
fn unstuff(wire: &[u8]) -> usize {
    let mut unstuffer = Unstuffer::new();
    let (mut start, mut seen, mut octets) = (0, 0, 0);
    loop {
        let (consumed, piece) = unstuffer.advance(&wire[start..seen]);
        start += consumed;
        match piece {
            Piece::Octets(range) => octets += black_box(&wire[range]).len(),
            Piece::End => return octets,
            Piece::More => {
                assert!(seen < wire.len(), "the body has no end");
                seen = wire.len().min(seen + CHUNK);
            }
        }
    }
}

/// Measures `work` over each kind of message, in the form that `prepare` gives it.
fn over_kinds(
    criterion: &mut Criterion,
    name: &str,
    prepare: impl Fn(&[u8]) -> Vec<u8>,
    mut work: impl FnMut(&[u8]),
) {
    let mut group: BenchmarkGroup<'_, WallTime> = criterion.benchmark_group(name);
    for (kind, message) in kinds() {
        let octets = prepare(&message);
        group.throughput(Throughput::Bytes(octets.len() as u64));
        group.bench_function(kind, |bencher| bencher.iter(|| work(black_box(&octets))));
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();

    let wire = |message: &[u8]| {
        let mut wire = Vec::new();
        stuff(message, &mut wire);
        wire
    };
    over_kinds(&mut criterion, "unstuff", wire, |wire| {
        black_box(unstuff(wire));
    });

    let mut out = Vec::with_capacity(2 * CHUNK);
    over_kinds(&mut criterion, "line ends", <[u8]>::to_vec, |message| {
        let mut unix = Unix::new();
        for chunk in message.chunks(CHUNK) {
            out.clear();
            unix.feed(chunk, &mut out);
            black_box(&out);
        }
    });
    over_kinds(&mut criterion, "mboxrd quote", stored, |stored| {
        let mut quote = Quote::new();
        for chunk in stored.chunks(CHUNK) {
            out.clear();
            quote.feed(chunk, &mut out);
            black_box(&out);
        }
    });
    let quoted = |message: &[u8]| {
        let mut out = Vec::new();
        let mut quote = Quote::new();
        quote.feed(&stored(message), &mut out);
        quote.finish(&mut out);
        out
    };
    over_kinds(&mut criterion, "mboxrd unquote", quoted, |quoted| {
        let mut unquote = Unquote::new();
        for chunk in quoted.chunks(CHUNK) {
            out.clear();
            unquote.feed(chunk, &mut out);
            black_box(&out);
        }
    });
    over_kinds(&mut criterion, "digest", stored, |stored| {
        let mut digester = Digester::new();
        for chunk in stored.chunks(CHUNK) {
            digester.update(chunk);
        }
        black_box(digester.finish());
    });

    criterion.final_summary();
}
