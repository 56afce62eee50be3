//! `listed == archived + missing`: the union over all sessions of a run, each message once.

use serde_json::Value;

use crate::support::scripted::{LOGIN, Scripted, Stage};
use crate::support::{Account, Sandbox};

/// Six messages, each with this UID.
fn listing(uid: impl Fn(usize) -> String) -> String {
    let line = |number: usize| format!("listed: {number} {} {}\n", uid(number), message(number).len());
    format!("{LOGIN}{}", (1..=6).map(line).collect::<String>())
}

fn message(number: usize) -> String {
    format!("Subject: {}\r\n\r\nbody\r\n", "x".repeat(number))
}

fn retr(numbers: impl IntoIterator<Item = usize>) -> String {
    let answer = |number: usize| {
        let message = message(number).replace("\r\n", "\\r\\n");
        format!("C: RETR {number}\nraw: +OK\\r\\n{message}.\\r\\n\n")
    };
    numbers.into_iter().map(answer).collect()
}

fn account(server: &Scripted) -> Account {
    Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "1s")
}

#[track_caller]
fn comes_to(report: &Value, archived: u64, missing: &[u64]) {
    let numbers: Vec<u64> = report["missing"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|message| message["number"].as_u64())
        .collect();
    assert_eq!((&report["listed"], &report["archived"]), (&6.into(), &archived.into()), "{report}");
    assert_eq!(numbers, missing, "{report}");
}

#[test]
fn what_an_earlier_session_held_is_not_missing_when_a_later_one_breaks_though_all_uids_are_equal() {
    let listing = listing(|_| "same".to_owned());
    let first = format!("{listing}{}close", retr([1, 2, 3]));
    let second = format!("{listing}{}close", retr([1]));
    let server = Scripted::staged(&[&first, &second], Stage::default());
    let sandbox = Sandbox::with([account(&server)]);
    // Message 2 has a reason of its own: the session broke off at it.
    comes_to(&sandbox.fetch_with(69, &[]), 3, &[2, 5, 6]);
}

#[test]
fn a_session_that_breaks_before_it_fetches_anything_is_reconciled_too() {
    let listing = listing(|number| format!("uid-{number}"));
    let first = format!("{listing}{}C: QUIT\nS: +OK", retr([1, 2, 3, 4, 5]));
    let first = first.replace("C: QUIT", "C: RETR 6\nS: -ERR not now\nC: QUIT");
    // What is due for deletion is looked at with TOP first.
    let broken = format!("{listing}C: TOP 1 0\nstall");
    let server = Scripted::staged(&[&first, &broken], Stage::default());
    let sandbox = Sandbox::with([account(&server)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1);
    sandbox.configure([account(&server).text("delete", "fetched")]);
    comes_to(&sandbox.fetch_with(69, &[]), 5, &[6]);
}
