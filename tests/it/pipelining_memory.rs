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
    let server = Scripted::staged(&[&mixed, &orderly, &poll, &poll], Stage::default());
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "5s");
    let sandbox = Sandbox::with([account.clone()]);
    let outcome = sandbox.popkeep(["fetch", "-v"]).run().expect(0);
    let outcome = outcome.says(&["going on without pipelining, until 2"]);
    drop(outcome);
    let bodies = (1..=3).map(|number| format!("Subject: {number}\n\nbody\n").into_bytes());
    assert_same_mail(sandbox.maildir("work"), bodies.collect());

    // The next run knows: each command waits for the answer to the one before it.
    let trace = sandbox.popkeep(["fetch", "-vv"]).run().expect(0).stderr;
    let said: Vec<&str> =
        trace.lines().filter_map(|line| line.split_once(" C: ").map(|(_, said)| said)).collect();
    let listing = trace.find("C: STAT").unwrap();
    let uidl = trace.find("C: UIDL").unwrap();
    assert!(trace[listing..uidl].contains("S: +OK"), "{said:?}");
    sandbox.popkeep(["check"]).run().expect(0).says(&["does not pipeline until 2"]);
    drop(server);
}
