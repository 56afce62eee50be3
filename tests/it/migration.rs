//! A server that has moved, and with it all UIDs: what is archived is recognised by its header, not fetched again.

use serde_json::Value;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::Capa;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

const MANY: usize = 40;

#[track_caller]
fn fetch(sandbox: &Sandbox) -> Value {
    sandbox.popkeep(["fetch", "--json"]).run().expect(0).json()["accounts"][0].clone()
}

/// All messages are archived, and the server has moved.
fn moved(behaviour: Behaviour) -> (PopServer, Sandbox) {
    let server = PopServer::behaving(Mail::some(MANY), behaviour);
    let sandbox = Sandbox::for_server(&server);
    fetch(&sandbox);
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
        let report = fetch(&sandbox);
        assert_eq!((&report["archived"], &report["fetched"]), (&MANY.into(), &0.into()));
        asked(&server, MANY, 0);
        fetch(&sandbox);
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
    assert_eq!(fetch(&sandbox)["archived"], all.len());
    // The one of which the size is told wrong is asked for twice: it does not tally.
    asked(&server, MANY + 2, 7);
    let expected = [Mail::some(2), all].concat();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&expected));
    fetch(&sandbox);
    asked(&server, 0, 0);
}

#[test]
fn a_server_without_top_is_compared_by_content() {
    let (server, sandbox) = moved(Behaviour { no_top: true, ..Behaviour::default() });
    assert_eq!(fetch(&sandbox)["fetched"], 0);
    asked(&server, MANY, MANY);
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
    fetch(&sandbox);
    asked(&server, MANY, 0);
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    let report = fetch(&sandbox);
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
    let report = fetch(&sandbox);
    assert_eq!((&report["deleted"], &report["fetched"]), (&MANY.into(), &0.into()));
    asked(&server, 0, MANY);
    assert!(server.uids().is_empty());
}
