//! `fetch --dry-run` prints the plan and writes nothing anywhere.

use crate::support::{Account, Mail, PopServer, Sandbox};

#[test]
fn before_anything_was_fetched() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let before = sandbox.snapshot();
    sandbox.popkeep(["fetch", "--dry-run"]).run().expect(0).says(&["work", "3", "uid-00002"]);
    assert_eq!(sandbox.snapshot(), before);
    assert_eq!(server.uids().len(), 3);
    assert_eq!(server.count("DELE") + server.count("RETR"), 0);
}

#[test]
fn with_a_ledger_and_an_archive() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch"]).run().expect(0);
    server.state().mails.push(Mail::numbered(4));
    server.take_sessions();
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    let before = sandbox.snapshot();
    let outcome = sandbox.popkeep(["fetch", "--dry-run"]).run().expect(0);
    let outcome = outcome.says(&["work", "uid-00004", "delete", "3"]);
    assert!(!outcome.stdout.contains("uid-00001"), "what is archived is not fetched: {}", outcome.stdout);
    assert_eq!(sandbox.snapshot(), before);
    assert_eq!((server.uids().len(), server.count("DELE"), server.count("RETR")), (4, 0, 0));
}

#[test]
fn a_limit_is_part_of_the_plan() {
    let server = PopServer::with(Mail::some(5));
    let sandbox = Sandbox::for_server(&server);
    let outcome = sandbox.popkeep(["fetch", "--dry-run", "--limit", "2"]).run().expect(0);
    assert!(outcome.stdout.contains("uid-00002"), "{}", outcome.stdout);
    let before = sandbox.snapshot();
    assert!(!before.keys().any(|path| path.starts_with(sandbox.archive("work"))));
}
