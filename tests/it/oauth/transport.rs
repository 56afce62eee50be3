//! The way to the provider: TLS, authorities of one's own, a proxy, and what may be wrong with each. No fault costs the
//! sign-in.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::{Value, json};

use super::Scene;
use crate::support::certificates::{Authority, Leaf, self_signed};
use crate::support::oauth_server::{Door, OAuthServer, mail_server};
use crate::support::socks::SocksProxy;
use crate::support::{Account, Mail, Sandbox};

/// A provider with this certificate, and an account that trusts this authority, if any.
fn scene(leaf: Leaf, trusted: Option<&Authority>) -> Scene {
    let scene = Scene::at(OAuthServer::behind(Door::Tls(leaf)), "");
    if let Some(authority) = trusted {
        scene.trust(authority);
    }
    scene
}

impl Scene {
    /// From now on the provider's certificate must come from this authority.
    fn trust(&self, authority: &Authority) {
        let file = self.sandbox.write("provider.pem", authority.pem());
        self.table(&format!(", ca_file = {:?}", file.to_str().unwrap()));
    }

    /// From now on the oauth table has these keys besides.
    fn table(&self, more: &str) {
        let account = Account::on("work", self.server.as_ref().unwrap()).without("password");
        self.sandbox.configure([account.key("oauth", self.provider.table(more))]);
    }

    /// Signed in there, an hour ago.
    fn signed_in_long_ago(&self) -> Value {
        let folder = self.folder();
        std::fs::create_dir_all(&folder).unwrap();
        let stored = json!({
            "version": 1, "client_id": "the-client", "token_url": format!("{}/token", self.provider.origin()),
            "access_token": "an-old-access-token", "refresh_token": "an-old-refresh-token", "obtained_at": 1_780_000_000,
            "expires_in": 3600, "signed_in_at": 1_780_000_000,
        });
        let file = folder.join("work.json");
        std::fs::write(&file, stored.to_string()).unwrap();
        crate::support::set_mode(&file, 0o600);
        self.token_file()["refresh_token"].clone()
    }
}

#[test]
fn authorities_of_ones_own_are_trusted_if_they_are_named() {
    let authority = Authority::new();
    let scene = scene(authority.good(), None);
    scene.run("login --device").expect(77).says(&["certificate of localhost", "not trusted", "ca_file"]);
    scene.trust(&authority);
    scene.run("login --device").expect(0);
    scene.age(4000);
    scene.sandbox.fetch();
    assert_eq!(scene.provider.refreshes(), 1);

    // Without it again: the refresh fails, and nothing is lost.
    scene.table("");
    scene.age(4000);
    let before = scene.token_file()["refresh_token"].clone();
    scene.run("fetch --quiet").expect(77).one_line(&["certificate of localhost", "ca_file"]);
    assert_eq!(scene.token_file()["refresh_token"], before);
    assert_eq!(scene.token_file()["problem"]["needs_person"], false);
    scene.trust(&authority);
    scene.sandbox.fetch();

    scene.table(", ca_file = \"/nonexistent.pem\"");
    scene.age(4000);
    scene.run("fetch --quiet").expect(78).one_line(&["ca_file", "/nonexistent.pem"]);
}

#[test]
fn a_certificate_with_a_fault_is_refused_and_costs_no_token() {
    let authority = Authority::new();
    for leaf in [
        authority.for_another_host(),
        authority.expired(),
        authority.not_yet_valid(),
        authority.for_clients_only(),
        Authority::new().good(),
        self_signed(),
    ] {
        let scene = scene(leaf, Some(&authority));
        let before = scene.signed_in_long_ago();
        scene.run("fetch --quiet").expect(77).one_line(&["certificate of localhost"]);
        assert_eq!(scene.token_file()["refresh_token"], before);
        assert_eq!(scene.token_file()["problem"]["needs_person"], false);
        assert!(scene.provider.asked("/token").is_empty(), "nothing was sent");
        scene.assert_tidy();
    }
}

#[test]
fn a_handshake_that_is_cut_or_is_none_costs_no_token() {
    for door in [Door::Cut, Door::NoTls] {
        let scene = Scene::at(OAuthServer::behind(door), "");
        let before = scene.signed_in_long_ago();
        scene.run("fetch --quiet").expect(69).one_line(&["localhost"]);
        assert_eq!(scene.token_file()["refresh_token"], before);
        scene.run("login --device").expect(69);
        assert_eq!(scene.token_file()["refresh_token"], before);
    }
}

#[test]
fn through_a_proxy_that_resolves_the_names() {
    let authority = Authority::new();
    let proxy = SocksProxy::start("jane", "geheim");
    let provider = OAuthServer::behind(Door::Tls(authority.good()));
    let server = mail_server(Mail::some(2), provider.good());
    let sandbox = Sandbox::new();
    let ca = sandbox.write("provider.pem", authority.pem());
    let ca = format!(", ca_file = {:?}", ca.to_str().unwrap());
    let account = |through: &str| {
        let account = Account::on("work", &server).without("password").text("host", "localhost");
        let account = account.key("allow_plaintext", true).text("proxy", through);
        account.key("oauth", provider.table(&ca))
    };
    let there = format!("127.0.0.1:{}", proxy.port());
    sandbox.configure([account(&format!("socks5://jane:geheim@{there}"))]);
    // What the environment says of proxies does not count.
    let elsewhere = "http://127.0.0.1:9";
    let run = |words: &[&str]| {
        sandbox.popkeep(words).env("HTTPS_PROXY", elsewhere).env("ALL_PROXY", elsewhere).run()
    };
    run(&["login", "--device"]).expect(0);
    assert_eq!(sandbox.fetch()["fetched"], 2);
    let provider_is = provider.origin().trim_start_matches("https://").to_owned();
    let asked = proxy.asked();
    assert!(
        asked.contains(&provider_is) && asked.contains(&format!("localhost:{}", server.port())),
        "{asked:?}"
    );

    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    for through in [format!("socks5://jane:wrong@{there}"), format!("socks5://{nobody}")] {
        sandbox.configure([account(&through)]);
        let said = run(&["login", "--device"]).expect(69);
        assert!(!said.stderr.contains("wrong@"), "{}", said.stderr);
    }
    sandbox.configure([account(&format!("socks5://jane:geheim@{there}"))]);
    sandbox.fetch();
}

#[test]
fn without_a_proxy_none_is_used_whatever_the_environment_says() {
    let scene = Scene::signed_in();
    scene.age(4000);
    let mut run = scene.sandbox.popkeep(["fetch", "--quiet"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        run = run.env(name, "http://127.0.0.1:9");
    }
    run.run().expect(0).silent();
    assert_eq!(scene.provider.refreshes(), 1);
}
