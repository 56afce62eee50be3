//! APPEND: one command or many, with and without waiting, and what is reported of each message.

use super::*;
use crate::imap::append::{Interrupted, NewUid, Outcome, Unsendable};
use crate::net::{NetError, Transport};
use std::io::{self, Read, Write};
use std::ops::Range;

/// A message's octets and whether NUL is in them.
fn messages<'b>(bodies: &'b mut [&[u8]]) -> Vec<Outgoing<'b>> {
    bodies
        .iter_mut()
        .map(|body| Outgoing {
            flags: Flags::default(),
            date: None,
            octets: body.len() as u64,
            has_nul: body.contains(&0),
            body,
        })
        .collect()
}

/// Appends these to Archive at a server that offers this; gives what became of them.
fn append(offers: &str, transcript: &str, bodies: &[&[u8]]) -> Result<Vec<Outcome>, Interrupted> {
    let (mut connection, progress) = logged_in_by(offers, transcript, usize::MAX);
    let outcome = connection.append(&archive(), &mut messages(&mut bodies.to_vec()));
    // A connection that stalls or is closed does so to the end.
    let end = transcript.ends_with("stall") || transcript.ends_with("close");
    assert_eq!(progress.left(), usize::from(end), "{transcript}");
    outcome
}

fn appended(uid: Option<u32>) -> Outcome {
    Outcome::Appended { uid: uid.map(|uid| NewUid { validity: 7, uid }) }
}

fn code(outcome: &Outcome) -> Option<Code> {
    match outcome {
        Outcome::Refused(refusal) => refusal.code.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

const A: &[u8] = b"Subject: a\r\n\r\na\r\n";
const B: &[u8] = b"Subject: b\r\n\r\n\r\n";
/// The same as lines of a transcript.
const SAID_A: &str = "C: Subject: a\nC: \nC: a";
const SAID_B: &str = "C: Subject: b\nC: \nC: ";

#[test]
fn many_messages_go_in_one_command_with_their_flags_and_dates() {
    let transcript = format!(
        "C: P2 APPEND \"Archive\" (\\Seen) \" 7-Feb-1994 21:52:25 -0800\" {{17+}}\n{SAID_A}\n\
         C:  () {{16+}}\n{SAID_B}\nC: \n\
         S: * 3 EXISTS\nS: P2 OK [APPENDUID 7 4:5] done"
    );
    for split in SPLITS {
        let (mut connection, progress) = logged_in_by(MODERN, &transcript, split);
        let mut bodies = [A, B];
        let mut messages = messages(&mut bodies);
        messages[0].flags.seen = true;
        messages[0].date = InternalDate::new(760_686_745, -480);
        let outcomes = connection.append(&archive(), &mut messages).unwrap();
        assert_eq!(outcomes, [appended(Some(4)), appended(Some(5))]);
        progress.assert_finished();
    }
}

#[test]
fn without_literal_plus_each_literal_waits_for_the_server() {
    let transcript = format!(
        "C: P2 APPEND \"Archive\" () {{17}}\nS: * OK wait\nS: + go\n{SAID_A}\n\
         C:  () {{16}}\nS: +\n{SAID_B}\nC: \nS: P2 OK done"
    );
    assert_eq!(append("MULTIAPPEND", &transcript, &[A, B]).unwrap(), vec![appended(None); 2]);
}

#[test]
fn with_literal_minus_only_short_literals_do_not_wait() {
    let long = [b"Subject: long\r\n\r\n".to_vec(), vec![b'x'; 4077], b"\r\n".to_vec()].concat();
    assert_eq!(long.len(), 4096);
    let longer = [&long[..], b"\r\n"].concat();
    let said = format!("C: Subject: long\nC: \nC: {}", "x".repeat(4077));
    let transcript = format!(
        "C: P2 APPEND \"Archive\" () {{4096+}}\n{said}\nC:  () {{4098}}\nS: + go\n{said}\nC: \nC: \nS: P2 OK done"
    );
    assert_eq!(append("LITERAL- MULTIAPPEND", &transcript, &[&long, &longer]).unwrap().len(), 2);
}

#[test]
fn without_multiappend_messages_go_one_by_one_and_ahead_of_the_answers() {
    let one = |tag: u32| format!("C: P{tag} APPEND \"Archive\" () {{17+}}\n{SAID_A}\nC: \n");
    let transcript = format!(
        "{}{}{}S: P3 OK [APPENDUID 7 2] done\nS: P2 OK [APPENDUID 7 1] done\nS: P4 OK done",
        one(2),
        one(3),
        one(4)
    );
    let outcomes = append("LITERAL+ UIDPLUS", &transcript, &[A; 3]).unwrap();
    assert_eq!(outcomes, [appended(Some(1)), appended(Some(2)), appended(None)], "in whatever order");
}

#[test]
fn no_more_commands_are_under_way_than_their_answers_fit_into_any_buffer() {
    let one = |tag: u32| format!("C: P{tag} APPEND \"Archive\" () {{17+}}\n{SAID_A}\nC: \n");
    let commands = |tags: Range<u32>| tags.map(one).collect::<Vec<_>>().concat();
    let answers = |tags: Range<u32>| tags.map(|tag| format!("S: P{tag} OK\n")).collect::<Vec<_>>().concat();
    // 32 are sent, 16 answers heard, then 8 more sent and all heard.
    let transcript = [commands(2..34), answers(2..18), commands(34..42), answers(18..42)];
    let outcomes = append("LITERAL+", &transcript.concat(), &[A; 40]).unwrap();
    assert_eq!(outcomes, vec![appended(None); 40]);
}

#[test]
fn without_either_one_message_follows_the_other() {
    let one =
        |tag: u32| format!("C: P{tag} APPEND \"Archive\" () {{17}}\nS: + go\n{SAID_A}\nC: \nS: P{tag} OK\n");
    assert_eq!(append("", &(one(2) + &one(3)), &[A; 2]).unwrap(), vec![appended(None); 2]);
}

#[test]
fn a_refusal_is_that_of_all_that_went_in_the_command() {
    let transcript = format!(
        "C: P2 APPEND \"Archive\" () {{17+}}\n{SAID_A}\nC:  () {{16+}}\n{SAID_B}\nC: \nS: P2 NO [TRYCREATE] no such folder"
    );
    let outcomes = append(MODERN, &transcript, &[A, B]).unwrap();
    assert_eq!(outcomes.iter().map(code).collect::<Vec<_>>(), [Some(Code::TryCreate), Some(Code::TryCreate)]);

    let transcript = "C: P2 APPEND \"Archive\" () {17}\nS: P2 NO [OVERQUOTA] full\nC: P3 LOGOUT\nS: * BYE";
    let (mut connection, progress) = logged_in_by("MULTIAPPEND", transcript, usize::MAX);
    let mut bodies = [A, B];
    let outcomes = connection.append(&archive(), &mut messages(&mut bodies)).unwrap();
    assert_eq!(outcomes.iter().map(code).collect::<Vec<_>>(), vec![Some(Code::OverQuota); 2]);
    connection.logout();
    progress.assert_finished();
}

#[test]
fn after_a_refused_message_no_other_is_begun() {
    let one =
        "C: P2 APPEND \"Archive\" () {17}\nS: + go\n".to_owned() + SAID_A + "\nC: \nS: P2 NO [TOOBIG] no";
    let outcomes = append("", &one, &[A, B]).unwrap();
    assert_eq!(code(&outcomes[0]), Some(Code::TooBig));
    assert_eq!(outcomes[1], Outcome::NotSent);
}

#[test]
fn what_cannot_be_sent_is_left_out_and_the_others_go() {
    let transcript =
        format!("C: P2 APPEND \"Archive\" () {{17+}}\n{SAID_A}\nC: \nS: P2 OK [APPENDUID 7 9] done");
    let long = [b'x'; 101];
    let outcomes = append("LITERAL+ MULTIAPPEND APPENDLIMIT=100", &transcript, &[b"a\0b\r\n", &long, A, b""]);
    let limited = Unsendable::TooLarge { octets: 101, limit: 100 };
    assert_eq!(
        outcomes.unwrap(),
        [
            Outcome::Unsendable(Unsendable::Nul),
            Outcome::Unsendable(limited),
            appended(Some(9)),
            Outcome::Unsendable(Unsendable::Empty),
        ]
    );
    assert_eq!(append(MODERN, "", &[b""]).unwrap(), [Outcome::Unsendable(Unsendable::Empty)]);
}

#[test]
fn nul_goes_as_literal8() {
    let transcript = "C: P2 APPEND \"Archive\" () ~{5+}\nC: a\0b\nC: \nS: P2 OK done";
    assert_eq!(append(MODERN, transcript, &[b"a\0b\r\n"]).unwrap(), [appended(None)]);
}

#[test]
fn uids_are_told_only_if_there_is_one_for_each_message() {
    for (code, expected) in [
        ("[APPENDUID 7 5,3]", [Some(5), Some(3)]),
        ("[APPENDUID 7 6:5]", [Some(5), Some(6)]),
        ("[APPENDUID 7 5]", [None; 2]),
        ("[APPENDUID 7 5:7]", [None; 2]),
        ("[APPENDUID 7 1:4294967295]", [None; 2]),
        ("[APPENDUID 7 1:4294967295,1:4294967295]", [None; 2]),
        ("[APPENDUID 0 5:6]", [None; 2]),
        ("[APPENDUID 7 0:1]", [None; 2]),
        ("[APPENDUID 7 5:4294967296]", [None; 2]),
        ("[APPENDUID 7]", [None; 2]),
        ("[APPENDUID]", [None; 2]),
        ("", [None; 2]),
    ] {
        let transcript = format!(
            "C: P2 APPEND \"Archive\" () {{17+}}\n{SAID_A}\nC:  () {{16+}}\n{SAID_B}\nC: \nS: P2 OK {code} done"
        );
        let outcomes = append(MODERN, &transcript, &[A, B]).unwrap();
        assert_eq!(outcomes, expected.map(appended), "{code}");
    }
}

#[test]
fn a_lost_answer_is_unknown_and_nothing_else_is() {
    let sent = format!("C: P2 APPEND \"Archive\" () {{17+}}\n{SAID_A}\nC:  () {{16+}}\n{SAID_B}\nC: \n");
    for (end, exit) in [
        ("close", Exit::UNAVAILABLE),
        ("stall", Exit::UNAVAILABLE),
        ("S: * BYE shutting down", Exit::UNAVAILABLE),
        ("S: * BYE [UNAVAILABLE] later", Exit::TRY_LATER),
        ("S: P9 OK", Exit::PROTOCOL),
        ("S: +", Exit::PROTOCOL),
        ("raw: P2 OK\\0\\r\\n", Exit::PROTOCOL),
    ] {
        let interrupted = append(MODERN, &format!("{sent}{end}"), &[A, B]);
        // A stall is not over before the client goes.
        let interrupted = interrupted.unwrap_err();
        assert_eq!(interrupted.outcomes, vec![Outcome::Unknown; 2], "{end}");
        assert_eq!(interrupted.error.exit(), exit, "{end}: {}", interrupted.error);
    }
    // The server closes before the second is sent.
    let begun = format!("C: P2 APPEND \"Archive\" () {{17}}\nS: + go\n{SAID_A}\nC:  () {{16}}\nclose");
    let interrupted = append("MULTIAPPEND", &begun, &[A, B]).unwrap_err();
    assert_eq!(interrupted.outcomes, [Outcome::Unknown, Outcome::NotSent]);
}

#[test]
fn what_was_answered_before_the_connection_was_lost_counts() {
    let one = |tag: u32| format!("C: P{tag} APPEND \"Archive\" () {{17+}}\n{SAID_A}\nC: \n");
    let transcript = format!("{}{}{}S: P2 OK\nS: P3 NO [OVERQUOTA] full\nclose", one(2), one(3), one(4));
    let outcomes = append("LITERAL+", &transcript, &[A; 3]).unwrap_err().outcomes;
    assert_eq!(outcomes[0], appended(None));
    assert_eq!(code(&outcomes[1]), Some(Code::OverQuota));
    assert_eq!(outcomes[2], Outcome::Unknown);
}

/// A message's first octets, and then an error.
struct Broken(&'static [u8]);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(io::Error::other("a bad disk")),
            other => other,
        }
    }
}

#[test]
fn a_message_that_cannot_be_read_is_never_complete_and_those_before_it_are_answered() {
    let one = |tag: u32| format!("C: P{tag} APPEND \"Archive\" () {{17+}}\n{SAID_A}\nC: \n");
    let transcript = format!("{}{}S: P2 OK\nS: P3 OK", one(2), one(3));
    for short in [false, true] {
        let (mut connection, progress) = logged_in_by("LITERAL+", &transcript, usize::MAX);
        let mut broken = Broken(b"Subject: br");
        let mut shorter = &b"Subject: br"[..];
        let mut whole = [A; 3];
        let mut all = messages(&mut whole);
        all[2].body = if short { &mut shorter } else { &mut broken };
        let interrupted = connection.append(&archive(), &mut all).unwrap_err();
        assert_eq!(interrupted.outcomes, [appended(None), appended(None), Outcome::NotSent]);
        assert!(matches!(interrupted.error, ImapError::Source(_)), "{}", interrupted.error);
        progress.assert_finished();
        assert!(matches!(connection.create(&archive()), Err(ImapError::Order(_))));
        connection.logout();
    }
}

#[test]
fn nothing_of_a_command_is_sent_to_its_end_in_which_a_message_cannot_be_read() {
    let begun = format!("C: P2 APPEND \"Archive\" () {{17}}\nS: + go\n{SAID_A}\nC:  () {{17}}\nS: + go");
    let (mut connection, progress) = logged_in_by("MULTIAPPEND", &begun, usize::MAX);
    let mut broken = Broken(b"Subject: br");
    let mut bodies = [A; 3];
    let mut all = messages(&mut bodies);
    all[1].body = &mut broken;
    let interrupted = connection.append(&archive(), &mut all).unwrap_err();
    assert_eq!(interrupted.outcomes, vec![Outcome::NotSent; 3]);
    progress.assert_finished();
}

#[test]
fn ok_before_all_was_sent_is_a_fault() {
    let transcript = "C: P2 APPEND \"Archive\" () {17}\nS: P2 OK thanks";
    let interrupted = append("MULTIAPPEND", transcript, &[A, B]).unwrap_err();
    assert_eq!(interrupted.error.exit(), Exit::PROTOCOL);
    assert_eq!(interrupted.outcomes, vec![Outcome::NotSent; 2]);
}

/// A connection on which APPEND cannot be written any more; what the server has said can be read.
struct Deaf(Script);

impl Read for Deaf {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Deaf {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if memchr::memmem::find(octets, b"APPEND").is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Deaf {
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.0.set_deadline(deadline);
    }

    fn security(&self) -> Security {
        self.0.security()
    }

    fn start_tls(self: Box<Self>, tls: &TlsSettings) -> Result<Box<dyn Transport>, NetError> {
        Box::new(self.0).start_tls(tls)
    }
}

#[test]
fn a_broken_pipe_is_explained_by_what_the_server_said_before() {
    let append = |said: &str| {
        let transcript = format!("S: * PREAUTH [CAPABILITY IMAP4rev1 {MODERN}] hello\n{said}");
        let (script, _) = Script::new(&transcript, usize::MAX);
        let connection = Connection::open(Box::new(Deaf(script)), options().0).unwrap();
        let secret = secret();
        let login = by("jane", &secret, Choice::Auto, Clearance::EncryptedOnly);
        let mut connection = connection.login(&login).unwrap();
        connection.append(&archive(), &mut messages(&mut [A, B])).unwrap_err()
    };
    let bye = append("S: * BYE [OVERQUOTA] the mailbox is full");
    assert!(bye.error.to_string().contains("the mailbox is full"), "{}", bye.error);
    let refused = append("S: * 1 EXISTS\nS: P1 NO [OVERQUOTA] full");
    assert_eq!(refused.outcomes.iter().map(code).collect::<Vec<_>>(), vec![Some(Code::OverQuota); 2]);
    for silent in ["", "stall"] {
        let closed = append(silent);
        assert!(matches!(closed.error, ImapError::Closed { .. }), "{}", closed.error);
        assert_eq!(closed.outcomes, vec![Outcome::Unknown; 2], "what the system took nobody knows");
    }
}
