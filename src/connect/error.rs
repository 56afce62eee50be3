//! Why there is no session.

use crate::config::SecretError;
use crate::exit::Exit;
use crate::imap::ImapError;
use crate::net::NetError;
use crate::oauth::SignInError;
use crate::session::SessionError;
use crate::stop::Stopped;

/// What kept us from logging in; its text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No connection.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The session failed before or at the login.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The IMAP connection failed before or at the login.
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// No password.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No access token.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The server wants more time between two logins (LOGIN-DELAY, RFC 2449, section 6.5). Exit 75.
    #[error(
        "skipped: the server wants {delay} s between logins, and the last one was {ago} s ago; \
         run popkeep again in {} s",
        delay.saturating_sub(*.ago)
    )]
    TooSoon {
        /// What CAPA says, in seconds.
        delay: u64,
        /// When we logged in last, in seconds before now.
        ago: u64,
    },
    /// A refused login is left alone for a while. Exit 77.
    #[error(
        "skipped: the server refused the login {}, last on {since}; popkeep tries again after {until}, or at once if \
         the configuration or password changes or you run it from a terminal",
        times_in_words(*.times)
    )]
    Resting {
        /// How often in a row.
        times: u32,
        /// When, the last time.
        since: String,
        /// When it is tried again.
        until: String,
    },
    /// A signal asked to stop. Exit 130 or 143.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

fn times_in_words(times: u32) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

impl ConnectError {
    /// What was wrong with the connection, if that is it.
    pub fn net(&self) -> Option<&NetError> {
        match self {
            ConnectError::Net(error)
            | ConnectError::Session(SessionError::Net(error))
            | ConnectError::Imap(ImapError::Net(error)) => Some(error),
            _ => None,
        }
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            ConnectError::Net(error) => error.exit(),
            ConnectError::Session(error) => error.exit(),
            ConnectError::Imap(error) => error.exit(),
            ConnectError::Secret(error) => error.exit(),
            ConnectError::SignIn(error) => error.exit(),
            ConnectError::TooSoon { .. } => Exit::TRY_LATER,
            ConnectError::Resting { .. } => Exit::REFUSED,
            ConnectError::Stopped(stopped) => stopped.exit,
        }
    }
}
