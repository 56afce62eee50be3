//! Many accounts: in files of their own, and on several machines.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | `accounts.d/*.toml` belong to the configuration | [`accounts_may_have_files_of_their_own`] |
//! | what is wrong there is said with its file and line | [`what_is_wrong_in_a_file_of_accounts_is_said_with_its_place`] |
//! | each of the files must be safe for what is in it | [`a_file_of_accounts_must_be_as_private_as_what_is_in_it`] |
//! | a refused login is tried again when the account's own file changes | [`a_change_of_an_accounts_own_file_ends_its_rest`] |
//! | an account that moves is not fetched again | [`an_account_that_moves_to_another_machine_is_not_fetched_again`] |
//! | the same problem of many accounts is one line | [`the_same_problem_of_many_accounts_is_one_line`] |
//! | few open files make a run slower, and no account fail | [`few_open_files_make_no_account_fail`] |
//! | nor does a server that lets in few sessions | [`a_server_that_lets_in_few_sessions_makes_no_account_fail`] |
//! | a server that lets in none is asked once for each account | [`a_server_that_lets_in_nobody_is_not_asked_for_ever`] |
//! | the archives of many accounts are searched with few open files | [`many_archives_are_searched_with_few_open_files`] |
//! | every account is in exactly one shard | [`every_account_is_fetched_by_exactly_one_shard`] |

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use crate::support::outcome::Outcome;
use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode};

/// Writes a file beside the configuration, private.
fn add(sandbox: &Sandbox, name: &str, text: &str) {
    let file = sandbox.write(format!(".config/popkeep/accounts.d/{name}"), text);
    set_mode(file, 0o600);
}

/// So many accounts on a server, each with a maildrop and an archive of its own.
fn many(server: &PopServer, count: usize) -> String {
    let account = |n: usize| Account::on(&format!("a{n}"), server).text("user", format!("u{n}")).toml();
    (0..count).map(account).collect()
}

/// A server at which sessions meet: each takes a while.
fn busy(messages: usize, lets_in: Option<(usize, &'static str)>) -> PopServer {
    let answers_after = BTreeMap::from([("STAT", Duration::from_millis(30))]);
    PopServer::behaving(Mail::some(messages), Behaviour { answers_after, lets_in, ..Behaviour::default() })
}

/// Runs popkeep where few files may be open.
fn with_few_files(sandbox: &Sandbox, limit: &str, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit {limit} && exec \"$@\"")).arg("sh").arg(POPKEEP).args(arguments);
    sandbox.command(command).run()
}

fn names(sandbox: &Sandbox, options: &[&str]) -> Vec<String> {
    let arguments = [&["fetch", "--json", "--quiet"], options].concat();
    let report = sandbox.popkeep(arguments).run().expect(0).json();
    let accounts = report["accounts"].as_array().unwrap();
    accounts.iter().map(|account| account["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn accounts_may_have_files_of_their_own() {
    let server = PopServer::with(Mail::some(2));
    let on = |name: &str| Account::on(name, &server).without("archive").text("user", name).toml();
    let sandbox = Sandbox::new();
    sandbox.config("[defaults]\narchive = \"~/Mail/{account}\"\n");
    add(&sandbox, "b.toml", &format!("# Two of them.\n\n{}{}", on("bob"), on("ann")));
    add(&sandbox, "a.toml", &on("zoe"));
    for (name, text) in
        [("c.txt", "rubbish"), (".d.toml", "rubbish"), ("e.toml~", "rubbish"), ("f.toml", "# none\n")]
    {
        add(&sandbox, name, text);
    }
    assert_eq!(names(&sandbox, &[]), ["zoe", "bob", "ann"], "by the names of the files");
    assert_eq!(names(&sandbox, &["ann"]), ["ann"]);
    assert_eq!(sandbox.maildir("zoe").len(), 2);
    // A relative path counts from the configuration's folder, wherever it is written.
    add(
        &sandbox,
        "a.toml",
        &format!("{}password_file = \"secret\"\n", on("zoe").replace("password =", "# ")),
    );
    set_mode(
        sandbox.write(".config/popkeep/secret", format!("{}\n", crate::support::maildrop::PASSWORD)),
        0o600,
    );
    assert_eq!(names(&sandbox, &["zoe"]), ["zoe"]);
}

#[test]
fn what_is_wrong_in_a_file_of_accounts_is_said_with_its_place() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    let other = Account::on("other", &server).toml();
    for (text, place, words) in [
        (format!("{other}\nhsot = \"x\"\n"), format!("a.toml:{}", other.lines().count() + 2), "hsot"),
        (format!("\n\n{other}timeout = 1\n"), format!("a.toml:{}", other.lines().count() + 3), "timeout"),
        ("# first\nhost = \"x\"\n".to_owned(), "a.toml:2".to_owned(), "[accounts.NAME]"),
        ("state_dir = \"x\"\n".to_owned(), "a.toml:1".to_owned(), "[accounts.NAME]"),
        ("[defaults]\nhost = \"x\"\n".to_owned(), "a.toml:1".to_owned(), "[accounts.NAME]"),
        ("[accounts.other]\nhost = \"\n".to_owned(), "a.toml:2".to_owned(), "TOML"),
        (Account::on("work", &server).toml(), "a.toml:".to_owned(), "duplicate"),
    ] {
        add(&sandbox, "a.toml", &text);
        let outcome = sandbox.popkeep(["fetch", "--quiet"]).run().expect(78);
        let line = outcome.stderr.lines().next().unwrap();
        assert!(line.contains(&place) && line.contains(words), "{text}\n{line}");
    }
}

#[test]
fn a_file_of_accounts_must_be_as_private_as_what_is_in_it() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    sandbox.config("[defaults]\narchive = \"~/Mail/{account}\"\n");
    set_mode(sandbox.config_file(), 0o644);
    let file = sandbox.path(".config/popkeep/accounts.d/a.toml");
    add(&sandbox, "a.toml", &Account::on("work", &server).without("archive").toml());
    assert_eq!(names(&sandbox, &[]), ["work"], "the configuration itself has no password in it");
    set_mode(&file, 0o644);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(78).one_line(&["a.toml", "chmod 600"]);
    set_mode(&file, 0o666);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(78).one_line(&["a.toml"]);
}

#[test]
fn a_change_of_an_accounts_own_file_ends_its_rest() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    sandbox.config("[defaults]\narchive = \"~/Mail/{account}\"\n");
    let account = Account::on("work", &server).without("archive");
    add(&sandbox, "a.toml", &account.clone().text("password", "not the one").toml());
    for tries in [1, 0] {
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(77);
        assert_eq!(server.take_sessions().len(), tries);
    }
    add(&sandbox, "a.toml", &account.toml());
    assert_eq!(names(&sandbox, &[]), ["work"]);
}

#[test]
fn an_account_that_moves_to_another_machine_is_not_fetched_again() {
    let server = PopServer::with(Mail::some(40));
    let sandbox = Sandbox::for_server(&server);
    let fetch = |machine: &str| {
        let run = sandbox.popkeep(["fetch", "--json", "--quiet"]);
        let report = run.env("POPKEEP_STATE_DIR", sandbox.path(machine)).run().expect(0).json();
        (
            report["accounts"][0]["archived"].as_u64().unwrap(),
            report["accounts"][0]["fetched"].as_u64().unwrap(),
        )
    };
    assert_eq!(fetch("first"), (40, 40));
    server.take_sessions();
    assert_eq!(fetch("second"), (40, 0));
    assert_eq!(server.count("RETR"), 0);
    server.state().mails = Mail::some(42);
    assert_eq!(fetch("second"), (42, 2));
    // And back again.
    assert_eq!(fetch("first"), (42, 0));
    assert_eq!(sandbox.maildir("work").len(), 42);
}

#[test]
fn the_same_problem_of_many_accounts_is_one_line() {
    let server = PopServer::with(Mail::some(1));
    let config = |bad: usize| {
        let wrong = |n: usize| {
            Account::on(&format!("bad-{n}"), &server).text("user", format!("u{n}")).text("password", "wrong")
        };
        let good = Account::on("good", &server).toml();
        let refused: String = (1..=bad).map(|n| wrong(n).toml()).collect();
        format!("{good}{refused}")
    };
    let sandbox = Sandbox::new();
    sandbox.config(&config(4));
    let outcome = sandbox.popkeep(["fetch", "--quiet"]).run().expect(77);
    assert_eq!(outcome.stderr.lines().count(), 4, "{}", outcome.stderr);
    sandbox.config(&config(12));
    let outcome = sandbox.popkeep(["fetch", "--quiet", "--json"]).run().expect(77);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    outcome.says(&["12 accounts (bad-1, bad-2, bad-3 and 9 more): the server refused the login"]);
    sandbox.config(&config(12));
    let report = sandbox.popkeep(["fetch", "--quiet", "--json"]).run().expect(77).json();
    let errors = report["accounts"].as_array().unwrap().iter().filter(|account| !account["error"].is_null());
    assert_eq!(errors.count(), 12, "each has its own entry all the same");
    // Without --quiet each was told of when it ended; the last line says how many there were.
    let outcome = sandbox.popkeep(["fetch"]).run().expect(77);
    let last = outcome.stderr.lines().last().unwrap();
    assert!(last.starts_with("popkeep: 12 accounts (bad-1, bad-2, bad-3 and 9 more): login"), "{last}");
    let failed = sandbox.popkeep(["status", "--failed", "--json"]).run().json();
    assert_eq!(failed["accounts"].as_array().unwrap().len(), 12);
}

#[test]
fn few_open_files_make_no_account_fail() {
    let server = busy(2, None);
    let sandbox = Sandbox::new();
    sandbox.config(&many(&server, 30));
    for (limit, jobs) in [("-n 64", "1000"), ("-n 64", "8"), ("-n 32", "8"), ("-S -n 32", "30")] {
        with_few_files(&sandbox, limit, &["fetch", "--quiet", "--jobs", jobs]).expect(0).silent();
    }
    assert_eq!((server.count("RETR"), server.take_sessions().len()), (60, 120));
    // Messages that are synced together have their files open together.
    server.state().mails = Mail::some(100);
    with_few_files(&sandbox, "-n 64", &["fetch", "--quiet", "a1", "a2", "a3"]).expect(0).silent();
    assert_eq!(sandbox.maildir("a3").len(), 100);
}

#[test]
fn a_server_that_lets_in_few_sessions_makes_no_account_fail() {
    let sandbox = Sandbox::new();
    for (most, told, jobs) in [
        (8, "-ERR [SYS/TEMP] Too many connections from your address\r\n", ["--jobs", "16"]),
        (2, "", ["--progress", "never"]),
    ] {
        let server = busy(1, Some((most, told)));
        sandbox.config(&many(&server, 24));
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        let before = server.state().turned_away;
        let outcome = sandbox.popkeep([&["fetch"], &jobs[..]].concat()).run().expect(0);
        let turned_away = server.state().turned_away;
        let notes = outcome.stderr.lines().filter(|line| line.contains("opens fewer at once"));
        // On a busy machine so few may be under way at once that the server lets in all of them.
        assert_eq!(notes.count(), usize::from(turned_away > before), "{}", outcome.stderr);
        assert!((1..=40).contains(&turned_away), "{turned_away}");
        assert_eq!((server.count("RETR"), server.take_sessions().len()), (24, 48));
        // Nothing of it is on record as a failed run.
        let failed = sandbox.popkeep(["status", "--failed", "--json"]).run().expect(0).json();
        assert!(failed["accounts"].as_array().unwrap().is_empty(), "{failed}");
        for folder in ["Mail", ".local"] {
            std::fs::remove_dir_all(sandbox.path(folder)).unwrap();
        }
    }
}

#[test]
fn a_server_that_lets_in_nobody_is_not_asked_for_ever() {
    let server = busy(1, Some((0, "-ERR [SYS/TEMP] Too many connections from your address\r\n")));
    let sandbox = Sandbox::new();
    sandbox.config(&many(&server, 20));
    let outcome = sandbox.popkeep(["fetch", "--quiet"]).run().expect(75);
    outcome.one_line(&["20 accounts", "Too many connections"]);
    let asked = server.state().turned_away;
    assert!(
        (20..=28).contains(&asked),
        "each once, and at most seven that had hoped for others' places: {asked}"
    );
}

#[test]
fn many_archives_are_searched_with_few_open_files() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::new();
    sandbox.config(&many(&server, 30));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let found = |arguments: &[&str]| {
        let outcome = with_few_files(&sandbox, "-n 64", &[&["search"], arguments].concat()).expect(0);
        outcome.stdout.lines().filter(|line| line.contains("a29")).count()
    };
    assert_eq!(found(&["--paths"]), 2, "it makes the index");
    server.state().mails = Mail::some(3);
    with_few_files(&sandbox, "-n 64", &["fetch", "--quiet"]).expect(0).silent();
    assert_eq!(found(&["--paths"]), 3);
}

#[test]
fn every_account_is_fetched_by_exactly_one_shard() {
    let server = PopServer::with(vec![]);
    let accounts: Vec<String> = (0..30).map(|n| format!("account-{n}")).collect();
    let text: String =
        accounts.iter().map(|name| Account::on(name, &server).text("user", name).toml()).collect();
    let sandbox = Sandbox::new();
    sandbox.config(&text);
    for count in [1, 3, 7] {
        let mut all = Vec::new();
        for number in 0..count {
            all.extend(names(&sandbox, &["--shard", &format!("{number}/{count}")]));
        }
        assert_eq!(all.len(), 30);
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), accounts.iter().cloned().collect());
    }
    for wrong in ["3/3", "0/0", "1", "a/b"] {
        sandbox.popkeep(["fetch", "--shard", wrong]).run().expect(64);
    }
}
