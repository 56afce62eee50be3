//! `log`: the runs on record, the newest first; the last 1,000 of an account one by one, those before by day.
//!
//! How runs are folded into days, what ten years of them take, and what a clock that jumps does to it, is tried in
//! `src/ledger/run_log.rs`.

use serde_json::Value;

use crate::support::clock::{DAY, library};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

fn log(sandbox: &Sandbox, options: &[&str]) -> Value {
    let arguments = ["log", "--json"].iter().chain(options);
    sandbox.popkeep(arguments).run().expect(0).json()["accounts"].clone()
}

/// The exit codes of an account's runs.
fn exits(account: &Value) -> Vec<Option<u64>> {
    account["runs"].as_array().unwrap().iter().map(|run| run["exit"].as_u64()).collect()
}

#[test]
fn without_runs_there_is_nothing_to_show_and_nothing_wrong() {
    let server = PopServer::with(Vec::new());
    let sandbox = Sandbox::for_server(&server);
    let before = sandbox.snapshot();
    sandbox.popkeep(["log"]).run().expect(0).silent();
    assert_eq!(log(&sandbox, &[])[0]["runs"], Value::Array(vec![]));
    sandbox.popkeep(["log", "--json"]).run().expect(0);
    assert_eq!(sandbox.snapshot(), before, "it makes and changes no file");
    assert!(server.take_sessions().is_empty(), "and connects nowhere");
}

#[test]
fn each_run_is_told_with_what_it_did_the_newest_first() {
    let refused = Behaviour { refuse_retr: [b"uid-00002".to_vec()].into(), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(3), refused);
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch_with(1, &[]);
    server.behave(Behaviour::default());
    sandbox.fetch_with(0, &["--retry"]);
    let before = sandbox.snapshot();
    let account = &log(&sandbox, &["work"])[0];
    assert_eq!((account["name"].as_str(), exits(account)), (Some("work"), vec![Some(0), Some(1)]));
    let [newer, older] = &account["runs"].as_array().unwrap()[..] else { panic!("{account}") };
    assert_eq!((&newer["fetched"], &newer["missing"], &newer["listed"]), (&1.into(), &0.into(), &3.into()));
    assert_eq!((&older["fetched"], &older["missing"]), (&2.into(), &1.into()));
    assert!(newer["seconds"].as_u64().is_some() && newer["started"].as_str().unwrap().ends_with('Z'));
    assert_eq!(account["days"], Value::Array(vec![]));
    let page = sandbox.popkeep(["log"]).run().expect(0).stdout;
    let lines: Vec<&str> = page.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("STARTED"), "{page}");
    assert!(
        lines[1].contains(" ok ") && lines[2].contains("exit 1") && lines[2].ends_with("1 missing"),
        "{page}"
    );
    assert_eq!(sandbox.snapshot(), before);
}

#[test]
fn accounts_are_told_together_and_an_unknown_one_is_a_usage_error() {
    let server = PopServer::with(Mail::some(1));
    let home = Account::on("home", &server).text("user", "jane").text("password", "wrong");
    let sandbox = Sandbox::with([Account::on("work", &server), home]);
    sandbox.popkeep(["fetch"]).run().expect(77);
    let page = sandbox.popkeep(["log"]).run().expect(0).says(&["exit 77"]).stdout;
    assert!(page.starts_with("ACCOUNT") && page.lines().count() == 3, "{page}");
    assert_eq!(exits(&log(&sandbox, &["home"])[0]), [Some(77)]);
    sandbox.popkeep(["log", "hoem"]).run().expect(64);
    sandbox.popkeep(["log", "--since", "yesterday"]).run().expect(64);
    sandbox.popkeep(["log", "-n", "0"]).run().expect(64);
}

#[test]
fn a_number_and_a_date_make_it_shorter() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    for day in 0..4 {
        sandbox.set_clock(&library, day * DAY);
        sandbox.fetch();
    }
    let all = log(&sandbox, &[]);
    assert_eq!(log(&sandbox, &["-n", "2"])[0]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(log(&sandbox, &["-n", "2"])[0]["runs"][0], all[0]["runs"][0]);
    // Without a time zone's files days are those of UTC in the sandbox.
    let third = all[0]["runs"][1]["started"].as_str().unwrap()[..10].to_owned();
    assert_eq!(log(&sandbox, &["--since", &third])[0]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(log(&sandbox, &["--since", "2999"])[0]["runs"].as_array().unwrap().len(), 0);
}
