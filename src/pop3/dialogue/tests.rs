use super::super::command::Secret;
use super::*;
use proptest::prelude::*;

/// An event with its octets; neighbouring pieces of a body are one.
#[derive(Debug, PartialEq)]
enum Said {
    Ok(String),
    Err(String),
    Challenge(String),
    Line(String),
    Body(String),
    End,
}
use Said::{Body, End, Line};

fn ok(text: &str) -> Said {
    Said::Ok(text.into())
}

fn dialogue(commands: &[Command<'_>]) -> Dialogue {
    let mut dialogue = Dialogue { due: VecDeque::new(), within: Within::Nothing, late_dot: false };
    let mut out = Vec::new();
    for command in commands {
        dialogue.send(command, &mut out).unwrap();
    }
    dialogue
}

/// Shows `wire` in chunks of `split` octets, until no reply is due or the input is used up.
fn hear(dialogue: &mut Dialogue, wire: &[u8], split: usize) -> Result<(Vec<Said>, usize), DialogueError> {
    let (mut said, mut start, mut seen) = (Vec::new(), 0, 0);
    while dialogue.due() > 0 {
        let input = &wire[start..seen];
        let Step { consumed, event } = dialogue.advance(input)?;
        let text = |range: Range<usize>| String::from_utf8_lossy(&input[range]).into_owned();
        match event {
            Some(Event::Status { reply, .. }) => {
                let text = String::from_utf8_lossy(reply.text()).into_owned();
                said.push(if reply.is_ok() { Said::Ok(text) } else { Said::Err(text) });
            }
            Some(Event::Challenge(range)) => said.push(Said::Challenge(text(range))),
            Some(Event::Line(range)) => said.push(Line(text(range))),
            Some(Event::Body(range)) => match said.last_mut() {
                Some(Body(body)) => body.push_str(&text(range)),
                _ => said.push(Body(text(range))),
            },
            Some(Event::End) => said.push(End),
            None if seen == wire.len() => break,
            None => {
                assert_eq!(consumed, 0);
                seen = wire.len().min(seen + split);
            }
        }
        start += consumed;
    }
    Ok((said, start))
}

/// Whole, octet by octet, at every other split, and with octets behind the end.
fn always(commands: &[Command<'_>], wire: &str, expected: &[Said]) {
    for split in 1..=wire.len() {
        let (said, used) = hear(&mut dialogue(commands), wire.as_bytes(), split).unwrap();
        assert_eq!((said.as_slice(), used), (expected, wire.len()), "split {split}");
    }
    let trailing = format!("{wire}+OK");
    let mut dialogue = dialogue(commands);
    let (said, used) = hear(&mut dialogue, trailing.as_bytes(), trailing.len()).unwrap();
    assert_eq!((said.as_slice(), used), (expected, wire.len()));
    assert_eq!(dialogue.advance(b"+OK"), Err(DialogueError::Surplus));
}

#[test]
fn a_greeting_is_due_first() {
    let mut dialogue = Dialogue::new();
    assert_eq!(hear(&mut dialogue, b"+OK ready\r\n", 99), Ok((vec![ok("ready")], 11)));
}

#[test]
fn single_lines() {
    always(&[Command::Noop], "+OK\r\n", &[ok("")]);
    always(&[Command::Noop], "-ERR no\n", &[Said::Err("no".into())]);
    always(&[Command::List(Some(2))], "+OK 2 200\r\n", &[ok("2 200")]);
}

#[test]
fn listings() {
    let lines = |lines: &[&str]| -> Vec<Said> {
        let lines = lines.iter().map(|line| Line((*line).into()));
        std::iter::once(ok("")).chain(lines).chain([End]).collect()
    };
    always(&[Command::List(None)], "+OK\r\n1 120\r\n2 200\r\n.\r\n", &lines(&["1 120", "2 200"]));
    always(&[Command::Uidl(None)], "+OK\r\n..\r\n . \r\n.x\r\n.\n", &lines(&[".", " . ", "x"]));
    always(&[Command::Capa], "-ERR what?\r\n", &[Said::Err("what?".into())]);
}

#[test]
fn bodies() {
    let wire = "+OK 9 octets\r\nA: b\r\n\r\n..\r\n.\r\n";
    let expected = [ok("9 octets"), Body("A: b\r\n\r\n.\r\n".into()), End];
    always(&[Command::Retr(1)], wire, &expected);
    always(&[Command::Top { number: 1, lines: 0 }], wire, &expected);
    always(&[Command::Retr(1)], "+OK\r\n.\r\n", &[ok(""), End]);
    always(&[Command::Retr(1)], "-ERR gone\r\n", &[Said::Err("gone".into())]);
}

#[test]
fn challenges_leave_the_reply_due() {
    let auth = Command::Auth { mechanism: "PLAIN", initial: None };
    let expected = [Said::Challenge(String::new()), Said::Challenge("eA==".into()), ok("in")];
    always(&[auth], "+ \r\n+ eA==\r\n+OK in\r\n", &expected);
    let refused = hear(&mut dialogue(&[Command::Noop]), b"+ \r\n", 9);
    assert!(matches!(refused, Err(DialogueError::NotAReply(_))));
}

#[test]
fn one_empty_line_before_a_status_line_is_passed_over() {
    always(&[Command::Noop], "\r\n+OK\r\n", &[ok("")]);
    always(&[Command::List(None)], "\n+OK\r\n1 120\r\n.\r\n", &[ok(""), Line("1 120".into()), End]);
    let body = "A: b\r\n\r\n\r\nx\r\n";
    always(&[Command::Retr(1)], &format!("\r\n+OK\r\n{body}.\r\n"), &[ok(""), Body(body.into()), End]);
    let auth = Command::Auth { mechanism: "PLAIN", initial: None };
    always(
        &[auth],
        "\r\n+ eA==\r\n\r\n-ERR\r\n",
        &[Said::Challenge("eA==".into()), Said::Err(String::new())],
    );
    let twice = hear(&mut dialogue(&[Command::Noop]), b"\r\n\r\n+OK\r\n", 99);
    assert!(matches!(twice, Err(DialogueError::NotAReply(_))));
}

#[test]
fn a_listing_that_is_ended_without_its_dot_leaves_the_next_reply_in_its_place() {
    for (wire, said) in [("+OK bye\r\n", "bye"), (".\r\n+OK bye\r\n", "bye")] {
        let mut dialogue = dialogue(&[Command::List(None)]);
        assert_eq!(hear(&mut dialogue, b"+OK 0 messages\r\n", 99), Ok((vec![ok("0 messages")], 16)));
        dialogue.end_listing();
        assert_eq!(dialogue.due(), 0);
        dialogue.send(&Command::Quit, &mut Vec::new()).unwrap();
        assert_eq!(hear(&mut dialogue, wire.as_bytes(), 1), Ok((vec![ok(said)], wire.len())));
    }
}

#[test]
fn pipelined_replies_are_matched_in_order() {
    let commands = [Command::Stat, Command::Retr(1), Command::Retr(2), Command::List(None), Command::Quit];
    let wire = "+OK 2 9\r\n-ERR gone\r\n+OK\r\n+OK a\r\n.\r\n+OK\r\n1 5\r\n.\r\n+OK bye\r\n";
    let gone = Said::Err("gone".into());
    let listed = Line("1 5".into());
    let expected = [ok("2 9"), gone, ok(""), Body("+OK a\r\n".into()), End, ok(""), listed, End, ok("bye")];
    always(&commands, wire, &expected);
}

#[test]
fn every_length_is_limited() {
    let endless = vec![b'x'; MAX_LINE];
    let too_long = Err(DialogueError::LineTooLong { limit: MAX_LINE });
    assert_eq!(dialogue(&[Command::Noop]).advance(&endless), too_long);
    let mut listing = dialogue(&[Command::List(None)]);
    listing.advance(b"+OK\r\n").unwrap();
    assert_eq!(listing.advance(&endless), too_long);

    let line = [b"1 ".as_slice(), &[b'x'; 4000], b"\r\n"].concat();
    for (command, limit) in [
        (Command::List(None), MAX_LISTING),
        (Command::Uidl(None), MAX_LISTING),
        (Command::Capa, MAX_CAPABILITIES),
    ] {
        let mut listing = dialogue(&[command]);
        listing.advance(b"+OK\r\n").unwrap();
        let lines = std::iter::repeat_with(|| listing.advance(&line))
            .position(|outcome| outcome.is_err_and(|error| error == DialogueError::ListingTooLong { limit }));
        assert_eq!(lines.map(|lines| lines as u64), Some(limit / line.len() as u64));
    }
}

#[test]
fn a_command_that_cannot_be_sent_expects_no_reply() {
    let mut dialogue = dialogue(&[]);
    let mut out = Vec::new();
    assert!(dialogue.send(&Command::Pass(Secret("a\r\nb")), &mut out).is_err());
    assert_eq!((dialogue.due(), out.len()), (0, 0));
}

proptest! {
    #[test]
    fn never_panics(wire in proptest::collection::vec(any::<u8>(), 0..200), split in 1_usize..20) {
        let commands = [Command::Retr(1), Command::List(None), Command::Noop];
        let _ = hear(&mut dialogue(&commands), &wire, split);
    }

    #[test]
    fn odd_replies_mean_the_same_at_every_split(wire in "([+]OK|-ERR|[+] |[.]|1 2|x)?(\r\n|\n)?([+]OK|[.]|1 2|x){0,3}(\r\n|\n|[.]){0,4}") {
        let commands = [Command::Retr(1), Command::List(None), Command::Auth { mechanism: "PLAIN", initial: None }];
        let whole = hear(&mut dialogue(&commands), wire.as_bytes(), wire.len().max(1));
        for split in 1..=wire.len() {
            prop_assert_eq!(&hear(&mut dialogue(&commands), wire.as_bytes(), split), &whole);
        }
    }
}
