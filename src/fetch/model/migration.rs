//! A maildrop whose UIDs all change, struck at every step of the run that notices.

use super::followed::Followed;
use super::store::Survival;
use super::strike::{Blow, Doom, Side};
use super::world::World;
use super::{Case, MAILDIR, MBOX, check_after_a_run, steps};
use std::fmt::Write as _;

/// Some are known by their headers, two of them by the same, and some by their content alone.
fn mail() -> Vec<Vec<u8>> {
    let headed = |number: usize, body: &str| {
        let mut message = String::new();
        let _ = write!(message, "Received: by x\nMessage-ID: <{number}@x>\nSubject: {number}\n\n{body}\n");
        message.into_bytes()
    };
    let mut mail: Vec<Vec<u8>> = (0..5).map(|number| headed(number, "text")).collect();
    mail.extend([headed(0, "twin"), b"Subject: plain\n\nthe same\n".to_vec(), b"\n".to_vec()]);
    mail.push(b"Subject: plain\n\nthe same\n".to_vec());
    mail
}

fn struck_at_every_step(case: Case, followed: &mut Followed) {
    let mail = mail();
    let mail: Vec<&[u8]> = mail.iter().map(Vec::as_slice).collect();
    let before = World::new(case, &mail);
    before.run(None);
    before.maildrop.lock().unwrap().move_away();
    before.deliver(b"Subject: new\n\nmail\n");
    let before = before.snapshot();
    for (side, blow) in [
        (Side::Local, Blow::Death),
        (Side::Local, Blow::Failure),
        (Side::Remote, Blow::Death),
        (Side::Remote, Blow::Failure),
        (Side::Remote, Blow::LostAnswer),
    ] {
        steps(|step| {
            let doom = Doom { side, blow, step };
            let at = || format!("{doom:?}, {case:?}");
            let world = before.world();
            if !world.run(Some(doom)).1 {
                return false;
            }
            world.power_cut(Survival::Nothing);
            check_after_a_run(&world, followed, &at);
            true
        });
    }
}

#[test]
fn a_move_that_is_cut_short_anywhere_brings_nothing_twice() {
    let mut followed = Followed::default();
    for case in [MAILDIR, MBOX, MAILDIR.one_at_a_time()] {
        struck_at_every_step(case, &mut followed);
    }
}

/// The ledger is an older one, or lost, and the UIDs may be new, too: what was archived since is recognised, wherever the
/// run that does it is struck.
#[test]
fn an_older_ledger_brings_nothing_twice() {
    let mail = mail();
    let mail: Vec<&[u8]> = mail.iter().map(Vec::as_slice).collect();
    let mut followed = Followed::default();
    for case in [MAILDIR, MBOX, MAILDIR.deleting(), MBOX.deleting().one_at_a_time()] {
        for (lost, moved) in [(false, false), (true, false), (true, true)] {
            // What is to be deleted is fetched, and its header not asked for.
            if moved && case.delete != MAILDIR.delete {
                continue;
            }
            let before = World::new(Case { delete: MAILDIR.delete, ..case }, &mail[..4]);
            before.run(None);
            let older = before.exchange_ledger(None);
            for message in &mail[4..] {
                before.deliver(message);
            }
            before.run(None);
            before.exchange_ledger((!lost).then_some(older));
            if moved {
                before.maildrop.lock().unwrap().move_away();
            }
            let before = before.with(case).snapshot();
            for (side, blow) in
                [(Side::Local, Blow::Death), (Side::Local, Blow::Failure), (Side::Remote, Blow::Death)]
            {
                steps(|step| {
                    let doom = Doom { side, blow, step };
                    let at = || format!("{doom:?}, lost: {lost}, moved: {moved}, {case:?}");
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
}
