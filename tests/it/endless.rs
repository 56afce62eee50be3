//! Replies without an end: each meets a limit of popkeep's, and memory stays small.

use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Sandbox};

/// What a run may take while a server talks without end, in KiB.
const MEMORY: u64 = 32 << 10;

/// More than popkeep would ever read: without a limit the test would not end.
const ENDLESS: u64 = 1 << 40;

const LOGIN: &str = "S: +OK ready
    C: CAPA
    S: -ERR what
    C: USER joe
    S: +OK
    C: PASS *
    S: +OK in
";

/// A session in which nothing happens, for a run that tries once more.
const SECOND: &str = "S: +OK ready
    C: CAPA
    S: -ERR what
    C: USER joe
    S: +OK
    C: PASS *
    S: +OK in
    listed: 1 one 120
    C: QUIT
    S: +OK bye
";

/// A run against this transcript; its exit code must be one of these, nothing may be stored, and its
/// memory must stay small. Gives what it wrote to stderr.
#[track_caller]
fn ends(transcript: &str, codes: &[i32], configure: impl Fn(Account) -> Account) -> String {
    let server = Scripted::staged(&[transcript, SECOND], Stage::default());
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "20s");
    let sandbox = Sandbox::with([configure(account)]);
    let (outcome, peak) = sandbox.popkeep(["fetch", "--quiet"]).measured();
    println!("{peak} KiB, exit {:?}: {}", outcome.code, outcome.stderr.trim_end());
    assert!(outcome.code.is_some_and(|code| codes.contains(&code)), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.len() < 2_000, "the reply without end is not repeated: {outcome:?}");
    assert!(peak <= MEMORY, "{peak} KiB");
    assert!(sandbox.maildir("work").is_empty(), "half a message is no message");
    outcome.stderr
}

fn as_it_is(account: Account) -> Account {
    account
}

#[test]
fn an_endless_greeting() {
    ends(&format!("raw: +OK \nrepeat {ENDLESS}: x"), &[76], as_it_is);
    ends(&format!("repeat {ENDLESS}: +"), &[76], as_it_is);
    ends(&format!("repeat {ENDLESS}: \\0"), &[76], as_it_is);
}

#[test]
fn endless_capabilities() {
    let capa = "S: +OK ready\nC: CAPA\nS: +OK\n";
    ends(&format!("{capa}repeat {ENDLESS}: X-CAPABILITY OF NO USE\\r\\n"), &[76], as_it_is);
    ends(&format!("{capa}repeat {ENDLESS}: \\r\\n"), &[76], as_it_is);
    ends(&format!("{capa}repeat {ENDLESS}: X"), &[76], as_it_is);
}

#[test]
fn an_endless_sasl_challenge() {
    let auth = "S: +OK ready
        C: CAPA
        raw: +OK\\r\\nSASL CRAM-MD5 SCRAM-SHA-256\\r\\n.\\r\\n
        C: AUTH *
        raw: +\\x20
    ";
    ends(&format!("{auth}repeat {ENDLESS}: QUFB"), &[76], as_it_is);
    ends(&format!("{auth}raw: -ERR\\x20\nrepeat {ENDLESS}: no"), &[76], as_it_is);
}

#[test]
fn challenges_without_end() {
    let auth = "S: +OK ready
        C: CAPA
        raw: +OK\\r\\nSASL PLAIN\\r\\n.\\r\\n
        C: AUTH *
    ";
    ends(&format!("{auth}repeat {ENDLESS}: + QUFB\\r\\n"), &[76, 77], as_it_is);
}

#[test]
fn an_endless_status_line() {
    for asked in ["C: STAT", "C: STAT\nS: +OK 1 120\nC: UIDL"] {
        ends(&format!("{LOGIN}{asked}\nraw: +OK \nrepeat {ENDLESS}: 1"), &[76], as_it_is);
        ends(&format!("{LOGIN}{asked}\nraw: -ERR \nrepeat {ENDLESS}: no"), &[76], as_it_is);
    }
}

#[test]
fn an_endless_line_of_a_listing() {
    let listing = format!("{LOGIN}C: STAT\nS: +OK 1 120\nC: UIDL\nS: +OK\n");
    ends(&format!("{listing}raw: 1 \nrepeat {ENDLESS}: u"), &[76], as_it_is);
    ends(&format!("{listing}repeat {ENDLESS}: 1"), &[76], as_it_is);
}

#[test]
fn an_endless_listing() {
    let uidl = format!("{LOGIN}C: STAT\nS: +OK 1 120\nC: UIDL\n");
    for lines in ["1 one\\r\\n", "no line of a listing, and a long one\\r\\n", "99 1234567890\\r\\n"] {
        ends(&format!("{uidl}S: +OK\nrepeat {ENDLESS}: {lines}"), &[76], as_it_is);
    }
    ends(&format!("{uidl}S: -ERR\nC: LIST\nS: +OK\nrepeat {ENDLESS}: 1 120\\r\\n"), &[76], as_it_is);
}

#[test]
fn an_endless_message() {
    let message = format!("{LOGIN}listed: 1 one 120\nC: RETR 1\nS: +OK\n");
    for format in ["maildir", "mbox"] {
        let limited = |account: Account| account.text("max_size", "50 MiB").text("format", format);
        // The user's own `max_size` leaves it: no failure.
        let lines = format!("{message}S: Subject: endless\nS:\nrepeat {ENDLESS}: spam and eggs\\r\\n");
        ends(&lines, &[0], limited);
        let line = format!("{message}S: Subject: endless\nS:\nrepeat {ENDLESS}: spam");
        ends(&line, &[0], limited);
        let header = format!("{message}repeat {ENDLESS}: X-Spam: eggs\\r\\n");
        ends(&header, &[0], limited);
    }
}
