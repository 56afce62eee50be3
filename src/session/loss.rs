//! Why a read or write of a connection failed, for POP3 and IMAP alike.

use std::io::{Error, ErrorKind};
use std::time::Instant;

/// What a failed read or write means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The run has no time left.
    RunTimeout,
    /// The deadline of what was waited for has passed.
    TimedOut,
    /// The other side has closed the connection.
    Closed,
    /// Anything else.
    Other,
}

impl Loss {
    /// `until` is the end of the run.
    pub(crate) fn of(source: &Error, until: Option<Instant>) -> Loss {
        match source.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock
                if until.is_some_and(|until| until <= Instant::now()) =>
            {
                Loss::RunTimeout
            }
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Loss::TimedOut,
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => Loss::Closed,
            _ => Loss::Other,
        }
    }
}
