//! "Not now" is not "wrong": told apart, waited for when that is wanted, and never a second try of a refused
//! password.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::support::clock::library;
use crate::support::maildrop::{Capa, Nth};
use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// An account on a scripted server, logged in by USER and PASS.
fn sandbox(server: &Scripted) -> Sandbox {
    Sandbox::with([Account::new("work").loopback(server.port()).text("tls", "none")])
}

fn script(transcripts: &[&str]) -> Scripted {
    Scripted::staged(transcripts, Stage::default())
}

const GREETING: &str = "S: +OK\nC: CAPA\nS: -ERR\nC: USER joe\nS: +OK\nC: PASS *\n";
/// One message, fetched.
const ONE_MESSAGE: &str =
    "listed: 1 one 20\nC: RETR 1\nS: +OK\nraw: Subject: one\\r\\n\\r\\nx\\r\\n.\\r\\n\nC: QUIT\nS: +OK";

#[test]
fn later_and_wrong_in_one_line_each_with_what_to_do() {
    for (reply, code, words) in [
        ("[IN-USE] busy", 75, "--wait"),
        ("maildrop already locked", 75, "--wait"),
        ("[LOGIN-DELAY] slowly", 75, "less often"),
        ("[SYS/TEMP] database is down", 75, "try again later"),
        ("[SYS/TEMP/X] database is down", 75, "try again later"),
        ("server busy", 75, "try again later"),
        ("[SYS/PERM] account is not enabled", 77, "ask your provider"),
        ("[AUTH] no", 77, "check `user`"),
        ("[X-NEW] no", 77, "check `user`"),
        ("no", 77, "check `user`"),
    ] {
        let server = script(&[&format!("{GREETING}S: -ERR {reply}\nclose")]);
        let sandbox = sandbox(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(code).one_line(&[words, reply]);
        let heard = server.finish();
        let tries = heard.iter().filter(|line| line.starts_with("PASS")).count();
        assert_eq!(tries, 1, "{reply}: {heard:?}");
    }
}

#[test]
fn a_maildrop_in_use_is_waited_for() {
    let locked = format!("{GREETING}S: -ERR [IN-USE] another session\nclose");
    let free = format!("{GREETING}S: +OK\n{ONE_MESSAGE}");
    let server = script(&[&locked, &free]);
    let sandbox = sandbox(&server);
    sandbox.popkeep(["fetch", "--wait", "1m"]).run().expect(0).says(&["trying again in 2 s"]);
    assert_eq!(sandbox.maildir("work").len(), 1);
    server.finish();
}

#[test]
fn waiting_ends_with_its_time() {
    let locked = format!("{GREETING}S: -ERR [IN-USE] another session\nclose");
    let server = script(&[&locked, &locked]);
    let sandbox = sandbox(&server);
    sandbox.popkeep(["fetch", "--quiet", "--wait", "1s"]).run().expect(75).one_line(&["another session"]);
    let tries = server.finish().iter().filter(|line| line.starts_with("PASS")).count();
    assert_eq!(tries, 2, "the last one when the time is up");
}

#[test]
fn a_refused_password_is_not_waited_for() {
    let server = script(&[&format!("{GREETING}S: -ERR [AUTH] no\nclose")]);
    let sandbox = sandbox(&server);
    sandbox.popkeep(["fetch", "--quiet", "--wait", "1m"]).run().expect(77).one_line(&["[AUTH] no"]);
    server.finish();
}

#[test]
fn another_popkeep_is_waited_for() {
    let stalls = Behaviour { stall_at: Some(Nth("RETR", 1)), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(3), stalls);
    let sandbox = Sandbox::for_server(&server);
    let first = sandbox.popkeep(["fetch"]).spawn();
    server.wait_for_stall();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(75).one_line(&["another popkeep", "--wait"]);
    server.behave(Behaviour::default());
    let ending = std::thread::spawn(move || {
        // Long enough for the second to find the lock taken; if it comes later, it has no need to wait.
        std::thread::sleep(Duration::from_millis(500));
        first.kill();
    });
    sandbox.popkeep(["fetch", "--quiet", "--wait", "1m"]).run().expect(0).silent();
    ending.join().unwrap();
    assert_eq!(sandbox.maildir("work").len(), 3);
}

#[test]
fn an_announced_login_delay_is_honoured_by_skipping() {
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "LOGIN-DELAY 900"]);
    let server = PopServer::behaving(Mail::some(1), Behaviour { capa, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    server.take_sessions();

    let second = sandbox.popkeep(["fetch", "--json"]).run().expect(75).says(&[
        "skipped",
        "900 s",
        "run popkeep again in",
    ]);
    assert_eq!(second.account()["outcome"], "skipped");
    assert_eq!(server.count("USER") + server.count("AUTH"), 0, "nobody logged in");

    let Some(library) = library() else { return };
    sandbox.set_clock(&library, 901);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_short_login_delay_is_waited_for() {
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "LOGIN-DELAY 3"]);
    let server = PopServer::behaving(Mail::some(1), Behaviour { capa, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    sandbox.popkeep(["fetch"]).run().expect(0).says(&["the server wants 3 s between logins; waiting for"]);
}

#[test]
fn a_server_that_hangs_up_on_apop_is_asked_again_without_it() {
    let ready = "S: +OK ready <1@host>\nC: CAPA\nS: -ERR\n";
    for hang_up in ["S: -ERR no\nC: USER joe\nclose", "close"] {
        let server = script(&[
            &format!("{ready}C: APOP *\n{hang_up}"),
            &format!("{ready}C: USER joe\nS: +OK\nC: PASS *\nS: +OK\n{ONE_MESSAGE}"),
        ]);
        sandbox(&server).popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        server.finish();
    }
}

#[test]
fn whether_utf8_was_in_force_is_on_record() {
    for (offer, in_force) in [("S: UTF8 USER\n", true), ("", false)] {
        let utf8 = if in_force { "C: UTF8\nS: +OK\n" } else { "" };
        let transcript = format!(
            "S: +OK\nC: CAPA\nS: +OK\n{offer}S: USER\nS: .\n{utf8}C: USER joe\nS: +OK\nC: PASS *\nS: +OK\n\
             C: CAPA\nS: +OK\nS: UIDL\nS: .\n{ONE_MESSAGE}"
        );
        let server = script(&[&transcript]);
        let sandbox = sandbox(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        server.finish();
        let ledger = Connection::open_with_flags(sandbox.ledger(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let recorded: bool = ledger.query_row("SELECT utf8 FROM message", [], |row| row.get(0)).unwrap();
        assert_eq!(recorded, in_force);
    }
}

#[test]
fn a_server_that_hangs_up_on_capa_before_or_after_the_login_is_done_without_it() {
    let without = format!("S: +OK\nC: USER joe\nS: +OK\nC: PASS *\nS: +OK\n{ONE_MESSAGE}");
    let server = script(&["S: +OK\nC: CAPA\nclose", &without]);
    sandbox(&server).popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    server.finish();

    let server = script(&[
        "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: .\nC: USER joe\nS: +OK\nC: PASS *\nS: +OK\nC: CAPA\nclose",
        &without.replace("S: +OK\nC: USER joe", "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: .\nC: USER joe"),
    ]);
    sandbox(&server).popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    server.finish();
}
