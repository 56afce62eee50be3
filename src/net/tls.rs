//! TLS: verified, within the connection's deadline.
//!
//! A server is trusted through an authority, or because its certificate is a pinned one; with a
//! pin nothing else is looked at, and the comparison is made before anything but the handshake
//! itself has been sent.

use super::connector::{Connector, Kind};
use super::deadline::DeadlineStream;
use super::identity::ClientIdentity;
use super::name::certificate_name;
use super::read_ahead::ReadAhead;
use super::verdict::{self, Peer};
use super::{Distrust, Fingerprint, Leaf, NetError, Security, Transport, authorities};
use native_tls::{HandshakeError, Protocol, TlsConnector, TlsConnectorBuilder, TlsStream};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A version of TLS, as the oldest that is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 2246; broken, deprecated by RFC 8996.
    V1_0,
    /// RFC 4346; deprecated by RFC 8996.
    V1_1,
    /// RFC 5246.
    #[default]
    V1_2,
    /// RFC 8446.
    V1_3,
}

impl TlsVersion {
    fn protocol(self) -> Protocol {
        match self {
            TlsVersion::V1_0 => Protocol::Tlsv10,
            TlsVersion::V1_1 => Protocol::Tlsv11,
            TlsVersion::V1_2 => Protocol::Tlsv12,
            TlsVersion::V1_3 => Protocol::Tlsv13,
        }
    }

    /// What is accepted, in words.
    pub(super) fn or_newer(self) -> &'static str {
        match self {
            TlsVersion::V1_0 => "TLS 1.0 or newer",
            TlsVersion::V1_1 => "TLS 1.1 or newer",
            TlsVersion::V1_2 => "TLS 1.2 or newer",
            TlsVersion::V1_3 => "TLS 1.3",
        }
    }
}

/// What a handshake is to be like.
#[derive(Clone, Debug)]
pub struct TlsOptions<'o> {
    /// Whom the certificate must be for: a host name, or an IP address, an IPv6 one with or
    /// without brackets.
    pub server_name: &'o str,
    /// A file (PEM) of authorities to trust, instead of the system's.
    pub ca_file: Option<&'o Path>,
    /// If not empty: the certificate must be one of these, and need be nothing else.
    pub fingerprints: &'o [Fingerprint],
    /// The oldest version.
    pub min_version: TlsVersion,
    /// What we show to a server that asks for it.
    pub identity: Option<ClientIdentity>,
}

impl<'o> TlsOptions<'o> {
    /// The system's authorities, TLS 1.2 or newer, and no certificate of ours.
    pub fn new(server_name: &'o str) -> Self {
        let min_version = TlsVersion::default();
        TlsOptions { server_name, ca_file: None, fingerprints: &[], min_version, identity: None }
    }
}

/// What decides whether a server is trusted.
#[derive(Clone, Debug)]
enum Trust {
    /// An authority vouches for it; the TLS library checks that.
    Authorities,
    /// Its certificate is one of these.
    Pinned(Vec<Fingerprint>),
    /// Nothing: it is distrusted already, and this is only a look at its certificate.
    Never(Distrust),
}

/// What a handshake needs to know: whom to expect, and whom to trust.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    connector: Connector,
    server_name: String,
    min_version: TlsVersion,
    identity: bool,
    trust: Trust,
}

impl TlsSettings {
    /// Settings as the options say. Reads the files that they name.
    pub fn new(options: &TlsOptions<'_>) -> Result<TlsSettings, NetError> {
        let pinned = !options.fingerprints.is_empty();
        let builder = || -> Result<TlsConnectorBuilder, NetError> {
            let mut builder = TlsConnector::builder();
            builder.min_protocol_version(Some(options.min_version.protocol()));
            if let Some(path) = options.ca_file {
                builder.disable_built_in_roots(true);
                for certificate in authorities::read(path)? {
                    builder.add_root_certificate(certificate);
                }
            }
            if let Some(identity) = &options.identity {
                builder.identity(identity.read()?);
            }
            if pinned {
                // The certificate is compared as soon as the handshake is over; no authority has a say.
                builder.danger_accept_invalid_certs(true);
                builder.disable_built_in_roots(true);
            }
            Ok(builder)
        };
        let connector = if let Some(identity) = &options.identity {
            let connector = Connector::new(builder()?);
            connector.get().map_err(|error| {
                let mismatch = error.contains("key values mismatch");
                if mismatch { identity.mismatch() } else { NetError::Library { reason: error.to_owned() } }
            })?;
            connector
        } else {
            let ca_file = options.ca_file.map(Path::to_path_buf);
            Connector::shared(Kind { ca_file, min_version: options.min_version, pinned }, builder)?
        };
        let trust = if pinned { Trust::Pinned(options.fingerprints.to_vec()) } else { Trust::Authorities };
        Ok(TlsSettings {
            connector,
            server_name: certificate_name(options.server_name),
            min_version: options.min_version,
            identity: options.identity.is_some(),
            trust,
        })
    }

    /// Settings for a second look at the certificate of a server that is distrusted for a known
    /// reason. A handshake with them always ends in [`NetError::Certificate`] (or another
    /// error), never in a connection, and shows no certificate of ours.
    pub fn only_to_look(&self, distrust: Distrust) -> Result<TlsSettings, NetError> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(self.min_version.protocol()));
        builder.danger_accept_invalid_certs(true);
        let connector = Connector::new(builder);
        Ok(TlsSettings { connector, identity: false, trust: Trust::Never(distrust), ..self.clone() })
    }

    /// Makes what takes time to make: called beside the set-up of a connection. What goes wrong
    /// is told by the handshake.
    pub fn prepare(&self) {
        let _ = self.connector.get();
    }

    /// Shakes hands on an open connection, within the deadline that it has.
    pub(super) fn shake_hands(
        &self,
        stream: DeadlineStream,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Transport>, NetError> {
        let connector =
            self.connector.get().map_err(|reason| NetError::Library { reason: reason.to_owned() })?;
        match connector.connect(&self.server_name, ReadAhead::new(stream)) {
            Ok(stream) => {
                let leaf = leaf(&stream);
                if let Some(distrust) = self.distrust(leaf.as_ref()) {
                    return Err(NetError::untrusted(host, &self.server_name, distrust, leaf));
                }
                let (host, identity) = (host.to_owned(), self.identity);
                Ok(Box::new(TlsTransport { stream, leaf: leaf.map(Arc::new), host, identity }))
            }
            Err(HandshakeError::Failure(error)) => Err(verdict::of_handshake(
                &error,
                Peer {
                    host,
                    port,
                    server_name: &self.server_name,
                    min_version: self.min_version,
                    identity: self.identity,
                },
            )),
            // The stream below waits until its deadline, so there is nothing to go on waiting for.
            Err(HandshakeError::WouldBlock(_)) => Err(verdict::out_of_time(host)),
        }
    }

    /// Why the server of a finished handshake is not trusted, if so.
    fn distrust(&self, leaf: Option<&Leaf>) -> Option<Distrust> {
        match &self.trust {
            Trust::Authorities => None,
            Trust::Pinned(pins) if leaf.is_some_and(|leaf| pins.contains(&leaf.fingerprint)) => None,
            Trust::Pinned(_) => Some(Distrust::OtherFingerprint),
            Trust::Never(distrust) => Some(distrust.clone()),
        }
    }
}

fn leaf(stream: &TlsStream<ReadAhead>) -> Option<Leaf> {
    let certificate = stream.peer_certificate().ok()??;
    Some(Leaf::read(&certificate.to_der().ok()?))
}

/// An encrypted connection whose server has shown a certificate that is trusted.
struct TlsTransport {
    stream: TlsStream<ReadAhead>,
    leaf: Option<Arc<Leaf>>,
    host: String,
    identity: bool,
}

impl Read for TlsTransport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            // A server that closes without saying so in TLS. What POP3 sends says itself where
            // it ends, so nothing cut short can pass for whole.
            Err(error) if verdict::is_end_of_connection(&error) => Ok(0),
            Err(error) => Err(verdict::of_read(error, self.identity)),
            read => read,
        }
    }
}

impl Write for TlsTransport {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Transport for TlsTransport {
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.stream.get_mut().set_deadline(deadline);
    }

    fn security(&self) -> Security {
        Security::Tls { leaf: self.leaf.clone() }
    }

    fn tls_server_end_point(&self) -> Option<Vec<u8>> {
        self.stream.tls_server_end_point().ok().flatten()
    }

    /// Always an error: RFC 2595 forbids a second layer.
    fn start_tls(self: Box<Self>, _tls: &TlsSettings) -> Result<Box<dyn Transport>, NetError> {
        Err(NetError::HandshakeRefused {
            host: self.host,
            reason: "the connection is encrypted already".to_owned(),
        })
    }
}
