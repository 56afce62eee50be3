//! QUIT at the end of a session: its answer is waited for; where it is not sent; and what it means if the server is
//! gone before.

use crate::support::maildrop::Capa;
use crate::support::outcome::Outcome;
use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};
use std::fmt::Write as _;

const PIPELINING: &str = "PIPELINING\\r\\n";

/// Greeting and login, with this capability or without.
fn login(capability: &str) -> String {
    format!(
        "S: +OK ready
        C: CAPA
        raw: +OK\\r\\n{capability}USER\\r\\n.\\r\\n
        C: USER joe
        S: +OK
        C: PASS *
        S: +OK in
        C: CAPA
        raw: +OK\\r\\n{capability}USER\\r\\n.\\r\\n
        "
    )
}

const RETR: &str = "C: RETR 1\nraw: +OK\\r\\nSubject: 1\\r\\n\\r\\nbody\\r\\n.\\r\\n\n";

/// Up to the only message, of 20 octets.
fn session(capability: &str) -> String {
    format!("{}listed: 1 one 20\n{RETR}", login(capability))
}

/// Runs, against a server that keeps to these transcripts.
fn runs<const N: usize>(transcripts: &[&str], delete: &str) -> [Outcome; N] {
    let server = Scripted::staged(transcripts, Stage::default());
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "2s");
    let sandbox = Sandbox::with([account.text("delete", delete)]);
    std::array::from_fn(|_| sandbox.popkeep(["fetch", "-v"]).run())
}

/// A run against a server that never answers QUIT.
fn unanswered(transcript: &str, delete: &str) -> Outcome {
    let [outcome] = runs(&[&format!("{transcript}\nC: QUIT\nstall")], delete);
    outcome
}

const WAITED: &str = "QUIT was not answered";

#[test]
fn quit_is_answered_whether_or_not_anything_was_fetched() {
    for capability in [PIPELINING, ""] {
        let none = "C: STAT\nS: +OK 0 0\nC: UIDL\nraw: +OK\\r\\n.\\r\\n\nC: LIST\nraw: +OK\\r\\n.\\r\\n";
        unanswered(&format!("{}{none}", login(capability)), "never").expect(0).says(&[WAITED]);
        unanswered(&session(capability), "never").expect(0).says(&[WAITED]);
    }
}

#[test]
fn a_server_whose_quit_deletes_what_was_fetched_hears_none_where_mail_is_to_stay() {
    for pipelining in [&["PIPELINING"][..], &[]] {
        let capa = Capa::Offers([&["TOP", "UIDL", "USER", "EXPIRE 0"], pipelining].concat());
        let behaviour = Behaviour { capa, purges_what_was_retrieved: true, ..Behaviour::default() };
        let server = PopServer::behaving(Mail::some(5), behaviour);
        let sandbox = Sandbox::for_server(&server);
        for _ in 0..2 {
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_eq!((server.uids().len(), sandbox.maildir("work").len()), (5, 5));
        }
        // New mail, and old mail that is due by its age: each has a session of its own.
        sandbox.configure([Account::on("work", &server).text("delete", "0s")]);
        server.state().mails.push(Mail::numbered(6));
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert!(!server.uids().contains(&"uid-00001".to_owned()) && sandbox.maildir("work").len() == 6);
    }
}

#[test]
fn a_server_whose_quit_deletes_hears_one_when_all_that_was_fetched_is_to_go() {
    let expires = session("EXPIRE 0\\r\\n");
    let server = Scripted::play(&format!("{expires}C: DELE 1\nS: +OK\nC: STAT\nS: +OK 0 0\nC: QUIT\nS: +OK"));
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("delete", "fetched");
    let sandbox = Sandbox::with([account]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    server.finish();
}

#[test]
fn between_two_sessions_of_a_run_quit_is_answered_first() {
    // So many, all new, may be a part of what there is: another session is to look.
    let mut transcript = login(PIPELINING);
    for number in 1..=200 {
        let _ = writeln!(transcript, "listed: {number} uid-{number} 20");
    }
    for number in 1..=200 {
        let subject = char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 26]);
        transcript += &RETR
            .replace("RETR 1", &format!("RETR {number}"))
            .replace("Subject: 1", &format!("Subject: {subject}"));
    }
    unanswered(&transcript, "never").expect(0).says(&[WAITED]);
}

#[test]
fn a_deletion_counts_only_when_quit_is_answered() {
    let deleting =
        format!("{}C: STAT\nS: +OK 1 20\nC: DELE 1\nS: +OK\nC: STAT\nS: +OK 0 0", session(PIPELINING));
    unanswered(&deleting, "fetched").expect(69).says(&["so it is unknown whether 1 message were deleted"]);
}

#[test]
fn a_server_that_is_gone_after_the_last_message_costs_nothing() {
    let gone = format!("{}C: STAT\nclose", session(PIPELINING));
    let [outcome] = runs(&[&gone], "never");
    outcome.expect(0).says(&["cannot send QUIT"]);
}

#[test]
fn one_that_is_gone_before_a_doubt_is_settled_is_asked_again() {
    let gone = format!("{}C: STAT\nclose", session(PIPELINING).replace("one 20", "one 33"));
    let again = format!("{}C: QUIT\nS: +OK", session("").replace("one 20", "one 33"));
    let [outcome] = runs(&[&gone, &again], "never");
    drop(outcome.expect(0));
}

#[test]
fn an_answer_too_many_behind_the_last_word_is_noticed() {
    let surplus = format!("{}C: STAT\nraw: +OK 1 20\\r\\nSubject: 2\\r\\n", session(PIPELINING));
    let again = format!("{}C: QUIT\nS: +OK", session(PIPELINING));
    let [outcome] = runs(&[&surplus, &again], "never");
    outcome.expect(0).says(&["Subject: 2", "without pipelining"]);
}

#[test]
fn a_maildrop_that_our_own_last_session_still_holds_is_waited_for() {
    let first = format!("{}C: STAT\nS: +OK 1 20\nC: QUIT\nclose", session(PIPELINING));
    let before = login(PIPELINING);
    let (before, _) = before.split_once("S: +OK in").unwrap();
    let archived = format!("{before}S: -ERR [IN-USE] a session of yours is ending\nclose");
    let free = format!("{}listed: 1 one 20\nC: QUIT\nS: +OK", login(PIPELINING));
    let [one, two] = runs(&[&first, &archived, &free], "never");
    drop((one.expect(0), two.expect(0)));
}
