//! Why an IMAP connection ended before its time, or did not do what it was asked to.

use super::code::Refusal;
use super::fault::Fault;
use super::folder::NameError;
use crate::exit::Exit;
use crate::net::NetError;
use crate::refusal::Refusal as Meaning;
use crate::sasl::{Complaint, Mechanism, SaslError, SecretKind};
use crate::session::{advice, secret_words};
use crate::text::safe::escape;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

/// What stands for a command while the server's first line is due.
pub(super) const GREETING: &str = "the greeting";

/// What went wrong. `during` names the command whose answer was due, or `the greeting`. Text of the server is kept
/// raw; `Display` escapes it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImapError {
    /// The first line is no greeting of IMAP. Exit 76.
    #[error("the server does not speak IMAP: it said “{}”; check the host, the port and `tls`", escape(.text))]
    NotImap {
        /// The line, or what there was of it.
        text: Vec<u8>,
    },
    /// The connection ended without a greeting. Exit 69.
    #[error(
        "the server closed the connection before it greeted; check the port and `tls`, or try again later"
    )]
    ClosedBeforeGreeting,
    /// The greeting is `BYE`. Exit by what it says, 75 or 76.
    #[error("the server refused the connection: “{0}”; try again later, or ask its operator")]
    GreetingRefused(Refusal),
    /// The connection ended while an answer was due. Exit 69.
    #[error("the server closed the connection instead of answering {during}; run popkeep again")]
    Closed {
        /// The command.
        during: &'static str,
    },
    /// The server said that it ends the connection. Exit 75 if that is for a limit, an expired login or the like, else 69.
    #[error("the server ended the connection during {during}: “{refusal}”; {}", bye_advice(.refusal))]
    Bye {
        /// The command.
        during: &'static str,
        /// What it said.
        refusal: Refusal,
    },
    /// The answer did not come in time, or what was sent was not taken. Exit 69.
    #[error(
        "the server was too slow with {during}: no whole answer, or less than 4 KiB of a message, in {} s; {}",
        .after.as_secs_f64(),
        if *.during == GREETING { "check that `tls` fits this port" } else { "try again later, or raise `timeout`" }
    )]
    TimedOut {
        /// The command.
        during: &'static str,
        /// The configured `timeout`.
        after: Duration,
    },
    /// The whole run took too long. Exit 69.
    #[error("the run took too long (during {during}); the next run continues from there")]
    RunTimeout {
        /// The command.
        during: &'static str,
    },
    /// The connection broke. Exit 69; 77 if the server refused our certificate.
    #[error("the connection broke during {during}: {source}; run popkeep again")]
    Io {
        /// The command.
        during: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server broke the protocol. Exit 76.
    #[error(
        "the server broke the protocol in its answer to {during}: {source}; run popkeep again, and with -vv if it \
         keeps happening"
    )]
    Protocol {
        /// The command.
        during: &'static str,
        /// How.
        source: Fault,
    },
    /// An answer came before its command: from here on none can be trusted. Exit 76.
    #[error(
        "the server sent “{}” without being asked, so popkeep cannot trust its answers and gave up the connection; \
         run popkeep again",
        escape(.octets)
    )]
    Surplus {
        /// The first octets of it, at most 80.
        octets: Vec<u8>,
    },
    /// Something followed the `OK` of STARTTLS in clear text. Exit 76.
    #[error(
        "the server's answer to STARTTLS was followed by clear text, so popkeep closed the connection before the \
         login; somebody may be tampering with it"
    )]
    Injected,
    /// STARTTLS was refused. Exit 76.
    #[error(
        "the server does not offer STARTTLS (it said “{0}”); if it has a TLS port (993), set tls = \"implicit\""
    )]
    NoStartTls(Refusal),
    /// The server says in clear text that we are logged in already, so that TLS cannot begin (RFC 9051,
    /// section 11.1). Exit 76.
    #[error(
        "the server says in clear text that popkeep is logged in already, so TLS cannot begin and popkeep closed the \
         connection; somebody may be tampering with it"
    )]
    PreAuthInClearText,
    /// The login was refused. Exit 77.
    #[error(transparent)]
    LoginRefused(Box<LoginRefusal>),
    /// No mechanism that the server offers can be used with what is configured. Exit 77.
    #[error(
        "the server offers no way to log in with {}; it offers {}; see `auth` in popkeep.toml(5)",
        secret_words(*.kind),
        if .offered.is_empty() { "no SASL mechanism" } else { .offered }
    )]
    NothingFits {
        /// What there is to log in with.
        kind: SecretKind,
        /// The server's SASL mechanisms.
        offered: String,
    },
    /// APOP is configured, which IMAP does not have. Exit 78.
    #[error("IMAP has no APOP; set `auth` to another mechanism, or to \"auto\"")]
    NoApop,
    /// The password would have crossed a network in clear text; nothing was sent. Exit 78.
    #[error(
        "the connection is not encrypted, so popkeep did not send the password; \
         use tls = \"implicit\" or \"starttls\", or set allow_plaintext = true"
    )]
    ClearTextRefused,
    /// The server said "not now". Exit 75.
    #[error("the server refused {during} for now: “{refusal}”; {}", .refusal.advice())]
    TryLater {
        /// The command.
        during: &'static str,
        /// What it said.
        refusal: Refusal,
    },
    /// A command was refused. Exit by what the server said: 73, 75 or 76.
    #[error("the server refused {during}: “{refusal}”; {}", .refusal.advice())]
    Refused {
        /// The command.
        during: &'static str,
        /// What it said.
        refusal: Refusal,
    },
    /// The user name or the password cannot be sent. Exit 78.
    #[error(
        "the user name or the password contains a line end or NUL, which IMAP cannot send; check the user name and \
         password"
    )]
    Unencodable,
    /// A name is no folder's. Exit 64.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A message to append could not be read; it was not appended. Exit 74.
    #[error("a message could not be read while it was sent, so it was not appended: {0}")]
    Source(#[source] std::io::Error),
    /// TLS did not begin.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The mechanism cannot go on. Exit by its kind.
    #[error(transparent)]
    Sasl(#[from] SaslError),
    /// A call that the connection's state does not allow. Exit 1.
    #[error("internal error: {0}")]
    Order(&'static str),
}

fn bye_advice(refusal: &Refusal) -> &'static str {
    if refusal.exit() == Exit::TRY_LATER { refusal.advice() } else { "run popkeep again" }
}

impl ImapError {
    /// Whether the server refused a token as expired or not valid, so that a new one may help.
    pub fn wants_new_token(&self) -> bool {
        matches!(self, ImapError::LoginRefused(refusal) if refusal.blames_token())
    }

    /// Whether the login, which was good before, holds no more, so that a new connection may get further.
    pub fn ends_the_login(&self) -> bool {
        let over = |refusal: &Refusal| refusal.cause() == super::code::Cause::LoginOver;
        matches!(self, ImapError::Refused { refusal, .. } | ImapError::Bye { refusal, .. } if over(refusal))
    }

    /// Whether the connection was lost, or its answers no longer fit our questions: a new one may get further.
    pub fn may_go_better_anew(&self) -> bool {
        matches!(
            self,
            ImapError::Closed { .. }
                | ImapError::Bye { .. }
                | ImapError::TimedOut { .. }
                | ImapError::Io { .. }
                | ImapError::Protocol { .. }
                | ImapError::Surplus { .. }
        ) || self.ends_the_login()
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            // Under TLS 1.3 a server says so only after the handshake.
            ImapError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => Exit::REFUSED,
            ImapError::Bye { refusal, .. } | ImapError::GreetingRefused(refusal)
                if refusal.exit() == Exit::TRY_LATER =>
            {
                Exit::TRY_LATER
            }
            ImapError::ClosedBeforeGreeting
            | ImapError::Closed { .. }
            | ImapError::Bye { .. }
            | ImapError::TimedOut { .. }
            | ImapError::RunTimeout { .. }
            | ImapError::Io { .. } => Exit::UNAVAILABLE,
            ImapError::NotImap { .. }
            | ImapError::GreetingRefused(_)
            | ImapError::Protocol { .. }
            | ImapError::Surplus { .. }
            | ImapError::Injected
            | ImapError::NoStartTls(_)
            | ImapError::PreAuthInClearText => Exit::PROTOCOL,
            ImapError::LoginRefused(_) | ImapError::NothingFits { .. } => Exit::REFUSED,
            ImapError::TryLater { .. } => Exit::TRY_LATER,
            ImapError::Refused { refusal, .. } => refusal.exit(),
            ImapError::ClearTextRefused | ImapError::NoApop | ImapError::Unencodable => Exit::CONFIG,
            ImapError::Name(_) => Exit::USAGE,
            ImapError::Source(_) => Exit::IO,
            ImapError::Net(error) => error.exit(),
            ImapError::Sasl(error) => error.exit(),
            ImapError::Order(_) => Exit::MISSING,
        }
    }
}

/// What the server said against a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRefusal {
    /// How it was tried; [`Mechanism::User`] is the LOGIN command.
    pub mechanism: Mechanism,
    /// The `NO` or `BAD`.
    pub refusal: Refusal,
    /// What that means; never "not now".
    pub meaning: Meaning,
    /// What the server said inside the mechanism.
    pub complaint: Option<Complaint>,
    /// popkeep chose the mechanism, not the configuration.
    pub automatic: bool,
    /// Where the secret came from, and what the provider wants for one, for people.
    pub origin: Option<String>,
}

impl LoginRefusal {
    /// Whether a new token may help.
    fn blames_token(&self) -> bool {
        let expired = || {
            let text = String::from_utf8_lossy(&self.refusal.text).to_ascii_lowercase();
            text.contains("expired") || text.contains("invalid_token") || text.contains("invalid token")
        };
        self.mechanism.takes() == SecretKind::Token
            && (self.complaint.as_ref().is_some_and(|complaint| complaint.token) || expired())
    }
}

impl fmt::Display for LoginRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.mechanism {
            Mechanism::User => "the LOGIN command",
            other => other.name(),
        };
        write!(f, "the server refused the login ({way}): “{}”", self.refusal)?;
        if let Some(complaint) = &self.complaint {
            write!(f, " (its reason: {})", escape(complaint.text.as_bytes()))?;
        }
        write!(f, "; {}", advice(self.meaning, self.mechanism, self.automatic))?;
        self.origin.as_ref().map_or(Ok(()), |origin| write!(f, "; {origin}"))
    }
}

impl std::error::Error for LoginRefusal {}
