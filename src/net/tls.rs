//! TLS: verified, 1.2 or newer, within the connection's deadline.

use super::deadline::DeadlineStream;
use super::read_ahead::ReadAhead;
use super::tcp::bare;
use super::{NetError, Security, Transport, verdict};
use native_tls::{Certificate, HandshakeError, Protocol, TlsConnector, TlsStream};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::time::Instant;

/// The largest `tls_ca_file` that is read, in octets: several times a whole system's bundle.
const CA_FILE_LIMIT: u64 = 4 << 20;

const PEM_BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const PEM_END: &str = "-----END CERTIFICATE-----";

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

/// What a handshake needs to know: whom to expect, and which issuers to trust.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    connector: TlsConnector,
    server_name: String,
}

impl TlsSettings {
    /// Settings for a server whose certificate must be for `server_name` (a host name, or an IP
    /// address, an IPv6 one with or without brackets), issued by one of the system's authorities
    /// or by one in `ca_file` (PEM, one or more certificates).
    pub fn new(server_name: &str, ca_file: Option<&Path>) -> Result<TlsSettings, NetError> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        if let Some(path) = ca_file {
            for certificate in authorities(path)? {
                builder.add_root_certificate(certificate);
            }
        }
        let connector = builder.build().map_err(|error| NetError::Library { reason: error.to_string() })?;
        Ok(TlsSettings { connector, server_name: certificate_name(server_name) })
    }

    /// Shakes hands on an open connection, within the deadline that it has.
    pub(super) fn shake_hands(
        &self,
        stream: DeadlineStream,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Transport>, NetError> {
        match self.connector.connect(&self.server_name, ReadAhead::new(stream)) {
            Ok(stream) => {
                let fingerprint = fingerprint(&stream);
                Ok(Box::new(TlsTransport { stream, fingerprint, host: host.to_owned() }))
            }
            Err(HandshakeError::Failure(error)) => {
                Err(verdict::of_handshake(&error, host, port, &self.server_name))
            }
            // The stream below waits until its deadline, so there is nothing to go on waiting for.
            Err(HandshakeError::WouldBlock(_)) => Err(verdict::out_of_time(host)),
        }
    }
}

/// The name as certificates have it: no brackets, no zone, no final dot.
fn certificate_name(host: &str) -> String {
    let host = bare(host);
    let unzoned = host.split_once('%').map_or(host, |(address, _)| address);
    if unzoned.parse::<IpAddr>().is_ok() {
        return unzoned.to_owned();
    }
    host.strip_suffix('.').unwrap_or(host).to_owned()
}

/// Every certificate of `tls_ca_file`. The TLS library ignores what it cannot use, which would
/// show only as a certificate that nobody trusts: so each one is looked at here.
fn authorities(path: &Path) -> Result<Vec<Certificate>, NetError> {
    let unusable = |reason: String| NetError::CaFile { path: path.display().to_string(), reason };
    let octets =
        crate::disk::read_limited(path, CA_FILE_LIMIT).map_err(|error| unusable(error.to_string()))?;
    let text = String::from_utf8_lossy(&octets);
    let mut found = Vec::new();
    for (index, block) in text.split(PEM_BEGIN).skip(1).enumerate() {
        let number = index + 1;
        let Some((body, _)) = block.split_once(PEM_END) else {
            return Err(unusable(format!("certificate {number} in it is cut off")));
        };
        let pem = format!("{PEM_BEGIN}{body}{PEM_END}\n");
        let certificate = Certificate::from_pem(pem.as_bytes())
            .map_err(|_| unusable(format!("certificate {number} in it is damaged")))?;
        found.push(certificate);
    }
    if found.is_empty() {
        return Err(unusable(format!("it has no certificate in PEM form ({PEM_BEGIN})")));
    }
    Ok(found)
}

fn fingerprint(stream: &TlsStream<ReadAhead>) -> Option<[u8; 32]> {
    let leaf = stream.peer_certificate().ok()??;
    Some(Sha256::digest(leaf.to_der().ok()?).into())
}

/// An encrypted connection whose server has shown a certificate that is trusted.
struct TlsTransport {
    stream: TlsStream<ReadAhead>,
    fingerprint: Option<[u8; 32]>,
    host: String,
}

impl Read for TlsTransport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            // A server that closes without saying so in TLS. What POP3 sends says itself where
            // it ends, so nothing cut short can pass for whole.
            Err(error) if verdict::is_end_of_connection(&error) => Ok(0),
            other => other,
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
        Security::Tls { fingerprint: self.fingerprint }
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
