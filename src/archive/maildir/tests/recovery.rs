//! What a run finds that others left behind.

use super::*;

#[test]
fn what_is_durable_but_not_on_record_is_completed_by_recovery() {
    let mut home = Home::ready();
    add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
    home.journal.fail("ledger stored", Errno::NOSPC);
    assert!(home.maildir.commit(&mut home.ledger).is_err());
    home.journal.mend();
    home.journal.steps();
    assert_eq!(home.ledger.rows(), []);
    home.restart();
    home.maildir.open(&mut home.ledger).unwrap();
    let recovery = home.maildir.recover(&mut home.ledger).unwrap();
    assert_eq!(recovery, Recovery { completed: 1, ..Recovery::default() });
    let steps = home.journal.steps();
    let expected = ["sync new", "sync folder new", "sync folder cur", "ledger stored"];
    assert_eq!(steps[steps.len() - 4..], expected, "durable first, then on record");
    assert!(matches!(home.maildir.verify(&home.ledger.rows()[0]).unwrap(), Copy::Intact(_)));
}

#[test]
fn recovery_settles_every_kind_of_intent() {
    let mut home = Home::ready();
    let moved = home.deliver("moved", b"moved\n");
    rename(&home.file(), &home.root().join("cur").join(format!("{}:2,FS", home.names("new")[0])));
    let changed = home.deliver("changed", b"changed\n");
    write(&home.file(), b"something else\n");
    let absent = home.deliver("absent", b"absent\n");
    let [_, absent_name] = home.names("new").try_into().unwrap_or_else(|names| panic!("{names:?}"));
    let Place::Maildir { key } = &absent.place else { panic!("{absent:?}") };
    let absent_name = if absent_name.contains(key) { absent_name } else { home.names("new").remove(0) };
    remove(&home.root().join("new").join(absent_name));
    let prefix = crate::mail::names::temporary_prefix(IDENTITY);
    write(&home.root().join("tmp").join(format!("{prefix}99-1.host")), b"half");
    write(&home.root().join("tmp/popkeep-0000000000000000-99-1.host"), b"another account's");
    write(&home.root().join("tmp/1.M1P1.host"), b"another program's");

    // The same as intents of a run that was cut short.
    home.ledger = WatchedLedger::new(IDENTITY, &home.journal);
    home.restart();
    let rows = [moved, changed, absent].map(|row| Row {
        state: RowState::Intent,
        seq: home.ledger.next_seq(),
        ..row
    });
    home.ledger.commit(&rows.clone().map(Change::Intent)).unwrap();

    home.maildir.open(&mut home.ledger).unwrap();
    let recovery = home.maildir.recover(&mut home.ledger).unwrap();
    assert_eq!((recovery.completed, recovery.withdrawn, recovery.cleaned), (1, 2, 1));
    assert_eq!(recovery.left_alone.len(), 1);
    assert!(recovery.left_alone[0].contains("is not the message"), "{recovery:?}");
    assert_eq!(home.ledger.rows().iter().map(|row| row.seq).collect::<Vec<_>>(), [rows[0].seq]);
    assert!(home.ledger.intents().unwrap().is_empty());
    assert_eq!(home.names("tmp"), ["1.M1P1.host", "popkeep-0000000000000000-99-1.host"]);
    assert_eq!(home.maildir.recover(&mut home.ledger).unwrap(), Recovery::default(), "nothing is left to do");

    // What was withdrawn is fetched again; what has the same KEY does not get in its way.
    home.deliver("changed", b"changed\n");
    home.deliver("absent", b"absent\n");
    assert_eq!(home.names("new").len(), 3);
}

#[test]
fn a_message_that_is_there_already_is_not_put_there_twice() {
    let mut home = Home::ready();
    home.deliver("1", b"a\n");
    rename(&home.file(), &home.root().join("cur").join(format!("{}:2,S", home.names("new")[0])));
    home.deliver("2", b"b\n");
    home.forget();
    home.maildir.open(&mut home.ledger).unwrap();
    home.maildir.recover(&mut home.ledger).unwrap();
    let first = home.deliver("1", b"a\n");
    let second = home.deliver("2", b"b\n");
    assert_eq!((home.names("new").len(), home.names("cur").len()), (1, 1));
    assert!(home.names("tmp").is_empty());
    for row in [first, second] {
        assert!(matches!(home.maildir.verify(&row).unwrap(), Copy::Intact(_)));
    }
}

/// The unknown copies that carry this UID.
fn unknown_copies(home: &mut Home, uid: &str) -> Vec<UnknownCopy> {
    home.maildir.find_unknown_copies(&mut home.ledger, i64::MAX, &mut |_| {}).unwrap();
    let origin = home.maildir.origin(uid.as_bytes()).unwrap();
    let mut found: Vec<UnknownCopy> = Vec::new();
    while let Some(next) =
        home.ledger.unknown_copy(Which::Origin(&origin), found.last().map_or(0, |last| last.id)).unwrap()
    {
        found.push(next);
    }
    found
}

#[test]
fn after_a_lost_ledger_all_files_are_strangers_that_their_names_tell() {
    let mut home = Home::ready();
    let seen = home.deliver("seen", b"seen\n");
    rename(&home.file(), &home.root().join("cur").join(format!("{}:2,S", home.names("new")[0])));
    let twice = home.deliver("twice", b"twice\n");
    add(&mut home.maildir, &mut home.ledger, Some("twice"), b"twice\n");
    home.maildir.commit(&mut home.ledger).unwrap();
    write(&home.root().join("cur/1.M1P2.other:2,S"), b"Subject: of another program\n\nx\n");
    assert!(unknown_copies(&mut home, "seen").is_empty());
    home.forget();
    home.maildir.open(&mut home.ledger).unwrap();
    home.maildir.recover(&mut home.ledger).unwrap();
    let found = unknown_copies(&mut home, "seen");
    assert_eq!(found.iter().map(|found| &found.place).collect::<Vec<_>>(), [&seen.place]);
    let met = home.maildir.meet(&found[0]).unwrap().unwrap();
    assert_eq!((met.digest, met.extent.octets), (seen.digest, seen.size));
    let found = unknown_copies(&mut home, "twice");
    assert_eq!((found.len(), found.iter().any(|found| found.place == twice.place)), (2, true));
    assert_eq!(unknown_copies(&mut home, "new"), []);
}

#[test]
fn another_programs_file_is_found_under_whatever_flags_it_has() {
    let mut home = Home::ready();
    let path = home.root().join("new/1.M1P2.other");
    write(&path, b"Received: by l (mpop-1.4.18) with POP3\nSubject: s\n\nx\n");
    home.maildir.find_unknown_copies(&mut home.ledger, i64::MAX, &mut |_| {}).unwrap();
    let (mut bare, mut digester) = (BareHeader::default(), Digester::new());
    bare.update(b"Subject: s\n\nx\n");
    digester.update(b"Subject: s\n\nx\n");
    let content = bare::content(&bare.finish().unwrap().hash, &digester.finish().0);
    let unknown = home.ledger.unknown_copy(Which::Content(&content), 0).unwrap().unwrap();
    rename(&path, &home.root().join("cur/1.M1P2.other:2,RS"));
    assert!(home.maildir.meet(&unknown).unwrap().is_some());
    remove(&home.root().join("cur/1.M1P2.other:2,RS"));
    assert!(home.maildir.meet(&unknown).unwrap().is_none());
}

#[test]
fn a_vanished_archive_is_never_begun_afresh() {
    let mut home = Home::ready();
    for number in 0..40 {
        home.deliver(&number.to_string(), format!("{number}\n").as_bytes());
    }
    home.restart();
    home.maildir.open(&mut home.ledger).unwrap();

    // One old copy is left, read and flagged: that is enough.
    for name in home.names("new") {
        let path = home.root().join("new").join(&name);
        if read(&path) == b"0\n" {
            rename(&path, &home.root().join("cur").join(format!("{name}:2,RS")));
        } else {
            remove(&path);
        }
    }
    remove(&home.root().join("new"));
    home.restart();
    home.maildir.open(&mut home.ledger).unwrap();
    assert!(home.names("new").is_empty(), "a missing new/ alone is made again");

    // Nothing known is left, though other mail is.
    let last = home.names("cur").remove(0);
    remove(&home.root().join("cur").join(last));
    write(&home.root().join("new/1.M1P1.host"), b"other mail");
    home.restart();
    home.maildir.open(&mut home.ledger).unwrap();
    assert_eq!(
        home.maildir.look(&mut home.ledger, NOON).unwrap().removed().count(),
        40,
        "its owner emptied it"
    );

    // Without its mark it may be the place of a disk that is not mounted.
    remove(&home.root().join("popkeep-archive"));
    home.restart();
    let vanished = |result: Result<(), ArchiveError>| match result {
        Err(error @ ArchiveError::Vanished { expected: 40, .. }) => {
            assert_eq!(error.exit(), Exit::CANT_CREATE);
        }
        other => panic!("{other:?}"),
    };
    vanished(home.maildir.open(&mut home.ledger));

    // An empty mount point, and none at all.
    remove(&home.root());
    make_dir(&home.root());
    vanished(home.maildir.open(&mut home.ledger));
    assert!(names(&home.root()).is_empty(), "nothing was made");
    remove(&home.root());
    vanished(home.maildir.open(&mut home.ledger));
    assert!(!home.root().exists());
}
