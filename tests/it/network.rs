//! The way to the server: a proxy, and the limits of time.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use crate::support::certificates::Authority;
use crate::support::mail::assert_same_mail;
use crate::support::maildrop::{Nth, Tls};
use crate::support::socks::SocksProxy;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

#[test]
fn mail_comes_through_a_proxy_that_resolves_the_name() {
    let authority = Authority::new();
    let leaf = authority.for_names(&["pop.invalid"]);
    for stls in [false, true] {
        let acceptor = leaf.acceptor();
        let (tls, key) =
            if stls { (Tls::Stls(acceptor), "starttls") } else { (Tls::Implicit(acceptor), "implicit") };
        let server = PopServer::start(Mail::some(3), Behaviour::default(), tls);
        let proxy = SocksProxy::start("jane", "p@ss:word");
        let sandbox = Sandbox::new();
        let ca = sandbox.write("ca.pem", authority.pem());
        let account =
            Account::new("work").text("host", "pop.invalid").key("port", server.port()).text("tls", key);
        let account = account.text("tls_ca_file", ca.to_str().unwrap());
        let way = |login: &str| format!("socks5://{login}@127.0.0.1:{}", proxy.port());
        sandbox.configure([account.clone().text("proxy", way("jane:p%40ss%3Aword"))]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_same_mail(sandbox.maildir("work"), Mail::some(3).iter().map(Mail::stored).collect());
        assert_eq!(proxy.asked(), [format!("pop.invalid:{}", server.port())]);
        sandbox.popkeep(["check"]).run().expect(0).says(&["through socks5://127.0.0.1"]);

        sandbox.configure([account.text("proxy", way("jane:geheim"))]);
        let refused = sandbox.popkeep(["fetch", "-vv"]).run().expect(77);
        let refused = refused.says(&["work", "refused the login", "`proxy`"]);
        assert!(!refused.stderr.contains("geheim"), "{}", refused.stderr);
    }
}

#[test]
fn a_certificate_seen_through_a_proxy_is_looked_at_through_it() {
    let server =
        PopServer::start(vec![], Behaviour::default(), Tls::Implicit(Authority::new().expired().acceptor()));
    let proxy = SocksProxy::start("jane", "geheim");
    let sandbox = Sandbox::new();
    let account = Account::new("work").text("host", "pop.invalid").key("port", server.port());
    sandbox.configure([account.text("proxy", format!("socks5://jane:geheim@127.0.0.1:{}", proxy.port()))]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["work", "popkeep test authority"]);
    assert_eq!(proxy.asked().len(), 2);
}

/// Promise: through a proxy no host is this machine.
#[test]
fn clear_text_through_a_proxy_is_refused_before_connecting() {
    let server = PopServer::with(Mail::some(1));
    let proxy = SocksProxy::start("jane", "geheim");
    let way = format!("socks5://jane:geheim@127.0.0.1:{}", proxy.port());
    let account = Account::on("work", &server).text("host", "localhost").text("proxy", way);
    let sandbox = Sandbox::with([account.clone()]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(78).one_line(&["work", "tls", "allow_plaintext"]);
    assert!(proxy.asked().is_empty() && server.take_sessions().is_empty());
    sandbox.configure([account.key("allow_plaintext", true)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_run_ends_at_its_timeout_and_the_next_one_goes_on() {
    let stall = Behaviour {
        stall_at: Some(Nth("RETR", 3)),
        capa: crate::support::maildrop::Capa::without_pipelining(),
        ..Behaviour::default()
    };
    let server = PopServer::behaving(Mail::some(4), stall);
    let sandbox = Sandbox::with([Account::on("work", &server).text("run_timeout", "4s")]);
    let begun = Instant::now();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(69).one_line(&["work", "run_timeout"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "the line's own deadline is a minute");
    assert_eq!(sandbox.maildir("work").len(), 2, "what was stored is kept");
    server.behave(Behaviour::default());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), Mail::some(4).iter().map(Mail::stored).collect());
}

#[test]
fn a_handshake_ends_at_the_connect_timeout() {
    // Connections are accepted by the system, and nobody ever answers.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let account = Account::new("work").text("host", "localhost").key("port", port);
    let sandbox = Sandbox::with([account.text("connect_timeout", "500ms")]);
    let begun = Instant::now();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(69).one_line(&["work", "TLS", "in time"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "the deadline of a line is a minute");
}

#[test]
fn a_family_of_addresses_that_the_host_does_not_have_is_named() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::with([Account::on("work", &server).text("address_family", "ipv6")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(68).one_line(&["work", "127.0.0.1", "address_family"]);
    sandbox.configure([Account::on("work", &server).text("address_family", "ipv4")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}
