//! How a server breaks the protocol.

use crate::text::safe::escape;

/// Octets of a line that a fault shows.
pub(super) const SHOWN: usize = 80;

/// What is wrong with what a server said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A line is neither untagged, nor tagged, nor a continuation.
    #[error("it said “{}”, which is no IMAP response", escape(.line))]
    NotAResponse {
        /// The beginning of the line.
        line: Vec<u8>,
    },
    /// A response of a known kind is not written as it must be.
    #[error("its {what} cannot be understood: “{}”", escape(.line))]
    Malformed {
        /// The kind of response.
        what: &'static str,
        /// The beginning of the line.
        line: Vec<u8>,
    },
    /// A response is longer than what is held of one.
    #[error("a response is longer than {limit} octets")]
    LineTooLong {
        /// Octets allowed.
        limit: usize,
    },
    /// A literal is longer than what is taken of one.
    #[error("a literal has {octets} octets, more than the {limit} allowed")]
    LiteralTooLong {
        /// Octets announced.
        octets: u64,
        /// Octets allowed.
        limit: u64,
    },
    /// NUL outside of a literal.
    #[error("a NUL octet is in a response")]
    Nul,
    /// A tagged response to no command of ours.
    #[error("it answered “{}”, a command that was not sent", escape(.tag))]
    ForeignTag {
        /// The tag, or the beginning of it.
        tag: Vec<u8>,
    },
    /// A continuation request that nothing waits for.
    #[error("it asked for more of a command that was complete")]
    UnexpectedContinuation,
    /// What nobody asked for has no end.
    #[error("more than {limit} octets came that nobody asked for")]
    Chatter {
        /// Octets allowed for one command.
        limit: u64,
    },
    /// A listing is longer than any that is believed.
    #[error("the listing is longer than {limit} octets")]
    EndlessListing {
        /// Octets allowed.
        limit: u64,
    },
    /// What was fetched belongs to another message.
    #[error("it sent message {found} instead of {asked}")]
    OtherMessage {
        /// The UID asked for.
        asked: u32,
        /// The UID that came.
        found: u32,
    },
    /// A command was answered `OK` before all of it was sent.
    #[error("it said that messages were appended that had not been sent whole")]
    TooEarly,
    /// EXAMINE was answered without the count of messages.
    #[error("it opened the folder without saying how many messages are in it")]
    NoCount,
}

impl Fault {
    /// A response of kind `what` that is not written as it must be.
    pub(super) fn malformed(what: &'static str, line: &[u8]) -> Fault {
        Fault::Malformed { what, line: beginning(line) }
    }

    /// The same fault, what it shows of the server's text passed through `clean`.
    pub(super) fn cleaned(self, clean: impl Fn(&[u8]) -> Vec<u8>) -> Fault {
        match self {
            Fault::NotAResponse { line } => Fault::NotAResponse { line: clean(&line) },
            Fault::Malformed { what, line } => Fault::Malformed { what, line: clean(&line) },
            Fault::ForeignTag { tag } => Fault::ForeignTag { tag: clean(&tag) },
            other => other,
        }
    }
}

/// As much of a line as is shown.
pub(super) fn beginning(line: &[u8]) -> Vec<u8> {
    line[..line.len().min(SHOWN)].to_vec()
}
