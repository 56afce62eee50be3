//! Greeting, capabilities, STLS and login.

use super::*;
use crate::exit::Exit;
use crate::net::{TlsOptions, TlsSettings};

fn open_error(transcript: &str) -> SessionError {
    let (script, _) = Script::new(transcript, usize::MAX);
    Session::open(Box::new(script), options(Pipeline::Never).0).unwrap_err()
}

/// Speaks `transcript` from the greeting to the end of the login.
fn login(transcript: &str, choice: Choice) -> Result<Session<Transaction>, SessionError> {
    let (session, progress) = open(transcript);
    let outcome = session.login(&by("jane", &secret(), choice, Clearance::EncryptedOnly));
    progress.assert_finished();
    outcome
}

#[test]
fn a_greeting_that_is_none() {
    for (transcript, exit, words) in [
        ("S: * OK IMAP4rev1 ready", Exit::PROTOCOL, "“* OK IMAP4rev1 ready”"),
        ("S: 220 mail ESMTP\nstall", Exit::PROTOCOL, "does not speak POP3"),
        ("S: -ERR no service for you", Exit::PROTOCOL, "“no service for you”"),
        ("S: -ERR [SYS/TEMP] overloaded", Exit::TRY_LATER, "“[SYS/TEMP] overloaded”"),
        ("S: -ERR [IN-USE] busy", Exit::TRY_LATER, "“[IN-USE] busy”"),
        ("S: -ERR Exceeded the login limit for a 15 minute period", Exit::TRY_LATER, "login limit"),
        ("", Exit::UNAVAILABLE, "closed the connection before it greeted"),
        ("stall", Exit::UNAVAILABLE, "too slow with the greeting"),
    ] {
        let error = open_error(transcript);
        assert_eq!(error.exit(), exit, "{transcript}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let endless = open_error(&format!("S: {}", "x".repeat(9000)));
    assert!(matches!(endless, SessionError::NotPop3 { text } if text.len() == 80));
}

#[test]
fn text_of_a_server_never_reaches_a_terminal_raw() {
    let error = open_error("S: -ERR \u{1b}[2Jgone \u{202e}");
    let shown = error.to_string();
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
}

#[test]
fn the_timestamp_for_apop_stands_in_the_greeting() {
    let (session, _) = open("S: +OK ready <1896.697170952@dbc.mtview.ca.us>");
    assert_eq!(session.greeting().apop_timestamp(), Some(&b"<1896.697170952@dbc.mtview.ca.us>"[..]));
}

#[test]
fn user_and_pass() {
    let session = login(
        "S: +OK
         C: USER jane
         S: +OK
         C: PASS hunter2
         S: +OK
         C: CAPA
         S: +OK
         S: PIPELINING
         S: .",
        Choice::Named(Mechanism::User),
    )
    .unwrap();
    assert_eq!(session.mechanism(), "USER/PASS");
    assert!(session.capabilities().pipelining());
    assert!(!session.pipelining(), "the options said never");
}

#[test]
fn auto_takes_plain_where_it_is_offered() {
    let session = login(
        "S: +OK
         C: CAPA
         S: +OK
         S: SASL LOGIN PLAIN
         S: .
         C: AUTH PLAIN AGphbmUAaHVudGVyMg==
         S: +OK
         C: CAPA
         S: +OK
         S: .",
        Choice::Auto,
    )
    .unwrap();
    assert_eq!(session.mechanism(), "PLAIN");
}

#[test]
fn auto_takes_user_and_pass_elsewhere() {
    let refused = "S: +OK\nC: CAPA\nS: -ERR what?\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: +OK";
    let session = login(refused, Choice::Auto).unwrap();
    assert!(!session.capabilities().offered(), "CAPA was refused once, so it is not asked again");

    let without = "S: +OK\nC: CAPA\nS: +OK\nS: SASL GSSAPI\nS: USER\nS: .\nC: USER jane\nS: +OK\n\
                   C: PASS hunter2\nS: +OK\nC: CAPA\nS: +OK\nS: .";
    assert_eq!(login(without, Choice::Auto).unwrap().mechanism(), "USER/PASS");
}

#[test]
fn a_server_that_closes_on_capa_is_done_without_it() {
    let (mut session, _) = open("S: +OK\nC: CAPA");
    let error = session.capabilities().unwrap_err();
    assert!(matches!(error, SessionError::Closed { during: "CAPA" }));

    let (mut session, progress) = open("S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: +OK");
    session.skip_capabilities();
    session.login(&by("jane", &secret(), Choice::Auto, Clearance::EncryptedOnly)).unwrap();
    progress.assert_finished();
}

#[test]
fn capabilities_are_asked_once() {
    let (mut session, progress) = open("S: +OK\nC: CAPA\nS: +OK\nS: UIDL\nS: .");
    assert!(session.capabilities().unwrap().uidl());
    assert!(session.capabilities().unwrap().uidl());
    progress.assert_finished();
}

#[test]
fn a_long_initial_response_goes_as_a_continuation() {
    let user = "u".repeat(200);
    let response = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(format!("\0{user}\0hunter2"))
    };
    for (transcript, user) in [
        (format!("S: +OK\nC: AUTH PLAIN\nS: + \nC: {response}\nS: +OK\nC: CAPA\nS: -ERR"), user.as_str()),
        // A server that overlooks the initial response and asks for it.
        (
            "S: +OK\nC: AUTH PLAIN AGphbmUAaHVudGVyMg==\nS: +\nC: AGphbmUAaHVudGVyMg==\nS: +OK\n\
             C: CAPA\nS: -ERR"
                .into(),
            "jane",
        ),
    ] {
        let (session, progress) = open(&transcript);
        session
            .login(&by(user, &secret(), Choice::Named(Mechanism::Plain), Clearance::EncryptedOnly))
            .unwrap();
        progress.assert_finished();
    }
}

#[test]
fn endless_challenges_end() {
    let response = "C: AGphbmUAaHVudGVyMg==";
    let (session, _) = open(&format!(
        "S: +OK\nC: AUTH PLAIN AGphbmUAaHVudGVyMg==\nS: +\n{response}\nS: +\n{response}\nS: +"
    ));
    let error = session
        .login(&by("jane", &secret(), Choice::Named(Mechanism::Plain), Clearance::EncryptedOnly))
        .unwrap_err();
    assert_eq!(error.exit(), Exit::PROTOCOL);
}

#[test]
fn a_refused_login_is_tried_in_no_other_way() {
    let capa = "S: +OK\nC: CAPA\nS: +OK\nS: SASL PLAIN\nS: USER\nS: .";
    for (transcript, mechanism, name) in [
        ("S: +OK\nC: USER jane\nS: -ERR who?", Choice::Named(Mechanism::User), "USER/PASS"),
        (
            "S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: -ERR [AUTH] no",
            Choice::Named(Mechanism::User),
            "USER/PASS",
        ),
        (&format!("{capa}\nC: AUTH PLAIN AGphbmUAaHVudGVyMg==\nS: -ERR no"), Choice::Auto, "PLAIN"),
    ] {
        let error = login(transcript, mechanism).unwrap_err();
        assert_eq!(error.exit(), Exit::REFUSED);
        assert!(
            matches!(&error, SessionError::LoginRefused(refusal) if refusal.mechanism.name() == name),
            "{error}"
        );
    }
}

#[test]
fn not_now_is_not_wrong() {
    for (code, exit) in [
        ("IN-USE", Exit::TRY_LATER),
        ("LOGIN-DELAY", Exit::TRY_LATER),
        ("SYS/TEMP", Exit::TRY_LATER),
        ("SYS/PERM", Exit::REFUSED),
        ("AUTH", Exit::REFUSED),
    ] {
        let transcript = format!("S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: -ERR [{code}] no");
        assert_eq!(login(&transcript, Choice::Named(Mechanism::User)).unwrap_err().exit(), exit, "{code}");
    }
}

#[test]
fn a_password_is_not_sent_in_clear_text_without_clearance() {
    let transcript = "S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: +OK\nC: CAPA\nS: -ERR";
    for (loopback, clearance, sent) in [
        (false, Clearance::EncryptedOnly, false),
        (true, Clearance::EncryptedOnly, true),
        (false, Clearance::Granted, true),
    ] {
        let (script, progress) = Script::new(transcript, usize::MAX);
        let session = Session::open(Box::new(script.plain(loopback)), options(Pipeline::Never).0).unwrap();
        let outcome = session.login(&by("jane", &secret(), Choice::Named(Mechanism::User), clearance));
        assert_eq!((outcome.is_ok(), progress.is_finished()), (sent, sent));
        if let Err(error) = outcome {
            assert!(matches!(error, SessionError::ClearTextRefused));
            assert_eq!(error.exit(), Exit::CONFIG);
            assert_eq!(progress.left(), 6, "not a word was said");
        }
    }
}

fn start_tls(transcript: &str) -> (Result<Session<Authorization>, SessionError>, Progress) {
    let (script, progress) = Script::new(transcript, usize::MAX);
    let session = Session::open(Box::new(script.plain(false)), options(Pipeline::Never).0).unwrap();
    let tls = TlsSettings::new(&TlsOptions::new("pop.example.com")).unwrap();
    (session.start_tls(&tls), progress)
}

#[test]
fn capabilities_are_forgotten_when_tls_begins() {
    let (script, progress) = Script::new(
        "S: +OK
         C: CAPA
         S: +OK
         S: STLS
         S: .
         C: STLS
         S: +OK begin
         C: CAPA
         S: +OK
         S: UIDL
         S: .",
        usize::MAX,
    );
    let mut session = Session::open(Box::new(script.plain(false)), options(Pipeline::Never).0).unwrap();
    assert!(session.capabilities().unwrap().stls());
    let mut session =
        session.start_tls(&TlsSettings::new(&TlsOptions::new("pop.example.com")).unwrap()).unwrap();
    assert!(session.security().is_encrypted());
    assert!(!session.capabilities().unwrap().stls());
    progress.assert_finished();
}

#[test]
fn octets_behind_the_answer_to_stls_are_an_attack() {
    let (outcome, _) = start_tls("S: +OK\nC: STLS\nS: +OK begin\nS: +OK injected");
    let error = outcome.unwrap_err();
    assert!(matches!(error, SessionError::Injected));
    assert_eq!(error.exit(), Exit::PROTOCOL);
}

#[test]
fn without_stls_there_is_no_session() {
    let (outcome, progress) = start_tls("S: +OK\nC: STLS\nS: -ERR unknown command");
    let error = outcome.unwrap_err();
    assert_eq!(error.exit(), Exit::PROTOCOL);
    assert!(error.to_string().contains("does not offer STLS"), "{error}");
    progress.assert_finished();

    let (session, _) = open("S: +OK");
    let tls = TlsSettings::new(&TlsOptions::new("pop.example.com")).unwrap();
    assert!(matches!(session.start_tls(&tls), Err(SessionError::Order(_))), "TLS is on already");
}

#[test]
fn octets_nobody_asked_for_end_the_login() {
    let (session, _) = open("S: +OK\nS: +OK welcome back");
    let error = session
        .login(&by("jane", &secret(), Choice::Named(Mechanism::User), Clearance::EncryptedOnly))
        .unwrap_err();
    assert!(matches!(error, SessionError::Surplus { octets } if octets == b"+OK welcome back\r\n"));
}

#[test]
fn no_secret_in_a_trace_an_error_or_debug_even_if_the_server_repeats_it() {
    let response = "AGphbmUAaHVudGVyMg==";
    for (transcript, mechanism) in [
        (
            "S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: -ERR bad PASS hunter2".to_owned(),
            Choice::Named(Mechanism::User),
        ),
        (
            "S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: what is PASS hunter2".to_owned(),
            Choice::Named(Mechanism::User),
        ),
        (
            "S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: +OK\nS: PASS hunter2".to_owned(),
            Choice::Named(Mechanism::User),
        ),
        (format!("S: +OK\nC: AUTH PLAIN {response}\nS: -ERR {response}"), Choice::Named(Mechanism::Plain)),
        (format!("S: +OK\nC: AUTH PLAIN {response}\nS: + {response}"), Choice::Named(Mechanism::Plain)),
    ] {
        let (script, _) = Script::new(&transcript, usize::MAX);
        let (options, trace) = options(Pipeline::Never);
        let session = Session::open(Box::new(script), options).unwrap();
        let debug = format!("{session:?}");
        let error = session.login(&by("jane", &secret(), mechanism, Clearance::EncryptedOnly)).unwrap_err();
        let shown = format!("{debug} {error} {error:?} {:?}", trace.lock().unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains(response), "{shown}");
        assert!(shown.contains("****"), "{shown}");
    }
}

#[test]
fn a_trace_shows_what_was_said() {
    let (script, _) = Script::new(
        "S: +OK hi\nC: CAPA\nS: +OK\nS: SASL PLAIN\nS: .\nC: AUTH PLAIN AGphbmUAaHVudGVyMg==\nS: +\n\
         C: AGphbmUAaHVudGVyMg==\nS: +OK in\nC: CAPA\nS: -ERR",
        1,
    );
    let (options, trace) = options(Pipeline::Never);
    let session = Session::open(Box::new(script), options).unwrap();
    session.login(&by("jane", &secret(), Choice::Auto, Clearance::EncryptedOnly)).unwrap();
    let expected = [
        "S: +OK hi",
        "C: CAPA",
        "S: +OK",
        "S: SASL PLAIN",
        "S: .",
        "C: AUTH PLAIN ****",
        "S: +",
        "C: ****",
        "S: +OK in",
        "C: CAPA",
        "S: -ERR",
    ];
    assert_eq!(*trace.lock().unwrap(), expected);
}
