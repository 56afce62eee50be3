//! The parser alone: the same at every cut, and never a panic.

use super::*;
use proptest::prelude::*;

/// What comes of octets that arrive in these pieces.
#[derive(Debug, PartialEq)]
enum Came {
    Streamed(Vec<u8>),
    Response(Response),
    Wrong(Fault),
}

fn read(octets: &[u8], pieces: &[usize], literals: Literals) -> Vec<Came> {
    let mut frames = Frames::default();
    frames.set_literals(literals);
    let mut came = Vec::new();
    let mut lengths = pieces.iter().copied().chain(std::iter::repeat(usize::MAX));
    let mut rest = octets;
    while !rest.is_empty() {
        let (mut piece, behind) = rest.split_at(lengths.next().unwrap_or(1).clamp(1, rest.len()));
        rest = behind;
        while !piece.is_empty() {
            let step = match frames.advance(piece) {
                Ok(step) => step,
                Err(fault) => {
                    came.push(Came::Wrong(fault));
                    return came;
                }
            };
            match (step.event, came.last_mut()) {
                (Some(Event::Streamed(range)), Some(Came::Streamed(body))) => body.extend(&piece[range]),
                (Some(Event::Streamed(range)), _) => came.push(Came::Streamed(piece[range].to_vec())),
                (Some(Event::Response(frame)), _) => match Response::parse(frame) {
                    Ok(response) => came.push(Came::Response(response)),
                    Err(fault) => came.push(Came::Wrong(fault)),
                },
                (None, _) => assert_eq!(step.consumed, piece.len()),
            }
            piece = &piece[step.consumed..];
        }
    }
    came
}

fn modes() -> impl Strategy<Value = Literals> {
    prop::sample::select(vec![Literals::Held, Literals::LargeDropped, Literals::BodyStreamed { limit: 20 }])
}

/// Something that servers say, or nearly so.
fn said() -> impl Strategy<Value = String> {
    let parts = vec![
        "* ",
        "P1 ",
        "OK ",
        "NO ",
        "BAD ",
        "BYE ",
        "LIST ",
        "FETCH ",
        "7 ",
        "0 ",
        "EXISTS",
        "(",
        ")",
        "\"",
        "\\",
        "NIL",
        "UID ",
        "RFC822.SIZE ",
        "BODY[] ",
        "BODY[HEADER.FIELDS (MESSAGE-ID)] ",
        "{3}\r\n",
        "{0}\r\n",
        "~{2}\r\n",
        "{99999}\r\n",
        "abc",
        " ",
        "\r\n",
        "\n",
        "+ ",
        "[",
        "]",
        "[APPENDUID 1 2:3] ",
        "[UIDVALIDITY 5] ",
        "[CAPABILITY IMAP4rev1] ",
        "\0",
        "ä",
        "4294967296 ",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn the_same_comes_however_it_is_cut(
        said in said(), tail in said(), pieces in prop::collection::vec(1_usize..9, 0..60), mode in modes(),
    ) {
        let whole = format!("{said}{tail}");
        prop_assert_eq!(read(whole.as_bytes(), &[], mode), read(whole.as_bytes(), &pieces, mode));
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..200), mode in modes()) {
        let whole = read(&octets, &[], mode);
        prop_assert_eq!(whole, read(&octets, &[1; 200], mode));
        let data = [b"* 1 FETCH (", &octets[..], b")\r\n"].concat();
        let _ = (read(&data, &[], mode), Code::parse(&octets));
    }
}

#[test]
fn the_end_of_a_text_for_people_is_no_literal() {
    for line in ["* OK see {5}", "* BYE {99999}", "* no {3}", "P1 OK {5}", "P1 NO [ALERT] {5}", "+ {5}"] {
        let came = read(format!("{line}\r\nP2 OK\r\n").as_bytes(), &[], Literals::Held);
        assert_eq!(came.len(), 2, "{line}: {came:?}");
    }
}

#[test]
fn codes_are_understood_in_any_case_and_kept_where_they_are_not() {
    for (inner, code) in [
        ("trycreate", Code::TryCreate),
        ("APPENDUID 38505 3955", Code::AppendUid { validity: 38_505, uids: vec![3955..=3955] }),
        ("APPENDUID 1 4:2,9", Code::AppendUid { validity: 1, uids: vec![2..=4, 9..=9] }),
        ("UIDVALIDITY 0", Code::Other(b"UIDVALIDITY 0".to_vec())),
        ("UIDNEXT 4294967296", Code::Other(b"UIDNEXT 4294967296".to_vec())),
        ("UIDNEXT +1", Code::Other(b"UIDNEXT +1".to_vec())),
        ("APPENDUID 1 1:*", Code::Other(b"APPENDUID 1 1:*".to_vec())),
        ("X-NEW stuff", Code::Other(b"X-NEW stuff".to_vec())),
        ("", Code::Other(Vec::new())),
    ] {
        assert_eq!(Code::parse(inner.as_bytes()), code, "{inner}");
    }
}
