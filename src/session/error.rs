//! Why a session ended before its time.

use crate::exit::Exit;
use crate::net::NetError;
use crate::pop3::command::EncodeError;
use crate::pop3::dialogue::DialogueError;
use crate::pop3::listing::ListingError;
use crate::pop3::refusal::{NotNow, Refusal};
use crate::pop3::reply::Reply;
use crate::sasl::{Complaint, Mechanism, SaslError, SecretKind};
use crate::text::safe::escape;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

/// What stands for a command while the server's first line is due.
pub(super) const GREETING: &str = "the greeting";

/// CAPA before the login.
pub(super) const CAPA: &str = "CAPA";

/// CAPA once more, after it.
pub(super) const CAPA_AFTER_LOGIN: &str = "CAPA after the login";

/// What went wrong. `during` names the command whose reply was due, or `the greeting`. Text
/// of the server is kept raw; `Display` escapes it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The first line is neither `+OK` nor `-ERR`. Exit 76.
    #[error(
        "the server does not speak POP3: it said “{}”; check `host`, `port` and `tls`",
        escape(.text)
    )]
    NotPop3 {
        /// The line, or what there was of it.
        text: Vec<u8>,
    },
    /// The connection ended without a greeting. Exit 69.
    #[error("the server closed the connection before it greeted; check `port` and `tls`, or try again later")]
    ClosedBeforeGreeting,
    /// The greeting is `-ERR`, and not for now only. Exit 76.
    #[error(
        "the server refused the connection: “{}”; try again later, or ask its operator",
        escape(.reply.text())
    )]
    GreetingRefused {
        /// What it said.
        reply: Reply,
    },
    /// The connection ended while a reply was due. Exit 69.
    #[error("the server closed the connection instead of answering {during}; run popkeep again")]
    Closed {
        /// The command.
        during: &'static str,
    },
    /// The reply did not come in time. Exit 69.
    #[error(
        "the server was too slow with {during}: no whole line, or less than 4 KiB of a message, in {} s; {}",
        .after.as_secs_f64(),
        if *.during == GREETING { "check that `tls` fits this `port`" } else { "try again later, or raise `timeout`" }
    )]
    TimedOut {
        /// The command.
        during: &'static str,
        /// The configured `timeout`.
        after: Duration,
    },
    /// The account's whole run took too long. Exit 69.
    #[error(
        "the run took longer than `run_timeout` (during {during}); what is stored is kept, and the next run continues from there"
    )]
    RunTimeout {
        /// The command, or what was done.
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
        source: DialogueError,
    },
    /// Octets arrived that belong to no command: from here on no reply can be trusted. Exit 76.
    #[error(
        "the server sent “{}” without being asked, so popkeep cannot trust its answers and gave up the session; run popkeep again",
        escape(.octets)
    )]
    Surplus {
        /// The first of them, at most 80.
        octets: Vec<u8>,
    },
    /// A header has no end in sight. Exit 76.
    #[error(
        "the answer to TOP for message {number} is longer than any header ({limit} octets), so popkeep gave up the \
         session"
    )]
    EndlessHeader {
        /// The message.
        number: u32,
        /// Octets allowed.
        limit: u64,
    },
    /// The listing is too long. Exit 76.
    #[error("{0}; popkeep does not handle such a maildrop")]
    Listing(#[from] ListingError),
    /// Something followed the `+OK` of STLS in clear text. Exit 76.
    #[error(
        "the server's answer to STLS was followed by clear text, so popkeep closed the connection before the \
         login; somebody may be tampering with it"
    )]
    Injected,
    /// STLS was refused. Exit 76.
    #[error(
        "the server does not offer STLS (it said “{}”); if it has a TLS port (995), set tls = \"implicit\"",
        escape(.reply.text())
    )]
    NoStls {
        /// What it said.
        reply: Reply,
    },
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
    /// APOP is configured and cannot be used. Exit 77.
    #[error(
        "APOP cannot be used with this server: {reason}; set `auth` to another mechanism, or to \"auto\""
    )]
    NoApop {
        /// Why.
        reason: &'static str,
    },
    /// The server said "not now": the maildrop is locked, or a passing problem. Exit 75.
    #[error("the server refused {during} for now: “{}”; {}", escape(.reply.text()), later(.reply))]
    TryLater {
        /// The command.
        during: &'static str,
        /// What it said.
        reply: Reply,
    },
    /// After the login the server said that it holds no more, as when an access token has expired. Exit 75.
    #[error("the server ended the session at {during}: “{}”; run popkeep again", escape(.reply.text()))]
    LoginOver {
        /// The command.
        during: &'static str,
        /// What it said.
        reply: Reply,
    },
    /// A command that must work was refused. Exit 76.
    #[error("the server refused {command}: “{}”; run popkeep with -vv to see the whole conversation", escape(.reply.text()))]
    Refused {
        /// The command.
        command: &'static str,
        /// What it said.
        reply: Reply,
    },
    /// The password would have crossed a network in clear text; nothing was sent. Exit 78.
    #[error(
        "the connection is not encrypted, so popkeep did not send the password; \
         use tls = \"implicit\" or \"starttls\", or set allow_plaintext = true"
    )]
    ClearTextRefused,
    /// TLS could not be had.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An argument cannot be sent. Exit 78.
    #[error(transparent)]
    Unencodable(#[from] EncodeError),
    /// The mechanism cannot go on. Exit by its kind.
    #[error(transparent)]
    Sasl(#[from] SaslError),
    /// A receipt of another session: message numbers mean something else there. Exit 1.
    #[error(
        "internal error: the receipt for message {number} belongs to another session; it was not deleted"
    )]
    ForeignReceipt {
        /// The message.
        number: u32,
    },
    /// A call that the session's state does not allow. Exit 1.
    #[error("internal error: {0}")]
    Order(&'static str),
}

impl SessionError {
    /// Whether another session has the maildrop, so that waiting for it may help.
    pub fn is_in_use(&self) -> bool {
        matches!(self, SessionError::TryLater { reply, .. }
            if Refusal::of(reply) == Refusal::NotNow(NotNow::InUse))
    }

    /// Whether the server's first line was due.
    pub fn is_of_the_greeting(&self) -> bool {
        match self {
            SessionError::ClosedBeforeGreeting | SessionError::GreetingRefused { .. } => true,
            SessionError::TryLater { during, .. }
            | SessionError::Io { during, .. }
            | SessionError::TimedOut { during, .. } => *during == GREETING,
            _ => false,
        }
    }

    /// Whether the server refused a token as expired or not valid, so that a new one may help.
    pub fn wants_new_token(&self) -> bool {
        matches!(self, SessionError::LoginRefused(refusal) if refusal.blames_token())
    }

    /// The command that a server did not answer, or hung up at.
    pub fn silence(&self) -> Option<&'static str> {
        match self {
            SessionError::Closed { during } | SessionError::TimedOut { during, .. } => Some(during),
            _ => None,
        }
    }

    /// Whether a new session may get further: the connection was lost, the login has come to its end, or the server's
    /// answers no longer fit our questions.
    pub fn may_go_better_anew(&self) -> bool {
        matches!(
            self,
            SessionError::Closed { .. }
                | SessionError::TimedOut { .. }
                | SessionError::Io { .. }
                | SessionError::Protocol { .. }
                | SessionError::Surplus { .. }
                | SessionError::LoginOver { .. }
        )
    }

    /// Whether the server's answers do not fit our questions: which of those before belonged to which
    /// command is not certain either.
    pub fn is_disorder(&self) -> bool {
        matches!(self, SessionError::Protocol { .. } | SessionError::Surplus { .. })
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            // Under TLS 1.3 a server says so only after the handshake.
            SessionError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => Exit::REFUSED,
            SessionError::ClosedBeforeGreeting
            | SessionError::Closed { .. }
            | SessionError::TimedOut { .. }
            | SessionError::RunTimeout { .. }
            | SessionError::Io { .. } => Exit::UNAVAILABLE,
            SessionError::NotPop3 { .. }
            | SessionError::GreetingRefused { .. }
            | SessionError::Protocol { .. }
            | SessionError::Surplus { .. }
            | SessionError::EndlessHeader { .. }
            | SessionError::Listing(_)
            | SessionError::Injected
            | SessionError::NoStls { .. }
            | SessionError::Refused { .. } => Exit::PROTOCOL,
            SessionError::LoginRefused(_)
            | SessionError::NothingFits { .. }
            | SessionError::NoApop { .. } => Exit::REFUSED,
            SessionError::TryLater { .. } | SessionError::LoginOver { .. } => Exit::TRY_LATER,
            SessionError::ClearTextRefused | SessionError::Unencodable(_) => Exit::CONFIG,
            SessionError::Sasl(error) => error.exit(),
            SessionError::Net(error) => error.exit(),
            SessionError::ForeignReceipt { .. } | SessionError::Order(_) => Exit::MISSING,
        }
    }
}

/// What the server said against a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRefusal {
    /// How it was tried.
    pub mechanism: Mechanism,
    /// The `-ERR`.
    pub reply: Reply,
    /// What that means; never "not now".
    pub meaning: Refusal,
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
            let text = String::from_utf8_lossy(self.reply.text()).to_ascii_lowercase();
            text.contains("expired") || text.contains("invalid_token") || text.contains("invalid token")
        };
        self.mechanism.takes() == SecretKind::Token
            && (self.complaint.as_ref().is_some_and(|complaint| complaint.token) || expired())
    }
}

/// What to do about a refused login; `automatic`: popkeep chose the mechanism, not the configuration.
pub(crate) fn advice(meaning: Refusal, mechanism: Mechanism, automatic: bool) -> String {
    match (meaning, mechanism.takes()) {
        (Refusal::Broken, _) => "only the server's operator can fix that; ask your provider".to_owned(),
        (Refusal::Mechanism, _) => {
            format!("the server does not allow {mechanism} here; set `auth` to another mechanism")
        }
        (_, SecretKind::Token) => "check `user` and the token".to_owned(),
        (_, SecretKind::Certificate) => "check `user` and the client certificate".to_owned(),
        (_, SecretKind::Password) if automatic && !mechanism.reveals_secret() => format!(
            "check `user` and the password; if they are right, {mechanism} may not work on this server, so \
             try auth = \"plain\" or \"user\" (over TLS)"
        ),
        (_, SecretKind::Password) => "check `user`, the password and `auth`".to_owned(),
    }
}

impl fmt::Display for LoginRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused the login ({}): “{}”", self.mechanism, escape(self.reply.text()))?;
        if let Some(complaint) = &self.complaint {
            write!(f, " (its reason: {})", escape(complaint.text.as_bytes()))?;
        }
        write!(f, "; {}", advice(self.meaning, self.mechanism, self.automatic))?;
        self.origin.as_ref().map_or(Ok(()), |origin| write!(f, "; {origin}"))
    }
}

impl std::error::Error for LoginRefusal {}

/// What to do about a reply that says "not now".
fn later(reply: &Reply) -> &'static str {
    match Refusal::of(reply) {
        Refusal::NotNow(why) => why.advice(),
        _ => "try again later",
    }
}

/// What there is to log in with, in words.
pub(crate) fn secret_words(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Password => "a password",
        SecretKind::Token => "an access token (OAUTHBEARER or XOAUTH2)",
        SecretKind::Certificate => "a client certificate alone (EXTERNAL)",
    }
}
