//! What a run finds that others left behind.

use super::*;

#[test]
fn what_is_durable_but_not_on_record_is_completed_by_recovery() {
    let mut home = Home::ready();
    home.add("1", b"a\n");
    home.journal.fail("ledger stored", Errno::NOSPC);
    assert!(home.mbox.commit(&mut home.ledger).is_err());
    home.journal.mend();
    home.restart();
    home.mbox.open(&mut home.ledger).unwrap();
    home.journal.steps();
    let recovery = home.mbox.recover(&mut home.ledger).unwrap();
    assert_eq!(recovery, Recovery { completed: 1, ..Recovery::default() });
    let steps = home.journal.steps();
    assert_eq!(steps[steps.len() - 4..], ["sync Mail", "sync folder Mail", "ledger stored", "unlink Mail"]);
    assert_eq!(messages(&home.read()), [b"a\n"]);
}

#[test]
fn an_append_cut_off_anywhere_is_settled_to_exactly_once() {
    let (mut home, rows, file) = three();
    for cut in start(&rows[1])..=file.len() {
        home.crash(&rows[1..], &file[..cut]);
        let recovery = home.mbox.recover(&mut home.ledger).unwrap();
        let whole = usize::from(cut >= start(&rows[2])) + usize::from(cut == file.len());
        let kept = [start(&rows[1]), start(&rows[2]), file.len()][whole];
        assert_eq!(recovery.completed, whole as u64, "cut at {cut}");
        assert_eq!(recovery.withdrawn, 2 - whole as u64, "cut at {cut}");
        assert!(recovery.left_alone.is_empty(), "cut at {cut}: {recovery:?}");
        assert!(home.read() == file[..kept], "cut at {cut}");
        for row in home.ledger.rows() {
            assert!(matches!(home.mbox.verify(&row).unwrap(), Copy::Intact(_)));
        }
    }
}

#[test]
fn octets_that_never_reached_the_disk_are_cut_off() {
    let (mut home, rows, file) = three();
    // The length is durable, some octets are not, in whatever order: what some file systems leave
    // after a power cut. What follows a torn message is ours as well, and goes with it.
    for from in (start(&rows[1])..file.len()).step_by(5) {
        for to in [from + 1, from + 20, file.len()] {
            let mut torn = file.clone();
            torn[from..to.min(file.len())].fill(0);
            home.crash(&rows[1..], &torn);
            let recovery = home.mbox.recover(&mut home.ledger).unwrap();
            let whole = from >= start(&rows[2]);
            assert_eq!((recovery.completed, recovery.left_alone.len()), (u64::from(whole), 0), "from {from}");
            let kept = if whole { start(&rows[2]) } else { start(&rows[1]) };
            assert!(home.read() == file[..kept], "from {from} to {to}");
        }
    }
}

#[test]
fn what_another_program_wrote_is_never_cut_off() {
    let (mut home, rows, file) = three();
    let torn = &file[..start(&rows[1]) + 50];
    let appended = [torn, b"\n\nFrom x Thu Jan  1 00:00:00 1970\n\nyours\n\n"].concat();
    let rewritten =
        b"From x Thu Jan  1 00:00:00 1970\n\n".iter().copied().chain(b"yours\n".repeat(30)).collect();
    let longer =
        [&file[..start(&rows[1])], b"From x Wed Nov 18 11:06:40 2026\n\n", &b"longer\n".repeat(100)].concat();
    // As procmail does it, which does not look for a line end first.
    let glued = [torn, b"From x@y  Thu Jan  1 00:00:00 1970\n\nyours\n\n"].concat();
    for file in [appended, rewritten, longer, glued] {
        home.crash(&rows[1..], &file);
        let recovery = home.mbox.recover(&mut home.ledger).unwrap();
        assert_eq!((recovery.completed, recovery.withdrawn), (0, 2));
        assert_eq!(recovery.left_alone.len(), 1, "{recovery:?}");
        assert!(home.read() == file, "left as it was");
        // And it is appended again, behind it.
        home.deliver("2", b"Subject: two\n\n2\n");
        assert!(home.read().starts_with(&file));
        assert_eq!(messages(&home.read()).last().unwrap(), b"Subject: two\n\n2\n");
    }
}

#[test]
fn an_intent_whose_mbox_was_never_made_is_withdrawn() {
    let (mut home, rows, _) = three();
    home.crash(&rows, b"");
    remove(&home.path());
    let recovery = home.mbox.recover(&mut home.ledger).unwrap();
    assert_eq!(recovery, Recovery { withdrawn: 3, ..Recovery::default() });
    assert!(!home.path().exists());
}

#[test]
fn a_vanished_archive_is_never_begun_afresh() {
    let (mut home, rows, file) = three();
    let vanished = |result: Result<(), ArchiveError>| match result {
        Err(error @ ArchiveError::Vanished { expected: 3, .. }) => {
            assert_eq!(error.exit(), Exit::CANT_CREATE);
        }
        other => panic!("{other:?}"),
    };
    home.restart();
    home.mbox.open(&mut home.ledger).unwrap();
    // The file itself is the mark; what of it is there is counted.
    let mut removed = |file: &[u8]| {
        write(&home.path(), file);
        home.restart();
        home.mbox.open(&mut home.ledger).unwrap();
        home.mbox.look(&mut home.ledger, NOON).unwrap().removed().collect::<Vec<_>>()
    };
    assert_eq!(removed(b""), [1, 2, 3]);
    assert_eq!(removed(b"From x Thu Jan  1 00:00:00 1970\n\nother mail\n\n"), [1, 2, 3]);
    assert_eq!(removed(&file[..start(&rows[1])]), [2, 3]);
    // One that a mail client has moved and marked as read.
    let marked = b"From x Thu Jan  1 00:00:00 1970\n\nother\n\nFrom y Thu Jan  1 00:00:00 1970\nSubject: two\nStatus: RO\n\n2\n\n";
    assert_eq!(removed(marked), [1, 3]);
    assert!(removed(&file).is_empty());

    remove(&home.path());
    vanished(home.mbox.open(&mut home.ledger));
    home.add("4", b"4\n");
    vanished(home.mbox.commit(&mut home.ledger).map(drop));
    assert!(!home.path().exists());
}
