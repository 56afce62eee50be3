//! A real mail server takes the tokens, and refuses them when they have expired: Debian's Dovecot.

use serde_json::json;

use super::Scene;
use crate::support::dovecot::Dovecot;
use crate::support::dovecot_auth::{LONG_AGO, Mechanisms, token};
use crate::support::oauth_server::OAuthServer;
use crate::support::{Account, Mail, PopServer, Sandbox};

#[test]
fn a_sign_in_a_fetch_and_after_the_token_expired_a_fetch_with_the_next() {
    let Some(dovecot) = Dovecot::start_with(&["jane"], Mechanisms::Every) else { return };
    for auth in ["auto", "xoauth2"] {
        let provider = OAuthServer::start();
        provider.state().signs_for = Some("jane");
        let account = dovecot.implicit_tls("work", "jane").without("password").text("auth", auth);
        let sandbox = Sandbox::with([account.key("oauth", provider.table(""))]);
        let scene = Scene { provider, server: None, sandbox };
        let name = |number: u32| format!("{auth}-{number}");
        let brought = |count: u64| assert_eq!(scene.sandbox.fetch()["fetched"], count, "{auth}");

        dovecot.deliver("jane", &name(1), format!("Subject: {auth} 1\n\n1\n").as_bytes());
        scene.run("login --device").expect(0);
        brought(dovecot.left("jane") as u64);
        assert_eq!(scene.provider.refreshes(), 0);

        // It came an hour ago: the next one is had before Dovecot is called.
        dovecot.deliver("jane", &name(2), format!("Subject: {auth} 2\n\n2\n").as_bytes());
        scene.age(3600);
        brought(1);
        assert_eq!(scene.provider.refreshes(), 1);

        // Dovecot finds it expired, whatever popkeep thinks.
        dovecot.deliver("jane", &name(3), format!("Subject: {auth} 3\n\n3\n").as_bytes());
        scene.change(|stored| stored["access_token"] = json!(token("jane", LONG_AGO)));
        brought(1);
        assert_eq!(scene.provider.refreshes(), 2);
        scene.run("check").expect(0);
        assert_eq!(scene.provider.refreshes(), 2);
    }
}

#[test]
fn a_sign_in_as_somebody_else_is_not_kept() {
    let Some(dovecot) = Dovecot::start_with(&["jane", "joe"], Mechanisms::Every) else { return };
    let provider = OAuthServer::start();
    provider.state().signs_for = Some("joe");
    let account = dovecot.implicit_tls("work", "jane").without("password");
    let sandbox = Sandbox::with([account.key("oauth", provider.table(""))]);
    sandbox
        .popkeep(["login", "--device"])
        .run()
        .expect(77)
        .says(&["another account may have been chosen", "did not keep"]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["popkeep login work"]);
}

#[test]
fn a_destination_signs_in_and_gets_the_mail_also_after_the_token_expired() {
    let Some(dovecot) = Dovecot::start_imap_with(&["jane"], Mechanisms::Every) else { return };
    let server = PopServer::with(Mail::some(3));
    let provider = OAuthServer::start();
    provider.state().signs_for = Some("jane");
    let destination = dovecot.destination("new", "jane", "Archive");
    let without_password = destination.lines().filter(|line| !line.starts_with("password"));
    let destination: String = without_password.map(|line| format!("{line}\n")).collect();
    let sandbox = Sandbox::new();
    let account = Account::on("work", &server).toml();
    sandbox.config(&format!("{account}{destination}oauth = {}\n", provider.table("")));
    sandbox.fetch();
    let restored = |options: &[&str], exit| {
        let arguments = [&["restore", "--json", "--to", "new"], options].concat();
        sandbox.popkeep(arguments).run().expect(exit).json()["restored"].as_u64().unwrap()
    };
    assert_eq!(restored(&[], 77), 0, "nobody has signed in");
    sandbox.popkeep(["login", "new", "--device"]).run().expect(0);
    assert_eq!(restored(&["--dry-run"], 0), 3);
    assert_eq!((restored(&[], 0), provider.refreshes()), (3, 0));
    // Dovecot finds the token expired, whatever popkeep thinks.
    let file = sandbox.path(".local/state/popkeep/tokens/new.json");
    let mut stored: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    stored["access_token"] = json!(token("jane", LONG_AGO));
    std::fs::write(&file, stored.to_string()).unwrap();
    server.state().mails = Mail::some(5);
    sandbox.fetch();
    assert_eq!((restored(&[], 0), provider.refreshes()), (2, 1));
    assert_eq!(dovecot.folder("jane", "Archive").len(), 5);
    sandbox.popkeep(["token", "new"]).run().expect(0);
    sandbox.popkeep(["logout", "new"]).run().expect(0);
    assert_eq!(restored(&[], 77), 0);
    sandbox.popkeep(["login"]).run().expect(78).says(&["work"]);
}
