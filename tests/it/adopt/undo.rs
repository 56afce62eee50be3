//! One adoption is one step, and can be taken back until the next fetch.

use super::{adopt, adopt_one, write_mpoprc};
use crate::support::{Account, Mail, PopServer, Sandbox, set_mode};

fn mpop(server: &PopServer, sandbox: &Sandbox) {
    write_mpoprc(sandbox, server);
    sandbox.write("uidls", " 2 127.0.0.1 joe\nuid-00001\nuid-00002\n");
    std::fs::create_dir_all(sandbox.path("Mail/work/cur")).unwrap();
    sandbox.write("Mail/work/new/1.M1.h", Mail::numbered(1).stored());
}

const WRITE: [&str; 5] = ["mpop", "--take-password", "--seen", "skip", "--write"];

#[test]
fn what_was_added_to_a_configuration_is_taken_out_again() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("other", &server).text("user", "jane")]);
    mpop(&server, &sandbox);
    let before = std::fs::read_to_string(sandbox.config_file()).unwrap();
    adopt_one(&sandbox, &WRITE);
    assert!(std::fs::read_to_string(sandbox.config_file()).unwrap().starts_with(&before));
    let undone = adopt(&sandbox, &["--undo", "work"]);
    assert_eq!((&undone["account"], &undone["config_restored"]), (&"work".into(), &true.into()));
    assert_eq!(std::fs::read_to_string(sandbox.config_file()).unwrap(), before);
    // A second time there is nothing, and it can be done again.
    sandbox.popkeep(["adopt", "--undo", "work"]).run().expect(64).one_line(&["work"]);
    assert!(!sandbox.config_file().with_file_name("work.password").exists());
    adopt_one(&sandbox, &WRITE);
    assert_eq!(sandbox.popkeep(["fetch", "work", "--json"]).run().expect(0).account()["left"], 1);
}

#[test]
fn nothing_is_seen_elsewhere_any_more() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("work", &server)]);
    mpop(&server, &sandbox);
    let written = adopt_one(&sandbox, &WRITE);
    assert_eq!(written["configured"], true);
    adopt(&sandbox, &["--undo", "work"]);
    let report = sandbox.fetch();
    assert_eq!((&report["left"], &report["fetched"], &report["archived"]), (&0.into(), &2.into(), &3.into()));
}

#[test]
fn after_a_fetch_there_is_no_way_back() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::new();
    mpop(&server, &sandbox);
    adopt_one(&sandbox, &WRITE);
    sandbox.fetch();
    let config = std::fs::read_to_string(sandbox.config_file()).unwrap();
    sandbox.popkeep(["adopt", "--undo", "work"]).run().expect(64).one_line(&["fetched since"]);
    assert_eq!(std::fs::read_to_string(sandbox.config_file()).unwrap(), config);
}

#[test]
fn lines_that_were_changed_since_are_left() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::new();
    mpop(&server, &sandbox);
    adopt_one(&sandbox, &WRITE);
    let config = std::fs::read_to_string(sandbox.config_file())
        .unwrap()
        .replace("delete = \"never\"", "delete = \"30d\"");
    sandbox.config(&config);
    let undone = adopt(&sandbox, &["--undo", "work"]);
    assert_eq!(undone["config_restored"], false);
    assert_eq!(std::fs::read_to_string(sandbox.config_file()).unwrap(), config);
}

#[test]
fn a_configuration_that_cannot_be_written_leaves_the_ledger_as_it_was() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::new();
    mpop(&server, &sandbox);
    // A link: nothing is written through it.
    let real = sandbox.write("real.toml", Account::on("other", &server).text("user", "jane").toml());
    set_mode(&real, 0o600);
    std::fs::create_dir_all(sandbox.config_file().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, sandbox.config_file()).unwrap();
    let document = sandbox.popkeep(["adopt", "--json"].iter().chain(&WRITE)).run().expect(73).json();
    assert_eq!((&document["accounts"][0]["written"], &document["exit"]), (&false.into(), &73.into()));
    assert!(!sandbox.config_file().with_file_name("work.password").exists());
    sandbox.popkeep(["adopt", "--undo", "work"]).run().expect(64);
}
