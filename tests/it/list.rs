//! `list` tells what is on the server and what of it is archived, and changes nothing.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::maildrop::Capa;
use crate::support::scripted::Scripted;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// A message whose header is written in the ways of this world.
fn from_abroad() -> Mail {
    Mail::new(
        "abroad",
        "Date: Thu, 19 Aug 1999 20:15:55 -0500\nFrom: =?iso-8859-1?Q?J=E4ne?= <jane@example.com>\n\
         Subject: =?utf-8?b?5pel5pys?= \x1b]0;pwned\x07\n\nBody\n",
    )
}

#[test]
fn held_and_new_are_told_apart_and_nothing_is_changed() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.state().mails.push(Mail::numbered(3));
    server.take_sessions();
    let before = sandbox.snapshot();
    let size = |number| Mail::numbered(number).wire.len();
    assert_eq!(
        sandbox.popkeep(["list", "work"]).run().expect(0).stdout,
        format!(
            "NO  OCTETS  STATE     UID\n \
             1     {}  archived  uid-00001\n \
             2     {}  archived  uid-00002\n \
             3     {}  new       uid-00003\n\
             work: 3 messages, {} B: 2 archived, 1 new\n",
            size(1),
            size(2),
            size(3),
            size(1) + size(2) + size(3)
        )
    );
    assert_eq!(sandbox.snapshot(), before, "list writes nothing");
    let sessions = server.take_sessions();
    assert_eq!(["RETR", "DELE", "TOP"].map(|verb| sessions[0].count(verb)), [0, 0, 0]);
    assert_eq!(sessions[0].count("QUIT"), 1);
}

#[test]
fn a_message_whose_size_changed_is_doubtful_and_a_large_one_too_large() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::with([Account::on("work", &server)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.state().mails[0] = Mail::numbered(1).listed_as("99");
    server.state().mails.push(Mail::new("large", "x".repeat(5000)));
    sandbox.configure([Account::on("work", &server).text("max_size", "1 KiB")]);
    let list = sandbox.popkeep(["list", "work", "--json"]).run().expect(0).json();
    let state = |place: usize| list["messages"][place]["state"].as_str().unwrap().to_owned();
    assert_eq!([state(0), state(1), state(2)], ["doubtful", "archived", "too large"]);
}

#[test]
fn a_message_that_failed_is_quarantined_with_its_reason() {
    let refuse_retr = [b"uid-00002".to_vec()].into();
    let server = PopServer::behaving(Mail::some(2), Behaviour { refuse_retr, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1);
    sandbox
        .popkeep(["list", "work"])
        .run()
        .expect(0)
        .says(&["quarantined  uid-00002", "1 archived, 1 quarantined"]);
    let list = sandbox.popkeep(["list", "work", "--json"]).run().expect(0).json();
    assert_eq!(list["messages"][1]["state"], "quarantined");
    let reason = list["messages"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("this message cannot be read"), "{reason}");
}

#[test]
fn without_uids_nothing_is_doubtful_before_something_is_held() {
    let server = PopServer::behaving(Mail::some(1), Behaviour { no_uidl: true, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    let state = || sandbox.popkeep(["list", "work", "--json"]).run().expect(0).json()["messages"][0].clone();
    assert_eq!((&state()["state"], &state()["uid"]), (&"new".into(), &serde_json::Value::Null));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    assert_eq!(state()["state"], "doubtful", "only its content can tell");
}

#[test]
fn headers_are_decoded_and_steer_no_terminal() {
    let server = PopServer::with(vec![from_abroad(), Mail::numbered(2)]);
    let sandbox = Sandbox::for_server(&server);
    let list = sandbox.popkeep(["list", "work", "--headers"]).env("TZ", "UTC").run().expect(0);
    let lines: Vec<&str> = list.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "NO  OCTETS  STATE  UID        DATE                 FROM                        SUBJECT"
    );
    assert!(
        lines[1].ends_with(
            "new    abroad     1999-08-20 01:15:55  Jäne <jane@example.com>     日本 \\x1b]0;pwned\\x07"
        ),
        "{}",
        lines[1]
    );
    assert!(lines[2].ends_with("1999-08-20 01:15:55  Dusty <dusty@example>       message 2"), "{}", lines[2]);
    let document = sandbox.popkeep(["list", "work", "--headers", "--json"]).run().expect(0).json();
    assert_eq!(document["account"], "work");
    assert_eq!(
        document["messages"][0],
        serde_json::json!({
            "number": 1, "size": from_abroad().wire.len(), "uid": "abroad", "state": "new",
            "date": "1999-08-20T01:15:55Z", "from": "Jäne <jane@example.com>",
            "subject": "日本 \\x1b]0;pwned\\x07",
        })
    );
    assert_eq!(document["error"], serde_json::Value::Null);
}

#[test]
fn on_a_terminal_a_line_is_no_wider_than_the_screen() {
    let server =
        PopServer::with(vec![from_abroad(), Mail::numbered(2).with_uid("a-uid-that-is-rather-long")]);
    let sandbox = Sandbox::for_server(&server);
    let ended = sandbox.popkeep(["list", "work", "--headers"]).on_terminal(80, 24).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    let lines: Vec<&str> = ended.screen.lines().collect();
    assert_eq!(lines.len(), 4, "no line is broken in two: {}", ended.screen);
    assert!(lines[1].contains("Jäne <jane@example.com>") && lines[1].ends_with('…'), "{}", ended.screen);
    assert!(lines[2].contains("a-uid-that-…"), "{}", ended.screen);
}

#[test]
fn a_server_without_top_is_asked_twice_and_the_messages_are_listed_all_the_same() {
    let behaviour = Behaviour { no_top: true, ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(30), behaviour);
    let sandbox = Sandbox::for_server(&server);
    let list = sandbox.popkeep(["list", "work", "--headers"]).run().expect(0);
    assert_eq!(list.stdout.lines().count(), 32, "{}", list.stdout);
    assert!(list.stdout.contains("uid-00030"), "{}", list.stdout);
    assert!(list.stdout.contains("(the server refused TOP: “"), "{}", list.stdout);
    assert_eq!(server.count("TOP"), 2);
}

#[test]
fn one_header_that_cannot_be_had_costs_no_other() {
    let server = Scripted::play(
        "S: +OK ready
         C: CAPA
         S: -ERR
         C: USER joe
         S: +OK
         C: PASS *
         S: +OK
         listed: 1 one 100
         listed: 2 two 200
         listed: 3 three 300
         C: TOP 1 0
         S: +OK
         S: Subject: the first
         S:
         S: .
         C: TOP 2 0
         S: -ERR it is damaged
         C: TOP 3 0
         S: +OK
         S: Subject: the third
         S:
         S: .
         C: QUIT
         S: +OK bye",
    );
    let account = Account::new("work").loopback(server.port()).text("tls", "none");
    let sandbox = Sandbox::with([account]);
    let list = sandbox.popkeep(["list", "work", "--headers", "--json"]).run().expect(0).json();
    server.finish();
    assert_eq!(list["messages"][0]["subject"], "the first");
    assert_eq!(list["messages"][1]["header_error"], "the server refused TOP: “it is damaged”");
    assert_eq!(list["messages"][1]["subject"], serde_json::Value::Null);
    assert_eq!(list["messages"][2]["subject"], "the third");
}

#[test]
fn a_server_that_hangs_up_on_top_still_has_its_messages_listed() {
    let behaviour =
        Behaviour { cut_at: Some(crate::support::maildrop::Nth("TOP", 2)), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(3), behaviour);
    let sandbox = Sandbox::for_server(&server);
    let list = sandbox.popkeep(["list", "work", "--headers"]).run().expect(69);
    assert!(list.stdout.contains("message 1\n"), "{}", list.stdout);
    assert!(list.stdout.contains("uid-00003  -"), "{}", list.stdout);
    assert!(list.stderr.contains("closed the connection instead of answering TOP"), "{}", list.stderr);
    assert_eq!(list.stderr.lines().count(), 1);
}

#[test]
fn a_header_without_end_is_given_up_and_the_messages_are_listed_all_the_same() {
    let endless = vec![b'x'; 17 << 20];
    let behaviour =
        Behaviour { top_shows: [(b"uid-00002".to_vec(), endless)].into(), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(3), behaviour);
    let sandbox = Sandbox::with([Account::on("work", &server)]);
    let list = sandbox.popkeep(["list", "work", "--headers"]).run().expect(76);
    assert!(list.stdout.contains("message 1\n") && list.stdout.contains("uid-00003  -"), "{}", list.stdout);
    assert!(list.stderr.contains("TOP for message 2 is longer than any header"), "{}", list.stderr);

    // A fetch that wants to see the header before it deletes reads the whole message instead.
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    let run = sandbox.fetch();
    assert_eq!(run["deleted"], 3);
}

#[test]
fn an_account_that_cannot_be_reached_is_one_line_or_a_document() {
    let server = PopServer::behaving(
        Vec::new(),
        Behaviour { login_reply: Some("-ERR [AUTH] no entry"), ..Behaviour::default() },
    );
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["list", "work"]).run().expect(77).one_line(&["popkeep: work: ", "no entry"]);
    let list = sandbox.popkeep(["list", "work", "--json"]).run().expect(77).json();
    assert_eq!(list["messages"], serde_json::json!([]));
    assert!(list["error"].as_str().unwrap().contains("no entry"), "{list}");
    sandbox.popkeep(["list", "wrok"]).run().expect(64).one_line(&["no account \"wrok\"", "work"]);
    sandbox.popkeep(["list"]).run().expect(77);
}

#[test]
fn a_server_that_deletes_at_quit_is_left_without_it() {
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "EXPIRE 0"]);
    let server = PopServer::behaving(Mail::some(2), Behaviour { capa, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["list", "work", "--headers"]).run().expect(0);
    sandbox.popkeep(["fetch", "--dry-run"]).run().expect(0);
    assert_eq!(server.count("QUIT"), 0);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let server = PopServer::with(Mail::some(5000));
    let sandbox = Sandbox::for_server(&server);
    let mut command = sandbox.popkeep(["list", "work", "--headers"]).into_command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let outcome = child.wait_with_output().unwrap();
    assert!(first.starts_with("  NO"), "{first}");
    assert_eq!((outcome.status.code(), String::from_utf8(outcome.stderr).unwrap().as_str()), (Some(0), ""));
    let sessions = server.take_sessions();
    assert!(sessions[0].count("TOP") < 5000, "what nobody reads is not asked for");
    assert_eq!(sessions[0].count("QUIT"), 1);
}
