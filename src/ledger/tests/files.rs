//! The ledger as a file: shared, moved, locked, read beside a writer, damaged.

use super::super::{Change, Ledger, LedgerError, LedgerFile, Quirks, schema};
use super::{Folder, ME, known, poison, store};
use crate::exit::Exit;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

#[test]
fn maildrops_do_not_see_each_other_even_when_written_at_once() {
    let state = Folder::new();
    let file = state.open();
    let shared = Path::new("/shared");
    let both = [("a@x", shared), ("b@x", shared)];
    std::thread::scope(|scope| {
        for identity in ["a@x", "b@x"] {
            let file = &file;
            scope.spawn(move || {
                let mut ledger = file.maildrop(identity, shared, &both).unwrap();
                for _ in 0..50 {
                    store(&mut ledger);
                }
            });
        }
    });
    for identity in ["a@x", "b@x"] {
        let ledger = file.existing(identity, Path::new("/shared")).unwrap().unwrap();
        assert_eq!(
            known(&ledger).iter().map(|known| known.seq).collect::<Vec<_>>(),
            (1..=50).collect::<Vec<_>>()
        );
    }
}

#[test]
fn first_runs_at_once_make_one_ledger() {
    let state = Folder::new();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let state = &state;
            scope.spawn(move || {
                let archive = format!("/mail/{number}");
                state.open().maildrop(&format!("{number}@x"), Path::new(&archive), &[]).unwrap()
            });
        }
    });
    for number in 0..4 {
        let archive = format!("/mail/{number}");
        assert!(state.open().existing(&format!("{number}@x"), Path::new(&archive)).unwrap().is_some());
    }
}

#[test]
fn a_connection_that_nobody_uses_serves_the_next_maildrop() {
    let state = Folder::new();
    let archive = |number: u32| PathBuf::from(format!("/mail/{number}"));
    for number in 0..3 {
        let mut ledger = state.open().maildrop(&format!("{number}@x"), &archive(number), &[]).unwrap();
        for _ in 0..number {
            store(&mut ledger);
        }
    }
    let file = state.open();
    for (number, messages) in [(2, Some(2)), (7, None), (0, Some(0)), (1, Some(1)), (2, Some(2))] {
        let part = file.existing(&format!("{number}@x"), &archive(number)).unwrap();
        assert_eq!(part.as_ref().map(|ledger| known(ledger).len()), messages, "{number}");
    }
}

#[test]
fn what_the_last_of_several_writers_leaves_is_whole_without_its_log() {
    let state = Folder::new();
    let file = state.open();
    let log = || std::fs::metadata(state.folder().join("ledger.sqlite3-wal")).unwrap().len();
    let mut writers: Vec<_> = (0..3)
        .map(|number| file.maildrop(&format!("{number}@x"), Path::new("/mail"), &[]).unwrap())
        .collect();
    for writer in &mut writers {
        store(writer);
    }
    writers.truncate(1);
    assert!(log() > 0, "another one still writes");
    writers.clear();
    assert!(log() > 0, "whoever has the file may go on");
    drop(file);
    assert_eq!(log(), 0);
}

#[test]
fn a_renamed_identity_and_a_moved_archive_are_told_with_the_line_that_mends_them() {
    let state = Folder::new();
    let file = state.open();
    let mail = Path::new("/mail");
    // Nothing is archived yet, so nothing is cut off.
    file.maildrop("old@x", mail, &[("old@x", mail)]).unwrap();
    store(&mut file.maildrop(ME, mail, &[]).unwrap());

    let renamed = file.maildrop("new@x", mail, &[("new@x", mail)]).unwrap_err();
    assert_eq!(renamed.exit(), Exit::CONFIG);
    assert!(renamed.to_string().contains(&format!("identity = \"{ME}\"")), "{renamed}");
    let moved = file.maildrop(ME, Path::new("/elsewhere"), &[]).unwrap_err();
    assert_eq!(moved.exit(), Exit::CONFIG);
    assert!(moved.to_string().contains("archive = \"/mail\""), "{moved}");
    assert!(file.check(ME, Path::new("/elsewhere"), &[]).is_err());
    assert!(file.existing(ME, Path::new("/elsewhere")).unwrap().is_none(), "an error makes no maildrop");

    // The same path written otherwise is no move; two accounts may share an archive.
    assert_eq!(known(&file.maildrop(ME, Path::new("/mail/."), &[]).unwrap()).len(), 1);
    file.maildrop("new@x", mail, &[(ME, mail), ("new@x", mail)]).unwrap();
    // So may one maildrop be kept in two.
    let second = Path::new("/second");
    file.maildrop(ME, second, &[(ME, Path::new("/mail/")), (ME, second)]).unwrap();
}

#[test]
fn an_identity_has_one_lock() {
    let state = Folder::new();
    let file = state.open();
    let archived = file.lock(ME).unwrap();
    assert!(archived.is_some());
    assert!(state.open().lock(ME).unwrap().is_none());
    assert!(file.lock("other@x").unwrap().is_some());
    drop(archived);
    assert!(file.lock(ME).unwrap().is_some());
}

#[test]
fn the_ledger_is_for_its_owner_alone() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    store(&mut ledger);
    let _lock = state.open().lock(ME).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state.folder()), 0o700);
    for path in state.contents().keys() {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_ledger_that_is_upgraded_while_it_is_open_is_not_written_by_the_older_popkeep() {
    let state = Folder::new();
    drop(state.ledger());
    let newer = rusqlite::Connection::open(state.file()).unwrap();
    for open in [Folder::open, Folder::read_only] {
        let file = open(&state);
        assert!(file.existing("0@x", Path::new("/mail")).unwrap().is_none());
        newer.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
        let error = file.existing("0@x", Path::new("/mail")).unwrap_err();
        assert!(matches!(error, LedgerError::Newer { .. }), "{error}");
        newer.pragma_update(None, "user_version", schema::VERSION).unwrap();
        assert!(file.existing("0@x", Path::new("/mail")).unwrap().is_none());
    }
}

#[test]
fn reading_makes_nothing_where_there_is_nothing() {
    let state = Folder::new();
    assert!(LedgerFile::read_only(&state.folder()).unwrap().is_none());
    assert!(!state.folder().exists());
}

#[test]
fn reading_leaves_no_trace() {
    let state = Folder::new();
    store(&mut state.ledger());
    let before = state.contents();
    let file = state.read_only();
    let ledger = file.existing(ME, Path::new("/mail")).unwrap().unwrap();
    assert_eq!(ledger.totals().unwrap().messages, 1);
    assert_eq!(known(&ledger).len(), 1);
    drop((file, ledger));
    assert_eq!(state.contents(), before);

    // A copy of the main file alone is complete and can be read.
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(format!("{}{suffix}", state.file().display())).unwrap();
    }
    let before = state.contents();
    assert_eq!(known(&state.read_only().existing(ME, Path::new("/mail")).unwrap().unwrap()).len(), 1);
    assert_eq!(state.contents(), before);
}

#[test]
fn a_reader_sees_what_a_running_writer_has_committed() {
    let state = Folder::new();
    let mut writer = state.ledger();
    store(&mut writer);
    let reader = state.read_only().existing(ME, Path::new("/mail")).unwrap().unwrap();
    assert_eq!(known(&reader).len(), 1);
    store(&mut writer);
    assert_eq!(known(&reader).len(), 2);
    assert_eq!(reader.totals().unwrap().messages, 2);
}

#[test]
fn a_reader_cannot_write() {
    let state = Folder::new();
    store(&mut state.ledger());
    let mut ledger = state.read_only().existing(ME, Path::new("/mail")).unwrap().unwrap();
    assert!(ledger.commit(&[Change::EqualUids]).is_err());
    assert!(state.read_only().maildrop("new@x", Path::new("/new"), &[]).is_err());
}

/// Why nothing can be recorded there.
fn refused(state: &Folder) -> LedgerError {
    let file = LedgerFile::open(&state.folder());
    file.and_then(|file| file.maildrop(ME, Path::new("/mail"), &[])).unwrap_err()
}

#[test]
fn a_newer_ledger_is_left_alone() {
    let state = Folder::new();
    store(&mut state.ledger());
    let connection = rusqlite::Connection::open(state.file()).unwrap();
    connection.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    drop(connection);
    for error in [refused(&state), LedgerFile::read_only(&state.folder()).unwrap_err()] {
        assert!(
            matches!(error, LedgerError::Newer { found, known: schema::VERSION, .. } if found > schema::VERSION),
            "{error}"
        );
        assert_eq!(error.exit(), Exit::DATA);
    }
}

/// A file as the first format had it, with a message in it.
fn first_format() -> Folder {
    let state = Folder::new();
    store(&mut state.ledger());
    let connection = rusqlite::Connection::open(state.file()).unwrap();
    let added: Vec<String> = connection
        .prepare(
            "SELECT type || ' IF EXISTS ' || name FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT IN \
             ('maildrop', 'message', 'message_by_core', 'message_intent', 'quirk', 'run')",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for entry in added {
        connection.execute_batch(&format!("DROP {entry}")).unwrap();
    }
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    state
}

#[test]
fn a_ledger_of_the_first_format_is_brought_up_to_date_in_its_place() {
    let state = first_format();
    let mut ledger = state.ledger();
    assert_eq!(known(&ledger).len(), 1, "what was on record still is");
    ledger.commit(&[Change::Quarantined(poison(7))]).unwrap();
    drop(ledger);
    let ledger = state.ledger();
    assert_eq!(ledger.quarantined().unwrap(), [poison(7)]);
    let connection = rusqlite::Connection::open(state.file()).unwrap();
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, schema::VERSION);
}

#[test]
fn a_ledger_of_the_first_format_can_be_read_without_changing_it() {
    let state = first_format();
    drop(rusqlite::Connection::open(state.file()));
    let before = state.contents();
    let ledger = state.read_only().existing(ME, Path::new("/mail")).unwrap().unwrap();
    assert_eq!(known(&ledger).len(), 1);
    assert_eq!(ledger.quarantined().unwrap(), []);
    assert_eq!(ledger.quirks().unwrap(), Quirks { tallied_from: 2, ..Quirks::default() });
    assert_eq!(ledger.totals().unwrap().messages, 1);
    drop(ledger);
    assert_eq!(state.contents(), before);
}

#[test]
fn a_file_that_is_no_ledger_is_damaged() {
    let state = Folder::new();
    drop(state.ledger());
    std::fs::write(state.file(), vec![b'x'; 20_000]).unwrap();
    let error = refused(&state);
    assert_eq!(error.exit(), Exit::DATA, "{error}");
    assert_eq!(LedgerFile::read_only(&state.folder()).unwrap_err().exit(), Exit::DATA);

    let other = Folder::new();
    std::fs::create_dir_all(other.folder()).unwrap();
    rusqlite::Connection::open(other.file()).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let error = refused(&other);
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
}

#[test]
fn damage_anywhere_is_an_error_and_never_a_panic() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    for _ in 0..200 {
        store(&mut ledger);
    }
    drop(ledger);
    let whole = std::fs::read(state.file()).unwrap();
    let read_all = || -> Result<usize, LedgerError> {
        let file = LedgerFile::open(&state.folder())?;
        let ledger = file.maildrop(ME, Path::new("/mail"), &[])?;
        ledger.totals()?;
        let mut count = 0;
        ledger.known(&mut |_| count += 1)?;
        for seq in 1..=200 {
            ledger.row(seq)?;
        }
        Ok(count)
    };
    assert_eq!(read_all().unwrap(), 200);
    let mut refused = 0;
    for page in 0..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0xa5);
        std::fs::write(state.file(), &damaged).unwrap();
        match read_all() {
            Err(error) => {
                assert_eq!(error.exit(), Exit::DATA, "page {page}: {error}");
                refused += 1;
            }
            Ok(count) => assert_eq!(count, 200, "page {page}"),
        }
        std::fs::write(state.file(), &whole[..page * 4096 + 100]).unwrap();
        if let Err(error) = read_all() {
            assert_eq!(error.exit(), Exit::DATA, "cut in page {page}: {error}");
        }
    }
    assert!(refused > 10);
}

#[test]
fn permission_denied_and_a_file_in_the_way_cannot_be_created() {
    let state = Folder::new();
    std::fs::create_dir_all(state.folder().parent().unwrap()).unwrap();
    std::fs::write(state.folder(), b"a file").unwrap();
    let error = refused(&state);
    assert_eq!(error.exit(), Exit::CANT_CREATE, "{error}");
    let error = LedgerFile::open(&state.folder().join("below")).unwrap_err();
    assert_eq!(error.exit(), Exit::CANT_CREATE, "{error}");
}

#[test]
fn a_ledger_that_refusals_have_made_large_shrinks_again() {
    let state = Folder::new();
    let mail = Path::new("/mail");
    let mut ledger = state.open().maildrop(ME, mail, &[]).unwrap();
    store(&mut ledger);
    let uid = |number: usize| format!("{number}{}", "x".repeat(900)).into_bytes();
    let put: Vec<Change> = (0..16_000)
        .map(|n| Change::Quarantined(crate::ledger::Quarantined { uid: Some(uid(n)), ..poison(1) }))
        .collect();
    ledger.commit(&put).unwrap();
    drop(ledger);
    let size = || crate::disk::Disk::metadata(&crate::disk::OsDisk, state.open().path()).unwrap().len;
    let large = size();
    assert!(large > 12 << 20, "{large}");
    let mut ledger = state.open().maildrop(ME, mail, &[]).unwrap();
    let released: Vec<Change> =
        (0..16_000).map(|n| Change::Released { uid: Some(uid(n)), number: poison(1).number }).collect();
    ledger.commit(&released).unwrap();
    drop(ledger);
    assert!(size() < large / 10, "{}", size());
    let ledger = state.open().maildrop(ME, mail, &[]).unwrap();
    assert_eq!((known(&ledger).len(), ledger.quarantined().unwrap().len()), (1, 0));
}
