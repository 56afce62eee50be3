//! Reading ahead of TLS.
//!
//! The TLS library reads each record in two pieces, a head of 5 octets and what it announces: two
//! system calls for 2 KiB from some servers, 130,000 of them for 250 MB. Behind this buffer they
//! are one for 32 KiB. It begins with the handshake, so that nothing sent in clear text before it
//! can be mistaken for what came under TLS.

use super::deadline::DeadlineStream;
use std::io::{self, BufReader, Read, Write};
use std::time::Instant;

/// Octets read at once.
const AHEAD: usize = 32 << 10;

/// A socket with a read buffer; writes pass through.
#[derive(Debug)]
pub(super) struct ReadAhead(BufReader<DeadlineStream>);

impl ReadAhead {
    pub(super) fn new(stream: DeadlineStream) -> Self {
        ReadAhead(BufReader::with_capacity(AHEAD, stream))
    }

    pub(super) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.0.get_mut().set_deadline(deadline);
    }

    pub(super) fn finish(&self) -> io::Result<()> {
        self.0.get_ref().finish()
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for ReadAhead {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}
