mod batches;
mod presence;
mod recovery;

use super::Maildir;
use crate::archive::testing::{Journal, NOON, WatchedDisk, WatchedLedger, add};
use crate::archive::{Archive as _, ArchiveError, Arrived, Copy, Pending, Recovery};
use crate::exit::Exit;
use crate::ledger::{Change, Ledger as _, Place, Row, RowState, UnknownCopy, Which};
use crate::mail::bare::{self, BareHeader};
use crate::mail::digest::Digester;
use crate::mail::names::Key;
use rustix::io::Errno;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const IDENTITY: &str = "jane@pop.example.com";

/// A Maildir in a folder of its own, with its ledger.
struct Home {
    folder: tempfile::TempDir,
    journal: Journal,
    ledger: WatchedLedger,
    maildir: Maildir<WatchedDisk>,
}

impl Home {
    /// Nothing made yet.
    fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::default();
        let ledger = WatchedLedger::new(IDENTITY, &journal);
        let maildir = maildir(&folder.path().join("Mail/work"), &journal);
        Home { folder, journal, ledger, maildir }
    }

    /// Open and ready.
    fn ready() -> Home {
        let mut home = Home::new();
        home.maildir.open(&mut home.ledger).unwrap();
        home.maildir.recover(&mut home.ledger).unwrap();
        home.journal.steps();
        home
    }

    /// What a new run sees.
    fn restart(&mut self) {
        self.maildir = maildir(&self.root(), &self.journal);
    }

    /// The ledger is lost.
    fn forget(&mut self) {
        self.ledger = WatchedLedger::new(IDENTITY, &self.journal);
        self.restart();
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("Mail/work")
    }

    fn deliver(&mut self, uid: &str, message: &[u8]) -> Row {
        let seq = add(&mut self.maildir, &mut self.ledger, Some(uid), message);
        assert_eq!(self.maildir.commit(&mut self.ledger).unwrap(), [seq]);
        self.ledger.row(seq).unwrap().unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        names(&self.root().join(folder))
    }

    /// The only file in `new/`.
    fn file(&self) -> PathBuf {
        let names = self.names("new");
        assert_eq!(names.len(), 1, "{names:?}");
        self.root().join("new").join(&names[0])
    }
}

fn maildir(root: &Path, journal: &Journal) -> Maildir<WatchedDisk> {
    Maildir::new(Arc::new(WatchedDisk(journal.clone())), root.to_owned(), IDENTITY)
}

fn names(folder: &Path) -> Vec<String> {
    let names = crate::disk::names_in(folder).unwrap();
    names.into_iter().map(|name| name.into_string().unwrap()).collect()
}

fn read(path: &Path) -> Vec<u8> {
    crate::disk::read_limited(path, 1 << 30).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the test plays the mail client")]
fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test plays the user")]
fn remove(path: &Path) {
    if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
}

#[expect(clippy::disallowed_methods, reason = "the test plays the user")]
fn write(path: &Path, octets: &[u8]) {
    std::fs::write(path, octets).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test plays the user")]
fn make_dir(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_message_is_stored_octet_for_octet_under_a_private_name() {
    let mut home = Home::ready();
    let message = b"Subject: a\nStatus: R\n\nFrom me\n.\n\0\xff bare \r and no end";
    let row = home.deliver("uid-1", message);
    let name = &home.names("new")[0];
    let Place::Maildir { key } = &row.place else { panic!("{row:?}") };
    assert!(name.starts_with(&format!("{NOON}.{key}.")), "{name}");
    assert!(name.ends_with(&format!(",S={}", message.len())), "{name}");
    assert_eq!(read(&home.file()), message);
    assert_eq!((row.state, row.size), (RowState::Stored, message.len() as u64));
    assert_eq!(mode(&home.file()), 0o600);
    for folder in ["", "tmp", "new", "cur", ".."] {
        assert_eq!(mode(&home.root().join(folder)), 0o700, "{folder}");
    }
    assert!(home.names("tmp").is_empty());
}

#[test]
fn what_is_discarded_leaves_no_trace() {
    let mut home = Home::ready();
    home.maildir.begin().unwrap();
    home.maildir.write(b"half").unwrap();
    home.maildir.discard().unwrap();
    home.maildir.begin().unwrap();
    home.maildir.write(b"whole").unwrap();
    home.maildir.finish().unwrap();
    home.maildir.discard().unwrap();
    assert!(home.names("tmp").is_empty());
    assert!(home.maildir.finish().is_err(), "nothing is open");
    home.maildir.begin().unwrap();
    add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
    assert_eq!(home.names("tmp").len(), 1, "the message that was open is gone");
    home.restart();
    assert!(home.names("tmp").is_empty(), "and so is what was never committed");
}

#[test]
fn a_message_that_is_open_outlives_a_commit() {
    let mut home = Home::ready();
    let seq = add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
    home.maildir.begin().unwrap();
    home.maildir.write(b"Subject: b\n").unwrap();
    assert_eq!(home.maildir.commit(&mut home.ledger).unwrap(), [seq]);
    home.maildir.write(b"\nb\n").unwrap();
    home.maildir.finish().unwrap();
    assert!(home.maildir.commit(&mut home.ledger).unwrap().is_empty());
    let seq = home.ledger.next_seq();
    let arrived = Arrived { uid: None, list_size: None, at: NOON, utf8: false, flags: None };
    home.maildir.keep(seq, arrived).unwrap();
    assert_eq!(home.maildir.commit(&mut home.ledger).unwrap(), [seq]);
    for row in home.ledger.rows() {
        assert!(matches!(home.maildir.verify(&row).unwrap(), Copy::Intact(_)));
    }
}

#[test]
fn identical_copies_under_one_uid_are_numbered() {
    let mut home = Home::ready();
    let first = home.deliver("1", b"a\n");
    add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
    add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
    home.maildir.commit(&mut home.ledger).unwrap();
    let Place::Maildir { key } = &first.place else { panic!("{first:?}") };
    let mut keys: Vec<String> =
        home.names("new").iter().map(|name| Key::of_name(name).unwrap().to_string()).collect();
    keys.sort();
    assert_eq!(keys, [key.clone(), format!("{key}-2"), format!("{key}-3")]);
    // Another UID, or none, is another origin.
    add(&mut home.maildir, &mut home.ledger, Some("2"), b"a\n");
    add(&mut home.maildir, &mut home.ledger, None, b"a\n");
    home.maildir.commit(&mut home.ledger).unwrap();
    assert_eq!(home.names("new").len(), 5);
}

#[test]
fn without_hard_links_a_message_is_renamed_into_place() {
    for errno in [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS] {
        let mut home = Home::ready();
        home.journal.fail("link new", errno);
        home.deliver("1", b"a\n");
        assert_eq!(read(&home.file()), b"a\n");
        assert!(home.names("tmp").is_empty());
        let mut steps = home.journal.steps();
        // The archive's mark.
        assert_eq!(steps.split_off(steps.len() - 2), ["create work", "write work"]);
        assert_eq!(steps[steps.len() - 3..], ["rename new", "sync folder new", "ledger stored"]);
    }
}

#[test]
fn a_copy_is_found_wherever_a_mail_client_has_moved_it() {
    let mut home = Home::ready();
    let row = home.deliver("1", b"a\n");
    let name = home.names("new").remove(0);
    let mut at = home.file();
    for moved in ["cur/NAME:2,S", "cur/NAME:2,FRS", "cur/NAME:2,T", "new/NAME"] {
        let to = home.root().join(moved.replace("NAME", &name));
        rename(&at, &to);
        at = to;
        assert!(matches!(home.maildir.verify(&row).unwrap(), Copy::Intact(_)), "{moved}");
    }
    write(&at, b"b\n");
    assert!(matches!(home.maildir.verify(&row).unwrap(), Copy::Changed));
    remove(&at);
    assert!(matches!(home.maildir.verify(&row).unwrap(), Copy::Gone));
}

#[test]
fn an_archive_that_cannot_be_made_or_written_is_told_before_login() {
    let cannot = |result: Result<(), ArchiveError>| match result {
        Err(error @ ArchiveError::CannotCreate { .. }) => assert_eq!(error.exit(), Exit::CANT_CREATE),
        other => panic!("{other:?}"),
    };
    let mut home = Home::new();
    make_dir(&home.folder.path().join("Mail"));
    write(&home.root(), b"a file");
    cannot(home.maildir.open(&mut home.ledger));
    remove(&home.root());
    home.journal.fail("writable tmp", Errno::ACCESS);
    cannot(home.maildir.open(&mut home.ledger));
    home.journal.mend();
    remove(&home.root().join("new"));
    write(&home.root().join("new"), b"a file");
    cannot(home.maildir.open(&mut home.ledger));
}

#[test]
fn a_message_that_cannot_be_written_does_not_harm_the_batch() {
    let mut home = Home::ready();
    add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
    home.maildir.begin().unwrap();
    home.journal.fail("write tmp", Errno::NOSPC);
    let error = home.maildir.write(&b"x".repeat(100_000)).unwrap_err();
    assert_eq!(error.exit(), Exit::IO);
    home.journal.mend();
    assert_eq!(home.names("tmp").len(), 1);
    assert_eq!(home.maildir.commit(&mut home.ledger).unwrap().len(), 1);
    assert_eq!(home.names("new").len(), 1);
}

#[test]
fn two_accounts_share_a_maildir() {
    let mut home = Home::ready();
    let journal = home.journal.clone();
    let mut other = Maildir::new(Arc::new(WatchedDisk(journal.clone())), home.root(), "joe@pop.example.com");
    let mut others = WatchedLedger::new("joe@pop.example.com", &journal);
    other.open(&mut others).unwrap();
    add(&mut home.maildir, &mut home.ledger, Some("1"), b"a\n");
    assert_eq!(
        other.recover(&mut others).unwrap(),
        Recovery::default(),
        "what the other writes is not cleaned"
    );
    add(&mut other, &mut others, Some("1"), b"a\n");
    home.maildir.commit(&mut home.ledger).unwrap();
    other.commit(&mut others).unwrap();
    assert_eq!(home.names("new").len(), 2);
    home.forget();
    home.maildir.open(&mut home.ledger).unwrap();
    home.maildir.find_unknown_copies(&mut home.ledger, i64::MAX, &mut |_| {}).unwrap();
    let origin = home.maildir.origin(b"1").unwrap();
    let ours = home.ledger.unknown_copy(Which::Origin(&origin), 0).unwrap().unwrap();
    let other = home.ledger.unknown_copy(Which::Origin(&origin), ours.id).unwrap();
    assert_eq!(other, None, "the other's is not ours");
}
