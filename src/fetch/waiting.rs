//! What is in use is tried again, at growing intervals, until the time is up: that of `--wait`, or a moment
//! where it may be ourselves who use it.

use std::time::{Duration, Instant};

/// How long to wait, and how often to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    until: Option<Instant>,
}

impl Backoff {
    /// For a maildrop that another session holds: a login costs the server something, and some
    /// servers answer each one more slowly than the one before.
    pub(super) fn for_maildrop(until: Option<Instant>) -> Self {
        Backoff { next: Duration::from_secs(2), longest: Duration::from_secs(30), until }
    }

    /// For a maildrop that our own last session may hold yet, 3 s from `now` on at most; not at all without.
    pub(super) fn for_our_own(now: Option<Instant>) -> Self {
        Self::for_lock(now.and_then(|now| now.checked_add(Duration::from_secs(3))))
    }

    /// For the lock of another popkeep on this machine, which costs nothing to look at.
    pub(super) fn for_lock(until: Option<Instant>) -> Self {
        Backoff { next: Duration::from_millis(100), longest: Duration::from_secs(1), until }
    }

    /// How long to wait before the next attempt; `None` when there is no time for one.
    pub(super) fn pause(&mut self, now: Instant) -> Option<Duration> {
        let left = self.until?.checked_duration_since(now).filter(|left| !left.is_zero())?;
        let pause = self.next.min(left);
        self.next = (self.next * 2).min(self.longest);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_with_the_time() {
        let mut now = Instant::now();
        let mut backoff = Backoff::for_maildrop(Some(now + Duration::from_mins(2)));
        let mut pauses = Vec::new();
        while let Some(pause) = backoff.pause(now) {
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30, 30], "the last attempt is when the time is up");
    }

    #[test]
    fn without_wait_nothing_is_tried_again() {
        assert_eq!(Backoff::for_maildrop(None).pause(Instant::now()), None);
        assert_eq!(Backoff::for_lock(None).pause(Instant::now()), None);
    }
}
