//! Replies: status indicators, response codes, SASL challenges.
//!
//! Promises: the server's text is kept as it came; case and spacing are forgiven (`+ok`,
//! `+OK` alone, tabs); whatever is neither `+OK` nor `-ERR` is an error, never a guess.

use crate::text::safe::escape;
use std::ops::Range;

/// A status line: `+OK` or `-ERR`, and a text for people (RFC 1939, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    ok: bool,
    text: Vec<u8>,
}

/// What a response code says (RFC 2449, section 8; RFC 3206). An unknown code counts as the
/// longest prefix of it that is known: `[SYS/TEMP/DISK]` is [`Code::SysTemp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `[AUTH]`: the credentials are the problem.
    Auth,
    /// `[IN-USE]`: another session holds the maildrop.
    InUse,
    /// `[LOGIN-DELAY]`: the last login was too short a time ago.
    LoginDelay,
    /// `[SYS/TEMP]`: the server is in problem that will pass.
    SysTemp,
    /// `[SYS/PERM]`: the server is in problem that needs a person.
    SysPerm,
    /// `[SYS]` or a level below it that is not known.
    Sys,
    /// `[UTF8]`: the mailbox needs UTF8 mode (RFC 6856).
    Utf8,
    /// Any other.
    Unknown,
}

impl Code {
    /// Whether it says "not now" and not "wrong".
    pub fn is_transient(self) -> bool {
        matches!(self, Code::InUse | Code::LoginDelay | Code::SysTemp | Code::Sys)
    }
}

/// The line is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected +OK or -ERR, got “{}”", escape(.line))]
pub struct NotAReply {
    /// The line, without its end.
    pub line: Vec<u8>,
}

impl Reply {
    /// Reads a line without its line end.
    pub fn parse(line: &[u8]) -> Result<Self, NotAReply> {
        let trimmed = line.trim_ascii_start();
        let indicator = |word: &[u8]| {
            let (head, rest) = trimmed.split_at_checked(word.len())?;
            let apart = !rest.first().is_some_and(u8::is_ascii_alphanumeric);
            (head.eq_ignore_ascii_case(word) && apart).then_some(rest)
        };
        let (ok, rest) = match (indicator(b"+OK"), indicator(b"-ERR")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(NotAReply { line: line.to_vec() }),
        };
        Ok(Reply { ok, text: rest.trim_ascii_start().to_vec() })
    }

    /// Whether it is `+OK`.
    pub fn is_ok(&self) -> bool {
        self.ok
    }

    /// What follows the indicator, response code included; raw octets of the server.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The response code, if the text begins with one.
    pub fn code(&self) -> Option<Code> {
        let (code, _) = self.split_code()?;
        let code = code.split(|octet| *octet == b' ').next().unwrap_or_default().to_ascii_uppercase();
        let mut levels = code.split(|octet| *octet == b'/');
        Some(match (levels.next().unwrap_or_default(), levels.next()) {
            (b"AUTH", _) => Code::Auth,
            (b"IN-USE", _) => Code::InUse,
            (b"LOGIN-DELAY", _) => Code::LoginDelay,
            (b"SYS", Some(b"TEMP")) => Code::SysTemp,
            (b"SYS", Some(b"PERM")) => Code::SysPerm,
            (b"SYS", _) => Code::Sys,
            (b"UTF8", _) => Code::Utf8,
            _ => Code::Unknown,
        })
    }

    /// Whether it is a refusal that says "not now".
    pub fn is_transient(&self) -> bool {
        !self.ok && self.code().is_some_and(Code::is_transient)
    }

    /// The timestamp of a greeting for APOP, brackets included (RFC 1939, section 7): the first
    /// well-formed msg-id, or none.
    pub fn apop_timestamp(&self) -> Option<&[u8]> {
        let proper = |id: &[u8]| {
            let mut halves = id.split(|octet| *octet == b'@');
            let plain = |half: Option<&[u8]>| {
                half.is_some_and(|half| {
                    !half.is_empty() && half.iter().all(|octet| octet.is_ascii_graphic() && *octet != b'<')
                })
            };
            plain(halves.next()) && plain(halves.next()) && halves.next().is_none()
        };
        self.text.iter().enumerate().filter(|(_, octet)| **octet == b'<').find_map(|(start, _)| {
            let end = start + memchr::memchr(b'>', &self.text[start..])?;
            proper(&self.text[start + 1..end]).then_some(&self.text[start..=end])
        })
    }

    /// Replaces each occurrence of `needle`, for a server that repeats a password.
    pub(crate) fn redact(&mut self, needle: &[u8]) {
        if let Some(clean) = redacted(&self.text, needle) {
            self.text = clean;
        }
    }

    fn split_code(&self) -> Option<(&[u8], &[u8])> {
        let inner = self.text.strip_prefix(b"[")?;
        let end = memchr::memchr(b']', inner)?;
        Some((&inner[..end], &inner[end + 1..]))
    }
}

/// `text` with `needle` masked; `None` when it does not occur.
pub(crate) fn redacted(text: &[u8], needle: &[u8]) -> Option<Vec<u8>> {
    if needle.is_empty() || memchr::memmem::find(text, needle).is_none() {
        return None;
    }
    let mut clean = Vec::with_capacity(text.len());
    let mut rest = 0;
    for found in memchr::memmem::find_iter(text, needle) {
        clean.extend_from_slice(&text[rest..found]);
        clean.extend_from_slice(super::command::MASK.as_bytes());
        rest = found + needle.len();
    }
    clean.extend_from_slice(&text[rest..]);
    Some(clean)
}

/// Where in `line` the base64 text of a SASL challenge stands (`+ text`, RFC 5034, section 4),
/// or `None` when the line is no challenge. A lone `+` is an empty one.
pub fn challenge(line: &[u8]) -> Option<Range<usize>> {
    let end = line.trim_ascii_end().len();
    match line {
        [b'+'] => Some(1..1),
        [b'+', b' ', ..] => {
            let blanks = line.len() - line[1..].trim_ascii_start().len();
            Some(blanks.min(end)..end)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(line: &str) -> Reply {
        Reply::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn both_indicators_in_any_case_and_spacing() {
        assert_eq!(reply("+OK 2 320").text(), b"2 320");
        assert!(reply("+OK").is_ok());
        assert!(reply("+ok\tthere").is_ok());
        assert_eq!(reply("  +OK   far  away ").text(), b"far  away ");
        assert!(!reply("-err no").is_ok());
        assert_eq!(reply("-ERR").text(), b"");
        assert_eq!(Reply::parse(b"+OK\xe9").unwrap().text(), b"\xe9");
    }

    #[test]
    fn garbage_is_an_error_and_is_kept() {
        for line in ["", "+", "+OKAY", "OK", "* OK IMAP4rev1", "220 smtp", "-ER", "+ OK", "\u{ff}"] {
            assert_eq!(Reply::parse(line.as_bytes()).unwrap_err().line, line.as_bytes());
        }
    }

    #[test]
    fn response_codes_known_and_by_prefix() {
        for (line, code) in [
            ("-ERR [AUTH] bad", Some(Code::Auth)),
            ("-ERR [in-use] locked", Some(Code::InUse)),
            ("-ERR [LOGIN-DELAY 300] slow down", Some(Code::LoginDelay)),
            ("-ERR [SYS/TEMP] later", Some(Code::SysTemp)),
            ("-ERR [SYS/TEMP/DISK] later", Some(Code::SysTemp)),
            ("-ERR [SYS/PERM] broken", Some(Code::SysPerm)),
            ("-ERR [SYS/ODD] hm", Some(Code::Sys)),
            ("-ERR [UTF8] needed", Some(Code::Utf8)),
            ("-ERR [X-THING] hm", Some(Code::Unknown)),
            ("-ERR plain [AUTH]", None),
            ("-ERR [AUTH", None),
        ] {
            assert_eq!(reply(line).code(), code, "{line}");
        }
        assert!(reply("-ERR [IN-USE]").is_transient());
        assert!(!reply("-ERR [AUTH]").is_transient());
        assert!(!reply("+OK [IN-USE]").is_transient());
    }

    #[test]
    fn challenges() {
        let text = |line: &'static str| challenge(line.as_bytes()).map(|range| &line[range]);
        assert_eq!(text("+ "), Some(""));
        assert_eq!(text("+"), Some(""));
        assert_eq!(text("+ PDE4OTY+"), Some("PDE4OTY+"));
        assert_eq!(text("+  PDE4OTY= "), Some("PDE4OTY="));
        assert_eq!(challenge(b"+OK"), None);
        assert_eq!(challenge(b"-ERR"), None);
    }

    #[test]
    fn apop_wants_a_proper_msg_id() {
        let stamp = "<1896.697170952@dbc.mtview.ca.us>";
        let greeting = reply(&format!("+OK POP3 <ready> {stamp}"));
        assert_eq!(greeting.apop_timestamp(), Some(stamp.as_bytes()));
        for bad in
            ["+OK <>", "+OK <a@>", "+OK <@b>", "+OK <a b@c>", "+OK <a@b@c>", "+OK <a@b", "+OK <a@\x07>"]
        {
            assert_eq!(reply(bad).apop_timestamp(), None, "{bad}");
        }
    }

    #[test]
    fn a_repeated_password_is_masked() {
        let mut echo = reply("-ERR unknown: PASS hunter2 hunter2");
        echo.redact(b"hunter2");
        assert_eq!(echo.text(), b"unknown: PASS **** ****");
    }

    proptest! {
        #[test]
        fn never_panics(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(reply) = Reply::parse(&line) {
                let _ = (reply.code(), reply.apop_timestamp());
            }
            let _ = challenge(&line);
        }
    }
}
