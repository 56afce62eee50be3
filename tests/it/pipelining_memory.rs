//! A server that offers PIPELINING and mixes up its answers is found out, and remembered.

use crate::support::mail::assert_same_mail;
use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Sandbox};

/// Greeting and login of a server that offers PIPELINING, with three messages.
const LOGIN: &str = "S: +OK ready
    C: CAPA
    raw: +OK\\r\\nPIPELINING\\r\\nUSER\\r\\n.\\r\\n
    C: USER joe
    S: +OK
    C: PASS *
    S: +OK in
    C: CAPA
    raw: +OK\\r\\nPIPELINING\\r\\nUSER\\r\\n.\\r\\n
    listed: 1 one 20
    listed: 2 two 20
    listed: 3 three 20
";

/// The answer to RETR of this message.
fn message(number: u32) -> String {
    format!("C: RETR {number}\nraw: +OK\\r\\nSubject: {number}\\r\\n\\r\\nbody\\r\\n.\\r\\n\n")
}

#[test]
fn a_server_that_mixes_up_its_answers_is_asked_one_thing_at_a_time_from_then_on() {
    let mixed = format!("{LOGIN}{}C: RETR 2\nS: Subject: 2\nstall", message(1));
    let orderly = format!("{LOGIN}{}{}{}C: QUIT\nS: +OK", message(1), message(2), message(3));
    let poll = format!("{LOGIN}C: QUIT\nS: +OK");
    let server = Scripted::staged(&[&mixed, &orderly, &poll, &poll, &poll, &poll, &poll], Stage::default());
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "5s");
    let sandbox = Sandbox::with([account.clone()]);
    let outcome = sandbox.popkeep(["fetch", "-v"]).run().expect(0);
    let outcome = outcome.says(&["without pipelining, until 2"]);
    drop(outcome);
    let bodies = (1..=3).map(|number| format!("Subject: {number}\n\nbody\n").into_bytes());
    assert_same_mail(sandbox.maildir("work"), bodies.collect());

    // From now on each command waits for the answer to the one before it, whoever asks.
    for command in
        [&["fetch", "-vv"][..], &["fetch", "--dry-run", "-vv"], &["check", "-vv"], &["list", "-vv", "work"]]
    {
        let run = sandbox.popkeep(command).run().expect(0);
        let listing = run.stderr.find("C: STAT").unwrap();
        let uidl = run.stderr.find("C: UIDL").unwrap();
        assert!(run.stderr[listing..uidl].contains("S: +OK"), "{command:?}: {}", run.stderr);
    }
    sandbox.popkeep(["check"]).run().expect(0).says(&["does not pipeline until 2"]);
    drop(server);
}

/// Five messages of different sizes: the size in LIST, and the answer to RETR.
fn sized(number: usize) -> (usize, String) {
    let body = "x".repeat(10 * number);
    let message = format!("Subject: {number}\\r\\n\\r\\n{body}\\r\\n");
    (message.replace("\\r\\n", "\n\n").len(), format!("raw: +OK\\r\\n{message}.\\r\\n\n"))
}

/// A maildrop of them, listed with sizes that are off by `lie`.
fn greeting(lie: usize) -> String {
    let listed = (1..=5).map(|number| format!("listed: {number} uid-{number} {}\n", sized(number).0 + lie));
    LOGIN
        .lines()
        .filter(|line| !line.contains("listed:"))
        .map(|line| format!("{line}\n"))
        .chain(listed)
        .collect()
}

fn retr(number: usize) -> String {
    format!("C: RETR {number}\n{}", sized(number).1)
}

fn stored(number: usize) -> Vec<u8> {
    format!("Subject: {number}\n\n{}\n", "x".repeat(10 * number)).into_bytes()
}

#[test]
fn a_reply_that_never_comes_costs_no_message() {
    let asked = |number: usize| format!("C: RETR {number}\n");
    let lost = format!("{}{}{}{}{}{}stall", greeting(0), retr(1), retr(2), asked(3), retr(4), retr(5));
    // All comes once more, but for those that came before the gap: what came behind it has other sizes.
    let again = format!("{}{}{}{}C: QUIT\nS: +OK", greeting(0), retr(3), retr(4), retr(5));
    let poll = format!("{}C: QUIT\nS: +OK", greeting(0));
    for end in ["stall", "close"] {
        let lost = lost.replace("stall", end);
        let server = Scripted::staged(&[&lost, &again, &poll], Stage::default());
        let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "2s");
        let sandbox = Sandbox::with([account]);
        sandbox.popkeep(["fetch"]).run().expect(0);
        assert_same_mail(sandbox.maildir("work"), (1..=5).map(stored).collect());
        sandbox.popkeep(["fetch"]).run().expect(0);
        assert_same_mail(sandbox.maildir("work"), (1..=5).map(stored).collect());
        drop(server);
    }
}

#[test]
fn a_lost_connection_to_a_server_with_wrong_sizes_costs_one_more_download_and_no_second_copy() {
    let cut = format!("{}{}{}{}close", greeting(7), retr(1), retr(2), retr(3));
    let all: String = (1..=5).map(retr).collect();
    let again = format!("{}{all}C: QUIT\nS: +OK", greeting(7));
    let poll = format!("{}C: QUIT\nS: +OK", greeting(7));
    let server = Scripted::staged(&[&cut, &again, &poll], Stage::default());
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "5s");
    let sandbox = Sandbox::with([account]);
    sandbox.popkeep(["fetch"]).run().expect(0);
    assert_same_mail(sandbox.maildir("work"), (1..=5).map(stored).collect());
    sandbox.popkeep(["fetch"]).run().expect(0);
    drop(server);
}
