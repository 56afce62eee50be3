//! Blows to runs that have a message in quarantine.

use super::followed::Followed;
use super::maildrop::{Poison, Uids};
use super::store::Survival;
use super::strike::{Blow, Doom, Side};
use super::world::World;
use super::{MAIL, MAILDIR, MBOX, check_to_the_end, late, steps};

/// A message is in quarantine, the next run is struck at any step, and the one after it has it.
#[test]
fn what_was_in_quarantine_comes_once_and_nothing_else_is_lost_for_it() {
    let mut followed = Followed::default();
    for case in [MAILDIR.deleting(), MBOX.deleting(), MAILDIR, MAILDIR.deleting().with_uids(Uids::Equal)] {
        for poison in [Poison::Refused, Poison::HangsUp] {
            for healed_before in [false, true] {
                let before = World::new(case, &MAIL);
                before.maildrop.lock().unwrap().poison(Some((1, poison)));
                before.run(None);
                before.deliver(late(case));
                if healed_before {
                    before.maildrop.lock().unwrap().poison(None);
                }
                let before = before.snapshot();
                steps(|step| {
                    let at = || format!("{step}, {poison:?}, healed before: {healed_before}, {case:?}");
                    let mut world = before.world();
                    let doom = Doom { side: Side::Local, blow: Blow::Death, step };
                    let (_, struck) = world.run(Some(doom));
                    world.power_cut(Survival::Nothing);
                    world.maildrop.lock().unwrap().poison(None);
                    world.retry = true;
                    check_to_the_end(&world, &mut followed, &at);
                    struck
                });
            }
        }
    }
}
