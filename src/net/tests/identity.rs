//! The certificate that we show: its files, and what servers make of it.

use super::{Authority, SOON, connect, listen, read_some};
use crate::exit::Exit;
use crate::net::{ClientIdentity, NetError, TlsOptions, TlsSettings};
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use rcgen::{CertificateParams, KeyPair};
use secrecy::SecretString;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A certificate and its key, PEM.
fn client(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["jane".to_owned()]).unwrap();
    (params.signed_by(&key, &authority.issuer).unwrap().pem(), key.serialize_pem())
}

/// A file with these octets that only its owner can read.
fn private(authority: &Authority, name: &str, octets: impl AsRef<[u8]>) -> PathBuf {
    with_mode(authority, name, octets, 0o600)
}

fn with_mode(authority: &Authority, name: &str, octets: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let mut file = tempfile::NamedTempFile::new_in(authority.folder.path()).unwrap();
    file.write_all(octets.as_ref()).unwrap();
    file.as_file().set_permissions(PermissionsExt::from_mode(mode)).unwrap();
    let path = authority.folder.path().join(name);
    file.persist(&path).unwrap();
    path
}

fn identity(file: &Path, key: Option<&Path>, password: Option<&str>) -> ClientIdentity {
    let password = password.map(SecretString::from);
    ClientIdentity { file: file.to_path_buf(), key: key.map(Path::to_path_buf), password }
}

fn settings(authority: &Authority, identity: Option<ClientIdentity>) -> Result<TlsSettings, NetError> {
    let file = authority.file();
    TlsSettings::new(&TlsOptions { ca_file: Some(&file), identity, ..TlsOptions::new("localhost") })
}

/// A server that wants a certificate of `authority`, and greets whoever has one by its name.
fn demanding_server(authority: &Authority, newest: SslVersion) -> u16 {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &authority.issuer).unwrap();
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_max_proto_version(Some(newest)).unwrap();
    builder.set_certificate(&X509::from_pem(leaf.pem().as_bytes()).unwrap()).unwrap();
    builder.set_private_key(&PKey::private_key_from_pem(key.serialize_pem().as_bytes()).unwrap()).unwrap();
    builder.cert_store_mut().add_cert(X509::from_pem(authority.issuer.pem().as_bytes()).unwrap()).unwrap();
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let acceptor = builder.build();
    listen(move |socket| {
        let Ok(mut stream) = acceptor.accept(socket) else { return };
        let known = stream.ssl().peer_certificate().is_some();
        let _ = stream.write_all(if known { b"+OK I know you\r\n" } else { b"-ERR\r\n" });
        let _ = stream.read(&mut [0; 1]);
    })
}

#[test]
fn a_server_is_shown_our_certificate_from_any_kind_of_file() {
    let authority = Authority::new();
    let (certificate, key) = client(&authority);
    let chain = format!("{certificate}{}", authority.issuer.pem());
    let pkcs12 = Pkcs12::builder()
        .cert(&X509::from_pem(certificate.as_bytes()).unwrap())
        .pkey(&PKey::private_key_from_pem(key.as_bytes()).unwrap())
        .build2("geheim")
        .unwrap();
    let both = private(&authority, "both.pem", format!("words\n{key}\nmore\n{chain}"));
    let public = with_mode(&authority, "public.pem", &chain, 0o644);
    let key = private(&authority, "key.pem", &key);
    let p12 = private(&authority, "jane.p12", pkcs12.to_der().unwrap());
    for newest in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        for identity in [
            identity(&both, None, None),
            identity(&public, Some(&key), None),
            identity(&p12, None, Some("geheim")),
        ] {
            let tls = settings(&authority, Some(identity)).unwrap();
            let port = demanding_server(&authority, newest);
            let mut transport = connect("localhost", port, Some(&tls), SOON).unwrap();
            assert_eq!(read_some(&mut *transport), b"+OK I know you\r\n");
        }
    }
}

/// Under TLS 1.2 the handshake fails; under TLS 1.3 it is over before the server has looked, and
/// the first read fails.
#[test]
fn a_server_that_misses_our_certificate_or_does_not_take_it_says_so() {
    let authority = Authority::new();
    let (certificate, key) = client(&Authority::named("A stranger"));
    let strange = private(&authority, "strange.pem", format!("{certificate}{key}"));
    for (own, words) in
        [(None, "it wants a certificate from you"), (Some(strange), "does not accept your certificate")]
    {
        let own = own.map(|file| identity(&file, None, None));
        let tls = settings(&authority, own).unwrap();
        let old = demanding_server(&authority, SslVersion::TLS1_2);
        let error = connect("localhost", old, Some(&tls), SOON).err().unwrap();
        if let NetError::ClientRefused { .. } = error {
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.exit(), Exit::REFUSED);
        } else {
            // "handshake failure" is all that TLS 1.2 has to say about a certificate that is missing.
            assert!(matches!(error, NetError::HandshakeRefused { .. }), "{error:?}");
        }
        let new = demanding_server(&authority, SslVersion::TLS1_3);
        let mut transport = connect("localhost", new, Some(&tls), SOON).unwrap();
        let error = transport.read(&mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// What is wrong with these files.
#[track_caller]
fn fault(authority: &Authority, identity: ClientIdentity) -> String {
    let error = settings(authority, Some(identity)).unwrap_err();
    assert!(matches!(error, NetError::ClientCertificate { .. }), "{error:?}");
    assert_eq!(error.exit(), Exit::CONFIG);
    error.to_string()
}

/// Promise: a key that others can read is refused, whatever kind of file it is in.
#[test]
fn a_key_that_others_can_read_is_refused() {
    let authority = Authority::new();
    let (certificate, key) = client(&authority);
    let both = with_mode(&authority, "both.pem", format!("{certificate}{key}"), 0o640);
    assert!(fault(&authority, identity(&both, None, None)).contains("`chmod 600 "));
    let alone = with_mode(&authority, "key.pem", &key, 0o604);
    let text = fault(&authority, identity(&private(&authority, "c.pem", &certificate), Some(&alone), None));
    assert!(text.starts_with("cannot use tls_client_key ") && text.contains("mode 0604"), "{text}");
    let p12 = with_mode(&authority, "jane.p12", b"\x30\x82", 0o644);
    assert!(fault(&authority, identity(&p12, None, None)).contains("others can read the key"));
}

#[test]
fn files_that_cannot_be_used_say_how_to_convert_them() {
    let authority = Authority::new();
    let (certificate, key) = client(&authority);
    let (_, other_key) = client(&authority);
    let old = key.replace("PRIVATE KEY", "EC PRIVATE KEY");
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let damaged = key.replacen("MI", "!!", 1);
    for (content, words) in [
        (certificate.clone(), "name the key's file in tls_client_key"),
        (key.clone(), "no complete certificate"),
        (format!("{certificate}{old}"), "openssl pkcs8 -topk8 -nocrypt"),
        (format!("{certificate}{locked}"), "has a password"),
        (format!("{certificate}{damaged}"), "damaged"),
        (format!("{certificate}{}", &key[..60]), "cut off"),
        (format!("{certificate}{other_key}"), "belongs to another certificate"),
        ("nonsense".to_owned(), "neither a PEM file nor PKCS#12"),
    ] {
        let file = private(&authority, "jane.pem", &content);
        let text = fault(&authority, identity(&file, None, None));
        assert!(text.starts_with("cannot use tls_client_cert ") && text.contains(words), "{words}: {text}");
    }
    let nowhere = authority.folder.path().join("nowhere.pem");
    assert!(fault(&authority, identity(&nowhere, None, None)).contains("nowhere.pem"));
    let pem = private(&authority, "jane.pem", format!("{certificate}{key}"));
    assert!(fault(&authority, identity(&pem, None, Some("geheim"))).contains("for PKCS#12 only"));
}

#[test]
fn a_pkcs12_file_wants_its_password() {
    let authority = Authority::new();
    let (certificate, key) = client(&authority);
    let pkcs12 = Pkcs12::builder()
        .cert(&X509::from_pem(certificate.as_bytes()).unwrap())
        .pkey(&PKey::private_key_from_pem(key.as_bytes()).unwrap())
        .build2("geheim")
        .unwrap();
    let file = private(&authority, "jane.p12", pkcs12.to_der().unwrap());
    assert!(fault(&authority, identity(&file, None, None)).contains("add tls_client_password_command"));
    let wrong = fault(&authority, identity(&file, None, Some("offen")));
    assert!(wrong.contains("is wrong") && !wrong.contains("offen"), "{wrong}");
    assert!(
        fault(&authority, identity(&file, Some(&file), Some("geheim"))).contains("remove tls_client_key")
    );
    assert!(!format!("{:?}", identity(&file, None, Some("geheim"))).contains("geheim"));
}
