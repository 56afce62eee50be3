//! Octets behind a message that are no answer: the message just ended is set aside, the others come in the same run.

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::Capa;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, stores};

fn torn(uid: &str) -> Mail {
    Mail::new(uid, "Subject: torn\n\nfirst\n.\nsecond\n")
}

/// Messages without a dot at a line's start.
fn whole() -> Vec<Mail> {
    (1..=5).map(|number| Mail::new(&format!("u{number}"), format!("Subject: {number}\n\nhello\n"))).collect()
}

#[test]
fn an_undoubled_dot_keeps_no_other_message_from_coming() {
    for capa in [Capa::default(), Capa::without_pipelining()] {
        for (delete, format) in [("never", "maildir"), ("fetched", "maildir"), ("never", "mbox")] {
            for at in [0, 2, 5] {
                let mut all = whole();
                all.insert(at, torn("torn-1"));
                all.insert(at, torn("torn-2"));
                let behaviour = Behaviour { unstuffed: true, capa: capa.clone(), ..Behaviour::default() };
                let server = PopServer::behaving(all, behaviour);
                let account = Account::on("work", &server).text("delete", delete).text("format", format);
                let sandbox = Sandbox::with([account]);
                for _ in 0..3 {
                    let report = sandbox.fetch_with(1, &[]);
                    let missing = report["missing"].clone();
                    assert_eq!(missing.as_array().unwrap().len(), 2, "{missing}");
                    assert_eq!(
                        (&missing[0]["uid"], &missing[1]["uid"]),
                        (&"torn-2".into(), &"torn-1".into())
                    );
                }
                if delete == "fetched" {
                    assert_eq!(server.uids(), ["torn-2", "torn-1"]);
                }
                if format == "maildir" {
                    assert_same_mail(sandbox.maildir("work"), stored_forms(&whole()));
                } else {
                    assert_eq!(stores::mbox(&sandbox.archive("work")).len(), 5);
                }
                // Once the server is mended it comes, too.
                server.behave(Behaviour::default());
                sandbox.popkeep(["fetch", "--quiet", "--retry"]).run().expect(0).silent();
            }
        }
    }
}

#[test]
fn a_rest_that_comes_late_and_looks_like_an_answer_is_no_answer() {
    for capa in [Capa::default(), Capa::without_pipelining()] {
        for rest in
            ["+OK 3 300\nthe rest\n", "-ERR no such message\nthe rest\n", "+OK 7 3000\n", "-ERR nope\n"]
        {
            for (at, delete) in [(0, "never"), (2, "fetched"), (5, "never"), (5, "fetched")] {
                let mut all = whole();
                all.insert(at, Mail::new("torn", format!("Subject: torn\n\nfirst\nsecond\n.\n{rest}")));
                let behaviour = Behaviour {
                    unstuffed: true,
                    pauses_at_dot: true,
                    capa: capa.clone(),
                    ..Behaviour::default()
                };
                let server = PopServer::behaving(all, behaviour);
                let sandbox = Sandbox::with([Account::on("work", &server).text("delete", delete)]);
                for _ in 0..2 {
                    let report = sandbox.fetch_with(1, &[]);
                    let missing = report["missing"].clone();
                    assert_eq!(missing.as_array().unwrap().len(), 1, "{rest:?}: {missing}");
                    assert_eq!(missing[0]["uid"], "torn", "{rest:?}");
                    assert_same_mail(sandbox.maildir("work"), stored_forms(&whole()));
                }
                assert!(server.uids().contains(&"torn".to_owned()));
            }
        }
    }
}
