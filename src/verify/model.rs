//! A repair struck at every step: whatever is left, the next one makes the archive whole, and nothing is there twice.

use super::found::{Attendant, Verified};
use super::mender::Mender;
use super::share::Share;
use super::{pass, sources};
use crate::disk;
use crate::fetch::model::followed::Followed;
use crate::fetch::model::store::Survival;
use crate::fetch::model::strike::{Blow, Doom, Side};
use crate::fetch::model::world::{Case, World};
use crate::fetch::model::{MAILDIR, MBOX, mbox_of, steps};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

struct Nobody;

impl Attendant for Nobody {
    fn begins(&mut self, _copies: u64, _octets: u64) {}
    fn has_read(&mut self, _copies: u64, _octets: u64) {}
    fn restores_removed(&mut self, _removed: u64) -> bool {
        true
    }
    fn accepts(&mut self, _found: &Verified) -> bool {
        false
    }
    fn note(&mut self, _text: &str) {}
}

const MAIL: [&[u8]; 5] = [
    b"From: a@example.org\nSubject: dots\n\n.\n..\n",
    b"Subject: twin\n\nthe same\n",
    b"Subject: mbox\n\nFrom here on\n>From there\n",
    b"Subject: twin\n\nthe same\n",
    b"Subject: empty lines\n\nat the end\n\n\n",
];

/// A copy of all mail, on a disk that nothing strikes.
fn copies(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("mbox");
    disk::write_new_private(&path, &mbox_of(&MAIL)).unwrap();
    path
}

/// What a verification finds in this world.
fn verify(world: &World) -> Verified {
    let mut found = Verified::default();
    world.with_store(None, |mut store| {
        store.archive.open(&mut *store.ledger).unwrap();
        store.archive.recover(&mut *store.ledger).unwrap();
        pass::run((&mut store, Path::new("ledger")), (Share::All, None), 0, &mut Nobody, &mut found).unwrap();
    });
    found
}

/// A repair in this world, and whether its doom was fulfilled. What it moves aside is added to `kept`.
fn repair(world: &World, from: &Path, doom: Option<Doom>, kept: &RefCell<Vec<Vec<u8>>>) -> bool {
    world.with_store(doom, |mut store| {
        let keep = |path: &Path| {
            kept.borrow_mut().extend(world.octets(path));
            Ok(())
        };
        let done = (|| -> Result<(), Box<dyn std::error::Error>> {
            store.archive.open(&mut *store.ledger)?;
            store.archive.recover(&mut *store.ledger)?;
            let mut found = Verified::default();
            let ledger = Path::new("ledger");
            let bad = pass::run((&mut store, ledger), (Share::All, None), 0, &mut Nobody, &mut found)?;
            let mut mender = Mender::new(&mut store, (Path::new("damaged"), &keep));
            mender.move_bad_copies_aside()?;
            mender.want(bad.into_iter())?;
            sources::repair(&mut mender, &[from.to_owned()], &mut Nobody)?;
            mender.commit()?;
            Ok(())
        })();
        assert!(doom.is_some() || done.is_ok(), "{done:?}");
    })
}

fn struck_at_every_step(case: Case, damage: fn(&World)) {
    let folder = tempfile::tempdir().unwrap();
    let copies = copies(&folder);
    let before = World::new(case, &MAIL);
    before.run(None);
    damage(&before);
    before.store.lock().unwrap().sync_all();
    let damaged = before.archived();
    let before = before.snapshot();
    let mut followed = Followed::default();
    for (blow, survival) in [
        (Blow::Death, None),
        (Blow::Death, Some(Survival::Nothing)),
        (Blow::Failure, None),
        (Blow::Failure, Some(Survival::Nothing)),
        (Blow::LostAnswer, Some(Survival::Nothing)),
    ] {
        steps(|step| {
            let doom = Doom { side: Side::Local, blow, step };
            let at = || format!("{doom:?}, {survival:?}, {case:?}");
            let world = before.world();
            let kept = RefCell::new(Vec::new());
            if !repair(&world, &copies, Some(doom), &kept) {
                return false;
            }
            if let Some(survival) = survival {
                world.power_cut(survival);
            }
            if followed.is_new(&world, &("another repair", &kept)) {
                repair(&world, &copies, None, &kept);
                world.power_cut(Survival::Nothing);
                if followed.is_new(&world, &("a look", &kept)) {
                    check(&world, &damaged, &kept.borrow(), &at);
                }
            }
            true
        });
    }
}

/// All is there once, what was damaged is kept, and a fetch has nothing to do.
fn check(world: &World, damaged: &[Vec<u8>], kept: &[Vec<u8>], at: &dyn Fn() -> String) {
    let found = verify(world);
    assert!(found.is_well() && found.intact == MAIL.len() as u64, "{found:?}: {}", at());
    assert_eq!((found.twice, found.foreign), (0, 0), "{}", at());
    let mut visible = world.archived();
    let expected = world.expected();
    for message in &expected {
        let there = visible.iter().position(|found| found == message);
        visible.remove(there.unwrap_or_else(|| panic!("a message is gone: {}", at())));
    }
    // What is still in sight of bad copies is in an mbox, which is not rewritten.
    assert!(visible.iter().all(|left| damaged.contains(left)), "twice: {}", at());
    for bad in damaged.iter().filter(|bad| !expected.contains(bad)) {
        assert!(kept.contains(bad) || visible.contains(bad), "a bad copy is lost: {}", at());
    }
    let (summary, _) = world.run(None);
    assert_eq!((summary.fetched, summary.archived), (0, MAIL.len() as u64), "{}", at());
}

#[test]
fn a_repair_that_is_cut_off_anywhere_is_finished_by_the_next() {
    for case in [MAILDIR, MBOX] {
        struck_at_every_step(case, World::vandalise);
    }
}

#[test]
fn what_was_removed_comes_back_once_wherever_the_repair_is_cut_off() {
    for case in [MAILDIR, MBOX] {
        struck_at_every_step(case, World::empty);
    }
}
