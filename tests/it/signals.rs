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
        let (server, sandbox) = stalling("300s");
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

/// From a signal to the end, the machine's other work included.
const SOON: Duration = Duration::from_secs(2);

/// Starts a fetch, sends a signal once `ready`, and sees that it wins soon.
#[track_caller]
fn wins(what: &str, sandbox: &Sandbox, arguments: &[&str], ready: impl Fn()) {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let run = sandbox.popkeep(["fetch", "--quiet"].iter().chain(arguments)).spawn();
        ready();
        let begun = Instant::now();
        run.signal(signal);
        assert_eq!(run.wait(), Some(code), "{what}");
        assert!(begun.elapsed() < SOON, "{what}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_signal_wins_while_a_server_is_silent() {
    for verb in ["CAPA", "USER", "PASS", "STAT", "UIDL", "LIST", "RETR", "DELE", "QUIT"] {
        let capa = Capa::Offers(vec!["UIDL", "USER"]);
        let stalled = Behaviour { stall_at: Some(Nth(verb, 1)), capa, ..Behaviour::default() };
        let server = PopServer::behaving(Mail::some(3), stalled);
        let account = Account::on("work", &server).text("auth", "user").text("delete", "fetched");
        let sandbox = Sandbox::with([account.text("timeout", "300s")]);
        wins(verb, &sandbox, &[], || server.wait_for_stall());
    }
}

#[test]
fn a_signal_wins_before_a_server_has_said_anything() {
    // Whoever connects is accepted, by the kernel, and hears nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let ready = || std::thread::sleep(Duration::from_secs(1));
    for (what, tls, proxy) in
        [("greeting", "none", None), ("handshake", "implicit", None), ("proxy", "none", Some(port))]
    {
        let mut account = Account::new("work").loopback(port).text("tls", tls);
        account = account.text("timeout", "300s").text("connect_timeout", "300s");
        if let Some(port) = proxy {
            account =
                account.text("proxy", format!("socks5://127.0.0.1:{port}")).key("allow_plaintext", true);
        }
        let sandbox = Sandbox::with([account]);
        wins(what, &sandbox, &[], ready);
    }
    // Fetched side by side, and behind one another.
    let account = |name: &str| {
        Account::new(name).loopback(port).text("user", name).text("tls", "none").text("timeout", "300s")
    };
    let sandbox = Sandbox::with([account("a"), account("b"), account("c")]);
    wins("several", &sandbox, &["--jobs", "2"], ready);
}

#[test]
fn a_signal_wins_while_a_command_runs() {
    let server = PopServer::with(Mail::some(1));
    for key in ["password_command", "token_command", "on_new_mail"] {
        let sandbox = Sandbox::new();
        let sign = sandbox.path("running");
        let command = format!("trap '' TERM INT; touch {}; sleep 300 & wait; sleep 300", sign.display());
        let account = Account::on("work", &server).text(key, &command);
        let account = if key == "on_new_mail" { account } else { account.without("password") };
        sandbox.configure([account]);
        let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
        while !sign.exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let begun = Instant::now();
        run.signal("TERM");
        assert_eq!(run.wait(), Some(143), "{key}");
        assert!(begun.elapsed() < SOON, "{key}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_signal_wins_while_a_lock_is_awaited() {
    let server = PopServer::with(Mail::some(3));
    let ready = || std::thread::sleep(Duration::from_secs(1));
    // The dotlock of an mbox, and what somebody has put in its place.
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", "mbox")]);
    sandbox.write("Mail/work.lock", "1\n");
    wins("dotlock", &sandbox, &[], ready);
    std::fs::remove_file(sandbox.path("Mail/work.lock")).unwrap();
    std::os::unix::fs::symlink("elsewhere", sandbox.path("Mail/work.lock")).unwrap();
    wins("a link as dotlock", &sandbox, &[], ready);
    std::fs::remove_file(sandbox.path("Mail/work.lock")).unwrap();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    // The ledger, in another program's hands.
    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    ledger.execute_batch("BEGIN EXCLUSIVE").unwrap();
    wins("ledger", &sandbox, &[], ready);
    ledger.execute_batch("ROLLBACK").unwrap();
    // The account's lock, and the maildrop's.
    let stalled = Behaviour { stall_at: Some(Nth("RETR", 1)), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(1), stalled);
    let sandbox = Sandbox::with([Account::on("work", &server).text("timeout", "300s")]);
    let first = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    server.wait_for_stall();
    wins("another popkeep", &sandbox, &["--wait", "5m"], ready);
    first.kill();
    server.behave(Behaviour::default());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
}

#[test]
fn a_signal_wins_where_nobody_reads_what_is_said() {
    let server = PopServer::with(Mail::some(600));
    let sandbox = Sandbox::for_server(&server);
    // Far more lines than a pipe holds.
    let mut command = sandbox.popkeep(["fetch", "-vv"]).into_command();
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let mut run = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert!(run.try_wait().unwrap().is_none(), "it does not wait for its reader");
    let begun = Instant::now();
    Command::new("kill").arg("-TERM").arg(run.id().to_string()).status().unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(143));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}
