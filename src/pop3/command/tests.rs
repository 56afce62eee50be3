use super::*;
use proptest::prelude::*;

fn line(command: Command<'_>) -> String {
    let mut out = Vec::new();
    command.encode(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const ALL: [(&str, Command<'static>); 18] = [
    ("USER jane doe", Command::User("jane doe")),
    ("PASS  open sesame ", Command::Pass(Secret(" open sesame "))),
    ("APOP jane c4c9334b", Command::Apop { name: "jane", digest: Secret("c4c9334b") }),
    ("AUTH PLAIN AGEAYg==", Command::Auth { mechanism: "PLAIN", initial: Some(Secret("AGEAYg==")) }),
    ("AUTH EXTERNAL =", Command::Auth { mechanism: "EXTERNAL", initial: Some(Secret("")) }),
    ("AUTH PLAIN", Command::Auth { mechanism: "PLAIN", initial: None }),
    ("STLS", Command::Stls),
    ("CAPA", Command::Capa),
    ("STAT", Command::Stat),
    ("LIST", Command::List(None)),
    ("LIST 2", Command::List(Some(2))),
    ("UIDL", Command::Uidl(None)),
    ("UIDL 4294967295", Command::Uidl(Some(u32::MAX))),
    ("RETR 1", Command::Retr(1)),
    ("TOP 1 0", Command::Top { number: 1, lines: 0 }),
    ("DELE 7", Command::Dele(7)),
    ("NOOP", Command::Noop),
    ("QUIT", Command::Quit),
];

#[test]
fn every_command_is_encoded_and_read_back() {
    for (text, command) in ALL {
        assert_eq!(line(command), format!("{text}\r\n"));
        assert_eq!(Command::decode(text.as_bytes()), Ok(command));
    }
    assert_eq!(line(Command::Rset), "RSET\r\n");
}

#[test]
fn a_server_reads_commands_in_any_case_and_spacing() {
    assert_eq!(Command::decode(b"retr  12 "), Ok(Command::Retr(12)));
    assert_eq!(Command::decode(b"quit "), Ok(Command::Quit));
    assert_eq!(Command::decode(b"RETR -1"), Err(DecodeError::Arguments("RETR")));
    assert_eq!(Command::decode(b"RETR +1"), Err(DecodeError::Arguments("RETR")));
    assert_eq!(Command::decode(b"TOP 1"), Err(DecodeError::Arguments("TOP")));
    assert_eq!(Command::decode(b"LIST 4294967296"), Err(DecodeError::Arguments("LIST")));
    assert_eq!(Command::decode(b"STAT now"), Err(DecodeError::Arguments("STAT")));
    assert_eq!(Command::decode(b"HELO there"), Err(DecodeError::Unknown));
    assert_eq!(Command::decode(&[b'x'; 254]), Err(DecodeError::TooLong));
}

#[test]
fn no_argument_smuggles_a_second_command() {
    for bad in ["a\r\nDELE 1", "a\nb", "a\rb", "a\0b"] {
        let mut out = b"kept".to_vec();
        let refused = Err(EncodeError::ForbiddenOctet { command: "PASS" });
        assert_eq!(Command::Pass(Secret(bad)).encode(&mut out), refused);
        assert!(Command::User(bad).encode(&mut out).is_err());
        assert!(Command::Auth { mechanism: bad, initial: None }.encode(&mut out).is_err());
        assert!(encode_response(Secret(bad), &mut out).is_err());
        assert_eq!(out, b"kept");
    }
}

#[test]
fn a_command_line_has_at_most_255_octets() {
    let longest = "x".repeat(MAX_COMMAND - "USER \r\n".len());
    assert_eq!(line(Command::User(&longest)).len(), MAX_COMMAND);
    let mut out = Vec::new();
    let longer = format!("{longest}x");
    let refused = EncodeError::TooLong { command: "USER", length: 256, limit: MAX_COMMAND };
    assert_eq!(Command::User(&longer).encode(&mut out), Err(refused));
    assert!(out.is_empty());
    assert!(encode_response(Secret(&"x".repeat(300)), &mut out).is_ok());
    assert!(encode_response(Secret(&"x".repeat(MAX_RESPONSE - 1)), &mut out).is_err());
}

#[test]
fn no_secret_in_debug_trace_or_error() {
    let secret = "hunter2";
    for command in [
        Command::Pass(Secret(secret)),
        Command::Apop { name: "jane", digest: Secret(secret) },
        Command::Auth { mechanism: "PLAIN", initial: Some(Secret(secret)) },
    ] {
        let shown = format!("{command:?} {}", String::from_utf8(command.masked()).unwrap());
        assert!(!shown.contains(secret), "{shown}");
        assert!(shown.ends_with(MASK), "{shown}");
    }
    let error = Command::Pass(Secret("hunter2\n")).encode(&mut Vec::new()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(secret));
}

proptest! {
    #[test]
    fn decoding_never_panics(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Command::decode(&line);
    }

    #[test]
    fn what_was_encoded_is_one_line(name in ".{0,300}") {
        let mut out = Vec::new();
        if Command::User(&name).encode(&mut out).is_ok() {
            prop_assert!(out.len() <= MAX_COMMAND && out.ends_with(b"\r\n"));
            prop_assert_eq!(memchr::memchr_iter(b'\n', &out).count(), 1);
        }
    }
}
