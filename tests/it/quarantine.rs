//! A message that fails is tried after all others, in a session of its own, after ever longer gaps; it
//! never keeps the others waiting, and is reported with its reason for as long as it is missing. The rules are those of
//! `src/plan/quarantine.rs` and `src/fetch/failures.rs`.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | tried after all others, in a session of its own | [`a_refused_message_is_tried_last_and_ever_more_seldom_until_it_comes`] |
//! | after gaps that grow up to a week | [`a_refused_message_is_tried_last_and_ever_more_seldom_until_it_comes`], [`the_gaps_grow_to_a_week`], [`popkeep::fetch::failures::the_gaps_between_tries_grow_up_to_a_week`] |
//! | at once when a person wants it (`--retry`) | [`a_refused_message_is_tried_last_and_ever_more_seldom_until_it_comes`], [`popkeep::fetch::failures::a_message_rests_until_its_time_unless_a_person_says_otherwise`] |
//! | what a wrong clock stored tells nothing | [`clock::what_failed_by_a_clock_ahead_is_tried_by_one_that_is_right`] |
//! | missing, with its reason, between two tries | [`a_refused_message_is_tried_last_and_ever_more_seldom_until_it_comes`] |
//! | with `--quiet` said at first and then weekly; the exit code says it every time | [`with_quiet_a_message_that_stays_missing_is_reported_at_first_and_the_exit_code_says_it_every_time`], [`with_quiet_a_message_that_stays_missing_is_reported_again_after_a_week`] |
//! | what came to nothing is not asked for again in the same run | [`a_refused_message_is_tried_last_and_ever_more_seldom_until_it_comes`], [`a_server_whose_every_message_fails_cannot_keep_a_run_going`] |
//! | a message at which a session broke off gets one more chance, behind the others | [`a_first_message_at_which_the_server_hangs_up_blocks_nobody`], [`several_first_messages_at_which_the_server_hangs_up_are_told_apart_by_the_next_runs`], [`popkeep::fetch::failures::a_message_that_breaks_a_session_is_tried_after_the_others_and_fails_at_the_second_time`] |
//! | a connection that was lost is nobody's fault the first time | [`a_connection_that_was_only_lost_leaves_nothing_behind`], [`popkeep::fetch::failures::a_connection_lost_after_others_had_come_is_nobodys_fault_the_first_time`] |
//! | "not now" is no failure beyond the run | [`limits::a_daily_limit_keeps_what_has_come_and_is_no_mark_against_any_message`], [`popkeep::fetch::failures::not_now_is_no_failure_beyond_the_run`] |
//! | but twice is one | [`limits::a_message_that_ended_two_runs_is_tried_last`] |
//! | neither is a signal, or a full disk | [`a_signal_is_no_mark_against_a_message`], [`what_the_disk_has_no_room_for_is_not_the_message_s_fault`] |
//! | found by its UID alone where that is its own; else by UID, number and size | [`one_of_several_under_one_uid_fails_alone`], [`popkeep::plan::quarantine::a_uid_of_its_own_is_enough_wherever_the_message_stands`], [`popkeep::plan::quarantine::without_a_uid_of_its_own_number_and_size_must_fit`] |
//! | not by its number where messages are deleted | [`popkeep::fetch::failures::messages_without_a_uid_of_their_own_are_known_by_number_unless_numbers_change`] |
//! | too large: until `max_size` grows | [`a_message_that_grows_past_max_size_is_not_fetched_again_until_max_size_grows`] |
//! | it uses up no `--limit` | [`a_limit_is_not_used_up_by_what_failed`] |
//! | what is stored or no longer listed leaves it | [`what_is_no_longer_listed_leaves_the_quarantine`], [`popkeep::fetch::failures::what_is_stored_or_no_longer_listed_is_released`] |
//! | bounded, in number and in words | [`popkeep::fetch::failures::a_server_that_refuses_everything_fills_the_quarantine_no_further_than_it_goes`], [`a_long_refusal_is_cut_before_it_is_kept_or_told`] |
//! | a crash loses nothing for it | [`popkeep::fetch::model::quarantine::what_was_in_quarantine_comes_once_and_nothing_else_is_lost_for_it`] |

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::support::clock::{DAY, HOUR, library};
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::Nth;
use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

const POISON: &str = "uid-00001";

fn refusing(uids: &[&str]) -> Behaviour {
    Behaviour { refuse_retr: set(uids), ..Behaviour::default() }
}

fn hanging_up(uids: &[&str]) -> Behaviour {
    Behaviour { hangs_up_at: set(uids), ..Behaviour::default() }
}

fn set(uids: &[&str]) -> BTreeSet<Vec<u8>> {
    uids.iter().map(|uid| uid.as_bytes().to_vec()).collect()
}

/// The only message that is missing, and why.
#[track_caller]
fn reason(report: &Value) -> &str {
    let missing = report["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{report}");
    assert_eq!(report["listed"], report["archived"].as_u64().unwrap() + 1);
    missing[0]["reason"].as_str().unwrap()
}

/// The commands of this name in each session since the last look.
fn asked(server: &PopServer, verb: &str) -> Vec<Vec<String>> {
    let of = |commands: Vec<String>| commands.into_iter().filter(|line| line.starts_with(verb)).collect();
    server.take_sessions().into_iter().map(|session| of(session.commands)).collect()
}

/// What is in quarantine: UID and failures.
fn quarantine(sandbox: &Sandbox) -> Vec<(String, u32)> {
    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    let mut rows = ledger.prepare("SELECT uid, failures FROM quarantine ORDER BY uid").unwrap();
    let rows =
        rows.query_map([], |row| Ok((String::from_utf8(row.get::<_, Vec<u8>>(0)?).unwrap(), row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_refused_message_is_tried_last_and_ever_more_seldom_until_it_comes() {
    let Some(library) = library() else { return };
    let server = PopServer::behaving(Mail::some(3), refusing(&[POISON]));
    let sandbox = Sandbox::for_server(&server);
    assert!(reason(&sandbox.fetch_with(1, &[])).ends_with("next try in the next run"));
    assert_eq!(asked(&server, "RETR").len(), 1);

    // The next run tries it, but everything else comes first.
    server.state().mails.push(Mail::numbered(4));
    let report = sandbox.fetch_with(1, &[]);
    assert!(reason(&report).contains("cannot be read; next try 2"), "{report}");
    assert!(reason(&report).contains("it failed in 2 runs since 2"), "{report}");
    assert_eq!(asked(&server, "RETR"), [["RETR 4"], ["RETR 1"]]);

    // Before its time it is only reported, also by a plan.
    assert!(reason(&sandbox.fetch_with(1, &[])).contains("next try 2"));
    assert_eq!(asked(&server, "RETR"), [[""; 0]]);
    sandbox.popkeep(["fetch", "--dry-run"]).run().expect(0).says(&["would leave message 1", "next try 2"]);
    server.take_sessions();

    // At its time, and when a person wants it, it is tried: in the first session if nothing else is there.
    sandbox.set_clock(&library, HOUR + 60);
    sandbox.fetch_with(1, &[]);
    assert_eq!(asked(&server, "RETR"), [["RETR 1"]]);
    assert_eq!(quarantine(&sandbox), [(POISON.to_owned(), 3)]);
    server.behave(Behaviour::default());
    sandbox.fetch_with(1, &[]);
    sandbox.fetch_with(0, &["--retry"]);
    assert_eq!(quarantine(&sandbox), []);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(4)));
}

#[test]
fn the_gaps_grow_to_a_week() {
    let Some(library) = library() else { return };
    let server = PopServer::behaving(Mail::some(2), refusing(&[POISON]));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch_with(1, &[]);
    let mut at = 0;
    // Some seconds pass between one run and the next.
    for gap in [0, HOUR, 4 * HOUR, DAY, 3 * DAY, 7 * DAY, 7 * DAY] {
        server.take_sessions();
        if gap > 0 {
            sandbox.set_clock(&library, at + gap - 120);
            sandbox.fetch_with(1, &[]);
            assert_eq!(server.count("RETR"), 0, "{gap} s are not over");
        }
        at += gap + 120;
        sandbox.set_clock(&library, at);
        sandbox.fetch_with(1, &[]);
        assert_eq!(server.count("RETR"), 1, "{gap} s are over");
    }
}

#[test]
fn a_signal_is_no_mark_against_a_message() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let stall_at = Some(Nth("RETR", 1));
        let server = PopServer::behaving(Mail::some(3), Behaviour { stall_at, ..Behaviour::default() });
        let sandbox = Sandbox::for_server(&server);
        let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
        server.wait_for_stall();
        run.signal(signal);
        assert_eq!(run.wait(), Some(code));
        assert_eq!(quarantine(&sandbox), []);
    }
}

#[test]
fn what_the_disk_has_no_room_for_is_not_the_message_s_fault() {
    let large = Mail::new("large", "a line of it\n".repeat(150_000));
    let server = PopServer::with(vec![large, Mail::numbered(2)]);
    let sandbox = Sandbox::for_server(&server);
    for _ in 0..2 {
        let mut command = Command::new("prlimit");
        command.args(["--fsize=1000000", POPKEEP, "fetch", "--quiet"]);
        sandbox.command(command).run().expect(74);
        assert_eq!(quarantine(&sandbox), []);
    }
    assert_eq!(sandbox.fetch()["archived"], 2);
}

#[test]
fn a_first_message_at_which_the_server_hangs_up_blocks_nobody() {
    let server = PopServer::behaving(Mail::some(4), hanging_up(&[POISON]));
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch_with(1, &[]);
    assert!(reason(&report).contains("the session broke off at it"), "{report}");
    assert_eq!((&report["fetched"], &report["deleted"]), (&3.into(), &3.into()));
    assert_eq!(server.uids(), [POISON]);
    server.behave(Behaviour::default());
    assert_eq!(sandbox.fetch()["deleted"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(4)));
}

#[test]
fn several_first_messages_at_which_the_server_hangs_up_are_told_apart_by_the_next_runs() {
    let poison = [POISON, "uid-00002", "uid-00003"];
    let server = PopServer::behaving(Mail::some(5), hanging_up(&poison));
    let sandbox = Sandbox::for_server(&server);
    // Two sessions without a message: the server may be at fault.
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(69).one_line(&["closed the connection"]);
    sandbox.fetch_with(1, &[]);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)[3..]));
    assert_eq!(quarantine(&sandbox), poison.map(|uid| (uid.to_owned(), 1)));
    server.behave(Behaviour::default());
    sandbox.fetch();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
}

#[test]
fn a_connection_that_was_only_lost_leaves_nothing_behind() {
    let server = PopServer::behaving(Mail::some(3), hanging_up(&[POISON]));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch_with(1, &[]);
    server.behave(Behaviour::default());
    sandbox.fetch();
    assert_eq!(quarantine(&sandbox), []);
}

#[test]
fn a_limit_is_not_used_up_by_what_failed() {
    let server = PopServer::behaving(Mail::some(3), refusing(&[POISON]));
    let sandbox = Sandbox::for_server(&server);
    for archived in [0, 1, 2] {
        assert_eq!(sandbox.fetch_with(1, &["--limit", "1"])["archived"], archived);
    }
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)[1..]));
}

#[test]
fn what_is_no_longer_listed_leaves_the_quarantine() {
    let server = PopServer::behaving(Mail::some(3), refusing(&[POISON]));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch_with(1, &[]);
    server.state().mails.remove(0);
    sandbox.fetch();
    assert_eq!(quarantine(&sandbox), []);
}

#[test]
fn a_message_that_grows_past_max_size_is_not_fetched_again_until_max_size_grows() {
    let large = Mail::new("large", vec![b'x'; 300_000]).listed_as("10");
    let server = PopServer::with(vec![large.clone(), Mail::numbered(2)]);
    let sandbox = Sandbox::with([Account::on("work", &server).text("max_size", "100 KiB")]);
    for _ in 0..2 {
        assert_eq!(sandbox.fetch()["left"], 1);
    }
    server.take_sessions();
    assert_eq!(sandbox.fetch()["left"], 1);
    assert_eq!(asked(&server, "RETR"), [[""; 0]], "not a third time");
    sandbox.configure([Account::on("work", &server)]);
    sandbox.fetch();
    assert_same_mail(sandbox.maildir("work"), stored_forms([&large, &Mail::numbered(2)]));
    assert_eq!(quarantine(&sandbox), []);
}

#[test]
fn one_of_several_under_one_uid_fails_alone() {
    // Without a way to tell them apart the server refuses whoever has that UID; the others are not to suffer.
    let server = PopServer::with(vec![Mail::numbered(1), Mail::numbered(2), Mail::numbered(3)]);
    server.state().mails[2].uid = b"uid-00002".to_vec();
    server.behave(refusing(&["uid-00002"]));
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(sandbox.fetch_with(1, &[])["archived"], 1);
    assert_eq!(quarantine(&sandbox).len(), 2);
    server.behave(Behaviour::default());
    sandbox.fetch();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
    assert_eq!(quarantine(&sandbox), []);
}

#[test]
fn a_server_whose_every_message_fails_cannot_keep_a_run_going() {
    const MANY: usize = 110;
    // Each turns out larger than LIST says and than the user allows, which ends the session.
    let lines: String = (1..=MANY).map(|number| format!("{number} 1\r\n")).collect();
    let says = [("LIST", format!("+OK\r\n{lines}.\r\n").into_bytes())].into();
    let server = PopServer::behaving(Mail::some(MANY), Behaviour { says, ..Behaviour::default() });
    let sandbox = Sandbox::with([Account::on("work", &server).key("max_size", 1)]);
    for unreached in [MANY - 100, 0] {
        let outcome = sandbox.popkeep(["fetch", "--json"]).run();
        let report = outcome.account();
        let reasons = report["missing"].as_array().unwrap().iter();
        let later = reasons.filter(|message| message["reason"] == "not reached in this run").count();
        assert_eq!((server.take_sessions().len(), later), (100, unreached), "{report}");
    }
}

#[test]
fn with_quiet_a_message_that_stays_missing_is_reported_at_first_and_the_exit_code_says_it_every_time() {
    let server = PopServer::behaving(Mail::some(3), refusing(&[POISON]));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).one_line(&[POISON]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).silent();
    sandbox.popkeep(["fetch"]).run().expect(1).says(&[POISON]);
    server.behave(refusing(&[POISON, "uid-00003"]));
    server.state().mails.push(Mail::new("other", "Subject: other\n\nx\n"));
    server.behave(refusing(&[POISON, "other"]));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).one_line(&["other"]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).silent();
}

#[test]
fn with_quiet_a_message_that_stays_missing_is_reported_again_after_a_week() {
    let Some(library) = library() else { return };
    let server = PopServer::behaving(Mail::some(3), refusing(&[POISON]));
    let sandbox = Sandbox::for_server(&server);
    for (day, said) in [(0, true), (1, false), (6, false), (8, true), (9, false)] {
        sandbox.set_clock(&library, day * DAY);
        let run = sandbox.popkeep(["fetch", "--quiet"]).run().expect(1);
        if said {
            run.one_line(&[POISON])
        } else {
            run.silent()
        };
    }
}

#[test]
fn a_long_refusal_is_cut_before_it_is_kept_or_told() {
    let server = PopServer::with(Mail::some(3));
    let says = [("RETR 2", format!("-ERR {}\r\n", "long \u{fc} ".repeat(500)).into_bytes())].into();
    server.behave(Behaviour { says, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    let report = sandbox.fetch_with(1, &[]);
    assert!(reason(&report).len() < 400, "{report}");
    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    let octets: i64 = ledger
        .query_row("SELECT max(length(CAST(reason AS BLOB))) FROM quarantine", [], |row| row.get(0))
        .unwrap();
    assert!((100..=200).contains(&octets), "{octets}");
}
