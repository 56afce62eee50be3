//! The network edge: TCP, TLS, and the deadline of every read and write.
//!
//! Promises: no call outlives its deadline; a server is trusted, by its certificate's issuer or by
//! a pinned fingerprint, before anything is handed to the caller; nothing falls back to clear
//! text; through a proxy, nothing goes past it.

mod authorities;
mod connector;
mod deadline;
mod distrust;
pub mod dns;
mod error;
mod fingerprint;
mod identity;
mod leaf;
mod listener;
mod name;
mod proxy;
mod read_ahead;
mod resolve;
mod route;
#[cfg(test)]
pub(crate) mod script;
mod socks;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod verdict;

pub(crate) use authorities::der as authorities_der;
pub use distrust::Distrust;
pub use error::NetError;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use identity::{ClientIdentity, ServerIdentity};
pub use leaf::{Facts, Leaf};
pub use listener::{Accepted, HangUp, Incoming, Listener, ServerTls};
pub use name::{ascii_name, host_address, is_here};
pub use proxy::{Proxy, ProxyError, ProxyLogin};
pub use route::{AddressFamily, Route, connect};
pub use tls::{TlsOptions, TlsSettings, TlsVersion};

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Instant;

/// How a connection is protected now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Clear text.
    Plain {
        /// The connected peer's address is a loopback address, and no proxy is between.
        loopback: bool,
    },
    /// TLS, the certificate trusted.
    Tls {
        /// The server's certificate, when the library shows it.
        leaf: Option<Arc<Leaf>>,
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

    /// The `tls-server-end-point` channel binding (RFC 5929, section 4): what a -PLUS mechanism ties the
    /// login to. `None` in clear text, and for certificates that it is not defined for, such as Ed25519
    /// ones.
    fn tls_server_end_point(&self) -> Option<Vec<u8>> {
        None
    }

    /// Shakes hands for TLS on an open clear-text connection (STLS, RFC 2595), within the
    /// deadline. The caller has made sure that no octet is left unread.
    fn start_tls(self: Box<Self>, tls: &TlsSettings) -> Result<Box<dyn Transport>, NetError>;
}
