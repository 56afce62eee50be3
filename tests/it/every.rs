//! `fetch --every`: rounds follow one another whatever becomes of one, a signal ends them, and a service manager is told.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Mail, PopServer, Sandbox, find_program, skip};

const EVERY: [&str; 4] = ["fetch", "--quiet", "--every", "1s"];

/// Waits until it holds.
#[track_caller]
fn eventually(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "it never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn each_round_fetches_what_is_new_with_the_configuration_as_it_is_then() {
    let (server, other) = (PopServer::with(Mail::some(1)), PopServer::with(Mail::some(2)));
    let sandbox = Sandbox::for_server(&server);
    let run = sandbox.popkeep(EVERY).spawn();
    let archived =
        |account: &str| std::fs::read_dir(sandbox.archive(account).join("new")).map_or(0, Iterator::count);
    eventually(|| archived("work") == 1);
    sandbox.config("[accounts.work]\nhots = \"nonsense\"\n");
    server.state().mails = Mail::some(3);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(archived("work"), 1, "a configuration that cannot be read is no reason to end");
    sandbox.configure([Account::on("work", &server), Account::on("home", &other)]);
    eventually(|| archived("work") == 3 && archived("home") == 2);
    run.signal("TERM");
    assert_eq!(run.wait(), Some(143));
}

#[test]
fn a_configuration_that_cannot_be_read_at_the_start_ends_it() {
    let sandbox = Sandbox::new();
    sandbox.config("[accounts.work]\nhots = \"nonsense\"\n");
    sandbox.popkeep(EVERY).run().expect(78).one_line(&["did you mean \"host\""]);
    sandbox.popkeep(["fetch", "--every", "1s", "--dry-run"]).run().expect(64);
    sandbox.popkeep(["fetch", "--every", "0s"]).run().expect(64);
}

#[test]
fn a_service_manager_is_told_when_it_is_ready_and_when_it_stops() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    let socket = UnixDatagram::bind(sandbox.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let said = || {
        let mut octets = [0; 512];
        let count = socket.recv(&mut octets).unwrap();
        String::from_utf8(octets[..count].to_vec()).unwrap()
    };
    let run = sandbox
        .popkeep(["fetch", "--quiet", "--every", "1h"])
        .env("NOTIFY_SOCKET", sandbox.path("notify"))
        .spawn();
    assert_eq!(said(), "READY=1\nSTATUS=fetching\n");
    assert!(said().starts_with("STATUS=the next fetch begins at "));
    run.signal("INT");
    assert_eq!(said(), "STOPPING=1\n");
    assert_eq!(run.wait(), Some(130));
}

/// A process that loses its parent becomes a child of process 1, and stays in the process table until that waits for it.
#[test]
fn as_process_1_it_waits_for_what_others_leave_behind() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::with([
        Account::on("work", &server).text("on_new_mail", "(sleep 0.2 & exec true) & exec true")
    ]);
    let mut command = Command::new("unshare");
    let namespaces: &[&str] = if rustix::process::getuid().is_root() { &[] } else { &["-r"] };
    command.args(namespaces).args(["--pid", "--fork", "--mount-proc", "--kill-child", POPKEEP]).args(EVERY);
    if find_program("unshare").is_none() || !may_unshare(&sandbox, namespaces) {
        return skip("no process namespace can be made here");
    }
    let run = sandbox.command(command).spawn();
    let archived = || std::fs::read_dir(sandbox.archive("work").join("new")).map_or(0, Iterator::count);
    for count in 1..=3 {
        eventually(|| archived() == count);
        server.state().mails = Mail::some(count + 1);
    }
    eventually(|| archived() == 4);
    let zombies = || {
        let all = Command::new("ps").args(["-eo", "stat=,args="]).output().unwrap().stdout;
        let all = String::from_utf8_lossy(&all).into_owned();
        all.lines().filter(|line| line.starts_with('Z') && line.contains("[sleep]")).count()
    };
    eventually(|| zombies() == 0);
    drop(run);
}

fn may_unshare(sandbox: &Sandbox, namespaces: &[&str]) -> bool {
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["--pid", "--fork", "--mount-proc", "true"]);
    sandbox.command(command).run().code == Some(0)
}
