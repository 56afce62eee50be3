//! Pins, server names, versions, and the second look at a certificate that is not trusted.

use super::{
    Authority, SOON, connect, greet_over_tls, listen, read_some, refusal, self_signed, settings, tls_server,
};
use crate::exit::Exit;
use crate::net::{Distrust, Fingerprint, NetError, Security, TlsOptions, TlsSettings, TlsVersion};
use rcgen::date_time_ymd;
use std::io::{Read, Write};
use std::sync::mpsc;

/// The fingerprint of a certificate in PEM form.
fn fingerprint(pem: &str) -> Fingerprint {
    Fingerprint::of(&native_tls::Certificate::from_pem(pem.as_bytes()).unwrap().to_der().unwrap())
}

fn pinning(pins: &[Fingerprint]) -> TlsSettings {
    TlsSettings::new(&TlsOptions { fingerprints: pins, ..TlsOptions::new("localhost") }).unwrap()
}

#[test]
fn a_pinned_certificate_is_trusted_whatever_else_is_wrong_with_it() {
    let another = Fingerprint::of(b"the next one");
    for name in ["localhost", "somebody.else.example"] {
        let (identity, pem) = self_signed(name);
        let pins = [another, fingerprint(&pem)];
        let port = tls_server(identity);
        let mut transport = connect("localhost", port, Some(&pinning(&pins)), SOON).unwrap();
        let Security::Tls { leaf: Some(leaf) } = transport.security() else { panic!("no leaf") };
        assert_eq!((leaf.fingerprint, &leaf.facts.as_ref().unwrap().names[0][..]), (pins[1], name));
        assert_eq!(read_some(&mut *transport), b"+OK\r\n");
    }
}

/// Promise: with a pin nothing is sent before the certificate has been compared, and no authority
/// can take the pin's place.
#[test]
fn another_certificate_than_the_pinned_one_is_refused_before_anything_is_sent() {
    let authority = Authority::new();
    let identity = authority.certify("localhost", |_| {});
    let (tell, told) = mpsc::channel();
    let port = listen(move |socket| {
        let acceptor = native_tls::TlsAcceptor::new(identity).unwrap();
        let mut heard = Vec::new();
        if let Ok(mut stream) = acceptor.accept(socket) {
            let _ = stream.write_all(b"+OK\r\n");
            let _ = stream.read_to_end(&mut heard);
        }
        tell.send(heard).unwrap();
    });
    let file = authority.file();
    let options = TlsOptions {
        ca_file: Some(&file),
        fingerprints: &[Fingerprint::of(b"the pinned one")],
        ..TlsOptions::new("localhost")
    };
    let error = refusal("localhost", port, &TlsSettings::new(&options).unwrap());
    let NetError::Certificate { distrust: Distrust::OtherFingerprint, leaf: Some(leaf), .. } = &error else {
        panic!("{error:?}")
    };
    assert!(error.to_string().contains(&leaf.pin()), "{error}");
    assert_eq!(error.exit(), Exit::REFUSED);
    assert_eq!(told.recv_timeout(SOON).unwrap(), b"", "something was sent");
}

#[test]
fn the_certificate_may_be_for_another_name_than_the_host() {
    let authority = Authority::new();
    let port = tls_server(authority.certify("pop.example.com", |_| {}));
    let tls = settings("pop.example.com", Some(&authority.file())).unwrap();
    assert!(connect("localhost", port, Some(&tls), SOON).is_ok());
}

#[test]
fn a_name_of_another_alphabet_is_the_certificates_in_ascii() {
    let authority = Authority::new();
    let port = tls_server(authority.certify("xn--bcher-kva.example", |_| {}));
    let tls = settings("B\u{fc}cher.example", Some(&authority.file())).unwrap();
    assert!(connect("localhost", port, Some(&tls), SOON).is_ok());
}

/// A server that speaks no TLS newer than 1.2.
fn old_server(identity: native_tls::Identity) -> u16 {
    listen(move |socket| {
        let acceptor = native_tls::TlsAcceptor::builder(identity)
            .max_protocol_version(Some(native_tls::Protocol::Tlsv12))
            .build()
            .unwrap();
        let Ok(mut stream) = acceptor.accept(socket) else { return };
        let _ = stream.write_all(b"+OK\r\n");
    })
}

#[test]
fn a_server_older_than_the_version_wanted_is_refused() {
    let authority = Authority::new();
    let file = authority.file();
    for (min_version, refused) in [(TlsVersion::V1_2, false), (TlsVersion::V1_3, true)] {
        let port = old_server(authority.certify("localhost", |_| {}));
        let options = TlsOptions { ca_file: Some(&file), min_version, ..TlsOptions::new("localhost") };
        match connect("localhost", port, Some(&TlsSettings::new(&options).unwrap()), SOON) {
            Ok(_) => assert!(!refused),
            Err(error) => {
                assert!(refused && error.to_string().ends_with("TLS 1.3 is needed"), "{error}");
                assert_eq!(error.exit(), Exit::PROTOCOL);
            }
        }
    }
}

/// Promise: a look never becomes a connection.
#[test]
fn a_second_look_tells_what_the_certificate_says_and_never_connects() {
    let authority = Authority::new();
    let file = authority.file();
    let expired = |params: &mut rcgen::CertificateParams| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    };
    let other_name = |_: &mut rcgen::CertificateParams| {};
    let identities = [
        (authority.certify("localhost", expired), Distrust::Expired, "it expired on 2001-01-01 ("),
        (
            authority.certify("pop.example.net", other_name),
            Distrust::WrongName,
            "but for pop.example.net; set `host`",
        ),
        (self_signed("localhost").0, Distrust::SelfSigned, "pin it: tls_fingerprint = \""),
        (
            Authority::named("A stranger").certify("localhost", |_| {}),
            Distrust::UnknownIssuer,
            "A stranger” is unknown",
        ),
    ];
    for (identity, distrust, words) in identities {
        let again = identity.clone();
        let tls = settings("localhost", Some(&file)).unwrap();
        let first = refusal("localhost", tls_server(identity), &tls);
        let NetError::Certificate { distrust: found, leaf: None, .. } = &first else { panic!("{first:?}") };
        assert_eq!(*found, distrust);
        let second = refusal("localhost", tls_server(again), &tls.only_to_look(distrust).unwrap());
        assert!(matches!(second, NetError::Certificate { leaf: Some(_), .. }), "{second:?}");
        assert!(second.to_string().contains(words), "{second}");
    }
    // Even a certificate that would be trusted.
    let tls = settings("localhost", Some(&file)).unwrap().only_to_look(Distrust::Expired).unwrap();
    let good = authority.certify("localhost", |_| {});
    assert!(matches!(refusal("localhost", tls_server(good), &tls), NetError::Certificate { .. }));
}

#[test]
fn a_look_after_stls_is_no_connection_either() {
    let (identity, _) = self_signed("localhost");
    let port = listen(move |socket| greet_over_tls(socket, identity));
    let transport = connect("localhost", port, None, SOON).unwrap();
    let tls = settings("localhost", None).unwrap().only_to_look(Distrust::SelfSigned).unwrap();
    assert!(matches!(transport.start_tls(&tls), Err(NetError::Certificate { leaf: Some(_), .. })));
}
