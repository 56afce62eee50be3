//! The network edge: TCP, TLS, and the deadline of every read and write.
//!
//! Promises: no call outlives its deadline; a certificate is verified before anything is
//! handed to the caller; nothing falls back to clear text.

mod tcp;
mod tls;

pub use tcp::connect;
pub use tls::TlsSettings;

use std::io::{Read, Write};
use std::time::Instant;

/// How a connection is protected now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Clear text.
    Plain {
        /// The connected peer's address is a loopback address.
        loopback: bool,
    },
    /// TLS, the certificate verified.
    Tls {
        /// SHA-256 of the server's leaf certificate, when the library shows it.
        fingerprint: Option<[u8; 32]>,
    },
}

impl Security {
    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Security::Tls { .. })
    }
}

/// A connection. A read or write past the deadline fails with [`std::io::ErrorKind::TimedOut`];
/// the end of the connection is a read of 0 octets. Dropping it closes the socket.
pub trait Transport: Read + Write + Send {
    /// The instant after which reads and writes fail; `None` for never.
    fn set_deadline(&mut self, deadline: Option<Instant>);

    /// How it is protected.
    fn security(&self) -> Security;

    /// Shakes hands for TLS on an open clear-text connection (STLS, RFC 2595), within the
    /// deadline. The caller has made sure that no octet is left unread.
    fn start_tls(self: Box<Self>, tls: &TlsSettings) -> Result<Box<dyn Transport>, NetError>;
}

/// Why a connection could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The name does not resolve. Exit 68.
    #[error("host name {host} is not known ({reason}); check `host`")]
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
        /// What the system said about the last address tried.
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
}

impl NetError {
    /// The exit code it calls for.
    pub fn exit(&self) -> crate::exit::Exit { todo!() }
}
