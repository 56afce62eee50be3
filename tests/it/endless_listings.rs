//! A listing that never ends is cut before it takes memory; an honest one of a million messages is not.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use crate::support::{Account, Sandbox};

/// What a listing may take at most beside what a run takes that lists three messages, in KiB, however much the server sends.
const HOSTILE: u64 = 18 << 10;

/// The same for an honest listing of a million messages.
const HONEST: u64 = 186 << 10;

/// What a server says to the commands of a listing.
#[derive(Clone, Copy)]
struct Says {
    stat: &'static str,
    /// How many lines LIST has, and how many UIDL.
    sizes: u32,
    uids: u32,
    /// The line behind the message number in UIDL is padded to so many digits.
    digits: usize,
}

/// Serves one session.
fn serve(says: Says) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // The client hangs up when it has had enough: that is what is wanted.
        let _ = session(&stream, says);
    });
    (port, thread)
}

fn session(stream: &TcpStream, says: Says) -> std::io::Result<()> {
    let mut out = stream;
    out.write_all(b"+OK ready\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        match line.split(' ').next().unwrap_or_default() {
            "CAPA" => out.write_all(b"-ERR what\r\n")?,
            "STAT" => write!(out, "{}\r\n", says.stat)?,
            "LIST" => lines(out, says.sizes, |line, number| writeln!(line, "{number} 100\r"))?,
            "UIDL" => {
                let digits = says.digits;
                lines(out, says.uids, |line, number| writeln!(line, "{number} {number:0digits$}\r"))?;
            }
            "RETR" if says.stat == MILLION_COUNTED => return Ok(()),
            "RETR" => out.write_all(b"-ERR [SYS/TEMP] no\r\n")?,
            _ => out.write_all(b"+OK\r\n")?,
        }
    }
    Ok(())
}

fn lines(
    mut out: &TcpStream,
    count: u32,
    line: impl Fn(&mut String, u32) -> std::fmt::Result,
) -> std::io::Result<()> {
    let mut text = String::from("+OK\r\n");
    for number in 1..=count {
        line(&mut text, number).unwrap();
        if text.len() > 60_000 {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    text.push_str(".\r\n");
    out.write_all(text.as_bytes())
}

/// How a run against this server ends, and the most memory that it took, in KiB.
fn run(says: Says, command: &[&str]) -> (Option<i32>, u64) {
    let (port, server) = serve(says);
    let sandbox = Sandbox::with([Account::new("work").loopback(port).text("tls", "none")]);
    let ended = sandbox.popkeep(command).spawn().wait_watching_memory();
    server.join().unwrap();
    ended
}

#[test]
fn an_endless_listing_is_cut_before_it_takes_memory() {
    const ENDLESS: u32 = u32::MAX;
    let counted = Says { stat: "+OK 3 300", sizes: 3, uids: 3, digits: 20 };
    let uncounted = Says { stat: "-ERR what", ..counted };
    let (_, usual) = run(counted, &["fetch", "--quiet"]);
    for says in [
        Says { uids: ENDLESS, ..counted },
        Says { uids: ENDLESS, digits: 70, ..counted },
        Says { uids: ENDLESS, digits: 4_000, ..counted },
        Says { sizes: ENDLESS, ..counted },
        Says { uids: ENDLESS, ..uncounted },
        Says { uids: ENDLESS, digits: 4_000, ..uncounted },
        Says { sizes: ENDLESS, ..uncounted },
    ] {
        let (code, peak) = run(says, &["fetch", "--quiet"]);
        assert_eq!(code, Some(76));
        assert!((1..usual + HOSTILE).contains(&peak), "it took {peak} KiB, and {usual} for three messages");
    }
}

/// The answer to STAT of a server that has a million messages, and hangs up at the first RETR.
const MILLION_COUNTED: &str = "+OK 1000000 100000000";

#[test]
fn a_million_honest_messages_are_listed() {
    const MILLION: u32 = 1_000_000;
    let says = Says { stat: MILLION_COUNTED, sizes: MILLION, uids: MILLION, digits: 46 };
    let (_, usual) = run(Says { stat: "+OK 3 300", sizes: 3, uids: 3, ..says }, &["check"]);
    let (code, peak) = run(says, &["check"]);
    assert_eq!(code, Some(0));
    assert!(peak < usual + HONEST, "it took {peak} KiB");
    // A fetch that breaks off at once has as many messages to report missing.
    let (code, peak) = run(says, &["fetch", "--quiet"]);
    assert_eq!(code, Some(69));
    assert!(peak < usual + HONEST, "it took {peak} KiB");
    // One that has announced a million and never ends is refused in the end, within the same bound.
    let (code, peak) = run(Says { uids: u32::MAX, ..says }, &["fetch", "--quiet"]);
    assert_eq!(code, Some(76));
    assert!(peak < usual + HONEST, "it took {peak} KiB");
}
