//! What an IMAP server says: the same responses however it is cut, and no more held of one than is allowed; and
//! whatever name a folder has, it comes back from the wire.
//!
//! The first line of the input says what becomes of literals (its first letter) and, in numbers, into pieces of what
//! length the rest is cut. The rest is what the server says.

use popkeep::imap::{Data, Event, Fault, Folder, Frames, Literals, MAX_HELD, MAX_TEXT, Response, Text};

/// What came.
#[derive(Debug, PartialEq)]
enum Came {
    Streamed(Vec<u8>),
    Response(Response),
    Wrong(Fault),
}

/// Octets of a message that are let through.
const LIMIT: u64 = 4_000;

pub(super) fn run(octets: &[u8]) {
    let (plan, server) = super::first_line(octets);
    let lengths: Vec<usize> = super::numbers(plan).collect();
    let literals = match plan.first() {
        Some(b'b') => Literals::BodyStreamed { limit: LIMIT },
        Some(b'd') => Literals::LargeDropped,
        _ => Literals::Held,
    };
    let whole = read(&[server], literals);
    assert_eq!(whole, read(&super::pieces(server, &lengths), literals));
    for came in whole {
        match came {
            Came::Streamed(body) => assert!(body.len() as u64 <= LIMIT),
            Came::Response(Response::Untagged(data)) => check(data),
            _ => {}
        }
    }
    if let Ok(path) = std::str::from_utf8(server)
        && let Ok(folder) = Folder::new(path, Some(b'.'), false)
    {
        assert!(folder.encoded().bytes().all(|octet| (b' '..=b'~').contains(&octet)));
    }
}

fn check(data: Data) {
    let Data::Fetch(fetch) = data else { return };
    assert_ne!(fetch.uid, Some(0));
    for text in [fetch.header, fetch.body].into_iter().flatten() {
        if let Text::Octets(octets) = text {
            assert!(octets.len() <= MAX_HELD.max(MAX_TEXT));
        }
    }
}

fn read(pieces: &[&[u8]], literals: Literals) -> Vec<Came> {
    let mut frames = Frames::default();
    frames.set_literals(literals);
    let mut came = Vec::new();
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() {
            let step = match frames.advance(piece) {
                Ok(step) => step,
                Err(fault) => {
                    came.push(Came::Wrong(fault));
                    return came;
                }
            };
            match (step.event, came.last_mut()) {
                (Some(Event::Streamed(range)), Some(Came::Streamed(body))) => {
                    body.extend_from_slice(&piece[range]);
                }
                (Some(Event::Streamed(range)), _) => came.push(Came::Streamed(piece[range].to_vec())),
                (Some(Event::Response(frame)), _) => {
                    came.push(Response::parse(frame).map_or_else(Came::Wrong, Came::Response));
                }
                (None, _) => assert_eq!(step.consumed, piece.len(), "octets were left without a reason"),
            }
            piece = &piece[step.consumed..];
        }
    }
    came
}
