//! stdout that may be closed, and stderr lines.

use std::io::{self, ErrorKind, Write};

/// A stdout whose reader may leave early (`popkeep status | head -1`): what it no longer wants is
/// dropped without a word. Any other failure, such as a full disk, is reported as it is.
pub(super) struct Out<W: Write> {
    inner: W,
    closed: bool,
}

impl<W: Write> Out<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, closed: false }
    }

    fn unless_closed<T>(
        &mut self,
        otherwise: T,
        work: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.closed {
            return Ok(otherwise);
        }
        match work(&mut self.inner) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(otherwise)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.unless_closed(octets.len(), |inner| inner.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_closed((), Write::flush)
    }
}

/// Writes a line to stderr in one piece. There is nobody to tell if that fails.
pub(super) fn complain(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Whether what is written to a terminal may have colours.
pub(super) fn colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `room` octets and then fails with `kind`.
    struct Limited {
        room: usize,
        kind: ErrorKind,
    }

    impl Write for Limited {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let taken = octets.len().min(self.room);
            self.room -= taken;
            if taken == 0 { Err(self.kind.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let mut out = Out::new(Limited { room: 3, kind: ErrorKind::BrokenPipe });
        assert!(writeln!(out, "a long line").is_ok());
        assert!(writeln!(out, "another").is_ok());
        assert!(out.flush().is_ok());
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let mut out = Out::new(Limited { room: 3, kind: ErrorKind::StorageFull });
        assert_eq!(writeln!(out, "a long line").unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
