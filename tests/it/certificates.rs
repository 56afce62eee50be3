//! Certificates, good and bad: each bad one has its message and exit code 77, and not an octet of a
//! credential reaches its server.

use native_tls::{Protocol, TlsAcceptor};
use rcgen::{DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, date_time_ymd};

use crate::support::certificates::{Authority, Leaf, self_signed, weak};
use crate::support::listening::{Before, Heard, Listening};
use crate::support::maildrop::{PASSWORD, Tls};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// An account on this port of this machine, by name, that trusts `authority`.
fn account(sandbox: &Sandbox, host: &str, port: u16, authority: Option<&Authority>) -> Account {
    let account = Account::new("work").text("host", host).key("port", port);
    match authority {
        None => account,
        Some(authority) => {
            let file = sandbox.write("ca.pem", authority.pem());
            account.text("tls_ca_file", file.to_str().unwrap())
        }
    }
}

/// No user, no password, in no encoding, came to the server; nothing at all came under TLS.
#[track_caller]
fn no_credential(what: &str, heard: &[Heard]) {
    use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
    assert!(!heard.is_empty(), "{what}: nobody connected");
    let secrets = [PASSWORD.to_owned(), BASE64.encode(format!("\0joe\0{PASSWORD}")), BASE64.encode(PASSWORD)];
    for connection in heard {
        assert_eq!(connection.under_tls, b"", "{what}: something was said under TLS");
        let clear = &connection.clear;
        assert!(clear.iter().all(|line| ["CAPA", "STLS"].contains(&line.as_str())), "{what}: {clear:?}");
        for secret in &secrets {
            let found = connection.wire.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{what}: {secret} came over the wire");
        }
    }
}

/// A kind of bad certificate.
struct Bad {
    what: &'static str,
    leaf: Leaf,
    host: &'static str,
    trusted: Authority,
    words: Vec<String>,
}

impl Bad {
    fn new(what: &'static str, leaf: Leaf, trusted: Authority, words: &[&str]) -> Bad {
        let words = words.iter().map(ToString::to_string).collect();
        Bad { what, leaf, host: "localhost", trusted, words }
    }
}

fn bad_certificates() -> Vec<Bad> {
    let new = Authority::new;
    let mut all = Vec::new();
    let mut add = |what, make: &dyn Fn(&Authority) -> Leaf, words: &[&str]| {
        let trusted = new();
        all.push(Bad::new(what, make(&trusted), trusted, words));
    };
    add("expired", &Authority::expired, &["it expired on 2001-12-31 (", "days ago)", "must renew it"]);
    add("not yet valid", &Authority::not_yet_valid, &["not valid before 2090-01-01", "check the clock"]);
    add(
        "another name",
        &Authority::for_another_host,
        &["not for localhost but for mail.elsewhere.example", "tls_server_name"],
    );
    add(
        "names that only look alike",
        &|authority| authority.for_names(&["*.localhost", "localhost.example", "\u{78}localhost"]),
        &["not for localhost but for *.localhost, localhost.example, xlocalhost"],
    );
    add("for clients only", &Authority::for_clients_only, &["not meant for a server"]);
    add(
        "an issuer between that has expired",
        &|authority| {
            authority.through(|between| {
                between.not_before = date_time_ymd(2000, 1, 1);
                between.not_after = date_time_ymd(2001, 1, 1);
            })
        },
        &["one of its issuers has expired", "popkeep test issuer between"],
    );
    add(
        "a server's certificate used as an authority's",
        &|authority| {
            authority.through(|between| {
                between.is_ca = IsCa::ExplicitNoCa;
                between.key_usages = vec![KeyUsagePurpose::DigitalSignature];
                between.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            })
        },
        &["somebody who is not an authority", "popkeep test issuer between", "do not trust"],
    );
    add(
        "an issuer without basic constraints",
        &|authority| authority.through(|between| between.is_ca = IsCa::NoCa),
        &["somebody who is not an authority"],
    );
    add(
        "an authority nobody here knows",
        &|_| {
            let name = |params: &mut rcgen::CertificateParams| {
                params.distinguished_name.push(DnType::CommonName, "a stranger");
            };
            Authority::made(name).good()
        },
        &["a stranger” is unknown", "tls_ca_file", "pin the certificate: tls_fingerprint = \""],
    );
    add(
        "an authority with another's name",
        &|_| Authority::new().with(|leaf| leaf.use_authority_key_identifier_extension = false),
        &["but not its key"],
    );
    add("self-signed", &|_| self_signed(), &["self-signed", "pin it: tls_fingerprint = \""]);
    let trusted = new();
    let other_address = trusted.for_names(&["127.0.0.2", "pop.example.com"]);
    all.push(Bad {
        host: "127.0.0.1",
        ..Bad::new(
            "another address",
            other_address,
            trusted,
            &["not for 127.0.0.1 but for 127.0.0.2, pop.example.com"],
        )
    });
    for bad in &mut all {
        // Where pinning is advised, the line is right.
        if bad.words.iter().any(|words| words.ends_with("tls_fingerprint = \"")) {
            bad.words.push(format!("tls_fingerprint = \"{}\"", bad.leaf.fingerprint()));
        }
    }
    all
}

#[test]
fn each_kind_of_bad_certificate_has_its_message_and_gets_no_credential() {
    for bad in bad_certificates() {
        for (tls, before) in [("implicit", Before::Nothing), ("starttls", Before::Stls)] {
            let server = Listening::start(bad.leaf.acceptor(), before);
            let sandbox = Sandbox::new();
            let account = account(&sandbox, bad.host, server.port(), Some(&bad.trusted));
            sandbox.configure([account.text("tls", tls)]);
            let words: Vec<&str> = bad.words.iter().map(String::as_str).collect();
            let run = sandbox.popkeep(["fetch", "--quiet"]).run().expect(77);
            let line = run.one_line(&["work", "certificate", bad.host]).says(&words).stderr;
            eprintln!("{} ({tls}): {line}", bad.what);
            let heard = server.heard();
            no_credential(bad.what, &heard);
            assert_eq!(heard.len(), 2, "{}: one attempt, and one look at the certificate", bad.what);
        }
    }
}

#[test]
fn a_key_that_is_too_short_gets_no_credential() {
    // The TLS library of the server may refuse to show it at all, so both sides are asked for less.
    let leaf = weak();
    let mut acceptor =
        openssl::ssl::SslAcceptor::mozilla_intermediate(openssl::ssl::SslMethod::tls()).unwrap();
    acceptor.set_security_level(0);
    let certificate = openssl::x509::X509::from_pem(leaf.certificate.as_bytes()).unwrap();
    let key = openssl::pkey::PKey::private_key_from_pem(leaf.key.as_bytes()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    let server = Listening::with_openssl(acceptor.build());
    let sandbox = Sandbox::new();
    let trusted = sandbox.write("weak.pem", &leaf.certificate);
    let account = account(&sandbox, "localhost", server.port(), None);
    sandbox.configure([account.text("tls_ca_file", trusted.to_str().unwrap())]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["work", "too weak"]);
    no_credential("weak", &server.heard());
}

#[test]
fn a_pin_lets_in_the_pinned_certificate_and_no_other() {
    let authority = Authority::new();
    let (pinned, good) = (self_signed(), authority.good());
    let bare = pinned.fingerprint().replace(':', "").to_lowercase();
    let next = good.fingerprint();
    for (tls, before) in [("implicit", Before::Nothing), ("starttls", Before::Stls)] {
        // A certificate that any authority vouches for is no substitute for the pinned one.
        let server = Listening::start(good.acceptor(), before);
        let sandbox = Sandbox::new();
        let account = account(&sandbox, "localhost", server.port(), Some(&authority)).text("tls", tls);
        sandbox.configure([account.clone().text("tls_fingerprint", &bare)]);
        let paste = format!("write tls_fingerprint = \"{next}\"");
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["work", &paste]);
        no_credential("pin", &server.heard());

        let acceptor = pinned.acceptor();
        let tls = if tls == "implicit" { Tls::Implicit(acceptor) } else { Tls::Stls(acceptor) };
        let server = PopServer::start(Mail::some(1), Behaviour::default(), tls);
        let account = account.key("port", server.port());
        sandbox.configure([account.key("tls_fingerprint", format!("[{bare:?}, {next:?}]"))]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert!(server.take_sessions()[0].logged_in);
    }
}

/// The line that an error or `check` shows can be pasted as it is.
#[test]
fn the_line_to_pin_works_when_pasted() {
    let tls = Tls::Implicit(self_signed().acceptor());
    let server = PopServer::start(Mail::some(1), Behaviour::default(), tls);
    let sandbox = Sandbox::new();
    let account = account(&sandbox, "localhost", server.port(), None);
    sandbox.configure([account.clone()]);
    let refused = sandbox.popkeep(["check"]).run().expect(77);
    let refused =
        refused.says(&["not trusted", "cn=popkeep test server", "localhost, 127.0.0.1", "days left"]);
    let pin = refused.stdout.lines().find_map(|line| line.split_once("to pin it")).unwrap().1.trim();
    assert!(refused.stderr.contains(pin), "{}", refused.stderr);
    sandbox.config(&format!("{}{pin}\n", account.toml().trim_end().to_owned() + "\n"));
    let page = sandbox.popkeep(["check"]).run().expect(0).says(&["pinned by tls_fingerprint"]).stdout;
    assert!(page.contains(pin), "{page}");
}

#[test]
fn check_shows_the_certificate() {
    let authority = Authority::new();
    let leaf = authority.good();
    let server = PopServer::start(Mail::some(1), Behaviour::default(), Tls::Implicit(leaf.acceptor()));
    let sandbox = Sandbox::new();
    sandbox.configure([account(&sandbox, "localhost", server.port(), Some(&authority))]);
    let page = sandbox.popkeep(["check"]).run().expect(0).stdout;
    let pin = format!("tls_fingerprint = \"{}\"", leaf.fingerprint());
    for words in [
        "TLS, certificate verified",
        "CN=popkeep test server",
        "localhost, 127.0.0.1",
        "CN=popkeep test authority",
        "days left)",
        &pin,
    ] {
        assert!(page.contains(words), "{words} is not in\n{page}");
    }
}

#[test]
fn a_certificate_for_another_name_is_right_if_that_name_is_configured() {
    let authority = Authority::new();
    let leaf = authority.for_names(&["xn--bcher-kva.example"]);
    let server = PopServer::start(Mail::some(1), Behaviour::default(), Tls::Implicit(leaf.acceptor()));
    let sandbox = Sandbox::new();
    let account = account(&sandbox, "127.0.0.1", server.port(), Some(&authority));
    sandbox.configure([account.text("tls_server_name", "B\u{fc}cher.example")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_server_older_than_tls_min_version_gets_no_credential() {
    let authority = Authority::new();
    let leaf = authority.good();
    let identity =
        native_tls::Identity::from_pkcs8(leaf.certificate.as_bytes(), leaf.key.as_bytes()).unwrap();
    let old: TlsAcceptor =
        TlsAcceptor::builder(identity).max_protocol_version(Some(Protocol::Tlsv12)).build().unwrap();
    let server = Listening::start(old, Before::Nothing);
    let sandbox = Sandbox::new();
    let account = account(&sandbox, "localhost", server.port(), Some(&authority));
    sandbox.configure([account.text("tls_min_version", "1.3")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(76).one_line(&["work", "TLS 1.3 is needed"]);
    no_credential("TLS 1.2", &server.heard());
}

#[test]
fn garbage_in_the_handshake_gets_no_credential() {
    for garbage in [
        &b"-ERR what do you mean\r\n"[..],
        b"\x16\x03\x03\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x00",
        b"",
    ] {
        for (tls, before) in [("implicit", Before::Nothing), ("starttls", Before::Stls)] {
            let server = Listening::answering(garbage, before);
            let sandbox = Sandbox::new();
            let account = account(&sandbox, "localhost", server.port(), None).text("tls", tls);
            sandbox.configure([account.text("timeout", "1s")]);
            let run = sandbox.popkeep(["fetch", "--quiet"]).run();
            // Not TLS at all, or a handshake that stalls.
            assert!(matches!(run.code, Some(76 | 69)), "{:?}: {}", run.code, run.stderr);
            run.one_line(&["work", "TLS"]);
            no_credential("garbage", &server.heard());
        }
    }
}

#[test]
fn a_client_key_that_others_can_read_is_refused_before_connecting() {
    let authority = Authority::new();
    let own = authority.good();
    let server = Listening::start(authority.good().acceptor(), Before::Nothing);
    let sandbox = Sandbox::new();
    let file = sandbox.write("own.pem", format!("{}{}", own.certificate, own.key));
    crate::support::set_mode(&file, 0o644);
    let account = account(&sandbox, "localhost", server.port(), Some(&authority));
    sandbox.configure([account.text("tls_client_cert", file.to_str().unwrap())]);
    let run = sandbox.popkeep(["fetch", "--quiet"]).run().expect(78);
    run.one_line(&["work", "tls_client_cert", "own.pem", "chmod 600"]);
    assert!(server.heard().is_empty(), "it connected");
}

#[test]
fn the_environment_s_authorities_are_trusted_and_commands_find_the_same_environment() {
    let authority = Authority::new();
    let server =
        PopServer::start(Mail::some(1), Behaviour::default(), Tls::Implicit(authority.good().acceptor()));
    let command = format!("env > environment; echo {PASSWORD}");
    let sandbox = Sandbox::new();
    let account = account(&sandbox, "localhost", server.port(), None).without("password");
    sandbox.configure([account.text("password_command", &command)]);
    let run = |file: Option<&str>| {
        let run = sandbox.popkeep(["fetch", "--quiet"]);
        file.into_iter().fold(run, |run, file| run.env("SSL_CERT_FILE", file)).run()
    };
    let said = || {
        let environment = std::fs::read_to_string(sandbox.path("environment")).unwrap();
        let lines = environment.lines().filter(|line| line.starts_with("SSL_"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    run(None).expect(77);
    let file = sandbox.write("all.pem", authority.pem());
    let file = file.to_str().unwrap();
    run(Some(file)).expect(0).silent();
    assert_eq!(said(), [format!("SSL_CERT_FILE={file}")]);

    // Without the variable a command finds none that we have added.
    let server = PopServer::with(Mail::some(1));
    let account = Account::on("other", &server).without("password").text("password_command", &command);
    sandbox.configure([account]);
    run(None).expect(0).silent();
    assert!(said().is_empty());
}

#[test]
fn started_through_the_dynamic_loader_it_runs_nothing_else() {
    let Some(loader) = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
        .into_iter()
        .find(|loader| std::path::Path::new(loader).exists())
    else {
        return crate::support::skip("no dynamic loader where it usually is");
    };
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    // What it is told to be called, as an attacker would put it there.
    let planted = sandbox.write("fetch", "#!/bin/sh\ntouch planted\n");
    crate::support::set_mode(&planted, 0o755);
    let mut command = std::process::Command::new(loader);
    command.args(["--argv0", "./fetch", crate::support::sandbox::POPKEEP, "fetch", "--quiet"]);
    sandbox.command(command).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 2);
    assert!(!sandbox.path("planted").exists());
}
