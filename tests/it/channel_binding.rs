//! SCRAM bound to the TLS connection, against another implementation.

use crate::support::certificates::Authority;
use crate::support::sasl_server::SaslServer;
use crate::support::{Account, Sandbox};

const ALL: &str = "SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS";

/// joe's account on a server that announces `offer`, and the server.
fn account(sandbox: &Sandbox, offer: &str, bound_to: Option<&'static [u8]>) -> (Account, SaslServer) {
    let authority = Authority::new();
    let server = SaslServer::start(authority.good().acceptor(), offer, bound_to);
    let ca = sandbox.write("ca.pem", authority.pem());
    (Account::new("work").loopback(server.port()).text("tls_ca_file", ca.to_str().unwrap()), server)
}

#[test]
fn each_scram_mechanism_by_name_and_the_strongest_by_itself() {
    let sandbox = Sandbox::new();
    let (account, _server) = account(&sandbox, ALL, None);
    for (auth, mechanism) in [
        ("scram-sha-1", "SCRAM-SHA-1"),
        ("scram-sha-256", "SCRAM-SHA-256"),
        ("scram-sha-1-plus", "SCRAM-SHA-1-PLUS"),
        ("scram-sha-256-plus", "SCRAM-SHA-256-PLUS"),
        ("auto", "SCRAM-SHA-256-PLUS"),
    ] {
        sandbox.configure([account.clone().text("auth", auth)]);
        sandbox.popkeep(["check"]).run().expect(0).says(&[&format!("as joe by {mechanism}\n")]);
    }
}

#[test]
fn somebody_between_with_another_certificate_gets_no_login_out_of_it() {
    let sandbox = Sandbox::new();
    let (account, server) = account(&sandbox, ALL, Some(b"another certificate's hash"));
    sandbox.configure([account]);
    sandbox
        .popkeep(["fetch", "--quiet"])
        .run()
        .expect(77)
        .one_line(&["SCRAM-SHA-256-PLUS", "channel-bindings-dont-match"]);
    let attempts = server.heard().iter().filter(|line| line.starts_with("AUTH")).count();
    assert_eq!(attempts, 1, "nothing weaker follows: {:?}", server.heard());
}

#[test]
fn a_server_notices_when_its_plus_was_taken_out_of_the_offer() {
    let sandbox = Sandbox::new();
    let (account, server) = account(&sandbox, "SCRAM-SHA-256 SCRAM-SHA-1", None);
    sandbox.configure([account]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["SCRAM-SHA-256"]);
    let attempts = server.heard().iter().filter(|line| line.starts_with("AUTH")).count();
    assert_eq!(attempts, 1, "nothing weaker follows: {:?}", server.heard());
}
