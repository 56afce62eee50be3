use super::*;

/// Answers `challenge`, given without its base64; gives the answer likewise.
fn step(exchange: &mut Scram, challenge: &str) -> Result<String, SaslError> {
    exchange.respond(Challenge(STANDARD.encode(challenge).as_bytes())).map(|answer| plain(&answer))
}

fn plain(message: &SecretString) -> String {
    String::from_utf8(STANDARD.decode(message.expose_secret()).unwrap()).unwrap()
}

fn scram(mechanism: Mechanism, binding: ChannelBinding, nonce: &str) -> Scram {
    Scram::with_nonce(mechanism, "user", &SecretString::from("pencil"), binding, nonce.to_owned()).unwrap()
}

/// RFC 5802, section 5, as far as the client's proof.
fn proven() -> Scram {
    let mut exchange = scram(Mechanism::ScramSha1, ChannelBinding::Unavailable, "fyko+d2lbbFgONRv9qkxdawL");
    let first = exchange.initial().unwrap().unwrap();
    assert_eq!(plain(&first), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    let proof = step(&mut exchange, "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
    assert_eq!(
        proof.unwrap(),
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    );
    exchange
}

#[test]
fn the_example_of_rfc_5802() {
    let mut exchange = proven();
    assert!(exchange.finish().is_err(), "the server has not proven anything yet");
    assert_eq!(step(&mut exchange, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap(), "");
    assert_eq!(exchange.finish(), Ok(()));
    assert!(step(&mut exchange, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").is_err(), "it has been said");
}

#[test]
fn the_example_of_rfc_7677() {
    let mut exchange = scram(Mechanism::ScramSha256, ChannelBinding::Unavailable, "rOprNGfwEbeRWgbNEkqO");
    assert_eq!(plain(&exchange.initial().unwrap().unwrap()), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let proof = step(
        &mut exchange,
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    );
    assert_eq!(
        proof.unwrap(),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    step(&mut exchange, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
    assert_eq!(exchange.finish(), Ok(()));
}

#[test]
fn a_server_that_cannot_sign_is_not_trusted() {
    let mut exchange = proven();
    let error = step(&mut exchange, "v=rmF9pqV8S7suAoZWja4dJRkFsKR=").unwrap_err();
    // The last character's spare bits must be zero, so that one is not even base64.
    assert!(matches!(error, SaslError::Malformed { .. }), "{error}");
    let mut exchange = proven();
    let error = step(&mut exchange, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap_err();
    assert_eq!(error, SaslError::Unproven { mechanism: "SCRAM-SHA-1" });
    assert_eq!(error.exit(), crate::exit::Exit::REFUSED);
    let mut exchange = proven();
    assert!(step(&mut exchange, "v=").is_err(), "an empty signature signs nothing");
}

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    let mut exchange = proven();
    assert_eq!(step(&mut exchange, "e=invalid-proof").unwrap(), "");
    assert_eq!(exchange.complaint().unwrap().text, "invalid-proof");
    assert!(exchange.finish().is_err(), "a +OK after that means nothing");
}

#[test]
fn the_nonce_must_continue_ours() {
    for nonce in ["abcXYZ", "abc", "ab", "", "xabcXYZ", "abc\u{7}def", "abcé"] {
        let mut exchange = scram(Mechanism::ScramSha1, ChannelBinding::Unavailable, "abc");
        let outcome = step(&mut exchange, &format!("r={nonce},s=QSXCR+Q6sek8bf92,i=4096"));
        assert_eq!(outcome.is_ok(), nonce == "abcXYZ", "{nonce}");
    }
}

#[test]
fn the_work_is_bounded_on_both_sides() {
    for (iterations, found) in [
        ("1", Some(1)),
        ("4095", Some(4095)),
        ("4096", None),
        ("2000001", Some(2_000_001)),
        ("4294971392", Some(4_294_971_392)),
    ] {
        let mut exchange = scram(Mechanism::ScramSha256, ChannelBinding::Unavailable, "abc");
        let outcome = step(&mut exchange, &format!("r=abcdef,s=QSXCR+Q6sek8bf92,i={iterations}"));
        assert_eq!(outcome.err(), found.map(|found| SaslError::Iterations { found }));
    }
    for garbage in ["-4096", "+4096", "", "4096x", "99999999999999999999999"] {
        let mut exchange = scram(Mechanism::ScramSha256, ChannelBinding::Unavailable, "abc");
        let error = step(&mut exchange, &format!("r=abcdef,s=QSXCR+Q6sek8bf92,i={garbage}")).unwrap_err();
        assert!(matches!(error, SaslError::Malformed { .. }), "{garbage}: {error}");
    }
}

#[test]
fn garbage_is_an_error() {
    for text in
        ["", "r=abcd", "r=abcd,s=,i=4096", "r=abcd,s=***,i=4096", "m=x,r=abcd,s=QQ==,i=4096", "s=QQ==,r=abcd"]
    {
        let mut exchange = scram(Mechanism::ScramSha1, ChannelBinding::Unavailable, "abc");
        assert!(matches!(step(&mut exchange, text), Err(SaslError::Malformed { .. })), "{text}");
    }
    let mut exchange = scram(Mechanism::ScramSha1, ChannelBinding::Unavailable, "abc");
    assert_eq!(exchange.respond(Challenge(b"***")).unwrap_err(), SaslError::NotBase64);
}

#[test]
fn the_gs2_header_says_what_we_saw_of_channel_binding() {
    let bound = ChannelBinding::ServerEndPoint(b"\x01\x02".to_vec());
    for (mechanism, binding, header, bound) in [
        (Mechanism::ScramSha256, ChannelBinding::Unavailable, "n,,", "biws"),
        (Mechanism::ScramSha256, ChannelBinding::NotOffered, "y,,", "eSws"),
        (
            Mechanism::ScramSha256Plus,
            bound,
            "p=tls-server-end-point,,",
            "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQI=",
        ),
    ] {
        let mut exchange = scram(mechanism, binding, "abc");
        let first = plain(&exchange.initial().unwrap().unwrap());
        assert_eq!(first, format!("{header}n=user,r=abc"));
        let proof = step(&mut exchange, "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096").unwrap();
        assert!(proof.starts_with(&format!("c={bound},r=abcdef,p=")), "{proof}");
    }
}

#[test]
fn plus_without_a_binding_is_an_error_not_a_fallback() {
    let password = SecretString::from("pencil");
    let outcome =
        Scram::new(Mechanism::ScramSha256Plus, "user", &password, ChannelBinding::Unavailable).map(|_| ());
    assert_eq!(outcome, Err(SaslError::NoChannelBinding { mechanism: "SCRAM-SHA-256-PLUS" }));
}

#[test]
fn names_and_passwords_are_prepared() {
    let exchange = |user: &str, password: &str| {
        let password = SecretString::from(password);
        let nonce = "abc".to_owned();
        Scram::with_nonce(Mechanism::ScramSha1, user, &password, ChannelBinding::Unavailable, nonce).unwrap()
    };
    // RFC 4013, section 3: a soft hyphen goes, compatibility characters are normalised.
    assert_eq!(exchange("I\u{ad}X", "x").user, "IX");
    assert_eq!(exchange("a,b=c", "x").user, "a=2Cb=3Dc");
    assert_eq!(exchange("user", "\u{2168}").password.expose_secret(), "IX");
    assert_eq!(exchange("user", "🔑").password.expose_secret(), "🔑", "newer than SASLprep: left as it is");
}

#[test]
fn two_nonces_are_never_equal() {
    let nonce = || {
        let password = SecretString::from("x");
        Scram::new(Mechanism::ScramSha1, "user", &password, ChannelBinding::Unavailable).unwrap().nonce
    };
    let (first, second) = (nonce(), nonce());
    assert_ne!(first, second);
    assert!(first.len() == 24 && !first.contains(','));
}
