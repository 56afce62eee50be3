//! Which message is it? Unique-ids that are equal, missing, reused, or changed.

use serde_json::Value;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// Fetches without trouble; gives the account's part of the JSON report.
#[track_caller]
fn fetch(sandbox: &Sandbox) -> Value {
    let report = sandbox.popkeep(["fetch", "--json"]).run().expect(0).json();
    report["accounts"][0].clone()
}

/// Fetches, and expects nothing to be stored.
#[track_caller]
fn fetch_stores_nothing(sandbox: &Sandbox, archived: &[Mail]) {
    let report = fetch(sandbox);
    assert_same_mail(sandbox.maildir("work"), stored_forms(archived));
    assert_eq!(report["fetched"], 0, "nothing is stored twice");
}

#[test]
fn different_messages_under_one_uid_are_all_kept() {
    let mails: Vec<_> = Mail::some(4).iter().map(|mail| mail.with_uid("same")).collect();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(fetch(&sandbox)["held"], 4);
    fetch_stores_nothing(&sandbox, &mails);
    // Their positions inside the group say nothing.
    server.state().mails.reverse();
    fetch_stores_nothing(&sandbox, &mails);
}

#[test]
fn different_messages_under_one_uid_are_deleted_only_when_each_is_held() {
    let mails: Vec<_> = Mail::some(3).iter().map(|mail| mail.with_uid("same")).collect();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    fetch(&sandbox);
    fetch(&sandbox);
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
}

#[test]
fn identical_messages_under_one_uid_are_as_many_copies() {
    let mails = vec![Mail::numbered(1), Mail::numbered(1), Mail::numbered(1)];
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(fetch(&sandbox)["held"], 3);
    fetch_stores_nothing(&sandbox, &mails);
}

#[test]
fn identical_messages_under_different_uids_are_as_many_copies() {
    let mails =
        vec![Mail::numbered(1), Mail::numbered(1).with_uid("another"), Mail::numbered(1).with_uid("a third")];
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    fetch_stores_nothing(&sandbox, &mails);
    assert_eq!(server.count("RETR"), 3, "what is held by a unique-id of its own is not fetched again");
}

#[test]
fn without_uidl_messages_are_matched_by_content() {
    let server = PopServer::behaving(Mail::some(3), Behaviour { no_uidl: true, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    fetch_stores_nothing(&sandbox, &Mail::some(3));
    server.state().mails = Mail::some(4);
    assert_eq!(fetch(&sandbox)["fetched"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(4)));
}

#[test]
fn uids_that_are_missing_for_once_bring_nothing_twice() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    server.state().mails.push(Mail::numbered(3));
    server.behave(Behaviour { no_uidl: true, ..Behaviour::default() });
    fetch(&sandbox);
    server.behave(Behaviour::default());
    fetch_stores_nothing(&sandbox, &Mail::some(3));
    server.take_sessions();
    fetch_stores_nothing(&sandbox, &Mail::some(3));
    assert_eq!(server.count("RETR"), 0, "its UID is on record now");
}

#[test]
fn a_uid_reused_after_its_message_was_deleted_is_another_message() {
    let first = Mail::numbered(1);
    let second = Mail::numbered(2).with_uid("uid-00001");
    let server = PopServer::with(vec![first.clone()]);
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    fetch(&sandbox);
    server.state().mails = vec![second.clone()];
    assert_eq!(fetch(&sandbox)["fetched"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms([&first, &second]));
    assert!(server.uids().is_empty());
}

#[test]
fn a_uid_reused_while_we_looked_away_is_another_message() {
    let first = Mail::numbered(1);
    let second = Mail::new("uid-00001", "Subject: quite another one\n\nwith a size of its own\n");
    let server = PopServer::with(vec![first.clone()]);
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    server.state().mails = vec![second.clone()];
    assert_eq!(fetch(&sandbox)["fetched"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms([&first, &second]));
}

#[test]
fn another_size_for_the_same_octets_is_the_same_message() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    server.state().mails[1] = Mail::numbered(2).listed_as("300");
    fetch_stores_nothing(&sandbox, &Mail::some(2));
}

#[test]
fn headers_that_servers_write_into_mail_make_no_other_message() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    let text = String::from_utf8(Mail::numbered(1).stored()).unwrap();
    server.state().mails[0] = Mail::new("uid-00001", format!("X-UIDL: 77\nStatus: RO\n{text}"));
    fetch_stores_nothing(&sandbox, &Mail::some(2));
}

#[test]
fn a_migrated_server_whose_uids_all_changed_brings_nothing_twice() {
    let server = PopServer::with(Mail::some(5));
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    for (number, mail) in server.state().mails.iter_mut().enumerate() {
        mail.uid = format!("migrated-{number}").into_bytes();
    }
    fetch_stores_nothing(&sandbox, &Mail::some(5));
    server.take_sessions();
    fetch_stores_nothing(&sandbox, &Mail::some(5));
    assert_eq!(server.count("RETR"), 0, "the new unique-ids are known now");
}

#[test]
fn a_short_listing_forgets_nothing() {
    let server = PopServer::with(Mail::some(4));
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    for shown in [&Mail::some(4)[1..3], &[], &Mail::some(4)[..]] {
        server.state().mails = shown.to_vec();
        fetch_stores_nothing(&sandbox, &Mail::some(4));
    }
    assert_eq!(server.count("RETR"), 4, "no message was fetched a second time");
}

#[test]
fn uids_of_any_octets_are_told_apart() {
    let uids: [&[u8]; 5] = [b"\xe9\xff", b"../../etc/passwd", b"with space", b"%s%n", &[b'x'; 200]];
    let mails: Vec<_> =
        (1..).zip(uids).map(|(number, uid)| Mail { uid: uid.to_vec(), ..Mail::numbered(number) }).collect();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
    fetch_stores_nothing(&sandbox, &mails);
    assert_eq!(server.count("RETR"), 5);
}
