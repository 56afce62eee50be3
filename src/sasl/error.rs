//! Why a mechanism cannot go on.

use super::scram::{MAX_ITERATIONS, MIN_ITERATIONS};
use crate::exit::Exit;

/// Why a mechanism cannot go on. Holds nothing of what the client said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The user name, password or token holds an octet that the mechanism cannot carry. Exit 78.
    #[error(
        "the user name or the password contains a control character, which {mechanism} cannot send; remove it"
    )]
    Uncarriable {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The server went on asking after everything was said. Exit 76.
    #[error("the server sent a challenge that is not part of {mechanism}; set `auth` to another mechanism")]
    UnexpectedChallenge {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// A challenge is not base64. Exit 76.
    #[error("the server sent a challenge that is not base64; set `auth` to another mechanism")]
    NotBase64,
    /// A challenge cannot be read. Exit 76.
    #[error("the server's {mechanism} challenge is not usable: {fault}; set `auth` to another mechanism")]
    Malformed {
        /// The mechanism.
        mechanism: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// SCRAM with too little work is no protection, with too much it is an attack. Exit 76.
    #[error(
        "the server wants the password hashed {found} times; popkeep does it {MIN_ITERATIONS} to \
         {MAX_ITERATIONS} times, for less protects nothing and more takes too long; set `auth` to another \
         mechanism"
    )]
    Iterations {
        /// What it wants.
        found: u64,
    },
    /// The server does not know the password: it is another one than ours, or somebody between. Exit 77.
    #[error(
        "the server could not prove that it knows this account's password ({mechanism}), so popkeep does not \
         trust it; somebody may be answering in its place"
    )]
    Unproven {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The named mechanism ties the login to TLS, and this connection has nothing to tie it to. Exit 78.
    #[error(
        "{mechanism} needs a TLS connection whose certificate allows channel binding, and this one does not \
         (certificates with Ed25519 keys do not); set auth = \"auto\""
    )]
    NoChannelBinding {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The system gives no random numbers. Exit 74.
    #[error("the system provides no random numbers: {reason}")]
    NoRandom {
        /// What it said.
        reason: String,
    },
}

impl SaslError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            SaslError::Uncarriable { .. } | SaslError::NoChannelBinding { .. } => Exit::CONFIG,
            SaslError::UnexpectedChallenge { .. }
            | SaslError::NotBase64
            | SaslError::Malformed { .. }
            | SaslError::Iterations { .. } => Exit::PROTOCOL,
            SaslError::Unproven { .. } => Exit::REFUSED,
            SaslError::NoRandom { .. } => Exit::IO,
        }
    }
}
