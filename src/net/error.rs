//! Why a connection could not be had, in words that say what to do.

use crate::exit::Exit;

/// Why a connection could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The name does not resolve. Exit 68.
    #[error("host name {host} is not known ({reason}); check `host` and the name service")]
    UnknownHost {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// No address could be connected to. Exit 69.
    #[error("cannot connect to {host} port {port}: {reason}")]
    Unreachable {
        /// The name.
        host: String,
        /// The port.
        port: u16,
        /// What the system said about the address that got furthest, and what to do.
        reason: String,
    },
    /// The handshake did not end in time, or the connection broke in it. Exit 69.
    #[error("the TLS handshake with {host} did not finish: {reason}")]
    HandshakeBroken {
        /// The name.
        host: String,
        /// What happened.
        reason: String,
    },
    /// Both sides speak TLS, but found no common ground, or one of them gave up with an alert.
    /// Exit 76.
    #[error("no TLS connection with {host}: {reason}")]
    HandshakeRefused {
        /// The name.
        host: String,
        /// What the TLS library said.
        reason: String,
    },
    /// The other side does not speak TLS here. Exit 76.
    #[error("{host} does not speak TLS on port {port} ({reason}); is `tls` right for this port?")]
    NotTls {
        /// The name.
        host: String,
        /// The port.
        port: u16,
        /// What the TLS library said.
        reason: String,
    },
    /// The certificate is not trusted. Exit 77.
    #[error("the certificate of {host} is not trusted: {reason}")]
    Certificate {
        /// The name.
        host: String,
        /// Which of expired, wrong name, unknown issuer, self-signed it is, and what to do.
        reason: String,
    },
    /// `tls_ca_file` cannot be used. Exit 78.
    #[error("tls_ca_file {path} cannot be used: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The system's TLS library could not be set up. Exit 69.
    #[error("TLS cannot be set up: {reason}")]
    Library {
        /// What the TLS library said.
        reason: String,
    },
}

impl NetError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            NetError::UnknownHost { .. } => Exit::NO_HOST,
            NetError::Unreachable { .. } | NetError::HandshakeBroken { .. } | NetError::Library { .. } => {
                Exit::UNAVAILABLE
            }
            NetError::NotTls { .. } | NetError::HandshakeRefused { .. } => Exit::PROTOCOL,
            NetError::Certificate { .. } => Exit::REFUSED,
            NetError::CaFile { .. } => Exit::CONFIG,
        }
    }
}
