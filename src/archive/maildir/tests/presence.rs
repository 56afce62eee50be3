//! A look through a Maildir: what it costs, and what it sees.

use super::*;
use crate::ledger::Seq;

/// Long behind all that the test does to the folders.
fn later() -> i64 {
    crate::clock::now() + 1000
}

/// Six messages, of which two sizes are looked at in a run; their files by row number.
fn six() -> (Home, Vec<PathBuf>) {
    let mut home = Home::ready();
    let mut files = vec![PathBuf::new()];
    for number in 1..=6 {
        let row = home.deliver(&number.to_string(), format!("{number}\n").as_bytes());
        let Place::Maildir { key } = row.place else { panic!() };
        let name = home.names("new").into_iter().find(|name| name.contains(&key)).unwrap();
        files.push(home.root().join("new").join(name));
    }
    (home, files)
}

fn look(home: &mut Home, now: i64) -> (Vec<Seq>, Vec<Seq>) {
    home.restart();
    home.maildir.stats = 2;
    home.maildir.open(&mut home.ledger).unwrap();
    let presence = home.maildir.look(&mut home.ledger, now).unwrap();
    (presence.removed().collect(), presence.damaged().map(|(seq, _)| seq).collect())
}

#[test]
fn sizes_are_looked_at_in_turn_and_not_at_all_while_nothing_has_changed() {
    let (mut home, files) = six();
    let begun = later();
    assert_eq!(look(&mut home, begun), (vec![], vec![]));
    write(&files[3], b"");
    write(&files[6], b"");
    home.journal.steps();
    assert_eq!(look(&mut home, begun + 60), (vec![], vec![]), "the folders are as they were");
    assert!(!home.journal.steps().iter().any(|step| step.starts_with("ledger")), "nothing to put on record");
    assert_eq!(look(&mut home, begun + 12 * 3600), (vec![], vec![3]), "its turn has come");
    assert_eq!(
        look(&mut home, begun + 12 * 3600 + 60),
        (vec![], vec![3, 6]),
        "what is damaged is looked at each time"
    );
    remove(&files[1]);
    assert_eq!(look(&mut home, begun + 12 * 3600 + 120), (vec![1], vec![3, 6]));
    write(&files[3], b"3\n");
    write(&files[1], b"1\n");
    assert_eq!(look(&mut home, begun + 12 * 3600 + 180), (vec![], vec![6]), "brought back");
}

#[test]
fn a_look_too_soon_after_a_change_is_not_relied_on() {
    let (mut home, files) = six();
    // As if no time had passed since.
    let then = crate::clock::now() - 1;
    crate::clock::testing::set(then);
    look(&mut home, then);
    assert_eq!(home.ledger.last_look().unwrap().stamp, None);
    remove(&files[2]);
    look(&mut home, later());
    assert!(home.ledger.last_look().unwrap().stamp.is_some());
    assert_eq!(look(&mut home, later() + 60), (vec![2], vec![]), "as the look before has found it");
}

#[test]
fn a_file_that_is_renamed_while_the_names_are_read_is_not_removed() {
    let (mut home, files) = six();
    home.journal.leave_out_once(files[2].file_name().unwrap());
    assert_eq!(look(&mut home, later()), (vec![], vec![]));
}

#[test]
fn one_file_of_two_with_the_same_key_is_enough() {
    let (mut home, files) = six();
    let twin = home.root().join("cur").join(files[1].file_name().unwrap()).display().to_string() + ":2,S";
    write(Path::new(&twin), b"cut");
    assert_eq!(look(&mut home, later()), (vec![], vec![]));
    remove(&files[1]);
    assert_eq!(look(&mut home, later()).0, Vec::<Seq>::new());
}
