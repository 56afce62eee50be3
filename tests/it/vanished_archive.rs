//! An archive that is not where it was: no fresh one is begun, and nobody logs in.

use std::path::Path;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::{Account, Mail, PopServer, Sandbox, stores};

/// Three messages, fetched into an archive of this format.
fn fetched(format: &str) -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(3));
    let sandbox =
        Sandbox::with([Account::on("work", &server).text("format", format).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.state().mails = Mail::some(5);
    server.take_sessions();
    (server, sandbox)
}

#[track_caller]
fn stops_before_login(server: &PopServer, sandbox: &Sandbox) {
    let archive = sandbox.archive("work");
    let words = ["work", archive.to_str().unwrap(), "3"];
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(73).one_line(&words);
    assert!(!server.take_sessions().iter().any(|session| session.logged_in), "somebody logged in");
    assert_eq!(server.uids().len(), 5);
}

fn content(archive: &Path) -> Vec<std::path::PathBuf> {
    ["", "new", "cur", "tmp"].iter().flat_map(|below| stores::files(&archive.join(below))).collect()
}

#[test]
fn a_maildir_that_is_gone() {
    let (server, sandbox) = fetched("maildir");
    let away = sandbox.path("unmounted");
    std::fs::rename(sandbox.archive("work"), &away).unwrap();
    stops_before_login(&server, &sandbox);
    assert!(!sandbox.archive("work").exists(), "no fresh archive is begun");

    std::fs::rename(&away, sandbox.archive("work")).unwrap();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    assert_eq!(sandbox.maildir("work").len(), 5, "back in its place, the archive goes on");
}

#[test]
fn an_empty_folder_where_the_maildir_was() {
    let (server, sandbox) = fetched("maildir");
    std::fs::rename(sandbox.archive("work"), sandbox.path("unmounted")).unwrap();
    std::fs::create_dir(sandbox.archive("work")).unwrap();
    stops_before_login(&server, &sandbox);
    assert!(content(&sandbox.archive("work")).is_empty(), "the mount point stays empty");
}

#[test]
fn a_maildir_without_any_known_message() {
    let (server, sandbox) = fetched("maildir");
    for file in stores::maildir_files(&sandbox.archive("work")) {
        std::fs::remove_file(file).unwrap();
    }
    // Of a popkeep that left no mark in its archives.
    std::fs::remove_file(sandbox.archive("work").join("popkeep-archive")).unwrap();
    stops_before_login(&server, &sandbox);
}

#[test]
fn a_maildir_that_lost_some_messages_has_not_vanished() {
    let (server, sandbox) = fetched("maildir");
    std::fs::remove_file(&stores::maildir_files(&sandbox.archive("work"))[0]).unwrap();
    server.state().mails = vec![Mail::numbered(4)];
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 3);
}

#[test]
fn an_mbox_that_is_gone() {
    let (server, sandbox) = fetched("mbox");
    let mbox = sandbox.archive("work");
    let octets = std::fs::read(&mbox).unwrap();
    std::fs::remove_file(&mbox).unwrap();
    stops_before_login(&server, &sandbox);
    assert!(!mbox.exists(), "no fresh mbox is begun");
    std::fs::write(&mbox, octets).unwrap();
    server.state().mails = vec![Mail::numbered(4)];
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    assert_same_mail(stores::mbox(&mbox), stored_forms(&Mail::some(4)));
}

#[test]
fn a_changed_archive_path_is_told_with_the_line_that_mends_it() {
    let (server, sandbox) = fetched("maildir");
    let elsewhere = sandbox.path("Mail/elsewhere");
    sandbox.configure([Account::on("work", &server).text("archive", elsewhere.to_str().unwrap())]);
    let archive = sandbox.archive("work");
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(78).one_line(&["archive", archive.to_str().unwrap()]);
    assert!(!elsewhere.exists());
    assert!(!server.take_sessions().iter().any(|session| session.logged_in));
}

#[test]
fn a_changed_identity_is_told_before_anything_is_fetched_again() {
    let (server, sandbox) = fetched("maildir");
    sandbox.configure([Account::on("work", &server).text("identity", "jane@new.example")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(78).one_line(&["identity"]);
    assert_eq!(sandbox.maildir("work").len(), 3);
}
