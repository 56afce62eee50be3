//! The ledger's promises, on real files.

mod activity;
mod batch;
mod files;

use super::{
    Change, Known, KnownRows, Ledger, LedgerFile, PipeliningFailed, Place, Quarantined, Row, RowState,
    RunRecord, Seq, SqliteLedger,
};
use crate::exit::Exit;
use crate::mail::digest::Digest;
use std::collections::BTreeMap;
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
        self.open().maildrop(ME, Path::new("/mail"), &[]).unwrap()
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
        state: RowState::Intent,
        utf8: seq.is_multiple_of(2),
        archived_at: 1_700_000_000,
    }
}

/// A message in quarantine.
fn poison(failures: u32) -> Quarantined {
    Quarantined {
        uid: Some(b"\xff poison".to_vec()),
        number: None,
        list_size: Some(u64::MAX),
        reason: "the server refused it".into(),
        failures,
        first_at: 1_700_000_000,
        last_at: 1_700_000_100,
        next_at: 1_700_003_700,
        larger_than: Some(77),
    }
}

fn store(ledger: &mut SqliteLedger) -> Seq {
    let seq = ledger.next_seq();
    ledger.commit(&[Change::Intent(row(seq)), Change::Stored(seq)]).unwrap();
    seq
}

fn known(ledger: &SqliteLedger) -> Vec<Known<'static>> {
    let known_rows: &'static KnownRows = Box::leak(Box::new(KnownRows::call(ledger).unwrap()));
    known_rows.iter().collect()
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
    first.state = RowState::Stored;
    assert_eq!(ledger.row(1).unwrap(), Some(first));
    assert_eq!(ledger.row(2).unwrap().as_ref(), Some(&second));
    assert_eq!(ledger.row(3).unwrap(), None);
    assert_eq!(ledger.intents().unwrap(), [second]);
    assert_eq!(
        known(&ledger),
        [Known {
            seq: 1,
            uid: Some(b"\x00 odd \xff uid"),
            list_size: Some(u64::MAX),
            archived_at: 1_700_000_000,
            deleted: false,
            leaving: false,
            by_header: false,
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
    let archived = store(&mut ledger);
    let next = ledger.next_seq();
    for impossible in [
        Change::Stored(99),
        Change::Withdrawn(archived),
        Change::Deleted { seq: 99, at: 0 },
        Change::Leaving(next),
        Change::Recognised { seq: next, uid: None, list_size: None },
        Change::Intent(row(archived)),
    ] {
        let error = ledger
            .commit(&[
                Change::Deleted { seq: archived, at: 5 },
                Change::EqualUids,
                Change::RunStarted { at: 5 },
                Change::Intent(row(next)),
                impossible,
            ])
            .unwrap_err();
        assert_eq!(error.exit(), Exit::IO, "{error}");
        assert!(!known(&ledger)[0].deleted);
        assert_eq!(ledger.intents().unwrap(), []);
        assert!(!ledger.quirks().unwrap().equal_uids);
        assert_eq!(ledger.history(5, 0).unwrap().last_started, None);
    }
}

#[test]
fn a_deleted_message_stays_known_and_is_stored_again_when_recognised() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    let seq = store(&mut ledger);
    ledger.commit(&[Change::Leaving(seq)]).unwrap();
    assert!(known(&ledger)[0].leaving);
    assert_eq!(ledger.row(seq).unwrap().unwrap().state, RowState::Stored);
    ledger.commit(&[Change::Deleted { seq, at: 1_700_000_100 }]).unwrap();
    assert!(known(&ledger)[0].deleted && !known(&ledger)[0].leaving);
    assert_eq!(ledger.totals().unwrap().messages, 1);
    let uid = Some(b"new".to_vec());
    ledger.commit(&[Change::Recognised { seq, uid: uid.clone(), list_size: Some(7) }]).unwrap();
    let row = ledger.row(seq).unwrap().unwrap();
    assert_eq!((row.state, row.uid, row.list_size), (RowState::Stored, uid, Some(7)));
}

#[test]
fn a_message_stays_in_quarantine_as_it_last_failed_until_it_is_released() {
    let state = Folder::new();
    let nameless = |number| Quarantined { uid: None, number: Some(number), list_size: None, ..poison(1) };
    let one_of_several = Quarantined { number: Some(3), ..poison(2) };
    let all = [poison(1), nameless(9), nameless(4), one_of_several.clone(), poison(5)];
    state.ledger().commit(&all.map(Change::Quarantined)).unwrap();

    let mut ledger = state.ledger();
    let expected = [nameless(4), nameless(9), poison(5), one_of_several.clone()];
    assert_eq!(ledger.quarantined().unwrap(), expected);
    let released =
        |message: &Quarantined| Change::Released { uid: message.uid.clone(), number: message.number };
    ledger.commit(&[released(&poison(5)), released(&nameless(4)), released(&nameless(4))]).unwrap();
    assert_eq!(ledger.quarantined().unwrap(), [nameless(9), one_of_several]);
}

#[test]
fn a_row_bound_by_its_header_is_marked_until_its_content_was_seen() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    let seq = store(&mut ledger);
    ledger.commit(&[Change::Rebound { seq, uid: b"moved".to_vec(), list_size: Some(5) }]).unwrap();
    let ledger = &mut state.ledger();
    let now = known(ledger).remove(0);
    assert!(now.by_header);
    assert_eq!((now.uid, now.list_size), (Some(&b"moved"[..]), Some(5)));
    let mut headers = Vec::new();
    ledger.core_headers(&mut |seq, hash| headers.push((seq, hash))).unwrap();
    assert_eq!(headers, [(seq, digest(seq).core_header)]);
    ledger.commit(&[Change::Recognised { seq, uid: now.uid.map(Vec::from), list_size: Some(5) }]).unwrap();
    assert!(!known(ledger)[0].by_header);
    ledger.commit(&[Change::Deleted { seq, at: 5 }]).unwrap();
    assert!(ledger.commit(&[Change::Rebound { seq, uid: b"again".to_vec(), list_size: None }]).is_err());
}

#[test]
fn what_a_server_was_seen_doing_is_remembered() {
    let state = Folder::new();
    let failed = |until| PipeliningFailed { server: "pop.example.com:995".to_owned(), until };
    let changes = [5, 6].map(|until| Change::PipeliningFailed(failed(until)));
    state.ledger().commit(&changes).unwrap();
    state.ledger().commit(&[Change::ShowsParts, Change::ShowsParts]).unwrap();
    state.ledger().commit(&[Change::Unsteady(7), Change::Unsteady(7)]).unwrap();
    let quirks = state.ledger().quirks().unwrap();
    assert_eq!(quirks.pipelining_failed, Some(failed(6)));
    assert!(quirks.shows_parts && !quirks.equal_uids);
    assert_eq!(quirks.unsteady, [7].into());
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
        RunRecord { at: 20, listed: 3, archived: 3, delete_policy: "30d".to_owned(), ..RunRecord::default() };
    ledger.commit(&[Change::RunStarted { at: 10 }]).unwrap();
    assert_eq!(ledger.last_run().unwrap(), None);
    ledger.commit(&[Change::RunEnded(success.clone())]).unwrap();
    let history = ledger.history(20, 0).unwrap();
    assert_eq!((history.last_started, history.last_run), (Some(10), Some(success)));

    let failure = RunRecord { at: 40, exit: 77, error: Some("refused".to_owned()), ..RunRecord::default() };
    let one = [Change::RunStarted { at: 30 }, Change::RunEnded(failure.clone())];
    ledger.commit(&one.iter().cycle().take(2 * 1_500).cloned().collect::<Vec<_>>()).unwrap();
    let history = ledger.history(50, 0).unwrap();
    assert_eq!((history.last_run, history.last_success), (Some(failure), Some(20)));
    drop(ledger);
    let runs: i64 = rusqlite::Connection::open(state.file())
        .unwrap()
        .query_row("SELECT count(*) FROM run", [], |row| row.get(0))
        .unwrap();
    assert_eq!(runs, super::runs::REMEMBERED + 1);
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
    assert_eq!(ledger.totals().unwrap().messages, 100_000);
    assert_eq!(ledger.by_content(&digest(77_777)).unwrap(), [77_777]);
}

#[test]
fn a_ledger_in_memory_behaves_like_one_on_disk() {
    let mut ledger = SqliteLedger::in_memory(ME).unwrap();
    let seq = store(&mut ledger);
    assert_eq!(known(&ledger)[0].seq, seq);
    assert_eq!(ledger.next_seq(), seq + 1);
}
