//! SIGINT and SIGTERM end a run soon, safely, and with a code of their own; a terminal that hangs up ends it at
//! once, as it ends any program; a reader that has seen enough is no failure.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth};
use crate::support::sandbox::POPKEEP;
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

#[test]
fn the_message_in_hand_is_finished_and_no_further_one_is_asked_for() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let capa = Capa::without_pipelining();
        let held = Behaviour { hold_at: Some(Nth("RETR", 9)), capa, ..Behaviour::default() };
        let server = PopServer::behaving(Mail::some(MESSAGES), held);
        let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
        let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
        server.while_held(|| {
            run.signal(signal);
            // The signal is handled before the answer comes.
            std::thread::sleep(Duration::from_millis(300));
        });
        assert_eq!(run.wait(), Some(code));
        assert_eq!(sandbox.maildir("work").len(), 9, "the ninth was in hand");
        assert_eq!(server.count("RETR"), 9);
        assert_eq!((server.count("QUIT"), server.uids().len()), (0, MESSAGES), "left without QUIT");
        the_next_run_completes(&server, &sandbox);
    }
}

#[test]
fn what_the_server_has_marked_is_confirmed_and_no_further_deletion_is_asked_for() {
    let capa = Capa::without_pipelining();
    let held = Behaviour { hold_at: Some(Nth("DELE", 5)), capa, ..Behaviour::default() };
    let mails = Mail::some(20);
    let server = PopServer::behaving(mails.clone(), held);
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    server.while_held(|| {
        run.signal("TERM");
        std::thread::sleep(Duration::from_millis(300));
    });
    assert_eq!(run.wait(), Some(143));
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
    assert_eq!(server.uids().len(), 15, "five had been asked for, and QUIT confirmed them");
    server.behave(Behaviour::default());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
    assert!(server.uids().is_empty());
}

#[test]
fn a_hang_up_ends_a_run_at_once_and_nohup_outlives_it() {
    let (server, sandbox) = stalling("300s");
    let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    server.wait_for_stall();
    run.signal("HUP");
    assert_eq!(run.wait(), None, "the signal ends it, as it ends any program");
    assert_eq!(server.uids().len(), MESSAGES);
    the_next_run_completes(&server, &sandbox);

    let capa = Capa::without_pipelining();
    let held = Behaviour { hold_at: Some(Nth("RETR", 9)), capa, ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(MESSAGES), held);
    let sandbox = Sandbox::with([Account::on("work", &server)]);
    let mut command = Command::new("nohup");
    command.args([POPKEEP, "fetch", "--quiet"]);
    let run = sandbox.command(command).spawn();
    server.while_held(|| run.signal("HUP"));
    assert_eq!(run.wait(), Some(0));
    assert_eq!(sandbox.maildir("work").len(), MESSAGES);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let server = PopServer::with(Mail::some(3_000));
    let sandbox = Sandbox::for_server(&server);
    for (command, first) in [("list work", "NO"), ("status", "work")] {
        let mut shell = Command::new("sh");
        let line = format!("{{ {POPKEEP} {command}; echo \"exit $?\" >&2; }} | head -n 1");
        shell.args(["-c", &line]);
        let outcome = sandbox.command(shell).run();
        assert!(outcome.stdout.contains(first), "{outcome:?}");
        assert!(matches!(outcome.stderr.as_str(), "exit 0\n" | "exit 1\n"), "{outcome:?}");
    }
}
