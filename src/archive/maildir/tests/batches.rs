//! The order of a batch's steps, and what becomes of a batch whose sync fails.

use super::*;

#[test]
fn the_order_of_the_steps_is_the_promised_one() {
    let mut home = Home::ready();
    add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
    add(&mut home.maildir, &mut home.ledger, Some("2"), b"b\n");
    assert_eq!(home.maildir.pending(), Pending { messages: 2, octets: 4 });
    home.maildir.commit(&mut home.ledger).unwrap();
    let steps = home.journal.steps();
    let expected = [
        "create tmp",
        "write tmp",
        "create tmp",
        "write tmp",
        "sync tmp",
        "sync tmp",
        "ledger intent",
        "link new",
        "unlink tmp",
        "link new",
        "unlink tmp",
        "sync folder new",
        "ledger stored",
        // The archive's mark.
        "create work",
        "write work",
    ];
    assert_eq!(steps, expected);
    assert_eq!(home.maildir.pending(), Pending::default());
    assert!(home.maildir.commit(&mut home.ledger).unwrap().is_empty());
    assert!(home.journal.steps().is_empty());
}

/// A batch of 200, and whether that kept many files open. Other tests open files in this process, too.
fn add_a_large_batch(home: &mut Home) {
    for number in 0..200 {
        add(&mut home.maildir, &mut home.ledger, Some(&number.to_string()), format!("{number}\n").as_bytes());
    }
    let tmp = home.root().join("tmp");
    let ours = Path::new("/proc/self/fd");
    let open = names(ours)
        .iter()
        .filter_map(|descriptor| std::fs::read_link(ours.join(descriptor)).ok())
        .filter(|file| file.starts_with(&tmp))
        .count();
    assert!((1..100).contains(&open), "{open}");
}

#[test]
fn a_large_batch_is_synced_at_once_before_anything_is_on_record_or_visible() {
    let mut home = Home::ready();
    add_a_large_batch(&mut home);
    home.journal.steps();
    assert_eq!(home.maildir.commit(&mut home.ledger).unwrap().len(), 200);
    let steps = home.journal.steps();
    assert_eq!(steps[0], "sync all");
    assert!(!steps.contains(&"sync tmp".to_owned()), "{steps:?}");
    assert_eq!(home.names("new").len(), 200);
}

#[test]
fn a_large_batch_whose_sync_fails_is_condemned() {
    let mut home = Home::ready();
    add_a_large_batch(&mut home);
    home.journal.fail("sync all", Errno::IO);
    assert!(home.maildir.commit(&mut home.ledger).is_err());
    home.journal.mend();
    assert!(home.names("new").is_empty());
    assert!(home.maildir.commit(&mut home.ledger).is_err(), "nothing more before recovery");
    home.maildir.recover(&mut home.ledger).unwrap();
    assert!(home.names("tmp").is_empty());
    assert_eq!(home.ledger.intents().unwrap(), []);
}

#[test]
fn where_errors_of_a_common_sync_would_be_lost_each_file_is_synced() {
    let mut home = Home::new();
    home.journal.fail("open group", Errno::NOSYS);
    home.maildir.open(&mut home.ledger).unwrap();
    add_a_large_batch(&mut home);
    assert_eq!(home.maildir.commit(&mut home.ledger).unwrap().len(), 200);
    let steps = home.journal.steps();
    let synced = steps.iter().take_while(|step| !step.starts_with("link")).filter(|step| *step == "sync tmp");
    assert_eq!(synced.count(), 200);
    assert_eq!(home.names("new").len(), 200);
}

#[test]
fn where_a_folder_has_no_room_for_more_names_the_first_ones_stay() {
    let mut home = Home::ready();
    for number in 0..5 {
        add(&mut home.maildir, &mut home.ledger, Some(&number.to_string()), format!("{number}\n").as_bytes());
    }
    home.journal.fail_after("link new", "link new", Errno::DQUOT);
    let stored = home.maildir.commit(&mut home.ledger).unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(home.maildir.shortfall().unwrap().exit(), Exit::IO);
    assert!(home.maildir.shortfall().is_none());
    assert_eq!((home.names("new").len(), home.names("tmp").len()), (1, 0));
    assert_eq!(home.ledger.rows().len(), 1);
    assert!(home.ledger.intents().unwrap().is_empty());
    home.journal.mend();
    home.deliver("1", b"1\n");
}

#[test]
fn a_failed_sync_condemns_the_batch() {
    for (step, left_in_new) in
        [("sync tmp", 0), ("ledger intent", 0), ("link new", 0), ("sync folder new", 0)]
    {
        let mut home = Home::ready();
        home.deliver("0", b"before\n");
        add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
        add(&mut home.maildir, &mut home.ledger, Some("2"), b"b\n");
        home.journal.steps();
        home.journal.fail(step, Errno::NOSPC);
        let error = home.maildir.commit(&mut home.ledger).unwrap_err();
        if !step.starts_with("ledger") {
            assert_eq!(error.exit(), Exit::IO, "{error}");
        }
        let steps = home.journal.steps();
        assert_eq!(
            steps.iter().filter(|taken| taken.starts_with(step)).count(),
            1,
            "{step} is not tried again"
        );
        assert_eq!(home.names("new").len(), 1 + left_in_new, "{step}");
        assert!(home.names("tmp").is_empty(), "{step}");
        assert!(home.ledger.intents().unwrap().is_empty(), "{step}");
        assert_eq!(home.maildir.pending(), Pending::default());

        home.journal.mend();
        add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
        assert!(
            matches!(home.maildir.commit(&mut home.ledger), Err(ArchiveError::Unsettled { .. })),
            "{step}"
        );
        home.maildir.recover(&mut home.ledger).unwrap();
        home.deliver("1", b"a\n");
        assert_eq!(home.names("new").len(), 2);
    }
}

#[test]
fn many_identical_messages_under_one_uid_are_numbered_on_over_batches() {
    let mut home = Home::ready();
    for _ in 0..3 {
        for _ in 0..10 {
            add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
        }
        assert_eq!(home.maildir.commit(&mut home.ledger).unwrap().len(), 10);
    }
    let mut copies: Vec<u32> =
        home.ledger.rows().iter().filter_map(crate::archive::maildir::key_of).map(|key| key.copy).collect();
    copies.sort_unstable();
    assert_eq!(copies, (1..=30).collect::<Vec<_>>());
    assert_eq!(home.names("new").len(), 30);
}
