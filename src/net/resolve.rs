//! The name service: the addresses of a host, within a time limit.

use super::name::{ascii_name, bare};
use super::{AddressFamily, NetError};
use crate::stop;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

impl AddressFamily {
    fn has(self, address: IpAddr) -> bool {
        match self {
            AddressFamily::Any => true,
            AddressFamily::Ipv4 => address.is_ipv4(),
            AddressFamily::Ipv6 => address.is_ipv6(),
        }
    }
}

/// The addresses of `host`, of this family, before the deadline; at least one.
pub(super) fn resolve(
    host: &str,
    port: u16,
    family: AddressFamily,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, NetError> {
    let unknown = |reason: String| NetError::UnknownHost { host: host.to_owned(), reason };
    let mut addresses = match bare(host).parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => ask(host, port, deadline)?,
    };
    addresses.retain(|address| family.has(address.ip()));
    match (addresses.is_empty(), family) {
        (false, _) => Ok(addresses),
        (true, AddressFamily::Any) => Err(unknown("it has no address".to_owned())),
        (true, AddressFamily::Ipv4) => Err(unknown("it has no IPv4 address; see address_family".to_owned())),
        (true, AddressFamily::Ipv6) => Err(unknown("it has no IPv6 address; see address_family".to_owned())),
    }
}

fn ask(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, NetError> {
    let unknown = |reason: String| NetError::UnknownHost { host: host.to_owned(), reason };
    let name = ascii_name(bare(host)).ok_or_else(|| unknown("it is not a valid name".to_owned()))?;
    // The system's resolver knows no deadline. In a thread of its own it may take its time; it
    // ends by itself, and nobody waits for it any more.
    let (answer, answered) = mpsc::channel();
    let asked = name.clone();
    let in_a_thread = std::thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        // Nobody listening any more is the one way this can fail, and then nobody cares.
        let _ = answer.send(look_up(&asked, port));
    });
    if in_a_thread.is_err() {
        // The system allows us no further thread; its own time limits must do.
        return look_up(&name, port).map_err(|error| unknown(resolver_words(&error)));
    }
    loop {
        let end = deadline.min(stop::last_moment().unwrap_or(deadline));
        let left = end.saturating_duration_since(Instant::now());
        match answered.recv_timeout(left.min(stop::LOOK)) {
            Ok(Ok(addresses)) => return Ok(addresses),
            Ok(Err(error)) => return Err(unknown(resolver_words(&error))),
            Err(RecvTimeoutError::Timeout) if !left.is_zero() && stop::requested().is_none() => {}
            Err(_) => return Err(unknown("the name service did not answer in time".to_owned())),
        }
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
