//! Several at once: two popkeeps on one account, two accounts in one archive, and an mbox that other mail programs
//! write to at the same time. Nothing is torn, nothing lost.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::Nth;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, find_program, skip, stores};

#[test]
fn the_second_popkeep_on_an_account_goes_at_once_and_with_wait_takes_its_turn() {
    let holds = Behaviour { hold_at: Some(Nth("RETR", 1)), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(5), holds);
    let sandbox = Sandbox::for_server(&server);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| sandbox.popkeep(["fetch", "--quiet"]).run());
        let mut waiting = None;
        server.while_held(|| {
            let begun = Instant::now();
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(75).one_line(&["work", "another popkeep"]);
            assert!(begun.elapsed() < Duration::from_secs(20), "it waited");
            waiting = Some(scope.spawn(|| sandbox.popkeep(["fetch", "--quiet", "--wait", "2m"]).run()));
        });
        first.join().unwrap().expect(0).silent();
        waiting.unwrap().join().unwrap().expect(0).silent();
    });
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
    assert_eq!(server.count("RETR"), 5, "what the first has stored, the second does not fetch");
}

/// Two accounts with many messages and one archive for both; as one process, and as two at once.
fn two_accounts_in_one_archive(format: &str, processes: &[&[&str]]) {
    let mails = Mail::some(400);
    let (first, second) = (PopServer::with(mails[..200].to_vec()), PopServer::with(mails[200..].to_vec()));
    let sandbox = Sandbox::new();
    let archive = sandbox.path("Mail/all");
    let account = |name: &str, server: &PopServer| {
        let account = Account::on(name, server).text("identity", format!("{name}@test"));
        account.text("archive", archive.to_str().unwrap()).text("format", format).text("delete", "fetched")
    };
    sandbox.configure([account("first", &first), account("second", &second)]);
    std::thread::scope(|scope| {
        let runs: Vec<_> = processes
            .iter()
            .map(|names| {
                let run = sandbox.popkeep(["fetch", "--quiet"].iter().chain(*names));
                scope.spawn(|| run.run())
            })
            .collect();
        for run in runs {
            run.join().unwrap().expect(0).silent();
        }
    });
    let found = if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) };
    assert_same_mail(found, stored_forms(&mails));
    assert!(first.uids().is_empty() && second.uids().is_empty());
}

#[test]
fn two_accounts_in_one_archive_by_one_process_and_by_two() {
    for format in ["maildir", "mbox"] {
        two_accounts_in_one_archive(format, &[&[]]);
        two_accounts_in_one_archive(format, &[&["first"], &["second"]]);
    }
}

/// Runs of popkeep, at least, beside another program.
const RUNS: usize = 8;

/// A message of another program.
fn foreign(number: usize) -> Mail {
    let body = format!("line {number} of another program's text\n").repeat(1 + number * 37 % 300);
    Mail::new("", format!("Subject: other {number}\n\n{body}"))
}

/// Without what programs add to the header of what they deliver.
fn bare(message: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(message).unwrap();
    let subject =
        text.lines().take_while(|line| !line.is_empty()).find(|line| line.contains("Subject: other "));
    match (subject, text.split_once("\n\n")) {
        (Some(subject), Some((_, body))) => format!("{subject}\n\n{}\n", body.trim_end()).into_bytes(),
        _ => text.into_bytes(),
    }
}

/// Popkeep appends mail that keeps coming, run after run, while another program `deliver`s at least so many
/// messages of its own into the same mbox.
fn beside_another_program(messages: usize, deliver: impl Fn(&Sandbox, &Path, usize) + Sync) {
    let server = PopServer::with(Vec::new());
    let sandbox =
        Sandbox::with([Account::on("work", &server).text("format", "mbox").text("delete", "fetched")]);
    let mbox = sandbox.write("Mail/work", "");
    let runs = AtomicUsize::new(0);
    let mut sent = Vec::new();
    let delivered = std::thread::scope(|scope| {
        // Whatever ends the runs ends the other program, too.
        let _enough = Enough(&runs);
        let other = scope.spawn(|| {
            let mut number = 0;
            while number < messages || runs.load(Ordering::Relaxed) < RUNS {
                deliver(&sandbox, &mbox, number);
                number += 1;
            }
            number
        });
        while !other.is_finished() {
            let more: Vec<Mail> = (sent.len()..sent.len() + 40).map(Mail::numbered).collect();
            server.state().mails.extend(more.iter().cloned());
            sent.extend(more);
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            runs.fetch_add(1, Ordering::Relaxed);
        }
        other.join().unwrap()
    });
    assert!(server.uids().is_empty());
    let mut expected = stored_forms(&sent);
    expected.extend((0..delivered).map(|number| foreign(number).stored()));
    assert_same_mail(stores::mbox(&mbox).into_iter().map(bare).collect(), expected);
    let beside = stores::files(mbox.parent().unwrap());
    assert_eq!(beside, [mbox], "a lock is left behind");
}

/// Runs a program with a text on its stdin; what it says on stderr.
fn feed(sandbox: &Sandbox, program: &Path, arguments: &[&str], text: &[u8]) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(sandbox.path(""))
        .env("HOME", sandbox.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{} failed: {said}", program.display());
    said
}

#[test]
fn an_mbox_that_procmail_delivers_into_at_the_same_time() {
    let Some(procmail) = find_program("procmail") else {
        return skip("procmail is not installed: apt-get install procmail");
    };
    beside_another_program(20, |sandbox, mbox, number| {
        let rules = format!("LOCKSLEEP=1\n:0:\n{}\n", mbox.display());
        let rules = sandbox.write("procmailrc", rules);
        let arguments = ["-f", "other@example", rules.to_str().unwrap()];
        feed(sandbox, &procmail, &arguments, &foreign(number).stored());
    });
}

/// Counts all runs as done when it is dropped.
struct Enough<'a>(&'a AtomicUsize);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(RUNS, Ordering::Relaxed);
    }
}

#[test]
fn an_mbox_that_mutt_saves_into_at_the_same_time() {
    let Some(mutt) = find_program("mutt") else {
        return skip("mutt is not installed: apt-get install mutt");
    };
    beside_another_program(6, |sandbox, mbox, number| {
        let settings = "set mbox_type=mbox copy=yes sendmail=/bin/true from=other@example use_domain=no\n";
        let settings = sandbox.write("muttrc", format!("{settings}set record=\"{}\"\n", mbox.display()));
        let subject = format!("other {number}");
        let arguments = ["-n", "-F", settings.to_str().unwrap(), "-s", &subject, "somebody@example"];
        let text = foreign(number).stored();
        let body = text.iter().position(|&octet| octet == b'\n').unwrap() + 2;
        // It does not wait for a dotlock; it says so, and has saved nothing.
        while feed(sandbox, &mutt, &arguments, &text[body..]).contains("Can't dotlock") {}
    });
}

#[test]
fn an_mbox_that_a_program_appends_to_under_the_lock_of_fcntl_alone() {
    beside_another_program(100, |_, mbox, number| {
        let mut file = std::fs::OpenOptions::new().read(true).append(true).open(mbox).unwrap();
        nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETLKW(&whole_file())).unwrap();
        let mail =
            [b"From other@example Thu Jan  1 00:00:00 1970\n", &foreign(number).stored()[..], b"\n"].concat();
        for piece in mail.chunks(1000) {
            file.write_all(piece).unwrap();
        }
        drop(file);
        // It is not the only one that wants the lock.
        std::thread::sleep(Duration::from_millis(5));
    });
}

/// mutt takes the lock of fcntl first, and then waits for the dotlock.
#[test]
fn a_program_that_takes_the_two_locks_in_the_other_order_gets_both() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", "mbox")]);
    let mbox = sandbox.write("Mail/work", "");
    let dotlock = sandbox.path("Mail/work.lock");
    let file = std::fs::OpenOptions::new().read(true).append(true).open(&mbox).unwrap();
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETLKW(&whole_file())).unwrap();
    let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    // Time for popkeep to come to its locks.
    std::thread::sleep(Duration::from_secs(1));
    let late = Instant::now() + Duration::from_secs(20);
    while std::fs::File::create_new(&dotlock).is_err() {
        assert!(Instant::now() < late, "popkeep keeps the dotlock while it waits for the other lock");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::fs::remove_file(&dotlock).unwrap();
    drop(file);
    assert_eq!(run.wait(), Some(0));
    assert_same_mail(stores::mbox(&mbox), stored_forms(&Mail::some(3)));
}

/// The write lock of a whole file, as `fcntl` wants it described.
fn whole_file() -> nix::libc::flock {
    let whence = i16::try_from(nix::libc::SEEK_SET).unwrap();
    let kind = i16::try_from(nix::libc::F_WRLCK).unwrap();
    nix::libc::flock { l_type: kind, l_whence: whence, l_start: 0, l_len: 0, l_pid: 0 }
}
