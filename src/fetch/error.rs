//! Why an account's run broke off.

use crate::archive::ArchiveError;
use crate::config::SecretError;
use crate::exit::Exit;
use crate::ledger::LedgerError;
use crate::net::NetError;
use crate::session::SessionError;

/// The first thing that went wrong; its text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// No connection.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The session failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No password.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The archive failed.
    #[error(transparent)]
    Archive(ArchiveError),
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
    /// A refused login rests before it is tried again. Exit 77.
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
    /// A signal asked the run to stop.
    #[error("stopped by a signal; everything finished is kept, and the next run continues from there")]
    Stopped {
        /// 130 or 143.
        exit: Exit,
    },
    /// Another popkeep has this maildrop's lock.
    #[error("another popkeep is working on {identity}; try again when it has finished, or use --wait 2m")]
    Busy {
        /// Whose maildrop.
        identity: String,
    },
}

impl From<ArchiveError> for AccountError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Ledger(error) => AccountError::Ledger(error),
            error => AccountError::Archive(error),
        }
    }
}

fn times_in_words(times: u32) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

impl AccountError {
    /// What was wrong with the connection, if that is it.
    pub fn net(&self) -> Option<&NetError> {
        match self {
            AccountError::Net(error) | AccountError::Session(SessionError::Net(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether all that is wrong is the time: the server wants to be left alone for a while.
    pub(super) fn is_for_later(&self) -> bool {
        matches!(self, AccountError::TooSoon { .. } | AccountError::Session(SessionError::TryLater { .. }))
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            AccountError::Stopped { exit } => *exit,
            AccountError::Net(error) => error.exit(),
            AccountError::Session(error) => error.exit(),
            AccountError::Secret(error) => error.exit(),
            AccountError::Ledger(error) => error.exit(),
            AccountError::Archive(error) => error.exit(),
            AccountError::Resting { .. } => Exit::REFUSED,
            AccountError::Busy { .. } | AccountError::TooSoon { .. } => Exit::TRY_LATER,
        }
    }
}
