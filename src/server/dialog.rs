//! One session's lines: framing, and the AUTHORIZATION state (RFC 1939, section 4).
//!
//! [`Dialog::receive`] takes what came from the client, [`Dialog::answer`] gives the reply to one line. One line at a time,
//! so that a client which sends a thousand RETRs ahead does not make a thousand messages wait in memory.

mod authentication;

use super::maildrop::Closed;
use super::offers::{Offer, Offers};
use super::replies::Out;
use super::transaction::Transaction;
use crate::pop3::command::{Command, MAX_COMMAND, MAX_RESPONSE, Secret};
use authentication::{Awaited, Login};
use std::io;
use std::sync::Arc;

/// Refused logins after which a session ends.
const MAX_REFUSALS: u32 = 5;

/// What one call of [`Dialog::answer`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// A line was answered; there may be another one.
    Answered,
    /// A login was refused: what is to be sent says so, and is to be sent after a while.
    Refused,
    /// TLS begins, once what there is was sent.
    StartTls,
    /// There is no whole line: more must be received first.
    Waiting,
    /// The session has ended: send what is left and close.
    Over,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channel {
    /// It is under TLS.
    pub(super) encrypted: bool,
    /// The other side is on this machine.
    pub(super) loopback: bool,
}

/// One session.
pub(super) struct Dialog {
    offers: Arc<Offers>,
    channel: Channel,
    state: State,
    refusals: u32,
    received: Vec<u8>,
    /// The line being received is too long; the rest of it is dropped.
    skipping: bool,
}

enum State {
    Authorization {
        /// From USER.
        user: Option<String>,
    },
    /// In AUTHORIZATION, after AUTH: the next line answers a challenge.
    Challenged(Awaited),
    Transaction(Transaction),
    /// TLS is about to begin.
    Starting,
    Over,
}

const FRESH: State = State::Authorization { user: None };

impl Dialog {
    /// A session with a client that has just connected; the greeting goes to `out`.
    pub(super) fn begin(offers: Arc<Offers>, channel: Channel, out: &mut Out<'_>) -> Self {
        out.ok("popkeep POP3 server ready");
        Dialog { offers, channel, state: FRESH, refusals: 0, received: Vec::new(), skipping: false }
    }

    /// Takes octets from the client. To be called when [`Dialog::answer`] waits; then no more is kept than
    /// the longest line and these octets.
    pub(super) fn receive(&mut self, octets: &[u8]) {
        self.received.extend_from_slice(octets);
    }

    /// Whether somebody is logged in.
    pub(super) fn is_logged_in(&self) -> bool {
        matches!(self.state, State::Transaction(_))
    }

    /// TLS has begun (RFC 2595, section 4): all that was said before is forgotten. `false` if something came behind STLS in
    /// clear text, which may be another's and is not to be taken for the client's.
    pub(super) fn secured(&mut self) -> bool {
        (self.state, self.channel.encrypted) = (FRESH, true);
        self.received.is_empty()
    }

    /// Answers the next line.
    pub(super) fn answer(&mut self, out: &mut Out<'_>) -> io::Result<Exchange> {
        match self.state {
            State::Over => return Ok(Exchange::Over),
            State::Starting => return Ok(Exchange::StartTls),
            _ => {}
        }
        let limit = if matches!(self.state, State::Challenged(_)) { MAX_RESPONSE } else { MAX_COMMAND };
        let Some(end) = memchr::memchr(b'\n', &self.received) else {
            if self.received.len() >= limit {
                self.skipping = true;
            }
            if self.skipping {
                self.received.clear();
            }
            return Ok(Exchange::Waiting);
        };
        let line: Vec<u8> = self.received.drain(..=end).collect();
        if std::mem::take(&mut self.skipping) || line.len() > limit {
            if matches!(self.state, State::Challenged(_)) {
                self.state = FRESH;
            }
            out.error("line too long");
            return Ok(Exchange::Answered);
        }
        let refusals = self.refusals;
        // RFC 1939 says CRLF; who types into a raw connection often sends LF.
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        self.line(line.strip_suffix(b"\r").unwrap_or(line), out)?;
        Ok(match self.state {
            _ if self.refusals > refusals => Exchange::Refused,
            State::Over => Exchange::Over,
            State::Starting => Exchange::StartTls,
            _ => Exchange::Answered,
        })
    }

    fn line(&mut self, line: &[u8], out: &mut Out<'_>) -> io::Result<()> {
        if matches!(self.state, State::Challenged(_))
            && let State::Challenged(awaited) = std::mem::replace(&mut self.state, FRESH)
        {
            let login =
                if line == b"*" { Login::Wrong("cancelled") } else { awaited.answer(line, &self.offers) };
            self.go_on(login, out);
            return Ok(());
        }
        let command = match Command::decode(line) {
            Ok(command) => command,
            Err(fault) => {
                out.error(&fault.to_string());
                return Ok(());
            }
        };
        let may_log_in = self.may_log_in();
        match (&mut self.state, command) {
            (_, Command::Capa) => self.capabilities(out),
            (State::Transaction(_), Command::Quit) => {
                if let State::Transaction(transaction) = std::mem::replace(&mut self.state, State::Over) {
                    transaction.update(out);
                }
            }
            (State::Transaction(transaction), command) => transaction.answer(command, out)?,
            (_, Command::Quit) => {
                self.state = State::Over;
                out.ok("good-bye");
            }
            (_, Command::Stls) if self.offers.tls.is_some() && !self.channel.encrypted => {
                self.state = State::Starting;
                out.ok("begin TLS");
            }
            (_, Command::Utf8) => out.ok("messages come as they are"),
            (_, Command::User(_) | Command::Pass(_) | Command::Auth { .. }) if !may_log_in => {
                // Whatever was said is known to everybody on the way now.
                out.error("not in clear text; STLS first");
            }
            // Any name is welcome, so that nobody learns which exist.
            (State::Authorization { user }, Command::User(name)) => {
                *user = Some(name.to_owned());
                out.ok("welcome");
            }
            (State::Authorization { user }, Command::Pass(Secret(password))) => match user.take() {
                Some(user) => {
                    let login = authentication::by_password(&user, password, &self.offers);
                    self.go_on(login, out);
                }
                None => out.error("USER comes first"),
            },
            (State::Authorization { .. }, Command::Auth { mechanism, initial }) => {
                let initial = initial.map(|Secret(response)| response);
                let login = authentication::begin(mechanism, initial, &self.offers);
                self.go_on(login, out);
            }
            (_, Command::Apop { .. } | Command::Stls) => out.error("not offered"),
            _ => out.error("log in first"),
        }
        Ok(())
    }

    /// What the server can do (RFC 2449), in both states.
    fn capabilities(&self, out: &mut Out<'_>) {
        out.ok("capability list follows");
        let mut line = |text: &[u8]| {
            out.octets.extend_from_slice(text);
            out.octets.extend_from_slice(b"\r\n");
        };
        line(b"TOP");
        if self.may_log_in() {
            line(b"USER");
            line(b"SASL PLAIN SCRAM-SHA-256");
        }
        if self.offers.tls.is_some() && !self.channel.encrypted {
            line(b"STLS");
        }
        for each in
            ["RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UIDL", "UTF8", "IMPLEMENTATION popkeep", "."]
        {
            line(each.as_bytes());
        }
    }

    /// Whether a password may come over this connection.
    fn may_log_in(&self) -> bool {
        self.channel.encrypted || self.channel.loopback
    }

    fn go_on(&mut self, login: Login, out: &mut Out<'_>) {
        match login {
            Login::Challenge(text, awaited) => {
                out.challenge(&text);
                self.state = State::Challenged(awaited);
            }
            Login::Wrong(text) => out.error(text),
            Login::Refused => {
                self.refusals += 1;
                if self.refusals >= MAX_REFUSALS {
                    self.state = State::Over;
                }
                out.error("[AUTH] user or password is wrong");
            }
            Login::Granted(user) => self.open(&user, out),
        }
    }

    fn open(&mut self, user: &str, out: &mut Out<'_>) {
        match self.offers.of(user).map(|offer: &Offer| offer.maildrop.open()) {
            Some(Ok(maildrop)) => {
                self.state = State::Transaction(Transaction::begin(maildrop));
                out.ok("maildrop locked and ready");
            }
            Some(Err(Closed::Failed(reason))) => out.error(&format!("[SYS/TEMP] {reason}")),
            Some(Err(Closed::InUse)) | None => out.error("[IN-USE] another session has this maildrop open"),
        }
    }
}

#[cfg(test)]
mod tests;
