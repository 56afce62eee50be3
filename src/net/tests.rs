//! Real handshakes with certificates made here: what each kind of problem is called.

#![expect(clippy::disallowed_types, reason = "the tests are the other side of the wire")]

mod identity;
mod proxy;
mod trust;

use super::{NetError, Route, Security, TlsOptions, TlsSettings, Transport};
use crate::exit::Exit;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

fn connect(
    host: &str,
    port: u16,
    tls: Option<&TlsSettings>,
    timeout: Duration,
) -> Result<Box<dyn Transport>, NetError> {
    super::connect(&Route::direct(host, port), tls, timeout)
}

/// Settings that differ from the defaults by the authorities that are trusted.
fn settings(server_name: &str, ca_file: Option<&Path>) -> Result<TlsSettings, NetError> {
    TlsSettings::new(&TlsOptions { ca_file, ..TlsOptions::new(server_name) })
}

/// An authority of our own, and the file that names it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        Self::named("An authority of the tests")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer, folder: tempfile::tempdir().unwrap() }
    }

    /// The authority's certificate in a file, as `tls_ca_file` wants it.
    fn file(&self) -> PathBuf {
        self.written(self.issuer.pem().as_bytes())
    }

    fn written(&self, octets: &[u8]) -> PathBuf {
        let path = self.folder.path().join("ca.pem");
        let mut file = tempfile::NamedTempFile::new_in(self.folder.path()).unwrap();
        file.write_all(octets).unwrap();
        file.persist(&path).unwrap();
        path
    }

    /// A certificate for `name`, changed by `change` before it is signed, and its key.
    fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> native_tls::Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        native_tls::Identity::from_pkcs8(leaf.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }
}

fn self_signed(name: &str) -> (native_tls::Identity, String) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    (native_tls::Identity::from_pkcs8(pem.as_bytes(), key.as_bytes()).unwrap(), pem)
}

/// Listens on `address`, serves one connection with `serve`, and gives the port.
fn listen_on(address: &str, serve: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        serve(socket);
    });
    port
}

fn listen(serve: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
    listen_on("127.0.0.1", serve)
}

/// A server for one TLS connection, which says `+OK` and then echoes one read.
fn tls_server(identity: native_tls::Identity) -> u16 {
    listen(move |socket| greet_over_tls(socket, identity))
}

fn greet_over_tls(socket: TcpStream, identity: native_tls::Identity) {
    let acceptor = native_tls::TlsAcceptor::new(identity).unwrap();
    let Ok(mut stream) = acceptor.accept(socket) else { return };
    stream.write_all(b"+OK\r\n").unwrap();
    let mut buffer = [0; 100];
    if let Ok(n) = stream.read(&mut buffer) {
        let _ = stream.write_all(&buffer[..n]);
    }
    // Dropped without TLS's farewell, as many servers do.
}

/// Says nothing until the other side has gone.
fn silent(mut socket: TcpStream) {
    let _ = socket.read_to_end(&mut Vec::new());
}

fn refusal(host: &str, port: u16, tls: &TlsSettings) -> NetError {
    connect(host, port, Some(tls), SOON).err().expect("the connection was not refused")
}

fn read_some(transport: &mut dyn Transport) -> Vec<u8> {
    let mut buffer = [0; 100];
    let n = transport.read(&mut buffer).unwrap();
    buffer[..n].to_vec()
}

#[test]
fn a_name_and_an_address_that_the_certificate_has_are_trusted() {
    let authority = Authority::new();
    for host in ["localhost", "127.0.0.1"] {
        let port = tls_server(authority.certify(host, |_| {}));
        let tls = settings(host, Some(&authority.file())).unwrap();
        let mut transport = connect(host, port, Some(&tls), SOON).unwrap();
        assert!(matches!(transport.security(), Security::Tls { leaf: Some(_) }));
        assert_eq!(read_some(&mut *transport), b"+OK\r\n");
        transport.write_all(b"QUIT\r\n").unwrap();
        assert_eq!(read_some(&mut *transport), b"QUIT\r\n");
        assert_eq!(read_some(&mut *transport), b"", "the end is a read of 0 octets");
    }
}

#[test]
fn a_certificate_may_be_trusted_by_itself_and_among_others() {
    let authority = Authority::new();
    let (identity, pem) = self_signed("localhost");
    let port = tls_server(identity);
    let both = authority.written(format!("some words\n{}\n{pem}", authority.issuer.pem()).as_bytes());
    let tls = settings("localhost", Some(&both)).unwrap();
    assert!(connect("localhost", port, Some(&tls), SOON).is_ok());
}

#[test]
fn a_connection_in_clear_becomes_an_encrypted_one() {
    let authority = Authority::new();
    let identity = authority.certify("localhost", |_| {});
    let port = listen(move |mut socket| {
        socket.write_all(b"+OK in clear\r\n").unwrap();
        let mut buffer = [0; 6];
        socket.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"STLS\r\n");
        socket.write_all(b"+OK go on\r\n").unwrap();
        greet_over_tls(socket, identity);
    });
    let mut transport = connect("localhost", port, None, SOON).unwrap();
    assert_eq!(transport.security(), Security::Plain { loopback: true });
    assert_eq!(read_some(&mut *transport), b"+OK in clear\r\n");
    transport.write_all(b"STLS\r\n").unwrap();
    assert_eq!(read_some(&mut *transport), b"+OK go on\r\n");
    let tls = settings("localhost", Some(&authority.file())).unwrap();
    let mut transport = transport.start_tls(&tls).unwrap();
    assert!(transport.security().is_encrypted());
    assert_eq!(read_some(&mut *transport), b"+OK\r\n");
    assert!(matches!(transport.start_tls(&tls), Err(NetError::HandshakeRefused { .. })));
}

/// Each kind of certificate that may not be trusted, and the words that tell it from the others.
#[test]
fn a_certificate_that_is_not_trusted_says_why_and_exits_77() {
    let authority = Authority::new();
    let expired = authority.certify("localhost", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let future = authority.certify("localhost", |params| params.not_before = date_time_ymd(2090, 1, 1));
    let own = self_signed("localhost").0;
    let stranger = Authority::named("A stranger").certify("localhost", |_| {});
    let namesake = Authority::new().certify("localhost", |_| {});
    let another_name = authority.certify("pop.example.net", |_| {});
    let another_address = authority.certify("127.0.0.2", |_| {});
    for (host, identity, words) in [
        ("localhost", expired, "it has expired"),
        ("localhost", future, "not valid yet"),
        ("localhost", own, "self-signed"),
        ("localhost", stranger, "its issuer is unknown"),
        ("localhost", namesake, "but not its key"),
        ("localhost", another_name, "not for localhost"),
        ("127.0.0.1", another_address, "not for 127.0.0.1"),
    ] {
        let port = tls_server(identity);
        let tls = settings(host, Some(&authority.file())).unwrap();
        let error = refusal(host, port, &tls);
        assert!(matches!(error, NetError::Certificate { .. }), "{words}: {error:?}");
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert_eq!(error.exit(), Exit::REFUSED);
    }
}

#[test]
fn an_authority_that_is_sent_along_but_not_known_is_told_from_a_self_signed_certificate() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority.issuer).unwrap();
    let chain = format!("{}{}", leaf.pem(), authority.issuer.pem());
    let identity =
        native_tls::Identity::from_pkcs8(chain.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let port = tls_server(identity);
    let error = refusal("localhost", port, &settings("localhost", None).unwrap());
    assert!(error.to_string().contains("an authority this machine does not know"), "{error}");
    assert_eq!(error.exit(), Exit::REFUSED);
}

#[test]
fn old_tls_is_refused() {
    let authority = Authority::new();
    let identity = authority.certify("localhost", |_| {});
    let port = listen(move |socket| {
        let acceptor = native_tls::TlsAcceptor::builder(identity)
            .min_protocol_version(Some(native_tls::Protocol::Tlsv10))
            .max_protocol_version(Some(native_tls::Protocol::Tlsv11))
            .build()
            .unwrap();
        let _ = acceptor.accept(socket);
    });
    let error = refusal("localhost", port, &settings("localhost", Some(&authority.file())).unwrap());
    assert!(matches!(error, NetError::HandshakeRefused { .. }), "{error:?}");
    assert_eq!(error.exit(), Exit::PROTOCOL);
}

#[test]
fn a_server_that_does_not_speak_tls_is_called_that() {
    let tls = settings("localhost", None).unwrap();
    for greeting in ["+OK POP3 server ready <1.2@example>\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n"]
    {
        let port = listen(move |mut socket| {
            socket.write_all(greeting.as_bytes()).unwrap();
            let _ = socket.read_to_end(&mut Vec::new());
        });
        let error = refusal("localhost", port, &tls);
        assert!(matches!(error, NetError::NotTls { .. }), "{greeting}: {error:?}");
        assert_eq!(error.exit(), Exit::PROTOCOL);
    }
}

#[test]
fn a_server_that_closes_in_the_handshake_is_unavailable() {
    let tls = settings("localhost", None).unwrap();
    let at_once = listen(drop);
    let after_hello = listen(|mut socket| {
        let _ = socket.read(&mut [0; 4096]);
    });
    for port in [at_once, after_hello] {
        let error = refusal("localhost", port, &tls);
        assert!(matches!(error, NetError::HandshakeBroken { .. }), "{error:?}");
        assert_eq!(error.exit(), Exit::UNAVAILABLE);
    }
}

#[test]
fn a_handshake_obeys_the_deadline() {
    let port = listen(silent);
    let tls = settings("localhost", None).unwrap();
    let start = Instant::now();
    let error = connect("localhost", port, Some(&tls), Duration::from_millis(200)).err().unwrap();
    assert!(matches!(error, NetError::HandshakeBroken { .. }), "{error:?}");
    assert!(error.to_string().contains("in time"), "{error}");
    assert!(start.elapsed() < SOON / 2);
}

#[test]
fn a_read_ends_at_the_deadline_and_not_before() {
    let port = listen(silent);
    let mut transport = connect("127.0.0.1", port, None, SOON).unwrap();
    let limit = Duration::from_millis(150);
    let start = Instant::now();
    transport.set_deadline(Some(start + limit));
    let error = transport.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= limit, "{:?}", start.elapsed());
    assert_eq!(transport.write(b"x").unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn a_refused_port_is_unavailable_and_an_unknown_name_is_its_own_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = connect("127.0.0.1", port, None, SOON).err().unwrap();
    assert_eq!(error.exit(), Exit::UNAVAILABLE);
    assert!(error.to_string().contains("connection refused"), "{error}");

    let error = connect("no-such-host.invalid", port, None, SOON).err().unwrap();
    assert!(matches!(error, NetError::UnknownHost { .. }), "{error:?}");
    assert_eq!(error.exit(), Exit::NO_HOST);
}

#[test]
fn an_ipv6_address_is_reached_with_and_without_brackets() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("this machine has no IPv6 loopback: nothing to show");
        return;
    }
    for host in ["::1", "[::1]"] {
        let port = listen_on("::1", |mut socket| socket.write_all(b"+OK\r\n").unwrap());
        let mut transport = connect(host, port, None, SOON).unwrap();
        assert_eq!(transport.security(), Security::Plain { loopback: true });
        assert_eq!(read_some(&mut *transport), b"+OK\r\n");
    }
}

#[test]
fn a_ca_file_with_nothing_usable_in_it_is_a_configuration_error() {
    let authority = Authority::new();
    let pem = authority.issuer.pem();
    let damaged = pem.replacen("MI", "!!", 1);
    for (octets, words) in [
        (&b""[..], "no certificate"),
        (b"\x30\x82\x01\x02 a certificate in DER", "no certificate"),
        (&pem.as_bytes()[..pem.len() / 2], "cut off"),
        (damaged.as_bytes(), "damaged"),
    ] {
        let error = settings("localhost", Some(&authority.written(octets))).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert_eq!(error.exit(), Exit::CONFIG);
    }
    let error = settings("localhost", Some(&authority.folder.path().join("none"))).unwrap_err();
    assert_eq!(error.exit(), Exit::CONFIG);
}
