//! One session's lines: framing, and the AUTHORIZATION state (RFC 1939, section 4).
//!
//! Pure: [`Dialog::receive`] takes what came from the client, [`Dialog::answer`] gives the reply
//! to one line. One line at a time, so that a client which sends a thousand RETRs ahead does not
//! make a thousand messages wait in memory.

use super::maildrop::Mailbox;
use super::replies::{error, ok};
use super::transaction::Transaction;
use crate::pop3::command::{Command, MAX_COMMAND, MAX_RESPONSE, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// Refused logins after which a session ends.
const MAX_REFUSALS: u32 = 5;

/// What the server can do (RFC 2449), in both states.
const CAPABILITIES: &str = "TOP\r\nUSER\r\nSASL PLAIN\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUIDL\r\nIMPLEMENTATION popkeep\r\n.\r\n";

/// What one call of [`Dialog::answer`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// A line was answered; there may be another one.
    Answered,
    /// There is no whole line: more must be received first.
    Waiting,
    /// The session has ended: send what is left and close.
    Over,
}

/// One session.
#[derive(Debug)]
pub(super) struct Dialog {
    mailboxes: Arc<[Arc<Mailbox>]>,
    state: State,
    refusals: u32,
    received: Vec<u8>,
    /// The line being received is too long; the rest of it is dropped.
    skipping: bool,
}

#[derive(Debug)]
enum State {
    Authorization {
        /// From USER.
        user: Option<String>,
    },
    /// In AUTHORIZATION, after `AUTH PLAIN`: the next line is the response.
    Challenged,
    Transaction(Transaction),
    Over,
}

impl Dialog {
    /// A session with a client that has just connected; the greeting goes to `out`.
    pub(super) fn begin(mailboxes: Arc<[Arc<Mailbox>]>, out: &mut Vec<u8>) -> Self {
        ok(out, "popkeep POP3 server ready");
        Dialog {
            mailboxes,
            state: State::Authorization { user: None },
            refusals: 0,
            received: Vec::new(),
            skipping: false,
        }
    }

    /// Takes octets from the client. To be called when [`Dialog::answer`] waits; then no more is kept than
    /// the longest line and these octets.
    pub(super) fn receive(&mut self, octets: &[u8]) {
        self.received.extend_from_slice(octets);
    }

    /// Answers the next line, appending to `out`.
    pub(super) fn answer(&mut self, out: &mut Vec<u8>) -> Exchange {
        if matches!(self.state, State::Over) {
            return Exchange::Over;
        }
        let limit = if matches!(self.state, State::Challenged) { MAX_RESPONSE } else { MAX_COMMAND };
        let Some(end) = memchr::memchr(b'\n', &self.received) else {
            if self.received.len() >= limit {
                self.skipping = true;
            }
            if self.skipping {
                self.received.clear();
            }
            return Exchange::Waiting;
        };
        let line: Vec<u8> = self.received.drain(..=end).collect();
        if std::mem::take(&mut self.skipping) || line.len() > limit {
            if matches!(self.state, State::Challenged) {
                self.state = State::Authorization { user: None };
            }
            error(out, "line too long");
            return Exchange::Answered;
        }
        // RFC 1939 says CRLF; who types into a raw connection often sends LF.
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        self.line(line.strip_suffix(b"\r").unwrap_or(line), out);
        if matches!(self.state, State::Over) { Exchange::Over } else { Exchange::Answered }
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        if matches!(self.state, State::Challenged) {
            self.state = State::Authorization { user: None };
            return match std::str::from_utf8(line) {
                Ok("*") => error(out, "cancelled"),
                Ok(response) => self.plain(response, out),
                Err(_) => error(out, "the response is not base64"),
            };
        }
        let command = match Command::decode(line) {
            Ok(command) => command,
            Err(fault) => return error(out, &fault.to_string()),
        };
        match (&mut self.state, command) {
            (_, Command::Capa) => {
                ok(out, "capability list follows");
                out.extend_from_slice(CAPABILITIES.as_bytes());
            }
            (State::Transaction(_), Command::Quit) => {
                if let State::Transaction(transaction) = std::mem::replace(&mut self.state, State::Over) {
                    transaction.update(out);
                }
            }
            (State::Transaction(transaction), command) => transaction.answer(command, out),
            (_, Command::Quit) => {
                self.state = State::Over;
                ok(out, "good-bye");
            }
            // Any name is welcome, so that nobody learns which exist.
            (State::Authorization { user }, Command::User(name)) => {
                *user = Some(name.to_owned());
                ok(out, "welcome");
            }
            (State::Authorization { user }, Command::Pass(Secret(password))) => match user.take() {
                Some(user) => self.log_in(&user, password, out),
                None => error(out, "USER comes first"),
            },
            (State::Authorization { .. }, Command::Auth { mechanism, initial }) => {
                if !mechanism.eq_ignore_ascii_case("PLAIN") {
                    return error(out, "no such mechanism");
                }
                if let Some(Secret(response)) = initial {
                    return self.plain(response, out);
                }
                self.state = State::Challenged;
                out.extend_from_slice(b"+ \r\n");
            }
            (_, Command::Apop { .. } | Command::Stls | Command::Utf8) => error(out, "not offered"),
            _ => error(out, "log in first"),
        }
    }

    /// AUTH PLAIN's response (RFC 4616): authorization identity, user, password.
    fn plain(&mut self, response: &str, out: &mut Vec<u8>) {
        let decoded = STANDARD.decode(response).ok().and_then(|octets| String::from_utf8(octets).ok());
        let parts: Option<[&str; 3]> =
            decoded.as_deref().and_then(|text| text.split('\0').collect::<Vec<_>>().try_into().ok());
        match parts {
            Some([authorize, user, password]) if authorize.is_empty() || authorize == user => {
                self.log_in(user, password, out);
            }
            Some(_) => self.refuse(out),
            None => error(out, "the response is not one of PLAIN"),
        }
    }

    fn log_in(&mut self, user: &str, password: &str, out: &mut Vec<u8>) {
        let Some(mailbox) = self.mailboxes.iter().find(|mailbox| mailbox.admits(user, password)) else {
            return self.refuse(out);
        };
        match mailbox.claim() {
            Some(claim) => {
                self.state = State::Transaction(Transaction::begin(claim));
                ok(out, "maildrop locked and ready");
            }
            None => error(out, "[IN-USE] another session has this maildrop open"),
        }
    }

    fn refuse(&mut self, out: &mut Vec<u8>) {
        self.refusals += 1;
        if self.refusals >= MAX_REFUSALS {
            self.state = State::Over;
        }
        error(out, "[AUTH] user or password is wrong");
    }
}

#[cfg(test)]
mod tests;
