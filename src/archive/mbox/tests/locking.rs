//! Others at work on the same mbox.

use super::super::lock;
use super::*;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

#[test]
fn a_locked_mbox_is_for_later() {
    let mut home = Home::ready();
    home.deliver("1", b"a\n");
    let before = home.text();
    let dotlock = home.folder.path().join("Mail/work.lock");
    let us = lock::Holder::us();
    let locked = |home: &mut Home| {
        home.add("2", b"b\n");
        match home.mbox.commit(&mut home.ledger) {
            Err(error @ ArchiveError::Locked { .. }) => assert_eq!(error.exit(), Exit::TRY_LATER),
            other => panic!("{other:?}"),
        }
        assert_eq!(home.text(), before);
    };
    // Another program's dotlock, another host's, that of a living process of this host.
    for holder in
        ["0".to_owned(), format!("1\nelsewhere\n{}\n", us.boot), format!("1\n{}\n{}\n", us.host, us.boot)]
    {
        write(&dotlock, holder.as_bytes());
        locked(&mut home);
        assert_eq!(home.beside(), ["work.lock"], "{holder:?}");
        remove(&dotlock);
    }
    // The lock of fcntl.
    let mut other = OsDisk.open(&home.path(), Access::ReadWrite).unwrap();
    assert!(other.try_lock().unwrap());
    locked(&mut home);
    drop(other);
    assert!(home.beside().is_empty());
    // Nothing failed in the mbox, so that nothing is to be recovered.
    home.deliver("2", b"b\n");
}

#[test]
fn a_dotlock_whose_holder_is_no_more_is_removed() {
    let mut home = Home::ready();
    let us = lock::Holder::us();
    let dead = i32::MAX;
    for (uid, holder) in [
        ("1", format!("{dead}\n{}\n{}\n", us.host, us.boot)),
        ("2", format!("1\n{}\nanother boot\n", us.host)),
        ("3", us.to_string()),
    ] {
        write(&home.folder.path().join("Mail/work.lock"), holder.as_bytes());
        write(&home.folder.path().join(format!("Mail/work.lock.popkeep-{dead}")), b"");
        home.deliver(uid, b"a\n");
        assert_eq!(home.mbox.recover(&mut home.ledger).unwrap().cleaned, 1);
        assert!(home.beside().is_empty());
    }
}

/// Makes a file as old as one of 2001.
fn make_old(path: &Path) {
    let old = Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
    let times = Timestamps { last_access: old, last_modification: old };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()).unwrap();
}

#[test]
fn a_dotlock_that_was_copied_with_the_folder_is_removed_when_it_is_old() {
    let mut home = Home::ready();
    let dotlock = home.folder.path().join("Mail/work.lock");
    write(&dotlock, b"");
    let inode = OsDisk.metadata(&dotlock).unwrap().ino;
    let locked = |home: &mut Home, what: &str| {
        home.add("1", b"a\n");
        let outcome = home.mbox.commit(&mut home.ledger);
        assert!(matches!(outcome, Err(ArchiveError::Locked { .. })), "{what}: {outcome:?}");
    };
    let holder = |inode| lock::Holder {
        host: "elsewhere".into(),
        boot: "another boot".into(),
        inode: Some(inode),
        ..lock::Holder::us()
    };
    write(&dotlock, holder(inode + 1).to_string().as_bytes());
    locked(&mut home, "it may be a file that has got another inode just now");
    write(&dotlock, holder(inode).to_string().as_bytes());
    make_old(&dotlock);
    locked(&mut home, "the one that another host's popkeep has signed");
    write(&dotlock, holder(inode + 1).to_string().as_bytes());
    make_old(&dotlock);
    home.deliver("2", b"b\n");
    assert!(home.beside().is_empty());
}

#[test]
fn a_copy_of_our_own_dotlock_is_known_as_one() {
    let mut home = Home::ready();
    home.deliver("1", b"a\n");
    let dotlock = home.folder.path().join("Mail/work.lock");
    let copy = home.folder.path().join("copy");
    let locked = lock::lock(&Arc::new(OsDisk), &home.path(), false, Duration::ZERO).unwrap();
    let text = String::from_utf8(crate::disk::read_limited(&dotlock, 1024).unwrap()).unwrap();
    write(&copy, text.replace(&lock::Holder::us().host, "elsewhere").as_bytes());
    make_old(&copy);
    drop(locked);
    OsDisk.rename_noreplace(&copy, &dotlock).unwrap();
    home.deliver("2", b"b\n");
    assert!(home.beside().is_empty());
}

#[test]
fn a_dotlock_that_names_nobody_is_removed_when_it_is_old() {
    let mut home = Home::ready();
    let dotlock = home.folder.path().join("Mail/work.lock");
    let age = |text: &[u8]| {
        write(&dotlock, text);
        make_old(&dotlock);
    };
    // Empty; torn by a power cut; procmail's. No process has the largest number: it is above the system's limit.
    let torn = format!("{}\nhost\0\0\0", i32::MAX);
    // The beginning of a number may be that of a living process: that of process 1, say.
    for (uid, text) in [("1", ""), ("2", torn.as_str()), ("3", "0"), ("6", "1")] {
        age(text.as_bytes());
        home.deliver(uid, b"a\n");
        assert!(home.beside().is_empty());
    }
    let now = crate::clock::now();
    age(b"");
    let far = Timespec { tv_sec: now + 400 * crate::clock::DAY, tv_nsec: 0 };
    let times = Timestamps { last_access: far, last_modification: far };
    rustix::fs::utimensat(CWD, &dotlock, &times, AtFlags::empty()).unwrap();
    home.deliver("5", b"a clock that was wrong\n");
    age(b"1\n");
    home.add("4", b"b\n");
    assert!(
        matches!(home.mbox.commit(&mut home.ledger), Err(ArchiveError::Locked { .. })),
        "process 1 lives"
    );
}

#[test]
fn without_hard_links_the_dotlock_is_made_exclusively() {
    let mut home = Home::ready();
    home.journal.fail("link Mail", Errno::PERM);
    home.deliver("1", b"a\n");
    write(&home.folder.path().join("Mail/work.lock"), b"0");
    home.add("2", b"a\n");
    assert!(matches!(home.mbox.commit(&mut home.ledger), Err(ArchiveError::Locked { .. })));
}

#[test]
fn two_accounts_append_to_one_mbox_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox");
    std::thread::scope(|scope| {
        for account in ["jane", "joe", "jim"] {
            let path = &path;
            scope.spawn(move || {
                let journal = Journal::default();
                let mut ledger = WatchedLedger::new(account, &journal);
                let mut mbox = mbox(path, &journal);
                mbox.patience = Duration::from_mins(1);
                mbox.open(&mut ledger).unwrap();
                for number in 0..20 {
                    let message = format!("Subject: {account}\n\nFrom {number}\n");
                    add(&mut mbox, &mut ledger, Some(&number.to_string()), message.as_bytes());
                    mbox.commit(&mut ledger).unwrap();
                }
                for row in ledger.rows() {
                    assert!(matches!(mbox.verify(&row).unwrap(), Copy::Intact(_)));
                }
            });
        }
    });
    let file = crate::disk::read_limited(&path, 1 << 20).unwrap();
    let mut all = messages(&file);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 60);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test plays an attacker")]
fn what_is_no_lock_of_a_program_at_work_is_waited_for_and_no_longer_than_that() {
    let mut home = Home::ready();
    home.deliver("1", b"a\n");
    let before = home.text();
    let folder = home.folder.path().join("Mail");
    let dotlock = folder.join("work.lock");
    let dead = i32::MAX;
    let us = lock::Holder::us();
    let stale = folder.join("stale");
    write(&stale, format!("{dead}\n{}\n{}\n", us.host, us.boot).as_bytes());
    home.add("2", b"b\n");
    let make: [(&str, &dyn Fn()); 6] = [
        ("a link to nothing", &|| std::os::unix::fs::symlink("nothing", &dotlock).unwrap()),
        ("a link to a stale lock", &|| std::os::unix::fs::symlink(&stale, &dotlock).unwrap()),
        ("a link to itself", &|| std::os::unix::fs::symlink(&dotlock, &dotlock).unwrap()),
        ("a folder", &|| std::fs::create_dir(&dotlock).unwrap()),
        ("a socket", &|| drop(std::os::unix::net::UnixListener::bind(&dotlock).unwrap())),
        ("a pipe", &|| {
            assert!(std::process::Command::new("mkfifo").arg(&dotlock).status().unwrap().success());
        }),
    ];
    for (what, make) in make {
        make();
        let begun = std::time::Instant::now();
        let outcome = home.mbox.commit(&mut home.ledger);
        assert!(matches!(outcome, Err(ArchiveError::Locked { .. })), "{what}: {outcome:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        assert_eq!(home.text(), before);
        let removed = std::fs::remove_file(&dotlock).or_else(|_| std::fs::remove_dir(&dotlock));
        removed.unwrap_or_else(|error| panic!("{what} is gone: {error}"));
        home.add("2", b"b\n");
    }
    // The names that we would take for a moment are taken.
    let ticket = folder.join(format!("work.lock.popkeep-{}", std::process::id()));
    std::fs::create_dir(&ticket).unwrap();
    home.mbox.commit(&mut home.ledger).unwrap();
    for turn in 1..100 {
        std::fs::create_dir(folder.join(format!("work.lock.popkeep-{}-{turn}", std::process::id()))).unwrap();
    }
    home.add("3", b"c\n");
    assert!(matches!(home.mbox.commit(&mut home.ledger), Err(ArchiveError::Locked { .. })));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test plays the user")]
fn a_file_with_a_second_name_is_no_mbox_of_ours() {
    let mut home = Home::ready();
    home.deliver("1", b"a\n");
    std::fs::hard_link(home.path(), home.folder.path().join("Mail/other")).unwrap();
    home.add("2", b"b\n");
    let error = home.mbox.commit(&mut home.ledger).unwrap_err();
    assert_eq!(error.exit(), Exit::CANT_CREATE, "{error}");
}
