//! The simple mechanisms against their RFCs.

use super::*;
use secrecy::ExposeSecret;

mod oracle;

fn identity<'a>(user: &'a str, secret: &'a SecretString) -> Identity<'a> {
    Identity { user, secret, host: "pop.example.com", port: 995 }
}

fn start<'a>(mechanism: Mechanism, user: &'a str, secret: &'a SecretString) -> Box<dyn Exchange + 'a> {
    begin(mechanism, identity(user, secret), ChannelBinding::Unavailable).unwrap().unwrap()
}

fn initial(mechanism: Mechanism, user: &str, password: &str) -> Result<String, SaslError> {
    let password = SecretString::from(password);
    let response = start(mechanism, user, &password).initial()?;
    Ok(response.unwrap().expose_secret().to_owned())
}

#[test]
fn plain_is_as_rfc_5034_shows_it() {
    assert_eq!(initial(Mechanism::Plain, "test", "test").unwrap(), "AHRlc3QAdGVzdA==");
    assert_eq!(
        STANDARD.decode(initial(Mechanism::Plain, "jane", "pässword").unwrap()).unwrap(),
        "\0jane\0pässword".as_bytes()
    );
}

#[test]
fn nul_cannot_be_carried() {
    let error = SaslError::Uncarriable { mechanism: "PLAIN" };
    assert_eq!(initial(Mechanism::Plain, "ja\0ne", "x"), Err(error.clone()));
    assert_eq!(initial(Mechanism::Plain, "jane", "x\0"), Err(error));
    assert!(initial(Mechanism::ScramSha1, "jane", "x\0").is_err());
    assert!(initial(Mechanism::External, "ja\0ne", "").is_err());
}

#[test]
fn cram_md5_is_as_rfc_2195_shows_it() {
    let password = SecretString::from("tanstaaftanstaaf");
    let mut exchange = start(Mechanism::CramMd5, "tim", &password);
    assert!(exchange.initial().unwrap().is_none(), "the server speaks first");
    let challenge = b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
    let answer = exchange.respond(Challenge(challenge)).unwrap();
    assert_eq!(answer.expose_secret(), "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
    assert!(exchange.respond(Challenge(challenge)).is_err(), "one challenge, one answer");
    assert!(start(Mechanism::CramMd5, "tim", &password).respond(Challenge(b"")).is_err());
}

#[test]
fn login_answers_two_questions_however_they_are_worded() {
    let password = SecretString::from("tanstaaf");
    let mut exchange = start(Mechanism::Login, "tim", &password);
    assert!(exchange.initial().unwrap().is_none());
    assert_eq!(exchange.respond(Challenge(b"VXNlcm5hbWU6")).unwrap().expose_secret(), "dGlt");
    assert_eq!(exchange.respond(Challenge(b"Password:")).unwrap().expose_secret(), "dGFuc3RhYWY=");
    let error = exchange.respond(Challenge(b"")).unwrap_err();
    assert_eq!(error, SaslError::UnexpectedChallenge { mechanism: "LOGIN" });
}

#[test]
fn external_names_the_maildrop() {
    assert_eq!(initial(Mechanism::External, "jane@example.com", "").unwrap(), "amFuZUBleGFtcGxlLmNvbQ==");
}

#[test]
fn what_says_all_at_once_answers_no_challenge() {
    let secret = SecretString::from("x");
    for mechanism in [Mechanism::Plain, Mechanism::External] {
        let error = start(mechanism, "jane", &secret).respond(Challenge(b"")).unwrap_err();
        assert_eq!(error, SaslError::UnexpectedChallenge { mechanism: mechanism.name() });
    }
}

#[test]
fn every_mechanism_but_two_is_sasl() {
    let secret = SecretString::from("x");
    for mechanism in Mechanism::ALL {
        let binding = if mechanism.binds_channel() {
            ChannelBinding::ServerEndPoint(vec![1])
        } else {
            ChannelBinding::Unavailable
        };
        let begun = begin(mechanism, identity("jane", &secret), binding).unwrap();
        assert_eq!(begun.is_some(), mechanism.is_sasl(), "{mechanism}");
        assert!(!format!("{:?}", identity("jane", &secret)).contains("\"x\""));
    }
}
