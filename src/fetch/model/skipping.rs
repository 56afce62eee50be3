//! Blows to runs that look at headers for `skip_headers`.

use super::followed::Followed;
use super::maildrop::Uids;
use super::store::Survival;
use super::strike::{Blow, Doom, Side};
use super::world::World;
use super::{MAILDIR, MBOX, steps};
use crate::exit::Exit;

const MAIL: [&[u8]; 5] = [
    b"Subject: wanted\n\nX-Spam-Flag: YES\n",
    b"Subject: one\nX-Spam-Flag: YES\n\nspam\n",
    b"Subject: two\nx-spam-flag:\n yes\n\nspam\n",
    b"Subject: wanted, too\nX-Spam-Flag: NO\n\n",
    b"Subject: one\nX-Spam-Flag: YES\n\nspam\n",
];

/// Whatever is struck, the marked messages are on the server and nowhere else in the end, and the others archived once.
#[test]
fn what_is_left_and_what_is_not_is_the_same_after_a_blow_at_every_step() {
    let mut followed = Followed::default();
    let plain = [MAILDIR, MBOX, MAILDIR.deleting(), MBOX.deleting().one_at_a_time()];
    let odd = [MAILDIR.with_uids(Uids::None), MAILDIR.deleting().with_uids(Uids::Equal)];
    for case in plain.into_iter().chain(odd) {
        for (side, blow) in [
            (Side::Local, Blow::Death),
            (Side::Local, Blow::Failure),
            (Side::Local, Blow::LostAnswer),
            (Side::Remote, Blow::Death),
            (Side::Remote, Blow::Failure),
            (Side::Remote, Blow::LostAnswer),
        ] {
            steps(|step| {
                let at = format!("{side:?}, {blow:?}, {step}, {case:?}");
                let mut world = World::new(case, &MAIL);
                world.account.skip_headers.add("X-Spam-Flag: YES").unwrap();
                if !world.run(Some(Doom { side, blow, step })).1 {
                    return false;
                }
                world.power_cut(Survival::Nothing);
                world.deliver(b"Subject: late\nX-Spam-Flag: YES\n\nspam\n");
                for runs in ["two more runs", "one more run"] {
                    // What is marked may be archived after blows of one side only.
                    if !followed.is_new(&world, &(runs, side)) {
                        break;
                    }
                    let (summary, _) = world.run(None);
                    let archived = world.archived();
                    let (mut wanted, mut marked) = (Vec::new(), Vec::new());
                    for message in &archived {
                        let is_wanted = [MAIL[0], MAIL[3]].contains(&&**message);
                        if is_wanted { &mut wanted } else { &mut marked }.push(message.as_slice());
                    }
                    wanted.sort_unstable();
                    assert_eq!(wanted, [MAIL[0], MAIL[3]].map(<[u8]>::to_vec), "{at}");
                    // Where the connection was lost at TOP, the run has gone on without it.
                    assert!(side == Side::Remote || marked.is_empty(), "{at}");
                    assert_eq!((summary.exit, summary.left()), (Exit::OK, 4 - marked.len() as u64), "{at}");
                    assert!(world.purged().iter().all(|message| archived.contains(message)), "{at}");
                    world.power_cut(Survival::Nothing);
                }
                true
            });
        }
    }
}
