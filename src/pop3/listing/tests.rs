use super::*;
use proptest::prelude::*;

type Row = (u32, Option<u64>, Option<Vec<u8>>);

fn build(stat: &str, uidl: Option<&[&str]>, list: Option<&[&str]>) -> Result<Listing, ListingError> {
    let mut builder = ListingBuilder::new();
    builder.stat(stat.as_bytes());
    if let Some(lines) = uidl {
        builder.uids_follow();
        lines.iter().try_for_each(|line| builder.uidl_line(line.as_bytes()))?;
    }
    if let Some(lines) = list {
        builder.sizes_follow();
        lines.iter().try_for_each(|line| builder.list_line(line.as_bytes()))?;
    }
    builder.finish()
}

fn rows(listing: &Listing) -> Vec<Row> {
    listing.iter().map(|entry| (entry.number, entry.size, entry.uid.map(<[u8]>::to_vec))).collect()
}

fn row(number: u32, size: Option<u64>, uid: Option<&str>) -> Row {
    (number, size, uid.map(|uid| uid.as_bytes().to_vec()))
}

#[test]
fn the_usual_listing() {
    let listing = build("2 320", Some(&["1 a", "2 b"]), Some(&["1 120", "2 200"])).unwrap();
    assert_eq!(rows(&listing), [row(1, Some(120), Some("a")), row(2, Some(200), Some("b"))]);
    assert_eq!((listing.stat(), listing.garbage()), (Some((2, 320)), 0));
    assert!(listing.has_uids() && listing.has_sizes());
}

#[test]
fn the_union_of_three_accounts_of_one_maildrop() {
    let listing = build("4 0", Some(&["1 a", "3 c"]), Some(&["6 60", "1 10", "2 20"])).unwrap();
    let expected = [
        row(1, Some(10), Some("a")),
        row(2, Some(20), None),
        row(3, None, Some("c")),
        row(4, None, None),
        row(6, Some(60), None),
    ];
    assert_eq!(rows(&listing), expected);
}

#[test]
fn commands_that_were_refused_leave_gaps_not_errors() {
    let listing = build("", None, Some(&["1 10"])).unwrap();
    assert_eq!(rows(&listing), [row(1, Some(10), None)]);
    assert!(!listing.has_uids() && listing.stat().is_none());
    assert_eq!(rows(&build("1 5", None, None).unwrap()), [row(1, None, None)]);
}

#[test]
fn of_contradicting_lines_the_first_counts_whatever_their_order() {
    let uidl = ["3 x", "1", "1 first", "3 y", "1 second"];
    let listing = build("", Some(&uidl), None).unwrap();
    assert_eq!(rows(&listing), [row(1, None, Some("first")), row(3, None, Some("x"))]);
}

#[test]
fn odd_lines_are_read_as_far_as_they_make_sense() {
    let uidl = ["1    spaced out  ", "2", "3 ", " 4\ttab", "0 zero", "4294967296 big", "x y", "", "5x y"];
    let list = ["1 10 (octets)", "2 -1", "3 12x", "4", "5 99999999999999999999", "-6 1"];
    let listing = build("", Some(&uidl), Some(&list)).unwrap();
    let expected = [
        row(1, Some(10), Some("spaced out")),
        row(2, None, None),
        row(3, None, None),
        row(4, None, Some("tab")),
        row(5, None, None),
    ];
    assert_eq!(rows(&listing), expected);
    assert_eq!(listing.garbage(), 6);
}

#[test]
fn of_contradicting_lines_the_first_counts() {
    let listing = build("", Some(&["1 a", "1 b", "2 c"]), Some(&["1 10", "1 11", "2 20"])).unwrap();
    assert_eq!(rows(&listing), [row(1, Some(10), Some("a")), row(2, Some(20), Some("c"))]);
}

#[test]
fn uids_are_opaque_octets() {
    let mut builder = ListingBuilder::new();
    builder.uids_follow();
    builder.uidl_line(b"1 \xff\x00<>..").unwrap();
    let listing = builder.finish().unwrap();
    assert_eq!(listing.iter().next().unwrap().uid, Some(&b"\xff\x00<>.."[..]));
}

#[test]
fn a_hostile_count_is_refused_before_memory_is_taken() {
    for count in ["4294967295 1", "18446744073709551615 1", "1048577 1"] {
        assert_eq!(build(count, None, None).unwrap_err(), ListingError::TooManyMessages, "{count}");
    }
    assert_eq!(build("99999999999999999999999 1", None, None).unwrap().len(), 0);
}

#[test]
fn a_million_messages_fit_and_an_endless_listing_ends() {
    let mut builder = ListingBuilder::new();
    builder.stat(b"1048576 5");
    builder.uids_follow();
    let outcome = (1..=u32::MAX).find_map(|number| {
        let line = format!("{number} {number:046}");
        builder.uidl_line(line.as_bytes()).err().map(|error| (number, error))
    });
    let (number, error) = outcome.unwrap();
    assert_eq!((number as usize, error), (MAX_ENTRIES + 1, ListingError::TooManyMessages));
    // The second list finds its places, in whatever order it comes.
    builder.sizes_follow();
    (1..=1000).rev().try_for_each(|number| builder.list_line(format!("{number} 5").as_bytes())).unwrap();
    let listing = builder.finish().unwrap();
    assert_eq!(listing.len(), MAX_ENTRIES);
    assert_eq!(listing.iter().filter(|entry| entry.size == Some(5)).count(), 1000);
}

/// After how many lines an endless UIDL meets its end, and how.
fn endless(stat: &str, uid_octets: usize) -> (u32, ListingError) {
    let mut builder = ListingBuilder::new();
    builder.stat(stat.as_bytes());
    builder.uids_follow();
    let uid = "u".repeat(uid_octets);
    let mut lines =
        (1..=u32::MAX).map(|number| (number, builder.uidl_line(format!("{number} {uid}").as_bytes())));
    lines.find_map(|(number, outcome)| outcome.err().map(|error| (number, error))).unwrap()
}

#[test]
fn an_earlier_count_of_the_session_bounds_a_listing_without_its_own() {
    let longest = |mut builder: ListingBuilder| {
        builder.uids_follow();
        let mut lines = (1..=u32::MAX).map(|number| builder.uidl_line(format!("{number} u").as_bytes()));
        lines.position(|outcome| outcome.is_err()).unwrap()
    };
    assert_eq!(longest(ListingBuilder::counted(Some(500_000))), 500_000 + 16_384);
    assert_eq!(longest(ListingBuilder::counted(Some(3))), 3 + 16_384);
    assert_eq!(longest(ListingBuilder::counted(None)), 131_072);
    let mut builder = ListingBuilder::counted(Some(500_000));
    builder.stat(b"3 100");
    assert_eq!(longest(builder), 3 + 16_384);
}

#[test]
fn an_endless_listing_takes_no_more_memory_than_it_has_announced() {
    assert_eq!(endless("3 100", 46), (3 + 16_384 + 1, ListingError::MoreThanCounted { counted: 3 }));
    assert_eq!(endless("what?", 46), (131_072 + 1, ListingError::Uncounted));
    let limit = (3 + 16_384) * 128;
    assert_eq!(
        endless("3 100", 2_000),
        (limit / 2_000 + 1, ListingError::UidsTooLong { limit: limit as usize })
    );
    assert_eq!(endless("18446744073709551615 1", 46).1, ListingError::TooManyMessages);
}

#[test]
fn an_answer_that_says_the_same_again_and_again_ends() {
    let limit = 2 * (3 + 16_384);
    for line in ["1 u", "", "no line of a listing"] {
        let mut builder = ListingBuilder::new();
        builder.stat(b"3 100");
        for follow in [ListingBuilder::uids_follow, ListingBuilder::sizes_follow] {
            follow(&mut builder);
            (0..limit).try_for_each(|_| builder.uidl_line(line.as_bytes())).unwrap();
        }
        let error = builder.list_line(line.as_bytes()).unwrap_err();
        assert_eq!(error, ListingError::TooManyLines { limit }, "{line}");
    }
}

#[test]
fn a_listing_may_be_somewhat_longer_than_its_count() {
    let listing = build("0 0", Some(&["1 a", "2 b"]), Some(&["1 10", "2 20", "3 30"])).unwrap();
    assert_eq!(listing.len(), 3);
}

#[test]
fn stat_texts() {
    assert_eq!(parse_stat(b"3 2577"), Some((3, 2577)));
    assert_eq!(parse_stat(b" 3  2577 octets"), Some((3, 2577)));
    assert_eq!(parse_stat(b"3"), Some((3, 0)));
    assert_eq!(parse_stat(b"messages: 3"), None);
}

#[test]
fn a_slot_stays_small() {
    assert_eq!(std::mem::size_of::<Slot>(), 24);
}

proptest! {
    #[test]
    fn the_order_of_lines_does_not_matter(mut numbers in Just((1..20_u32).collect::<Vec<_>>()).prop_shuffle()) {
        let lines: Vec<String> = numbers.iter().map(|number| format!("{number} u{number}")).collect();
        let sizes: Vec<String> = numbers.iter().rev().map(|number| format!("{number} {number}0")).collect();
        let uidl: Vec<&str> = lines.iter().map(String::as_str).collect();
        let list: Vec<&str> = sizes.iter().map(String::as_str).collect();
        let listing = build("19 0", Some(&uidl), Some(&list)).unwrap();
        numbers.sort_unstable();
        let expected: Vec<Row> = numbers
            .iter()
            .map(|&number| row(number, Some(u64::from(number) * 10), Some(&format!("u{number}"))))
            .collect();
        prop_assert_eq!(rows(&listing), expected);
    }

    #[test]
    fn never_panics(lines in proptest::collection::vec("[ 0-9a-c\t-]{0,12}", 0..20)) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        if let Ok(listing) = build("", Some(&lines), Some(&lines)) {
            prop_assert!(listing.iter().is_sorted_by(|a, b| a.number < b.number));
        }
    }
}
