//! A machine that gives too little: no thread, no process, no open file, no room, a disk that fails to read. The answer is an
//! error with its code, or success; nothing is lost, nothing comes twice, nothing panics.
//!
//! `tests/bench/limits` and `tests/bench/faults` try many more values and every system call.

use std::process::Command;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Mail, PopServer, Sandbox, find_program, skip};

/// Codes that say that something could not be had.
const CODES: [i32; 5] = [0, 69, 73, 74, 75];

/// A fetch with these words before it, and the clean run after it, for each format; both on a new sandbox.
#[track_caller]
fn starved(what: &str, before: &[&str], mails: &[Mail], judge: impl Fn(&crate::support::outcome::Outcome)) {
    for format in ["maildir", "mbox"] {
        let server = PopServer::with(mails.to_vec());
        let account = Account::on("work", &server).text("format", format).text("delete", "fetched");
        let sandbox = Sandbox::with([account]);
        let mut command = Command::new(before[0]);
        command.args(&before[1..]).args([POPKEEP, "fetch", "--quiet"]);
        let run = sandbox.command(command).run();
        assert!(!run.stderr.contains("panicked"), "{what}, {format}: {}", run.stderr);
        judge(&run);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        assert!(server.uids().is_empty(), "{what}, {format}");
        if format == "maildir" {
            assert_same_mail(sandbox.maildir("work"), stored_forms(mails));
        } else {
            let text = std::fs::read(sandbox.archive("work")).unwrap();
            let begun = text.windows(7).filter(|part| *part == b"\n\nFrom ").count();
            assert_eq!(begun + 1, mails.len(), "{what}: {}", text.escape_ascii());
        }
    }
}

/// With this fault at one call after the other, until a run has none left to fail.
fn each_call(fault: &str, judge: impl Fn(&crate::support::outcome::Outcome)) {
    let Some(strace) = find_program("strace") else { return skip("no strace") };
    let strace = strace.to_str().unwrap();
    for when in 1..=10 {
        let inject = format!("inject={fault}:when={when}");
        starved(&inject, &[strace, "-f", "-qq", "-o", "/dev/null", "-e", &inject], &Mail::some(3), &judge);
    }
}

#[test]
fn where_the_system_allows_no_further_thread_the_work_is_done_or_put_off() {
    each_call("clone3:error=EAGAIN", |run| {
        assert!(run.code.is_some_and(|code| CODES.contains(&code)), "{run:?}");
    });
}

#[test]
fn a_disk_that_fails_to_read_the_ledger_once_is_no_damaged_ledger() {
    each_call("pread64:error=EIO", |run| {
        // 127: the loader could not read a library.
        assert!(run.code.is_some_and(|code| code == 127 || CODES.contains(&code)), "{run:?}");
        assert!(!run.stderr.contains("damaged"), "{}", run.stderr);
    });
}

#[test]
fn a_limit_on_files_or_their_size_ends_a_run_with_a_code() {
    let Some(prlimit) = find_program("prlimit") else { return skip("no prlimit") };
    let prlimit = prlimit.to_str().unwrap();
    let limits = ["--nofile=8", "--nofile=14", "--nofile=20", "--fsize=0", "--fsize=1000", "--fsize=40000"];
    for limit in limits {
        starved(limit, &[prlimit, limit], &Mail::some(6), |run| {
            assert!(run.code.is_some_and(|code| CODES.contains(&code)), "{limit}: {run:?}");
        });
    }
}
