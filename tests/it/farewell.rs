//! QUIT at the end of a session: when its answer is waited for, and what it means if the server is gone before.

use crate::support::outcome::Outcome;
use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Sandbox};
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

#[track_caller]
fn assert_did_not_wait(outcome: Outcome) {
    let outcome = outcome.expect(0);
    assert!(!outcome.stderr.contains("QUIT"), "{}", outcome.stderr);
}

#[test]
fn a_stat_behind_the_last_message_shows_that_no_answer_was_lost_so_nothing_is_left_to_hear() {
    assert_did_not_wait(unanswered(&format!("{}C: STAT\nS: +OK 1 20", session(PIPELINING)), "never"));
}

#[test]
fn where_nothing_is_fetched_nothing_is_left_to_hear() {
    for capability in [PIPELINING, ""] {
        let none = "C: STAT\nS: +OK 0 0\nC: UIDL\nraw: +OK\\r\\n.\\r\\n\nC: LIST\nraw: +OK\\r\\n.\\r\\n";
        assert_did_not_wait(unanswered(&format!("{}{none}", login(capability)), "never"));
    }
}

#[test]
fn a_stat_that_says_anything_else_shows_nothing() {
    for answer in ["+OK 2 40", "+OK 1", "-ERR not now"] {
        let transcript = format!("{}C: STAT\nS: {answer}", session(PIPELINING));
        unanswered(&transcript, "never").expect(0).says(&[WAITED]);
    }
}

#[test]
fn with_one_command_at_a_time_quit_is_the_last_word() {
    unanswered(&session(""), "never").expect(0).says(&[WAITED]);
}

#[test]
fn a_server_whose_quit_deletes_what_was_fetched_is_listened_to() {
    let expires = session("PIPELINING\\r\\nEXPIRE 0\\r\\n");
    unanswered(&format!("{expires}C: STAT\nS: +OK 1 20"), "never").expect(0).says(&[WAITED]);
}

#[test]
fn between_two_sessions_of_a_run_quit_is_answered_first() {
    // So many, all new, may be a part of what there is: another session is to look.
    let mut transcript = login(PIPELINING);
    for number in 1..=200 {
        let _ = writeln!(transcript, "listed: {number} uid-{number} 20");
    }
    for number in 1..=200 {
        transcript += &RETR.replace("RETR 1", &format!("RETR {number}"));
    }
    unanswered(&transcript, "never").expect(0).says(&[WAITED]);
}

#[test]
fn a_deletion_counts_only_when_quit_is_answered() {
    let deleting = format!("{}C: STAT\nS: +OK 1 20\nC: DELE 1\nS: +OK", session(PIPELINING));
    unanswered(&deleting, "fetched").expect(69).says(&["whether 1 message were deleted is not known"]);
}

#[test]
fn a_server_that_is_gone_after_the_last_message_costs_nothing_whatever_its_sizes() {
    for size in ["20", "33"] {
        let gone = format!("{}C: STAT\nclose", session(PIPELINING).replace("one 20", &format!("one {size}")));
        let [outcome] = runs(&[&gone], "never");
        outcome.expect(0).says(&["QUIT could not be said"]);
    }
}

#[test]
fn a_server_that_does_not_hear_a_stat_sent_ahead_is_asked_one_thing_at_a_time_from_then_on() {
    let deaf = format!("{}C: STAT\nstall", session(PIPELINING));
    let [outcome] = runs(&[&deaf], "never");
    outcome.expect(0).says(&["going on without pipelining, until 2"]);
}

#[test]
fn an_answer_too_many_behind_the_last_word_is_noticed() {
    let surplus = format!("{}C: STAT\nraw: +OK 1 20\\r\\nSubject: 2\\r\\n", session(PIPELINING));
    let again = format!("{}C: QUIT\nS: +OK", session(PIPELINING));
    let [outcome] = runs(&[&surplus, &again], "never");
    outcome.expect(0).says(&["Subject: 2", "going on without pipelining"]);
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
