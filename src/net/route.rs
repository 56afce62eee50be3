//! The way to a server: name service, TCP or a proxy, implicit TLS, within one time limit.

use super::deadline::DeadlineStream;
use super::resolve::resolve;
use super::tcp::{PlainTransport, first_to_answer};
use super::{NetError, Proxy, TlsSettings, Transport, socks};
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

/// Where a server is, and how to get there.
#[derive(Clone, Copy, Debug)]
pub struct Route<'r> {
    /// A name in any alphabet, or an address; an IPv6 address may stand in brackets.
    pub host: &'r str,
    /// The port.
    pub port: u16,
    /// Which addresses are tried: the proxy's, if there is one.
    pub family: AddressFamily,
    /// All octets go through it, and it resolves `host`.
    pub proxy: Option<&'r Proxy>,
}

impl<'r> Route<'r> {
    /// Straight to the server, by any address.
    pub fn direct(host: &'r str, port: u16) -> Self {
        Route { host, port, family: AddressFamily::Any, proxy: None }
    }
}

/// Connects to the first address that answers, and shakes hands for implicit TLS when `tls` is
/// given. All of it together, name service included, takes at most `timeout`, and the transport
/// starts with what is left of it as its deadline.
pub fn connect(
    route: &Route<'_>,
    tls: Option<&TlsSettings>,
    timeout: Duration,
) -> Result<Box<dyn Transport>, NetError> {
    let start = Instant::now();
    // A limit beyond the clock's range is as good as none; a century is "none" to a socket.
    let deadline = start.checked_add(timeout).unwrap_or(start + Duration::from_hours(876_000));
    let plain = Box::new(match route.proxy {
        None => straight(route, deadline)?,
        Some(proxy) => through(proxy, route, deadline)?,
    });
    match tls {
        None => Ok(plain),
        Some(tls) => plain.start_tls(tls),
    }
}

fn straight(route: &Route<'_>, deadline: Instant) -> Result<PlainTransport, NetError> {
    let (host, port) = (route.host, route.port);
    let addresses = resolve(host, port, route.family, deadline)?;
    let socket = first_to_answer(host, port, &addresses, deadline, "`host` and `port`")?;
    Ok(PlainTransport::direct(socket, host, port, deadline))
}

fn through(proxy: &Proxy, route: &Route<'_>, deadline: Instant) -> Result<PlainTransport, NetError> {
    let (host, port) = (route.host, route.port);
    let socket = resolve(&proxy.host, proxy.port, route.family, deadline)
        .and_then(|addresses| first_to_answer(&proxy.host, proxy.port, &addresses, deadline, "`proxy`"))
        .map_err(|error| NetError::Proxy {
            proxy: proxy.to_string(),
            host: host.to_owned(),
            port,
            reason: match error {
                NetError::UnknownHost { reason, .. } => format!("the proxy's name is unknown ({reason})"),
                NetError::Unreachable { reason, .. } => format!("the proxy cannot be reached: {reason}"),
                other => other.to_string(),
            },
        })?;
    let mut stream = DeadlineStream::new(socket, Some(deadline));
    socks::tunnel(&mut stream, proxy, host, port)?;
    Ok(PlainTransport::through_proxy(stream, host, port))
}
