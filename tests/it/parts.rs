//! Servers that show a part of their messages in each session: one run has all of them.

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::Capa;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

fn showing(count: usize) -> Behaviour {
    Behaviour { shows_at_once: Some(count), ..Behaviour::default() }
}

/// Hides what was fetched when a session ends, as Gmail does.
fn hiding(count: usize) -> Behaviour {
    Behaviour { purges_what_was_retrieved: true, ..showing(count) }
}

#[test]
fn a_server_that_shows_250_of_1000_at_a_time_is_drained_in_one_run() {
    let server = PopServer::behaving(Mail::some(1_000), hiding(250));
    let sandbox = Sandbox::for_server(&server);
    let report = sandbox.fetch();
    assert_eq!((&report["listed"], &report["archived"]), (&1_000.into(), &1_000.into()), "the union counts");
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(1_000)));
    assert_eq!(server.take_sessions().len(), 5, "the last one found nothing");
    sandbox.popkeep(["check"]).run().expect(0).says(&["some of its messages at a time"]);
}

#[test]
fn it_is_drained_as_well_where_messages_are_deleted() {
    let server = PopServer::behaving(Mail::some(1_000), showing(250));
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch();
    assert_eq!((&report["listed"], &report["deleted"]), (&1_000.into(), &1_000.into()));
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(1_000)));
}

#[test]
fn a_part_of_any_size_is_noticed_when_the_next_run_sees_nothing_it_knows() {
    let server = PopServer::behaving(Mail::some(350), hiding(60));
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(sandbox.fetch()["archived"], 60);
    assert_eq!(sandbox.fetch()["fetched"], 290);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(350)));
}

#[test]
fn equal_messages_in_different_parts_are_as_many_copies() {
    let mut mails = Mail::some(5);
    mails.push(Mail::numbered(1).with_uid("twin"));
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "X-GOOGLE-RICO"]);
    let server = PopServer::behaving(mails.clone(), Behaviour { capa, ..hiding(2) });
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
    // And in a later run.
    server.state().mails = vec![Mail::numbered(2).with_uid("late")];
    assert_eq!(sandbox.fetch()["fetched"], 1);
}

#[test]
fn what_an_earlier_part_showed_and_could_not_be_had_is_missing() {
    let refused = [b"uid-00007".to_vec()].into();
    let server = PopServer::behaving(Mail::some(500), Behaviour { refuse_retr: refused, ..showing(250) });
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch_with(1, &[]);
    assert_eq!(report["missing"].as_array().unwrap().len(), 1);
    assert_eq!(report["listed"], report["archived"].as_u64().unwrap() + 1);
}

#[test]
fn an_ordinary_server_is_asked_once() {
    for count in [1, 150, 500] {
        let server = PopServer::with(Mail::some(count));
        let sandbox = Sandbox::for_server(&server);
        sandbox.fetch();
        server.state().mails.push(Mail::numbered(9_999));
        sandbox.fetch();
        assert_eq!(server.take_sessions().len(), 2, "{count} messages");
    }
}
