//! Blows to runs that have a message in quarantine.

use super::maildrop::{Poison, Uids};
use super::store::Survival;
use super::strike::{Blow, Doom, Side};
use super::world::World;
use super::{MAIL, MAILDIR, MBOX, Tried, check_to_the_end, late, report, steps};

/// A message is in quarantine, the next run is struck at any step, and the one after it has it.
#[test]
fn what_was_in_quarantine_comes_once_and_nothing_else_is_lost_for_it() {
    let mut points = 0;
    for case in [MAILDIR.deleting(), MBOX.deleting(), MAILDIR, MAILDIR.deleting().with_uids(Uids::Equal)] {
        for poison in [Poison::Refused, Poison::HangsUp] {
            for healed_before in [false, true] {
                points += steps(|step| {
                    let at = || format!("{step}, {poison:?}, healed before: {healed_before}, {case:?}");
                    let mut world = World::new(case, &MAIL);
                    world.maildrop.lock().unwrap().poison(Some((1, poison)));
                    world.run(None);
                    world.deliver(late(case));
                    if healed_before {
                        world.maildrop.lock().unwrap().poison(None);
                    }
                    let doom = Doom { side: Side::Local, blow: Blow::Death, step };
                    let (_, struck) = world.run(Some(doom));
                    world.power_cut(Survival::Nothing);
                    world.maildrop.lock().unwrap().poison(None);
                    world.retry = true;
                    check_to_the_end(&world, &at);
                    if struck { Tried::Well } else { Tried::Over }
                });
            }
        }
    }
    report(points);
}
