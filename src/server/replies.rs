//! Replies (RFC 1939, section 3), on their way out.

use std::io;

/// Replies are collected up to about so many octets before they are sent.
const SEND_AT: usize = 64 * 1024;

/// Collects what is to be sent.
pub(super) struct Out<'o> {
    /// What was not sent yet.
    pub(super) octets: &'o mut Vec<u8>,
    /// Where it goes.
    pub(super) to: &'o mut dyn io::Write,
}

impl Out<'_> {
    /// A positive reply.
    pub(super) fn ok(&mut self, text: &str) {
        self.reply("+OK", text);
    }

    /// A negative reply.
    pub(super) fn error(&mut self, text: &str) {
        self.reply("-ERR", text);
    }

    /// A challenge (RFC 5034), given in base64.
    pub(super) fn challenge(&mut self, text: &str) {
        // The blank stands, also before nothing.
        self.octets.extend_from_slice(b"+ ");
        self.octets.extend_from_slice(text.as_bytes());
        self.octets.extend_from_slice(b"\r\n");
    }

    /// Sends what there is if it is much.
    pub(super) fn relieve(&mut self) -> io::Result<()> {
        if self.octets.len() < SEND_AT { Ok(()) } else { self.send() }
    }

    /// Sends what there is.
    pub(super) fn send(&mut self) -> io::Result<()> {
        if self.octets.is_empty() {
            return Ok(());
        }
        self.to.write_all(self.octets)?;
        self.octets.clear();
        // What a large piece needed is not kept for the small replies that follow.
        self.octets.shrink_to(2 * SEND_AT);
        self.to.flush()
    }

    fn reply(&mut self, status: &str, text: &str) {
        self.octets.extend_from_slice(status.as_bytes());
        if !text.is_empty() {
            self.octets.push(b' ');
            self.octets.extend_from_slice(text.as_bytes());
        }
        self.octets.extend_from_slice(b"\r\n");
    }
}
