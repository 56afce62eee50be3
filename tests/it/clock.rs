//! A clock that was, or is, wrong: no stored time in the future is believed, and nothing is deleted by an age that no
//! clock has seen.
//!
//! | what a wrong clock stored | test |
//! | --- | --- |
//! | when a message in quarantine is due again | [`what_failed_by_a_clock_ahead_is_tried_by_one_that_is_right`] |
//! | the last success | [`a_success_in_the_future_is_none`] |
//! | when a message was archived | [`what_a_clock_in_1972_archived_is_not_old_at_once`], [`a_clock_ten_years_ahead_makes_nothing_old`] |
//! | the last login and the last session | [`a_login_in_the_future_keeps_nobody_waiting`] |
//! | (it jumps in mid-run) | [`a_clock_that_jumps_in_mid_run_makes_nothing_old`] |
//! | (the end of time) | [`a_clock_at_either_end_of_time_is_no_panic`] |

use crate::support::clock::{DAY, library, shift_to};
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

const TEN_YEARS: i64 = 3650 * DAY;
/// 1972-01-01 00:00 UTC.
const IN_1972: i64 = 63_072_000;

fn by_age(server: &PopServer) -> Sandbox {
    Sandbox::with([Account::on("work", server).text("delete", "30d")])
}

/// A fetch with the clock so many seconds ahead; it has to succeed.
#[track_caller]
fn fetch_ahead(sandbox: &Sandbox, library: &std::path::Path, ahead: i64) {
    sandbox.popkeep(["fetch", "--quiet"]).ahead(library, ahead).run().expect(0).silent();
}

#[test]
fn what_failed_by_a_clock_ahead_is_tried_by_one_that_is_right() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    let refuse_retr = [b"uid-00001".to_vec()].into();
    server.behave(Behaviour { refuse_retr, ..Behaviour::default() });
    for _ in 0..3 {
        sandbox.popkeep(["fetch", "--quiet"]).ahead(&library, TEN_YEARS).run().expect(1);
    }
    server.behave(Behaviour::default());
    fetch_ahead(&sandbox, &library, 0);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
}

#[test]
fn a_success_in_the_future_is_none() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("work", &server).text("quiet_transient", "6h")]);
    fetch_ahead(&sandbox, &library, TEN_YEARS);
    sandbox.popkeep(["status", "--max-age", "26h"]).run().expect(1);
    assert!(
        sandbox.popkeep(["status", "--json"]).run().json()["accounts"][0]["last_success"].is_null(),
        "it is not told either"
    );
    // What may pass by itself is told, too.
    drop(server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(69).one_line(&["work"]);
}

#[test]
fn a_success_before_the_clock_was_wrong_still_counts() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    fetch_ahead(&sandbox, &library, 0);
    fetch_ahead(&sandbox, &library, TEN_YEARS);
    sandbox.popkeep(["status", "--max-age", "26h"]).run().expect(0);
}

#[test]
fn ages_count_by_a_clock_that_is_right() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = by_age(&server);
    for (day, left) in [(0, 3), (20, 3), (29, 3), (31, 0)] {
        fetch_ahead(&sandbox, &library, day * DAY);
        assert_eq!(server.uids().len(), left, "day {day}");
    }
}

#[test]
fn after_a_month_without_a_run_the_next_one_deletes_nothing_by_age() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = by_age(&server);
    for (day, left) in [(0, 3), (40, 3), (41, 0)] {
        let preview = sandbox.popkeep(["fetch", "--dry-run", "--json"]).ahead(&library, day * DAY).run();
        assert_eq!(preview.json()["accounts"][0]["delete"], 3 - left, "day {day}");
        fetch_ahead(&sandbox, &library, day * DAY);
        assert_eq!(server.uids().len(), left, "day {day}");
    }
}

#[test]
fn what_a_clock_in_1972_archived_is_not_old_at_once() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = by_age(&server);
    fetch_ahead(&sandbox, &library, shift_to(IN_1972));
    for (day, left) in [(0, 3), (0, 3), (20, 3), (29, 3), (31, 0)] {
        fetch_ahead(&sandbox, &library, day * DAY);
        assert_eq!(server.uids().len(), left, "day {day}");
    }
    assert_eq!(sandbox.maildir("work").len(), 3);
}

#[test]
fn a_clock_ten_years_ahead_makes_nothing_old() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = by_age(&server);
    fetch_ahead(&sandbox, &library, 0);
    server.state().mails = Mail::some(5);
    fetch_ahead(&sandbox, &library, TEN_YEARS);
    assert_eq!(server.uids().len(), 5, "the clock has jumped");
    server.state().mails = Mail::some(6);
    for (day, left) in [(0, 6), (20, 6), (29, 6), (31, 0)] {
        fetch_ahead(&sandbox, &library, day * DAY);
        assert_eq!(server.uids().len(), left, "day {day}");
    }
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(6)));
}

#[test]
fn a_clock_that_jumps_in_mid_run_makes_nothing_old() {
    let Some(library) = library() else { return };
    for (before, after) in [(0, TEN_YEARS), (shift_to(IN_1972), 0), (TEN_YEARS, 0), (0, shift_to(IN_1972))] {
        let server = PopServer::with(Mail::some(3));
        let sandbox = by_age(&server);
        fetch_ahead(&sandbox, &library, 0);
        server.state().mails = Mail::some(6);
        let file = sandbox.write("clock", format!("{before:+}"));
        let (hold_at, capa) = (Some(Nth("RETR", 2)), Capa::without_pipelining());
        server.behave(Behaviour { capa, hold_at, ..Behaviour::default() });
        let run = sandbox.popkeep(["fetch", "--quiet"]).by_the_file(&library, &file);
        std::thread::scope(|scope| {
            let run = scope.spawn(|| run.run().expect(0).silent());
            server.while_held(|| std::fs::write(&file, format!("{after:+}")).unwrap());
            run.join().unwrap();
        });
        server.behave(Behaviour::default());
        fetch_ahead(&sandbox, &library, after);
        fetch_ahead(&sandbox, &library, 0);
        assert_eq!(server.uids().len(), 6, "{before} {after}");
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(6)));
    }
}

#[test]
fn a_login_in_the_future_keeps_nobody_waiting() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "LOGIN-DELAY 900"]);
    server.behave(Behaviour { capa, ..Behaviour::default() });
    let back = shift_to(IN_1972);
    for ahead in [TEN_YEARS, 0, back] {
        fetch_ahead(&sandbox, &library, ahead);
    }
    sandbox.popkeep(["fetch", "--quiet"]).ahead(&library, back).run().expect(75);
}

#[test]
fn a_clock_at_either_end_of_time_is_no_panic() {
    let Some(library) = library() else { return };
    for at in [0, IN_1972, 253_402_207_200, 253_402_300_800, 300_000_000_000] {
        let server = PopServer::with(Mail::some(3));
        let sandbox = by_age(&server);
        let ahead = shift_to(at);
        fetch_ahead(&sandbox, &library, ahead);
        fetch_ahead(&sandbox, &library, ahead);
        assert_eq!(server.uids().len(), 3);
        let document = sandbox.popkeep(["status", "--json"]).ahead(&library, ahead).run().expect(0).json();
        assert_eq!(document["accounts"][0]["archived"], 3, "{at}");
        for command in [&["status"][..], &["check"], &["list", "work"], &["fetch", "--dry-run"]] {
            sandbox.popkeep(command).ahead(&library, ahead).run().expect(0);
        }
        fetch_ahead(&sandbox, &library, 0);
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
    }
}
