//! A maildrop that exists only in memory, and the connection to it.

use super::strike::{Blow, Strike};
use crate::net::{NetError, Security, TlsSettings, Transport};
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    pub pipelining: bool,
    pub uids: Uids,
    /// Its last word never arrives.
    pub swallows_quit: bool,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poison {
    /// RETR is refused.
    Refused,
    /// The server hangs up at RETR.
    HangsUp,
}

/// What UIDL says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uids {
    /// One for each message.
    Unique,
    /// The same for all.
    Equal,
    /// It is not known.
    None,
}

/// A server's side of one account.
#[derive(Clone, Debug)]
pub(crate) struct Maildrop {
    messages: Vec<(u64, Vec<u8>)>,
    /// Everything that ever came, as it is to be archived.
    pub delivered: Vec<Vec<u8>>,
    /// What was deleted from it, likewise.
    pub purged: Vec<Vec<u8>>,
    /// What RETR does for one message: see [`Maildrop::poison`].
    poison: Option<(u64, Poison)>,
    /// How often RETR was answered.
    pub retrieved: u64,
    /// What all UIDs have become higher by.
    moved_by: u64,
    pub manners: Manners,
}

impl Maildrop {
    pub(crate) fn new(manners: Manners) -> Self {
        Maildrop {
            messages: Vec::new(),
            delivered: Vec::new(),
            purged: Vec::new(),
            poison: None,
            retrieved: 0,
            moved_by: 0,
            manners,
        }
    }

    /// Takes a message whose lines end in LF, the last one too.
    pub(crate) fn deliver(&mut self, stored_form: &[u8]) {
        self.delivered.push(stored_form.to_vec());
        self.messages.push((self.delivered.len() as u64, stored_form.to_vec()));
    }

    /// From now on the message that came as the `id`th (from 1) is refused; `None`: none is.
    pub(crate) fn poison(&mut self, poison: Option<(u64, Poison)>) {
        self.poison = poison;
    }

    /// Puts another message of the same length in the place of each that has a subject, under its UID.
    pub(crate) fn replace_all(&mut self) {
        for (_, message) in &mut self.messages {
            if let Some(at) = memchr::memmem::find(message, b"Subject: ") {
                message[at + 9] = b'!';
                self.delivered.push(message.clone());
            }
        }
    }

    /// The maildrop moves to another server: all UIDs are new.
    pub(crate) fn move_away(&mut self) {
        self.moved_by += 1000;
    }

    /// How many messages it has now.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }
}

/// One connection, and the session on it.
pub(crate) struct Connection {
    maildrop: Arc<Mutex<Maildrop>>,
    strike: Arc<Strike>,
    /// As they were at the greeting, and whether they are marked as deleted.
    listed: Vec<(u64, Vec<u8>, bool)>,
    received: Vec<u8>,
    replies: Vec<u8>,
    closed: bool,
}

impl Connection {
    pub(crate) fn new(maildrop: &Arc<Mutex<Maildrop>>, strike: &Arc<Strike>) -> Self {
        let messages = maildrop.lock().unwrap().messages.clone();
        Connection {
            maildrop: Arc::clone(maildrop),
            strike: Arc::clone(strike),
            listed: messages.into_iter().map(|(id, message)| (id, message, false)).collect(),
            received: Vec::new(),
            replies: b"+OK ready\r\n".to_vec(),
            closed: false,
        }
    }

    fn answer(&mut self, line: &str) {
        let mut words = line.split(' ');
        let command = words.next().unwrap();
        let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0_usize);
        let manners = self.maildrop.lock().unwrap().manners;
        match command {
            "CAPA" => {
                self.say("+OK\r\nTOP\r\n");
                self.say(if manners.pipelining { "PIPELINING\r\n.\r\n" } else { ".\r\n" });
            }
            "STAT" => {
                let octets: usize = self.listed.iter().map(|(_, message, _)| wire_form(message).len()).sum();
                self.say(&format!("+OK {} {octets}\r\n", self.listed.len()));
            }
            "UIDL" if manners.uids == Uids::None => self.say("-ERR what?\r\n"),
            "UIDL" => {
                let moved_by = self.maildrop.lock().unwrap().moved_by;
                self.list(|id, _| if manners.uids == Uids::Equal { 7 } else { id + moved_by });
            }
            "LIST" => self.list(|_, message| wire_form(message).len() as u64),
            "RETR" if self.poison(number).is_some() => match self.poison(number) {
                Some(Poison::HangsUp) => self.closed = true,
                _ => self.say("-ERR this one cannot be read\r\n"),
            },
            "RETR" => {
                self.maildrop.lock().unwrap().retrieved += 1;
                self.send(number, usize::MAX);
            }
            "TOP" => self.send(number, 0),
            "DELE" => {
                self.listed[number - 1].2 = true;
                self.say("+OK\r\n");
            }
            "QUIT" => {
                self.update();
                self.closed = true;
                self.say(if manners.swallows_quit { "" } else { "+OK\r\n" });
            }
            _ => self.say("+OK\r\n"),
        }
    }

    fn poison(&self, number: usize) -> Option<Poison> {
        let poison = self.maildrop.lock().unwrap().poison;
        poison.filter(|(id, _)| self.listed[number - 1].0 == *id).map(|(_, poison)| poison)
    }

    fn say(&mut self, text: &str) {
        self.replies.extend_from_slice(text.as_bytes());
    }

    fn list(&mut self, fact: impl Fn(u64, &[u8]) -> u64) {
        let lines = (1..).zip(&self.listed).fold(String::new(), |mut lines, (number, (id, message, _))| {
            let _ = write!(lines, "{number} {}\r\n", fact(*id, message));
            lines
        });
        self.say(&format!("+OK\r\n{lines}.\r\n"));
    }

    /// The header, and this number of lines of the rest.
    fn send(&mut self, number: usize, rest: usize) {
        let message = &self.listed[number - 1].1;
        let lines: Vec<&[u8]> = message.split_inclusive(|octet| *octet == b'\n').collect();
        let header = lines.iter().position(|line| *line == b"\n").map_or(lines.len(), |empty| empty + 1);
        let mut reply = b"+OK\r\n".to_vec();
        for line in lines.iter().take(header.saturating_add(rest)) {
            reply.extend_from_slice(if line.starts_with(b".") { b"." } else { b"" });
            reply.extend_from_slice(&wire_form(line));
        }
        self.replies.extend_from_slice(&reply);
        self.say(".\r\n");
    }

    fn update(&mut self) {
        let mut maildrop = self.maildrop.lock().unwrap();
        for (id, message, marked) in self.listed.drain(..) {
            if marked {
                maildrop.messages.retain(|(other, _)| *other != id);
                maildrop.purged.push(message);
            }
        }
    }
}

/// With CRLF for every LF.
fn wire_form(stored_form: &[u8]) -> Vec<u8> {
    stored_form
        .iter()
        .flat_map(|octet| if *octet == b'\n' { b"\r\n" } else { std::slice::from_ref(octet) })
        .copied()
        .collect()
}

impl Write for Connection {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.closed || self.strike.is_dead() {
            return Err(ErrorKind::ConnectionReset.into());
        }
        self.received.extend_from_slice(octets);
        let ahead = self.received.split(|octet| *octet == b'\n').count() > 2;
        assert!(!ahead || self.maildrop.lock().unwrap().manners.pipelining, "sent ahead without leave");
        while let Some(end) = self.received.iter().position(|octet| *octet == b'\n') {
            let line: Vec<u8> = self.received.drain(..=end).collect();
            let line = String::from_utf8(line).unwrap();
            let blow = self.strike.command();
            if self.closed {
                break;
            }
            if matches!(blow, None | Some(Blow::LostAnswer)) {
                self.answer(line.trim_end());
            }
            if blow.is_some() {
                self.closed = true;
                self.replies.clear();
                break;
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.strike.is_dead() {
            return Err(ErrorKind::ConnectionReset.into());
        }
        assert!(self.closed || !self.replies.is_empty(), "the client waits for nothing");
        let count = self.replies.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.replies[..count]);
        self.replies.drain(..count);
        Ok(count)
    }
}

impl Transport for Connection {
    fn set_deadline(&mut self, _deadline: Option<Instant>) {}

    fn security(&self) -> Security {
        Security::Plain { loopback: true }
    }

    fn start_tls(self: Box<Self>, _tls: &TlsSettings) -> Result<Box<dyn Transport>, NetError> {
        panic!("nobody asked for TLS")
    }
}
