//! Waits for a browser to come back with the answer to a sign-in (RFC 8252, section 7.3).
//!
//! Promises: only this machine can reach it; a request has at most [`REQUEST_LIMIT`] octets and comes within
//! [`REQUEST_TIME`]; one answer is taken, and then nothing listens any more; anything else (`/favicon.ico`, a
//! connection on which nothing comes, the answer to an earlier question from a tab that was left open) changes nothing. Must never: show on the page what the request said.
#![expect(clippy::disallowed_types, reason = "this is the edge that a browser comes back to")]

use crate::stop::{self, Stopped};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The longest request, in octets.
const REQUEST_LIMIT: usize = 8 << 10;

/// How long a request may take.
const REQUEST_TIME: Duration = Duration::from_mins(1);

/// How long the page may take to be sent.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Connections at once. Browsers open some ahead.
const MOST: usize = 32;

/// How often it is looked for something new.
const LOOK: Duration = Duration::from_millis(20);

/// What the browser is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This is the answer that was waited for.
    Taken,
    /// It is an answer, but not a good one.
    Refused,
    /// It is the answer to another question: the right one may still come.
    Foreign,
    /// It is not an answer.
    NoAnswer,
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// Nobody came.
    #[error("nobody came back from the browser in time")]
    TimedOut,
    /// A signal asked to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// A loopback port that a browser can come back to.
pub struct Callback {
    listeners: Vec<TcpListener>,
    port: u16,
}

struct Visitor {
    stream: TcpStream,
    since: Instant,
    request: Vec<u8>,
}

impl Callback {
    /// Listens on this port of 127.0.0.1, or a free one, and on the same port of `::1` if that is possible: either may
    /// be `localhost`.
    pub fn listen(port: Option<u16>) -> io::Result<Callback> {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)))?;
        let port = first.local_addr()?.port();
        let mut listeners = vec![first];
        listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, port)));
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        Ok(Callback { listeners, port })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for a request of `/` whose query `judge` takes for an answer, good or not, and returns that query.
    pub fn wait(self, until: Instant, mut judge: impl FnMut(&str) -> Reply) -> Result<String, CallbackError> {
        let mut visitors: Vec<Visitor> = Vec::new();
        loop {
            stop::check()?;
            let now = Instant::now();
            if until <= now {
                return Err(CallbackError::TimedOut);
            }
            for listener in &self.listeners {
                while let Ok((stream, _)) = listener.accept() {
                    if visitors.len() < MOST && stream.set_nonblocking(true).is_ok() {
                        visitors.push(Visitor { stream, since: now, request: Vec::new() });
                    }
                }
            }
            let mut next = Vec::new();
            for mut visitor in visitors {
                if !visitor.read() || now.duration_since(visitor.since) > REQUEST_TIME {
                    continue;
                }
                if !visitor.is_complete() {
                    if visitor.request.len() < REQUEST_LIMIT {
                        next.push(visitor);
                    } else {
                        visitor.answer("431 Request Header Fields Too Large", TOO_LONG);
                    }
                    continue;
                }
                match visitor.query() {
                    None => visitor.answer("404 Not Found", NOT_FOUND),
                    Some(query) => match judge(&query) {
                        Reply::NoAnswer => visitor.answer("404 Not Found", NOT_FOUND),
                        Reply::Foreign => visitor.answer("400 Bad Request", FOREIGN),
                        Reply::Taken => {
                            visitor.answer("200 OK", TAKEN);
                            return Ok(query);
                        }
                        Reply::Refused => {
                            visitor.answer("400 Bad Request", REFUSED);
                            return Ok(query);
                        }
                    },
                }
            }
            visitors = next;
            std::thread::sleep(LOOK);
        }
    }
}

impl Visitor {
    /// Takes what has come; `false` once nothing more can come of it.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 2048];
        loop {
            if self.is_complete() || self.request.len() >= REQUEST_LIMIT {
                return true;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(octets) => self.request.extend_from_slice(&buffer[..octets]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.request.windows(4).any(|end| end == b"\r\n\r\n")
    }

    /// The query of a GET of `/`; `None` for anything else.
    fn query(&self) -> Option<String> {
        let line = self.request.split(|octet| *octet == b'\r').next()?;
        let mut words = std::str::from_utf8(line).ok()?.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?')?;
        (method == "GET" && path == "/").then(|| query.to_owned())
    }

    /// It does not matter whether the browser listens.
    fn answer(mut self, status: &str, text: &str) {
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>popkeep</title></head>\n\
             <body><p>{text}</p></body></html>\n"
        );
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\n\
             Connection: close\r\n\r\n",
            page.len()
        );
        let _ = self.stream.set_nonblocking(false);
        let _ = self.stream.set_write_timeout(Some(PAGE_TIME));
        let _ = self.stream.write_all(format!("{head}{page}").as_bytes());
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}

const TAKEN: &str = "popkeep has the answer. You can close this page; popkeep says whether it can log in.";
const REFUSED: &str = "This did not work, and popkeep says why. You can close this page.";
const FOREIGN: &str = "This answer does not belong to the sign-in that popkeep waits for. Use the page that popkeep \
                       opened last; you can close this one.";
const NOT_FOUND: &str = "There is nothing here.";
const TOO_LONG: &str = "This request is too long.";
