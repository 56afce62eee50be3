//! The other commands: demo, status, check, completions, and wrong command lines.

use crate::support::clock::{HOUR, library};
use crate::support::maildrop::Behaviour;
use crate::support::{Account, Mail, PopServer, Sandbox, stores};

#[test]
fn wrong_command_lines_end_with_64() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["fetch", "--colour"][..],
        &["steal"],
        &["--frobnicate"],
        &["fetch", "--limit", "few"],
        &["fetch", "--jobs", "0"],
        &["fetch", "--progress", "sometimes"],
        &["fetch", "--quiet", "-v"],
        &["status", "--max-age", "soon"],
        &["completions"],
        &["completions", "tcl"],
        &["demo", "a", "b"],
    ] {
        let outcome = sandbox.popkeep(arguments).run().expect(64);
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        assert!(outcome.stderr.starts_with("error: "), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn help_and_version_are_no_failures() {
    let sandbox = Sandbox::new();
    sandbox.popkeep(["--version"]).run().expect(0).says(&[concat!("popkeep ", env!("CARGO_PKG_VERSION"))]);
    for command in ["fetch", "check", "list", "session", "status", "init", "demo", "completions"] {
        let outcome = sandbox.popkeep(["--help"]).run().expect(0);
        assert!(outcome.stdout.contains(command), "--help does not know {command}");
        let outcome = sandbox.popkeep([command, "--help"]).run().expect(0);
        assert!(outcome.stdout.contains(&format!("popkeep {command}")), "{}", outcome.stdout);
    }
}

#[test]
fn completions_for_every_shell_know_the_commands() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = sandbox.popkeep(["completions", shell]).run().expect(0);
        for word in ["fetch", "dry-run", "max-age"] {
            assert!(outcome.stdout.contains(word), "{shell} does not know {word}");
        }
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn demo_fetches_once_and_shows_that_the_second_run_fetches_nothing() {
    let sandbox = Sandbox::new();
    let home_before = sandbox.snapshot();
    sandbox.popkeep(["demo"]).run().expect(0).says(&["popkeep-demo", "fetch", "nothing"]);
    let messages = demo_messages(&sandbox);
    assert!(messages.len() >= 6, "{} sample messages", messages.len());
    let with = |what: &str, holds: fn(&[u8]) -> bool| {
        assert!(messages.iter().any(|message| holds(message)), "no sample with {what}");
    };
    with("a line that starts with a dot", |mail| mail.windows(2).any(|two| two == b"\n."));
    with("a From line", |mail| mail.windows(6).any(|six| six == b"\nFrom "));
    with("8-bit text", |mail| !mail.is_ascii());
    with("an attachment", |mail| mail.windows(10).any(|ten| ten == b"attachment"));

    sandbox.popkeep(["demo"]).run().expect(0);
    assert_eq!(demo_messages(&sandbox), messages, "a second demo in the same folder fetches nothing");
    let outside: Vec<_> = sandbox
        .snapshot()
        .into_keys()
        .filter(|path| !path.starts_with(sandbox.path("popkeep-demo")) && !home_before.contains_key(path))
        .collect();
    assert!(outside.is_empty(), "the demo wrote outside its folder: {outside:?}");
}

/// Every message in every Maildir below the demo's folder.
fn demo_messages(sandbox: &Sandbox) -> Vec<Vec<u8>> {
    let files = sandbox.snapshot().into_keys();
    let mut messages: Vec<_> = files
        .filter(|path| path.is_file() && path.parent().is_some_and(|folder| folder.ends_with("new")))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    messages.sort();
    messages
}

#[test]
fn demo_refuses_a_folder_with_other_things_in_it() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("mine/letter", "Dear Jane,\n");
    let outcome = sandbox.popkeep(["demo", "mine"]).run();
    assert!(matches!(outcome.code, Some(64..=78)), "{outcome:?}");
    outcome.says(&["mine"]);
    assert_eq!(stores::files(&sandbox.path("mine")), [file]);

    let file = sandbox.write("a-file", "");
    let outcome = sandbox.popkeep(["demo", "a-file"]).run();
    assert!(matches!(outcome.code, Some(64..=78)), "{outcome:?}");
    assert_eq!(std::fs::read(file).unwrap(), b"");
}

#[test]
fn demo_takes_an_empty_folder() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox.popkeep(["demo", "empty"]).run().expect(0);
    assert!(demo_messages(&sandbox).len() >= 6);
}

#[test]
fn status_speaks_from_the_ledger_alone() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("work", &server)]);
    sandbox.popkeep(["status"]).run().expect(0).says(&["work", "never"]);
    sandbox.popkeep(["status", "--max-age", "26h"]).run().expect(1);
    assert!(!sandbox.path(".local").exists(), "status makes no ledger");

    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.take_sessions();
    sandbox.popkeep(["status"]).run().expect(0).says(&["work", "3"]);
    sandbox.popkeep(["status", "--max-age", "26h"]).run().expect(0);
    let report = sandbox.popkeep(["status", "--json"]).run().expect(0).json();
    let account = &report["accounts"][0];
    assert_eq!(account["name"], "work");
    let octets: usize = Mail::some(3).iter().map(|mail| mail.stored().len()).sum();
    let numbers: Vec<_> =
        account.as_object().unwrap().values().filter_map(serde_json::Value::as_u64).collect();
    assert!(numbers.contains(&3) && numbers.contains(&(octets as u64)), "{account}");
    assert!(server.take_sessions().is_empty(), "status connects nowhere");
}

#[test]
fn a_success_grows_too_old() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    for (hours, code) in [(25, 0), (27, 1)] {
        sandbox.set_clock(&library, hours * HOUR);
        sandbox.popkeep(["status", "--max-age", "26h"]).run().expect(code);
    }
}

#[test]
fn a_failure_is_in_the_status_and_is_no_success() {
    let server = PopServer::behaving(
        Mail::some(1),
        Behaviour { login_reply: Some("-ERR [AUTH] no entry"), ..Behaviour::default() },
    );
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77);
    sandbox.popkeep(["status", "--max-age", "26h"]).run().expect(1).says(&["work", "no entry"]);
    // A refused login rests until something changes, the configuration say.
    let touch = || sandbox.configure([Account::on("work", &server)]);
    touch();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77);
    sandbox.popkeep(["status"]).run().expect(0).says(&["failures      2 runs, last", "exit code 77"]);
    let account = sandbox.popkeep(["status", "--json"]).run().expect(0).json()["accounts"][0].take();
    assert_eq!(account["failed_runs"], 2);
    assert_eq!(account["failures"].as_array().unwrap().len(), 1, "of one kind");
    assert!(account["failures"][0]["error"].as_str().unwrap().contains("no entry"));

    server.behave(Behaviour::default());
    touch();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    let account = sandbox.popkeep(["status", "--json"]).run().expect(0).json()["accounts"][0].take();
    assert_eq!((&account["failed_runs"], &account["last_run"]["exit"]), (&0.into(), &0.into()));
}

#[test]
fn status_shows_growth_in_what_the_locale_can_show() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    let status = || sandbox.popkeep(["status"]);
    status().run().expect(0).says(&["growth        ···········█  3 messages", "in 12 weeks"]);
    let plain = status().env("LC_ALL", "C").run().expect(0).says(&["growth        ...........@  3 messages"]);
    assert!(plain.stdout.is_ascii(), "{}", plain.stdout);
    let report = sandbox.popkeep(["status", "--json"]).run().expect(0).json();
    let weeks = report["accounts"][0]["weeks"].as_array().unwrap();
    assert_eq!((weeks.len(), &weeks[11]["messages"], &weeks[0]["messages"]), (12, &3.into(), &0.into()));
}

#[test]
fn check_logs_in_and_writes_nothing() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    let before = sandbox.snapshot();
    sandbox.popkeep(["check"]).run().expect(0).says(&["work", "3", "PIPELINING", "PLAIN"]);
    assert_eq!(sandbox.snapshot(), before);
    let sessions = server.take_sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!((sessions[0].count("RETR"), sessions[0].count("DELE")), (0, 0));

    sandbox.configure([Account::on("work", &server).text("password", "not the one")]);
    sandbox.popkeep(["check"]).run().expect(77).says(&["work", "password"]);
}

#[test]
fn help_is_a_command_too() {
    let sandbox = Sandbox::new();
    let help = sandbox.popkeep(["help"]).run().expect(0);
    assert!(help.stdout.contains("fetch") && help.stdout.contains("popkeep init"), "{}", help.stdout);
    let same = sandbox.popkeep(["help", "fetch"]).run().expect(0);
    assert_eq!(same.stdout, sandbox.popkeep(["fetch", "--help"]).run().expect(0).stdout);
    sandbox.popkeep(["help", "steal"]).run().expect(64);
}

#[test]
fn list_and_session_need_no_account_where_there_is_one() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(sandbox.popkeep(["list", "--json"]).run().expect(0).json()["account"], "work");
    sandbox.popkeep(["session"]).run_with("STAT\nQUIT\n").expect(0);
    let sandbox = Sandbox::with([Account::on("work", &server), Account::on("home", &server)]);
    for command in ["list", "session"] {
        sandbox.popkeep([command]).run().expect(64).one_line(&["work", "home"]);
    }
}

#[test]
fn status_shows_many_accounts_as_a_table_and_only_those_with_a_problem_if_wanted() {
    let server = PopServer::with(Mail::some(2));
    let account = |name: &str| Account::on(name, &server).text("identity", name);
    let sandbox = Sandbox::with(["one", "two", "three", "four"].map(account));
    sandbox.popkeep(["fetch", "one", "two", "--quiet"]).run().expect(0);
    let table = sandbox.popkeep(["status"]).run().expect(0).stdout;
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.lines().nth(1).unwrap().ends_with("  ok"), "{table}");
    let failed = sandbox.popkeep(["status", "--failed"]).run().expect(0).stdout;
    assert!(failed.contains("three") && failed.contains("four") && !failed.contains("two"), "{failed}");
    let report = sandbox.popkeep(["status", "--failed", "--json"]).run().expect(0).json();
    let names: Vec<_> = report["accounts"].as_array().unwrap().iter().map(|a| a["name"].clone()).collect();
    assert_eq!(names, ["three", "four"]);
    let pages = sandbox.popkeep(["status", "one", "two"]).run().expect(0).stdout;
    assert!(pages.starts_with("one\n  last run"), "{pages}");
}

#[test]
fn the_shell_completes_the_names_of_accounts() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::with(["work", "wiki", "home"].map(|name| Account::on(name, &server)));
    let names = sandbox.popkeep(["completions", "--accounts"]).run().expect(0).stdout;
    assert_eq!(names, "work\nwiki\nhome\n");
    let Some(bash) = crate::support::find_program("bash") else {
        return crate::support::skip("there is no bash");
    };
    let proposed = |line: &str| {
        let mut shell = std::process::Command::new(&bash);
        let complete = "source <(\"$0\" completions bash); COMP_WORDS=(\"$0\" $1 ''); \
                        COMP_WORDS[${#COMP_WORDS[@]}-1]=$2; COMP_CWORD=$((${#COMP_WORDS[@]}-1)); \
                        _popkeep_or_account \"$0\" \"$2\" x; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let (words, begun) = line.rsplit_once(' ').unwrap();
        shell.args(["-c", complete, crate::support::sandbox::POPKEEP, words, begun]);
        sandbox.command(shell).run().expect(0).stdout
    };
    assert!(proposed("fetch w").ends_with("work\nwiki\n"), "{}", proposed("fetch w"));
    assert!(proposed("list h").contains("home"));
    assert!(!proposed("fetch --jobs h").contains("home"));
    assert!(!proposed("demo h").contains("home"));
}
