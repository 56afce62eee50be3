//! The whole job against a real server: Debian's Dovecot.

use crate::awkward_mail::thirty_five;
use crate::support::dovecot::Dovecot;
use crate::support::mail::{assert_same_mail, to_stored, to_wire};
use crate::support::{Account, Sandbox, stores};

/// Puts the thirty-five into a user's maildrop; gives what an archive must hold.
fn deliver_awkward_mail(dovecot: &Dovecot, user: &str) -> Vec<Vec<u8>> {
    thirty_five()
        .into_iter()
        .map(|(name, octets)| {
            dovecot.deliver(user, name, &octets);
            to_stored(&to_wire(&octets))
        })
        .collect()
}

/// Thirty-five awkward messages: kept on the server, then fetched again (nothing comes), then
/// deleted; and for a second user deleted in the first run.
fn whole_job(over: fn(&Dovecot, &str, &str) -> Account, format: &str) {
    let Some(dovecot) = Dovecot::start(&["keeper", "mover"]) else { return };
    let expected = deliver_awkward_mail(&dovecot, "keeper");
    deliver_awkward_mail(&dovecot, "mover");
    let sandbox = Sandbox::new();
    let account = |name| over(&dovecot, name, name).text("format", format);
    let read = |name| match format {
        "mbox" => stores::mbox(&sandbox.archive(name)),
        _ => sandbox.maildir(name),
    };

    sandbox.configure([account("keeper")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(read("keeper"), expected.clone());

    let second = sandbox.fetch();
    assert_eq!(second["fetched"], 0, "the second run stores nothing");
    assert_eq!(second["archived"], 35);
    assert_same_mail(read("keeper"), expected.clone());
    assert_eq!(dovecot.left("keeper"), 35, "nothing is deleted unless it is asked for");

    sandbox
        .configure([account("keeper").text("delete", "fetched"), account("mover").text("delete", "fetched")]);
    let third = sandbox.popkeep(["fetch", "--json"]).run().expect(0).json();
    for (number, name) in ["keeper", "mover"].into_iter().enumerate() {
        assert_eq!(third["accounts"][number]["name"], name);
        assert_eq!(third["accounts"][number]["deleted"], 35);
        assert_eq!(dovecot.left(name), 0, "the server is empty after QUIT");
        assert_same_mail(read(name), expected.clone());
    }
    assert_eq!(third["accounts"][0]["fetched"], 0, "what is archived is not fetched again to be deleted");
}

#[test]
fn awkward_mail_over_implicit_tls_into_a_maildir_octet_for_octet() {
    whole_job(Dovecot::implicit_tls, "maildir");
}

#[test]
fn awkward_mail_over_implicit_tls_into_an_mbox_octet_for_octet() {
    whole_job(Dovecot::implicit_tls, "mbox");
}

#[test]
fn awkward_mail_over_stls_into_a_maildir_octet_for_octet() {
    whole_job(Dovecot::stls, "maildir");
}

#[test]
fn awkward_mail_over_stls_into_an_mbox_octet_for_octet() {
    whole_job(Dovecot::stls, "mbox");
}

#[test]
fn the_tests_know_what_dovecot_sends() {
    let Some(dovecot) = Dovecot::start(&["jane"]) else { return };
    let expected = deliver_awkward_mail(&dovecot, "jane");
    let retrieved = dovecot.retrieved("jane").iter().map(|wire| to_stored(wire)).collect();
    assert_same_mail(retrieved, expected);
}

#[test]
fn mail_that_arrives_between_two_runs_is_all_that_the_second_fetches() {
    let Some(dovecot) = Dovecot::start(&["jane"]) else { return };
    let sandbox = Sandbox::with([dovecot.implicit_tls("work", "jane")]);
    dovecot.deliver("jane", "1", b"Subject: one\n\n1\n");
    sandbox.popkeep(["fetch"]).run().expect(0);
    dovecot.deliver("jane", "2", b"Subject: two\n\n2\n");
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["listed"]), (&1.into(), &2.into()));
    assert_same_mail(
        sandbox.maildir("work"),
        vec![b"Subject: one\n\n1\n".to_vec(), b"Subject: two\n\n2\n".to_vec()],
    );
}

#[test]
fn an_age_deletes_nothing_young() {
    let Some(dovecot) = Dovecot::start(&["jane"]) else { return };
    dovecot.deliver("jane", "1", b"Date: Thu, 19 Aug 1999 20:15:20 -0500\nSubject: written long ago\n\n1\n");
    let sandbox = Sandbox::with([dovecot.implicit_tls("work", "jane").text("delete", "30d")]);
    for _ in 0..2 {
        let report = sandbox.fetch();
        assert_eq!(report["deleted"], 0, "the age counts from when it was archived");
        assert_eq!(dovecot.left("jane"), 1);
    }
}

#[test]
fn a_wrong_password_is_one_line_and_exit_77() {
    let Some(dovecot) = Dovecot::start(&["jane"]) else { return };
    for account in [dovecot.implicit_tls("work", "jane"), dovecot.stls("work", "jane")] {
        let sandbox = Sandbox::with([account.text("password", "not the one")]);
        let outcome = sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["work", "password"]);
        assert!(
            !outcome.stderr.contains("not the one"),
            "a password stands in the error: {}",
            outcome.stderr
        );
    }
}

#[test]
fn one_failing_account_does_not_stop_the_others() {
    let Some(dovecot) = Dovecot::start(&["anna", "bert", "cleo"]) else { return };
    for user in ["anna", "bert", "cleo"] {
        dovecot.deliver(user, "1", format!("Subject: for {user}\n\nbody\n").as_bytes());
    }
    let sandbox = Sandbox::with([
        dovecot.implicit_tls("anna", "anna"),
        dovecot.implicit_tls("bert", "bert").text("password", "not the one"),
        dovecot.stls("cleo", "cleo"),
    ]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["bert"]);
    assert_same_mail(sandbox.maildir("anna"), vec![b"Subject: for anna\n\nbody\n".to_vec()]);
    assert_same_mail(sandbox.maildir("cleo"), vec![b"Subject: for cleo\n\nbody\n".to_vec()]);
    assert_eq!(dovecot.left("bert"), 1);
}

#[test]
fn check_shows_how_the_server_is_reached_and_changes_nothing() {
    let Some(dovecot) = Dovecot::start(&["jane"]) else { return };
    dovecot.deliver("jane", "1", b"Subject: one\n\n1\n");
    let sandbox = Sandbox::with([dovecot.stls("work", "jane")]);
    sandbox.popkeep(["check"]).run().expect(0).says(&["work", "TLS", "UIDL", "PIPELINING", "1"]);
    assert!(!sandbox.archive("work").exists(), "check makes no archive");
    assert_eq!(dovecot.left("jane"), 1);
}

#[test]
fn a_message_that_dovecot_cannot_send_is_one_missing_message() {
    let Some(dovecot) = Dovecot::start(&["jane"]) else { return };
    let mut expected = Vec::new();
    for number in 1..=5 {
        if number == 2 {
            // Dovecot 2.3 does not double a dot that is a message's very first octet: its RETR
            // ends at once, and the message follows as replies to nothing.
            dovecot.deliver("jane", "2", b".\nSubject: poison\n\nbody\n");
        } else {
            let text = format!("Subject: message {number}\n\nbody\n").into_bytes();
            dovecot.deliver("jane", &number.to_string(), &text);
            expected.push(text);
        }
    }
    let sandbox = Sandbox::with([dovecot.implicit_tls("work", "jane").text("delete", "fetched")]);
    for _ in 0..2 {
        let report = sandbox.fetch_with(1, &[]);
        let missing = report["missing"].as_array().unwrap();
        assert_eq!(missing.len(), 1, "{report}");
        assert!(missing[0]["reason"].as_str().unwrap().contains("nothing"), "{report}");
        assert_same_mail(sandbox.maildir("work"), expected.clone());
        assert_eq!(dovecot.left("jane"), 1, "what is archived is deleted, the other stays");
    }
}
