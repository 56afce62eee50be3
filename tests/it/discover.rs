//! Discovery tries servers: which one it takes, what it says to them, and what it does not.

use crate::support::certificates::Authority;
use crate::support::maildrop::Tls as ServerTls;
use crate::support::{Behaviour, PopServer, Sandbox};
use popkeep::config::Tls;
use popkeep::discover::{Candidate, Finding, Source, find, first_to_greet};
use popkeep::net::dns::NameServers;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

fn place(server: &PopServer, tls: Tls) -> Candidate {
    Candidate { host: "localhost".to_owned(), port: server.port(), tls }
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

/// A record: what it is of, its kind, and its data.
type Record = (&'static str, u16, Vec<u8>);

const MX: u16 = 15;
const SRV: u16 = 33;

/// A name as the name service writes it.
fn name(text: &str) -> Vec<u8> {
    let mut name = Vec::new();
    for label in text.split_terminator('.').chain([""]) {
        name.push(u8::try_from(label.len()).unwrap());
        name.extend(label.bytes());
    }
    name
}

fn srv(port: u16, target: &str) -> Vec<u8> {
    [&[0, 0, 0, 0][..], &port.to_be_bytes(), &name(target)].concat()
}

/// A name server that has these records, and no other names.
fn name_server(records: Vec<Record>) -> NameServers {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            let mut answer = question.to_vec();
            answer[2..4].copy_from_slice(&[0x81, 0x83]);
            for (owner, kind, data) in &records {
                if question[12..] == [&name(owner)[..], &kind.to_be_bytes(), &[0, 1]].concat() {
                    answer[3] = 0x80;
                    answer[7] += 1;
                    answer.extend([0xc0, 12]);
                    answer.extend(kind.to_be_bytes());
                    answer.extend([0, 1, 0, 0, 0, 60]);
                    answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
                    answer.extend(data);
                }
            }
            let _ = socket.send_to(&answer, client);
        }
    });
    NameServers::at(vec![address])
}

#[test]
fn service_records_lead_to_the_server_that_can_be_trusted() {
    let authority = Authority::new();
    let good = server(ServerTls::Implicit(authority.good().acceptor()));
    let stls = server(ServerTls::Stls(authority.good().acceptor()));
    let clear = server(ServerTls::Never);
    let sandbox = Sandbox::new();
    let ca = sandbox.write("ca.pem", authority.pem());
    let found = |records| find("corp.test", ca.to_str(), &name_server(records));

    let records = |first: &PopServer| {
        vec![
            ("_pop3s._tcp.corp.test", SRV, srv(first.port(), "localhost")),
            ("_pop3._tcp.corp.test", SRV, srv(stls.port(), "localhost")),
        ]
    };
    for (first, port, tls) in [(&good, good.port(), Tls::Implicit), (&clear, stls.port(), Tls::StartTls)] {
        let Finding::Server(proposal) = found(records(first)) else { panic!("nothing was found") };
        assert_eq!((proposal.host.as_str(), proposal.port, proposal.tls), ("localhost", port, tls));
        assert!(matches!(proposal.source, Source::Service));
        assert!(proposal.is_foreign("corp.test"), "another domain's server must be confirmed");
    }
}

#[test]
fn a_domain_without_pop3_says_so_and_exchangers_lead_to_a_provider() {
    let none = vec![("_pop3s._tcp.corp.test", SRV, srv(0, ".")), ("_pop3._tcp.corp.test", SRV, srv(0, "."))];
    assert!(matches!(find("corp.test", None, &name_server(none)), Finding::NotOffered));

    let exchanger = |host: &str| vec![("corp.test", MX, [&[0, 10][..], &name(host)].concat())];
    let Finding::Server(proposal) = find("corp.test", None, &name_server(exchanger("aspmx.l.google.com")))
    else {
        panic!("nothing was found")
    };
    assert_eq!((proposal.host.as_str(), proposal.port), ("pop.gmail.com", 995));
    assert!(matches!(proposal.source, Source::Exchanger(_)) && proposal.is_foreign("corp.test"));
    let proton = find("corp.test", None, &name_server(exchanger("mail.protonmail.ch")));
    assert!(matches!(proton, Finding::NoPop3 { .. }));
}
