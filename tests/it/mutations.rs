//! Servers whose replies are mutated at random, session after session: no panic, no hang, and nothing
//! that a run without mutations cannot make good.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::fleet::{EVERY_KEEPING, Fleet, Keeping};
use crate::support::mail::stored_forms;
use crate::support::maildrop::Capa;
use crate::support::{Behaviour, Mail};

/// Accounts, and so seeds, in one run.
const AT_ONCE: u64 = 16;

/// Runs of sixteen accounts, four for each way of keeping mail, with and without pipelining.
const RUNS: u64 = 32;

const MAILS: usize = 4;

/// Long beyond all that was measured: three runs with a `timeout` of one second.
const BOUND: Duration = Duration::from_mins(2);

/// Two runs against mutating servers, and a clean one; how many of the mutated ones were in problem.
fn mutated(keeping: Keeping, pipelining: bool, seeds: std::ops::Range<u64>) -> usize {
    let server = |seed| {
        let capa = if pipelining { Capa::default() } else { Capa::without_pipelining() };
        Behaviour { capa, mutations: seed, ..Behaviour::default() }
    };
    let behaviours = seeds.clone().map(|seed| server(Some(seed))).collect();
    let fleet = Fleet::patient(keeping, &Mail::some(MAILS), behaviours, Duration::from_secs(1));
    let all: BTreeSet<_> = stored_forms(&Mail::some(MAILS)).into_iter().collect();
    let mut affected = 0;
    for round in 1..=3 {
        if round == 3 {
            for there in &fleet.servers {
                there.behave(server(None));
            }
        }
        let begun = Instant::now();
        let outcome = if round == 3 { fleet.retry() } else { fleet.fetch() };
        assert!(begun.elapsed() < BOUND, "{:?}: {outcome:?}", begun.elapsed());
        assert!(outcome.code != Some(101) && !outcome.stderr.contains("panicked"), "{outcome:?}");
        assert!(!outcome.stderr.contains("internal error"), "{outcome:?}");
        affected += fleet.each(&outcome.json()).filter(|account| account["outcome"] != "ok").count();
        if round == 3 {
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
        }
        for (number, seed) in seeds.clone().enumerate() {
            let at = || format!("{keeping:?}, pipelining {pipelining}, seed {seed}, run {round}");
            let archived = fleet.archived(number);
            let known: BTreeSet<_> = archived.iter().cloned().collect();
            let left: BTreeSet<_> = stored_forms(&fleet.servers[number].state().mails).into_iter().collect();
            assert!(known.is_subset(&all), "altered: {}", at());
            assert!(known.union(&left).eq(&all), "lost: {}", at());
            if round == 3 {
                assert!(known == all && archived.len() == all.len(), "missing or doubled: {}", at());
                assert!(keeping.delete == "never" || left.is_empty(), "not deleted: {}", at());
            }
        }
    }
    affected
}

#[test]
fn whatever_a_server_says_nothing_is_lost_and_nothing_panics() {
    let (next, affected) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let runs: Vec<_> = (0..RUNS)
        .map(|run| {
            let which = usize::try_from(run).unwrap();
            (EVERY_KEEPING[which % 4], which / 4 % 2 == 0, run * AT_ONCE..(run + 1) * AT_ONCE)
        })
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((keeping, pipelining, seeds)) = runs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    affected.fetch_add(mutated(*keeping, *pipelining, seeds.clone()), Ordering::Relaxed);
                }
            });
        }
    });
    let (seeds, affected) = (RUNS * AT_ONCE, affected.into_inner());
    println!(
        "{seeds} seeds, two mutated runs each, {affected} of them with a problem, and a clean one: \
         0 lost, 0 doubled, 0 altered, 0 hangs, 0 panics"
    );
    assert!(affected as u64 > seeds / 3, "the mutations do too little");
}
