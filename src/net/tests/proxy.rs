//! Through a SOCKS5 proxy, over real sockets; and the family of addresses.

#![expect(clippy::disallowed_types, reason = "the tests are the other side of the wire")]

use super::{Authority, SOON, listen, read_some, settings, silent, tls_server};
use crate::exit::Exit;
use crate::net::{AddressFamily, NetError, Proxy, Route, Security, connect};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A proxy without a login that connects to `port` of this machine, whatever name it is given,
/// and says whether it was the one wanted.
fn proxy_to(port: u16, wanted: &'static str) -> Proxy {
    let at = listen(move |mut socket| {
        let mut hello = [0; 3];
        socket.read_exact(&mut hello).unwrap();
        assert_eq!(hello, [5, 1, 0]);
        socket.write_all(&[5, 0]).unwrap();
        let mut request = vec![0; 5 + wanted.len() + 2];
        socket.read_exact(&mut request).unwrap();
        let name = &request[5..5 + wanted.len()];
        assert_eq!((request[3], usize::from(request[4]), name), (3, wanted.len(), wanted.as_bytes()));
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // The server's first words may come in one piece with the proxy's last.
        socket.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), socket.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut socket, &mut { server });
    });
    Proxy::parse(&format!("socks5://127.0.0.1:{at}")).unwrap()
}

fn through<'r>(proxy: &'r Proxy, host: &'r str) -> Route<'r> {
    Route { proxy: Some(proxy), ..Route::direct(host, 995) }
}

/// Promises: the name is resolved at the proxy; what is behind a proxy is never "this machine",
/// so that no password goes there in clear.
#[test]
fn a_connection_through_a_proxy_is_never_a_loopback_one() {
    let server = listen(|mut socket| socket.write_all(b"+OK far away\r\n").unwrap());
    let proxy = proxy_to(server, "pop.invalid");
    let mut transport = connect(&through(&proxy, "pop.invalid"), None, SOON).unwrap();
    assert_eq!(transport.security(), Security::Plain { loopback: false });
    assert_eq!(read_some(&mut *transport), b"+OK far away\r\n");
}

#[test]
fn tls_goes_through_a_proxy_to_the_server_by_its_name() {
    let authority = Authority::new();
    let server = tls_server(authority.certify("pop.invalid", |_| {}));
    let tls = settings("pop.invalid", Some(&authority.file())).unwrap();
    let proxy = proxy_to(server, "pop.invalid");
    let mut transport = connect(&through(&proxy, "pop.invalid"), Some(&tls), SOON).unwrap();
    assert!(transport.security().is_encrypted());
    assert_eq!(read_some(&mut *transport), b"+OK\r\n");
}

#[test]
fn a_silent_proxy_obeys_the_deadline() {
    let proxy = Proxy::parse(&format!("socks5://127.0.0.1:{}", listen(silent))).unwrap();
    let start = Instant::now();
    let error = connect(&through(&proxy, "pop.invalid"), None, Duration::from_millis(200)).err().unwrap();
    assert!(error.to_string().contains("did not answer in time"), "{error}");
    assert_eq!(error.exit(), Exit::UNAVAILABLE);
    assert!(start.elapsed() < SOON / 2);
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refusing = format!("socks5://joe:geheim@127.0.0.1:{port}");
    for proxy in ["socks5://no-such-proxy.invalid", &refusing] {
        let proxy = Proxy::parse(proxy).unwrap();
        let error = connect(&through(&proxy, "pop.example.com"), None, SOON).err().unwrap();
        assert!(matches!(error, NetError::Proxy { .. }), "{error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(&proxy.to_string()) && text.contains("pop.example.com"), "{text}");
        assert!(!text.contains("geheim"), "{text}");
        assert_eq!(error.exit(), Exit::UNAVAILABLE);
    }
}

#[test]
fn a_family_leaves_out_the_addresses_of_the_other() {
    let port = listen(|mut socket| socket.write_all(b"+OK\r\n").unwrap());
    let route = |host, family| Route { family, ..Route::direct(host, port) };
    let error = connect(&route("127.0.0.1", AddressFamily::Ipv6), None, SOON).err().unwrap();
    assert!(error.to_string().contains("no IPv6 address; see address_family"), "{error}");
    assert_eq!(error.exit(), Exit::NO_HOST);
    let error = connect(&route("[::1]", AddressFamily::Ipv4), None, SOON).err().unwrap();
    assert!(error.to_string().contains("no IPv4 address"), "{error}");
    assert!(connect(&route("localhost", AddressFamily::Ipv4), None, SOON).is_ok());
}
