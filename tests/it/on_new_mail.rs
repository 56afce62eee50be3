//! Promise: `on_new_mail` runs once after a run that stored something, and only then; whatever it
//! does, the mail is safe and the exit code is the mail's.

use crate::support::maildrop::{Behaviour, PASSWORD};
use crate::support::{Account, Mail, PopServer, Sandbox};

/// A command that writes down what it was told.
const NOTE: &str = "cat > stdin; echo \"$POPKEEP_ACCOUNTS: $POPKEEP_FETCHED\" >> noted; echo noise";

fn noted(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path("noted")).unwrap_or_default()
}

#[test]
fn it_runs_once_for_all_accounts_and_only_when_something_was_stored() {
    let (first, second, idle) =
        (PopServer::with(Mail::some(2)), PopServer::with(Mail::some(3)), PopServer::with(vec![]));
    let sandbox = Sandbox::with([
        Account::on("first", &first).text("on_new_mail", NOTE),
        Account::on("second", &second).text("on_new_mail", NOTE),
        Account::on("idle", &idle).text("on_new_mail", NOTE),
    ]);
    sandbox.popkeep(["fetch", "--dry-run", "--progress", "never"]).run().expect(0);
    assert_eq!(noted(&sandbox), "", "a rehearsal stores nothing");
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(noted(&sandbox), "first second: 5\n");
    assert_eq!(std::fs::read(sandbox.path("stdin")).unwrap(), b"", "it has no input");
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(noted(&sandbox), "first second: 5\n", "nothing new, nothing run");
}

#[test]
fn it_finds_the_mail_in_place_even_if_the_account_failed_afterwards() {
    let refuse = [Mail::some(3)[1].uid.clone()].into();
    let server =
        PopServer::behaving(Mail::some(3), Behaviour { refuse_retr: refuse, ..Behaviour::default() });
    let sandbox =
        Sandbox::with([Account::on("work", &server).text("on_new_mail", "ls Mail/work/new | wc -l > noted")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).one_line(&["missing"]);
    assert_eq!(noted(&sandbox).trim(), "2");
}

#[test]
fn its_failure_is_a_line_and_an_entry_of_its_own() {
    let server = PopServer::with(Mail::some(1));
    let command = "echo 'no database\u{1b}[2J' >&2; exit 4 # s3cret";
    let sandbox = Sandbox::with([Account::on("work", &server).text("on_new_mail", command)]);
    let outcome = sandbox.popkeep(["fetch", "--quiet", "--json"]).run().expect(0);
    assert_eq!(
        outcome.stderr,
        "popkeep: work: the mail is stored, but on_new_mail failed (exit status: 4): no database\\x1b[2J\n"
    );
    let report = outcome.json();
    assert_eq!(report["exit"], 0);
    assert_eq!(report["accounts"][0]["outcome"], "ok");
    assert_eq!(report["on_new_mail"][0]["accounts"][0], "work");
    assert!(report["on_new_mail"][0]["error"].as_str().unwrap().contains("no database"));
    assert!(!outcome.stdout.contains("s3cret"), "the command may hold a secret");
}

#[test]
fn the_variable_of_a_password_reaches_no_command() {
    let servers = [PopServer::with(Mail::some(1)), PopServer::with(Mail::some(1))];
    let sandbox = Sandbox::with([
        Account::on("first", &servers[0]).without("password").text("password_env", "FIRST_PASSWORD"),
        Account::on("second", &servers[1])
            .without("password")
            .text("password_command", format!("env >> environment; echo {PASSWORD}"))
            .text("on_new_mail", "env >> environment"),
    ]);
    let run = sandbox.popkeep(["fetch", "--quiet"]).env("FIRST_PASSWORD", PASSWORD).env("ANOTHER", "kept");
    run.run().expect(0).silent();
    let environment = std::fs::read_to_string(sandbox.path("environment")).unwrap();
    assert_eq!(environment.matches("ANOTHER=kept").count(), 2, "{environment}");
    assert!(!environment.contains(PASSWORD), "{environment}");
}

/// The descriptors of a command: `ls` has one more, on the folder that it lists.
const DESCRIPTORS: &str = "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> \\(.*\\)/\\1 \\2/p'";

#[test]
fn commands_find_no_descriptor_of_ours_open() {
    let server = PopServer::with(Mail::some(3));
    let other = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([
        Account::on("work", &server)
            .without("password")
            .text("password_command", format!("{DESCRIPTORS} > asked; sleep 0.2; echo '{PASSWORD}'"))
            .text("on_new_mail", format!("{DESCRIPTORS} > new")),
        Account::on("other", &other).text("format", "mbox"),
    ]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    for file in ["asked", "new"] {
        let seen = std::fs::read_to_string(sandbox.path(file)).unwrap();
        let home = sandbox.path("").display().to_string();
        for line in seen.lines() {
            let (number, target) = line.split_once(' ').unwrap();
            let known = number.parse::<u32>().unwrap() <= 2 || target.contains("/proc/");
            // What the tests themselves were started with is not ours either.
            assert!(known || !(target.contains("socket:") || target.contains(&home)), "{file}: {seen}");
        }
        assert!(seen.lines().count() >= 3, "{seen}");
    }
}
