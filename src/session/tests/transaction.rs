//! Listings, the queue, surplus octets, QUIT.

use super::*;
use crate::exit::Exit;

/// Everything that comes back for what is queued, bodies whole.
fn drain(session: &mut Session<Transaction>) -> Result<Vec<String>, SessionError> {
    let mut seen: Vec<String> = Vec::new();
    while let Some(incoming) = session.next()? {
        match incoming {
            Incoming::Status { command, reply } => {
                let indicator = if reply.is_ok() { "+OK" } else { "-ERR" };
                seen.push(format!("{command:?} {indicator}"));
            }
            Incoming::Body { command, octets } => {
                let text = String::from_utf8_lossy(octets);
                match seen.last_mut() {
                    Some(last) if last.starts_with("body ") => last.push_str(&text),
                    _ => seen.push(format!("body of {command:?}: {text}")),
                }
            }
            Incoming::End { command } => seen.push(format!("end of {command:?}")),
        }
    }
    Ok(seen)
}

const THREE_MESSAGES: [&str; 7] = [
    "Retr(1) +OK",
    "body of Retr(1): A: b\r\n\r\n.dot\r\n",
    "end of Retr(1)",
    "Retr(2) -ERR",
    "Top(3) +OK",
    "body of Top(3): C: d\r\n",
    "end of Top(3)",
];

fn queue_three(session: &mut Session<Transaction>) {
    session.queue_retr(1);
    session.queue_retr(2);
    session.queue_top(3, 0);
    assert_eq!(session.outstanding(), 3);
}

#[test]
fn only_commands_of_one_kind_are_under_way_together_and_replies_are_matched_in_order() {
    for split in SPLITS {
        let (mut session, progress) = logged_in(
            Pipeline::WhereOffered,
            "C: RETR 1\nC: RETR 2\n\
             S: +OK\nS: A: b\nS:\nS: ..dot\nS: .\nS: -ERR gone\nC: TOP 3 0\nS: +OK\nS: C: d\nS: .",
            split,
        );
        assert!(session.pipelining());
        queue_three(&mut session);
        assert_eq!(drain(&mut session).unwrap(), THREE_MESSAGES);
        assert_eq!(session.outstanding(), 0);
        progress.assert_finished();
    }
}

#[test]
fn without_pipelining_one_command_is_on_the_wire_at_a_time() {
    for split in SPLITS {
        let (mut session, progress) = logged_in(
            Pipeline::Never,
            "C: RETR 1\nS: +OK\nS: A: b\nS:\nS: ..dot\nS: .\nC: RETR 2\nS: -ERR gone\n\
             C: TOP 3 0\nS: +OK\nS: C: d\nS: .",
            split,
        );
        queue_three(&mut session);
        assert_eq!(drain(&mut session).unwrap(), THREE_MESSAGES);
        progress.assert_finished();
    }
}

#[test]
fn the_wire_is_refilled_when_half_of_it_is_answered() {
    use std::fmt::Write;
    let half = u32::try_from(DEPTH / 2).unwrap();
    let say = |transcript: &mut String, side: char, numbers: std::ops::Range<u32>| {
        for number in numbers {
            let text = if side == 'C' { format!("RETR {number}") } else { "-ERR".into() };
            writeln!(transcript, "{side}: {text}").unwrap();
        }
    };
    let mut transcript = String::new();
    say(&mut transcript, 'C', 0..2 * half);
    say(&mut transcript, 'S', 0..half);
    say(&mut transcript, 'C', 2 * half..3 * half);
    say(&mut transcript, 'S', half..3 * half);
    let (mut session, progress) = logged_in(Pipeline::Always, &transcript, usize::MAX);
    (0..3 * half).for_each(|number| session.queue_retr(number));
    let before = progress.writes();
    let seen = drain(&mut session).unwrap();
    assert_eq!(seen.len(), 3 * DEPTH / 2);
    assert_eq!(seen.last(), Some(&format!("Retr({}) -ERR", 3 * half - 1)));
    assert_eq!(progress.writes() - before, 2, "commands are written together");
    progress.assert_finished();
}

#[test]
fn a_large_message_passes_in_large_pieces() {
    let line = "x".repeat(998);
    let body = format!("S: {line}\n").repeat(1000);
    let (mut session, _) = logged_in(Pipeline::Never, &format!("C: RETR 1\nS: +OK\n{body}S: ."), usize::MAX);
    session.queue_retr(1);
    let (mut pieces, mut octets) = (0, 0);
    while let Some(incoming) = session.next().unwrap() {
        if let Incoming::Body { octets: piece, .. } = incoming {
            pieces += 1;
            octets += piece.len();
        }
    }
    assert_eq!(octets, 1_000_000);
    assert!(pieces < 30, "{pieces} pieces of 64 KiB reads");
}

#[test]
fn a_connection_that_ends_in_the_middle_ends_the_session() {
    for transcript in [
        "C: RETR 1\nC: RETR 2\nS: +OK\nS: A: b\nS: .",
        "C: RETR 1\nC: RETR 2\nS: +OK\nS: A: b",
        "C: RETR 1\nC: RETR 2",
    ] {
        let (mut session, _) = logged_in(Pipeline::Always, transcript, usize::MAX);
        queue_three(&mut session);
        let error = drain(&mut session).unwrap_err();
        assert!(matches!(error, SessionError::Closed { during: "RETR" }), "{error}");
        assert_eq!(error.exit(), Exit::UNAVAILABLE);
        assert!(matches!(session.quit(), Err(SessionError::Order(_))), "nothing is sent after an error");
    }
}

#[test]
fn a_server_that_stalls_is_given_up() {
    let (mut session, _) = logged_in(Pipeline::Never, "C: RETR 1\nS: +OK\nS: A: b\nstall", usize::MAX);
    session.queue_retr(1);
    let error = drain(&mut session).unwrap_err();
    assert!(error.to_string().contains("too slow with RETR"), "{error}");
    assert_eq!(error.exit(), Exit::UNAVAILABLE);
}

#[test]
fn garbage_in_place_of_a_reply_ends_the_session() {
    let (mut session, _) = logged_in(Pipeline::Always, "C: RETR 1\nC: RETR 2\nS: +OK\nS: .\nS: lost", 3);
    session.queue_retr(1);
    session.queue_retr(2);
    let error = drain(&mut session).unwrap_err();
    assert_eq!(error.exit(), Exit::PROTOCOL);
    assert!(error.to_string().contains("answer to RETR: expected +OK or -ERR, got “lost”"), "{error}");
}

fn rows(session: &mut Session<Transaction>) -> Vec<(u32, Option<u64>, Option<Vec<u8>>)> {
    let listing = session.listing().unwrap();
    listing.iter().map(|entry| (entry.number, entry.size, entry.uid.map(<[u8]>::to_vec))).collect()
}

#[test]
fn nothing_rides_behind_a_listing_and_uidl_behind_stat_where_the_server_pipelines() {
    for split in SPLITS {
        let (mut session, progress) = logged_in(
            Pipeline::WhereOffered,
            "C: STAT\nC: UIDL\n\
             S: +OK 2 320\nS: +OK\nS: 1 a\nS: 2 b\nS: .\nC: LIST\nS: +OK\nS: 1 120\nS: 2 200\nS: .",
            split,
        );
        assert_eq!(
            rows(&mut session),
            [(1, Some(120), Some(b"a".to_vec())), (2, Some(200), Some(b"b".to_vec()))]
        );
        progress.assert_finished();
    }
}

#[test]
fn what_capa_says_after_the_login_decides_whether_to_pipeline() {
    let transcript = |after: &str| {
        format!(
            "S: +OK ready\nC: CAPA\nS: +OK\nS: PIPELINING\nS: USER\nS: .\n\
             C: USER jane\nS: +OK\nC: PASS sesame\nS: +OK\nC: CAPA\nS: +OK\n{after}S: .\n"
        )
    };
    let enter = |after: &str| {
        let (script, progress) = Script::new(&transcript(after), usize::MAX);
        let mut session = Session::open(Box::new(script), options(Pipeline::WhereOffered).0).unwrap();
        session.capabilities().unwrap();
        let secret = SecretString::from("sesame");
        let session = session.login(&by("jane", &secret, Choice::Auto, Clearance::Granted)).unwrap();
        progress.assert_finished();
        session
    };
    let session = enter("S: PIPELINING\nS: EXPIRE 0\n");
    assert!(session.pipelining() && session.capabilities().expire().is_some());
    assert!(!enter("S: TOP\n").pipelining());
}

#[test]
fn refused_parts_of_a_listing_are_left_out() {
    let uidl_refused = "C: STAT\nS: +OK 1 5\nC: UIDL\nS: -ERR\nC: LIST\nS: +OK\nS: 1 5\nS: .";
    let (mut session, _) = logged_in(Pipeline::Never, uidl_refused, 1);
    assert_eq!(rows(&mut session), [(1, Some(5), None)]);

    let only_stat = "C: STAT\nS: +OK 1 5\nC: UIDL\nS: -ERR\nC: LIST\nS: -ERR";
    let (mut session, _) = logged_in(Pipeline::Never, only_stat, 1);
    assert_eq!(rows(&mut session), [(1, None, None)]);

    let empty = "C: STAT\nS: +OK 0 0\nC: UIDL\nS: +OK\nS: .\nC: LIST\nS: +OK\nS: .";
    let (mut session, _) = logged_in(Pipeline::Never, empty, 1);
    let listing = session.listing().unwrap();
    assert!(listing.is_empty() && listing.has_uids() && listing.has_sizes());
}

#[test]
fn a_listing_that_is_refused_is_not_an_empty_maildrop() {
    let refused = "C: STAT\nS: +OK hm\nC: UIDL\nS: -ERR\nC: LIST\nS: -ERR no";
    let (mut session, _) = logged_in(Pipeline::Never, refused, 1);
    let error = session.listing().unwrap_err();
    assert!(matches!(error, SessionError::Refused { command: "LIST", .. }));

    let later = "C: STAT\nS: +OK 1 5\nC: UIDL\nS: -ERR [SYS/TEMP] index locked";
    let (mut session, _) = logged_in(Pipeline::Never, later, 1);
    assert_eq!(session.listing().unwrap_err().exit(), Exit::TRY_LATER);
}

#[test]
fn unique_ids_asked_for_again_are_bounded_by_the_first_count() {
    let lines = |of: fn(u32) -> String| (1..=140_000).map(of).collect::<String>();
    let uids = lines(|number| format!("S: {number} u{number}\n"));
    let sizes = lines(|number| format!("S: {number} 5\n"));
    let script = format!(
        "C: STAT\nS: +OK 140000 700000\nC: UIDL\nS: +OK\n{uids}S: .\nC: LIST\nS: +OK\n{sizes}S: .\n\
         C: UIDL\nS: +OK\n{uids}S: .\n"
    );
    let (mut session, progress) = logged_in(Pipeline::Never, &script, 1 << 16);
    assert_eq!(session.listing().unwrap().len(), 140_000);
    assert_eq!(session.unique_ids().unwrap().len(), 140_000);
    progress.assert_finished();
}

#[test]
fn a_hostile_listing_is_refused() {
    let hostile = "C: STAT\nS: +OK 4000000000 1\nC: UIDL\nS: -ERR\nC: LIST\nS: -ERR";
    let (mut session, _) = logged_in(Pipeline::Never, hostile, 1);
    assert_eq!(session.listing().unwrap_err().exit(), Exit::PROTOCOL);
}

#[test]
fn octets_nobody_asked_for_are_found_wherever_they_are() {
    let surplus = |outcome: Result<(), SessionError>| {
        let error = outcome.unwrap_err();
        assert!(matches!(&error, SessionError::Surplus { octets } if octets == b"+OK 2\r\n"), "{error}");
    };
    let transcript = "C: NOOP\nS: +OK\nS: +OK 2";
    let after_noop = || {
        let (mut session, _) = logged_in(Pipeline::Never, transcript, usize::MAX);
        session.noop().unwrap();
        session
    };
    surplus(after_noop().next().map(|_| ()));
    surplus(after_noop().noop().map(|_| ()));
    surplus(after_noop().listing().map(|_| ()));
    surplus(after_noop().quit().map(|_| ()));
    let mut session = after_noop();
    let receipt = receipt(&session, 1);
    surplus(session.queue_dele(receipt));
    assert!(matches!(session.quit(), Err(SessionError::Order(_))), "no QUIT after that");

    // Between two commands of a queue.
    let (mut session, _) = logged_in(Pipeline::Never, "C: RETR 1\nS: -ERR\nS: +OK 2\nC: RETR 2", usize::MAX);
    session.queue_retr(1);
    session.queue_retr(2);
    surplus(drain(&mut session).map(|_| ()));
}

#[test]
fn dele_waits_for_messages_under_way() {
    let transcript = "C: RETR 1\nS: +OK\nS: .\nC: DELE 1\nS: +OK\nC: DELE 2\nS: -ERR no\nC: QUIT\nS: +OK";
    let (mut session, progress) = logged_in(Pipeline::Never, transcript, usize::MAX);
    session.queue_retr(1);
    let early = receipt(&session, 1);
    assert!(matches!(session.queue_dele(early), Err(SessionError::Order(_))));
    assert_eq!(drain(&mut session).unwrap(), ["Retr(1) +OK", "end of Retr(1)"]);
    for number in [1, 2] {
        let receipt = receipt(&session, number);
        session.queue_dele(receipt).unwrap();
    }
    assert_eq!(drain(&mut session).unwrap(), ["Dele(1) +OK", "Dele(2) -ERR"]);
    assert!(matches!(session.quit(), Ok(QuitOutcome::Confirmed(_))));
    progress.assert_finished();
}

#[test]
fn a_receipt_counts_in_its_own_session_only() {
    let (other, _) = logged_in(Pipeline::Never, "", usize::MAX);
    let (mut session, _) = logged_in(Pipeline::Never, "", usize::MAX);
    let foreign = receipt(&other, 7);
    assert!(matches!(session.queue_dele(foreign), Err(SessionError::ForeignReceipt { number: 7 })));
}

#[test]
fn quit_leaves_alone() {
    let (mut session, _) = logged_in(Pipeline::Always, "", usize::MAX);
    let receipt = receipt(&session, 1);
    session.queue_dele(receipt).unwrap();
    assert!(matches!(session.quit(), Err(SessionError::Order(_))));
}

#[test]
fn deletions_count_only_when_quit_is_answered() {
    let quit = |rest: &str| logged_in(Pipeline::Never, &format!("C: QUIT\n{rest}"), usize::MAX).0.quit();
    assert!(matches!(quit("S: +OK bye"), Ok(QuitOutcome::Confirmed(_))));
    assert!(matches!(quit("S: -ERR some deleted messages not removed"), Ok(QuitOutcome::Refused(_))));
    assert!(matches!(quit(""), Err(SessionError::Closed { during: "QUIT" })));
    assert!(matches!(quit("stall"), Err(SessionError::TimedOut { during: "QUIT", .. })));
    assert!(matches!(quit("S: +OK\nS: +OK bye"), Err(SessionError::Surplus { .. })));
}

#[test]
fn dropping_a_session_sends_nothing() {
    // The script would fail the test at the first octet.
    let (mut session, progress) = logged_in(Pipeline::Always, "", usize::MAX);
    session.queue_retr(1);
    drop(session);
    progress.assert_finished();
}

#[test]
fn one_command_at_a_time_beside_the_queue() {
    let (mut session, _) = logged_in(Pipeline::Always, "", usize::MAX);
    session.queue_retr(1);
    for outcome in [session.noop(), session.rset(), session.list_one(1), session.uidl_one(1)] {
        assert!(matches!(outcome, Err(SessionError::Order(_))));
    }
    assert!(session.listing().is_err() && session.stat().is_err());
}

#[test]
fn a_message_is_one_line_of_the_trace() {
    let transcript = "S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: +OK\nC: CAPA\nS: -ERR\n\
                      C: RETR 1\nS: +OK\nS: secret matter\nS: .";
    let (script, _) = Script::new(transcript, 4);
    let (options, trace) = options(Pipeline::Never);
    let session = Session::open(Box::new(script), options).unwrap();
    let mut session = session
        .login(&by("jane", &secret(), Choice::Named(Mechanism::User), Clearance::EncryptedOnly))
        .unwrap();
    session.queue_retr(1);
    drain(&mut session).unwrap();
    let trace = trace.lock().unwrap();
    assert_eq!(trace[trace.len() - 4..], ["C: RETR 1", "S: +OK", "S: … 15 octets", "S: ."]);
}
