//! Servers that mean harm, or are broken: each ends in an error within its bound.

use super::*;
use crate::net::Transport;
use std::io::{self, Read, Write};

fn noop(said: &str) -> ImapError {
    let (mut connection, _) = logged_in(&format!("C: P2 CREATE \"Archive\"\n{said}"));
    connection.create(&archive()).unwrap_err()
}

#[test]
fn every_way_to_break_the_protocol_is_told_of_and_ends_the_connection() {
    let long = format!("raw: * X {}", "x".repeat(70_000));
    let many = format!("raw: {}", "* 1 RECENT\\r\\n".repeat(100_000));
    for (said, exit) in [
        ("S: P9 OK", Exit::PROTOCOL),
        ("S: p2 OK", Exit::PROTOCOL),
        ("S: P02x OK", Exit::PROTOCOL),
        ("S: A1 OK", Exit::PROTOCOL),
        ("S: + more", Exit::PROTOCOL),
        ("S: +more", Exit::PROTOCOL),
        ("S: ", Exit::PROTOCOL),
        ("S: OK", Exit::PROTOCOL),
        ("S: P2", Exit::PROTOCOL),
        ("S: P2 PREAUTH", Exit::PROTOCOL),
        ("S: P2 BYE", Exit::PROTOCOL),
        ("S: P2 FINE", Exit::PROTOCOL),
        ("raw: * \\0\\r\\n", Exit::PROTOCOL),
        ("S: * LIST () \"/\" {70000}", Exit::PROTOCOL),
        ("S: * X {99999999999999999999999999}", Exit::PROTOCOL),
        (&long, Exit::PROTOCOL),
        (&many, Exit::PROTOCOL),
        ("S: * BYE", Exit::UNAVAILABLE),
        ("S: * BYE [UNAVAILABLE] x", Exit::TRY_LATER),
        ("S: * BYE session expired, please login again", Exit::TRY_LATER),
        ("close", Exit::UNAVAILABLE),
        ("raw: P2 O", Exit::UNAVAILABLE),
        ("S: * X {10}\nraw: 12345", Exit::UNAVAILABLE),
        ("stall", Exit::UNAVAILABLE),
    ] {
        let error = noop(said);
        let shown = &said[..said.len().min(60)];
        assert_eq!(error.exit(), exit, "{shown}: {error}");
        assert!(error.to_string().len() < 600, "{shown}: {error}");
    }
}

#[test]
fn after_an_error_nothing_is_sent() {
    let (mut connection, progress) = logged_in("C: P2 CREATE \"Archive\"\nS: P9 OK\nC: never");
    connection.create(&archive()).unwrap_err();
    assert!(matches!(connection.create(&archive()), Err(ImapError::Order(_))));
    assert!(matches!(connection.examine(&archive()), Err(ImapError::Order(_))));
    connection.logout();
    assert_eq!(progress.left(), 1);
}

#[test]
fn an_answer_that_comes_before_its_command_is_a_surplus() {
    let (mut connection, _) = logged_in("C: P2 CREATE \"Archive\"\nS: P2 NO [CANNOT] x\nS: P3 OK");
    connection.create(&archive()).unwrap_err();
    let error = connection.create(&archive()).unwrap_err();
    assert!(matches!(error, ImapError::Surplus { .. }), "{error}");
    assert_eq!(error.exit(), Exit::PROTOCOL);
    // News is none: a server may tell it at any time.
    let (mut connection, _) = logged_in(
        "C: P2 CREATE \"Archive\"\nS: P2 NO [CANNOT] x\nS: * 3 EXISTS\nC: P3 CREATE \"Archive\"\nS: P3 NO [CANNOT] x",
    );
    connection.create(&archive()).unwrap_err();
    assert!(matches!(connection.create(&archive()), Err(ImapError::Refused { .. })));
}

#[test]
fn untagged_responses_that_mean_nothing_here_are_passed_over() {
    let (mut connection, progress) = logged_in(
        "C: P2 CREATE \"Archive\"\nS: * OK [ALERT] look {3}\nS: * NO [X (\"]\")] warning\nS: * BAD hm\n\
         S: * 1 EXPUNGE\nS: * NAMESPACE ((\"\" \"/\")) NIL NIL\nS: * X-STRANGE {3}\nraw: a\\0b rest\\r\\n\n\
         S: * 0 FETCHED\nS: * \nS: *  x\nS: * VANISHED (EARLIER) 1:2\nS: P2 OK\nC: P3 SUBSCRIBE \"Archive\"\nS: P3 OK",
    );
    connection.create(&archive()).unwrap();
    progress.assert_finished();
}

/// Says something once, and then the same again and again, each time after a while; takes everything.
struct Endless {
    first: Vec<u8>,
    then: Vec<u8>,
    wait: Duration,
    deadline: Option<Instant>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.first.is_empty() {
            let part = self.first.len().min(buffer.len());
            buffer[..part].copy_from_slice(&self.first[..part]);
            self.first.drain(..part);
            return Ok(part);
        }
        std::thread::sleep(self.wait);
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        buffer[..self.then.len()].copy_from_slice(&self.then);
        Ok(self.then.len())
    }
}

impl Write for Endless {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Endless {
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    fn security(&self) -> Security {
        Security::Tls { leaf: None }
    }

    fn start_tls(self: Box<Self>, _: &TlsSettings) -> Result<Box<dyn Transport>, crate::net::NetError> {
        Ok(self)
    }
}

/// A connection to a server that says `then` for ever once a folder is open.
fn endless(then: &str, wait: Duration, timeout: Duration) -> Connection<Authenticated> {
    let first = "* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hello\r\n* 9 EXISTS\r\nP1 OK opened\r\n";
    let transport = Endless { first: first.into(), then: then.into(), wait, deadline: None };
    // Where a safeguard is missing, the test ends, too.
    let until = Instant::now().checked_add(Duration::from_mins(2));
    let options = Options { timeout, until, tracer: None };
    let connection = Connection::open(Box::new(transport), options).unwrap();
    let secret = secret();
    let login = by("jane", &secret, Choice::Auto, Clearance::EncryptedOnly);
    let mut connection = connection.login(&login).unwrap();
    connection.examine(&archive()).unwrap();
    connection
}

const MOMENT: Duration = Duration::from_millis(1);
const SHORT: Duration = Duration::from_millis(20);

#[test]
fn a_server_that_is_for_ever_at_work_comes_to_an_end() {
    let mut connection = endless("* OK still at work\r\n", MOMENT, SHORT);
    let error = connection.create(&archive()).unwrap_err();
    assert!(matches!(error, ImapError::TimedOut { .. }), "{error}");
    let mut connection = endless("* OK still at work\r\n", Duration::ZERO, Duration::from_mins(10));
    let error = connection.create(&archive()).unwrap_err();
    assert!(matches!(error, ImapError::Protocol { source: Fault::Chatter { .. }, .. }), "{error}");
}

#[test]
fn a_body_and_a_listing_must_bring_something_in_each_timeout() {
    let mut connection = endless("*", MOMENT, SHORT);
    let error = connection.content(7, 1 << 40, &mut |_| ()).unwrap_err();
    assert!(matches!(error, ImapError::TimedOut { .. }), "{error}");
    let mut connection = endless("* 1 FETCH (UID 7)\r\n", MOMENT, SHORT);
    let error = connection.listed(1, &mut |_| ()).unwrap_err();
    assert!(matches!(error, ImapError::TimedOut { .. }), "{error}");
}

#[test]
fn a_listing_without_end_comes_to_one() {
    let id = "x".repeat(60_000);
    let one =
        format!("* 1 FETCH (UID 7 RFC822.SIZE 1 BODY[HEADER.FIELDS (MESSAGE-ID)] {{60000}}\r\n{id})\r\n");
    let mut connection = endless(&one, Duration::ZERO, Duration::from_mins(10));
    let error = connection.listed(1, &mut |_| ()).unwrap_err();
    assert!(matches!(error, ImapError::Protocol { source: Fault::EndlessListing { .. }, .. }), "{error}");
    let mut connection = endless("* 1 FETCH (FLAGS ())\r\n", Duration::ZERO, Duration::from_mins(10));
    let error = connection.content(7, 1 << 40, &mut |_| ()).unwrap_err();
    assert!(matches!(error, ImapError::Protocol { source: Fault::Chatter { .. }, .. }), "{error}");
}

#[test]
fn the_end_of_the_run_is_the_end_of_all_waiting() {
    let (script, _) = Script::new("S: * OK [CAPABILITY IMAP4rev1] ready\nC: P1 LOGIN *\nstall", usize::MAX);
    let until = Some(Instant::now());
    let options = Options { timeout: Duration::from_mins(10), until, tracer: None };
    let connection = Connection::open(Box::new(script), options).unwrap();
    let error = connection.login(&by("jane", &secret(), Choice::Auto, Clearance::EncryptedOnly)).unwrap_err();
    assert!(matches!(error, ImapError::RunTimeout { .. }), "{error}");
    assert_eq!(error.exit(), Exit::UNAVAILABLE);
}
