//! Discovery tries servers: which one it takes, what it says to them, and what it does not.

use crate::support::certificates::Authority;
use crate::support::maildrop::Tls as ServerTls;
use crate::support::{Behaviour, PopServer, Sandbox};
use popkeep::config::Tls;
use popkeep::discover::{Place, first_to_greet};

fn place(server: &PopServer, tls: Tls) -> Place {
    Place { host: "localhost".to_owned(), port: server.port(), tls }
}

fn server(tls: ServerTls) -> PopServer {
    PopServer::start(Vec::new(), Behaviour::default(), tls)
}

#[test]
fn the_first_that_can_be_trusted_is_taken_and_told_nothing() {
    let authority = Authority::new();
    let good = authority.good();
    let stranger = server(ServerTls::Implicit(authority.for_another_host().acceptor()));
    let clear = server(ServerTls::Never);
    let stls = server(ServerTls::Stls(good.acceptor()));
    let implicit = server(ServerTls::Implicit(good.acceptor()));
    let sandbox = Sandbox::new();
    let ca = sandbox.write("ca.pem", authority.pem());
    let ca = ca.to_str();

    let places = vec![
        place(&stranger, Tls::Implicit),
        place(&clear, Tls::StartTls),
        place(&clear, Tls::Implicit),
        place(&stls, Tls::StartTls),
        place(&implicit, Tls::Implicit),
    ];
    let mut distrusted = Vec::new();
    assert_eq!(first_to_greet(places.clone(), ca, &mut distrusted), Some(place(&stls, Tls::StartTls)));
    let [stranger_said] = &distrusted[..] else { panic!("{distrusted:?}") };
    assert!(stranger_said.contains(&format!("localhost port {}", stranger.port())), "{stranger_said}");
    assert!(stranger_said.contains("mail.elsewhere.example"), "{stranger_said}");

    let mut distrusted = Vec::new();
    assert_eq!(first_to_greet(places, None, &mut distrusted), None, "without the authority");
    assert_eq!(distrusted.len(), 3);

    let said = |server: &PopServer| -> Vec<String> {
        server.take_sessions().into_iter().flat_map(|session| session.commands).collect()
    };
    for server in [&stranger, &clear, &stls, &implicit] {
        let said = said(server);
        assert!(said.iter().all(|line| line == "STLS"), "{said:?}");
    }
}
