//! Login: which mechanism, in which form, and what a refusal leads to.

use super::*;
use crate::exit::Exit;
use crate::net::{TlsOptions, TlsSettings};
use crate::pop3::refusal::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

const TOKEN: Choice = Choice::Named(Mechanism::XOAuth2);

/// Speaks the transcript after a greeting, over TLS; the password is `hunter2`.
fn login(transcript: &str, choice: Choice) -> Result<Session<Transaction>, SessionError> {
    let (mut session, progress) = open(&format!("S: +OK <1.2@example.com> ready\n{transcript}"));
    if transcript.starts_with("C: CAPA") {
        session.capabilities().unwrap();
    }
    let outcome = session.login(&by("jane", &secret(), choice, Clearance::EncryptedOnly));
    progress.assert_finished();
    outcome
}

fn refused(outcome: Result<Session<Transaction>, SessionError>) -> LoginRefusal {
    match outcome {
        Err(SessionError::LoginRefused(refusal)) => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn capa(sasl: &str) -> String {
    format!("C: CAPA\nS: +OK\nS: SASL {sasl}\nS: .\n")
}

const IN: &str = "S: +OK\nC: CAPA\nS: +OK\nS: .";

#[test]
fn cram_md5() {
    // RFC 2195's challenge, with our password.
    let session = login(
        &format!(
            "C: AUTH CRAM-MD5\nS: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\n\
             C: amFuZSAzZDE5NzM5YjNkNmMxNGQyMTY4YmFhMjRhODFiYTU0Nw==\n{IN}"
        ),
        Choice::Named(Mechanism::CramMd5),
    );
    // The digest is HMAC-MD5(hunter2, <1896.697170952@postoffice.reston.mci.net>).
    assert_eq!(session.unwrap().mechanism(), "CRAM-MD5");
}

#[test]
fn login_as_old_servers_have_it() {
    let transcript =
        format!("C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: amFuZQ==\nS: + Password:\nC: aHVudGVyMg==\n{IN}");
    assert_eq!(login(&transcript, Choice::Named(Mechanism::Login)).unwrap().mechanism(), "LOGIN");
}

#[test]
fn external_with_the_user_as_authorization_identity() {
    let transcript = format!("C: AUTH EXTERNAL amFuZQ==\n{IN}");
    assert_eq!(login(&transcript, Choice::Named(Mechanism::External)).unwrap().mechanism(), "EXTERNAL");
}

#[test]
fn apop_with_the_timestamp_of_the_greeting() {
    let digest = crate::sasl::apop_digest(b"<1.2@example.com>", &secret());
    let transcript = format!("C: APOP jane {}\n{IN}", digest.expose_secret());
    assert_eq!(login(&transcript, Choice::Named(Mechanism::Apop)).unwrap().mechanism(), "APOP");
}

#[test]
fn apop_needs_a_proper_timestamp_that_did_not_come_in_clear_text_before_stls() {
    let apop = Choice::Named(Mechanism::Apop);
    let (session, progress) = open("S: +OK <not a msg-id> ready\nC: never");
    let error = session.login(&by("jane", &secret(), apop, Clearance::Granted)).unwrap_err();
    assert!(matches!(error, SessionError::NoApop { .. }) && error.exit() == Exit::REFUSED, "{error}");
    assert_eq!(progress.left(), 1, "not a word was said");

    let (script, progress) = Script::new("S: +OK <1.2@example.com>\nC: STLS\nS: +OK\nC: never", usize::MAX);
    let session = Session::open(Box::new(script.plain(false)), options(Pipeline::Never).0).unwrap();
    let session = session.start_tls(&TlsSettings::new(&TlsOptions::new("pop.example.com")).unwrap()).unwrap();
    let error = session.login(&by("jane", &secret(), apop, Clearance::Granted)).unwrap_err();
    assert!(matches!(error, SessionError::NoApop { .. }), "{error}");
    assert_eq!(progress.left(), 1, "not a word was said");
}

#[test]
fn xoauth2_always_in_two_steps_as_office_365_wants_it() {
    let response = STANDARD.encode("user=jane\x01auth=Bearer hunter2\x01\x01");
    let transcript = format!("C: AUTH XOAUTH2\nS: + \nC: {response}\n{IN}");
    assert_eq!(login(&transcript, TOKEN).unwrap().mechanism(), "XOAUTH2");
}

#[test]
fn a_refused_token_is_explained_in_the_servers_words() {
    let response = STANDARD.encode("user=jane\x01auth=Bearer hunter2\x01\x01");
    let error = STANDARD.encode(r#"{"status":"401","scope":"mail for hunter2"}"#);
    let transcript = format!(
        "C: AUTH XOAUTH2\nS: +\nC: {response}\nS: + {error}\nC: \nS: -ERR try again with a better one"
    );
    let outcome = login(&transcript, TOKEN);
    let text = outcome.as_ref().unwrap_err().to_string();
    assert!(outcome.as_ref().unwrap_err().wants_new_token());
    assert_eq!(outcome.unwrap_err().exit(), Exit::REFUSED, "a bad token is not \"later\"");
    assert!(text.contains("status 401") && text.contains("scope mail for ****"), "{text}");
    assert!(text.contains("check `user` and the token") && !text.contains("hunter2"), "{text}");
    let transcript = transcript.replace("try again", "[SYS/TEMP] try again");
    assert_eq!(login(&transcript, TOKEN).unwrap_err().exit(), Exit::TRY_LATER, "unless a code says so");

    let response =
        STANDARD.encode("n,a=jane,\x01host=pop.example.com\x01port=995\x01auth=Bearer hunter2\x01\x01");
    let error = STANDARD.encode(r#"{"status":"insufficient_scope"}"#);
    let transcript = format!("C: AUTH OAUTHBEARER {response}\nS: + {error}\nC: AQ==\nS: -ERR no");
    let outcome = login(&transcript, Choice::Named(Mechanism::OAuthBearer));
    assert!(!outcome.as_ref().unwrap_err().wants_new_token(), "a new token would have no other scope");
    assert!(refused(outcome).complaint.unwrap().text.contains("insufficient_scope"));
}

#[test]
fn a_weaker_mechanism_follows_when_the_server_does_not_know_the_stronger_one() {
    let plain = "C: AUTH PLAIN AGphbmUAaHVudGVyMg==";
    let transcript = format!(
        "{}C: AUTH CRAM-MD5\nS: -ERR Unsupported authentication mechanism.\n{plain}\n{IN}",
        capa("CRAM-MD5 PLAIN")
    );
    assert_eq!(login(&transcript, Choice::Auto).unwrap().mechanism(), "PLAIN");

    let transcript = format!("{}C: AUTH CRAM-MD5\nS: -ERR [AUTH] no", capa("CRAM-MD5 PLAIN"));
    let refusal = refused(login(&transcript, Choice::Auto));
    assert_eq!((refusal.mechanism, refusal.meaning), (Mechanism::CramMd5, Refusal::Credentials));
    assert!(refusal.to_string().contains("auth = \"plain\""), "{refusal}");

    let transcript = "C: AUTH CRAM-MD5\nS: -ERR Unsupported authentication mechanism.";
    let refusal = refused(login(transcript, Choice::Named(Mechanism::CramMd5)));
    assert_eq!(refusal.meaning, Refusal::Mechanism, "a named mechanism is used or the run fails");
}

#[test]
fn a_server_that_knows_nothing_is_told_of_by_its_strongest() {
    let transcript = format!(
        "{}C: AUTH CRAM-MD5\nS: -ERR unknown command\nC: USER jane\nS: -ERR unknown command",
        capa("CRAM-MD5")
    );
    assert_eq!(refused(login(&transcript, Choice::Auto)).mechanism, Mechanism::CramMd5);
}

#[test]
fn a_server_that_does_not_understand_an_initial_response_gets_it_afterwards() {
    let transcript = format!(
        "C: AUTH PLAIN AGphbmUAaHVudGVyMg==\nS: -ERR syntax error: too many arguments\n\
         C: AUTH PLAIN\nS: +\nC: AGphbmUAaHVudGVyMg==\n{IN}"
    );
    assert_eq!(login(&transcript, Choice::Named(Mechanism::Plain)).unwrap().mechanism(), "PLAIN");
    let twice =
        "C: AUTH PLAIN AGphbmUAaHVudGVyMg==\nS: -ERR syntax error\nC: AUTH PLAIN\nS: -ERR syntax error";
    assert_eq!(refused(login(twice, Choice::Named(Mechanism::Plain))).meaning, Refusal::Form);
}

#[test]
fn a_login_that_the_server_calls_done_before_it_proved_itself_is_none() {
    let (script, _) = Script::new("S: +OK\nC: AUTH SCRAM-SHA-256\nS: +OK welcome", usize::MAX);
    let user = "u".repeat(250);
    let session = Session::open(Box::new(script), options(Pipeline::Never).0).unwrap();
    let choice = Choice::Named(Mechanism::ScramSha256);
    // The name is so long that nothing random stands on the line.
    let error = session.login(&by(&user, &secret(), choice, Clearance::EncryptedOnly)).unwrap_err();
    assert!(matches!(error, SessionError::Sasl(crate::sasl::SaslError::Unproven { .. })), "{error}");
    assert_eq!(error.exit(), Exit::REFUSED);
}

#[test]
fn plus_needs_a_channel_binding_and_says_so() {
    let (session, progress) = open("S: +OK\nC: never");
    let choice = Choice::Named(Mechanism::ScramSha256Plus);
    let error = session.login(&by("jane", &secret(), choice, Clearance::EncryptedOnly)).unwrap_err();
    assert_eq!(error.exit(), Exit::CONFIG);
    assert!(error.to_string().contains("channel binding"), "{error}");
    assert_eq!(progress.left(), 1, "not a word was said");
}

#[test]
fn utf8_is_asked_for_before_the_login_where_it_is_offered() {
    let capa = "C: CAPA\nS: +OK\nS: UTF8 USER\nS: USER\nS: .\n";
    for (answer, in_force) in [("+OK", true), ("-ERR no", false)] {
        let transcript = format!("{capa}C: UTF8\nS: {answer}\nC: USER jane\nS: +OK\nC: PASS hunter2\n{IN}");
        assert_eq!(login(&transcript, Choice::Auto).unwrap().utf8(), in_force, "{answer}");
    }
    let transcript = format!("C: CAPA\nS: +OK\nS: USER\nS: .\nC: USER jane\nS: +OK\nC: PASS hunter2\n{IN}");
    assert!(!login(&transcript, Choice::Auto).unwrap().utf8());
}

#[test]
fn in_clear_text_only_what_keeps_the_password_to_itself() {
    let digest = crate::sasl::apop_digest(b"<1.2@example.com>", &secret());
    let speak = |transcript: &str, choice| {
        let (script, progress) = Script::new(&format!("S: +OK <1.2@example.com>\n{transcript}"), usize::MAX);
        let session = Session::open(Box::new(script.plain(false)), options(Pipeline::Never).0).unwrap();
        (session.login(&by("jane", &secret(), choice, Clearance::EncryptedOnly)), progress)
    };
    let apop = format!("C: CAPA\nS: +OK\nS: SASL PLAIN\nS: .\nC: APOP jane {}\n{IN}", digest.expose_secret());
    let (outcome, progress) = speak(&apop, Choice::Auto);
    assert_eq!(outcome.unwrap().mechanism(), "APOP");
    progress.assert_finished();

    // Not even when the server says that it knows nothing better.
    let unknown = format!(
        "C: CAPA\nS: +OK\nS: SASL PLAIN\nS: .\nC: APOP jane {}\nS: -ERR unknown command",
        digest.expose_secret()
    );
    let (outcome, progress) = speak(&unknown, Choice::Auto);
    assert_eq!(refused(outcome).mechanism, Mechanism::Apop);
    progress.assert_finished();

    for mechanism in Mechanism::ALL.into_iter().filter(|mechanism| mechanism.reveals_secret()) {
        let (outcome, progress) = speak("C: never", Choice::Named(mechanism));
        assert!(matches!(outcome, Err(SessionError::ClearTextRefused)), "{mechanism}");
        assert_eq!(progress.left(), 1, "{mechanism}: not a word was said");
    }
}

#[test]
fn a_timestamp_does_not_mean_that_the_server_can_do_apop() {
    let digest = crate::sasl::apop_digest(b"<1.2@example.com>", &secret());
    let speak = |answers: &str| {
        let transcript = format!(
            "S: +OK <1.2@example.com>\nC: CAPA\nS: -ERR\nC: APOP jane {}\n{answers}",
            digest.expose_secret()
        );
        let (script, progress) = Script::new(&transcript, usize::MAX);
        let session = Session::open(Box::new(script.plain(true)), options(Pipeline::Never).0).unwrap();
        let outcome = session.login(&by("jane", &secret(), Choice::Auto, Clearance::EncryptedOnly));
        progress.assert_finished();
        outcome
    };
    let user = "C: USER jane\nS: +OK\nC: PASS hunter2";
    for refusal in ["S: -ERR Authentication failed", "S: -ERR [AUTH] Bad login"] {
        assert_eq!(speak(&format!("{refusal}\n{user}\nS: +OK")).unwrap().mechanism(), "USER/PASS");
        assert_eq!(refused(speak(&format!("{refusal}\n{user}\n{refusal}"))).mechanism, Mechanism::User);
    }
}

#[test]
fn a_token_without_a_mechanism_for_it() {
    let (session, progress) = open("S: +OK\nC: CAPA\nS: +OK\nS: SASL PLAIN LOGIN\nS: .");
    let token = secret();
    let login = Login { kind: SecretKind::Token, ..by("jane", &token, Choice::Auto, Clearance::Granted) };
    let error = session.login(&login).unwrap_err();
    assert_eq!(error.exit(), Exit::REFUSED);
    assert!(
        error.to_string().contains("an access token") && error.to_string().contains("PLAIN LOGIN"),
        "{error}"
    );
    progress.assert_finished();
}

#[test]
fn words_without_codes_tell_later_from_wrong() {
    for (text, exit, in_use) in [
        ("maildrop already locked", Exit::TRY_LATER, true),
        ("[IN-USE] Do you have another session?", Exit::TRY_LATER, true),
        ("server busy", Exit::TRY_LATER, false),
        ("please wait", Exit::TRY_LATER, false),
        ("try again", Exit::TRY_LATER, false),
        ("[SYS/TEMP/LDAP] no", Exit::TRY_LATER, false),
        ("[SYS/PERM] ask your provider", Exit::REFUSED, false),
        ("[AUTH] try again", Exit::REFUSED, false),
        ("wrong password, try again", Exit::REFUSED, false),
        ("no", Exit::REFUSED, false),
    ] {
        let transcript = format!("C: USER jane\nS: +OK\nC: PASS hunter2\nS: -ERR {text}");
        let error = login(&transcript, Choice::Named(Mechanism::User)).unwrap_err();
        assert_eq!((error.exit(), error.is_in_use()), (exit, in_use), "{text}");
        assert!(error.to_string().contains(&format!("“{text}”; ")), "it says what to do: {error}");
    }
}

#[test]
fn a_secret_is_masked_in_whatever_form_the_server_repeats_it() {
    for form in ["hunter2", "aHVudGVyMg==", "68756e74657232"] {
        let hidden = STANDARD.encode(format!("you said {form}"));
        for transcript in [
            format!("S: +OK\nC: AUTH LOGIN\nS: + {form}\nC: amFuZQ==\nS: +\nC: aHVudGVyMg==\nS: -ERR {form}"),
            format!(
                "S: +OK\nC: AUTH LOGIN\nS: + {hidden}\nC: amFuZQ==\nS: +\nC: aHVudGVyMg==\nS: -ERR {form}"
            ),
        ] {
            let (script, progress) = Script::new(&transcript, usize::MAX);
            let (options, trace) = options(Pipeline::Never);
            let session = Session::open(Box::new(script), options).unwrap();
            let choice = Choice::Named(Mechanism::Login);
            let error = session.login(&by("jane", &secret(), choice, Clearance::EncryptedOnly)).unwrap_err();
            let shown = format!("{error} {error:?} {:?}", trace.lock().unwrap());
            assert!(!shown.contains(form) && !shown.contains(&hidden), "{shown}");
            assert!(shown.contains("S: + ****"), "{shown}");
            progress.assert_finished();
        }
    }
}
