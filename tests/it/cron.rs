//! Promise: from cron, with cron's own environment and no terminal, popkeep is silent and ends with 0
//! when all is well, and has one line that says what to do, and the right code, for each problem.

use crate::support::certificates::self_signed;
use crate::support::maildrop::{Nth, Tls};
use crate::support::outcome::Outcome;
use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode};
use std::process::Command;

/// Runs a crontab's command as cron does: these variables and no others, `sh -c`, a session without
/// a terminal, nothing on stdin.
fn cron(sandbox: &Sandbox, variables: &[&str], arguments: &str) -> Outcome {
    let mut command = Command::new("env");
    command.args(["-i", "PATH=/usr/bin:/bin", "SHELL=/bin/sh"]).args(variables);
    command.args(["setsid", "-w", "/bin/sh", "-c"]).arg(format!("{POPKEEP} {arguments}"));
    sandbox.command(command).run()
}

fn home(sandbox: &Sandbox) -> String {
    format!("HOME={}", sandbox.path("").display())
}

fn fetch_by_cron(sandbox: &Sandbox) -> Outcome {
    cron(sandbox, &[&home(sandbox), "LOGNAME=joe"], "fetch --quiet")
}

fn behaving(behaviour: Behaviour) -> PopServer {
    PopServer::behaving(Mail::some(3), behaviour)
}

/// A problem: one line that begins with the account and holds these words, and this code.
#[track_caller]
fn problem(account: Account, code: i32, words: &[&str]) {
    let sandbox = Sandbox::with([account]);
    let outcome = fetch_by_cron(&sandbox).expect(code).one_line(words);
    assert!(outcome.stderr.starts_with("popkeep: work: "), "{}", outcome.stderr);
}

#[test]
fn all_is_well_in_silence() {
    let server = behaving(Behaviour::default());
    let sandbox = Sandbox::for_server(&server);
    for _ in 0..2 {
        fetch_by_cron(&sandbox).expect(0).silent();
    }
    assert_eq!(sandbox.maildir("work").len(), 3);
}

#[test]
fn without_a_home_a_configuration_that_is_named_is_enough() {
    let server = behaving(Behaviour::default());
    let sandbox = Sandbox::new();
    let account = Account::on("work", &server).text("archive", sandbox.archive("work").to_str().unwrap());
    let state = sandbox.path("state");
    sandbox.config(&format!("state_dir = {:?}\n{}", state.to_str().unwrap(), account.toml()));
    let named = format!("--config {} fetch --quiet", sandbox.config_file().display());
    cron(&sandbox, &[], &named).expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 3);
}

#[test]
fn a_configuration_that_is_not_there_or_wrong_is_one_line() {
    let sandbox = Sandbox::new();
    fetch_by_cron(&sandbox).expect(78).one_line(&["no configuration file at", "config.toml", "--config"]);
    sandbox.config("[accounts.work]\nhost = \"pop.example.com\"\npasword = \"x\"\n");
    let line = fetch_by_cron(&sandbox).expect(78).one_line(&["config.toml:3: ", "did you mean \"password\""]);
    assert!(!line.stderr.contains("popkeep: "), "the place in the file comes first: {}", line.stderr);
}

#[test]
fn a_host_that_nobody_knows() {
    let account = Account::new("work").text("host", "no-such-host.invalid");
    problem(account, 68, &["no-such-host.invalid", "check `host`"]);
}

#[test]
fn a_connection_that_is_refused() {
    let account = Account::new("work").loopback(1).text("tls", "none");
    problem(account, 69, &["cannot connect to 127.0.0.1", "check `host` and `port`"]);
}

#[test]
fn a_server_that_does_not_answer() {
    let server = behaving(Behaviour { stall_at: Some(Nth("UIDL", 1)), ..Behaviour::default() });
    let account = Account::on("work", &server).text("timeout", "1s").text("pipelining", "off");
    problem(account, 69, &["too slow with UIDL", "raise `timeout`"]);
}

#[test]
fn a_password_that_is_wrong() {
    let server = behaving(Behaviour::default());
    problem(Account::on("work", &server).text("password", "no"), 77, &["password"]);
}

#[test]
fn a_password_that_nobody_can_be_asked_for() {
    let server = behaving(Behaviour::default());
    problem(Account::on("work", &server).without("password"), 78, &["no terminal", "add password_command"]);
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let server =
        PopServer::start(Mail::some(1), Behaviour::default(), Tls::Implicit(self_signed().acceptor()));
    let account = Account::new("work").loopback(server.port());
    problem(account, 77, &["certificate of 127.0.0.1 is not trusted", "tls_fingerprint"]);
}

#[test]
fn a_maildrop_that_another_session_has() {
    let server = behaving(Behaviour { login_reply: Some("-ERR [IN-USE] locked"), ..Behaviour::default() });
    problem(Account::on("work", &server), 75, &["locked", "try"]);
}

#[test]
fn a_server_that_does_not_speak_pop3() {
    let server = behaving(Behaviour { greeting: Some("* OK IMAP4rev1 ready"), ..Behaviour::default() });
    problem(Account::on("work", &server), 76, &["does not speak POP3", "check `host`, `port`"]);
}

#[test]
fn a_message_that_the_server_does_not_hand_out() {
    let refuse_retr = [Mail::some(3)[1].uid.clone()].into();
    let server = behaving(Behaviour { refuse_retr, ..Behaviour::default() });
    problem(Account::on("work", &server), 1, &["message 2", "missing from the archive"]);
}

#[test]
fn an_archive_that_cannot_be_made() {
    let server = behaving(Behaviour::default());
    let account = Account::on("work", &server).text("archive", "/proc/version/work");
    problem(account, 73, &["cannot write the archive /proc/version", "check its owner"]);
}

#[test]
fn an_archive_that_has_vanished() {
    let server = behaving(Behaviour::default());
    let sandbox = Sandbox::for_server(&server);
    fetch_by_cron(&sandbox).expect(0).silent();
    std::fs::remove_dir_all(sandbox.archive("work")).unwrap();
    server.take_sessions();
    fetch_by_cron(&sandbox).expect(73).one_line(&["3 messages", "mount its disk"]);
    assert!(server.take_sessions().is_empty(), "found out before anybody logs in");
}

#[test]
fn a_configuration_that_others_can_read() {
    let server = behaving(Behaviour::default());
    let sandbox = Sandbox::for_server(&server);
    set_mode(sandbox.config_file(), 0o644);
    fetch_by_cron(&sandbox).expect(78).one_line(&["others can read it", "chmod 600"]);
}

/// One account's problem is its own: the others are fetched, and what may pass is passed over.
#[test]
fn each_problem_has_its_line_and_the_rest_goes_on() {
    let fine = behaving(Behaviour::default());
    let busy = behaving(Behaviour { login_reply: Some("-ERR [IN-USE] locked"), ..Behaviour::default() });
    let sandbox = Sandbox::with([
        Account::on("busy", &busy),
        Account::on("fine", &fine),
        Account::on("wrong", &fine).text("password", "no").text("identity", "wrong"),
    ]);
    let outcome = fetch_by_cron(&sandbox).expect(1);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!((outcome.stdout.as_str(), lines.len()), ("", 2), "{}", outcome.stderr);
    assert!(lines[0].starts_with("popkeep: busy: ") && lines[1].starts_with("popkeep: wrong: "));
    assert_eq!(sandbox.maildir("fine").len(), 3);
}
