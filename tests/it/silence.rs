//! A server that does not answer a command, or hangs up at it, is asked without it on a new connection, in the same
//! run; and that is remembered, when the run succeeded so.
//!
//! | rule | tests |
//! | --- | --- |
//! | CAPA, before and after the login | `capa_…` |
//! | UTF8, APOP, mechanisms | `whatever_…`, `after_silence_…`, `a_server_that_hangs_up_after_…` |
//! | TOP | `top_…`, `a_list_…` |
//! | never STLS; "not now" is no silence | `stls_…`, `not_now_…` |

use crate::support::clock::{DAY, library};
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::Capa;
use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// One message, fetched.
const ONE_MESSAGE: &str =
    "listed: 1 one 20\nC: RETR 1\nS: +OK\nraw: Subject: one\\r\\n\\r\\nx\\r\\n.\\r\\n\nC: QUIT\nS: +OK";
/// The login without CAPA, and the message.
const USER: &str = "C: USER joe\nS: +OK\nC: PASS *\nS: +OK\n";

fn sandbox(port: u16) -> Sandbox {
    Sandbox::with([account(port)])
}

fn account(port: u16) -> Account {
    Account::new("work").loopback(port).text("tls", "none").text("timeout", "1s")
}

fn script(transcripts: &[&str]) -> Scripted {
    Scripted::staged(transcripts, Stage::default())
}

/// Fetches from one connection for each transcript; the lines that the client sent.
#[track_caller]
fn fetches(transcripts: &[&str], exit: i32, stored: usize) -> Vec<String> {
    let server = script(transcripts);
    let sandbox = sandbox(server.port());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(exit);
    assert_eq!(sandbox.maildir("work").len(), stored);
    server.finish()
}

#[test]
fn capa_without_answer_is_left_out_before_and_after_the_login() {
    let offers = "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: .\n";
    for silence in ["stall", "close", "S: +OK\nS: USER\nstall", "S: -ERR\nclose"] {
        let without = format!("S: +OK\n{USER}{ONE_MESSAGE}");
        fetches(&[&format!("S: +OK\nC: CAPA\n{silence}"), &without], 0, 1);
    }
    for silence in ["stall", "close"] {
        let without = format!("{offers}{USER}{ONE_MESSAGE}");
        fetches(&[&format!("{offers}{USER}C: CAPA\n{silence}"), &without], 0, 1);
    }
}

#[test]
fn capa_without_answer_is_remembered_and_so_costs_one_wait() {
    let says = [("CAPA", Vec::new())].into();
    let server = PopServer::behaving(Mail::some(2), Behaviour { says, ..Behaviour::default() });
    let sandbox = sandbox(server.port());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(server.count("CAPA"), 1);
    assert_eq!(sandbox.maildir("work").len(), 2);
    server.take_sessions();
    for command in ["fetch", "check", "list"] {
        sandbox.popkeep([command, "work"]).run().expect(0);
    }
    sandbox.popkeep(["session", "work"]).run_with("STAT\nQUIT\n").expect(0);
    assert_eq!(server.count("CAPA"), 0, "{:?}", server.take_sessions());
    sandbox.popkeep(["check"]).run().expect(0).says(&["does without CAPA until"]);
}

#[test]
fn capa_is_asked_for_again_when_its_time_is_over() {
    let Some(library) = library() else { return };
    let says = [("CAPA", Vec::new())].into();
    let server = PopServer::behaving(Mail::some(1), Behaviour { says, ..Behaviour::default() });
    let sandbox = sandbox(server.port());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.behave(Behaviour::default());
    server.take_sessions();
    sandbox.set_clock(&library, 29 * DAY);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    assert_eq!(server.count("CAPA"), 0);
    sandbox.set_clock(&library, 31 * DAY);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    assert!(server.count("CAPA") > 0);
}

#[test]
fn whatever_is_silent_on_the_way_to_the_login_is_left_out() {
    let capa = |lines: &str| format!("S: +OK <1@host>\nC: CAPA\nS: +OK\nS: USER\n{lines}S: .\n");
    let (utf8, plain) = (capa("S: UTF8\n"), capa("S: SASL PLAIN\n"));
    let after = "C: CAPA\nS: -ERR\n";
    for silence in ["stall", "close", "S: -ERR what\nclose"] {
        let utf8_silent = format!("{utf8}C: UTF8\n{silence}");
        let apop = "C: APOP *\nS: +OK\n";
        fetches(&[&utf8_silent, &format!("{utf8}{apop}{after}{ONE_MESSAGE}")], 0, 1);
        let apop_silent = format!("{}C: APOP *\n{silence}", capa(""));
        fetches(&[&apop_silent, &format!("{}{USER}{after}{ONE_MESSAGE}", capa(""))], 0, 1);
    }
    // PLAIN has told the password already, so that USER may follow.
    let plain = plain.replace("<1@host>", "");
    for silence in ["stall", "close"] {
        let silent = format!("{plain}C: AUTH PLAIN *\n{silence}");
        fetches(&[&silent, &format!("{plain}{USER}{after}{ONE_MESSAGE}")], 0, 1);
    }
}

#[test]
fn after_silence_no_weaker_mechanism_tells_the_password_in_clear_text() {
    let ready = "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: SASL CRAM-MD5 PLAIN\nS: .\n";
    for silence in ["stall", "close"] {
        let server = script(&[&format!("{ready}C: AUTH CRAM-MD5\n{silence}"), ready]);
        let sandbox = sandbox(server.port());
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(69);
        let heard = server.finish();
        let told = |line: &&String| line.starts_with("PASS") || line.starts_with("AUTH PLAIN");
        assert_eq!(heard.iter().find(told), None);
    }
}

#[test]
fn after_silence_at_one_mechanism_one_other_is_tried() {
    let ready = "S: +OK\nC: CAPA\nS: +OK\nS: SASL SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5\nS: .\n";
    let first = format!("{ready}C: AUTH SCRAM-SHA-256 *\nstall");
    let second = format!("{ready}C: AUTH SCRAM-SHA-1 *\nstall");
    let heard = fetches(&[&first, &second], 69, 0);
    assert_eq!(heard.iter().filter(|line| line.starts_with("AUTH")).count(), 2, "{heard:?}");
}

#[test]
fn a_server_that_hangs_up_after_refusing_what_it_does_not_know_is_asked_for_the_next() {
    let ready = "S: +OK\nC: CAPA\nS: +OK\nS: SASL SCRAM-SHA-256 CRAM-MD5\nS: USER\nS: .\n";
    let first = format!("{ready}C: AUTH SCRAM-SHA-256 *\nS: -ERR unknown mechanism\nclose");
    let second = format!("{ready}C: AUTH CRAM-MD5\nS: -ERR unknown mechanism\nclose");
    let third = format!("{ready}{USER}C: CAPA\nS: -ERR\n{ONE_MESSAGE}");
    fetches(&[&first, &second, &third], 0, 1);
}

#[test]
fn not_now_is_no_silence_and_a_refused_password_is_not_tried_in_another_way() {
    for (refusal, exit) in [("[SYS/TEMP] later", 75), ("[AUTH] wrong password", 77)] {
        let ready = "S: +OK\nC: CAPA\nS: +OK\nS: SASL PLAIN\nS: USER\nS: .\n";
        let heard = fetches(&[&format!("{ready}C: AUTH PLAIN *\nS: -ERR {refusal}\nclose")], exit, 0);
        assert_eq!(heard.iter().filter(|line| line.starts_with("AUTH")).count(), 1);
    }
}

#[test]
fn stls_is_never_left_out() {
    for silence in ["stall", "close"] {
        let server = script(&[
            &format!("S: +OK\nC: CAPA\nS: +OK\nS: STLS\nS: USER\nS: .\nC: STLS\n{silence}"),
            "S: +OK\nC: STLS\nclose",
        ]);
        let account = account(server.port()).text("tls", "starttls");
        Sandbox::with([account]).popkeep(["fetch", "--quiet"]).run().expect(69);
        drop(server);
    }
}

#[test]
fn a_server_that_closes_before_its_greeting_is_unavailable_and_may_be_passed_over() {
    let server = script(&[ONE_LOGIN_AND_NO_MAIL, "close", "close"]);
    let account = account(server.port()).text("quiet_transient", "6h");
    let sandbox = Sandbox::with([account]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(69).silent();
    sandbox.popkeep(["check"]).run().expect(69);
    server.finish();
}

const ONE_LOGIN_AND_NO_MAIL: &str = "S: +OK\nC: CAPA\nS: -ERR\nC: USER joe\nS: +OK\nC: PASS *\nS: +OK\nC: STAT\nS: +OK 0 0\n\
     C: UIDL\nS: +OK\nS: .\nC: LIST\nS: +OK\nS: .\nC: QUIT\nS: +OK";

/// A server that never answers TOP, or hangs up at it.
fn silent_at_top(mails: Vec<Mail>, capa: Capa) -> PopServer {
    let says = [("TOP", Vec::new())].into();
    PopServer::behaving(mails, Behaviour { capa, says, ..Behaviour::default() })
}

#[test]
fn top_without_answer_keeps_no_new_mail_from_coming_and_what_is_due_is_deleted() {
    for capa in [Capa::default(), Capa::without_pipelining()] {
        let server = silent_at_top(Mail::some(3), capa);
        let sandbox = sandbox(server.port());
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        let mut all = Mail::some(4);
        let new = all.pop().unwrap();
        server.state().mails.push(new);
        sandbox.configure([account(server.port()).text("delete", "fetched")]);
        server.take_sessions();
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(4)));
        assert!(server.uids().is_empty());
        let waits = server.take_sessions().iter().filter(|session| session.count("TOP") > 0).count();
        assert_eq!(waits, 1, "one wait a run at most");
    }
}

#[test]
fn top_is_given_up_after_two_different_messages_on_two_connections() {
    let server = silent_at_top(Mail::some(3), Capa::without_pipelining());
    let sandbox = sandbox(server.port());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    // Deletion is due, and DELE refused: so TOP would be asked for in each run.
    let behaviour = server.state().behaviour.clone();
    let refuse_dele = Mail::some(3).into_iter().map(|mail| mail.uid).collect();
    server.behave(Behaviour { refuse_dele, ..behaviour });
    sandbox.configure([account(server.port()).text("delete", "fetched")]);
    let tops: Vec<Vec<String>> = (0..4)
        .map(|_| {
            sandbox.popkeep(["fetch", "--quiet"]).run();
            let sessions = server.take_sessions();
            let commands = sessions.iter().flat_map(|session| session.commands.clone());
            commands.filter(|line| line.starts_with("TOP")).collect()
        })
        .collect();
    assert_eq!(tops, [vec!["TOP 1 0"], vec!["TOP 2 0"], vec![], vec![]]);
}

#[test]
fn a_list_of_headers_comes_without_them_where_top_is_not_answered() {
    let server = silent_at_top(Mail::some(3), Capa::default());
    let sandbox = sandbox(server.port());
    let list = sandbox.popkeep(["list", "--headers", "--json", "work"]).run().expect(0).json();
    assert_eq!(list["messages"].as_array().unwrap().len(), 3);
    assert_eq!(server.count("TOP"), 1);
}
