//! Large maildrops are deleted in portions of 1,000: what cannot be done in one portion must not
//! take the place of others in the next.

use std::collections::BTreeSet;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, stores};

const MANY: usize = 1_020;

fn deleting(server: &PopServer) -> Account {
    Account::on("work", server).text("delete", "fetched")
}

fn all_but_the_last() -> BTreeSet<Vec<u8>> {
    Mail::some(MANY - 1).into_iter().map(|mail| mail.uid).collect()
}

#[test]
fn refused_messages_leave_the_others_their_turn() {
    let refusing = Behaviour { refuse_retr: all_but_the_last(), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(MANY), refusing);
    let sandbox = Sandbox::with([deleting(&server)]);
    let report = sandbox.fetch_with(1, &[]);
    assert_eq!((&report["fetched"], &report["deleted"]), (&1.into(), &1.into()));
    assert_eq!(report["listed"], MANY);
    assert_same_mail(sandbox.maildir("work"), stored_forms([&Mail::numbered(MANY)]));
}

#[test]
fn refused_deletions_leave_the_others_their_turn() {
    let server = PopServer::with(Mail::some(MANY));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.behave(Behaviour { refuse_dele: all_but_the_last(), ..Behaviour::default() });
    sandbox.configure([deleting(&server)]);
    let outcome = sandbox.popkeep(["fetch", "--json"]).run().expect(69).says(&["refused", "1019 messages"]);
    assert_eq!(outcome.account()["deleted"], 1);
    assert_eq!(server.uids().len(), MANY - 1);
}

#[test]
fn messages_whose_copies_were_removed_leave_the_others_their_turn() {
    let server = PopServer::with(Mail::some(MANY));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    let last = Mail::numbered(MANY).stored();
    for copy in stores::maildir_files(&sandbox.archive("work")) {
        if std::fs::read(&copy).unwrap() != last {
            std::fs::remove_file(copy).unwrap();
        }
    }
    sandbox.configure([deleting(&server)]);
    let outcome = sandbox.popkeep(["fetch", "--json"]).run().expect(1);
    assert_eq!(outcome.account()["removed"], MANY - 1);
    assert_eq!(outcome.account()["deleted"], 1);
    assert_eq!(server.uids().len(), MANY - 1);
}

#[test]
fn identical_copies_in_different_portions_are_all_kept() {
    let mut mails = Mail::some(MANY);
    let first = mails[0].clone();
    mails.push(first);
    let no_uidl = Behaviour { no_uidl: true, ..Behaviour::default() };
    for behaviour in [no_uidl, Behaviour::default()] {
        let server = PopServer::behaving(mails.clone(), behaviour);
        let sandbox = Sandbox::with([deleting(&server)]);
        let report = sandbox.fetch();
        assert_eq!((&report["listed"], &report["deleted"]), (&mails.len().into(), &mails.len().into()));
        assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
    }
}

#[test]
fn a_server_that_confirms_deletions_and_makes_none_does_not_keep_a_run_going() {
    let confirming = Behaviour { says: [("DELE", b"+OK gone\r\n".to_vec())].into(), ..Behaviour::default() };
    for no_uidl in [false, true] {
        let server = PopServer::behaving(Mail::some(MANY), Behaviour { no_uidl, ..confirming.clone() });
        let sandbox = Sandbox::with([deleting(&server)]);
        for fetched in [MANY, 0] {
            let outcome = sandbox.popkeep(["fetch", "-v", "--json"]).run();
            let report = outcome.json()["accounts"][0].clone();
            assert_eq!((&report["fetched"], &report["listed"]), (&fetched.into(), &MANY.into()), "{report}");
            assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(MANY)));
            assert!(server.take_sessions().len() <= 4);
        }
    }
}
