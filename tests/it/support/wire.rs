//! A test server's side of a connection: clear text or TLS, read by lines.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use native_tls::{TlsAcceptor, TlsStream};

/// One accepted connection.
pub(crate) enum Wire {
    Clear(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
    /// A handshake failed; nothing can be said any more.
    Broken,
}

impl Wire {
    /// Shakes hands as the server. An error leaves the wire broken.
    pub(crate) fn encrypt(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        let Wire::Clear(stream) = std::mem::replace(self, Wire::Broken) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        *self = Wire::Encrypted(Box::new(acceptor.accept(stream).map_err(io::Error::other)?));
        Ok(())
    }

    /// The next line without its line end; `None` at the end of the stream or when it breaks.
    /// Octet by octet, so that nothing is read ahead of a TLS handshake.
    pub(crate) fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let mut octet = [0];
            match self.read(&mut octet) {
                Ok(1) => line.push(octet[0]),
                _ => return None,
            }
            if line.ends_with(b"\r\n") {
                line.truncate(line.len() - 2);
                return Some(line);
            }
        }
    }

    /// Sends octets; a client that has gone away is no error of the test.
    pub(crate) fn send(&mut self, octets: &[u8]) {
        let _ = self.write_all(octets).and_then(|()| self.flush());
    }

    /// Forgets what has come and was not read.
    pub(crate) fn forget_what_waits(&mut self) {
        let Wire::Clear(stream) = self else { return };
        let _ = stream.set_nonblocking(true);
        let mut octets = [0; 4_096];
        while matches!(stream.read(&mut octets), Ok(1..)) {}
        let _ = stream.set_nonblocking(false);
    }

    /// Ends the connection so that what was sent arrives to its last octet: a socket that is closed with
    /// octets unread is reset, and what the client has not read yet is lost with it.
    pub(crate) fn hang_up(&mut self) {
        if let Wire::Clear(stream) = &*self {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        self.stall();
    }

    /// Says nothing more, and waits until the client goes.
    pub(crate) fn stall(&mut self) {
        let mut scrap = [0; 4096];
        while matches!(self.read(&mut scrap), Ok(1..)) {}
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Clear(stream) => stream.read(buffer),
            Wire::Encrypted(stream) => stream.read(buffer),
            Wire::Broken => Ok(0),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Clear(stream) => stream.write(octets),
            Wire::Encrypted(stream) => stream.write(octets),
            Wire::Broken => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Clear(stream) => stream.flush(),
            Wire::Encrypted(stream) => stream.flush(),
            Wire::Broken => Ok(()),
        }
    }
}
