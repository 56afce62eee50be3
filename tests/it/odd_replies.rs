//! Replies that no RFC describes: nothing is stored that is not the message, nothing is lost, and what
//! the server says never reaches a terminal raw.

use std::time::{Duration, Instant};

use crate::support::mail::{assert_same_mail, dot_stuffed, stored_forms};
use crate::support::maildrop::{Capa, Quit};
use crate::support::outcome::Outcome;
use crate::support::scripted::{LOGIN, Scripted};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// A server with three messages that answers these commands so.
fn saying(capa: Capa, says: &[(&'static str, Vec<u8>)]) -> PopServer {
    let says = says.iter().cloned().collect();
    PopServer::behaving(Mail::some(3), Behaviour { capa, says, ..Behaviour::default() })
}

fn account(server: &PopServer) -> Account {
    Account::on("work", server).text("timeout", "2s")
}

/// A whole message as RETR's reply.
fn retr(mail: &Mail) -> Vec<u8> {
    [format!("+OK {} octets\r\n", mail.wire.len()).into_bytes(), dot_stuffed(&mail.wire)].concat()
}

/// After any number of runs against the broken server, one against the mended one has each of the
/// three messages; nothing in the archive is anything else, and nothing was deleted that is not there.
#[track_caller]
fn heals(server: &PopServer, sandbox: &Sandbox) {
    let all = stored_forms(&Mail::some(3));
    let mut found = sandbox.maildir("work");
    assert!(found.iter().all(|message| all.contains(message)), "altered or torn: {found:?}");
    let left = stored_forms(&server.state().mails);
    assert!(all.iter().all(|message| found.contains(message) || left.contains(message)), "lost");
    server.behave(Behaviour::default());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    found = sandbox.maildir("work");
    found.dedup();
    assert_same_mail(found, all);
}

#[test]
fn two_replies_to_one_command() {
    let twice = |reply: Vec<u8>| [reply.clone(), reply].concat();
    for delete in ["never", "fetched"] {
        for pipelining in [true, false] {
            for (command, reply) in [
                ("STAT", b"+OK 3 600\r\n".to_vec()),
                ("RETR 1", retr(&Mail::numbered(1))),
                ("RETR 3", retr(&Mail::numbered(3))),
                ("RETR 2", b"-ERR not this one\r\n".to_vec()),
                ("DELE 2", b"+OK marked\r\n".to_vec()),
                ("QUIT", b"+OK bye\r\n".to_vec()),
            ] {
                let capa = if pipelining { Capa::default() } else { Capa::without_pipelining() };
                let server = saying(capa, &[(command, twice(reply))]);
                let sandbox = Sandbox::with([account(&server).text("delete", delete)]);
                let outcome = sandbox.popkeep(["fetch", "--quiet"]).run();
                eprintln!("{command}, {delete}, pipelining {pipelining}: {outcome:?}");
                assert!([0, 1, 69, 76].contains(&outcome.code.unwrap()), "{outcome:?}");
                heals(&server, &sandbox);
            }
        }
    }
}

#[test]
fn a_farewell_said_twice_costs_nothing() {
    for pipelining in [true, false] {
        let capa = if pipelining { Capa::default() } else { Capa::without_pipelining() };
        let server = saying(capa, &[("QUIT", b"+OK bye\r\n+OK bye\r\n".to_vec())]);
        let sandbox = Sandbox::with([account(&server)]);
        for _ in 0..2 {
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        }
        assert_eq!(server.count("RETR"), 3);
    }
}

/// A run that met problem says so in one line, unless it has got over it: then all is deleted. (What is
/// answered badly under one number may come well under another, once its neighbours are gone.)
#[track_caller]
fn assert_told_or_healed(server: &PopServer, outcome: Outcome, command: &str) {
    if outcome.code == Some(0) && command.starts_with("RETR") {
        outcome.silent();
        assert!(server.uids().is_empty(), "{command}: not all was fetched");
    } else {
        assert!([1, 69, 76].contains(&outcome.code.unwrap()), "{command}: {outcome:?}");
        outcome.one_line(&["work"]);
    }
}

#[test]
fn a_reply_that_echoes_the_command() {
    for (command, reply) in [
        ("CAPA", b"CAPA\r\n+OK\r\nUIDL\r\n.\r\n".to_vec()),
        ("STAT", b"STAT\r\n+OK 3 600\r\n".to_vec()),
        ("RETR 2", [b"RETR 2\r\n".to_vec(), retr(&Mail::numbered(2))].concat()),
        ("DELE 1", b"DELE 1\r\n+OK marked\r\n".to_vec()),
    ] {
        let server = saying(Capa::without_pipelining(), &[(command, reply)]);
        let sandbox = Sandbox::with([account(&server).text("delete", "fetched")]);
        let outcome = sandbox.popkeep(["fetch", "--quiet"]).run();
        assert_told_or_healed(&server, outcome, command);
        heals(&server, &sandbox);
    }
}

#[test]
fn status_lines_and_listings_may_end_in_a_bare_line_feed() {
    let says = [
        ("CAPA", b"+OK\nUIDL\nTOP\n.\n".to_vec()),
        ("STAT", b"+OK 3 600\n".to_vec()),
        ("UIDL", b"+OK\n1 uid-00001\n2 uid-00002\n3 uid-00003\n.\n".to_vec()),
        ("LIST", b"+OK\n1 1\n2 2\n3 3\n.\n".to_vec()),
        ("DELE", b"+OK marked\n".to_vec()),
    ];
    let server = saying(Capa::default(), &says);
    let sandbox = Sandbox::with([account(&server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
}

/// A message whose reply never ends, though its server thinks that it does: the others are stored,
/// it is told, and the run ends in time.
#[track_caller]
fn never_ends(reply: &[u8]) {
    let server = saying(Capa::without_pipelining(), &[("RETR 2", reply.to_vec())]);
    let sandbox = Sandbox::with([account(&server).text("delete", "fetched")]);
    let begun = Instant::now();
    let outcome = sandbox.popkeep(["fetch", "--quiet"]).run();
    assert!([1, 69].contains(&outcome.code.unwrap()), "{outcome:?}");
    outcome.one_line(&["work"]);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(server.uids().contains(&"uid-00002".to_owned()));
    heals(&server, &sandbox);
}

#[test]
fn a_dot_glued_to_the_last_line_ends_no_message() {
    let message = retr(&Mail::numbered(2));
    let glued = [message.strip_suffix(b"\r\n.\r\n").unwrap(), b".\r\n"].concat();
    never_ends(&glued);
}

#[test]
fn bare_line_feeds_end_no_message() {
    let message =
        retr(&Mail::numbered(2)).iter().copied().filter(|&octet| octet != b'\r').collect::<Vec<_>>();
    never_ends(&message);
}

#[test]
fn binary_rubbish_in_any_place_is_a_protocol_error() {
    // Like the beginning of a TLS record, a JPEG file, and a text in UTF-16.
    for rubbish in [
        &b"\x16\x03\x01\x02\0\x01\r\n"[..],
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\r\n",
        b"\xff\xfe+\0O\0K\0\r\0\n\0",
    ] {
        for command in ["CAPA", "STAT", "UIDL", "LIST", "RETR 2", "DELE 1", "QUIT"] {
            let server = saying(Capa::default(), &[(command, rubbish.to_vec())]);
            let sandbox = Sandbox::with([account(&server).text("delete", "fetched")]);
            let outcome = sandbox.popkeep(["fetch", "--quiet"]).run();
            assert_told_or_healed(&server, outcome, command);
            heals(&server, &sandbox);
        }
        // Lines of a listing that cannot be read are no lines; the message itself may hold anything.
        let uidl = [b"+OK\r\n1 uid-00001\r\n", rubbish, b"2 uid-00002\r\n3 uid-00003\r\n.\r\n"].concat();
        let server = saying(Capa::default(), &[("UIDL", uidl)]);
        let sandbox = Sandbox::with([account(&server)]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        heals(&server, &sandbox);
    }
}

/// Clears a screen, sets a title, rings, in C0 and C1, and turns the writing round.
const ESCAPES: &str = "\x1b[2J\x1b]0;owned\x07\x08\x7f\u{9b}31m\u{85}\u{202e}\u{2066}\u{2028}\r \t";

/// Nothing but characters that a terminal shows.
#[track_caller]
fn harmless(text: &str) {
    let raw = |&c: &char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    let found: Vec<char> = text.chars().filter(raw).collect();
    assert!(found.is_empty(), "{found:?} in {text:?}");
}

#[test]
fn escapes_of_a_server_never_reach_a_terminal_raw() {
    let err = || format!("-ERR {ESCAPES}\r\n").into_bytes();
    let ok = |text: &str| format!("+OK {text}\r\n").into_bytes();
    let lines = |lines: &str| format!("+OK {ESCAPES}\r\n{lines}\r\n.\r\n").into_bytes();
    let uidl = format!("1 {ESCAPES}1\r\n2 uid-00002\r\n3 {ESCAPES}3");
    let says: Vec<(&'static str, Vec<u8>)> = vec![
        ("CAPA", lines(&format!("UIDL\r\nSASL PLAIN {ESCAPES}\r\nIMPLEMENTATION {ESCAPES}\r\n{ESCAPES}"))),
        ("STAT", err()),
        ("UIDL", lines(&uidl)),
        ("LIST", lines(&format!("1 {ESCAPES}\r\n{ESCAPES}"))),
        ("RETR 2", err()),
        ("RETR", err()),
        ("TOP", err()),
        ("DELE", err()),
        ("QUIT", err()),
        ("AUTH", err()),
        ("PASS", err()),
        ("STAT", format!("{ESCAPES}\r\n").into_bytes()),
        (
            "RETR 1",
            [
                ok("here it comes"),
                dot_stuffed(format!("Subject: {ESCAPES}\r\nFrom: {ESCAPES}\r\n\r\n{ESCAPES}\r\n").as_bytes()),
            ]
            .concat(),
        ),
        (
            "TOP 1",
            [
                ok("here it comes"),
                dot_stuffed(format!("Subject: {ESCAPES}\r\nFrom: {ESCAPES}\r\n\r\n").as_bytes()),
            ]
            .concat(),
        ),
    ];
    // One at a time, the UIDs always, and all at once.
    let single = says.iter().map(|one| vec![("UIDL", lines(&uidl)), one.clone()]);
    for says in single.chain([says.clone()]) {
        let server = saying(Capa::default(), &says);
        let sandbox = Sandbox::with([account(&server)]);
        for delete in ["never", "fetched"] {
            sandbox.configure([account(&server).text("delete", delete)]);
            for arguments in [
                &["fetch"][..],
                &["fetch", "-vv"],
                &["fetch", "--quiet"],
                &["fetch", "--json"],
                &["fetch", "--dry-run"],
                &["list", "work", "--headers"],
                &["list", "work", "--json"],
                &["check"],
                &["status"],
                &["status", "--json"],
            ] {
                let outcome = sandbox.popkeep(arguments).run();
                harmless(&outcome.stdout);
                harmless(&outcome.stderr);
            }
        }
    }
    for greeting in ["-ERR \u{9b}31m\x1b[2J\u{202e}", "+OK \x1b[2J\u{9b}31m\u{2028}", "\x1b[2J\u{85}"] {
        let server =
            PopServer::behaving(vec![], Behaviour { greeting: Some(greeting), ..Behaviour::default() });
        for arguments in [&["fetch", "-vv"][..], &["check"]] {
            let outcome = Sandbox::with([account(&server)]).popkeep(arguments).run();
            harmless(&outcome.stdout);
            harmless(&outcome.stderr);
        }
    }
}

#[test]
fn a_server_that_only_ever_refuses_is_heard_out_politely() {
    let refusing = Behaviour {
        refuse_retr: [b"uid-00002".to_vec()].into(),
        empty_retr: [b"uid-00001".to_vec()].into(),
        quit: Quit::Drops,
        ..Behaviour::default()
    };
    let server = PopServer::behaving(Mail::some(3), refusing);
    let sandbox = Sandbox::with([account(&server)]);
    let report = sandbox.fetch_with(1, &[]);
    assert_eq!((&report["archived"], &report["listed"]), (&1.into(), &3.into()));
    assert_eq!(report["missing"].as_array().unwrap().len(), 2, "each with its own reason: {report}");
    heals(&server, &sandbox);
}

#[test]
fn a_quit_that_is_never_answered_ends_in_time() {
    let server = Scripted::play(&format!(
        "{LOGIN}listed: 1 one 20
        C: RETR 1
        S: +OK
        S: Subject: one
        S:
        S: .
        C: QUIT
        stall"
    ));
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "1s");
    let sandbox = Sandbox::with([account]);
    let begun = Instant::now();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(sandbox.maildir("work").len(), 1);
}
