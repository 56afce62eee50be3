//! Listings that no RFC describes: whatever they say, each message that is there is stored once, what
//! is not there is told, and the next run finds nothing new.

use serde_json::Value;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::Capa;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// Lines with their ends, and the lone dot.
fn listing(lines: &[&str]) -> Vec<u8> {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("+OK\r\n{lines}.\r\n").into_bytes()
}

/// What a server says to STAT, UIDL or LIST.
type Says<'a> = &'a [(&'static str, Vec<u8>)];

/// Two runs against a server with three messages that says this, with and without pipelining. All
/// three are stored, once, and both runs end with this code. Gives the accounts of both reports.
#[track_caller]
fn three_are_stored(says: Says, code: i32) -> [Value; 2] {
    let two = |capa: Capa| {
        let says = says.iter().cloned().collect();
        let behaviour = Behaviour { capa, says, ..Behaviour::default() };
        let server = PopServer::behaving(Mail::some(3), behaviour);
        let sandbox = Sandbox::for_server(&server);
        let run = || {
            let report = sandbox.fetch_with(code, &[]);
            assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
            report
        };
        let reports = [run(), run()];
        assert_eq!(reports[0]["fetched"], 3);
        assert_eq!(reports[1]["fetched"], 0, "nothing is stored twice");
        for report in &reports {
            let (archived, missing) =
                (report["archived"].as_u64(), report["missing"].as_array().unwrap().len());
            assert_eq!(report["listed"].as_u64(), archived.map(|archived| archived + missing as u64));
        }
        reports
    };
    two(Capa::without_pipelining());
    two(Capa::default())
}

#[test]
fn numbers_that_no_message_can_have_are_no_messages() {
    let uidl = listing(&[
        "0 zero",
        "-1 negative",
        "1 uid-00001",
        "4294967296 over",
        "99999999999999999999999999 huge",
        "2 uid-00002",
        "three uid-00003",
        "",
        "   ",
        "2.5 half",
        "0x3 hex",
        "3 uid-00003",
    ]);
    let list = listing(&["0 0", "-2 -2", "1 1", "18446744073709551617 7", "x", "2 2", "3 3"]);
    for says in [&[("UIDL", uidl.clone())][..], &[("LIST", list.clone())], &[("UIDL", uidl), ("LIST", list)]]
    {
        assert_eq!(three_are_stored(says, 0)[0]["listed"], 3);
    }
}

#[test]
fn a_message_that_is_listed_and_not_there_is_missing() {
    let uidl = listing(&["1 uid-00001", "2 uid-00002", "3 uid-00003", "7 ghost", "4294967295 last"]);
    let report = three_are_stored(&[("UIDL", uidl)], 1);
    assert_eq!(report[0]["listed"], 5);
    assert_eq!(report[0]["missing"][0]["uid"], "ghost");
    assert_eq!(report[1]["missing"][1]["number"], 4_294_967_295_u32);
}

#[test]
fn a_stat_that_counts_more_than_there_is_is_a_wrong_stat_and_no_missing_message() {
    let report = three_are_stored(&[("STAT", b"+OK 5 1000\r\n".to_vec())], 0);
    assert_eq!(report[1]["listed"], 3);
}

#[test]
fn lines_that_come_twice_or_in_no_order_are_one_message_each() {
    for uidl in [
        &["3 uid-00003", "1 uid-00001", "2 uid-00002"][..],
        &["1 uid-00001", "1 uid-00001", "2 uid-00002", "3 uid-00003", "3 uid-00003"],
        &["2 uid-00002", "1 uid-00001", "2 another", "3 uid-00003", "1 a third"],
        &["3 uid-00003", "2 uid-00002", "1 uid-00001", "2 uid-00002", "3 uid-00003"],
    ] {
        let list = listing(&["2 2", "1 1", "3 3", "2 99999", "1 1"]);
        for says in [&[("UIDL", listing(uidl))][..], &[("UIDL", listing(uidl)), ("LIST", list)]] {
            assert_eq!(three_are_stored(says, 0)[1]["archived"], 3, "{uidl:?}");
        }
    }
}

#[test]
fn sizes_that_cannot_be_are_no_reason_for_anything() {
    for list in [
        &["1 -1", "2 -1", "3 -1"][..],
        &["1 0", "2 1", "3 2"],
        &["1", "2 ", "3 many"],
        &["1 18446744073709551615", "2 99999999999999999999999", "3 1e3"],
        &["1 007", "2 +8", "3 0x99"],
    ] {
        three_are_stored(&[("LIST", listing(list))], 0);
    }
}

#[test]
fn a_size_above_max_size_is_left_and_told() {
    let list = listing(&["1 1", "2 18446744073709551614", "3 3"]);
    let behaviour = Behaviour { says: [("LIST", list)].into(), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(3), behaviour);
    let sandbox = Sandbox::for_server(&server);
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["left"]), (&2.into(), &1.into()));
    server.behave(Behaviour::default());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
}

#[test]
fn a_listing_that_is_shorter_than_the_others_leaves_nothing_out() {
    let (two, none) = (listing(&["1 uid-00001", "3 uid-00003"]), listing(&[]));
    let sizes = listing(&["2 200"]);
    for says in [
        &[("UIDL", two.clone())][..],
        &[("UIDL", none.clone())],
        &[("LIST", sizes.clone())],
        &[("LIST", none.clone())],
        &[("UIDL", two.clone()), ("STAT", b"+OK 0 0\r\n".to_vec())],
        &[("UIDL", two), ("LIST", sizes), ("STAT", b"+OK 1 100\r\n".to_vec())],
        &[("UIDL", none.clone()), ("LIST", none), ("STAT", b"+OK 3 300\r\n".to_vec())],
    ] {
        assert_eq!(three_are_stored(says, 0)[0]["listed"], 3, "{says:?}");
    }
}

#[test]
fn a_uidl_that_was_short_for_once_brings_nothing_twice() {
    let short = listing(&["1 uid-00001"]);
    let server = PopServer::behaving(
        Mail::some(3),
        Behaviour { says: [("UIDL", short)].into(), ..Behaviour::default() },
    );
    let sandbox = Sandbox::for_server(&server);
    for round in 1..=3 {
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
        server.behave(Behaviour::default());
        eprintln!("round {round}");
    }
}

#[test]
fn one_of_three_answers_is_enough() {
    let refused = || b"-ERR not here\r\n".to_vec();
    for says in [
        &[("STAT", refused())][..],
        &[("LIST", refused())],
        &[("UIDL", refused())],
        &[("STAT", refused()), ("LIST", refused())],
        &[("STAT", refused()), ("UIDL", refused())],
        &[("LIST", refused()), ("UIDL", refused())],
        &[("STAT", b"+OK a few messages\r\n".to_vec())],
        &[("STAT", b"+ok 3\r\n".to_vec()), ("UIDL", b"-err\r\n".to_vec())],
    ] {
        three_are_stored(says, 0);
    }
    let says = ["STAT", "LIST", "UIDL"].map(|command| (command, refused())).into();
    let server = PopServer::behaving(Mail::some(3), Behaviour { says, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(76).one_line(&["work", "refused", "not here"]);
}

#[test]
fn a_count_beyond_all_measure_is_refused_at_once() {
    for stat in ["+OK 4294967295 1", "+OK 18446744073709551615 1", "+OK 2000000 1"] {
        let says = [("STAT", format!("{stat}\r\n").into_bytes())].into();
        let server = PopServer::behaving(Mail::some(3), Behaviour { says, ..Behaviour::default() });
        let sandbox = Sandbox::for_server(&server);
        let (outcome, peak) = sandbox.popkeep(["fetch", "--quiet"]).measured();
        outcome.expect(76).one_line(&["work", "messages"]);
        assert!(peak < 32 << 10, "{peak} KiB");
    }
}

#[test]
fn a_million_messages_are_listed_in_bounded_memory() {
    const MILLION: usize = 1_000_000;
    let lines = |text: &dyn Fn(usize) -> String| {
        let lines: String = (1..=MILLION).map(|number| format!("{number} {}\r\n", text(number))).collect();
        format!("+OK\r\n{lines}.\r\n").into_bytes()
    };
    let says = [
        ("STAT", format!("+OK {MILLION} 300000000\r\n").into_bytes()),
        ("UIDL", lines(&|number| format!("uid-{number:05}"))),
        ("LIST", lines(&|_| "300".to_owned())),
    ];
    let server = PopServer::behaving(Mail::some(2), Behaviour { says: says.into(), ..Behaviour::default() });
    let sandbox = Sandbox::with([Account::on("work", &server).text("timeout", "120s")]);
    for (command, words) in [(&["fetch", "--limit", "2"][..], "2 "), (&["check"], "1000000")] {
        let (outcome, peak) = sandbox.popkeep(command).measured();
        println!("{command:?}: {peak} KiB");
        outcome.expect(0).says(&[words]);
        assert!(peak <= 200 << 10, "{command:?}: {peak} KiB");
    }
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(2)));
}

#[test]
fn an_empty_maildrop_s_listings_may_lack_their_dot() {
    let plain: &[u8] = b"+OK\r\n";
    for answer in [b"+OK 0 messages\r\n", plain] {
        for says in [vec!["UIDL", "LIST"], vec!["LIST"]] {
            let says = says.into_iter().map(|command| (command, answer.to_vec())).collect();
            let server = PopServer::behaving(Vec::new(), Behaviour { says, ..Behaviour::default() });
            let sandbox = Sandbox::for_server(&server);
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_eq!(server.take_sessions().len(), 1);
            sandbox.popkeep(["check"]).run().expect(0);
            server.behave(Behaviour::default());
            server.state().mails = Mail::some(2);
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_eq!(sandbox.maildir("work").len(), 2);
        }
    }
}

#[test]
fn a_stat_that_says_nothing_is_there_keeps_no_mail_from_coming() {
    let says = [("STAT", b"+OK 0 0\r\n".to_vec())].into();
    let server = PopServer::behaving(Mail::some(3), Behaviour { says, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
}
