//! Which states were followed. Two worlds that the next run cannot tell apart have the same future: to follow one of
//! them is enough.
//!
//! Must never: take two worlds for the same that a run could tell apart, or that are judged by different things.

use super::store::{INOS, TIMES};
use super::world::World;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, HashSet};
use std::fmt::Debug;
use std::io::Write as _;

/// The states that were followed so far, each with what was to come.
#[derive(Default)]
pub(crate) struct Followed {
    states: HashSet<[u8; 32]>,
    /// How often one was met, followed or not.
    met: u64,
}

impl Followed {
    /// Whether no world was like this one when the same was `to_come`.
    pub(crate) fn is_new(&mut self, world: &World, to_come: &dyn Debug) -> bool {
        let mut state = Vec::new();
        let _ = write!(state, "{to_come:?} ");
        world.write_state(&mut state);
        self.met += 1;
        self.states.insert(Sha256::digest(ranked(&state)).into())
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        println!("{} states met, {} of them different, and followed", self.met, self.states.len());
    }
}

/// The state with the numbers of its files and the times of their changes ranked: a run can tell which are the same and
/// which is higher, and that all are lower than those to come, and nothing else.
fn ranked(state: &[u8]) -> Vec<u8> {
    let mut ranked = Vec::with_capacity(state.len());
    let tokens = tokens(state);
    let ranks: BTreeSet<&[u8]> = tokens.iter().map(|(_, token)| *token).collect();
    let ranks: Vec<&[u8]> = ranks.into_iter().collect();
    let mut done = 0;
    for (at, token) in tokens {
        ranked.extend_from_slice(&state[done..at]);
        let first = ranks.partition_point(|other| other[..INOS.len()] < token[..INOS.len()]);
        let rank = ranks.partition_point(|other| *other < token) - first;
        ranked.extend_from_slice(&token[..INOS.len()]);
        let _ = write!(ranked, "#{rank}");
        done = at + token.len();
    }
    ranked.extend_from_slice(&state[done..]);
    ranked
}

/// Octets of a number or time.
const LEN: usize = 10;

/// The numbers and times in it, and where they are, in order.
fn tokens(state: &[u8]) -> Vec<(usize, &[u8])> {
    let is_digit = |at: usize| state.get(at).is_some_and(u8::is_ascii_digit);
    let mut found: Vec<usize> =
        [INOS, TIMES].iter().flat_map(|first| memchr::memmem::find_iter(state, *first)).collect();
    found.retain(|&at| {
        let (before, end) = (at.checked_sub(1), at + LEN);
        !before.is_some_and(is_digit) && (at..end).all(is_digit) && !is_digit(end)
    });
    found.sort_unstable();
    found.into_iter().map(|at| (at, &state[at..at + LEN])).collect()
}

#[test]
fn only_numbers_and_times_are_ranked_each_among_their_like() {
    let state = b"9876500007 1234500100:9876500009:17:1234500099 9876500007, 98765000070 1800000000 12345";
    let expected = b"98765#0 12345#1:98765#1:17:12345#0 98765#0, 98765000070 1800000000 12345";
    assert_eq!(ranked(state).escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn worlds_are_told_apart_by_what_a_run_sees_and_by_nothing_else() {
    use super::{MAIL, MAILDIR};
    use crate::fetch::model::store::Survival;

    let mut followed = Followed::default();
    let mut is_new = |world: &World| followed.is_new(world, &"a run");
    let world = World::new(MAILDIR, &MAIL);
    assert!(is_new(&world));
    assert!(!is_new(&World::new(MAILDIR, &MAIL)), "another like it");
    assert!(is_new(&World::new(MAILDIR.deleting(), &MAIL)), "its policy");
    world.run(None);
    assert!(is_new(&world), "all is archived");
    // Nobody sees that.
    world.store.lock().unwrap().add_file();
    assert!(!is_new(&world), "a file without a name");
    let snapshot = world.snapshot();
    for change in [
        |world: &World| world.deliver(b"Subject: more\n"),
        |world: &World| world.lose_ledger(),
        |world: &World| world.vandalise(),
        |world: &World| world.read_all(),
        |world: &World| world.maildrop.lock().unwrap().move_away(),
    ] {
        let world = snapshot.world();
        assert!(!is_new(&world), "as it was");
        change(&world);
        assert!(is_new(&world), "changed");
    }
    let unsynced = snapshot.world();
    unsynced.vandalise();
    assert!(!is_new(&unsynced), "vandalised before");
    unsynced.store.lock().unwrap().sync_all();
    assert!(is_new(&unsynced), "a power cut changes nothing about it any more");
    unsynced.power_cut(Survival::Nothing);
    assert!(!is_new(&unsynced));
}
