//! A disk that is full, read-only, or changed behind our back: one line that says where and what to do, the
//! right exit code, nothing lost, and a next run that completes.

use std::path::Path;
use std::process::Command;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth};
use crate::support::mounting::mounting;
use crate::support::outcome::Outcome;
use crate::support::sandbox::{POPKEEP, Run};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode, skip, stores};

const FORMATS: [&str; 2] = ["maildir", "mbox"];

fn deleting(server: &PopServer, format: &str) -> Account {
    Account::on("work", server).text("format", format).text("delete", "fetched")
}

/// Small messages with a large one between them.
fn mails() -> Vec<Mail> {
    let mut mails = Mail::some(12);
    mails[6] = Mail::new("uid-large", format!("Subject: large\n\n{}", "0123456789abcdef\n".repeat(120_000)));
    mails
}

fn archived(sandbox: &Sandbox, format: &str) -> Vec<Vec<u8>> {
    let archive = sandbox.archive("work");
    if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) }
}

/// Whatever the server has purged is in the archive; nothing in the archive is torn or doubled.
#[track_caller]
fn nothing_is_lost(server: &PopServer, mut archived: Vec<Vec<u8>>, mails: &[Mail]) {
    let left = server.uids();
    let mut all = stored_forms(mails);
    for message in &archived {
        let place = all.iter().position(|known| known == message);
        all.remove(place.expect("the archive has a message that is torn, or one of them twice"));
    }
    archived.sort();
    for mail in mails.iter().filter(|mail| !left.contains(&String::from_utf8_lossy(&mail.uid).into_owned())) {
        assert!(archived.binary_search(&mail.stored()).is_ok(), "{:?} is nowhere", mail.uid.escape_ascii());
    }
}

#[track_caller]
fn the_next_run_completes(server: &PopServer, sandbox: &Sandbox, format: &str, mails: &[Mail]) {
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(archived(sandbox, format), stored_forms(mails));
    assert!(server.uids().is_empty());
    server.take_sessions();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(server.count("RETR"), 0);
}

#[track_caller]
fn nobody_logged_in(server: &PopServer) {
    assert!(!server.take_sessions().iter().any(|session| session.logged_in), "somebody logged in");
}

/// A run under `prlimit`, which lets no file grow beyond so many octets.
fn limited(sandbox: &Sandbox, octets: usize) -> Run {
    let mut command = Command::new("prlimit");
    command.arg(format!("--fsize={octets}")).args([POPKEEP, "fetch", "--quiet"]);
    sandbox.command(command)
}

#[test]
fn a_file_that_may_not_grow_is_told_and_loses_nothing() {
    for format in FORMATS {
        let server = PopServer::with(mails());
        let sandbox = Sandbox::with([deleting(&server, format)]);
        let archive = sandbox.archive("work");
        let words = ["work", archive.to_str().unwrap(), "large", "ulimit", "run popkeep again"];
        limited(&sandbox, 1_000_000).run().expect(74).one_line(&words);
        nothing_is_lost(&server, archived(&sandbox, format), &mails());
        the_next_run_completes(&server, &sandbox, format, &mails());
    }
}

#[test]
fn a_ledger_that_may_not_grow_is_told_and_loses_nothing() {
    for format in FORMATS {
        let server = PopServer::with(Mail::some(400));
        let sandbox = Sandbox::with([deleting(&server, format)]);
        let words = ["work", "ledger.sqlite3"];
        limited(&sandbox, 90_000).run().expect(74).one_line(&words);
        nothing_is_lost(&server, archived(&sandbox, format), &Mail::some(400));
        the_next_run_completes(&server, &sandbox, format, &Mail::some(400));
    }
}

#[test]
fn a_full_disk_stops_the_run_cleanly_and_the_next_one_completes_it() {
    for format in FORMATS {
        let server = PopServer::with(mails());
        let sandbox = Sandbox::with([deleting(&server, format)]);
        std::fs::create_dir_all(sandbox.path("Mail")).unwrap();
        let script = "\
            mount -t tmpfs -o size=300k tmpfs Mail
            $POPKEEP fetch --quiet || echo \"first run: $?\"
            cp -a Mail full
            mount -o remount,size=64m Mail
            $POPKEEP fetch --quiet || echo \"second run: $?\"
            cp -a Mail whole";
        let Some(outcome) = mounting(&sandbox, script) else { return };
        let outcome = outcome.expect(0);
        assert_eq!(outcome.stdout, "first run: 74\n", "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
        outcome.says(&["work", "Mail", "no space left", "make room"]);
        let stored = |folder: &str| {
            let archive = sandbox.path(folder).join("work");
            if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) }
        };
        nothing_is_lost(&PopServer::with(mails()), stored("full"), &mails());
        assert_same_mail(stored("whole"), stored_forms(&mails()));
        assert!(server.uids().is_empty());
    }
}

#[test]
fn a_full_disk_under_the_ledger_is_told_and_heals() {
    let server = PopServer::with(Mail::some(300));
    let sandbox = Sandbox::with([deleting(&server, "maildir")]);
    std::fs::create_dir_all(sandbox.path(".local/state/popkeep")).unwrap();
    let script = "\
        state=.local/state/popkeep
        mount -t tmpfs -o size=100k tmpfs $state
        $POPKEEP fetch --quiet || echo \"first run: $?\"
        mount -o remount,size=64m $state
        $POPKEEP fetch --quiet || echo \"second run: $?\"";
    let Some(outcome) = mounting(&sandbox, script) else { return };
    let outcome = outcome.expect(0);
    assert_eq!(outcome.stdout, "first run: 74\n", "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    outcome.says(&["work", "ledger.sqlite3", "full", "make room"]);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(300)));
    assert!(server.uids().is_empty());
}

#[test]
fn a_read_only_archive_or_ledger_is_told_before_anybody_logs_in() {
    for format in FORMATS {
        for (folder, word) in [("Mail", "Mail"), (".local/state/popkeep", "ledger")] {
            let server = PopServer::with(Mail::some(3));
            let sandbox = Sandbox::with([deleting(&server, format)]);
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
            server.state().mails = (1..=5).map(Mail::numbered).collect();
            server.take_sessions();
            let script = format!(
                "mount --bind {folder} {folder}
                mount -o remount,bind,ro {folder}
                $POPKEEP fetch --quiet"
            );
            let Some(outcome) = mounting(&sandbox, &script) else { return };
            outcome.expect(73).one_line(&["work", word]);
            nobody_logged_in(&server);
            the_next_run_completes(&server, &sandbox, format, &Mail::some(5));
        }
    }
}

#[test]
fn an_archive_on_another_file_system_than_the_ledger() {
    let memory = Path::new("/dev/shm");
    let Ok(elsewhere) = tempfile::Builder::new().prefix("popkeep-it-").tempdir_in(memory) else {
        return skip("/dev/shm cannot be written");
    };
    for format in FORMATS {
        let archive = elsewhere.path().join(format);
        let server = PopServer::with(Mail::some(20));
        let sandbox = Sandbox::with([deleting(&server, format).text("archive", archive.to_str().unwrap())]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        let found = if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) };
        assert_same_mail(found, stored_forms(&Mail::some(20)));
        assert!(server.uids().is_empty());
    }
}

/// A run whose ninth RETR is answered only after `meanwhile` has been done to the archive.
fn changed_in_mid_run(
    sandbox: &Sandbox,
    server: &PopServer,
    run: Run,
    meanwhile: impl FnOnce(&Path),
) -> Outcome {
    let capa = Capa::without_pipelining();
    server.behave(Behaviour { hold_at: Some(Nth("RETR", 9)), capa, ..Behaviour::default() });
    let archive = sandbox.archive("work");
    let outcome = std::thread::scope(|scope| {
        let run = scope.spawn(|| run.run());
        server.while_held(|| meanwhile(&archive));
        run.join().unwrap()
    });
    server.behave(Behaviour::default());
    outcome
}

#[test]
fn a_folder_that_changes_in_mid_run_is_told_and_heals() {
    type Change = fn(&Path);
    let changes: [(&str, Change, Change); 3] = [
        (
            "new",
            |archive| {
                std::fs::remove_dir(archive.join("new")).unwrap();
                std::fs::write(archive.join("new"), "in the way").unwrap();
            },
            |archive| std::fs::remove_file(archive.join("new")).unwrap(),
        ),
        ("new", |archive| std::fs::remove_dir(archive.join("new")).unwrap(), |_| {}),
        (
            "tmp",
            |archive| std::fs::rename(archive.join("tmp"), archive.join("moved")).unwrap(),
            |archive| {
                std::fs::remove_dir_all(archive.join("moved")).unwrap();
            },
        ),
    ];
    for (folder, change, heal) in changes {
        let server = PopServer::with(Mail::some(12));
        let sandbox = Sandbox::with([deleting(&server, "maildir")]);
        let run = sandbox.popkeep(["fetch", "--quiet"]);
        let outcome = changed_in_mid_run(&sandbox, &server, run, change);
        assert!(matches!(outcome.code, Some(73 | 74)), "{outcome:?}");
        outcome.one_line(&["work", sandbox.archive("work").join(folder).to_str().unwrap()]);
        assert_eq!(server.uids().len(), 12, "nothing is deleted that was not archived");
        heal(&sandbox.archive("work"));
        the_next_run_completes(&server, &sandbox, "maildir", &Mail::some(12));
    }
}

/// A run by somebody whom permissions bind: with root's tests, the user `nobody`, who is given the
/// sandbox.
fn as_ordinary_user(sandbox: &Sandbox) -> Run {
    if !rustix::process::getuid().is_root() {
        return sandbox.popkeep(["fetch", "--quiet"]);
    }
    // Where it was built may be closed to others.
    let program = sandbox.path("popkeep");
    if !program.exists() {
        std::fs::copy(POPKEEP, &program).unwrap();
    }
    let given = Command::new("chown").args(["-R", "nobody"]).arg(sandbox.path("")).status().unwrap();
    assert!(given.success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--clear-groups"]).arg(program).args(["fetch", "--quiet"]);
    sandbox.command(command)
}

#[test]
fn permission_lost_in_mid_run_is_told_and_heals() {
    for (format, folder) in [("maildir", "work/new"), ("maildir", "work/tmp"), ("mbox", "work")] {
        let server = PopServer::with(Mail::some(12));
        let sandbox = Sandbox::with([deleting(&server, format)]);
        if format == "mbox" {
            sandbox.write("Mail/work", "");
        }
        let run = as_ordinary_user(&sandbox);
        let place = sandbox.path("Mail").join(folder);
        let outcome = changed_in_mid_run(&sandbox, &server, run, |_| set_mode(&place, 0o400));
        let archive = sandbox.archive("work");
        outcome.expect(73).one_line(&["work", archive.to_str().unwrap(), "permission"]);
        assert_eq!(server.uids().len(), 12, "nothing is deleted that was not archived");
        set_mode(&place, if format == "mbox" { 0o600 } else { 0o700 });
        as_ordinary_user(&sandbox).run().expect(0).silent();
        assert_same_mail(archived(&sandbox, format), stored_forms(&Mail::some(12)));
        assert!(server.uids().is_empty());
    }
}

#[test]
fn folders_that_are_missing_in_a_maildir_are_made_and_a_file_in_their_place_is_told() {
    for folder in ["new", "tmp", "cur"] {
        let server = PopServer::with(Mail::some(3));
        let sandbox = Sandbox::with([deleting(&server, "maildir")]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        let archive = sandbox.archive("work");
        // What was in new/ has been read: it is in cur/, or where the user keeps it.
        let (from, to) = if folder == "cur" { ("new", "new") } else { ("new", "cur") };
        for file in stores::files(&archive.join(from)) {
            std::fs::rename(&file, archive.join(to).join(file.file_name().unwrap())).unwrap();
        }
        std::fs::remove_dir(archive.join(folder)).unwrap();
        std::fs::write(archive.join(folder), "in the way").unwrap();
        server.state().mails = Mail::some(5);
        server.take_sessions();
        let place = archive.join(folder);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(73).one_line(&["work", place.to_str().unwrap()]);
        nobody_logged_in(&server);
        std::fs::remove_file(place).unwrap();
        the_next_run_completes(&server, &sandbox, "maildir", &Mail::some(5));
    }
}
