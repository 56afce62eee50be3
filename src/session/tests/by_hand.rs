//! A person has the word: answers come as they are.
#![expect(clippy::disallowed_methods, reason = "the tests type, too")]

use super::*;
use crate::pop3::typed::Typed;

/// Says this, and gives the pieces of the answer, those of a message joined, and how it ended.
fn say(session: &mut Session<ByHand>, line: &str) -> (Vec<String>, Result<Reply, SessionError>) {
    let mut pieces: Vec<String> = Vec::new();
    let mut within = false;
    let outcome = session.say(&Typed::read(line.as_bytes()).unwrap(), &mut |heard| {
        let text = |octets: &[u8]| octets.escape_ascii().to_string();
        match heard {
            Heard::Octets(octets) if within => pieces.last_mut().unwrap().push_str(&text(octets)),
            Heard::Status(octets) | Heard::Line(octets) | Heard::Octets(octets) => pieces.push(text(octets)),
            Heard::End => pieces.push("(end)".to_owned()),
        }
        within = matches!(heard, Heard::Octets(_));
    });
    (pieces, outcome)
}

fn answered(session: &mut Session<ByHand>, line: &str) -> Vec<String> {
    let (pieces, outcome) = say(session, line);
    outcome.unwrap();
    pieces
}

#[test]
fn an_answer_is_heard_as_it_came_however_it_is_cut() {
    for split in SPLITS {
        let (session, progress) = logged_in(
            Pipeline::WhereOffered,
            "C: STAT\nS:   +ok\t2   320 \nC: LIST\nS: +OK\nS: 1 120\nS: ..odd\nS: .\nC: LIST 9\nS: -ERR no\n\
             C: RETR 1\nS: +OK 12 octets\nS: A: b\nS:\nS: ..dot\nS: .\nC: TOP 1 0\nS: +OK\nS: .\n\
             C: QUIT\nS: +OK bye\n",
            split,
        );
        let mut session = session.by_hand().unwrap();
        assert_eq!(answered(&mut session, "stat"), ["  +ok\\t2   320 "]);
        assert_eq!(answered(&mut session, "list"), ["+OK", "1 120", ".odd", "(end)"]);
        assert_eq!(answered(&mut session, "list 9"), ["-ERR no"]);
        assert_eq!(
            answered(&mut session, "retr 1"),
            ["+OK 12 octets", "A: b\\r\\n\\r\\n.dot\\r\\n", "(end)"]
        );
        assert_eq!(answered(&mut session, "top 1 0"), ["+OK", "(end)"]);
        assert_eq!(answered(&mut session, "quit"), ["+OK bye"]);
        progress.assert_finished();
    }
}

#[test]
fn a_password_that_the_server_repeats_is_masked() {
    let (session, _) = logged_in(
        Pipeline::Never,
        "C: NOOP\nS: -ERR unknown: hunter2\nC: UIDL\nS: +OK\nS: 1 hunter2\nS: .\n",
        usize::MAX,
    );
    let mut session = session.by_hand().unwrap();
    assert_eq!(answered(&mut session, "noop"), ["-ERR unknown: ****"]);
    assert_eq!(answered(&mut session, "uidl"), ["+OK", "1 ****", "(end)"]);
}

#[test]
fn an_answer_too_many_ends_the_session_even_behind_quit() {
    for line in ["NOOP", "QUIT"] {
        let (session, _) =
            logged_in(Pipeline::Never, &format!("C: {line}\nS: -ERR what was that\nS: +OK\n"), usize::MAX);
        let mut session = session.by_hand().unwrap();
        let (pieces, outcome) = say(&mut session, line);
        assert_eq!(pieces, ["-ERR what was that"]);
        assert!(matches!(outcome, Err(SessionError::Surplus { .. })), "{outcome:?}");
        assert!(matches!(say(&mut session, "STAT").1, Err(SessionError::Order(_))), "nothing more is said");
    }
}

#[test]
fn nobody_takes_over_while_an_answer_is_due() {
    let (mut session, _) = logged_in(Pipeline::Never, "", usize::MAX);
    session.queue_top(1, 0);
    assert!(matches!(session.by_hand(), Err(SessionError::Order(_))));
}
