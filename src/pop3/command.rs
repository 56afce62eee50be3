//! Commands: what a client says, encoded and decoded.
//!
//! Promises: no argument smuggles a second command (CR, LF and NUL are refused), no command
//! line is longer than [`MAX_COMMAND`] octets. Must never: show a secret, be it in `Debug`,
//! in the [masked](Command::masked) form or in an error.

use std::fmt;

/// The longest command line with its CRLF, in octets (RFC 2449, section 4). Some servers ban
/// a client that sends more.
pub const MAX_COMMAND: usize = 255;

/// The longest line with its CRLF, in octets, that answers a SASL challenge (RFC 5034,
/// section 4, names this figure for the exchange).
pub const MAX_RESPONSE: usize = 12_288;

/// What stands for a secret wherever people can see it.
pub const MASK: &str = "****";

/// Text that is never shown: `Debug` prints [`MASK`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret<'a>(pub &'a str);

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// One command (RFC 1939; CAPA is RFC 2449, STLS RFC 2595, AUTH RFC 5034).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `USER name`.
    User(&'a str),
    /// `PASS string`; everything after the first space is the password.
    Pass(Secret<'a>),
    /// `APOP name digest`.
    Apop {
        /// Who logs in.
        name: &'a str,
        /// MD5 of timestamp and password, in hexadecimal.
        digest: Secret<'a>,
    },
    /// `AUTH mechanism [initial-response]`.
    Auth {
        /// The SASL mechanism's registered name.
        mechanism: &'a str,
        /// In base64; an empty one goes over the wire as `=`.
        initial: Option<Secret<'a>>,
    },
    /// `STLS`.
    Stls,
    /// `CAPA`.
    Capa,
    /// `UTF8` (RFC 6856): messages come as they are, with 8-bit headers.
    Utf8,
    /// `STAT`.
    Stat,
    /// `LIST [number]`.
    List(Option<u32>),
    /// `UIDL [number]`.
    Uidl(Option<u32>),
    /// `RETR number`.
    Retr(u32),
    /// `TOP number lines`.
    Top {
        /// The message number.
        number: u32,
        /// How many lines of the message's body to send after its header.
        lines: u32,
    },
    /// `DELE number`.
    Dele(u32),
    /// `NOOP`.
    Noop,
    /// `RSET`.
    Rset,
    /// `QUIT`.
    Quit,
}

/// Why a command cannot be sent. Holds no argument: that could be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An argument holds CR, LF or NUL.
    #[error(
        "the argument of {command} contains a line end or NUL, which POP3 cannot send; check the user name and password"
    )]
    ForbiddenOctet {
        /// The command's keyword.
        command: &'static str,
    },
    /// The line would be too long.
    #[error(
        "{command} would be a line of {length} octets, more than the {limit} allowed; use a shorter user name or password, or another `auth`"
    )]
    TooLong {
        /// The command's keyword.
        command: &'static str,
        /// Octets of the line with its CRLF.
        length: usize,
        /// Octets allowed.
        limit: usize,
    },
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The keyword is not one of POP3's.
    #[error("unknown command")]
    Unknown,
    /// The keyword is known, its arguments are not as they must be.
    #[error("{0} has wrong arguments")]
    Arguments(&'static str),
    /// The line is longer than [`MAX_COMMAND`].
    #[error("the command line is too long")]
    TooLong,
}

impl<'a> Command<'a> {
    /// The keyword.
    pub fn keyword(&self) -> &'static str {
        match self {
            Command::User(_) => "USER",
            Command::Pass(_) => "PASS",
            Command::Apop { .. } => "APOP",
            Command::Auth { .. } => "AUTH",
            Command::Stls => "STLS",
            Command::Capa => "CAPA",
            Command::Utf8 => "UTF8",
            Command::Stat => "STAT",
            Command::List(_) => "LIST",
            Command::Uidl(_) => "UIDL",
            Command::Retr(_) => "RETR",
            Command::Top { .. } => "TOP",
            Command::Dele(_) => "DELE",
            Command::Noop => "NOOP",
            Command::Rset => "RSET",
            Command::Quit => "QUIT",
        }
    }

    /// Appends the line with its CRLF to `out`; on an error `out` is as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        self.write(out, |secret| secret.0);
        seal(out, start, self.keyword(), MAX_COMMAND)
    }

    /// The line without its end, every secret replaced by [`MASK`]: fit for a trace.
    pub fn masked(&self) -> Vec<u8> {
        let mut line = Vec::new();
        self.write(&mut line, |_| MASK);
        line
    }

    fn write(&self, out: &mut Vec<u8>, reveal: impl Fn(Secret<'a>) -> &'a str) {
        out.extend_from_slice(self.keyword().as_bytes());
        let mut word = |word: &str| {
            out.push(b' ');
            out.extend_from_slice(word.as_bytes());
        };
        match *self {
            Command::User(name) => word(name),
            Command::Pass(password) => word(reveal(password)),
            Command::Apop { name, digest } => {
                word(name);
                word(reveal(digest));
            }
            Command::Auth { mechanism, initial } => {
                word(mechanism);
                match initial {
                    Some(Secret("")) => word("="),
                    Some(response) => word(reveal(response)),
                    None => {}
                }
            }
            Command::List(Some(number))
            | Command::Uidl(Some(number))
            | Command::Retr(number)
            | Command::Dele(number) => word(&number.to_string()),
            Command::Top { number, lines } => {
                word(&number.to_string());
                word(&lines.to_string());
            }
            Command::Stls
            | Command::Capa
            | Command::Utf8
            | Command::Stat
            | Command::List(None)
            | Command::Uidl(None)
            | Command::Noop
            | Command::Rset
            | Command::Quit => {}
        }
    }

    /// Reads a line without its CRLF, as a server does. Keywords come in any case.
    pub fn decode(line: &'a [u8]) -> Result<Self, DecodeError> {
        if line.len() + 2 > MAX_COMMAND {
            return Err(DecodeError::TooLong);
        }
        let split = line.iter().position(|&octet| octet == b' ').unwrap_or(line.len());
        let keyword = line[..split].to_ascii_uppercase();
        let rest = line.get(split + 1..);
        let bare = |command: Command<'a>| match rest.map(<[u8]>::trim_ascii) {
            None | Some(b"") => Ok(command),
            Some(_) => Err(DecodeError::Arguments(command.keyword())),
        };
        match keyword.as_slice() {
            b"USER" => text(rest).map(Command::User).ok_or(DecodeError::Arguments("USER")),
            b"PASS" => {
                text(rest).map(|word| Command::Pass(Secret(word))).ok_or(DecodeError::Arguments("PASS"))
            }
            b"APOP" => text(rest)
                .and_then(|words| words.rsplit_once(' '))
                .map(|(name, digest)| Command::Apop { name, digest: Secret(digest) })
                .ok_or(DecodeError::Arguments("APOP")),
            b"AUTH" => auth(rest).ok_or(DecodeError::Arguments("AUTH")),
            b"STLS" => bare(Command::Stls),
            b"CAPA" => bare(Command::Capa),
            b"UTF8" => bare(Command::Utf8),
            b"STAT" => bare(Command::Stat),
            b"NOOP" => bare(Command::Noop),
            b"RSET" => bare(Command::Rset),
            b"QUIT" => bare(Command::Quit),
            b"LIST" => match numbers(rest)[..] {
                [] => Ok(Command::List(None)),
                [Some(number)] => Ok(Command::List(Some(number))),
                _ => Err(DecodeError::Arguments("LIST")),
            },
            b"UIDL" => match numbers(rest)[..] {
                [] => Ok(Command::Uidl(None)),
                [Some(number)] => Ok(Command::Uidl(Some(number))),
                _ => Err(DecodeError::Arguments("UIDL")),
            },
            b"RETR" => match numbers(rest)[..] {
                [Some(number)] => Ok(Command::Retr(number)),
                _ => Err(DecodeError::Arguments("RETR")),
            },
            b"DELE" => match numbers(rest)[..] {
                [Some(number)] => Ok(Command::Dele(number)),
                _ => Err(DecodeError::Arguments("DELE")),
            },
            b"TOP" => match numbers(rest)[..] {
                [Some(number), Some(lines)] => Ok(Command::Top { number, lines }),
                _ => Err(DecodeError::Arguments("TOP")),
            },
            _ => Err(DecodeError::Unknown),
        }
    }
}

/// Appends the line that answers a SASL challenge (base64 text, or `*` to cancel), with its
/// CRLF; on an error `out` is as it was.
pub fn encode_response(response: Secret<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(response.0.as_bytes());
    seal(out, start, "AUTH", MAX_RESPONSE)
}

/// Ends the line that begins at `start`, or takes it back.
fn seal(out: &mut Vec<u8>, start: usize, command: &'static str, limit: usize) -> Result<(), EncodeError> {
    let line = &out[start..];
    let length = line.len() + 2;
    let fault = if line.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
        Some(EncodeError::ForbiddenOctet { command })
    } else if length > limit {
        Some(EncodeError::TooLong { command, length, limit })
    } else {
        None
    };
    if let Some(error) = fault {
        out.truncate(start);
        return Err(error);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn text(rest: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(rest?).ok()
}

fn auth(rest: Option<&[u8]>) -> Option<Command<'_>> {
    let words = text(rest)?;
    let (mechanism, initial) = match words.split_once(' ') {
        Some((mechanism, "=")) => (mechanism, Some(Secret(""))),
        Some((mechanism, initial)) => (mechanism, Some(Secret(initial))),
        None => (words, None),
    };
    (!mechanism.is_empty()).then_some(Command::Auth { mechanism, initial })
}

/// Every word as a number; `None` for one that is none.
fn numbers(rest: Option<&[u8]>) -> Vec<Option<u32>> {
    rest.unwrap_or_default()
        .split(|&octet| octet == b' ')
        .filter(|word| !word.is_empty())
        .map(|word| {
            let digits = word.iter().all(u8::is_ascii_digit);
            std::str::from_utf8(word).ok().filter(|_| digits)?.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests;
