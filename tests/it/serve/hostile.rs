//! Hostile and broken clients: they cannot stop the server, fill its memory, or keep the owner out.

use super::{Client, Serving, archived, crlf};
use crate::support::Mail;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Connections that the server keeps at once.
const CONNECTIONS: usize = 64;

/// What the server's memory may grow by, in KiB, whatever clients send.
const GROWTH: u64 = 16 << 10;

/// A figure in the server's `/proc/PID/status`.
fn status(serving: &Serving, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", serving.child.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn memory(serving: &Serving) -> u64 {
    status(serving, "VmHWM:")
}

#[track_caller]
fn the_owner_gets_mail(serving: &Serving) {
    let mut owner = serving.log_in("work");
    assert!(owner.ask("STAT").starts_with("+OK 5 "));
    assert_eq!(owner.message("RETR 5"), Mail::numbered(5).wire);
}

#[test]
fn commands_in_any_order_and_nonsense_are_refused() {
    let (_server, sandbox) = archived(Mail::some(5), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    let mut client = serving.connect();
    client.line();
    for command in [
        "STAT",
        "RETR 1",
        "PASS x",
        "TOP",
        "AUTH",
        "AUTH NONSENSE",
        "XYZZY",
        "\u{0}\u{1}",
        "APOP a b",
        "",
        "DELE 1",
        "RSET",
    ] {
        let answer = client.ask(command);
        assert!(answer.starts_with("-ERR"), "{command}: {answer}");
    }
    client.send(&[&[0xff; 200][..], b"\r\n"].concat());
    assert!(client.line().starts_with("-ERR"));
    let mut client = serving.log_in("work");
    for command in [
        "USER work",
        "PASS x",
        "STLS",
        "RETR",
        "RETR 0",
        "RETR 6",
        "RETR -1",
        "RETR 1 1",
        "RETR 99999999999999999999",
        "TOP 1",
        "TOP 1 -1",
        "LIST x",
        "UIDL 6",
    ] {
        let answer = client.ask(command);
        assert!(answer.starts_with("-ERR"), "{command}: {answer}");
    }
    assert!(client.ask("QUIT").starts_with("+OK"));
}

#[test]
fn garbage_sent_ahead_is_answered_line_by_line() {
    let (_server, sandbox) = archived(Mail::some(5), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    let mut client = serving.connect();
    client.line();
    // All octets but a line's end, in lines of many lengths, some of them too long.
    let lines = 3000;
    let garbage: Vec<u8> = (0..lines)
        .flat_map(|line: usize| {
            let octets = (0..line % 700).map(move |at| u8::try_from((line * 31 + at * 7) % 251).unwrap());
            octets.map(|octet| if octet == b'\n' { b'?' } else { octet }).chain(*b"\r\n")
        })
        .collect();
    let mut writing = client.0.get_ref().try_clone().unwrap();
    let sending =
        std::thread::spawn(move || writing.write_all(&garbage).and_then(|()| writing.write_all(b"CAPA\r\n")));
    for line in 0..lines {
        let answer = client.line();
        assert!(answer.starts_with("-ERR"), "{line}: {answer}");
    }
    sending.join().unwrap().unwrap();
    assert!(client.line().starts_with("+OK"), "still in step");
    the_owner_gets_mail(&serving);
}

#[test]
fn a_line_without_an_end_takes_no_memory() {
    let (_server, sandbox) = archived(Mail::some(5), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    the_owner_gets_mail(&serving);
    let before = memory(&serving);
    for challenged in [false, true] {
        let mut client = serving.connect();
        client.line();
        if challenged {
            assert_eq!(client.ask("AUTH PLAIN"), "+ ");
        }
        for _ in 0..48 {
            client.send(&vec![b'A'; 1 << 20]);
        }
        client.send(b"\r\n");
        assert!(client.line().starts_with("-ERR"));
        assert!(client.ask("CAPA").starts_with("+OK"), "the session goes on");
    }
    let grown = memory(&serving) - before;
    assert!(grown < GROWTH, "{grown} KiB");
}

#[test]
fn a_flood_of_commands_is_answered_in_order() {
    let (_server, sandbox) = archived(Mail::some(5), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    let client = serving.log_in("work");
    let mut writing = client.0.get_ref().try_clone().unwrap();
    let flood = b"NOOP\r\nUIDL 1\r\nRETR 9\r\nRETR 2\r\nSTAT\r\n".repeat(3000);
    let sending = std::thread::spawn(move || writing.write_all(&flood));
    let mut client = client;
    let wire = Mail::numbered(2).wire;
    let body = std::str::from_utf8(&wire).unwrap().lines().count();
    for round in 0..3000 {
        assert_eq!(client.line(), "+OK", "{round}");
        assert!(client.line().starts_with("+OK 1 C"));
        assert_eq!(client.line(), "-ERR no such message");
        assert_eq!(client.line(), format!("+OK {} octets", wire.len()));
        for _ in 0..body {
            client.line();
        }
        assert_eq!(client.line(), ".");
        assert!(client.line().starts_with("+OK 5 "));
    }
    sending.join().unwrap().unwrap();
}

#[test]
fn clients_that_send_and_do_not_read_hold_only_their_own_session() {
    let large = [b"Subject: large\n\n".as_slice(), &b"a line of a large message\n".repeat(400_000)].concat();
    let mails = [Mail::some(5), vec![Mail::new("large", &large)]].concat();
    for format in ["maildir", "mbox"] {
        let (_server, sandbox) = archived(mails.clone(), format);
        let mut serving = Serving::start(&sandbox, &[]);
        let mut owner = serving.log_in("work");
        assert_eq!(owner.message("RETR 6"), crlf(&large));
        let before = memory(&serving);
        let mut stuck = Vec::new();
        for _ in 0..10 {
            let client = serving.log_in("work");
            let stream = client.0.get_ref();
            // As much as goes; the server reads nothing more while it waits for us to read.
            stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            let mut stream = stream.try_clone().unwrap();
            let refused = loop {
                if let Err(error) = stream.write_all(&b"RETR 6\r\n".repeat(4000)) {
                    break error.kind();
                }
            };
            assert!(matches!(refused, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{refused}");
            stuck.push(client);
        }
        assert_eq!(owner.message("RETR 1"), Mail::numbered(1).wire);
        assert_eq!(owner.message("RETR 6"), crlf(&large), "{format}: others are served");
        assert!(serving.log_in("work").ask("STAT").starts_with("+OK 6 "));
        let grown = memory(&serving) - before;
        assert!(grown < GROWTH, "{format}: {grown} KiB");
        // Some reset the connection in the middle of the message, the others hold on while the server ends.
        for client in stuck.drain(..5) {
            rustix::net::sockopt::set_socket_linger(client.0.get_ref(), Some(Duration::ZERO)).unwrap();
        }
        assert_eq!(owner.message("RETR 2"), Mail::numbered(2).wire);
        serving.signal("TERM");
        assert_eq!(serving.child.wait().unwrap().code(), Some(143), "{format}");
    }
}

#[test]
fn a_client_that_has_closed_its_side_gets_all_answers() {
    let (_server, sandbox) = archived(Mail::some(5), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    let mut client = serving.log_in("work");
    client.send(b"RETR 1\r\nRETR 5\r\nNOOP");
    client.0.get_ref().shutdown(Shutdown::Write).unwrap();
    let mut all = Vec::new();
    client.0.read_to_end(&mut all).unwrap();
    let all = String::from_utf8_lossy(&all);
    assert_eq!(all.matches("\r\n.\r\n").count(), 2, "{all}");
    assert!(all.ends_with("\r\n.\r\n"), "half a line is no command: {all}");
    the_owner_gets_mail(&serving);
}

#[test]
fn a_thousand_connections_keep_nobody_out_and_take_few_threads() {
    let (_server, sandbox) = archived(Mail::some(5), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    let mut held = Vec::new();
    for number in 0..1000 {
        held.push(TcpStream::connect(("127.0.0.1", serving.port)).unwrap());
        if number % 250 == 249 {
            the_owner_gets_mail(&serving);
            // Those that had to make room may still be on their way out.
            let threads = status(&serving, "Threads:");
            assert!(threads <= 2 * CONNECTIONS as u64, "{threads} threads");
        }
    }
}

#[test]
fn who_is_logged_in_does_not_have_to_make_room() {
    let (_server, sandbox) = archived(Mail::some(5), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    let mut owners: Vec<Client> = (0..CONNECTIONS).map(|_| serving.log_in("work")).collect();
    let mut late = serving.connect();
    assert_eq!(late.line(), "-ERR [SYS/TEMP] too many connections");
    assert_eq!(late.line(), "", "and it hangs up");
    for owner in &mut owners {
        assert!(owner.ask("STAT").starts_with("+OK 5 "));
    }
}

#[test]
fn clients_that_go_in_the_middle_leave_nothing_behind() {
    let (_server, sandbox) = archived(Mail::some(5), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    for number in 0..200 {
        let mut client = serving.log_in("work");
        client.send(b"RETR 1\r\nRETR 2\r\n");
        if number % 2 == 0 {
            rustix::net::sockopt::set_socket_linger(client.0.get_ref(), Some(Duration::ZERO)).unwrap();
        }
    }
    the_owner_gets_mail(&serving);
}
