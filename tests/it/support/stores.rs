//! Readers of Maildir and mbox, written from the formats' descriptions and not from popkeep.

use std::path::{Path, PathBuf};

/// Every message of a Maildir, sorted.
pub(crate) fn maildir(folder: &Path) -> Vec<Vec<u8>> {
    let mut messages: Vec<_> =
        maildir_files(folder).iter().map(|file| std::fs::read(file).unwrap()).collect();
    messages.sort();
    messages
}

/// The files of a Maildir's new/ and cur/, sorted by name. Nothing may be left in tmp/, and no
/// message may stand in both folders.
#[track_caller]
pub(crate) fn maildir_files(folder: &Path) -> Vec<PathBuf> {
    let left = files(&folder.join("tmp"));
    assert!(left.is_empty(), "left in tmp/: {left:?}");
    let mut all = files(&folder.join("new"));
    all.extend(files(&folder.join("cur")));
    all.sort_by_key(|file| file.file_name().map(ToOwned::to_owned));
    all
}

/// The files in a folder; none when there is no such folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("{}: {error}", folder.display()),
    }
}

/// Every message of an mbox in the mboxrd variant, in the file's order; none when there is no file.
#[track_caller]
pub(crate) fn mbox(file: &Path) -> Vec<Vec<u8>> {
    match std::fs::read(file) {
        Ok(octets) => read_mboxrd(&octets),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("{}: {error}", file.display()),
    }
}

/// A `From ` line begins a message; `>`, any number of them, before `From ` at a line's start
/// loses one; the empty line before the next `From ` line or the end belongs to the mbox.
#[track_caller]
pub(crate) fn read_mboxrd(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b"From ") {
            if let Some(previous) = messages.last_mut() {
                end_message(previous);
            }
            messages.push(Vec::new());
            continue;
        }
        let message = messages.last_mut().expect("an mbox begins with a From line");
        let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
        let unquoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        message.extend_from_slice(&line[usize::from(unquoted)..]);
    }
    if let Some(last) = messages.last_mut() {
        end_message(last);
    }
    messages
}

#[track_caller]
fn end_message(message: &mut Vec<u8>) {
    assert!(
        message == b"\n" || message.ends_with(b"\n\n"),
        "no empty line after a message in the mbox: {:?}",
        message.escape_ascii().to_string().chars().rev().take(60).collect::<String>()
    );
    message.pop();
}

#[test]
fn the_mbox_reader_undoes_quoting_and_the_final_empty_line() {
    let mbox =
        b"From a@b Thu Aug 19 20:15:20 1999\nSubject: x\n\n>From here\n>>From there\n> From\n\n\nFrom c\n\n";
    assert_eq!(read_mboxrd(mbox), [b"Subject: x\n\nFrom here\n>From there\n> From\n\n".to_vec(), Vec::new()]);
}
