//! Pipelining is a privilege: a server's own talk never gets into a message.
//!
//! | rule | tests |
//! | --- | --- |
//! | octets that do not tally: asked for again, alone; other octets: the second answer counts, the privilege is lost at once | [`a_line_of_the_servers_talk_inside_a_message_is_noticed`] |
//! | the same octets: the size is wrong; after three the privilege is lost for 30 days | [`wrong_sizes_cost_the_privilege_and_no_message`] |
//! | sizes in LF octets, or without the last line end, tally | [`each_honest_way_to_count_keeps_the_privilege`] |
//! | nothing but RETR rides behind RETR | [`nothing_but_retr_rides_behind_retr`] |
//! | a server without sizes is asked one thing at a time | [`without_sizes_nothing_is_sent_ahead`] |
//! | the first message, asked for alone, shows how sizes are counted | [`the_first_message_is_asked_for_alone_and_shows_how_the_server_counts`] |
//! | without pipelining, too, a message that alone does not tally is asked for again | [`an_answer_that_nobody_asked_for_gets_into_no_message_even_if_nothing_is_sent_ahead`] |
//! | the same content twice in a row: both are asked for again; after a few, before anything else is fetched | [`an_answer_that_comes_twice_is_stored_once`] and its variants |
//! | the content of what is archived under another listed UID: asked for again, alone | [`what_is_archived_under_another_uid_is_not_stored_again_in_its_answers_stead`] |
//! | silence at what was sent ahead: it is asked for one at a time in the same run, and from then on | [`a_server_that_forgets_what_was_sent_ahead_is_asked_one_thing_at_a_time`] |
//! | TOP is no proof for what an older popkeep has stored | `dele_rules`: `what_was_stored_before_octets_had_to_tally_…` |

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth, Second, Twice};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, stores};
use std::time::Duration;

fn loses_the_privilege(sandbox: &Sandbox) -> bool {
    let outcome = sandbox.popkeep(["check"]).run().expect(0);
    outcome.stdout.contains("does not pipeline until")
}

#[test]
fn a_line_of_the_servers_talk_inside_a_message_is_noticed() {
    for (delete, format) in [("never", "maildir"), ("fetched", "maildir"), ("never", "mbox")] {
        let intrudes_once = [b"uid-00002".to_vec(), b"uid-00009".to_vec()].into();
        let behaviour = Behaviour { intrudes_once, ..Behaviour::default() };
        let server = PopServer::behaving(Mail::some(9), behaviour);
        let account = Account::on("work", &server).text("delete", delete).text("format", format);
        let sandbox = Sandbox::with([account]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_eq!(server.count("RETR"), 11);
        assert!(loses_the_privilege(&sandbox));
        if format == "maildir" {
            assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(9)));
        } else {
            assert_eq!(stores::mbox(&sandbox.archive("work")).len(), 9);
        }
    }
}

#[test]
fn wrong_sizes_cost_the_privilege_and_no_message() {
    for size in ["99999", "350", "1", "77"] {
        let mails: Vec<Mail> = Mail::some(20).iter().map(|mail| mail.listed_as(size)).collect();
        let server = PopServer::with(mails.clone());
        let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
        for _ in 0..2 {
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
        }
        assert!(loses_the_privilege(&sandbox), "{size}");
    }
}

#[test]
fn one_wrong_size_costs_nothing_but_a_second_look() {
    let mut mails = Mail::some(20);
    mails[4] = mails[4].listed_as("400");
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(server.count("RETR"), 21);
    assert!(!loses_the_privilege(&sandbox));
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
}

#[test]
fn each_honest_way_to_count_keeps_the_privilege() {
    let lines = |mail: &Mail| mail.wire.split(|&octet| octet == b'\n').count() - 1;
    let octets: [&dyn Fn(&Mail) -> usize; 3] =
        [&|mail| mail.wire.len(), &|mail| mail.wire.len() - 2, &|mail| mail.wire.len() - lines(mail)];
    for octets in octets {
        let mails: Vec<Mail> =
            Mail::some(20).iter().map(|mail| mail.listed_as(&octets(mail).to_string())).collect();
        let server = PopServer::with(mails.clone());
        let sandbox = Sandbox::for_server(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_eq!(server.count("RETR"), 20);
        assert!(!loses_the_privilege(&sandbox));
        assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
    }
}

#[test]
fn nothing_but_retr_rides_behind_retr() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let outcome = sandbox.popkeep(["fetch", "-vv"]).run().expect(0);
    let said: Vec<&str> = outcome
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("work "))
        .skip_while(|line| !line.starts_with("C: STAT"))
        .filter(|line| line.starts_with("C: ") || *line == "S: .")
        .collect();
    assert_eq!(
        said,
        [
            "C: STAT",
            "C: UIDL",
            "S: .",
            "C: LIST",
            "S: .",
            "C: RETR 1",
            "S: .",
            "C: RETR 2",
            "C: RETR 3",
            "S: .",
            "S: .",
            "C: STAT",
            "C: UIDL",
            "S: .",
            "C: DELE 3",
            "C: DELE 2",
            "C: DELE 1",
            "C: STAT",
            "C: QUIT",
        ]
    );
}

#[test]
fn without_sizes_nothing_is_sent_ahead() {
    let says = [("LIST", b"-ERR no such command\r\n".to_vec())].into();
    let intrudes_once = [b"uid-00002".to_vec()].into();
    let behaviour = Behaviour { intrudes_once, says, ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(3), behaviour);
    let sandbox = Sandbox::for_server(&server);
    let outcome = sandbox.popkeep(["fetch", "-vv"]).run().expect(0);
    let trace: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("work C: RETR")).collect();
    assert_eq!(trace.len(), 3);
    let at = outcome.stderr.find("work C: RETR 1").unwrap();
    let next = outcome.stderr.find("work C: RETR 2").unwrap();
    assert!(outcome.stderr[at..next].contains("work S: ."), "{}", outcome.stderr);
}

#[test]
fn an_old_server_without_pipelining_may_count_as_it_likes() {
    let mails: Vec<Mail> = Mail::some(9).iter().map(|mail| mail.listed_as("350")).collect();
    let capa = Capa::without_pipelining();
    let server = PopServer::behaving(mails.clone(), Behaviour { capa, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(server.count("RETR"), 9);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
}

#[test]
fn an_answer_that_nobody_asked_for_gets_into_no_message_even_if_nothing_is_sent_ahead() {
    for delete in ["never", "fetched"] {
        for nth in [1, 3, 6] {
            let adds_late = Some((Nth("RETR", nth), b"+OK\r\n".to_vec()));
            let capa = Capa::without_pipelining();
            let server =
                PopServer::behaving(Mail::some(6), Behaviour { capa, adds_late, ..Behaviour::default() });
            let sandbox = Sandbox::with([Account::on("work", &server).text("delete", delete)]);
            sandbox.popkeep(["fetch", "--quiet"]).run();
            sandbox.popkeep(["fetch", "--quiet"]).run();
            assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(6)));
        }
    }
}

/// Messages of equal sizes, by which nothing tells them apart.
fn of_equal_sizes(count: u32) -> Vec<Mail> {
    (1..=count).map(|n| Mail::new(&format!("u{n}"), format!("Subject: {n}\n\nhello\n"))).collect()
}

/// Whatever is answered twice and whenever the second answer comes, after another run each message is archived once.
#[track_caller]
fn stores_once_what_comes_twice(server: &Behaviour, delete: &str) {
    let mails = of_equal_sizes(9);
    for nth in [1..=1, 4..=4, 9..=9, 1..=9] {
        for second in [Second::AtOnce, Second::BeforeNext, Second::InPieces] {
            let answers_twice = Some(Twice { verb: "RETR", nth: nth.clone(), second });
            let server = PopServer::behaving(mails.clone(), Behaviour { answers_twice, ..server.clone() });
            let sandbox = Sandbox::with([Account::on("work", &server).text("delete", delete)]);
            sandbox.popkeep(["fetch", "--quiet"]).run();
            server.behave(Behaviour::default());
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
            assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
        }
    }
}

#[test]
fn an_answer_that_comes_twice_is_stored_once() {
    stores_once_what_comes_twice(&Behaviour::default(), "never");
}

#[test]
fn an_answer_that_comes_twice_is_stored_once_if_messages_are_deleted() {
    stores_once_what_comes_twice(&Behaviour::default(), "fetched");
}

#[test]
fn an_answer_that_comes_twice_is_stored_once_if_not_even_the_first_message_is_asked_for_alone() {
    // The server is far away, by the time that listings take.
    let answers_after = ["STAT", "UIDL", "LIST"].map(|verb| (verb, Duration::from_millis(30))).into();
    stores_once_what_comes_twice(&Behaviour { answers_after, ..Behaviour::default() }, "never");
}

#[test]
fn an_answer_that_comes_twice_is_stored_once_if_nothing_is_sent_ahead() {
    let behaviour = Behaviour { capa: Capa::without_pipelining(), ..Behaviour::default() };
    for delete in ["never", "fetched"] {
        stores_once_what_comes_twice(&behaviour, delete);
    }
}

#[test]
fn what_is_archived_under_another_uid_is_not_stored_again_in_its_answers_stead() {
    type Numbers = &'static [usize];
    // An answer twice; one left out; another client's expunge, at a server that renumbers. What comes of it is the
    // message of another UID, of the same size, that is archived and listed.
    let twice = Twice { verb: "RETR", nth: 1..=1, second: Second::BeforeNext };
    let twice = Behaviour { answers_twice: Some(twice), ..Behaviour::default() };
    let lost = Behaviour { says: [("RETR 3", Vec::new())].into(), ..Behaviour::default() };
    let renumbered = Behaviour { expunges: Some((Nth("RETR", 1), 1)), ..Behaviour::default() };
    // Which messages are archived before, and which of these are asked for again, since their sizes have changed.
    // (Where messages are deleted, what is archived is gone before the other client comes.)
    let cases: [(Behaviour, Numbers, Numbers, &[&str]); 3] = [
        (twice, &[1, 2], &[1, 2], &["never", "fetched"]),
        (lost, &[1, 2, 4], &[4], &["never", "fetched"]),
        (renumbered, &[1, 2, 4, 5], &[], &["never"]),
    ];
    for (behaviour, archived, changed, deletes) in cases {
        for capa in [Capa::default(), Capa::without_pipelining()] {
            for delete in deletes {
                let mails = of_equal_sizes(6);
                let others = (1..=6).filter(|number| !archived.contains(number));
                let refuse_retr = others.map(|number| mails[number - 1].uid.clone()).collect();
                let server =
                    PopServer::behaving(mails.clone(), Behaviour { refuse_retr, ..Behaviour::default() });
                let account = Account::on("work", &server).text("timeout", "1s");
                let sandbox = Sandbox::with([account]);
                sandbox.popkeep(["fetch", "--quiet"]).run().expect(1);
                let account = Account::on("work", &server).text("timeout", "1s").text("delete", delete);
                sandbox.configure([account]);
                for &number in changed {
                    server.state().mails[number - 1].listed_size = Some("23".to_owned());
                }
                server.behave(Behaviour { capa: capa.clone(), ..behaviour.clone() });
                sandbox.popkeep(["fetch", "--retry", "--quiet"]).run();
                server.behave(Behaviour::default());
                sandbox.popkeep(["fetch", "--retry", "--quiet"]).run().expect(0);
                assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
            }
        }
    }
}

#[test]
fn the_first_message_is_asked_for_alone_and_shows_how_the_server_counts() {
    // A line of 11 octets in each message of 10 lines: as a file with LF each has the size that LIST tells.
    let mails: Vec<Mail> = (1..=5)
        .map(|n| Mail::new(&format!("u{n}"), format!("Subject: {n}\n\n{}", "hello\n".repeat(13))))
        .collect();
    assert_eq!("+OK 35 26667519\r\n".len(), 15 + 2);
    let mails: Vec<Mail> = mails
        .into_iter()
        .map(|mail| Mail { wire: [mail.wire, b"a\r\n".to_vec()].concat(), ..mail })
        .collect();
    let intrudes_once = mails[1..].iter().map(|mail| mail.uid.clone()).collect();
    let server = PopServer::behaving(mails.clone(), Behaviour { intrudes_once, ..Behaviour::default() });
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
}

#[test]
fn a_server_that_forgets_what_was_sent_ahead_is_asked_one_thing_at_a_time() {
    for (delete, count) in [("never", 30), ("fetched", 5)] {
        let forgetting = Behaviour { forgets_what_waits: true, ..Behaviour::default() };
        let server = PopServer::behaving(Mail::some(count), forgetting);
        let account = Account::on("work", &server).text("delete", delete).text("timeout", "1s");
        let sandbox = Sandbox::with([account]);
        for run in 0..2 {
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(count)));
            assert!(server.take_sessions().len() <= 3 - 2 * run, "it is known from then on");
        }
        assert!(loses_the_privilege(&sandbox));
    }
}
