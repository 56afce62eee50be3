//! TCP: every address of a name, in turn, within one time limit.

#![expect(clippy::disallowed_types, reason = "this is the network edge")]

use super::deadline::DeadlineStream;
use super::{NetError, Security, TlsSettings, Transport};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Which of a name's addresses are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// All of them, in the resolver's order.
    #[default]
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

/// Connects to the first address of `host` that answers, IPv4 or IPv6, and shakes hands for
/// implicit TLS when `tls` is given. `host` is a name or an address; an IPv6 address may stand in
/// brackets. All of it together, name service included, takes at most `timeout`, and the
/// transport starts with what is left of it as its deadline.
pub fn connect(
    host: &str,
    port: u16,
    tls: Option<&TlsSettings>,
    timeout: Duration,
) -> Result<Box<dyn Transport>, NetError> {
    let start = Instant::now();
    // A limit beyond the clock's range is as good as none; a century is "none" to a socket.
    let deadline = start.checked_add(timeout).unwrap_or(start + Duration::from_hours(876_000));
    let addresses = resolve(host, port, deadline)?;
    let socket = first_to_answer(host, port, &addresses, deadline)?;
    let plain = PlainTransport::new(socket, host, port, deadline);
    match tls {
        None => Ok(Box::new(plain)),
        Some(tls) => Box::new(plain).start_tls(tls),
    }
}

/// The host without the brackets that an IPv6 address may stand in.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, NetError> {
    let unknown = |reason: String| NetError::UnknownHost { host: host.to_owned(), reason };
    if let Ok(address) = bare(host).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // The system's resolver knows no deadline. In a thread of its own it may take its time; it
    // ends by itself, and nobody waits for it any more.
    let (answer, answered) = mpsc::channel();
    let name = bare(host).to_owned();
    std::thread::Builder::new()
        .name("resolver".to_owned())
        .spawn(move || {
            // Nobody listening any more is the one way this can fail, and then nobody cares.
            let _ = answer.send(look_up(&name, port));
        })
        .map_err(|error| unknown(error.to_string()))?;
    match answered.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(unknown("it has no address".to_owned())),
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(unknown(resolver_words(&error))),
        Err(_) => Err(unknown("the name service did not answer in time".to_owned())),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the network edge")]
fn look_up(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    use std::net::ToSocketAddrs;
    Ok((name, port).to_socket_addrs()?.collect())
}

/// What the resolver said, without the words that say that it was the resolver.
fn resolver_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

fn first_to_answer(
    host: &str,
    port: u16,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, NetError> {
    let mut telling: Option<(SocketAddr, io::Error)> = None;
    for (tried, address) in addresses.iter().enumerate() {
        let remaining = deadline.saturating_duration_since(Instant::now());
        // A silent address may not eat the time of those after it.
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = remaining / left;
        let outcome = if share.is_zero() {
            Err(io::Error::from(ErrorKind::TimedOut))
        } else {
            TcpStream::connect_timeout(address, share)
        };
        match outcome {
            Ok(socket) => {
                // Commands are small and each waits for its answer: Nagle would only add delay.
                // A socket that refuses the option still works.
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(error) if telling.as_ref().is_none_or(|(_, best)| weight(&error) >= weight(best)) => {
                telling = Some((*address, error));
            }
            Err(_) => {}
        }
    }
    let reason = match telling {
        Some((address, error)) => describe(host, address, addresses.len(), &error),
        None => "it has no address".to_owned(),
    };
    Err(NetError::Unreachable { host: host.to_owned(), port, reason })
}

/// How much an error tells: a host that refused was at least there.
fn weight(error: &io::Error) -> u8 {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => 3,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => 2,
        _ => 1,
    }
}

fn describe(host: &str, address: SocketAddr, addresses: usize, error: &io::Error) -> String {
    let what = match error.kind() {
        ErrorKind::ConnectionRefused => {
            "connection refused; check `host` and `port`, or the server is down".to_owned()
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            "no answer in time; check the network, `port`, or a firewall on the way".to_owned()
        }
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
            format!("{error}; check the network")
        }
        _ => error.to_string(),
    };
    let address = address.ip().to_string();
    match addresses {
        1 if bare(host) == address => what,
        1 => format!("{address}: {what}"),
        n => format!("none of {n} addresses answers; {address}: {what}"),
    }
}

/// A clear-text connection.
pub(super) struct PlainTransport {
    stream: DeadlineStream,
    host: String,
    port: u16,
    loopback: bool,
}

impl PlainTransport {
    fn new(socket: TcpStream, host: &str, port: u16, deadline: Instant) -> Self {
        // An address that cannot be told is no loopback address.
        let loopback = socket.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback());
        let stream = DeadlineStream::new(socket, Some(deadline));
        PlainTransport { stream, host: host.to_owned(), port, loopback }
    }
}

impl Read for PlainTransport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for PlainTransport {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Transport for PlainTransport {
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.stream.set_deadline(deadline);
    }

    fn security(&self) -> Security {
        Security::Plain { loopback: self.loopback }
    }

    fn start_tls(self: Box<Self>, tls: &TlsSettings) -> Result<Box<dyn Transport>, NetError> {
        tls.shake_hands(self.stream, &self.host, self.port)
    }
}
