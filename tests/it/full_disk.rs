//! A disk, a quota or a file's limit that is used up: what was complete is kept, each run gets as far as there is room, and
//! nothing comes twice.

use std::process::Command;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::mounting::mounting;
use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Mail, PopServer, Sandbox, find_program, skip, stores};

const FORMATS: [&str; 2] = ["maildir", "mbox"];

/// 150 messages of 1 to 4 KB, each of another size, so that none can have come in answer to another's RETR.
fn mails() -> Vec<Mail> {
    let body = "0123456789abcdef\n".repeat(60);
    let mail =
        |n: usize| Mail::new(&format!("uid-{n}"), format!("Subject: {}\n\n{body}", "x".repeat(19 * n)));
    (0..150).map(mail).collect()
}

fn account(server: &PopServer, format: &str) -> Account {
    Account::on("work", server).text("format", format)
}

fn archived(sandbox: &Sandbox, folder: &str, format: &str) -> Vec<Vec<u8>> {
    let archive = sandbox.path(folder).join("work");
    if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) }
}

/// Each of them once at most, and none torn. How many there are.
#[track_caller]
fn sound(archived: &[Vec<u8>], mails: &[Mail]) -> usize {
    let mut all = stored_forms(mails);
    for message in archived {
        let place = all.iter().position(|known| known == message);
        all.remove(place.expect("a message is torn, or there twice"));
    }
    archived.len()
}

#[test]
fn each_run_on_a_full_disk_gets_as_far_as_there_is_room() {
    for format in FORMATS {
        let mails = mails();
        let server = PopServer::with(mails.clone());
        let sandbox = Sandbox::with([account(&server, format)]);
        std::fs::create_dir_all(sandbox.path("Mail")).unwrap();
        let sizes = if format == "mbox" { [100, 160, 220] } else { [200, 300, 400] };
        let script = format!(
            "mount -t tmpfs -o size={0}k tmpfs Mail
            for size in {0} {0} {1} {2}; do
                mount -o remount,size=${{size}}k Mail
                $POPKEEP fetch --quiet && exit 1 || test $? = 74
                rm -rf at-$size; cp -a Mail at-$size
            done
            mount -o remount,size=64m Mail
            $POPKEEP fetch --quiet
            cp -a Mail whole",
            sizes[0], sizes[1], sizes[2]
        );
        let Some(outcome) = mounting(&sandbox, &script) else { return };
        let outcome = outcome.expect(0);
        assert_eq!(outcome.stderr.lines().count(), 4, "{outcome:?}");
        outcome.says(&["work", "Mail", "no space left", "make room"]);
        for (size, least) in sizes.into_iter().zip([45, 70, 95]) {
            let there = sound(&archived(&sandbox, &format!("at-{size}"), format), &mails);
            assert!(there >= least, "{format}: {there} messages in {size} KiB");
        }
        assert_same_mail(archived(&sandbox, "whole", format), stored_forms(&mails));
    }
}

#[test]
fn a_large_message_that_does_not_fit_keeps_out_no_small_one() {
    for format in FORMATS {
        let mut mails = mails();
        mails.truncate(30);
        mails[3] =
            Mail::new("uid-large", format!("Subject: large\n\n{}", "0123456789abcdef\n".repeat(60_000)));
        let server = PopServer::with(mails.clone());
        let sandbox = Sandbox::with([account(&server, format)]);
        std::fs::create_dir_all(sandbox.path("Mail")).unwrap();
        let script = "\
            mount -t tmpfs -o size=300k tmpfs Mail
            for run in 1 2 3 4; do $POPKEEP fetch --quiet && exit 1 || test $? = 74; done
            cp -a Mail full";
        let Some(outcome) = mounting(&sandbox, script) else { return };
        outcome.expect(0);
        assert_eq!(sound(&archived(&sandbox, "full", format), &mails), 29, "{format}");
    }
}

#[test]
fn a_ledger_on_the_same_full_disk_keeps_what_it_has_room_for() {
    let empty = PopServer::with(Vec::new());
    let sandbox = Sandbox::with([account(&empty, "maildir")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    // Each of its pages is in its log once and in the ledger itself; the more tables, the more of them.
    let new_ledger = 2 * std::fs::metadata(sandbox.ledger()).unwrap().len() / 1024;
    for format in FORMATS {
        let mails = mails();
        let server = PopServer::with(mails.clone());
        let sandbox = Sandbox::with([account(&server, format)]);
        for folder in ["disk/Mail", "disk/state"] {
            std::fs::create_dir_all(sandbox.path(folder)).unwrap();
        }
        let size = new_ledger + if format == "mbox" { 88 } else { 268 };
        let script = "\
            mount -t tmpfs -o size=SIZEk tmpfs disk
            mkdir -p disk/Mail disk/state Mail .local/state/popkeep
            mount --bind disk/Mail Mail
            mount --bind disk/state .local/state/popkeep
            for run in 1 2 3; do $POPKEEP fetch --quiet && exit 1 || test $? = 74; done
            cp -a Mail full
            mount -o remount,size=64m disk
            $POPKEEP fetch --quiet
            cp -a Mail whole";
        let Some(outcome) = mounting(&sandbox, &script.replace("SIZE", &size.to_string())) else { return };
        outcome.expect(0);
        let there = sound(&archived(&sandbox, "full", format), &mails);
        assert!(there >= 40, "{format}: {there}");
        assert_same_mail(archived(&sandbox, "whole", format), stored_forms(&mails));
    }
}

#[test]
fn a_ledger_that_is_full_alone_keeps_what_it_has_room_for() {
    for format in FORMATS {
        let mails = mails();
        let server = PopServer::with(mails.clone());
        let sandbox = Sandbox::with([account(&server, format)]);
        std::fs::create_dir_all(sandbox.path(".local/state/popkeep")).unwrap();
        let script = "\
            state=.local/state/popkeep
            mount -t tmpfs tmpfs $state
            $POPKEEP fetch --quiet --limit 1
            mount -o remount,size=$(($(du -sk $state | cut -f1) + 60))k $state
            for run in 1 2 3; do $POPKEEP fetch --quiet || { test $? = 74 && echo full; }; done
            cp -a Mail full
            mount -o remount,size=64m .local/state/popkeep
            $POPKEEP fetch --quiet";
        let Some(outcome) = mounting(&sandbox, script) else { return };
        assert!(outcome.expect(0).stdout.starts_with("full\n"));
        let there = sound(&archived(&sandbox, "full", format), &mails);
        assert!(there >= 10, "{format}: {there}");
        assert_same_mail(archived(&sandbox, "Mail", format), stored_forms(&mails));
    }
}

#[test]
fn an_mbox_that_may_not_grow_is_filled_to_its_limit() {
    let mails = mails();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::with([account(&server, "mbox")]);
    // The ledger is made without a limit: its log is larger then than it ever is for so few messages.
    sandbox.popkeep(["fetch", "--quiet", "--limit", "1"]).run();
    for (limit, least) in [(250_000, 56), (300_000, 90), (350_000, 110)] {
        let mut command = Command::new("prlimit");
        command.arg(format!("--fsize={limit}")).args([POPKEEP, "fetch", "--quiet"]);
        sandbox.command(command).run().expect(74).one_line(&["work", "ulimit -f"]);
        let there = sound(&archived(&sandbox, "Mail", "mbox"), &mails);
        assert!(there >= least, "{there} messages in {limit} octets");
    }
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(archived(&sandbox, "Mail", "mbox"), stored_forms(&mails));
}

#[test]
fn whatever_step_finds_no_room_the_complete_messages_before_it_are_kept() {
    if find_program("strace").is_none() {
        return skip("no strace here");
    }
    for (call, format) in
        [("linkat", "maildir"), ("openat", "maildir"), ("write", "maildir"), ("write", "mbox")]
    {
        for error in ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE"] {
            if call == "write" && error.ends_with("FILE") {
                continue;
            }
            let mails = mails();
            let server = PopServer::with(mails.clone());
            let sandbox = Sandbox::with([account(&server, format)]);
            sandbox.popkeep(["fetch", "--quiet", "--limit", "5"]).run();
            let archive = sandbox.archive("work");
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
            command.args(["-e", &format!("inject={call}:error={error}:when=30+")]);
            // Only what has to do with the archive: whatever is opened in it, or written to it.
            if format == "mbox" {
                command.arg("-P").arg(&archive);
            }
            command.args([POPKEEP, "fetch", "--quiet"]);
            let code = sandbox.command(command).run().code;
            let there = sound(&archived(&sandbox, "Mail", format), &mails);
            if code != Some(0) {
                assert_eq!(code, Some(74), "{call} {error} {format}");
            }
            assert!(there >= 5, "{call} {error} {format}: {there}");
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_same_mail(archived(&sandbox, "Mail", format), stored_forms(&mails));
        }
    }
}
