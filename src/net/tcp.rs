//! TCP: the first address that answers, and the connection in clear text.

#![expect(clippy::disallowed_types, reason = "this is the network edge")]

use super::deadline::DeadlineStream;
use super::name::bare;
use super::{NetError, Security, TlsSettings, Transport};
use crate::stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{AddressFamily, SocketType};
#[cfg(not(target_vendor = "apple"))]
use rustix::net::{SocketFlags, socket_with};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connects to the first of the addresses that answers. `check` names the keys of the
/// configuration to look at if none does.
pub(super) fn first_to_answer(
    host: &str,
    port: u16,
    addresses: &[SocketAddr],
    deadline: Instant,
    check: &str,
) -> Result<TcpStream, NetError> {
    let mut telling: Option<(SocketAddr, io::Error)> = None;
    for (tried, address) in addresses.iter().enumerate() {
        let remaining = deadline.saturating_duration_since(Instant::now());
        // A silent address may not eat the time of those after it.
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = remaining / left;
        let outcome =
            if share.is_zero() { Err(io::Error::from(ErrorKind::TimedOut)) } else { connect(address, share) };
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
        Some((address, error)) => describe(host, address, addresses.len(), &error, check),
        None => "it has no address".to_owned(),
    };
    Err(NetError::Unreachable { host: host.to_owned(), port, reason })
}

/// Connects within this time, and gives up soon after a signal. (The standard library's way does not look for one.)
fn connect(address: &SocketAddr, time: Duration) -> io::Result<TcpStream> {
    let begun = Instant::now();
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    #[cfg(not(target_vendor = "apple"))]
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    #[cfg(target_vendor = "apple")]
    let socket = {
        let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        socket
    };
    match rustix::net::connect(&socket, address) {
        Ok(()) => {}
        Err(Errno::INPROGRESS | Errno::INTR) => loop {
            let left = time.saturating_sub(begun.elapsed()).min(stop::LOOK);
            if left.is_zero() || stop::requested().is_some() {
                return Err(ErrorKind::TimedOut.into());
            }
            let pause = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
            let mut wanted = [PollFd::new(&socket, PollFlags::OUT)];
            match poll(&mut wanted, Some(&pause)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => {
                    socket_error(&socket)??;
                    break;
                }
                Err(errno) => return Err(errno.into()),
            }
        },
        Err(errno) => return Err(errno.into()),
    }
    rustix::io::ioctl_fionbio(&socket, false)?;
    Ok(TcpStream::from(socket))
}

/// How much an error tells: a host that refused was at least there.
fn weight(error: &io::Error) -> u8 {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => 3,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => 2,
        _ => 1,
    }
}

fn describe(host: &str, address: SocketAddr, addresses: usize, error: &io::Error, check: &str) -> String {
    let what = match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("connection refused; check {check}, and whether the server is up")
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            format!("no answer in time; check the network, {check}, and firewalls on the way")
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
    /// A connection to `host` itself.
    pub(super) fn direct(socket: TcpStream, host: &str, port: u16, deadline: Instant) -> Self {
        // An address that cannot be told is no loopback address.
        let loopback = socket.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback());
        let stream = DeadlineStream::new(socket, Some(deadline));
        PlainTransport { stream, host: host.to_owned(), port, loopback }
    }

    /// A connection through a proxy: where it leads to is the proxy's affair, so it is no
    /// loopback connection, wherever the proxy is.
    pub(super) fn through_proxy(stream: DeadlineStream, host: &str, port: u16) -> Self {
        PlainTransport { stream, host: host.to_owned(), port, loopback: false }
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
