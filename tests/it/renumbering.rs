//! Message numbers are not trusted blindly: a server that gives its messages other numbers in mid-session costs no
//! message.
//!
//! | rule | tests |
//! | --- | --- |
//! | STAT behind the last RETR and before the first DELE, UIDL settles | [`another_client_expunges_a_message_while_we_fetch`] |
//! | nothing is deleted in a session in which numbers have moved | [`nothing_is_deleted_in_a_session_in_which_numbers_have_moved`], [`another_client_expunges_a_message_before_we_delete`] |
//! | DELE from the highest number to the lowest | [`a_server_that_renumbers_at_our_own_dele`] |
//! | STAT alone is a suspicion, where the listing is long beside what is done | [`in_a_large_maildrop_stat_alone_gives_it_away`] |
//! | STAT after the DELEs; a UID gone that we did not mark: RSET, no QUIT | [`another_client_expunges_a_message_while_we_delete`] |
//! | UIDL without a suspicion, and before other content is taken for a new version | [`new_mail_of_the_same_size_hides_no_expunge`] |
//! | also where the listing is long | [`other_content_than_is_on_record_is_settled_before_it_is_taken_for_a_new_version`] |
//! | new mail at the end moves nothing | [`new_mail_in_mid_session_moves_nothing`] |

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// Messages whose sizes tell each other apart, or do not.
fn mails(equal_sizes: bool) -> Vec<Mail> {
    let one = |number: usize| {
        let body = "z".repeat(if equal_sizes { 40 } else { number * 40 });
        Mail::new(
            &format!("u{number}"),
            format!("Message-ID: <{number}@x>\nSubject: no {number}\n\n{body}\n"),
        )
    };
    (1..=6).map(one).collect()
}

fn capas() -> [Capa; 2] {
    [Capa::default(), Capa::without_pipelining()]
}

/// Every message but those that the other client took is archived, once, and what has gone from the server is archived.
#[track_caller]
fn nothing_is_lost(server: &PopServer, sandbox: &Sandbox, all: &[Mail], gone: usize, what: &str) {
    let archived = sandbox.maildir("work");
    let on_server = server.state().mails.clone();
    for mail in all {
        let copies = archived.iter().filter(|copy| **copy == mail.stored()).count();
        let taken_by_another = *mail == all[gone - 1];
        assert!(copies == 1 || copies == 0 && taken_by_another, "{what}: {copies} copies of {:?}", mail.uid);
        assert!(!on_server.contains(mail) || !taken_by_another, "{what}");
    }
    assert!(archived.len() <= all.len(), "{what}");
}

#[test]
fn another_client_expunges_a_message_while_we_fetch() {
    for (capa, delete) in capas().into_iter().flat_map(|capa| [(capa.clone(), "never"), (capa, "fetched")]) {
        for equal_sizes in [false, true] {
            for at in 1..=6 {
                let all = mails(equal_sizes);
                let expunges = Some((Nth("RETR", at), 1));
                let behaviour = Behaviour { expunges, capa: capa.clone(), ..Behaviour::default() };
                let server = PopServer::behaving(all.clone(), behaviour);
                let sandbox = Sandbox::with([Account::on("work", &server).text("delete", delete)]);
                // What the other client took before it was archived is reported as missing.
                let code = sandbox.popkeep(["fetch", "--quiet"]).run().code.unwrap();
                assert!(code <= 1);
                assert_eq!(server.take_sessions()[0].count("DELE"), 0);
                sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
                let what = format!("RETR {at}, delete {delete}, equal sizes {equal_sizes}");
                nothing_is_lost(&server, &sandbox, &all, 1, &what);
                if delete == "fetched" {
                    assert!(server.uids().is_empty(), "{what}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_deleted_in_a_session_in_which_numbers_have_moved() {
    for capa in capas() {
        let expunges = Some((Nth("STAT", 2), 4));
        let server = PopServer::behaving(mails(true), Behaviour { capa, expunges, ..Behaviour::default() });
        let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
        sandbox.popkeep(["fetch", "--quiet"]).run();
        assert_eq!(server.take_sessions()[0].count("DELE"), 0, "not even what has its number still");
        assert!(server.uids().is_empty(), "the session after it deletes");
    }
}

/// All is archived by one run; the next one deletes.
fn deleting(behaviour: Behaviour) -> (PopServer, Sandbox, Vec<Mail>) {
    let all = mails(true);
    let server = PopServer::with(all.clone());
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    server.behave(behaviour);
    server.take_sessions();
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    (server, sandbox, all)
}

#[test]
fn another_client_expunges_a_message_before_we_delete() {
    for capa in capas() {
        // Between the proofs by TOP and the first DELE.
        for command in [Nth("TOP", 3), Nth("STAT", 2)] {
            let expunges = Some((command, 2));
            let (server, sandbox, all) =
                deleting(Behaviour { expunges, capa: capa.clone(), ..Behaviour::default() });
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
            assert_eq!(server.take_sessions()[0].count("DELE"), 0);
            assert!(server.uids().is_empty(), "the session after it deletes");
            assert_same_mail(sandbox.maildir("work"), stored_forms(&all));
        }
    }
}

#[test]
fn another_client_expunges_a_message_while_we_delete() {
    for (capa, nth) in capas().into_iter().flat_map(|capa| (1..=6).map(move |nth| (capa.clone(), nth))) {
        let expunges = Some((Nth("DELE", nth), 1));
        let (server, sandbox, all) = deleting(Behaviour { capa, expunges, ..Behaviour::default() });
        // It is on the server alone, and must not go for bearing a number that was another's.
        let large = Mail::new("large", format!("Subject: left by max_size\n\n{}\n", "x".repeat(3_000)));
        server.state().mails.insert(3, large.clone());
        sandbox.configure([Account::on("work", &server).text("delete", "fetched").text("max_size", "2 KiB")]);
        for _ in 0..3 {
            sandbox.popkeep(["fetch", "--quiet"]).run();
            assert!(server.uids().contains(&"large".to_owned()), "expunged at DELE {nth}");
        }
        assert_eq!(server.uids(), ["large"]);
        assert_same_mail(sandbox.maildir("work"), stored_forms(&all));
    }
}

#[test]
fn a_server_that_renumbers_at_our_own_dele() {
    for capa in capas() {
        let renumbering = Behaviour { renumbers_at_dele: true, capa, ..Behaviour::default() };
        let (server, sandbox, all) = deleting(renumbering);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert!(server.uids().is_empty());
        assert_eq!(server.take_sessions().len(), 1);
        assert_same_mail(sandbox.maildir("work"), stored_forms(&all));
    }
}

#[test]
fn new_mail_in_mid_session_moves_nothing() {
    for capa in capas() {
        let says = [("STAT", b"+OK 7 1000\r\n".to_vec())].into();
        let (server, sandbox, all) = deleting(Behaviour { capa, says, ..Behaviour::default() });
        sandbox.popkeep(["fetch", "--quiet"]).run();
        assert!(server.uids().is_empty(), "it is only counted, by whatever name");
        assert_same_mail(sandbox.maildir("work"), stored_forms(&all));
    }
}

#[test]
fn new_mail_of_the_same_size_hides_no_expunge() {
    let new = Mail::new("new", format!("Message-ID: <7@x>\nSubject: no 7\n\n{}\n", "z".repeat(40)));
    let all: Vec<Mail> = mails(true).into_iter().chain([new.clone()]).collect();
    assert_eq!(all[0].wire.len(), new.wire.len());
    for (capa, number) in capas().into_iter().flat_map(|capa| [1, 4, 6].map(|number| (capa.clone(), number)))
    {
        for command in
            [Nth("UIDL", 1), Nth("LIST", 1), Nth("RETR", 1), Nth("RETR", 3), Nth("RETR", 6), Nth("STAT", 2)]
        {
            let (expunges, delivers) = (Some((command, number)), Some(new.clone()));
            let behaviour = Behaviour { expunges, delivers, capa: capa.clone(), ..Behaviour::default() };
            let server = PopServer::behaving(mails(true), behaviour);
            let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
            sandbox.popkeep(["fetch", "--quiet"]).run();
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            let what = format!("{command:?}, number {number}");
            nothing_is_lost(&server, &sandbox, &all, number, &what);
        }
        for command in [Nth("LIST", 1), Nth("RETR", 3), Nth("STAT", 2), Nth("LIST", 2)] {
            let (expunges, delivers) = (Some((command, number)), Some(new.clone()));
            let behaviour =
                Behaviour { no_uidl: true, expunges, delivers, capa: capa.clone(), ..Behaviour::default() };
            let server = PopServer::behaving(mails(true), behaviour);
            let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
            sandbox.popkeep(["fetch", "--quiet"]).run();
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            nothing_is_lost(
                &server,
                &sandbox,
                &all,
                number,
                &format!("{command:?}, number {number}, no UIDL"),
            );
        }
        for command in [Nth("UIDL", 1), Nth("LIST", 1), Nth("TOP", 2), Nth("STAT", 2)] {
            let (expunges, delivers) = (Some((command, number)), Some(new.clone()));
            let behaviour = Behaviour { expunges, delivers, capa: capa.clone(), ..Behaviour::default() };
            let (server, sandbox, _) = deleting(behaviour);
            for _ in 0..2 {
                sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            }
            assert_same_mail(sandbox.maildir("work"), stored_forms(&all));
            assert!(server.uids().is_empty());
        }
    }
}

#[test]
fn a_refused_message_makes_a_suspicion_that_is_raised_once() {
    let refuse_retr = [b"u2".to_vec(), b"u4".to_vec()].into();
    let server = PopServer::behaving(mails(false), Behaviour { refuse_retr, ..Behaviour::default() });
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch_with(1, &[]);
    assert_eq!(report["missing"].as_array().unwrap().len(), 2);
    assert_eq!(server.uids(), ["u2", "u4"]);
    // The listing, the suspicion, and what is left after the DELEs.
    assert_eq!(server.take_sessions()[0].count("UIDL"), 3);
}

#[test]
fn other_content_than_is_on_record_is_settled_before_it_is_taken_for_a_new_version() {
    // STAT says nothing, and beside one message of so many UIDL is not asked for.
    let new = |number: usize| Mail::new(&format!("u{number:03}"), format!("Subject: {number:03}\n\nx\n"));
    let all: Vec<Mail> = (1..=201).map(new).collect();
    for capa in capas() {
        let server = PopServer::with(all[..200].to_vec());
        let sandbox = Sandbox::for_server(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        server.state().mails[99].listed_size = Some("30".to_owned());
        let (expunges, delivers) = (Some((Nth("RETR", 1), 1)), Some(all[200].clone()));
        server.behave(Behaviour { capa, expunges, delivers, ..Behaviour::default() });
        for _ in 0..2 {
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        }
        assert_same_mail(sandbox.maildir("work"), stored_forms(&all));
    }
}

#[test]
fn in_a_large_maildrop_stat_alone_gives_it_away() {
    // All of one size, and so many that UIDL is not asked for beside two of them.
    let new = |number: usize| Mail::new(&format!("u{number:03}"), format!("Subject: {number:03}\n\nx\n"));
    let all: Vec<Mail> = (1..=203).map(new).collect();
    for capa in capas() {
        let server = PopServer::with(all[..200].to_vec());
        let sandbox = Sandbox::for_server(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        server.state().mails = all.clone();
        // While we fetch: what comes has other numbers, and none is refused.
        server.behave(Behaviour {
            expunges: Some((Nth("RETR", 1), 1)),
            capa: capa.clone(),
            ..Behaviour::default()
        });
        sandbox.popkeep(["fetch", "--limit", "2"]).run();
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_same_mail(sandbox.maildir("work"), stored_forms(&all));

        // Before we delete the two that are small enough: the others are on the server alone.
        let mut mails: Vec<Mail> = all[..200].to_vec();
        for mail in &mut mails {
            mail.wire.extend([b'x'; 2_000]);
            mail.wire.extend(b"\r\n");
        }
        mails[99] = all[99].clone();
        mails[150] = all[150].clone();
        let server = PopServer::with(mails.clone());
        let account = || Account::on("work", &server).text("max_size", "1 KiB");
        let sandbox = Sandbox::with([account()]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        server.take_sessions();
        server.behave(Behaviour { expunges: Some((Nth("STAT", 2), 1)), capa, ..Behaviour::default() });
        sandbox.configure([account().text("delete", "fetched")]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        assert_eq!(server.take_sessions()[0].count("DELE"), 0);
        assert_eq!(server.uids().len(), 197, "the session after it deletes");
    }
}
