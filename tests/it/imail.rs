//! `IMail`'s generation of servers: no CAPA, no TLS, and words of their own, as in the transcript
//! of `IMail` 7.12 among the test data.

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth, Quit};
use crate::support::scripted::Scripted;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

fn imail() -> Behaviour {
    Behaviour { capa: Capa::Refused, imail_texts: true, ..Behaviour::default() }
}

/// The three messages of the transcript, with unique-ids in `IMail`'s form.
fn three() -> Vec<Mail> {
    let mail = |uid: &str, text: &str| {
        Mail::new(
            uid,
            format!(
                "Received: from [] by \n (SMTPD32-5.05) id AC28801E8; Thu, 19 Aug 1999 20:15:20 -0500\n\
                 Message-Id: <199908192015750.SM{uid}@>\nDate: Thu, 19 Aug 1999 20:15:55 -0500\n\
                 X-UIDL: {uid}\nStatus: U\nFrom: <>\n\nSubject: test\n{text}\n\n"
            ),
        )
    };
    vec![mail("230371283", "One"), mail("230371284", "Two"), mail("230371285", "Hi Dusty")]
}

#[test]
fn from_the_first_login_to_the_last_dele() {
    let server = PopServer::behaving(three(), imail());
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&three()));
    assert!(server.uids().is_empty());
    let sessions = server.take_sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].count("QUIT"), 1);
}

#[test]
fn a_session_lost_before_quit_deletes_nothing_and_the_next_run_completes() {
    for lost in [
        Behaviour { cut_at: Some(Nth("DELE", 2)), ..imail() },
        Behaviour { quit: Quit::Drops, ..imail() },
        Behaviour { cut_at: Some(Nth("RETR", 1)), ..imail() },
    ] {
        let server = PopServer::behaving(three(), lost);
        let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
        let first = sandbox.popkeep(["fetch", "--json"]).run();
        assert_ne!(first.code, Some(0), "a lost session is no success: {first:?}");
        assert_eq!(first.account()["deleted"], 0, "nothing that QUIT did not confirm counts as deleted");
        assert_eq!(server.uids().len(), 3);

        server.behave(imail());
        let second = sandbox.fetch();
        assert_eq!(second["deleted"], 3);
        assert!(server.uids().is_empty());
        assert_same_mail(sandbox.maildir("work"), stored_forms(&three()));
    }
}

#[test]
fn the_transcript_word_for_word() {
    // The replies are those of the page that people once typed against.
    let server = Scripted::play(
        "S: +OK X1 NT-POP3 Server (IMail 7.12 48-1)
         C: CAPA
         S: -ERR invalid command
         C: USER dusty
         S: +OK welcome
         C: PASS *
         S: +OK maildrop locked and ready
         listed: 1 230371285 385
         C: RETR 1
         S: +OK 385 octets
         S: Received: from [] by
         S: (SMTPD32-5.05) id AC28801E8; Thu, 19 Aug 1999 20:15:20 -0500
         S: Message-Id: <199908192015750.SM00960@>
         S: Date: Thu, 19 Aug 1999 20:15:55 -0500
         S: X-UIDL: 230371285
         S: Status: U
         S: From: <>
         S:
         S: Subject: test
         S: Hi Dusty
         S:
         S: .
         C: DELE 1
         S: +OK msg deleted
         C: QUIT
         S: +OK POP3 Server saying Good-Bye",
    );
    let account = Account::new("dusty").text("user", "dusty").loopback(server.port()).text("tls", "none");
    let sandbox = Sandbox::with([account.text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    server.finish();
    let expected = b"Received: from [] by
(SMTPD32-5.05) id AC28801E8; Thu, 19 Aug 1999 20:15:20 -0500
Message-Id: <199908192015750.SM00960@>
Date: Thu, 19 Aug 1999 20:15:55 -0500
X-UIDL: 230371285
Status: U
From: <>

Subject: test
Hi Dusty

";
    assert_same_mail(sandbox.maildir("dusty"), vec![expected.to_vec()]);
}
