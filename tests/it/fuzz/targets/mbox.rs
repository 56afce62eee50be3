//! What a crash leaves in an mbox, and what an mbox may hold that no crash of ours left: recovery
//! never touches another program's mail, and loses and doubles none of ours.

use popkeep::archive::mbox::Mbox;
use popkeep::archive::{Archive as _, Arrived, Copy};
use popkeep::disk::OsDisk;
use popkeep::ledger::{Change, Ledger as _, Place, Row, RowState, Seq, SqliteLedger};
use popkeep::mail::digest::Digester;
use popkeep::mail::mboxrd::{FromLines, Quote, from_line};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const IDENTITY: &str = "jane@pop.example.com";

/// When every message here arrives.
const NOON: i64 = 1_795_000_000;

/// More messages than this show nothing new.
const MESSAGES: usize = 4;

/// No file system has files as long as this.
const FAR: u64 = 1 << 56;

/// A batch is appended to other mail, and only a part of it survives.
///
/// The first line gives, in numbers, how much of the batch comes to the disk, and where in it how
/// many octets are NULs instead. What follows is parted by lines of `%%`: the mail that was there before, then
/// the messages of the batch. An `a` in the first line: the last of them is no message of ours, but another
/// program's, which it appends after the crash.
pub(super) fn after_a_crash(octets: &[u8]) {
    let (plan, parts) = super::first_line(octets);
    let mut numbers = super::numbers(plan);
    let mut number = || numbers.next().unwrap_or(0);
    let mut parts = parts_of(parts);
    let behind = if plan.contains(&b'a') { parts.pop() } else { None };
    let Some((before, messages)) = parts.split_first().filter(|(_, messages)| !messages.is_empty()) else {
        return;
    };
    let messages = &messages[..messages.len().min(MESSAGES)];

    let home = Home::new(before);
    let mut ledger = SqliteLedger::in_memory(IDENTITY).unwrap();
    let rows = home.append(&mut ledger, messages);
    let whole = home.read();
    assert!(whole.starts_with(before));

    let batch = whole.len() - before.len();
    let mut left = whole[..before.len() + number() % (batch + 1)].to_vec();
    let gap = before.len() + number() % (batch + 1);
    let nulls = left.len().min(gap)..left.len().min(gap.saturating_add(number()));
    left[nulls].fill(0);
    let foreign = behind.map(foreign_mail).unwrap_or_default();
    if !foreign.is_empty() {
        while !(left.is_empty() || left.ends_with(b"\n\n")) {
            left.push(b'\n');
        }
        left.extend_from_slice(&foreign);
    }
    home.write(&left);

    let mut ledger = SqliteLedger::in_memory(IDENTITY).unwrap();
    ledger.commit(&rows.iter().cloned().map(Change::Intent).collect::<Vec<_>>()).unwrap();
    let mut mbox = home.mbox();
    mbox.open(&mut ledger).unwrap();
    mbox.recover(&mut ledger).unwrap();
    let recovered = home.read();
    assert!(recovered.starts_with(before), "another program's mail was cut");
    assert!(recovered.ends_with(&foreign), "mail that came after the crash was cut");

    let (held, lost): (Vec<_>, Vec<_>) =
        rows.iter().zip(messages).partition(|(row, _)| ledger.row(row.seq).unwrap().is_some());
    let again: Vec<&[u8]> = lost.into_iter().map(|(_, message)| *message).collect();
    let mut all: Vec<Row> = held.into_iter().map(|(row, _)| row.clone()).collect();
    all.extend(home.append(&mut ledger, &again));
    for row in &all {
        let copy = home.mbox().verify(row).unwrap();
        assert!(matches!(copy, Copy::Intact(_)), "{copy:?} for {row:?}");
    }
    // A torn message that quotes an mbox may leave a fragment behind: its From_ lines could be another's.
    let quotes = messages.iter().any(|message| message.windows(5).any(|part| part == b"From "));
    if foreign.is_empty() && !quotes {
        assert_eq!(home.read(), whole, "after the next run the file is as if nothing had happened");
    }
}

/// A file of any octets, and a ledger that has intents anywhere in it.
///
/// The first line gives offsets and lengths in turn, the rest is the file.
pub(super) fn rubbish(octets: &[u8]) {
    let (plan, file) = super::first_line(octets);
    let numbers: Vec<u64> = super::numbers(plan).map(|number| number as u64 % FAR).collect();
    let home = Home::new(file);
    let mut ledger = SqliteLedger::in_memory(IDENTITY).unwrap();
    let mut starts = Vec::new();
    for region in numbers.chunks_exact(2).take(MESSAGES) {
        starts.push(region[0]);
        let row = intent(ledger.next_seq(), region[0], region[1]);
        ledger.commit(&[Change::Intent(row)]).unwrap();
    }
    let mut mbox = home.mbox();
    mbox.open(&mut ledger).unwrap();
    mbox.recover(&mut ledger).unwrap();
    assert!(ledger.intents().unwrap().is_empty(), "an intent is left");

    let now = home.read();
    assert!(file.starts_with(&now), "more was done than to cut off the end");
    if now.len() < file.len() {
        let mut lines = FromLines::new(0);
        lines.feed(file, &mut |offset| {
            let cut = offset >= now.len() as u64;
            assert!(!cut || starts.contains(&offset), "a message at {offset} that is not ours was cut");
        });
    }
}

fn intent(seq: Seq, offset: u64, length: u64) -> Row {
    let (digest, size) = Digester::new().finish();
    Row {
        seq,
        uid: None,
        list_size: None,
        size,
        digest,
        place: Place::Mbox { offset, length },
        state: RowState::Intent,
        archived_at: NOON,
        utf8: false,
    }
}

fn parts_of(octets: &[u8]) -> Vec<&[u8]> {
    const MARK: &[u8] = b"\n%%\n";
    let mut parts = Vec::new();
    let mut rest = octets;
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
        parts.push(&rest[..at]);
        rest = &rest[at + MARK.len()..];
    }
    parts.push(rest);
    parts
}

fn foreign_mail(message: &[u8]) -> Vec<u8> {
    let mut mail = from_line("somebody@else.example", 0).into_bytes();
    let mut quote = Quote::new();
    quote.feed(message, &mut mail);
    quote.finish(&mut mail);
    mail.push(b'\n');
    mail
}

/// A folder with an mbox in it.
struct Home {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Home {
    fn new(content: &[u8]) -> Home {
        let folder = tempfile::tempdir().unwrap();
        let home = Home { path: folder.path().join("mbox"), _folder: folder };
        if !content.is_empty() {
            home.write(content);
        }
        home
    }

    fn mbox(&self) -> Mbox<OsDisk> {
        Mbox::new(Arc::new(OsDisk), self.path.clone(), IDENTITY)
    }

    fn write(&self, content: &[u8]) {
        std::fs::write(&self.path, content).unwrap();
    }

    fn read(&self) -> Vec<u8> {
        let path: &Path = &self.path;
        if path.exists() { std::fs::read(path).unwrap() } else { Vec::new() }
    }

    /// A run that stores these messages; their rows, in this order.
    fn append(&self, ledger: &mut SqliteLedger, messages: &[&[u8]]) -> Vec<Row> {
        let mut mbox = self.mbox();
        mbox.open(ledger).unwrap();
        mbox.recover(ledger).unwrap();
        let mut rows = Vec::new();
        for message in messages {
            mbox.begin().unwrap();
            mbox.write(message).unwrap();
            mbox.finish().unwrap();
            let seq = ledger.next_seq();
            mbox.keep(seq, Arrived { uid: None, list_size: None, at: NOON, utf8: false, flags: None })
                .unwrap();
            rows.push(seq);
        }
        mbox.commit(ledger).unwrap();
        rows.into_iter().map(|seq| ledger.row(seq).unwrap().unwrap()).collect()
    }
}
