use super::*;
use crate::ledger::{Known, Marks, Quarantined, Returned};
use crate::pop3::listing::ListingBuilder;

const NO_LIMITS: Limits = Limits { max_size: u64::MAX, messages: None };

fn listed(number: u32, uid: &'static str, size: u64) -> Entry<'static> {
    Entry { number, size: Some(size), uid: (!uid.is_empty()).then_some(uid.as_bytes()) }
}

fn row(seq: Seq, uid: &'static str, size: u64) -> Known<'static> {
    Known {
        seq,
        uid: Some(uid.as_bytes()),
        list_size: Some(size),
        archived_at: 7,
        deleted: false,
        leaving: false,
        by_header: false,
    }
}

fn deleted(seq: Seq, uid: &'static str, size: u64) -> Known<'static> {
    Known { deleted: true, ..row(seq, uid, size) }
}

fn listing(entries: &[Entry<'_>]) -> Listing {
    let mut builder = ListingBuilder::new();
    let line = |number: u32, rest: &[u8]| [format!("{number} ").as_bytes(), rest].concat();
    builder.uids_follow();
    for entry in entries {
        builder.uidl_line(&line(entry.number, entry.uid.unwrap_or_default())).unwrap();
    }
    builder.sizes_follow();
    for (number, size) in entries.iter().filter_map(|entry| entry.size.map(|size| (entry.number, size))) {
        builder.list_line(&line(number, size.to_string().as_bytes())).unwrap();
    }
    builder.finish().unwrap()
}

fn plan<'l>(listing: &'l Listing, rows: &[Known<'_>], limits: Limits) -> Plan<'l> {
    let mut planner = Planner::new(listing);
    for row in rows {
        planner.row(row);
    }
    planner.finish(&limits, &Quarantine::default())
}

fn verdicts(entries: &[Entry<'static>], rows: &[Known<'_>]) -> Vec<Verdict> {
    plan(&listing(entries), rows, NO_LIMITS).iter().map(|item| item.verdict).collect()
}

fn archived(seq: Seq) -> Verdict {
    Verdict::Archived(Archived { seq, archived_at: 7, learn_size: false, by_header: false, stays: false })
}

fn fetch(why: Why, compare: Compare) -> Verdict {
    Verdict::Fetch { why, compare }
}

#[test]
fn a_known_uid_of_the_same_size_is_held_and_a_new_one_is_fetched() {
    assert_eq!(
        verdicts(&[listed(1, "a", 10), listed(2, "b", 20)], &[row(1, "a", 10)]),
        [archived(1), fetch(Why::New, Compare::Nothing)]
    );
}

#[test]
fn a_row_that_is_not_listed_today_is_still_held_tomorrow() {
    let rows = [row(1, "a", 10), row(2, "b", 20)];
    assert_eq!(verdicts(&[listed(1, "b", 20)], &rows), [archived(2)]);
    assert_eq!(verdicts(&[], &rows), []);
    assert_eq!(verdicts(&[listed(1, "a", 10), listed(2, "b", 20)], &rows), [archived(1), archived(2)]);
}

#[test]
fn the_order_of_the_listing_does_not_matter() {
    let rows = [row(1, "x", 1), row(2, "m", 2), row(3, "a", 3)];
    let entries = [listed(1, "a", 3), listed(2, "m", 2), listed(3, "x", 1)];
    assert_eq!(verdicts(&entries, &rows), [archived(3), archived(2), archived(1)]);
}

#[test]
fn another_size_under_a_known_uid_is_doubtful_and_an_unknown_size_is_not() {
    let rows = [row(1, "a", 10)];
    assert_eq!(verdicts(&[listed(1, "a", 11)], &rows), [fetch(Why::SizeChanged, Compare::Group(0))]);
    let unsized_entry = Entry { number: 1, size: None, uid: Some(b"a") };
    assert_eq!(verdicts(&[unsized_entry], &rows), [archived(1)]);
    let unsized_row = Known { list_size: None, ..row(1, "a", 0) };
    let learnt = Archived { seq: 1, archived_at: 7, learn_size: true, by_header: false, stays: false };
    assert_eq!(verdicts(&[listed(1, "a", 10)], &[unsized_row]), [Verdict::Archived(learnt)]);
}

#[test]
fn a_deleted_uid_that_is_listed_again_is_doubtful() {
    assert_eq!(
        verdicts(&[listed(1, "a", 10)], &[deleted(1, "a", 10)]),
        [fetch(Why::DeletedBefore, Compare::Group(0))]
    );
    // Reused after the deletion, and the newer message is archived.
    assert_eq!(verdicts(&[listed(1, "a", 12)], &[deleted(1, "a", 10), row(2, "a", 12)]), [archived(2)]);
}

#[test]
fn equal_uids_are_compared_as_a_group() {
    let entries = [listed(1, "u", 10), listed(2, "v", 5), listed(3, "u", 10)];
    let listing = listing(&entries);
    let plan = plan(&listing, &[row(1, "u", 10), row(2, "v", 5), row(3, "u", 10)], NO_LIMITS);
    assert!(plan.equal_uids);
    let group = fetch(Why::EqualUids, Compare::Group(0));
    assert_eq!(plan.iter().map(|item| item.verdict).collect::<Vec<_>>(), [group, archived(2), group]);
    assert_eq!(plan.group(0), [1, 3]);
    // Listed once now, but two rows bear the UID: still not told apart by it.
    assert_eq!(
        verdicts(&[listed(1, "u", 10)], &[row(1, "u", 10), row(3, "u", 10)]),
        [fetch(Why::SeveralStored, Compare::Group(0))]
    );
}

#[test]
fn a_message_archived_without_its_uid_is_known_again_when_it_has_one() {
    let nameless = |seq| Known { uid: None, ..row(seq, "", 5) };
    let rows = [row(1, "a", 10), nameless(2), Known { deleted: true, ..nameless(3) }];
    let listing = listing(&[listed(1, "a", 10), listed(2, "b", 5)]);
    let plan = plan(&listing, &rows, NO_LIMITS);
    assert_eq!(plan.item(0).verdict, archived(1));
    assert_eq!(plan.item(1).verdict, fetch(Why::New, Compare::Group(0)));
    assert_eq!(plan.group(0), [2]);
}

#[test]
fn when_every_uid_changed_at_once_all_rows_are_candidates() {
    let listing = listing(&[listed(1, "new", 10)]);
    let plan = plan(&listing, &[row(1, "old", 10)], NO_LIMITS);
    assert!(plan.migrated());
    assert_eq!(plan.item(0).verdict, fetch(Why::AllUidsNew, Compare::Unclaimed));
    // Not when all rows were deleted by us, or may have been: then new UIDs are simply new mail.
    let leaving = Known { leaving: true, ..row(1, "old", 10) };
    for row in [deleted(1, "old", 10), leaving] {
        assert_eq!(verdicts(&[listed(1, "new", 10)], &[row]), [fetch(Why::New, Compare::Nothing)]);
    }
    assert_eq!(verdicts(&[listed(1, "old", 10)], &[leaving]), [archived(1)], "QUIT never arrived");
}

#[test]
fn without_a_uid_a_message_is_fetched_and_compared() {
    assert_eq!(verdicts(&[listed(1, "", 10)], &[]), [fetch(Why::NoUid, Compare::Unclaimed)]);
}

#[test]
fn limits_leave_the_large_and_prefer_the_new() {
    let entries = [listed(1, "doubt", 11), listed(2, "big", 99), listed(3, "x", 1), listed(4, "y", 1)];
    let limits = Limits { max_size: 50, messages: Some(1) };
    let listing = listing(&entries);
    let plan = plan(&listing, &[row(1, "doubt", 10)], limits);
    assert_eq!(
        plan.iter().map(|item| item.verdict).collect::<Vec<_>>(),
        [
            Verdict::Left(Left::Limit),
            Verdict::Left(Left::TooLarge(99)),
            fetch(Why::New, Compare::Nothing),
            Verdict::Left(Left::Limit),
        ]
    );
    assert_eq!(plan.to_fetch(), (1, 1));
}

#[test]
fn what_failed_before_rests_or_comes_last_and_never_takes_the_place_of_others() {
    let failed = |uid: &str| Quarantined {
        uid: Some(uid.as_bytes().to_vec()),
        number: None,
        list_size: None,
        reason: "".into(),
        failures: 1,
        first_at: 0,
        last_at: 0,
        next_at: 0,
        larger_than: None,
    };
    let mut quarantine = Quarantine::default();
    quarantine.put(failed("rests"), true);
    quarantine.put(failed("ready"), false);
    quarantine.put(failed("archived"), true);
    let entries = [
        listed(1, "rests", 1),
        listed(2, "ready", 1),
        listed(3, "new", 1),
        listed(4, "huge", 100),
        listed(5, "archived", 1),
    ];
    let listing = listing(&entries);
    for (messages, ready) in [(1, Verdict::Left(Left::Quarantine)), (2, fetch(Why::New, Compare::Nothing))] {
        let mut planner = Planner::new(&listing);
        planner.row(&row(1, "archived", 1));
        let plan = planner.finish(&Limits { max_size: 99, messages: Some(messages) }, &quarantine);
        assert_eq!(
            plan.iter().map(|item| item.verdict).collect::<Vec<_>>(),
            [
                Verdict::Left(Left::Quarantine),
                ready,
                fetch(Why::New, Compare::Nothing),
                Verdict::Left(Left::TooLarge(100)),
                archived(1),
            ]
        );
        assert_eq!(plan.quarantined().map(|(place, _)| place).collect::<Vec<_>>(), [0, 1, 4]);
    }
}

#[test]
fn a_maildrop_moves_when_most_of_the_last_listing_is_gone_at_once() {
    let rows = [row(1, "a", 1), row(2, "b", 2), row(3, "c", 3), row(4, "d", 4)];
    let moves = |entries: &[Entry<'static>], marks: Marks, parts: bool| {
        let listing = listing(entries);
        let mut planner = Planner::new(&listing).with_marks(marks, 1000).of_parts(parts);
        for row in &rows {
            planner.row(row);
        }
        planner.finish(&NO_LIMITS, &Quarantine::default()).moves
    };
    let (kept, new) = (listed(1, "a", 1), listed(2, "new", 2));
    let moving = |began, old: &[Seq]| Moves::Moving { began, old: old.to_vec() };
    let not =
        |over, gone: &[Seq], back: &[Seq]| Moves::Not { over, gone: gone.to_vec(), back: back.to_vec() };
    assert_eq!(moves(&[kept, new], Marks::default(), false), moving(true, &[2, 3, 4]));
    assert_eq!(moves(&[kept], Marks::default(), false), not(false, &[2, 3, 4], &[]), "nothing new");
    assert_eq!(moves(&[kept, new], Marks::default(), true), Moves::Unknown { moving: false });
    assert_eq!(moves(&[], Marks::default(), false), Moves::Unknown { moving: false }, "an empty listing");
    let half = [kept, new, listed(3, "c", 3)];
    assert_eq!(moves(&half, Marks::default(), false), not(false, &[2, 4], &[]), "no more than half");
    // What the last listing left out does not count.
    let left_out = |unlisted: &[Seq]| Marks { unlisted: unlisted.to_vec(), ..Marks::default() };
    assert_eq!(moves(&[kept, new], left_out(&[2, 3, 4]), false), not(false, &[], &[]));
    assert_eq!(moves(&[kept, new], left_out(&[1]), false), moving(true, &[2, 3, 4]));
    assert_eq!(moves(&[kept], left_out(&[1, 2, 3, 4]), false), not(false, &[], &[1]));
    // It goes on, however few are left, until nothing new is listed.
    let since = Marks { moving_since: Some(7), ..left_out(&[2, 3]) };
    assert_eq!(moves(&[kept, new], since.clone(), false), moving(false, &[4]));
    assert_eq!(moves(&[kept], since, false), not(true, &[4], &[]));
}

#[test]
fn what_the_server_did_not_delete_twice_is_archived_and_not_due() {
    let marks = |until| Marks { returned: [(1, Returned { times: 1, until })].into(), ..Marks::default() };
    let verdict = |row: Known<'_>, size, marks: Marks| {
        let listing = listing(&[listed(1, "a", size)]);
        let mut planner = Planner::new(&listing).with_marks(marks, 1000);
        planner.row(&row);
        planner.finish(&NO_LIMITS, &Quarantine::default()).item(0).verdict
    };
    let archived = |stays| Verdict::Archived(Archived { stays, ..archived_row(1) });
    assert_eq!(verdict(deleted(1, "a", 10), 10, marks(0)), archived(true));
    assert_eq!(verdict(deleted(1, "a", 10), 11, marks(0)), fetch(Why::DeletedBefore, Compare::Group(0)));
    for (until, stays) in
        [(0, false), (1000, false), (1001, true), (1000 + STAYS, true), (1001 + STAYS, false)]
    {
        assert_eq!(verdict(row(1, "a", 10), 10, marks(until)), archived(stays), "until {until}");
    }
}

fn archived_row(seq: Seq) -> Archived {
    Archived { seq, archived_at: 7, learn_size: false, by_header: false, stays: false }
}
