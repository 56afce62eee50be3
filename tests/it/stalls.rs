//! A server that falls silent, or nearly, wherever it does: the run ends within its bound, keeps what
//! came whole, and the next one completes it.

use std::time::{Duration, Instant};

use crate::support::fleet::{Fleet, Keeping};
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Problem};
use crate::support::{Behaviour, Mail};

const MAILS: usize = 3;

/// The accounts' `timeout`.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A session for each message that comes whole, one in which none does, and time to work in.
const BOUND: Duration = Duration::from_secs(20);

const DELETING: Keeping = Keeping { format: "maildir", delete: "fetched" };

fn server(pipelining: bool, problem: Option<(usize, Problem)>) -> Behaviour {
    let capa = if pipelining { Capa::default() } else { Capa::without_pipelining() };
    Behaviour { capa, problem, ..Behaviour::default() }
}

/// Lets the problem befall one account at each of these points of its sessions.
fn befalls(problem: Problem, pipelining: bool, points: impl Iterator<Item = usize>) -> usize {
    let points: Vec<usize> = points.collect();
    let behaviours = points.iter().map(|&point| server(pipelining, Some((point, problem)))).collect();
    let fleet = Fleet::patient(DELETING, &Mail::some(MAILS), behaviours, TIMEOUT);
    let begun = Instant::now();
    let report = fleet.fetch().json();
    for (account, exit) in fleet.each(&report).zip(fleet.exits()) {
        let seconds = account["seconds"].as_f64().unwrap();
        assert!(Duration::from_secs_f64(seconds) < BOUND, "{seconds} s: {account}");
        assert!([0, 1, 69].contains(&exit), "{exit}: {account}");
    }
    eprintln!("{} accounts: {:?}", points.len(), begun.elapsed());
    for server_ in &fleet.servers {
        server_.behave(server(pipelining, None));
    }
    fleet.fetch().expect(0);
    for number in 0..points.len() {
        assert_same_mail(fleet.archived(number), stored_forms(&Mail::some(MAILS)));
        assert!(fleet.servers[number].uids().is_empty());
    }
    points.len()
}

/// How many octets the server sends in a session without problem.
fn whole_session(pipelining: bool) -> usize {
    let fleet = Fleet::new(DELETING, &Mail::some(MAILS), vec![server(pipelining, None)]);
    fleet.fetch().expect(0);
    fleet.servers[0].take_sessions()[0].sent
}

#[test]
fn a_stall_anywhere_in_a_session_ends_the_run_within_its_bound() {
    let mut tried = 0;
    for pipelining in [true, false] {
        tried += befalls(Problem::Stall, pipelining, (0..whole_session(pipelining)).step_by(23));
    }
    println!("{tried} stalls tried, all within {BOUND:?}");
}

#[test]
fn octets_that_come_one_by_one_end_the_run_within_its_bound() {
    let slow = Problem::Dribble(Duration::from_millis(100));
    let tried = befalls(slow, true, (0..whole_session(true)).step_by(61));
    println!("{tried} slow replies tried, all within {BOUND:?}");
}
