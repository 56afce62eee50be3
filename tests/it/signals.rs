//! SIGINT and SIGTERM end a run soon, safely, and with a code of their own.

use std::time::{Duration, Instant};

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

const MESSAGES: usize = 12;

/// A server that stalls at the ninth RETR, one command at a time, and a run against it.
fn stalling(timeout: &str) -> (PopServer, Sandbox) {
    let capa = Capa::without_pipelining();
    let stalled = Behaviour { stall_at: Some(Nth("RETR", 9)), capa, ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(MESSAGES), stalled);
    let account = Account::on("work", &server).text("delete", "fetched").text("timeout", timeout);
    (server, Sandbox::with([account]))
}

fn the_next_run_completes(server: &PopServer, sandbox: &Sandbox) {
    server.behave(Behaviour::default());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(MESSAGES)));
    assert!(server.uids().is_empty());
}

#[test]
fn what_is_complete_is_kept_and_nothing_is_deleted() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (server, sandbox) = stalling("1s");
        let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
        server.wait_for_stall();
        run.signal(signal);
        assert_eq!(run.wait(), Some(code));
        assert_eq!(sandbox.maildir("work").len(), 8);
        assert_eq!(server.uids().len(), MESSAGES, "left without QUIT");
        assert_eq!(server.count("QUIT"), 0);
        the_next_run_completes(&server, &sandbox);
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let (server, sandbox) = stalling("300s");
    let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    server.wait_for_stall();
    let begun = Instant::now();
    run.signal("TERM");
    run.signal("INT");
    assert_eq!(run.wait(), Some(130));
    assert!(begun.elapsed() < Duration::from_mins(1), "it did not wait for the server");
    the_next_run_completes(&server, &sandbox);
}
