//! Why a connection could not be had, in words that say what to do.

use super::{Distrust, Leaf};
use crate::exit::Exit;

/// Why a connection could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The name does not resolve. Exit 68.
    #[error("the host name {host} is unknown ({reason}); check `host` and the name service")]
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
    #[error("{host} does not speak TLS on port {port} ({reason}); check that `tls` fits this port")]
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
        /// Why not, and what to do.
        reason: String,
        /// The kind of problem.
        distrust: Distrust,
        /// The certificate, where it could be seen. The handshake that fails does not show it.
        leaf: Option<Box<Leaf>>,
    },
    /// The server wants a certificate of ours, or another one. Exit 77.
    #[error("{host} refused the connection: {reason}")]
    ClientRefused {
        /// The name.
        host: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// Our certificate or its key cannot be used. Exit 78.
    #[error("cannot use {key} {path}: {reason}")]
    ClientCertificate {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The proxy does not speak SOCKS5. Exit 76.
    #[error("the proxy {proxy} does not speak SOCKS5 ({reason}); check `proxy`")]
    NotSocks {
        /// The proxy, without its login.
        proxy: String,
        /// What it said instead.
        reason: &'static str,
    },
    /// The proxy does not let us in. Exit 77.
    #[error("the proxy {proxy} refused the login: {reason}; check the login in `proxy`")]
    ProxyLogin {
        /// The proxy, without its login.
        proxy: String,
        /// What to do.
        reason: &'static str,
    },
    /// The proxy could not reach the server, or did not answer. Exit 69.
    #[error("cannot connect to {host} port {port} through {proxy}: {reason}")]
    Proxy {
        /// The proxy, without its login.
        proxy: String,
        /// The server's name.
        host: String,
        /// The server's port.
        port: u16,
        /// What the proxy said.
        reason: String,
    },
    /// `tls_ca_file` cannot be used. Exit 78.
    #[error("cannot use tls_ca_file {path}: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The system's TLS library could not be set up. Exit 69.
    #[error("cannot set up TLS: {reason}")]
    Library {
        /// What the TLS library said.
        reason: String,
    },
}

impl NetError {
    /// A certificate that is not trusted; `server_name` is whom it should be for.
    pub(super) fn untrusted(
        host: &str,
        server_name: &str,
        distrust: Distrust,
        leaf: Option<Leaf>,
    ) -> NetError {
        let now = crate::clock::now();
        let reason = distrust.words(server_name, leaf.as_ref(), now);
        NetError::Certificate { host: host.to_owned(), reason, distrust, leaf: leaf.map(Box::new) }
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            NetError::UnknownHost { .. } => Exit::NO_HOST,
            NetError::Unreachable { .. }
            | NetError::HandshakeBroken { .. }
            | NetError::Library { .. }
            | NetError::Proxy { .. } => Exit::UNAVAILABLE,
            NetError::NotTls { .. } | NetError::HandshakeRefused { .. } | NetError::NotSocks { .. } => {
                Exit::PROTOCOL
            }
            NetError::Certificate { .. } | NetError::ClientRefused { .. } | NetError::ProxyLogin { .. } => {
                Exit::REFUSED
            }
            NetError::CaFile { .. } | NetError::ClientCertificate { .. } => Exit::CONFIG,
        }
    }
}
