//! Sessions as transcripts: what a client says, what the server answers.

use super::{Channel, Dialog, Exchange};
use crate::pop3::transcript::{Step, steps};
use crate::sasl::Expected;
use crate::server::Maildrop;
use crate::server::offers::{Offer, Offers};
use crate::server::replies::Out;
use proptest::prelude::*;
use std::sync::Arc;

const HERE: Channel = Channel { encrypted: false, loopback: true };
const AWAY: Channel = Channel { encrypted: false, loopback: false };

/// Message 3 of the mailboxes here: lines that begin with dots, an 8-bit line, no last newline.
const DOTTED: &[u8] = b"Subject: dots\n\n.\n..two\nna\xefve\n.end";

fn offers(maildrops: impl IntoIterator<Item = Maildrop>) -> Arc<Offers> {
    let offer = |maildrop: Maildrop| {
        let (maildrop, password) = maildrop.into_offer();
        Offer { maildrop: Box::new(maildrop), password: Arc::new(Expected::new(password)) }
    };
    Arc::new(Offers::new(maildrops.into_iter().map(offer).collect(), None).unwrap())
}

fn mailboxes() -> Arc<Offers> {
    let jane = Maildrop::new("jane doe", "open  sesame ")
        .message(b"Subject: one\n\nFirst\nSecond\nThird\n")
        .message(b"Subject: two\r\n\r\nBody\r\n")
        .message(DOTTED);
    offers([jane, Maildrop::new("joe", "secret")])
}

/// How many messages are in a user's maildrop.
fn left(offers: &Offers, user: &str) -> usize {
    offers.of(user).unwrap().maildrop.messages()
}

/// A session with what comes out of it.
struct Talk {
    dialog: Dialog,
    octets: Vec<u8>,
}

impl Talk {
    fn begin(offers: &Arc<Offers>, channel: Channel) -> Talk {
        let (mut octets, mut nowhere) = (Vec::new(), std::io::sink());
        let dialog =
            Dialog::begin(Arc::clone(offers), channel, &mut Out { octets: &mut octets, to: &mut nowhere });
        Talk { dialog, octets }
    }

    fn answer(&mut self) -> Exchange {
        let mut sent = Vec::new();
        let mut waiting = std::mem::take(&mut self.octets);
        let turn = self.dialog.answer(&mut Out { octets: &mut waiting, to: &mut sent }).unwrap();
        sent.append(&mut waiting);
        self.octets = sent;
        turn
    }

    /// All that can be answered.
    fn answer_all(&mut self) -> Exchange {
        loop {
            match self.answer() {
                Exchange::Answered | Exchange::Refused => {}
                turn => return turn,
            }
        }
    }
}

/// Everything the server answers to this input, the greeting first.
fn say(mailboxes: &Arc<Offers>, input: &[u8]) -> (Vec<u8>, Exchange) {
    let mut talk = Talk::begin(mailboxes, HERE);
    talk.dialog.receive(input);
    let turn = talk.answer_all();
    (talk.octets, turn)
}

/// Plays what the client says, and compares all that comes back with what the server says.
fn transcript(mailboxes: &Arc<Offers>, script: &str) {
    let (mut input, mut expected) = (Vec::new(), Vec::new());
    for step in steps(script) {
        match step {
            Step::Client(line) => input.extend(format!("{line}\r\n").into_bytes()),
            Step::Server { octets, times: 1 } => expected.extend(octets),
            step => panic!("not in a dialog without a connection: {step:?}"),
        }
    }
    let (out, _) = say(mailboxes, &input);
    assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expected));
}

#[test]
fn the_eleven_commands_of_rfc_1939_are_answered() {
    transcript(
        &mailboxes(),
        "S: +OK popkeep POP3 server ready
         C: user jane doe
         S: +OK welcome
         C: PASS open  sesame\u{20}
         S: +OK maildrop locked and ready
         C: Stat
         S: +OK 3 100
         C: LIST
         S: +OK 3 messages (100 octets)
         S: 1 38
         S: 2 22
         S: 3 40
         S: .
         C: list 2
         S: +OK 2 22
         C: retr 2
         S: +OK 22 octets
         S: Subject: two
         S:\u{20}
         S: Body
         S: .
         C: top 1 2
         S: +OK top of message follows
         S: Subject: one
         S:\u{20}
         S: First
         S: Second
         S: .
         C: noop
         S: +OK
         C: dele 2
         S: +OK message 2 deleted
         C: list
         S: +OK 2 messages (78 octets)
         S: 1 38
         S: 3 40
         S: .
         C: rset
         S: +OK maildrop has 3 messages (100 octets)
         C: quit
         S: +OK good-bye (0 deleted)",
    );
}

/// The session that a vendor's page shows: each of its commands, and what must be equal in the
/// answers of any server: the status, and the figures of STAT, LIST and RETR.
#[test]
fn the_session_of_imails_page_is_answered() {
    let page = include_str!("../../../tests/data/imail-session.txt");
    let of_size = |size: usize| format!("Subject: test\n\n{}\n", "x".repeat(size - 19));
    let maildrop = [1171, 1021, 385]
        .iter()
        .fold(Maildrop::new("dusty", "*********"), |drop, &size| drop.message(of_size(size).as_bytes()));
    let mut talk = Talk::begin(&offers([maildrop]), HERE);
    let mut spoken = std::collections::BTreeSet::new();
    let mut last = "";
    let mut ours: std::vec::IntoIter<String> = Vec::new().into_iter();
    for line in page.lines() {
        if let Some(command) = line.strip_prefix("C: ") {
            talk.octets.clear();
            talk.dialog.receive(format!("{command}\r\n").as_bytes());
            assert_ne!(talk.answer(), Exchange::Waiting);
            last = command.split(' ').next().unwrap();
            spoken.insert(last);
            let lines: Vec<String> =
                String::from_utf8_lossy(&talk.octets).lines().map(str::to_owned).collect();
            ours = lines.into_iter();
            assert!(ours.as_slice()[0].starts_with("+OK"), "{command}: {:?}", ours.as_slice());
        } else if let Some(theirs) = line.strip_prefix("S: ")
            && (matches!(last, "STAT" | "LIST") || last == "RETR" && theirs.starts_with("+OK"))
        {
            assert_eq!(ours.next().as_deref(), Some(theirs), "{last}");
        }
    }
    let eleven = ["DELE", "LIST", "NOOP", "PASS", "QUIT", "RETR", "RSET", "STAT", "TOP", "UIDL", "USER"];
    assert_eq!(spoken.into_iter().collect::<Vec<_>>(), eleven);
}

#[test]
fn a_message_arrives_octet_for_octet_with_its_dots_stuffed() {
    let (out, _) = say(&mailboxes(), b"USER jane doe\r\nPASS open  sesame \r\nRETR 3\r\n");
    let body = b"+OK 40 octets\r\nSubject: dots\r\n\r\n..\r\n...two\r\nna\xefve\r\n..end\r\n.\r\n";
    assert!(out.ends_with(body), "{}", out.escape_ascii());
}

#[test]
fn unique_ids_are_listed_and_asked_for_singly() {
    let mailboxes = mailboxes();
    let (all, _) = say(&mailboxes, b"USER jane doe\r\nPASS open  sesame \r\nUIDL\r\nUIDL 2\r\n");
    let text = String::from_utf8(all).unwrap();
    let lines: Vec<&str> = text.lines().skip(4).collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert_eq!(lines[3], ".");
    assert_eq!(lines[4], format!("+OK {}", lines[1]));
}

#[test]
fn messages_are_deleted_at_quit_and_at_no_other_moment() {
    let mailboxes = mailboxes();
    let login = "USER jane doe\r\nPASS open  sesame \r\n";
    say(&mailboxes, format!("{login}DELE 1\r\nDELE 2\r\n").as_bytes());
    assert_eq!(left(&mailboxes, "jane doe"), 3, "the connection was lost");
    let (_, turn) = say(&mailboxes, format!("{login}DELE 1\r\nRSET\r\nDELE 2\r\nQUIT\r\n").as_bytes());
    assert_eq!((left(&mailboxes, "jane doe"), turn), (2, Exchange::Over));
    let (out, _) = say(&mailboxes, format!("{login}RETR 2\r\n").as_bytes());
    assert!(out.ends_with(b"..end\r\n.\r\n"), "what was message 3 is message 2 now");
}

#[test]
fn a_deleted_message_cannot_be_touched_again() {
    transcript(
        &mailboxes(),
        "S: +OK popkeep POP3 server ready
         C: USER jane doe
         S: +OK welcome
         C: PASS open  sesame\u{20}
         S: +OK maildrop locked and ready
         C: DELE 1
         S: +OK message 1 deleted
         C: DELE 1
         S: -ERR message 1 already deleted
         C: RETR 1
         S: -ERR message is deleted
         C: TOP 1 0
         S: -ERR message is deleted
         C: LIST 1
         S: -ERR message is deleted
         C: UIDL 1
         S: -ERR message is deleted
         C: RETR 0
         S: -ERR no such message
         C: DELE 4
         S: -ERR no such message
         C: STAT
         S: +OK 2 62",
    );
}

#[test]
fn what_a_state_does_not_know_is_refused() {
    transcript(
        &mailboxes(),
        "S: +OK popkeep POP3 server ready
         C: STAT
         S: -ERR log in first
         C: RETR 1
         S: -ERR log in first
         C: PASS open  sesame\u{20}
         S: -ERR USER comes first
         C: STLS
         S: -ERR not offered
         C: XYZZY
         S: -ERR unknown command
         C: USER joe
         S: +OK welcome
         C: PASS secret
         S: +OK maildrop locked and ready
         C: LIST
         S: +OK 0 messages (0 octets)
         S: .
         C: USER joe
         S: -ERR not after login
         C: RETR one
         S: -ERR RETR has wrong arguments
         C: QUIT
         S: +OK good-bye (0 deleted)",
    );
}

#[test]
fn capabilities_are_told_before_and_after_login() {
    let (out, _) = say(&mailboxes(), b"CAPA\r\nUSER joe\r\nPASS secret\r\nCAPA\r\n");
    let text = String::from_utf8(out).unwrap();
    for capability in ["PIPELINING", "UIDL", "TOP", "USER", "SASL PLAIN SCRAM-SHA-256", "UTF8", "RESP-CODES"]
    {
        assert_eq!(text.lines().filter(|line| *line == capability).count(), 2, "{capability}");
    }
}

#[test]
fn a_maildrop_in_use_says_so() {
    let mailboxes = mailboxes();
    let held = mailboxes.of("joe").unwrap().maildrop.open().unwrap();
    let (out, _) = say(&mailboxes, b"USER joe\r\nPASS secret\r\n");
    assert!(out.ends_with(b"-ERR [IN-USE] another session has this maildrop open\r\n"));
    drop(held);
    let (out, _) = say(&mailboxes, b"USER joe\r\nPASS secret\r\n");
    assert!(out.ends_with(b"+OK maildrop locked and ready\r\n"));
}

#[test]
fn auth_plain_takes_an_initial_response_or_asks_for_one() {
    // NUL joe NUL secret
    transcript(
        &mailboxes(),
        "S: +OK popkeep POP3 server ready
         C: AUTH PLAIN
         S: +\u{20}
         C: *
         S: -ERR cancelled
         C: AUTH CRAM-MD5
         S: -ERR no such mechanism
         C: AUTH PLAIN ????
         S: -ERR the response is not base64
         C: auth plain
         S: +\u{20}
         C: AGpvZQBzZWNyZXQ=
         S: +OK maildrop locked and ready
         C: QUIT
         S: +OK good-bye (0 deleted)",
    );
    let (out, _) = say(&mailboxes(), b"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
    assert!(out.ends_with(b"+OK maildrop locked and ready\r\n"));
}

#[test]
fn guessing_passwords_ends_the_session() {
    let (out, turn) = say(&mailboxes(), &b"USER joe\r\nPASS wrong\r\n".repeat(9));
    assert_eq!(turn, Exchange::Over);
    assert_eq!(String::from_utf8(out).unwrap().matches("-ERR [AUTH]").count(), 5);
}

#[test]
fn a_line_without_end_is_not_kept() {
    let mut talk = Talk::begin(&mailboxes(), HERE);
    for _ in 0..10_000 {
        talk.dialog.receive(&[b'x'; 4096]);
        assert_eq!(talk.answer(), Exchange::Waiting);
        assert!(talk.dialog.received.len() <= 4096);
    }
    talk.octets.clear();
    talk.dialog.receive(b"x\r\nNOOP\nQUIT\r\n");
    talk.answer_all();
    assert_eq!(
        String::from_utf8(talk.octets).unwrap(),
        "-ERR line too long\r\n-ERR log in first\r\n+OK good-bye\r\n"
    );
}

#[test]
fn no_password_is_taken_in_clear_text_from_another_machine() {
    let mut talk = Talk::begin(&mailboxes(), AWAY);
    talk.octets.clear();
    talk.dialog.receive(b"CAPA\r\nUSER joe\r\nPASS secret\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\nSTAT\r\n");
    talk.answer_all();
    let said = String::from_utf8(talk.octets).unwrap();
    assert_eq!(said.matches("-ERR not in clear text; STLS first").count(), 3, "{said}");
    assert!(!said.contains("USER") && !said.contains("SASL"), "{said}");
}

proptest! {
    #[test]
    fn no_input_panics_or_leaves_a_reply_half_said(input in any::<Vec<u8>>(), logged_in: bool) {
        let mailboxes = mailboxes();
        let mut whole = if logged_in { b"USER joe\r\nPASS secret\r\n".to_vec() } else { Vec::new() };
        whole.extend_from_slice(&input);
        let (out, _) = say(&mailboxes, &whole);
        prop_assert!(out.ends_with(b"\r\n"));
    }

    #[test]
    fn any_commands_keep_the_replies_in_step(
        commands in proptest::collection::vec(
            ("(?i)(list|uidl|retr|dele|stat|noop|rset|top|pass|user|xyz)", "( [0-9]{1,3}){0,2}"),
            0..20,
        )
    ) {
        let mailboxes = mailboxes();
        let mut input = b"USER jane doe\r\nPASS open  sesame \r\n".to_vec();
        for (keyword, arguments) in &commands {
            input.extend_from_slice(format!("{keyword}{arguments}\r\n").as_bytes());
        }
        let (out, _) = say(&mailboxes, &input);
        let statuses = out.split(|&octet| octet == b'\n')
            .filter(|line| line.starts_with(b"+OK") || line.starts_with(b"-ERR"))
            .count();
        prop_assert_eq!(statuses, commands.len() + 3);
    }
}
