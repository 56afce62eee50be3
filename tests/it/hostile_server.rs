//! Servers that break the rules: each ends the run within its limits, and nothing wrong is stored.

use std::time::{Duration, Instant};

use crate::support::certificates::Authority;
use crate::support::mail::assert_same_mail;
use crate::support::maildrop::{Nth, Tls};
use crate::support::scripted::{LOGIN, Scripted, Stage};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

fn account(server: &Scripted) -> Account {
    Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "2s")
}

/// One message is in the maildrop.
const ONE: &str = "listed: 1 one 120\n";

#[test]
fn replies_in_pieces_of_any_length_are_put_together() {
    let transcript = format!(
        "{LOGIN}{ONE}C: RETR 1
        S: +OK here it comes
        S: Subject: dots
        S:
        S: ..
        S: ...
        S: ..a
        raw: bare\\rCR, bare\\nLF, \\n.\\nnot the end\\n.\\r\\n. \\r\\n\\0\\xff\\r\\n
        raw: \\r\\r\\n
        S:
        S: .
        C: QUIT
        S: +OK"
    );
    let expected =
        b"Subject: dots\n\n.\n..\n.a\nbare\rCR, bare\nLF, \n.\nnot the end\n.\n \n\0\xff\n\r\n\n".to_vec();
    for split_every in [1, 2, 3, 5, 64] {
        let server =
            Scripted::staged(&[&transcript], Stage { split_every: Some(split_every), ..Stage::default() });
        let sandbox = Sandbox::with([account(&server).text("timeout", "60s")]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        server.finish();
        assert_same_mail(sandbox.maildir("work"), vec![expected.clone()]);
    }
}

#[test]
fn a_stall_ends_the_run_within_its_timeout() {
    for stalled in [
        "stall".to_owned(),
        "S: +OK ready\nC: CAPA\nraw: +OK\\r\\nTOP\\r\\n\nstall".to_owned(),
        "S: +OK ready\nC: CAPA\nstall".to_owned(),
        format!("{LOGIN}{ONE}C: UIDL\nstall"),
        format!("{LOGIN}{ONE}C: UIDL\nS: +OK\nS: 1 one\nstall"),
        format!("{LOGIN}{ONE}C: RETR 1\nS: +OK\nS: Subject: half\nstall"),
    ] {
        let server = Scripted::play(&stalled);
        let sandbox = Sandbox::with([account(&server)]);
        let begun = Instant::now();
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(69).one_line(&["work"]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?} with a timeout of 2 s", begun.elapsed());
        assert!(sandbox.maildir("work").is_empty(), "half a message is no message");
    }
}

#[test]
fn octets_behind_the_answer_to_stls_are_an_attack() {
    let authority = Authority::new();
    let injected = "S: +OK ready
        C: CAPA
        raw: +OK\\r\\nSTLS\\r\\nTOP\\r\\n.\\r\\n
        C: STLS
        raw: +OK begin\\r\\n+OK injected\\r\\n
        stall";
    let server =
        Scripted::staged(&[injected], Stage { stls: Some(authority.good().acceptor()), ..Stage::default() });
    let sandbox = Sandbox::new();
    let ca = sandbox.write("ca.pem", authority.pem());
    let account = account(&server).text("host", "localhost").text("tls", "starttls");
    sandbox.configure([account.text("tls_ca_file", ca.to_str().unwrap())]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(76).one_line(&["work", "STLS"]);
    assert_eq!(server.finish(), ["CAPA", "STLS"], "no credential was sent");
}

#[test]
fn without_stls_there_is_no_fallback_to_clear_text() {
    for refusal in [
        "S: +OK ready\nC: CAPA\nraw: +OK\\r\\nTOP\\r\\n.\\r\\n\nC: STLS\nS: -ERR what\nstall",
        "S: +OK ready\nC: CAPA\nS: -ERR\nC: STLS\nS: -ERR what\nstall",
        "S: +OK ready\nC: CAPA\nraw: +OK\\r\\nSTLS\\r\\n.\\r\\n\nC: STLS\nS: -ERR not today\nstall",
    ] {
        let server = Scripted::play(refusal);
        let sandbox = Sandbox::with([account(&server).text("tls", "starttls")]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(76).one_line(&["work", "STLS"]);
        drop(server);
    }
}

#[test]
fn garbage_where_a_reply_is_due_is_a_protocol_error() {
    for garbage in [
        "S: +OK ready\nC: CAPA\nS: HTTP/1.1 400 Bad Request".to_owned(),
        "S: +OK ready\nC: CAPA\nraw: \\0\\0\\0\\xff\\xfe\\r\\n".to_owned(),
        format!("{LOGIN}{ONE}C: UIDL\nS: maybe"),
        format!("{LOGIN}{ONE}C: RETR 1\nS: Subject: no status line"),
    ] {
        let server = Scripted::play(&garbage);
        let sandbox = Sandbox::with([account(&server)]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(76).one_line(&["work"]);
        assert!(sandbox.maildir("work").is_empty());
    }
}

#[test]
fn a_reply_to_no_command_ends_the_session_without_quit() {
    let disordered = format!(
        "{LOGIN}{ONE}C: RETR 1
        raw: +OK\\r\\nSubject: one\\r\\n\\r\\n{}\\r\\n.\\r\\n+OK and one more\\r\\n
        stall",
        "x".repeat(100)
    );
    // What the other session brought may have been any message: one that keeps to the rules must show
    // it again before it is deleted.
    let orderly = format!(
        "{LOGIN}{ONE}C: RETR 1
        raw: +OK\\r\\nSubject: one\\r\\n\\r\\n{}\\r\\n.\\r\\n
        C: STAT
        S: +OK 1 120
        C: DELE 1
        S: +OK
        C: STAT
        S: +OK 0 0
        C: QUIT
        S: +OK",
        "x".repeat(100)
    );
    let server = Scripted::staged(&[&disordered, &orderly], Stage::default());
    let sandbox = Sandbox::with([account(&server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let heard = server.finish();
    let retr = heard.iter().position(|line| line == "RETR 1").unwrap();
    assert_eq!(heard[retr + 1], "CAPA", "neither DELE nor QUIT follows in that session: {heard:?}");
    assert_eq!(sandbox.maildir("work").len(), 1, "it is recognised by its content");
}

#[test]
fn capabilities_before_stls_count_for_nothing_after_it() {
    let authority = Authority::new();
    let tls = Tls::Stls(authority.good().acceptor());
    let server = PopServer::start(Mail::some(2), Behaviour::default(), tls);
    let sandbox = Sandbox::new();
    let ca = sandbox.write("ca.pem", authority.pem());
    let account = Account::new("work").text("host", "localhost").key("port", server.port());
    sandbox.configure([account.text("tls", "starttls").text("tls_ca_file", ca.to_str().unwrap())]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let commands = server.take_sessions().remove(0).commands;
    let at = |command: &str| commands.iter().position(|line| line == command).unwrap();
    let login =
        commands.iter().position(|line| line.starts_with("AUTH") || line.starts_with("USER")).unwrap();
    assert!(at("STLS") < login, "{commands:?}");
    assert!(
        commands[at("STLS")..login].contains(&"CAPA".to_owned()),
        "CAPA is read again after STLS: {commands:?}"
    );
}

#[test]
fn a_cut_after_any_command_is_healed_by_the_next_run() {
    for cut in ["AUTH", "UIDL", "LIST", "RETR", "DELE", "QUIT"] {
        let cut_at = Some(Nth(cut, 1));
        let server = PopServer::behaving(Mail::some(3), Behaviour { cut_at, ..Behaviour::default() });
        let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
        let code = sandbox.popkeep(["fetch", "--quiet"]).run().code;
        // What a server hangs up at before the login is left out at once, and so is PLAIN.
        assert_eq!(code == Some(0), cut == "AUTH", "cut at {cut}");
        server.behave(Behaviour::default());
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        let expected = Mail::some(3).iter().map(Mail::stored).collect();
        assert_same_mail(sandbox.maildir("work"), expected);
        assert!(server.uids().is_empty(), "cut at {cut}");
    }
}

#[test]
fn a_server_that_hangs_up_on_capa_is_asked_again_without_it() {
    let cut_at = Some(Nth("CAPA", 1));
    let server = PopServer::behaving(Mail::some(3), Behaviour { cut_at, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 3);
    assert_eq!(server.take_sessions().len(), 2);
}

#[test]
fn a_dropped_connection_is_taken_up_again_while_there_is_progress() {
    // The server has had enough after ten messages of each session.
    let behaviour = Behaviour { torn_at: Some(Nth("RETR", 11)), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(35), behaviour);
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(server.take_sessions().len(), 4);
    let expected = Mail::some(35).iter().map(Mail::stored).collect();
    assert_same_mail(sandbox.maildir("work"), expected);
    assert!(server.uids().is_empty());
}

#[test]
fn a_message_at_which_the_server_always_hangs_up_does_not_block_the_others() {
    let hangs_up_at = [b"uid-00004".to_vec()].into();
    let server = PopServer::behaving(Mail::some(8), Behaviour { hangs_up_at, ..Behaviour::default() });
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).one_line(&["work", "uid-00004"]);
    let others = Mail::some(8).into_iter().filter(|mail| mail.uid != b"uid-00004");
    assert_same_mail(sandbox.maildir("work"), others.map(|mail| mail.stored()).collect());
    assert_eq!(server.uids(), ["uid-00004"]);
}
