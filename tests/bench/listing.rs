//! The listing of a large maildrop: what LIST and UIDL say, line by line, until it can be asked.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use popkeep::pop3::listing::{Listing, ListingBuilder};

/// Messages in the maildrop.
const MESSAGES: u32 = 50_000;

/// The lines of one answer, without line ends.
fn lines(of: impl Fn(u32) -> String) -> Vec<Vec<u8>> {
    (1..=MESSAGES).map(|number| of(number).into_bytes()).collect()
}

/// The same lines in an order that no server has a reason for.
fn shuffled(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    // 7,919 is prime to the number of lines: every line comes once.
    (0..lines.len()).map(|at| lines[at * 7_919 % lines.len()].clone()).collect()
}

fn listing(list: &[Vec<u8>], uidl: &[Vec<u8>]) -> Listing {
    let mut builder = ListingBuilder::new();
    builder.stat(b"50000 50000000");
    builder.uids_follow();
    for line in uidl {
        builder.uidl_line(line).unwrap_or_else(|error| panic!("{error}"));
    }
    builder.sizes_follow();
    for line in list {
        builder.list_line(line).unwrap_or_else(|error| panic!("{error}"));
    }
    builder.finish().unwrap_or_else(|error| panic!("{error}"))
}

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();

    let list = lines(|number| format!("{number} {}", 1_000 + number % 977));
    let uidl = lines(|number| format!("{number} {number:08x}6b036a84"));
    let mut group = criterion.benchmark_group("listing");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    group.bench_function("in order", |bencher| {
        bencher.iter_with_large_drop(|| listing(black_box(&list), black_box(&uidl)));
    });
    let (list, uidl) = (shuffled(&list), shuffled(&uidl));
    group.bench_function("out of order", |bencher| {
        bencher.iter_with_large_drop(|| listing(black_box(&list), black_box(&uidl)));
    });
    group.bench_function("walk", |bencher| {
        bencher.iter_batched_ref(
            || listing(&list, &uidl),
            |listing| listing.iter().filter(|entry| entry.uid.is_some()).count(),
            BatchSize::LargeInput,
        );
    });
    group.finish();

    criterion.final_summary();
}
