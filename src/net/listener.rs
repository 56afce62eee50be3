//! The other end: connections that others open to us, in clear text or under TLS.
//!
//! Promises: nothing here waits longer than it is told to, or long after a signal; octets that came in clear text are never
//! taken for octets that came under TLS.
#![expect(clippy::disallowed_types, reason = "this is the network edge")]

use super::deadline::DeadlineStream;
use super::identity::ServerIdentity;
use super::read_ahead::ReadAhead;
use super::{NetError, verdict};
use native_tls::{HandshakeError, Protocol, TlsAcceptor, TlsStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the first octet of a TLS connection is: the type of a handshake record (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Listens at an address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Begins to listen; with port 0 at a free one.
    pub fn bind(address: SocketAddr) -> io::Result<Listener> {
        let socket = TcpListener::bind(address)?;
        // Who has gone again between `poll` and `accept` must not make us wait for the next one.
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok(Listener { socket, address })
    }

    /// Where.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection; `None` when none came in this time.
    pub fn accept(&self, time: Duration) -> io::Result<Option<Accepted>> {
        if !is_ready(&self.socket, time)? {
            return Ok(None);
        }
        match self.socket.accept() {
            Ok((socket, peer)) => {
                socket.set_nonblocking(false)?;
                // Replies are small and each is waited for.
                let _ = socket.set_nodelay(true);
                Ok(Some(Accepted { socket, peer }))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether something came within this time.
fn is_ready(socket: &impl std::os::fd::AsFd, time: Duration) -> io::Result<bool> {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time = Timespec { tv_sec: seconds, tv_nsec: time.subsec_nanos().into() };
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&time)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// A connection that somebody has opened.
#[derive(Debug)]
pub struct Accepted {
    socket: TcpStream,
    peer: SocketAddr,
}

impl Accepted {
    /// What another thread can end it with.
    pub fn hang_up(&self) -> io::Result<HangUp> {
        self.socket.try_clone().map(HangUp)
    }

    /// Whether it comes from this machine.
    pub fn is_loopback(&self) -> bool {
        self.peer.ip().to_canonical().is_loopback()
    }

    /// Says these words and closes; nothing is waited for.
    pub fn send_away(mut self, words: &[u8]) {
        if self.socket.set_nonblocking(true).is_ok() {
            let _ = self.socket.write(words);
        }
    }

    /// Whether the other side begins with TLS. Who waits for a greeting says nothing, and costs this time.
    pub fn begins_with_tls(&self, time: Duration) -> io::Result<bool> {
        let mut first = [0];
        Ok(is_ready(&self.socket, time)? && self.socket.peek(&mut first)? == 1 && first == [HANDSHAKE])
    }

    /// The connection in clear text.
    pub fn in_clear(self) -> Incoming {
        Incoming(Layer::Clear(DeadlineStream::new(self.socket, None)))
    }
}

/// Ends a connection that another thread has.
#[derive(Debug)]
pub struct HangUp(TcpStream);

impl HangUp {
    /// Now: who reads or writes there gets an error or the end.
    pub fn now(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// What we show to those who connect.
#[derive(Clone)]
pub struct ServerTls(Arc<TlsAcceptor>);

impl ServerTls {
    /// TLS 1.2 or newer, with this certificate.
    pub fn new(identity: &ServerIdentity) -> Result<ServerTls, NetError> {
        let mut builder = TlsAcceptor::builder(identity.read()?);
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        let acceptor = builder.build().map_err(|error| {
            let text = error.to_string();
            if text.contains("key values mismatch") {
                identity.mismatch()
            } else {
                NetError::Library { reason: text }
            }
        })?;
        Ok(ServerTls(Arc::new(acceptor)))
    }
}

/// A connection from somebody. A read or write past the deadline fails; the end is a read of 0 octets.
pub struct Incoming(Layer);

enum Layer {
    Clear(DeadlineStream),
    Tls(Box<TlsStream<ReadAhead>>),
}

impl Incoming {
    /// The instant after which reads and writes fail.
    pub fn set_deadline(&mut self, deadline: Instant) {
        match &mut self.0 {
            Layer::Clear(stream) => stream.set_deadline(Some(deadline)),
            Layer::Tls(stream) => stream.get_mut().set_deadline(Some(deadline)),
        }
    }

    /// Whether it is under TLS.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.0, Layer::Tls(_))
    }

    /// Shakes hands, before the deadline. The caller has made sure that no octet is left unread.
    pub fn start_tls(self, tls: &ServerTls) -> io::Result<Incoming> {
        let Layer::Clear(stream) = self.0 else { return Err(io::ErrorKind::InvalidInput.into()) };
        match tls.0.accept(ReadAhead::new(stream)) {
            Ok(stream) => Ok(Incoming(Layer::Tls(Box::new(stream)))),
            Err(HandshakeError::Failure(error)) => Err(io::Error::other(error)),
            // The stream below waits until its deadline.
            Err(HandshakeError::WouldBlock(_)) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Says that nothing more will come.
    pub fn finish(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Layer::Clear(stream) => stream.finish(),
            Layer::Tls(stream) => {
                // The other side may have gone without a word.
                let _ = stream.shutdown();
                stream.get_mut().finish()
            }
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layer::Clear(stream) => stream.read(buffer),
            Layer::Tls(stream) => match stream.read(buffer) {
                // A client that closes without saying so in TLS: lines say themselves where they end.
                Err(error) if verdict::is_end_of_connection(&error) => Ok(0),
                read => read,
            },
        }
    }
}

impl Write for Incoming {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layer::Clear(stream) => stream.write(octets),
            Layer::Tls(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Layer::Clear(stream) => stream.flush(),
            Layer::Tls(stream) => stream.flush(),
        }
    }
}
