//! Who is tried when, and what the ledger learns of it.

use super::*;
use crate::plan::{Limits, Planner};
use crate::pop3::listing::{Listing, ListingBuilder};

const NOW: UnixTime = 1_800_000_000;

/// Message 1 has a UID of its own; 2 and 3 share one; 4 has none.
fn listing() -> Listing {
    let mut builder = ListingBuilder::new();
    builder.uids_follow();
    for line in ["1 own", "2 equal", "3 equal", "4"] {
        builder.uidl_line(line.as_bytes()).unwrap();
    }
    builder.finish().unwrap()
}

fn plan<'l>(listing: &'l Listing, aside: &Failures) -> Plan<'l> {
    Planner::new(listing).finish(&Limits { max_size: 1000, messages: None }, aside.quarantine())
}

/// A download without these messages.
fn without(places: &[usize]) -> Download {
    let missed = places.iter().map(|&place| (place, "refused".into())).collect();
    Download { missed, ..Download::default() }
}

fn broken_at(place: usize) -> Download {
    Download { broke_at: Some(place), ..Download::default() }
}

fn closed() -> SessionError {
    SessionError::Closed { during: "RETR" }
}

/// What the ledger would have.
fn recorded(aside: &mut Failures) -> Vec<Quarantined> {
    let taken = aside.take_changes(usize::MAX);
    let quarantined = taken.into_iter().filter_map(|change| match change {
        Change::Quarantined(facts) => Some(facts),
        _ => None,
    });
    quarantined.collect()
}

#[test]
fn the_gaps_between_tries_grow_up_to_a_week() {
    let listing = listing();
    let (mut known, mut now, mut gaps) = (Vec::new(), NOW, Vec::new());
    for _ in 0..8 {
        let mut aside = Failures::new(Quarantine::on_record(known, false, 1000, now));
        let plan = plan(&listing, &aside);
        aside.missed(&plan, &without(&[0]), false, now);
        known = recorded(&mut aside);
        gaps.push(known[0].next_at - now);
        now = known[0].next_at;
    }
    assert_eq!(gaps, [0, 3_600, 14_400, 86_400, 259_200, 604_800, 604_800, 604_800]);
    assert_eq!((known[0].failures, known[0].first_at), (8, NOW));
    let aside = Failures::new(Quarantine::on_record(known, false, 1000, now));
    let (reason, _) = aside.quarantine().reason(listing.entry(0), true).unwrap();
    assert!(reason.starts_with("refused; next try 20"), "{reason}");
}

#[test]
fn a_message_rests_until_its_time_unless_a_person_says_otherwise() {
    let listing = listing();
    let facts = Quarantined {
        uid: Some(b"own".to_vec()),
        number: None,
        list_size: None,
        reason: "refused".into(),
        failures: 2,
        first_at: NOW,
        last_at: NOW,
        next_at: NOW + 3_600,
        larger_than: None,
    };
    let rests = |retry, now| {
        let aside = Failures::new(Quarantine::on_record(vec![facts.clone()], retry, 1000, now));
        aside.quarantine().rests(plan(&listing, &aside).quarantine_id(0).unwrap())
    };
    assert!(rests(false, NOW + 3_599));
    assert!(!rests(false, NOW + 3_600));
    assert!(!rests(true, NOW));
    assert!(!rests(false, NOW - 1), "it failed in the future");
    let large = Quarantined { larger_than: Some(999), ..facts.clone() };
    let aside = Failures::new(Quarantine::on_record(vec![large], false, 1000, NOW));
    assert!(
        !aside.quarantine().rests(plan(&listing, &aside).quarantine_id(0).unwrap()),
        "max_size has grown"
    );
}

#[test]
fn messages_without_a_uid_of_their_own_are_known_by_number_unless_numbers_change() {
    let listing = listing();
    let mut aside = Failures::default();
    let before = plan(&listing, &aside);
    aside.missed(&before, &without(&[0, 1, 3]), true, NOW);
    assert_eq!(recorded(&mut aside).len(), 1, "this session deletes messages");
    aside.missed(&before, &without(&[0, 1, 3]), false, NOW);
    let numbers: Vec<_> = recorded(&mut aside).into_iter().map(|facts| facts.number).collect();
    assert_eq!(numbers, [None, Some(2), Some(4)]);
    let after = plan(&listing, &aside);
    assert_eq!(
        after.quarantined().map(|(place, _)| place).collect::<Vec<_>>(),
        [0, 1, 3],
        "message 3 is fetched"
    );
}

#[test]
fn a_message_that_breaks_a_session_is_tried_after_the_others_and_fails_at_the_second_time() {
    let listing = listing();
    let mut aside = Failures::default();
    let first = plan(&listing, &aside);
    aside.blame(&first, &broken_at(0), &closed(), NOW);
    assert_eq!((aside.suspected(), aside.count()), (1, 0));
    let second = plan(&listing, &aside);
    assert!(!aside.quarantine().rests(second.quarantine_id(0).unwrap()));
    aside.blame(&second, &broken_at(0), &closed(), NOW);
    assert_eq!(aside.count(), 1);
    assert!(aside.quarantine().rests(second.quarantine_id(0).unwrap()), "not again in this run");
    assert_eq!(recorded(&mut aside).last().unwrap().failures, 1);
}

#[test]
fn a_connection_lost_after_others_had_come_is_nobodys_fault_the_first_time() {
    let listing = listing();
    let mut aside = Failures::default();
    let plan = plan(&listing, &aside);
    let after_others = Download { missed: vec![(1, "refused".into())], ..broken_at(0) };
    aside.blame(&plan, &after_others, &closed(), NOW);
    assert_eq!((aside.suspected(), aside.count()), (0, 0));
    aside.blame(&plan, &broken_at(0), &closed(), NOW);
    assert_eq!(aside.count(), 1, "two sessions broke off at it");
}

#[test]
fn not_now_is_no_failure_beyond_the_run() {
    let listing = listing();
    let mut aside = Failures::default();
    let before = plan(&listing, &aside);
    let download = Download { passing: HashSet::from([0]), ..without(&[0]) };
    aside.missed(&before, &download, false, NOW);
    assert!(recorded(&mut aside).is_empty());
    assert!(aside.quarantine().rests(plan(&listing, &aside).quarantine_id(0).unwrap()));
}

#[test]
fn what_is_stored_or_no_longer_listed_is_released() {
    let listing = listing();
    let mut aside = Failures::default();
    let before = plan(&listing, &aside);
    aside.missed(&before, &without(&[0, 1]), false, NOW);
    let mut gone = recorded(&mut aside);
    gone[0].uid = Some(b"gone".to_vec());
    gone[1].number = Some(2);
    let mut aside = Failures::new(Quarantine::on_record(gone, true, 1000, NOW));
    let plan = plan(&listing, &aside);
    aside.listed(&plan);
    aside.release_unlisted();
    assert_eq!(aside.quarantine().iter().count(), 1);
    aside.stored(&plan, 1);
    assert!(aside.quarantine().is_empty());
    assert_eq!(aside.take_changes(usize::MAX).len(), 2);
}

#[test]
fn a_server_that_refuses_everything_fills_the_quarantine_no_further_than_it_goes() {
    let mut builder = ListingBuilder::new();
    builder.uids_follow();
    for number in 1..=MOST + 500 {
        builder.uidl_line(format!("{number} uid-{number}").as_bytes()).unwrap();
    }
    let listing = builder.finish().unwrap();
    let mut aside = Failures::default();
    let before = plan(&listing, &aside);
    let all: Vec<usize> = (0..MOST + 500).collect();
    aside.missed(&before, &without(&all), false, NOW);
    assert_eq!(aside.quarantine().len(), MOST);
    // Those in it still grow older.
    aside.missed(&before, &without(&all), false, NOW);
    let known = recorded(&mut aside);
    assert!(known.iter().all(|facts| facts.failures == 2));
    assert!(std::sync::Arc::ptr_eq(&known[0].reason, &known[9].reason) || known[0].reason == known[9].reason);
    assert!(aside.take_changes(usize::MAX).is_empty());
}
