//! The ledger's promises, on real files.

use super::{
    Change, Known, Ledger, LedgerError, LedgerFile, Place, Row, RunRecord, Seq, SqliteLedger, State,
};
use crate::exit::Exit;
use crate::mail::digest::Digest;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const ME: &str = "jane@pop.example.com";

/// A state folder that is gone with the test.
struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Folder { dir: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("state/popkeep")
    }

    fn file(&self) -> PathBuf {
        self.folder().join("ledger.sqlite3")
    }

    fn open(&self) -> LedgerFile {
        LedgerFile::open(&self.folder()).unwrap()
    }

    fn ledger(&self) -> SqliteLedger {
        self.open().maildrop(ME, Path::new("/mail"), &[ME]).unwrap()
    }

    fn read_only(&self) -> LedgerFile {
        LedgerFile::read_only(&self.folder()).unwrap().unwrap()
    }

    /// Every file below, with its content.
    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        std::fs::read_dir(self.folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect()
    }
}

fn digest(number: u64) -> Digest {
    let hash = |part: u8| {
        let mut hash = [part; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    };
    Digest { header: hash(1), core_header: hash(2), rest: hash(3) }
}

fn row(seq: Seq) -> Row {
    Row {
        seq,
        uid: Some(format!("uid-{seq}").into_bytes()),
        list_size: Some(1000 + seq),
        size: 990 + seq,
        digest: digest(seq),
        place: Place::Maildir { key: format!("U{seq}C{seq}") },
        state: State::Intent,
        archived_at: 1_700_000_000,
    }
}

fn store(ledger: &mut SqliteLedger) -> Seq {
    let seq = ledger.next_seq();
    ledger.commit(&[Change::Intent(row(seq)), Change::Stored(seq)]).unwrap();
    seq
}

fn known(ledger: &SqliteLedger) -> Vec<Known> {
    let mut all = Vec::new();
    ledger.known(&mut |known| all.push(known)).unwrap();
    all
}

#[test]
fn a_message_is_on_record_as_it_was_given_after_reopening() {
    let state = Folder::new();
    let mut first = row(1);
    first.uid = Some(b"\x00 odd \xff uid".to_vec());
    first.list_size = Some(u64::MAX);
    let mut second = row(2);
    second.uid = None;
    second.list_size = None;
    second.place = Place::Mbox { offset: 0, length: 12_345_678_901 };
    state
        .ledger()
        .commit(&[Change::Intent(first.clone()), Change::Stored(1), Change::Intent(second.clone())])
        .unwrap();

    let ledger = state.ledger();
    first.state = State::Stored;
    assert_eq!(ledger.row(1).unwrap(), Some(first));
    assert_eq!(ledger.row(2).unwrap().as_ref(), Some(&second));
    assert_eq!(ledger.row(3).unwrap(), None);
    assert_eq!(ledger.intents().unwrap(), [second]);
    assert_eq!(
        known(&ledger),
        [Known {
            seq: 1,
            uid: Some(Box::from(&b"\x00 odd \xff uid"[..])),
            list_size: Some(u64::MAX),
            archived_at: 1_700_000_000,
            deleted: false,
        }]
    );
}

#[test]
fn a_row_number_is_never_used_twice() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    let (first, second) = (ledger.next_seq(), ledger.next_seq());
    assert!(second > first);
    ledger.commit(&[Change::Intent(row(second))]).unwrap();
    ledger.commit(&[Change::Withdrawn(second)]).unwrap();
    drop(ledger);
    assert!(state.ledger().next_seq() > second);
}

#[test]
fn a_commit_is_all_or_nothing() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    let held = store(&mut ledger);
    let next = ledger.next_seq();
    for impossible in [
        Change::Stored(99),
        Change::Withdrawn(held),
        Change::Deleted { seq: 99, at: 0 },
        Change::Recognised { seq: next, uid: None, list_size: None },
        Change::Intent(row(held)),
    ] {
        let error = ledger
            .commit(&[
                Change::Deleted { seq: held, at: 5 },
                Change::EqualUids,
                Change::RunStarted { at: 5 },
                Change::Intent(row(next)),
                impossible,
            ])
            .unwrap_err();
        assert_eq!(error.exit(), Exit::IO, "{error}");
        assert!(!known(&ledger)[0].deleted);
        assert_eq!(ledger.intents().unwrap(), []);
        let overview = ledger.overview().unwrap();
        assert!(!overview.equal_uids);
        assert_eq!(overview.last_started, None);
    }
}

#[test]
fn a_deleted_message_stays_known_and_is_stored_again_when_recognised() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    let seq = store(&mut ledger);
    ledger.commit(&[Change::Deleted { seq, at: 1_700_000_100 }]).unwrap();
    assert!(known(&ledger)[0].deleted);
    assert_eq!(ledger.overview().unwrap().held, 1);
    let uid = Some(b"new".to_vec());
    ledger.commit(&[Change::Recognised { seq, uid: uid.clone(), list_size: Some(7) }]).unwrap();
    let row = ledger.row(seq).unwrap().unwrap();
    assert_eq!((row.state, row.uid, row.list_size), (State::Stored, uid, Some(7)));
}

#[test]
fn content_is_found_exactly_or_without_the_headers_that_servers_write() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    let mut same_core = row(2);
    same_core.digest = Digest { header: [9; 32], ..digest(1) };
    ledger
        .commit(&[
            Change::Adopted(row(1)),
            Change::Adopted(same_core),
            Change::Intent(Row { digest: digest(1), ..row(3) }),
        ])
        .unwrap();
    assert_eq!(ledger.by_content(&digest(1)).unwrap(), [1], "an intent is no match");
    assert_eq!(ledger.by_core(&digest(1)).unwrap(), [1, 2]);
    assert!(ledger.by_content(&digest(4)).unwrap().is_empty());
    assert!(ledger.by_core(&digest(4)).unwrap().is_empty());
}

#[test]
fn runs_are_remembered_within_bounds_and_the_last_success_for_ever() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    let success =
        RunRecord { at: 20, listed: 3, held: 3, delete_policy: "30d".to_owned(), ..RunRecord::default() };
    ledger.commit(&[Change::RunStarted { at: 10 }]).unwrap();
    assert_eq!(ledger.overview().unwrap().last_run, None);
    ledger.commit(&[Change::RunEnded(success.clone())]).unwrap();
    let overview = ledger.overview().unwrap();
    assert_eq!((overview.last_started, overview.last_run), (Some(10), Some(success)));

    let failure = RunRecord { at: 40, exit: 77, error: Some("refused".to_owned()), ..RunRecord::default() };
    let one = [Change::RunStarted { at: 30 }, Change::RunEnded(failure.clone())];
    ledger.commit(&one.iter().cycle().take(2 * 1_500).cloned().collect::<Vec<_>>()).unwrap();
    let overview = ledger.overview().unwrap();
    assert_eq!(overview.last_run, Some(failure));
    assert_eq!(overview.last_success, Some(20));
    drop(ledger);
    let runs: i64 = rusqlite::Connection::open(state.file())
        .unwrap()
        .query_row("SELECT count(*) FROM run", [], |row| row.get(0))
        .unwrap();
    assert_eq!(runs, super::runs::REMEMBERED + 1);
}

#[test]
fn maildrops_do_not_see_each_other_even_when_written_at_once() {
    let state = Folder::new();
    let file = state.open();
    std::thread::scope(|scope| {
        for identity in ["a@x", "b@x"] {
            let file = &file;
            scope.spawn(move || {
                let mut ledger = file.maildrop(identity, Path::new("/shared"), &["a@x", "b@x"]).unwrap();
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
fn a_renamed_identity_and_a_moved_archive_are_told_with_the_line_that_mends_them() {
    let state = Folder::new();
    let file = state.open();
    let mail = Path::new("/mail");
    // Nothing is held yet, so nothing is cut off.
    file.maildrop("old@x", mail, &["old@x"]).unwrap();
    store(&mut file.maildrop(ME, mail, &[ME]).unwrap());

    let renamed = file.maildrop("new@x", mail, &["new@x"]).unwrap_err();
    assert_eq!(renamed.exit(), Exit::CONFIG);
    assert!(renamed.to_string().contains(&format!("identity = \"{ME}\"")), "{renamed}");
    let moved = file.maildrop(ME, Path::new("/elsewhere"), &[ME]).unwrap_err();
    assert_eq!(moved.exit(), Exit::CONFIG);
    assert!(moved.to_string().contains("archive = \"/mail\""), "{moved}");
    assert!(file.check(ME, Path::new("/elsewhere"), &[ME]).is_err());
    assert!(file.existing(ME, Path::new("/elsewhere")).unwrap().is_none(), "an error makes no maildrop");

    // The same path written otherwise is no move; two accounts may share an archive.
    assert_eq!(known(&file.maildrop(ME, Path::new("/mail/."), &[ME]).unwrap()).len(), 1);
    file.maildrop("new@x", mail, &[ME, "new@x"]).unwrap();
}

#[test]
fn an_identity_has_one_lock() {
    let state = Folder::new();
    let file = state.open();
    let held = file.lock(ME).unwrap();
    assert!(held.is_some());
    assert!(state.open().lock(ME).unwrap().is_none());
    assert!(file.lock("other@x").unwrap().is_some());
    drop(held);
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
    assert_eq!(ledger.overview().unwrap().held, 1);
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
fn a_reader_cannot_write() {
    let state = Folder::new();
    store(&mut state.ledger());
    let mut ledger = state.read_only().existing(ME, Path::new("/mail")).unwrap().unwrap();
    assert!(ledger.commit(&[Change::EqualUids]).is_err());
    assert!(state.read_only().maildrop("new@x", Path::new("/new"), &[]).is_err());
}

#[test]
fn a_newer_ledger_is_left_alone() {
    let state = Folder::new();
    store(&mut state.ledger());
    let connection = rusqlite::Connection::open(state.file()).unwrap();
    connection.pragma_update(None, "user_version", super::schema::VERSION + 1).unwrap();
    drop(connection);
    for error in
        [LedgerFile::open(&state.folder()).unwrap_err(), LedgerFile::read_only(&state.folder()).unwrap_err()]
    {
        assert!(matches!(error, LedgerError::Newer { found: 2, known: 1, .. }), "{error}");
        assert_eq!(error.exit(), Exit::DATA);
    }
}

#[test]
fn a_file_that_is_no_ledger_is_damaged() {
    let state = Folder::new();
    drop(state.ledger());
    std::fs::write(state.file(), vec![b'x'; 20_000]).unwrap();
    let error = LedgerFile::open(&state.folder()).unwrap_err();
    assert_eq!(error.exit(), Exit::DATA, "{error}");
    assert_eq!(LedgerFile::read_only(&state.folder()).unwrap_err().exit(), Exit::DATA);

    let other = Folder::new();
    std::fs::create_dir_all(other.folder()).unwrap();
    rusqlite::Connection::open(other.file()).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let error = LedgerFile::open(&other.folder()).unwrap_err();
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
        let ledger = file.maildrop(ME, Path::new("/mail"), &[ME])?;
        ledger.overview()?;
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
    let error = LedgerFile::open(&state.folder()).unwrap_err();
    assert_eq!(error.exit(), Exit::CANT_CREATE, "{error}");
    let error = LedgerFile::open(&state.folder().join("below")).unwrap_err();
    assert_eq!(error.exit(), Exit::CANT_CREATE, "{error}");
}

#[test]
fn a_hundred_thousand_rows_are_committed_and_streamed() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    let mut waiting = Vec::new();
    for batch in 0..100_u64 {
        let seqs: Vec<Seq> = (0..1_000).map(|_| ledger.next_seq()).collect();
        let intents = seqs.iter().map(|&seq| Change::Intent(row(seq)));
        let changes: Vec<Change> = waiting.drain(..).map(Change::Stored).chain(intents).collect();
        ledger.commit(&changes).unwrap();
        waiting = seqs;
        assert_eq!(waiting[0], batch * 1_000 + 1);
    }
    ledger.commit(&waiting.drain(..).map(Change::Stored).collect::<Vec<_>>()).unwrap();
    drop(ledger);
    let ledger = state.ledger();
    let mut expected = 0;
    ledger
        .known(&mut |known| {
            expected += 1;
            assert_eq!(known.seq, expected);
        })
        .unwrap();
    assert_eq!(expected, 100_000);
    assert_eq!(ledger.overview().unwrap().held, 100_000);
    assert_eq!(ledger.by_content(&digest(77_777)).unwrap(), [77_777]);
}

#[test]
fn a_ledger_in_memory_behaves_like_one_on_disk() {
    let mut ledger = SqliteLedger::in_memory(ME).unwrap();
    let seq = store(&mut ledger);
    assert_eq!(known(&ledger)[0].seq, seq);
    assert_eq!(ledger.next_seq(), seq + 1);
}
