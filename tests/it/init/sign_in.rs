//! `init` signs in with OAuth2, from nothing to mail.

use super::{answer, nothing_written, with};
use crate::support::oauth_server::{Fault, Good, OAuthServer, Rotation, mail_server};
use crate::support::{Mail, Sandbox};

#[test]
fn a_device_sign_in_leads_from_nothing_to_mail() {
    let provider = OAuthServer::start();
    let server = mail_server(Mail::some(3), provider.good());
    let sandbox = Sandbox::new();
    let shown = sandbox.popkeep(with(provider.init(&server, "microsoft"), ["--batch"])).run().expect(0);
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert!(lines[0].starts_with(&provider.origin()) && lines[1].len() >= 8, "address and code: {lines:?}");
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 3);
    let status = sandbox.popkeep(["status", "--json"]).run().expect(0).json();
    assert_eq!(status["accounts"][0]["sign_in"]["needs_person"], false, "{status}");
    assert!(status["accounts"][0]["sign_in"]["since"].is_string(), "{status}");
}

#[test]
fn at_a_terminal_only_the_client_id_is_asked_for() {
    let provider = OAuthServer::start();
    let server = mail_server(Mail::some(3), provider.good());
    let sandbox = Sandbox::new();
    let mut words = provider.init(&server, "microsoft");
    let at = words.iter().position(|word| word == "--client-id").unwrap();
    words.drain(at..at + 2);
    let mut terminal = sandbox.popkeep(words).on_terminal(100, 60);
    terminal.expect("popkeep-oauth(7)");
    answer(&mut terminal, &[("Client id: ", "the-client")]);
    terminal.expect("/activate").expect("Logged in with the new token.");
    answer(&mut terminal, &[("[maildir]: ", ""), ("[never]: ", "")]);
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_sign_in_that_does_not_last_is_told_of() {
    let provider = OAuthServer::start();
    provider.state().rotation = Rotation::NoneAtAll;
    let server = mail_server(Mail::some(3), provider.good());
    let sandbox = Sandbox::new();
    let made = sandbox.popkeep(with(provider.init(&server, "other"), ["--batch"])).run().expect(0);
    assert!(made.stderr.contains("no refresh token"), "{}", made.stderr);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_sign_in_that_fails_writes_nothing() {
    let provider = OAuthServer::start();
    let server = mail_server(Mail::some(3), provider.good());
    let sandbox = Sandbox::new();
    provider.will([Fault::Error("invalid_client")]);
    sandbox.popkeep(with(provider.init(&server, "microsoft"), ["--batch"])).run().expect(77);
    nothing_written(&sandbox);

    // Signed in as somebody else: the mail server refuses the token.
    let stranger = mail_server(Mail::some(3), Good::default());
    sandbox.popkeep(with(provider.init(&stranger, "other"), ["--batch"])).run().expect(77);
    nothing_written(&sandbox);
}

#[test]
fn without_a_test_the_next_step_is_to_sign_in() {
    let provider = OAuthServer::start();
    let server = mail_server(Mail::some(3), provider.good());
    let sandbox = Sandbox::new();
    let made =
        sandbox.popkeep(with(provider.init(&server, "other"), ["--batch", "--no-test"])).run().expect(0);
    assert!(made.stdout.contains("popkeep login work"), "{}", made.stdout);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["popkeep login work"]);
    let status = sandbox.popkeep(["status", "--json"]).run().expect(1).json();
    assert_eq!(status["accounts"][0]["sign_in"]["needs_person"], true, "{status}");
}
