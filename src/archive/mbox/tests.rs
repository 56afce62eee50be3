mod locking;
mod presence;
mod recovery;

use super::Mbox;
use crate::archive::testing::{Journal, NOON, WatchedDisk, WatchedLedger, add};
use crate::archive::{Archive as _, ArchiveError, Arrived, Copy, Pending, Recovery};
use crate::disk::{Access, Disk as _, DiskFile as _, OsDisk};
use crate::exit::Exit;
use crate::ledger::{Change, Ledger as _, Place, Row, RowState, Seq};
use rustix::io::Errno;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const IDENTITY: &str = "jane@pop.example.com";
const FROM: &str = "From MAILER-DAEMON Wed Nov 18 11:06:40 2026\n";

/// An mbox in a folder of its own, with its ledger.
struct Home {
    folder: tempfile::TempDir,
    journal: Journal,
    ledger: WatchedLedger,
    mbox: Mbox<WatchedDisk>,
}

impl Home {
    /// Nothing made yet.
    fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::default();
        let ledger = WatchedLedger::new(IDENTITY, &journal);
        let mbox = mbox(&folder.path().join("Mail/work"), &journal);
        Home { folder, journal, ledger, mbox }
    }

    /// Open and ready.
    fn ready() -> Home {
        let mut home = Home::new();
        home.mbox.open(&mut home.ledger).unwrap();
        home.mbox.recover(&mut home.ledger).unwrap();
        home.journal.steps();
        home
    }

    /// What a new run sees.
    fn restart(&mut self) {
        self.mbox = mbox(&self.path(), &self.journal);
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("Mail/work")
    }

    fn read(&self) -> Vec<u8> {
        crate::disk::read_limited(&self.path(), 1 << 30).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.read()).unwrap()
    }

    fn add(&mut self, uid: &str, message: &[u8]) -> Seq {
        add(&mut self.mbox, &mut self.ledger, Some(uid), message)
    }

    fn deliver(&mut self, uid: &str, message: &[u8]) -> Row {
        let seq = self.add(uid, message);
        assert_eq!(self.mbox.commit(&mut self.ledger).unwrap(), [seq]);
        self.ledger.row(seq).unwrap().unwrap()
    }

    /// The state a crash leaves: these rows are intents, and the file is as given.
    fn crash(&mut self, rows: &[Row], file: &[u8]) {
        write(&self.path(), file);
        self.ledger = WatchedLedger::new(IDENTITY, &self.journal);
        let intents: Vec<Change> =
            rows.iter().map(|row| Change::Intent(Row { state: RowState::Intent, ..row.clone() })).collect();
        self.ledger.commit(&intents).unwrap();
        self.restart();
        self.mbox.open(&mut self.ledger).unwrap();
        self.journal.steps();
    }

    /// Names beside the mbox.
    fn beside(&self) -> Vec<String> {
        let names = crate::disk::names_in(&self.folder.path().join("Mail")).unwrap();
        names.into_iter().map(|name| name.into_string().unwrap()).filter(|name| name != "work").collect()
    }
}

fn mbox(path: &Path, journal: &Journal) -> Mbox<WatchedDisk> {
    let mut mbox = Mbox::new(Arc::new(WatchedDisk(journal.clone())), path.to_owned(), IDENTITY);
    mbox.patience = Duration::from_millis(300);
    mbox
}

#[expect(clippy::disallowed_methods, reason = "the test plays the user, or a crash")]
fn write(path: &Path, octets: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, octets).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test plays the user")]
fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

/// Three messages, the last two of one batch.
fn three() -> (Home, Vec<Row>, Vec<u8>) {
    let mut home = Home::ready();
    let first = home.deliver("1", b"Subject: one\n\n1\n");
    home.add("2", b"Subject: two\n\n2\n");
    home.add("3", b"Subject: three\n\nFrom 3\n");
    home.mbox.commit(&mut home.ledger).unwrap();
    let file = home.read();
    let rows = home.ledger.rows();
    assert_eq!(rows[0], first);
    (home, rows, file)
}

fn start(row: &Row) -> usize {
    match row.place {
        Place::Mbox { offset, .. } => usize::try_from(offset).unwrap(),
        Place::Maildir { .. } => panic!("{row:?}"),
    }
}

/// What any reader of mboxrd makes of a file: written down plainly, without our own code.
fn messages(file: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut blank = true;
    for line in file.split_inclusive(|octet| *octet == b'\n') {
        let quotes = line.iter().take_while(|octet| **octet == b'>').count();
        if blank && line.starts_with(b"From ") {
            messages.push(Vec::new());
        } else if let Some(message) = messages.last_mut() {
            message
                .extend_from_slice(&line[usize::from(quotes > 0 && line[quotes..].starts_with(b"From "))..]);
        }
        blank = line == b"\n";
    }
    for message in &mut messages {
        assert_eq!(message.pop(), Some(b'\n'), "an empty line ends each message");
    }
    messages
}

#[test]
fn messages_are_stored_so_that_any_reader_gets_them_back() {
    let mut home = Home::ready();
    let sent: [&[u8]; 5] = [
        b"Return-Path: <a@b.example>\n\nFrom me\n>From you\n>>From us\n From\nFrom\n",
        b"no header, NUL \0, \xff, bare \r, no end",
        b"\n",
        b"Subject: ends in an empty line\n\n\n\n",
        b"",
    ];
    for (number, message) in sent.iter().enumerate() {
        home.add(&number.to_string(), message);
    }
    assert_eq!(home.mbox.pending().messages, 5);
    home.mbox.commit(&mut home.ledger).unwrap();
    assert_eq!(home.mbox.pending(), Pending::default());
    let file = home.read();
    assert!(
        file.starts_with(
            b"From a@b.example Wed Nov 18 11:06:40 2026\nReturn-Path: <a@b.example>\n\n>From me\n"
        )
    );
    let mut stored = messages(&file);
    assert_eq!(stored[1].pop(), Some(b'\n'), "the newline that an mbox needs");
    assert_eq!(stored, sent);
    assert_eq!(home.path().metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(home.path().parent().unwrap().metadata().unwrap().permissions().mode() & 0o7777, 0o700);
    assert!(home.beside().is_empty(), "no lock is left");
    for row in home.ledger.rows() {
        assert!(matches!(home.mbox.verify(&row).unwrap(), Copy::Intact(_)), "{row:?}");
    }
}

#[test]
fn the_order_of_the_steps_is_the_promised_one() {
    let mut home = Home::ready();
    home.deliver("1", b"a\n");
    let steps = home.journal.steps();
    // The lock is tried once more when the file turns out to be missing.
    let made = [
        "create Mail",
        "ledger intent",
        "write Mail",
        "sync Mail",
        "sync folder Mail",
        "ledger stored",
        "unlink Mail",
    ];
    assert_eq!(steps[steps.len() - made.len()..], made);
    home.add("2", b"b\n");
    home.add("3", b"c\n");
    home.mbox.commit(&mut home.ledger).unwrap();
    let expected = [
        "unlink Mail",
        "create Mail",
        "write Mail",
        "sync Mail",
        "link Mail",
        "unlink Mail",
        "ledger intent",
        "write Mail",
        "sync Mail",
        "ledger stored",
        "unlink Mail",
    ];
    assert_eq!(home.journal.steps(), expected);
}

#[test]
fn a_message_begins_only_behind_an_empty_line() {
    for (before, between) in
        [("", ""), ("\n", ""), ("x", "\n\n"), ("From x\n\nold\n", "\n"), ("From x\n\nold\n\n", "")]
    {
        let mut home = Home::new();
        write(&home.path(), before.as_bytes());
        home.mbox.open(&mut home.ledger).unwrap();
        let row = home.deliver("1", b"a\n");
        assert_eq!(home.text(), format!("{before}{between}{FROM}a\n\n"));
        let offset = (before.len() + between.len()) as u64;
        assert_eq!(row.place, Place::Mbox { offset, length: FROM.len() as u64 + 3 });
        assert!(matches!(home.mbox.verify(&row).unwrap(), Copy::Intact(_)));
    }
}

#[test]
fn what_is_discarded_is_not_appended() {
    let mut home = Home::ready();
    home.add("1", b"a\n");
    home.mbox.begin().unwrap();
    home.mbox.write(&b"x".repeat(200_000)).unwrap();
    home.mbox.discard().unwrap();
    home.mbox.begin().unwrap();
    home.mbox.write(b"y\n").unwrap();
    home.mbox.finish().unwrap();
    home.mbox.begin().unwrap();
    home.mbox.discard().unwrap();
    assert!(home.mbox.finish().is_err());
    home.add("2", b"b\n");
    home.mbox.commit(&mut home.ledger).unwrap();
    assert_eq!(home.text(), format!("{FROM}a\n\n{FROM}b\n\n"));
}

#[test]
fn a_message_that_is_open_outlives_a_commit() {
    let mut home = Home::ready();
    let seq = home.add("1", b"a\n");
    home.mbox.begin().unwrap();
    home.mbox.write(b"Subject: b\n").unwrap();
    assert_eq!(home.mbox.commit(&mut home.ledger).unwrap(), [seq]);
    home.mbox.write(b"\nb\n").unwrap();
    home.mbox.finish().unwrap();
    assert!(home.mbox.commit(&mut home.ledger).unwrap().is_empty());
    let seq = home.ledger.next_seq();
    let arrived = Arrived { uid: None, list_size: None, at: NOON, utf8: false, flags: None };
    home.mbox.keep(seq, arrived).unwrap();
    assert_eq!(home.mbox.commit(&mut home.ledger).unwrap(), [seq]);
    for row in home.ledger.rows() {
        assert!(matches!(home.mbox.verify(&row).unwrap(), Copy::Intact(_)));
    }
}

#[test]
fn a_large_batch_goes_through_the_spool_file() {
    let mut home = Home::ready();
    let big = [b"From here to there\n".repeat(300_000), b"end\n".to_vec()].concat();
    let seqs = [home.add("1", b"a\n"), home.add("2", &big), home.add("3", b"c\n")];
    assert!(home.journal.steps().contains(&"create unnamed".to_owned()));
    assert_eq!(home.mbox.commit(&mut home.ledger).unwrap(), seqs);
    assert!(messages(&home.read()) == [b"a\n".to_vec(), big, b"c\n".to_vec()]);
    for row in home.ledger.rows() {
        assert!(matches!(home.mbox.verify(&row).unwrap(), Copy::Intact(_)), "{}", row.seq);
    }
}

#[test]
fn a_failed_append_is_cut_off_again() {
    for step in ["write Mail", "sync Mail"] {
        let mut home = Home::ready();
        home.deliver("0", b"before\n");
        let before = home.text();
        home.add("1", &b"a line\n".repeat(100_000));
        home.journal.fail_after("ledger intent", step, Errno::NOSPC);
        let error = home.mbox.commit(&mut home.ledger).unwrap_err();
        assert_eq!(error.exit(), Exit::IO, "{error}");
        assert_eq!(home.text(), before);
        home.journal.mend();
        if step == "write Mail" {
            assert!(home.ledger.intents().unwrap().is_empty());
        } else {
            // Cut, but not durably so: recovery makes sure.
            assert_eq!(home.ledger.intents().unwrap().len(), 1);
        }
        home.add("1", b"a\n");
        assert!(matches!(home.mbox.commit(&mut home.ledger), Err(ArchiveError::Unsettled { .. })));
        home.mbox.recover(&mut home.ledger).unwrap();
        assert!(home.ledger.intents().unwrap().is_empty());
        home.deliver("1", b"a\n");
        assert_eq!(home.text(), format!("{before}{FROM}a\n\n"));
        assert!(home.beside().is_empty());
    }
}

#[test]
fn only_a_regular_file_of_ours_is_an_mbox() {
    let cannot = |result: Result<(), ArchiveError>, why: &str| match result {
        Err(error @ ArchiveError::CannotCreate { .. }) => {
            assert_eq!(error.exit(), Exit::CANT_CREATE);
            assert!(error.to_string().contains(why), "{error}");
        }
        other => panic!("{other:?}"),
    };
    let mut home = Home::new();
    crate::disk::make_private_dirs(&home.folder.path().join("Mail")).unwrap();
    let target = home.folder.path().join("secret");
    write(&target, b"");
    symlink(&target, home.path()).unwrap();
    cannot(home.mbox.open(&mut home.ledger), "symbolic link");
    home.add("1", b"a\n");
    cannot(home.mbox.commit(&mut home.ledger).map(drop), "symbolic link");
    remove(&home.path());
    crate::disk::make_private_dirs(&home.path()).unwrap();
    cannot(home.mbox.open(&mut home.ledger), "folder");
    let mut device = mbox(Path::new("/dev/null"), &home.journal);
    cannot(device.open(&mut home.ledger), "");
}

#[test]
fn a_copy_that_was_changed_or_removed_is_told() {
    let (mut home, rows, file) = three();
    let mut changed = file.clone();
    changed[start(&rows[1]) + FROM.len()] ^= 1;
    write(&home.path(), &changed);
    assert!(matches!(home.mbox.verify(&rows[0]).unwrap(), Copy::Intact(_)));
    assert!(matches!(home.mbox.verify(&rows[1]).unwrap(), Copy::Changed));
    write(&home.path(), &file[..start(&rows[2])]);
    assert!(matches!(home.mbox.verify(&rows[2]).unwrap(), Copy::Changed));
    remove(&home.path());
    assert!(matches!(home.mbox.verify(&rows[0]).unwrap(), Copy::Gone));
}
