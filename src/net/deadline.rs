//! A socket whose reads and writes end at a deadline.
//!
//! The kernel knows timeouts for one call (`SO_RCVTIMEO`, `SO_SNDTIMEO`), not deadlines. The
//! timeout armed is always at most what remains, so no call outlives the deadline; it is armed
//! anew only when it no longer fits, so that a read usually costs one system call.

#![expect(clippy::disallowed_types, reason = "this is the network edge")]

use crate::stop;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Below this a timeout is not worth splitting; also the least that is armed, since 0 means
/// "for ever" to the kernel.
const FINEST: Duration = Duration::from_millis(20);

/// How long one call may wait at most: after a signal there is little time left.
const LOOK: Duration = Duration::from_millis(500);

/// A TCP connection with a deadline. After a signal everything on it ends soon, as if the deadline had passed.
#[derive(Debug)]
pub(super) struct DeadlineStream {
    socket: TcpStream,
    deadline: Option<Instant>,
    reading: Option<Duration>,
    writing: Option<Duration>,
}

impl DeadlineStream {
    /// Wraps a socket on which no timeout has been set.
    pub(super) fn new(socket: TcpStream, deadline: Option<Instant>) -> Self {
        DeadlineStream { socket, deadline, reading: None, writing: None }
    }

    /// Sets the instant after which reads and writes fail.
    pub(super) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Says that nothing more will be written.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    /// Repeats `call` until it does something or the deadline has passed. The armed timeout may
    /// be shorter than what remains, so an expired one only means: look at the clock.
    fn until_deadline<T>(
        &mut self,
        arm: fn(&mut Self, Option<Duration>) -> io::Result<()>,
        mut call: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let end = self.deadline.into_iter().chain(stop::last_moment()).min();
            let remaining = match end {
                None => None,
                Some(end) => match end.checked_duration_since(Instant::now()) {
                    None | Some(Duration::ZERO) => return Err(past_deadline()),
                    remaining => remaining,
                },
            };
            arm(self, remaining)?;
            match call(&mut self.socket) {
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                other => return other,
            }
        }
    }

    fn arm_reading(&mut self, remaining: Option<Duration>) -> io::Result<()> {
        let timeout = fitting(self.reading, remaining);
        if Some(timeout) != self.reading {
            self.socket.set_read_timeout(Some(timeout))?;
            self.reading = Some(timeout);
        }
        Ok(())
    }

    fn arm_writing(&mut self, remaining: Option<Duration>) -> io::Result<()> {
        let timeout = fitting(self.writing, remaining);
        if Some(timeout) != self.writing {
            self.socket.set_write_timeout(Some(timeout))?;
            self.writing = Some(timeout);
        }
        Ok(())
    }
}

fn past_deadline() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the time limit has passed")
}

/// The timeout to have armed: the one that is, if it still fits, which means not longer than what
/// remains, and not so short that it would wake us many times before the deadline.
fn fitting(armed: Option<Duration>, remaining: Option<Duration>) -> Duration {
    let remaining = remaining.map_or(LOOK, |remaining| remaining.min(LOOK));
    match armed {
        Some(armed) if armed <= remaining && armed >= remaining / 2 => armed,
        // A little less than what remains, so that it fits the next calls as well.
        _ if remaining > FINEST && remaining < LOOK => remaining / 8 * 7,
        _ => remaining.max(Duration::from_millis(1)),
    }
}

impl Read for DeadlineStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.until_deadline(Self::arm_reading, |socket| socket.read(buffer))
    }
}

impl Write for DeadlineStream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.until_deadline(Self::arm_writing, |socket| socket.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // A socket has no buffer of ours.
    }
}

#[cfg(test)]
mod tests {
    use super::{LOOK, fitting};
    use std::time::Duration;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn what_is_armed_never_outlives_the_deadline() {
        let mut remaining = ms(60_000);
        let mut armed = None;
        while remaining > ms(2) {
            let fits = fitting(armed, Some(remaining));
            assert!(fits <= remaining, "{fits:?} of {remaining:?}");
            armed = Some(fits);
            remaining -= remaining / 10;
        }
    }

    #[test]
    fn a_deadline_renewed_for_every_line_is_armed_once() {
        let first = fitting(None, Some(ms(60_000)));
        assert_eq!(first, LOOK);
        assert_eq!(fitting(Some(first), Some(ms(60_000))), first);
        assert_eq!(fitting(Some(first), Some(ms(59_000))), first);
        assert_eq!(
            fitting(Some(first), None),
            first,
            "without a deadline a signal is looked for all the same"
        );
    }

    #[test]
    fn waiting_out_a_deadline_takes_few_wakings() {
        let mut remaining = ms(10_000);
        let mut armed = None;
        let mut wakings = 0;
        while remaining > Duration::ZERO {
            let fits = fitting(armed, Some(remaining));
            remaining = remaining.saturating_sub(fits);
            armed = Some(fits);
            wakings += 1;
        }
        assert!(wakings <= 28, "{wakings}");
    }
}
