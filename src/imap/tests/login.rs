//! From the greeting to the login: capabilities, STARTTLS, mechanisms, refusals.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::slice;

/// Speaks `transcript` from the greeting to the end of the login, over TLS; the password is `hunter2`.
fn login(transcript: &str, choice: Choice) -> Result<Connection<Authenticated>, ImapError> {
    let (connection, progress) = open(transcript);
    let outcome = connection.login(&by("jane", &secret(), choice, Clearance::EncryptedOnly));
    progress.assert_finished();
    outcome
}

fn greeting(offers: &str) -> String {
    format!("S: * OK [CAPABILITY IMAP4rev1 {offers}] ready\n")
}

const IN: &str = "OK [CAPABILITY IMAP4rev1 MULTIAPPEND] in";

fn plain() -> String {
    STANDARD.encode("\0jane\0hunter2")
}

#[test]
fn capabilities_come_from_the_greeting_or_are_asked_for_and_again_after_the_login() {
    let asked = "S: * OK ready\nC: P1 CAPABILITY\nS: * CAPABILITY IMAP4rev1 auth=plain sasl-ir\nS: P1 OK\n";
    let transcript = format!(
        "{asked}C: P2 AUTHENTICATE PLAIN {}\nS: P2 OK in\nC: P3 CAPABILITY\nS: * CAPABILITY IMAP4rev1 BINARY\nS: P3 OK",
        plain()
    );
    let connection = login(&transcript, Choice::Auto).unwrap();
    assert_eq!(connection.mechanism(), Some(Mechanism::Plain));
    assert!(connection.abilities().binary && !connection.abilities().multiappend);

    let untagged = format!(
        "{}C: P1 AUTHENTICATE PLAIN {}\nS: * CAPABILITY IMAP4rev1 LITERAL+\nS: P1 OK in",
        greeting("AUTH=PLAIN SASL-IR"),
        plain()
    );
    let connection = login(&untagged, Choice::Auto).unwrap();
    assert_eq!(connection.abilities().literal_plus, LiteralPlus::Always);
}

#[test]
fn imap4rev2_alone_brings_its_extensions() {
    let transcript = format!(
        "S: * OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] ready\nC: P1 AUTHENTICATE PLAIN {}\n\
         S: P1 OK [CAPABILITY IMAP4rev2] in\nC: P2 LIST \"\" \"\"\nS: * LIST () \"/\" \"\"\nS: P2 OK",
        plain()
    );
    let (connection, _) = open(&transcript);
    let login = connection.login(&by("jane", &secret(), Choice::Auto, Clearance::EncryptedOnly));
    let mut connection = login.unwrap();
    let abilities = connection.abilities();
    assert_eq!(abilities.literal_plus, LiteralPlus::UpTo4096);
    assert!(abilities.binary && abilities.uidplus && !abilities.multiappend);
    assert_eq!(connection.folder("Müll").unwrap().encoded(), "Müll");
}

#[test]
fn starttls_forgets_the_capabilities_and_refuses_what_follows_it() {
    let (script, progress) = Script::new(
        &format!(
            "{}C: P1 STARTTLS\nS: P1 OK [CAPABILITY IMAP4rev1 AUTH=EXTERNAL] go\nC: P2 CAPABILITY\n\
             S: * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\nS: P2 OK",
            greeting("STARTTLS LOGINDISABLED")
        ),
        usize::MAX,
    );
    let connection = Connection::open(Box::new(script.plain(false)), options().0).unwrap();
    let connection = connection.start_tls(&tls()).unwrap();
    progress.assert_finished();
    assert!(connection.security().is_encrypted());
    assert_eq!(connection.capabilities().sasl().collect::<Vec<_>>(), ["PLAIN"]);

    for injected in ["S: P2 OK [CAPABILITY IMAP4rev1] injected", "raw: *", "raw: P"] {
        let transcript = format!("{}C: P1 STARTTLS\nraw: P1 OK go\\r\\n\n{injected}", greeting(""));
        let (script, _) = Script::new(&transcript, usize::MAX);
        let connection = Connection::open(Box::new(script.plain(false)), options().0).unwrap();
        let error = connection.start_tls(&tls()).unwrap_err();
        assert!(matches!(error, ImapError::Injected), "{injected}: {error}");
        assert_eq!(error.exit(), Exit::PROTOCOL);
    }
    for (refusal, exit) in
        [("NO [UNAVAILABLE] later", Exit::TRY_LATER), ("BAD unknown command", Exit::PROTOCOL)]
    {
        let transcript = format!("{}C: P1 STARTTLS\nS: P1 {refusal}", greeting(""));
        let (script, _) = Script::new(&transcript, usize::MAX);
        let connection = Connection::open(Box::new(script.plain(false)), options().0).unwrap();
        assert_eq!(connection.start_tls(&tls()).unwrap_err().exit(), exit);
    }
}

#[test]
fn preauth_needs_no_login_and_in_clear_text_is_no_way_around_tls() {
    let greeting = "S: * PREAUTH [CAPABILITY IMAP4rev1 BINARY] jane\n";
    let connection = login(greeting, Choice::Auto).unwrap();
    assert_eq!((connection.mechanism(), connection.abilities().binary), (None, true));

    let (script, progress) = Script::new(&format!("{greeting}C: never"), usize::MAX);
    let connection = Connection::open(Box::new(script.plain(false)), options().0).unwrap();
    let error = connection.start_tls(&tls()).unwrap_err();
    assert!(matches!(error, ImapError::PreAuthInClearText), "{error}");
    assert_eq!((error.exit(), progress.left()), (Exit::PROTOCOL, 1));
}

#[test]
fn what_is_no_greeting_is_explained() {
    for (transcript, exit, words) in [
        ("S: +OK POP3 ready", Exit::PROTOCOL, "does not speak IMAP"),
        ("S: 220 smtp", Exit::PROTOCOL, "220 smtp"),
        ("raw: SSH-2.0-x", Exit::PROTOCOL, "SSH-2.0-x"),
        ("S: * 3 EXISTS", Exit::PROTOCOL, "does not speak IMAP"),
        ("S: * NO", Exit::PROTOCOL, "does not speak IMAP"),
        ("raw: \\x16\\x03\\x01\\0\\0", Exit::PROTOCOL, "does not speak IMAP"),
        (&format!("raw: {}", "x".repeat(70_000)), Exit::PROTOCOL, "does not speak IMAP"),
        ("S: * BYE too many connections", Exit::TRY_LATER, "too many connections"),
        ("S: * BYE [UNAVAILABLE] x", Exit::TRY_LATER, "refused the connection"),
        ("S: * BYE go away", Exit::PROTOCOL, "go away"),
        ("close", Exit::UNAVAILABLE, "before it greeted"),
        ("stall", Exit::UNAVAILABLE, "`tls` fits"),
        ("raw: * OK rea", Exit::UNAVAILABLE, "before it greeted"),
    ] {
        let error = open_error(transcript);
        assert_eq!(error.exit(), exit, "{transcript}: {error}");
        assert!(error.to_string().contains(words), "{transcript}: {error}");
    }
}

#[test]
fn the_login_command_quotes_and_uses_literals_for_what_is_not_ascii() {
    let transcript = greeting("") + "C: P1 LOGIN \"jane\" \"hunter2\"\nS: P1 " + IN;
    assert_eq!(login(&transcript, Choice::Auto).unwrap().mechanism(), Some(Mechanism::User));

    let secret = SecretString::from("gehe\"im\\ß");
    for (offers, plus, go) in [("LITERAL+", "+", ""), ("LITERAL-", "+", ""), ("", "", "S: + go\n")] {
        let transcript = format!(
            "{}C: P1 LOGIN \"a \\\"b\\\\\" {{10{plus}}}\n{go}C: gehe\"im\\ß\nS: P1 {IN}",
            greeting(offers)
        );
        let (script, progress) = Script::new(&transcript, usize::MAX);
        let (options, trace) = options();
        let connection = Connection::open(Box::new(script), options).unwrap();
        connection.login(&by("a \"b\\", &secret, Choice::Auto, Clearance::EncryptedOnly)).unwrap();
        progress.assert_finished();
        let trace = trace.lock().unwrap();
        assert!(trace.iter().all(|line| !line.contains("gehe")), "{trace:?}");
        assert!(trace.iter().any(|line| line.contains("****")), "{trace:?}");
    }
    for text in ["a\r\nb", "a\0b"] {
        let error = open(&(greeting("") + "C: never"))
            .0
            .login(&by(text, &self::secret(), Choice::Auto, Clearance::EncryptedOnly))
            .unwrap_err();
        assert_eq!(error.exit(), Exit::CONFIG, "{error}");
    }
}

#[test]
fn a_literal_of_the_login_command_may_be_refused() {
    let secret = SecretString::from("ß");
    let transcript = greeting("") + "C: P1 LOGIN \"jane\" {2}\nS: P1 NO [AUTHENTICATIONFAILED] no";
    let error = open(&transcript).0.login(&by("jane", &secret, Choice::Auto, Clearance::EncryptedOnly));
    assert_eq!(error.unwrap_err().exit(), Exit::REFUSED);
}

#[test]
fn in_clear_text_nothing_that_tells_the_secret() {
    for offers in ["AUTH=PLAIN", "", "LOGINDISABLED AUTH=PLAIN AUTH=LOGIN"] {
        for choice in [Choice::Auto, Choice::Named(Mechanism::User), Choice::Named(Mechanism::Plain)] {
            let (script, progress) = Script::new(&(greeting(offers) + "C: never"), usize::MAX);
            let connection = Connection::open(Box::new(script.plain(false)), options().0).unwrap();
            let secret = secret();
            let error = connection.login(&by("jane", &secret, choice, Clearance::EncryptedOnly)).unwrap_err();
            assert!(matches!(error, ImapError::ClearTextRefused), "{offers} {choice:?}: {error}");
            assert_eq!((error.exit(), progress.left()), (Exit::CONFIG, 1));
        }
    }
    for (loopback, clearance) in [(true, Clearance::EncryptedOnly), (false, Clearance::Granted)] {
        let transcript = greeting("") + "C: P1 LOGIN \"jane\" \"hunter2\"\nS: P1 " + IN;
        let (script, progress) = Script::new(&transcript, usize::MAX);
        let connection = Connection::open(Box::new(script.plain(loopback)), options().0).unwrap();
        connection.login(&by("jane", &secret(), Choice::Auto, clearance)).unwrap();
        progress.assert_finished();
    }
}

#[test]
fn logindisabled_is_heeded_and_apop_is_not_for_imap() {
    let error = login(&greeting("LOGINDISABLED AUTH=GSSAPI"), Choice::Auto).unwrap_err();
    assert!(matches!(&error, ImapError::NothingFits { offered, .. } if offered == "GSSAPI"), "{error}");
    assert_eq!(error.exit(), Exit::REFUSED);
    let error = login(&greeting(""), Choice::Named(Mechanism::Apop)).unwrap_err();
    assert_eq!(error.exit(), Exit::CONFIG, "{error}");
}

#[test]
fn without_sasl_ir_the_first_response_answers_a_challenge() {
    let transcript =
        format!("{}C: P1 AUTHENTICATE PLAIN\nS: + \nC: {}\nS: P1 {IN}", greeting("AUTH=PLAIN"), plain());
    login(&transcript, Choice::Auto).unwrap();
    // Announced and not understood.
    let transcript = format!(
        "{}C: P1 AUTHENTICATE PLAIN {}\nS: P1 BAD syntax error: too many arguments\n\
         C: P2 AUTHENTICATE PLAIN\nS: +\nC: {}\nS: P2 {IN}",
        greeting("AUTH=PLAIN SASL-IR"),
        plain(),
        plain()
    );
    login(&transcript, Choice::Auto).unwrap();
    // External with an empty identity is another matter: the user is always said.
    let transcript =
        format!("{}C: P1 AUTHENTICATE EXTERNAL amFuZQ==\nS: P1 {IN}", greeting("AUTH=EXTERNAL SASL-IR"));
    login(&transcript, Choice::Named(Mechanism::External)).unwrap();
}

#[test]
fn a_token_by_xoauth2_in_two_steps_and_its_refusal_is_explained() {
    let response = STANDARD.encode("user=jane\x01auth=Bearer hunter2\x01\x01");
    let token = Choice::Named(Mechanism::XOAuth2);
    let begun =
        format!("{}C: P1 AUTHENTICATE XOAUTH2\nS: + \nC: {response}\n", greeting("AUTH=XOAUTH2 SASL-IR"));
    login(&format!("{begun}S: P1 {IN}"), token).unwrap();
    let error = STANDARD.encode(r#"{"status":"400","scope":"mail for hunter2"}"#);
    let refused = login(&format!("{begun}S: + {error}\nC: \nS: P1 NO try again"), token).unwrap_err();
    let text = refused.to_string();
    assert!(refused.wants_new_token() && refused.exit() == Exit::REFUSED, "{text}");
    assert!(text.contains("mail for ****") && !text.contains("hunter2"), "{text}");
    let later = format!("{begun}S: + {error}\nC: \nS: P1 NO [UNAVAILABLE] try again");
    assert_eq!(login(&later, token).unwrap_err().exit(), Exit::TRY_LATER);
}

#[test]
fn a_weaker_mechanism_follows_only_when_the_stronger_one_is_unknown() {
    let offers = greeting("AUTH=CRAM-MD5 AUTH=PLAIN SASL-IR");
    let transcript = format!(
        "{offers}C: P1 AUTHENTICATE CRAM-MD5\nS: P1 NO unsupported authentication mechanism\n\
         C: P2 AUTHENTICATE PLAIN {}\nS: P2 {IN}",
        plain()
    );
    assert_eq!(login(&transcript, Choice::Auto).unwrap().mechanism(), Some(Mechanism::Plain));
    for (refusal, exit) in [
        ("NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", Exit::REFUSED),
        ("NO [EXPIRED] password too old", Exit::REFUSED),
        ("NO [CONTACTADMIN] no", Exit::REFUSED),
        ("NO authentication failed", Exit::REFUSED),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", Exit::TRY_LATER),
        ("NO [UNAVAILABLE] Temporary authentication failure.", Exit::TRY_LATER),
        ("NO [LIMIT] slow down", Exit::TRY_LATER),
        ("NO [INUSE] another one is here", Exit::TRY_LATER),
        ("NO [THROTTLED] slow", Exit::TRY_LATER),
        ("NO", Exit::REFUSED),
    ] {
        let transcript = format!("{offers}C: P1 AUTHENTICATE CRAM-MD5\nS: P1 {refusal}");
        let error = login(&transcript, Choice::Auto).unwrap_err();
        assert_eq!(error.exit(), exit, "{refusal}: {error}");
    }
    // If the server then hangs up, the first refusal is reported.
    for end in ["", "S: * BYE too many errors\n"] {
        let transcript = format!(
            "{offers}C: P1 AUTHENTICATE CRAM-MD5\nS: P1 NO unsupported\nC: P2 AUTHENTICATE PLAIN {}\n{end}",
            plain()
        );
        let error = login(&transcript, Choice::Auto).unwrap_err();
        assert!(error.to_string().contains("CRAM-MD5"), "{error}");
    }
}

#[test]
fn a_challenge_that_the_mechanism_does_not_have_ends_the_connection() {
    let offers = greeting("AUTH=PLAIN SASL-IR");
    let transcript = format!("{offers}C: P1 AUTHENTICATE PLAIN {}\nS: + bW9yZQ==", plain());
    assert_eq!(login(&transcript, Choice::Auto).unwrap_err().exit(), Exit::PROTOCOL);
}

#[test]
fn scram_counts_only_once_the_server_has_proven_itself() {
    let offers = greeting("AUTH=SCRAM-SHA-256 SASL-IR");
    let transcript = format!("{offers}C: P1 AUTHENTICATE SCRAM-SHA-256 *\nS: P1 {IN}");
    assert_eq!(login(&transcript, Choice::Auto).unwrap_err().exit(), Exit::REFUSED);
}

#[test]
fn what_the_server_repeats_of_a_secret_is_masked() {
    let transcript = format!(
        "{}C: P1 LOGIN \"jane\" \"hunter2\"\nS: * OK you said LOGIN jane hunter2\nS: P1 NO LOGIN jane hunter2 is wrong",
        greeting("")
    );
    let (script, _) = Script::new(&transcript, usize::MAX);
    let (options, trace) = options();
    let connection = Connection::open(Box::new(script), options).unwrap();
    let error = connection.login(&by("jane", &secret(), Choice::Auto, Clearance::EncryptedOnly)).unwrap_err();
    let shown = format!("{error} {error:?} {:?}", trace.lock().unwrap());
    assert!(!shown.contains("hunter2") && shown.contains("****"), "{shown}");
    assert!(!format!("{:?}", slice::from_ref(&error)).contains("104, 117, 110, 116, 101, 114"), "{error:?}");
}
