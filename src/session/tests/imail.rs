//! The seed of the project: the replies of an `IMail` server, from login to QUIT.

use super::*;

const TRANSCRIPT: &str = include_str!("../../../tests/data/imail-session.txt");

/// What the next event's status line says, and its message if there is one.
fn message(session: &mut Session<Transaction>) -> (String, Option<String>) {
    let mut status = String::new();
    let mut body = None::<String>;
    while let Some(incoming) = session.next().unwrap() {
        match incoming {
            Incoming::Status { reply, .. } => status = String::from_utf8(reply.text().to_vec()).unwrap(),
            Incoming::Body { octets, .. } => {
                body.get_or_insert_default().push_str(std::str::from_utf8(octets).unwrap());
            }
            Incoming::End { .. } => {}
        }
    }
    (status, body)
}

#[test]
fn all_eleven_commands_are_spoken_as_imail_answers_them() {
    for split in SPLITS {
        let (script, progress) = Script::new(TRANSCRIPT, split);
        let mut session = Session::open(Box::new(script), options(Pipeline::WhereOffered).0).unwrap();
        session.skip_capabilities();
        assert_eq!(session.greeting().text(), b"X1 NT-POP3 Server (IMail 7.12 48-1)");
        let password = SecretString::from("*********");
        let mut session =
            session.login(&by("dusty", &password, Choice::Auto, Clearance::EncryptedOnly)).unwrap();
        assert_eq!((session.mechanism(), session.pipelining()), ("USER/PASS", false));

        assert_eq!(session.stat().unwrap(), (3, 2577));
        let sizes = |listing: &crate::pop3::listing::Listing| {
            listing.iter().map(|entry| (entry.number, entry.size.unwrap())).collect::<Vec<_>>()
        };
        let listed = [(1, 1171), (2, 1021), (3, 385)];
        assert_eq!(sizes(&session.scan_listing().unwrap()), listed);

        session.queue_retr(3);
        let (status, body) = message(&mut session);
        let body = body.unwrap();
        assert_eq!(status, "385 octets");
        assert!(body.starts_with("Received: from [] by\r\n"), "{body}");
        assert!(body.ends_with("\r\nFrom: <>\r\n\r\nSubject: test\r\nHi Dusty\r\n\r\n"), "{body}");

        assert_eq!(session.uidl_one(3).unwrap().text(), b"3 230371285");

        session.queue_top(3, 2);
        let header = "Date: Thu, 19 Aug 1999 20:15:55 -0500\r\nStatus: U\r\nFrom: <>\r\n\r\n";
        assert_eq!(message(&mut session), ("385 octets".into(), Some(header.into())));

        assert!(session.noop().unwrap().is_ok());
        let receipt = receipt(&session, 2);
        session.queue_dele(receipt).unwrap();
        assert_eq!(message(&mut session), ("msg deleted".into(), None));
        assert_eq!(session.rset().unwrap().text(), b"0");
        assert_eq!(sizes(&session.scan_listing().unwrap()), listed);

        let QuitOutcome::Confirmed(reply) = session.quit().unwrap() else { panic!("refused") };
        assert_eq!(reply.text(), b"POP3 Server saying Good-Bye");
        progress.assert_finished();
    }
}
