//! When the answer to QUIT is waited for: where it can say something.

use crate::support::outcome::Outcome;
use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Sandbox};

/// Up to the last message, with PIPELINING or without.
fn session(capability: &str) -> String {
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
        listed: 1 one 20
        C: RETR 1
        raw: +OK\\r\\nSubject: 1\\r\\n\\r\\nbody\\r\\n.\\r\\n
        "
    )
}

const PIPELINING: &str = "PIPELINING\\r\\n";

/// A run against a server that never answers QUIT.
fn unanswered(transcript: &str, delete: &str) -> Outcome {
    let server = Scripted::staged(&[&format!("{transcript}\nC: QUIT\nstall")], Stage::default());
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "2s");
    let sandbox = Sandbox::with([account.text("delete", delete)]);
    sandbox.popkeep(["fetch", "-v"]).run()
}

const WAITED: &str = "QUIT was not answered";

#[test]
fn a_stat_behind_the_last_message_shows_that_no_answer_was_lost_so_nothing_is_left_to_hear() {
    let outcome = unanswered(&format!("{}C: STAT\nS: +OK 1 20", session(PIPELINING)), "never").expect(0);
    assert!(!outcome.stderr.contains(WAITED), "{}", outcome.stderr);
}

#[test]
fn a_stat_that_says_something_else_shows_nothing() {
    let moved = format!("{}C: STAT\nS: +OK 2 40", session(PIPELINING));
    unanswered(&moved, "never").expect(0).says(&[WAITED]);
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
fn a_deletion_counts_only_when_quit_is_answered() {
    let deleting = format!("{}C: STAT\nS: +OK 1 20\nC: DELE 1\nS: +OK", session(PIPELINING));
    unanswered(&deleting, "fetched").expect(69).says(&["whether 1 message were deleted is not known"]);
}
