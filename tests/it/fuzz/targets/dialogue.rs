//! What a server says: the same events however it is cut, and never more held back than one line.
//!
//! The first line of the input says which commands have been sent (a letter each, see
//! [`command`]) and, in numbers, into pieces of what length the rest is cut. The rest is what the
//! server says, its greeting first.

use popkeep::pop3::command::{Command, Secret};
use popkeep::pop3::dialogue::{Dialogue, Event, MAX_CHALLENGE};

/// An event with the octets it is about.
#[derive(Debug, PartialEq)]
enum Said {
    Status { ok: bool, text: Vec<u8>, more: bool },
    Challenge(Vec<u8>),
    Line(Vec<u8>),
    Body(Vec<u8>),
    End,
    Wrong(String),
}

pub(super) fn run(octets: &[u8]) {
    let (plan, server) = super::first_line(octets);
    let lengths: Vec<usize> = super::numbers(plan).collect();
    let whole = listen(plan, &[server]);
    let cut = listen(plan, &super::pieces(server, &lengths));
    assert_eq!(whole, cut);
}

fn command(letter: u8) -> Option<Command<'static>> {
    Some(match letter {
        b'a' => Command::Auth { mechanism: "PLAIN", initial: Some(Secret("")) },
        b'c' => Command::Capa,
        b'd' => Command::Dele(1),
        b'l' => Command::List(None),
        b'q' => Command::Quit,
        b'r' => Command::Retr(1),
        b's' => Command::Stat,
        b't' => Command::Top { number: 1, lines: 0 },
        b'u' => Command::Uidl(None),
        _ => return None,
    })
}

fn listen(plan: &[u8], pieces: &[&[u8]]) -> Vec<Said> {
    let mut dialogue = Dialogue::new();
    for command in plan.iter().filter_map(|&letter| command(letter)) {
        dialogue.send(&command, &mut Vec::new()).unwrap();
    }
    let mut said = Vec::new();
    let mut input: Vec<u8> = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        let mut done = 0;
        loop {
            let step = match dialogue.advance(&input[done..]) {
                Ok(step) => step,
                Err(error) => {
                    said.push(Said::Wrong(error.to_string()));
                    return said;
                }
            };
            let shown = &input[done..];
            done += step.consumed;
            assert!(done <= input.len(), "more was consumed than was shown");
            let Some(event) = step.event else { break };
            take(event, shown, &mut said);
        }
        input.drain(..done);
        assert!(input.len() < MAX_CHALLENGE, "{} octets are held back", input.len());
    }
    said
}

fn take(event: Event, shown: &[u8], said: &mut Vec<Said>) {
    if let (Event::Body(range), Some(Said::Body(octets))) = (&event, said.last_mut()) {
        assert!(!range.is_empty(), "a piece of a body without an octet");
        octets.extend_from_slice(&shown[range.clone()]);
        return;
    }
    said.push(match event {
        Event::Status { reply, more } => {
            Said::Status { ok: reply.is_ok(), text: reply.text().to_vec(), more }
        }
        Event::Challenge(range) => Said::Challenge(shown[range].to_vec()),
        Event::Line(range) => Said::Line(shown[range].to_vec()),
        Event::Body(range) => Said::Body(shown[range].to_vec()),
        Event::End => Said::End,
    });
}
