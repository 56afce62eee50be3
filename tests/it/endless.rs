//! Replies without an end: each meets a limit of popkeep's, and memory stays small.

use crate::support::scripted::{LOGIN, Scripted, Stage};
use crate::support::{Account, Sandbox};

/// What a run may take while a server talks without end, in KiB.
const MEMORY: u64 = 32 << 10;

/// More than popkeep would ever read: without a limit the test would not end.
const ENDLESS: u64 = 1 << 40;

/// A run against this transcript is a protocol error, and stores nothing.
#[track_caller]
fn breaks(transcript: &str) {
    ends(transcript, 76, |account| account);
}

/// A run against this transcript ends with this exit code, without storing anything, and its memory
/// stays small.
#[track_caller]
fn ends(transcript: &str, code: i32, configure: impl Fn(Account) -> Account) {
    // Another session, in which nothing happens, for a run that tries once more.
    let second = format!("{LOGIN}listed: 1 one 120\nC: QUIT\nS: +OK bye");
    let server = Scripted::staged(&[transcript, &second], Stage::default());
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "20s");
    let sandbox = Sandbox::with([configure(account)]);
    let (outcome, peak) = sandbox.popkeep(["fetch", "--quiet"]).measured();
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.len() < 2_000, "the reply without end is not repeated: {outcome:?}");
    assert!(peak <= MEMORY, "{peak} KiB");
    assert!(sandbox.maildir("work").is_empty(), "half a message is no message");
}

#[test]
fn an_endless_greeting() {
    breaks(&format!("raw: +OK \nrepeat {ENDLESS}: x"));
    breaks(&format!("repeat {ENDLESS}: +"));
    breaks(&format!("repeat {ENDLESS}: \\0"));
}

#[test]
fn endless_capabilities() {
    let capa = "S: +OK ready\nC: CAPA\nS: +OK\n";
    breaks(&format!("{capa}repeat {ENDLESS}: X-CAPABILITY OF NO USE\\r\\n"));
    breaks(&format!("{capa}repeat {ENDLESS}: \\r\\n"));
    breaks(&format!("{capa}repeat {ENDLESS}: X"));
}

#[test]
fn an_endless_sasl_challenge() {
    let auth = |mechanisms: &str| {
        let capa = format!("+OK\\r\\nSASL {mechanisms}\\r\\n.\\r\\n");
        format!("S: +OK ready\nC: CAPA\nraw: {capa}\nC: AUTH *\n")
    };
    let hashed = auth("CRAM-MD5 SCRAM-SHA-256");
    breaks(&format!("{hashed}raw: +\\x20\nrepeat {ENDLESS}: QUFB"));
    breaks(&format!("{hashed}raw: -ERR\\x20\nrepeat {ENDLESS}: no"));
    breaks(&format!("{}repeat {ENDLESS}: + QUFB\\r\\n", auth("PLAIN")));
}

#[test]
fn an_endless_status_line() {
    for asked in ["C: STAT", "C: STAT\nS: +OK 1 120\nC: UIDL"] {
        breaks(&format!("{LOGIN}{asked}\nraw: +OK \nrepeat {ENDLESS}: 1"));
        breaks(&format!("{LOGIN}{asked}\nraw: -ERR \nrepeat {ENDLESS}: no"));
    }
}

#[test]
fn an_endless_line_of_a_listing() {
    let listing = format!("{LOGIN}C: STAT\nS: +OK 1 120\nC: UIDL\nS: +OK\n");
    breaks(&format!("{listing}raw: 1 \nrepeat {ENDLESS}: u"));
    breaks(&format!("{listing}repeat {ENDLESS}: 1"));
}

#[test]
fn an_endless_listing() {
    let uidl = format!("{LOGIN}C: STAT\nS: +OK 1 120\nC: UIDL\n");
    for lines in ["1 one\\r\\n", "no line of a listing, and a long one\\r\\n", "99 1234567890\\r\\n"] {
        breaks(&format!("{uidl}S: +OK\nrepeat {ENDLESS}: {lines}"));
    }
    breaks(&format!("{uidl}S: -ERR\nC: LIST\nS: +OK\nrepeat {ENDLESS}: 1 120\\r\\n"));
}

#[test]
fn an_endless_message() {
    let message = format!("{LOGIN}listed: 1 one 120\nC: RETR 1\nS: +OK\n");
    for format in ["maildir", "mbox"] {
        let limited = |account: Account| account.text("max_size", "50 MiB").text("format", format);
        // The user's own `max_size` leaves it: no failure.
        let lines = format!("{message}S: Subject: endless\nS:\nrepeat {ENDLESS}: spam and eggs\\r\\n");
        ends(&lines, 0, limited);
        let line = format!("{message}S: Subject: endless\nS:\nrepeat {ENDLESS}: spam");
        ends(&line, 0, limited);
        let header = format!("{message}repeat {ENDLESS}: X-Spam: eggs\\r\\n");
        ends(&header, 0, limited);
    }
}
