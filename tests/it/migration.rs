//! A server that has moved, and with it all UIDs: what is archived is recognised by its header, not fetched again.

use std::collections::BTreeMap;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

const MANY: usize = 40;

/// All messages are archived, and the server has moved.
fn moved(behaviour: Behaviour) -> (PopServer, Sandbox) {
    moved_with(&Mail::some(MANY), behaviour)
}

/// The same with these messages; the server behaves so once it has moved.
fn moved_with(mails: &[Mail], behaviour: Behaviour) -> (PopServer, Sandbox) {
    let server = PopServer::with(mails.to_vec());
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    server.behave(behaviour);
    server.take_sessions();
    for (number, mail) in server.state().mails.iter_mut().enumerate() {
        mail.uid = format!("moved-{number}").into_bytes();
    }
    (server, sandbox)
}

#[track_caller]
fn asked(server: &PopServer, top: usize, retr: usize) {
    assert_eq!((server.count("TOP"), server.count("RETR")), (top, retr));
    server.take_sessions();
}

#[test]
fn nothing_is_fetched_again() {
    let capas = [Capa::default(), Capa::without_pipelining()];
    for capa in capas {
        let (server, sandbox) = moved(Behaviour { capa, ..Behaviour::default() });
        let report = sandbox.fetch();
        assert_eq!((&report["archived"], &report["fetched"]), (&MANY.into(), &0.into()));
        asked(&server, MANY, 0);
        sandbox.fetch();
        asked(&server, 0, 0);
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(MANY)));
    }
}

#[test]
fn whatever_does_not_fit_is_fetched_and_compared() {
    let (server, sandbox) = moved(Behaviour::default());
    let changed = Mail::new("moved-0", "Received: from a by b\nMessage-Id: <1@example>\n\nanother body\n");
    let plain = Mail::new("plain", "Subject: neither Received nor Message-Id\n\nhi\n");
    {
        let mails = &mut server.state().mails;
        mails[0] = changed.clone();
        // The same header as before, another size.
        let mut longer = mails[1].clone();
        longer.wire.extend_from_slice(b"a line more\r\n");
        mails[1] = longer;
        // The same message, but its size is told wrong: archived all the same, after a look.
        mails[2] = mails[2].listed_as("7");
        // Two that cannot be told apart by their headers.
        let twin = Mail { uid: b"twin".to_vec(), ..mails[3].clone() };
        mails.push(twin);
        mails.push(plain.clone());
    }
    let all = server.state().mails.clone();
    assert_eq!(sandbox.fetch()["archived"], all.len());
    // The one of which the size is told wrong is asked for twice: it does not tally.
    // So are two with the same content: an answer may have come twice.
    asked(&server, MANY + 2, 9);
    let expected = [Mail::some(2), all].concat();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&expected));
    sandbox.fetch();
    asked(&server, 0, 0);
}

#[test]
fn a_header_that_two_archived_messages_share_tells_nothing() {
    let with = |body: u8| {
        let mut mail = Mail::numbered(1);
        let at = mail.wire.len() - 5;
        mail.wire[at] = body;
        mail
    };
    let mut mails = Mail::some(MANY);
    (mails[0], mails[1]) = (with(b'1'), Mail { uid: mails[1].uid.clone(), ..with(b'2') });
    let (server, sandbox) = moved_with(&mails, Behaviour::default());
    let third = with(b'3').with_uid("third");
    server.state().mails.splice(..2, [third.clone()]);
    assert_eq!(sandbox.fetch()["fetched"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&[mails, vec![third]].concat()));
}

#[test]
fn a_server_without_top_is_compared_by_content() {
    let (server, sandbox) = moved(Behaviour { no_top: true, ..Behaviour::default() });
    assert_eq!(sandbox.fetch()["fetched"], 0);
    assert_eq!(server.count("TOP"), 3, "it is not asked for long");
    assert_eq!(server.count("RETR"), MANY);
    server.take_sessions();
    sandbox.fetch();
    asked(&server, 0, 0);
}

#[test]
fn a_server_that_shows_whole_messages_is_not_asked_for_long() {
    let mut mails = Mail::some(MANY);
    for mail in &mut mails {
        mail.wire.extend_from_slice(&b"a long text, line by line\r\n".repeat(100));
    }
    let shows: BTreeMap<_, _> = (0..MANY).map(|at| (format!("moved-{at}").into_bytes(), at)).collect();
    let top_shows = shows.into_iter().map(|(uid, at)| (uid, mails[at].wire.clone())).collect();
    let capa = Capa::without_pipelining();
    let (server, sandbox) = moved_with(&mails, Behaviour { capa, top_shows, ..Behaviour::default() });
    assert_eq!(sandbox.fetch()["fetched"], 0);
    assert_eq!(server.count("TOP"), 3);
}

/// Runs again and again until all is archived; how many RETRs that takes.
#[track_caller]
fn run_until_all_is_archived(server: &PopServer, sandbox: &Sandbox, words: &[&str]) -> usize {
    let mut retr = 0;
    for _ in 0..MANY {
        let outcome = sandbox.popkeep(words.iter().copied().chain(["--json"])).run();
        retr += server.count("RETR");
        server.take_sessions();
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(MANY)));
        let account = outcome.json()["accounts"][0].clone();
        if account["archived"] == account["listed"] && account["listed"] == MANY {
            return retr;
        }
    }
    panic!("it never ends: {}", sandbox.popkeep(["fetch", "--json"]).run().json());
}

#[test]
fn a_limit_does_not_end_it() {
    let (server, sandbox) = moved(Behaviour { no_top: true, ..Behaviour::default() });
    let retr = run_until_all_is_archived(&server, &sandbox, &["fetch", "--limit", "7"]);
    assert_eq!(retr, MANY, "each was looked at once");
}

#[test]
fn lost_connections_do_not_end_it() {
    for sizes in [false, true] {
        let cut_at = Some(Nth("RETR", 5));
        let (server, sandbox) = moved(Behaviour {
            no_top: true,
            cut_at,
            capa: Capa::without_pipelining(),
            ..Behaviour::default()
        });
        if sizes {
            for (at, mail) in server.state().mails.iter_mut().enumerate() {
                mail.listed_size = Some((300 + at).to_string());
            }
        }
        run_until_all_is_archived(&server, &sandbox, &["fetch"]);
    }
}

#[test]
fn connections_lost_at_top_do_not_end_it() {
    let cut_at = Some(Nth("TOP", 9));
    let (server, sandbox) =
        moved(Behaviour { cut_at, capa: Capa::without_pipelining(), ..Behaviour::default() });
    let retr = run_until_all_is_archived(&server, &sandbox, &["fetch"]);
    assert_eq!(retr, 0, "what TOP has shown is on record as it comes");
}

#[test]
fn it_goes_on_where_it_was_killed() {
    let hold_at = Some(Nth("TOP", 20));
    let (server, sandbox) =
        moved(Behaviour { hold_at, capa: Capa::without_pipelining(), ..Behaviour::default() });
    let running = sandbox.popkeep(["fetch"]).spawn();
    server.while_held(|| running.kill());
    server.behave(Behaviour::default());
    let retr = run_until_all_is_archived(&server, &sandbox, &["fetch"]);
    assert_eq!(retr, 0, "the run after it knows that the maildrop moves");
}

#[test]
fn a_third_of_the_uids_may_change_and_new_mail_come_meanwhile() {
    for changed in [MANY / 3, MANY * 2 / 3] {
        let server = PopServer::with(Mail::some(MANY));
        let sandbox = Sandbox::for_server(&server);
        sandbox.fetch();
        for (number, mail) in server.state().mails.iter_mut().enumerate().take(changed) {
            mail.uid = format!("moved-{number}").into_bytes();
        }
        let new = Mail::numbered(MANY + 1);
        server.state().mails.insert(0, new.clone());
        assert_eq!(sandbox.fetch()["fetched"], 1);
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(MANY + 1)));
        server.take_sessions();
        sandbox.fetch();
        asked(&server, 0, 0);
    }
}

#[test]
fn an_empty_or_a_short_listing_before_it_changes_nothing() {
    for shown in [0, 3] {
        let server = PopServer::with(Mail::some(MANY));
        let sandbox = Sandbox::for_server(&server);
        sandbox.fetch();
        let all = std::mem::take(&mut server.state().mails);
        server.state().mails = all[..shown].to_vec();
        sandbox.fetch();
        server.state().mails = all;
        for (number, mail) in server.state().mails.iter_mut().enumerate() {
            mail.uid = format!("moved-{number}").into_bytes();
        }
        server.take_sessions();
        assert_eq!(sandbox.fetch()["fetched"], 0);
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(MANY)));
    }
}

#[test]
fn a_header_alone_deletes_nothing() {
    let (server, sandbox) = moved(Behaviour::default());
    // As long as before, and only the body is another one.
    let replaced = {
        let mail = &mut server.state().mails[4];
        let at = mail.wire.len() - 5;
        mail.wire[at] = b'!';
        mail.clone()
    };
    sandbox.fetch();
    asked(&server, MANY, 0);
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch();
    assert_eq!((&report["deleted"], &report["fetched"]), (&MANY.into(), &1.into()));
    let sessions = server.take_sessions();
    let retr: usize = sessions.iter().map(|session| session.count("RETR")).sum();
    assert!(retr >= MANY, "each was seen whole before it was deleted: {retr}");
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&[Mail::some(MANY), vec![replaced]].concat()));
}

#[test]
fn what_is_to_be_deleted_at_once_is_fetched_and_compared_at_once() {
    let (server, sandbox) = moved(Behaviour::default());
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch();
    assert_eq!((&report["deleted"], &report["fetched"]), (&MANY.into(), &0.into()));
    asked(&server, 0, MANY);
    assert!(server.uids().is_empty());
}
