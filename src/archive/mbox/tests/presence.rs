//! A look through an mbox: what it relies on.

use super::*;
use crate::archive::Presence;
use crate::archive::mbox::look::Stamp;
use crate::archive::presence::Begun;
use crate::ledger::LookRecord;

/// Long behind all that the test does to the file.
fn later() -> i64 {
    crate::clock::now() + 1000
}

fn look(home: &mut Home) -> Presence {
    home.restart();
    home.mbox.open(&mut home.ledger).unwrap();
    home.mbox.look(&mut home.ledger, later()).unwrap()
}

#[test]
fn a_file_that_changes_under_the_look_was_not_looked_at() {
    let (mut home, rows, file) = three();
    let cut = file[..start(&rows[2])].to_vec();
    write(&home.path(), &cut);
    home.restart();
    home.mbox.open(&mut home.ledger).unwrap();
    let path = home.path();
    home.journal.meanwhile(move || write(&path, &file));
    let presence = home.mbox.look(&mut home.ledger, later()).unwrap();
    assert!(presence.why_unseen().is_some());
    assert_eq!(presence.removed().count(), 0);
    assert_eq!(look(&mut home).why_unseen(), None);
}

#[test]
fn a_change_at_the_moment_of_the_last_look_is_seen() {
    let (mut home, rows, mut file) = three();
    file[start(&rows[1])] = b'f';
    write(&home.path(), &file);
    // As that look put it on record: nothing tells the change from the look.
    let meta = OsDisk.link_metadata(&home.path()).unwrap();
    let stamp = Some(Stamp::of(&meta, Begun::never()).to_string());
    home.ledger.commit(&[Change::Looked(LookRecord { stamp, ..LookRecord::default() })]).unwrap();
    assert!(look(&mut home).keeps(rows[1].seq));
}
