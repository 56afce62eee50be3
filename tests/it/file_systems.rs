//! File systems that lack this or that: mail is kept all the same, or one line says at once what to do. An I/O error
//! or a full disk is never taken for a missing feature.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::sandbox::{POPKEEP, Run};
use crate::support::{Account, Mail, PopServer, Sandbox, find_program, skip, stores};

const FORMATS: [&str; 2] = ["maildir", "mbox"];

/// A fetch in which these system calls fail, with these errors, on these paths; on all if there are none.
fn failing(sandbox: &Sandbox, calls: &[(&str, &str)], paths: &[PathBuf]) -> Option<Run> {
    if find_program("strace").is_none() {
        skip("no strace here");
        return None;
    }
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    for path in paths {
        command.arg("-P").arg(path);
    }
    for (call, error) in calls {
        command.args(["-e", &format!("inject={call}:error={error}")]);
    }
    let names: Vec<&str> = calls.iter().map(|(call, _)| *call).collect();
    command.args(["-e", &format!("trace={}", names.join(","))]).args([POPKEEP, "fetch", "--quiet"]);
    Some(sandbox.command(command))
}

fn account(server: &PopServer, format: &str) -> Account {
    Account::on("work", server).text("format", format).text("delete", "fetched")
}

fn archived(sandbox: &Sandbox, format: &str) -> Vec<Vec<u8>> {
    let archive = sandbox.archive("work");
    if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) }
}

/// The folders of an account's archive, and the one above it.
fn folders(sandbox: &Sandbox, format: &str) -> Vec<PathBuf> {
    let folders = ["Mail", "Mail/work", "Mail/work/tmp", "Mail/work/new", "Mail/work/cur"];
    let count = if format == "mbox" { 1 } else { folders.len() };
    folders[..count].iter().map(|folder| sandbox.path(folder)).collect()
}

/// Everything comes, and goes from the server.
#[track_caller]
fn all_is_kept(format: &str, calls: &[(&str, &str)], paths: impl Fn(&Sandbox) -> Vec<PathBuf>) {
    let server = PopServer::with(Mail::some(150));
    let sandbox = Sandbox::with([account(&server, format)]);
    let Some(run) = failing(&sandbox, calls, &paths(&sandbox)) else { return };
    run.run().expect(0).silent();
    assert_same_mail(archived(&sandbox, format), stored_forms(&Mail::some(150)));
    assert!(server.uids().is_empty(), "{calls:?}");
}

#[test]
fn folders_that_cannot_be_synced_are_none_of_an_error() {
    for format in FORMATS {
        for error in ["EINVAL", "EOPNOTSUPP", "ENOSYS"] {
            all_is_kept(format, &[("fsync", error)], |sandbox| folders(sandbox, format));
        }
    }
}

#[test]
fn a_folder_whose_sync_fails_is_an_error() {
    for format in FORMATS {
        for error in ["EIO", "ENOSPC", "EDQUOT"] {
            let server = PopServer::with(Mail::some(3));
            let sandbox = Sandbox::with([account(&server, format)]);
            let Some(run) = failing(&sandbox, &[("fsync", error)], &folders(&sandbox, format)) else {
                return;
            };
            run.run().expect(74).one_line(&["work"]);
            assert_eq!(server.uids().len(), 3, "{error}");
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_same_mail(archived(&sandbox, format), stored_forms(&Mail::some(3)));
        }
    }
}

#[test]
fn where_a_whole_file_system_cannot_be_synced_each_file_is() {
    for error in ["ENOSYS", "EINVAL", "EOPNOTSUPP"] {
        all_is_kept("maildir", &[("syncfs", error)], |_| Vec::new());
    }
}

#[test]
fn without_hard_links_a_file_is_renamed() {
    for error in ["EPERM", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL", "EACCES"] {
        for format in FORMATS {
            all_is_kept(format, &[("link", error), ("linkat", error)], |_| Vec::new());
        }
        let others = [("link", error), ("linkat", error), ("renameat2", "EINVAL")];
        all_is_kept("maildir", &others, |_| Vec::new());
    }
}

#[test]
fn without_locks_an_mbox_has_its_dotlock() {
    for error in ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "EINVAL"] {
        let begun = Instant::now();
        all_is_kept("mbox", &[("fcntl", error)], |sandbox| vec![sandbox.archive("work")]);
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody is waited for");
    }
}

/// Fails at once, before anybody logs in, with what to do.
#[track_caller]
fn wants_the_state_elsewhere(calls: &[(&str, &str)], file: impl Fn(&Path) -> bool) {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([account(&server, "maildir")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let state = sandbox.path(".local/state/popkeep");
    let files: Vec<PathBuf> = stores::files(&state).into_iter().filter(|path| file(path)).collect();
    assert!(!files.is_empty());
    server.take_sessions();
    let begun = Instant::now();
    let Some(run) = failing(&sandbox, calls, &files) else { return };
    run.run().expect(74).one_line(&["work", "state_dir", "local disk"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "nobody is waited for");
    assert!(server.take_sessions().iter().all(|session| !session.logged_in));
}

#[test]
fn a_ledger_where_there_are_no_locks_is_to_be_elsewhere() {
    for error in ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "EINVAL"] {
        wants_the_state_elsewhere(&[("flock", error)], |path| !path.ends_with("ledger.sqlite3"));
        wants_the_state_elsewhere(&[("fcntl", error)], |path| path.ends_with("ledger.sqlite3"));
    }
}

#[test]
fn who_only_reads_a_ledger_without_locks_is_told_at_once() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([account(&server, "maildir")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let Some(_) = failing(&sandbox, &[("fcntl", "ENOLCK")], &[]) else { return };
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fcntl",
        "-e",
        "inject=fcntl:error=ENOLCK",
        "-P",
    ]);
    command.arg(sandbox.ledger()).args([POPKEEP, "status"]);
    let begun = Instant::now();
    sandbox.command(command).run().expect(74).says(&["state_dir", "local disk"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "nobody is waited for");
}

#[test]
fn want_of_room_or_descriptors_while_folders_are_made_is_no_question_of_their_owner() {
    for format in FORMATS {
        for error in ["ENOSPC", "EDQUOT", "ENFILE", "ENOMEM", "EIO"] {
            for place in ["Mail", ".local/state/popkeep"] {
                let server = PopServer::with(Mail::some(3));
                let sandbox = Sandbox::with([account(&server, format)]);
                let calls = [("mkdir", error), ("mkdirat", error)];
                let Some(run) = failing(&sandbox, &calls, &[sandbox.path(place)]) else { return };
                let outcome = run.run().expect(74).one_line(&["work"]);
                assert!(!outcome.stderr.contains("owner"), "{}", outcome.stderr);
                sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            }
        }
    }
}

#[test]
fn a_quota_that_is_used_up_by_the_ledger_is_told() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([account(&server, "maildir")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    server.state().mails = Mail::some(5);
    let state = sandbox.path(".local/state/popkeep");
    let files = stores::files(&state);
    let calls = [("pwrite64", "EDQUOT"), ("write", "EDQUOT")];
    let Some(run) = failing(&sandbox, &calls, &files) else { return };
    run.run().expect(74).one_line(&["work", "ledger", "quota", "make room"]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
}

#[test]
fn an_mbox_with_a_second_name_is_refused() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([account(&server, "mbox")]);
    let mbox = sandbox.write("Mail/work", "");
    std::fs::hard_link(&mbox, sandbox.path("Mail/other")).unwrap();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(73).one_line(&["work", "second name"]);
    std::fs::remove_file(sandbox.path("Mail/other")).unwrap();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}
