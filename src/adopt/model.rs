//! An adoption, and the fetch after it, struck at every step: nothing is lost, and nothing comes twice.

use super::proposal::OldPlace;
use super::step::{Step, take_over_into};
use super::tools::MailForm;
use crate::config::Config;
use crate::fetch::model::followed::Followed;
use crate::fetch::model::store::Survival;
use crate::fetch::model::strike::{Blow, Doom, Side};
use crate::fetch::model::world::{Case, World};
use crate::fetch::model::{MAILDIR, MBOX, check_after_a_run, mbox_of, steps};
use crate::ledger::SeenElsewhere;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The program holds this number of the messages.
const HELD: usize = 5;

/// Two are the same, one has no header by which it would be known.
fn mail() -> Vec<Vec<u8>> {
    let headed = |number: usize| {
        let mut message = String::new();
        let _ = write!(message, "Received: by x\nMessage-ID: <{number}@x>\nSubject: {number}\n\nFrom here\n");
        message.into_bytes()
    };
    let twin = b"Subject: twin\n\nthe same\n".to_vec();
    vec![headed(0), headed(1), twin.clone(), twin, headed(2), headed(3), b"Subject: x\n\n\n".to_vec()]
}

/// The program's mbox.
fn mbox(folder: &tempfile::TempDir, mail: &[Vec<u8>]) -> OldPlace {
    let path = folder.path().join("mbox");
    crate::disk::write_new_private(&path, &mbox_of(mail)).unwrap();
    OldPlace { form: MailForm::Mbox, path }
}

/// An adoption in this world; whether its doom was fulfilled.
fn adopt(world: &World, place: Option<&OldPlace>, doom: Option<Doom>) -> bool {
    let config = Config {
        file: PathBuf::from("/config.toml"),
        state_dir: PathBuf::new(),
        cache_dir: None,
        accounts: Vec::new(),
        destinations: Vec::new(),
        other_destinations: world.account.access.clone(),
    };
    world.with_store(doom, |store| {
        let step = Step {
            config: &config,
            account: &world.account,
            program: "mpop",
            copy: place,
            seen: SeenElsewhere::default(),
            added: "",
        };
        let _ = take_over_into(store, &step, &mut |_| {});
    })
}

/// What happens between the adoption that was struck and the fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It is done again.
    Again,
    /// The account is fetched, and then it is done again.
    FetchFirst,
    /// The account is fetched.
    Fetch,
}

fn dooms() -> impl Iterator<Item = (Blow, bool)> {
    [Blow::Death, Blow::Failure, Blow::LostAnswer].into_iter().flat_map(|blow| [(blow, false), (blow, true)])
}

fn copies_struck_at_every_step(case: Case, followed: &mut Followed) {
    let mail = mail();
    let folder = tempfile::tempdir().unwrap();
    let place = mbox(&folder, &mail[..HELD]);
    let mail: Vec<&[u8]> = mail.iter().map(Vec::as_slice).collect();
    for (blow, power_cut) in dooms() {
        steps(|step| {
            let doom = Doom { side: Side::Local, blow, step };
            let world = World::new(case, &mail);
            if !adopt(&world, Some(&place), Some(doom)) {
                return false;
            }
            if power_cut {
                world.power_cut(Survival::Some(step));
            }
            if !followed.is_new(&world, &"an adoption, a fetch, or both") {
                return true;
            }
            let left = world.snapshot();
            for then in [Then::Again, Then::FetchFirst, Then::Fetch] {
                let at = || format!("{doom:?}, power cut: {power_cut}, {then:?}, {case:?}");
                let world = left.world();
                if then == Then::FetchFirst {
                    world.run(None);
                }
                if then != Then::Fetch {
                    adopt(&world, Some(&place), None);
                }
                check_after_a_run(&world, followed, &at);
            }
            true
        });
    }
}

#[test]
fn copies_that_are_cut_off_anywhere_bring_nothing_twice() {
    let mut followed = Followed::default();
    for case in [MAILDIR, MBOX] {
        copies_struck_at_every_step(case, &mut followed);
    }
}

#[test]
fn a_fetch_after_an_adoption_is_struck_and_nothing_is_lost_or_comes_twice() {
    let mail = mail();
    let folder = tempfile::tempdir().unwrap();
    let place = mbox(&folder, &mail[..HELD]);
    let mail: Vec<&[u8]> = mail.iter().map(Vec::as_slice).collect();
    let mut followed = Followed::default();
    for case in [MAILDIR, MBOX, MAILDIR.deleting(), MBOX.deleting().one_at_a_time()] {
        let before = World::new(case, &mail);
        adopt(&before, Some(&place), None);
        let before = before.snapshot();
        for (side, blow) in
            [(Side::Local, Blow::Death), (Side::Local, Blow::Failure), (Side::Remote, Blow::Death)]
        {
            steps(|step| {
                let doom = Doom { side, blow, step };
                let at = || format!("{doom:?}, {case:?}");
                let world = before.world();
                if !world.run(Some(doom)).1 {
                    return false;
                }
                world.power_cut(Survival::Nothing);
                check_after_a_run(&world, &mut followed, &at);
                true
            });
        }
    }
}

#[test]
fn an_archive_that_is_taken_where_it_is_is_never_stored_twice() {
    let mail = mail();
    let mail: Vec<&[u8]> = mail.iter().map(Vec::as_slice).collect();
    let mut followed = Followed::default();
    for case in [MAILDIR, MBOX] {
        let before = World::new(case, &mail[..HELD]);
        before.run(None);
        before.lose_ledger();
        for message in &mail[HELD..] {
            before.deliver(message);
        }
        let before = before.snapshot();
        for (blow, power_cut) in dooms() {
            steps(|step| {
                let doom = Doom { side: Side::Local, blow, step };
                let at = || format!("{doom:?}, power cut: {power_cut}, {case:?}");
                let world = before.world();
                if !adopt(&world, None, Some(doom)) {
                    return false;
                }
                if power_cut {
                    world.power_cut(Survival::Nothing);
                }
                if followed.is_new(&world, &"another adoption") {
                    adopt(&world, None, None);
                    check_after_a_run(&world, &mut followed, &at);
                }
                true
            });
        }
    }
}
