//! The connection is cut after every octet of a whole session in turn: whatever that leaves, the next
//! run that is not disturbed has exactly one copy of each message, and deletes no other.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::fleet::{EVERY_KEEPING, Fleet, Keeping};
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Problem};
use crate::support::{Behaviour, Mail};

/// Accounts, and so points, in one run.
const AT_ONCE: usize = 12;

/// Each octet is cut in a Maildir's session or in an mbox's, which are alike.
const STRIDE: usize = 2;

/// The other way to talk is cut at every sixth octet only.
const OTHER_STRIDE: usize = 6;

/// Small, so that their session is short; two are equal in all, two only in their unique-id.
fn six() -> Vec<Mail> {
    vec![
        Mail::new("a", "Subject: dots\n\n.\n..\n.x\n"),
        Mail::new("b", "From x y\nSubject: m\n\n>From a\n\nFrom b\n"),
        Mail::new("twin", "S: t\n\nt\n"),
        Mail::new("twin", "S: t\n\nt\n"),
        Mail::new("e", "\n"),
        Mail::new("twin", b"S: 8\n\n\xff\0 a\rb\n\n\n"),
    ]
}

/// A modern server; with or without PIPELINING.
fn server(pipelining: bool) -> Behaviour {
    let mut offers = vec!["UIDL", "TOP", "SASL PLAIN"];
    offers.extend(pipelining.then_some("PIPELINING"));
    Behaviour { capa: Capa::Offers(offers), ..Behaviour::default() }
}

/// How many octets the server sends in a session that nothing disturbs.
fn whole_session(keeping: Keeping, behaviour: &Behaviour) -> usize {
    let fleet = Fleet::new(keeping, &six(), vec![behaviour.clone()]);
    fleet.fetch().expect(0);
    let sessions = fleet.servers[0].take_sessions();
    assert_eq!(sessions.len(), 1);
    sessions[0].sent
}

/// Cuts each session of one run at one of these points, one account a point.
fn cut(keeping: Keeping, behaviour: &Behaviour, points: &[usize]) {
    let cut = |after| Behaviour { problem: Some((after, Problem::Cut)), ..behaviour.clone() };
    let fleet = Fleet::new(keeping, &six(), points.iter().copied().map(cut).collect());
    let broken = fleet.fetch();
    assert!(broken.stderr.lines().all(|line| line.starts_with("popkeep: ")), "{}", broken.stderr);
    let reports: Vec<_> = fleet.each(&broken.json()).collect();
    for ((number, point), exit) in points.iter().enumerate().zip(fleet.exits()) {
        let at = || format!("{keeping:?}, cut after {point} octets: {}", reports[number]);
        let left = stored_forms(&fleet.servers[number].state().mails);
        let mut somewhere = [fleet.archived(number), left].concat();
        somewhere.sort();
        somewhere.dedup();
        let mut all = stored_forms(&six());
        all.dedup();
        assert_eq!(somewhere, all, "a message is neither here nor there, or altered; {}", at());
        // A cut in QUIT's answer costs nothing, and a second session may be shorter than the first.
        let done = match keeping.delete {
            "never" => reports[number]["archived"] == six().len(),
            _ => fleet.servers[number].uids().is_empty(),
        };
        let expected: &[u64] = if done { &[0, 69] } else { &[1, 69, 76] };
        assert!(expected.contains(&exit), "exit code {exit}; {}", at());
    }

    for server in &fleet.servers {
        server.behave(behaviour.clone());
    }
    fleet.fetch().expect(0);
    let third = fleet.fetch().expect(0).json();
    for ((number, point), report) in points.iter().enumerate().zip(fleet.each(&third)) {
        eprintln!("{keeping:?}, cut after {point} octets");
        assert_same_mail(fleet.archived(number), stored_forms(&six()));
        assert_eq!(report["fetched"], 0, "nothing is new to the run after it");
        let left = if keeping.delete == "never" { six().len() } else { 0 };
        assert_eq!(fleet.servers[number].state().mails.len(), left);
    }
}

#[test]
fn a_cut_after_every_octet_of_a_session_loses_nothing_and_doubles_nothing() {
    let mut chunks = Vec::new();
    for keeping in EVERY_KEEPING {
        for pipelining in [true, false] {
            let behaviour = server(pipelining);
            let length = whole_session(keeping, &behaviour);
            // Each octet where it does most harm: of deletions with commands in flight, of the rest without.
            let does_most_harm = pipelining == (keeping.delete == "fetched");
            let every = if does_most_harm { STRIDE } else { OTHER_STRIDE };
            let first = usize::from(keeping.format == "mbox");
            let points: Vec<usize> = (first..length).step_by(every).collect();
            chunks.extend(points.chunks(AT_ONCE).map(|some| (keeping, behaviour.clone(), some.to_vec())));
        }
    }
    let points: usize = chunks.iter().map(|(_, _, points)| points.len()).sum();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((keeping, behaviour, points)) =
                    chunks.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    cut(*keeping, behaviour, points);
                }
            });
        }
    });
    println!("{points} cuts tried, each with a session, an archive and two runs of its own afterwards");
}
