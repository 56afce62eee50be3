//! A command that a person typed, to be sent as such.
//!
//! Promises: only what POP3 knows after the login can be said, so that the shape of the answer is
//! known and one command is one command; nothing typed is sent before it has been understood. Must
//! never: be made by anything but a prompt. A message that a program deletes needs a
//! [`Receipt`](crate::receipt::Receipt); one that a person deletes by hand does not, which is why
//! this is a type of its own, and why a lint bans [`Typed::read`] elsewhere.

use super::command::{Command, DecodeError, MAX_COMMAND};
use crate::text::safe::escape;

/// One of STAT, LIST, RETR, DELE, NOOP, RSET, TOP, UIDL, CAPA and QUIT with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed(Command<'static>);

/// Why a line is not sent. Holds no argument: that could be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// A command of the AUTHORIZATION state.
    #[error("{keyword}: not sent; you are already logged in")]
    LoggedIn {
        /// The command's keyword.
        keyword: &'static str,
    },
    /// STLS, which RFC 2595 allows before the login only.
    #[error(
        "STLS: not sent; TLS starts before the login, if `tls` in the configuration says so \
         (`popkeep check` shows whether it is on)"
    )]
    Tls,
    /// UTF8, which RFC 6856 allows before the login only.
    #[error("UTF8: not sent; popkeep turns it on before the login, if the server offers it")]
    Utf8,
    /// A command of POP3 with arguments that it does not have.
    #[error("{keyword}: not sent; write {usage}")]
    Arguments {
        /// The command's keyword.
        keyword: &'static str,
        /// How it is written.
        usage: &'static str,
    },
    /// Not a command of POP3.
    #[error("{word}: unknown command, not sent; type HELP for the list")]
    Unknown {
        /// The first word, safe to be shown.
        word: String,
    },
    /// Longer than any command.
    #[error("line not sent: a command has at most {MAX_COMMAND} octets")]
    TooLong,
}

impl Typed {
    /// Reads a line without its end. Keywords come in any case; blanks around words do not matter.
    pub fn read(line: &[u8]) -> Result<Typed, Unsaid> {
        let line = line.trim_ascii();
        let command = Command::decode(line).map_err(|error| match error {
            DecodeError::TooLong => Unsaid::TooLong,
            DecodeError::Arguments(keyword) => match usage(keyword) {
                Some(usage) => Unsaid::Arguments { keyword, usage },
                None => before_login(keyword),
            },
            DecodeError::Unknown => {
                let word = line.split(|octet| *octet == b' ').next().unwrap_or_default();
                Unsaid::Unknown { word: escape(word) }
            }
        })?;
        Ok(Typed(match command {
            Command::Stat => Command::Stat,
            Command::List(number) => Command::List(number),
            Command::Uidl(number) => Command::Uidl(number),
            Command::Retr(number) => Command::Retr(number),
            Command::Top { number, lines } => Command::Top { number, lines },
            Command::Dele(number) => Command::Dele(number),
            Command::Noop => Command::Noop,
            Command::Rset => Command::Rset,
            Command::Capa => Command::Capa,
            Command::Quit => Command::Quit,
            Command::User(_)
            | Command::Pass(_)
            | Command::Apop { .. }
            | Command::Auth { .. }
            | Command::Stls
            | Command::Utf8 => return Err(before_login(command.keyword())),
        }))
    }

    /// What it says.
    pub fn command(&self) -> &Command<'static> {
        &self.0
    }
}

/// How a command of the TRANSACTION state is written.
fn usage(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "LIST" => "LIST or LIST NUMBER",
        "UIDL" => "UIDL or UIDL NUMBER",
        "RETR" => "RETR NUMBER",
        "DELE" => "DELE NUMBER",
        "TOP" => "TOP NUMBER LINES",
        "STAT" | "NOOP" | "RSET" | "CAPA" | "QUIT" => "it without arguments",
        _ => return None,
    })
}

fn before_login(keyword: &'static str) -> Unsaid {
    match keyword {
        "STLS" => Unsaid::Tls,
        "UTF8" => Unsaid::Utf8,
        _ => Unsaid::LoggedIn { keyword },
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "this is where it is made")]
mod tests {
    use super::{Typed, Unsaid};
    use crate::pop3::command::Command;
    use proptest::prelude::*;

    fn read(line: &str) -> Result<Command<'static>, Unsaid> {
        Typed::read(line.as_bytes()).map(|typed| *typed.command())
    }

    #[test]
    fn what_people_once_typed_into_telnet() {
        for (line, command) in [
            ("stat", Command::Stat),
            ("LIST", Command::List(None)),
            (" list  3 ", Command::List(Some(3))),
            ("Retr 3", Command::Retr(3)),
            ("uidl 3", Command::Uidl(Some(3))),
            ("top 3 2", Command::Top { number: 3, lines: 2 }),
            ("dele 2", Command::Dele(2)),
            ("noop", Command::Noop),
            ("rset", Command::Rset),
            ("capa", Command::Capa),
            ("quit", Command::Quit),
        ] {
            assert_eq!(read(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_belongs_before_the_login_is_explained() {
        for keyword in ["USER", "PASS", "APOP", "AUTH"] {
            for line in [keyword.to_owned(), format!("{keyword} a b")] {
                assert_eq!(read(&line), Err(Unsaid::LoggedIn { keyword }), "{line}");
            }
        }
        assert_eq!(read("stls"), Err(Unsaid::Tls));
        assert_eq!(read("stls now"), Err(Unsaid::Tls));
        assert_eq!(read("UTF8"), Err(Unsaid::Utf8));
    }

    #[test]
    fn a_password_that_was_typed_is_not_repeated() {
        let words = read("pass tiger2").unwrap_err().to_string();
        assert!(!words.contains("tiger2"), "{words}");
    }

    #[test]
    fn what_cannot_be_understood_is_not_sent() {
        for line in
            ["LIST all", "RETR", "RETR 1 2", "RETR -1", "RETR 99999999999", "TOP 1", "DELE x", "STAT 1"]
        {
            assert!(matches!(read(line), Err(Unsaid::Arguments { .. })), "{line}");
        }
        assert_eq!(read("DELE x").unwrap_err().to_string(), "DELE: not sent; write DELE NUMBER");
        for line in ["XTND XLST", "LAST", "\u{1b}[2J", "RETR\t1", "STAT\0"] {
            assert!(matches!(read(line), Err(Unsaid::Unknown { .. })), "{line}");
        }
        assert!(!read("\u{1b}[2J 1").unwrap_err().to_string().contains('\u{1b}'));
        assert_eq!(read(&format!("LIST {}1", "0".repeat(300))), Err(Unsaid::TooLong));
    }

    proptest! {
        #[test]
        fn one_line_is_never_two(line in prop::collection::vec(any::<u8>(), 0..80), tail in "[\\r\\n a-zA-Z0-9]{0,20}") {
            for line in [line, format!("LIST {tail}").into_bytes(), format!("TOP 1 {tail}").into_bytes()] {
                if let Ok(typed) = Typed::read(&line) {
                    let mut sent = Vec::new();
                    typed.command().encode(&mut sent).unwrap();
                    prop_assert_eq!(sent.iter().filter(|octet| matches!(octet, b'\r' | b'\n')).count(), 2);
                    prop_assert!(sent.ends_with(b"\r\n"));
                }
            }
        }
    }
}
