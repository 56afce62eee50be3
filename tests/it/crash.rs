//! `kill -9`, and then again: every message exactly once, none lost.

use std::time::{Duration, Instant};

use crate::support::dovecot::Dovecot;
use crate::support::mail::{assert_same_mail, stored_forms, to_stored, to_wire};
use crate::support::maildrop::{Capa, Nth};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, stores};

const MESSAGES: usize = 40;

/// Kills popkeep where the server does not answer any more, runs it again, and looks.
fn killed_at(stall_at: Nth, format: &str, capa: &Capa) {
    let stalled = Behaviour { stall_at: Some(stall_at), capa: capa.clone(), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(MESSAGES), stalled);
    let sandbox =
        Sandbox::with([Account::on("work", &server).text("format", format).text("delete", "fetched")]);
    let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    server.wait_for_stall();
    run.kill();
    assert_eq!(server.uids().len(), MESSAGES, "without QUIT nothing is deleted");

    server.behave(Behaviour { capa: capa.clone(), ..Behaviour::default() });
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let found =
        if format == "mbox" { stores::mbox(&sandbox.archive("work")) } else { sandbox.maildir("work") };
    assert_same_mail(found, stored_forms(&Mail::some(MESSAGES)));
    assert!(server.uids().is_empty());
}

#[test]
fn killed_while_messages_come_in() {
    killed_at(Nth("RETR", 1), "maildir", &Capa::default());
    killed_at(Nth("RETR", 25), "maildir", &Capa::without_pipelining());
    killed_at(Nth("RETR", 25), "mbox", &Capa::without_pipelining());
}

#[test]
fn killed_between_dele_and_quit() {
    killed_at(Nth("DELE", 1), "maildir", &Capa::default());
    killed_at(Nth("DELE", 17), "mbox", &Capa::without_pipelining());
    killed_at(Nth("QUIT", 1), "maildir", &Capa::default());
    killed_at(Nth("QUIT", 1), "mbox", &Capa::default());
}

/// How long the runs of one format are killed, and at least how often.
const KILLING: Duration = Duration::from_secs(10);
const KILLS: usize = 10;

/// Deleting runs against a real server, killed at moments all over a run while mail keeps coming.
fn killed_at_any_moment(format: &str) {
    let Some(dovecot) = Dovecot::start(&["jane"]) else { return };
    let mut expected = Vec::new();
    let mut deliver = |count: usize| {
        for _ in 0..count {
            let number = expected.len();
            let size = 50 + (number * 7_919) % 40_000;
            let text = format!(
                "Subject: message {number}\nMessage-Id: <{number}@example>\n\n{}",
                "x\n.y\nFrom z\n".repeat(size / 12)
            );
            dovecot.deliver("jane", &format!("{number:06}"), text.as_bytes());
            expected.push(to_stored(&to_wire(text.as_bytes())));
        }
    };
    let account = dovecot.implicit_tls("work", "jane").text("delete", "fetched").text("format", format);
    let sandbox = Sandbox::with([account]);
    deliver(150);
    let begun = Instant::now();
    let mut kills = 0;
    while kills < KILLS || begun.elapsed() < KILLING {
        let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
        // From the login to the last DELE; a run that is done before its moment counts, too.
        let moment = Duration::from_millis(15 + (kills * 97) as u64 % 400);
        let until = Instant::now() + moment;
        while Instant::now() < until {
            deliver(1);
            std::thread::sleep(
                Duration::from_millis(15).min(until.saturating_duration_since(Instant::now())),
            );
        }
        run.kill();
        kills += 1;
    }
    deliver(5);
    sandbox.popkeep(["fetch", "--quiet", "--wait", "1m"]).run().expect(0).silent();
    println!("{format}: {kills} kills, {} messages delivered meanwhile", expected.len());
    let found =
        if format == "mbox" { stores::mbox(&sandbox.archive("work")) } else { sandbox.maildir("work") };
    assert_same_mail(found, expected);
    assert_eq!(dovecot.left("jane"), 0);
}

#[test]
fn killed_at_any_moment_against_dovecot_with_mail_arriving_into_a_maildir() {
    killed_at_any_moment("maildir");
}

#[test]
fn killed_at_any_moment_against_dovecot_with_mail_arriving_into_an_mbox() {
    killed_at_any_moment("mbox");
}
