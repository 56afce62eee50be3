//! How long to wait for a server.
//!
//! Promises: a line has one deadline, however its octets dribble in; a listing or a body must
//! bring [`WINDOW`] octets in each period. Only time spent waiting counts: a caller that is
//! slow at storing a message costs the server nothing.

use std::time::Duration;

/// What a listing or body must bring in each `timeout`, in octets.
pub const WINDOW: usize = 4 << 10;

/// The time that is left for what is being waited for.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    timeout: Duration,
    left: Duration,
    brought: usize,
}

impl Patience {
    pub(crate) fn new(timeout: Duration) -> Self {
        Patience { timeout, left: timeout, brought: 0 }
    }

    /// The whole period.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Duration {
        self.left
    }

    /// A line came to its end, or a new one is due: the period begins anew.
    pub(crate) fn renew(&mut self) {
        self.left = self.timeout;
        self.brought = 0;
    }

    /// No more than this is left.
    pub(crate) fn shorten(&mut self, left: Duration) {
        self.left = self.left.min(left);
    }

    /// So long was waited.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }

    /// So many octets of a listing or body came in.
    pub(crate) fn brought(&mut self, octets: usize) {
        self.brought += octets;
        if self.brought >= WINDOW {
            self.renew();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn dribbling_octets_do_not_prolong_a_line() {
        let mut patience = Patience::new(60 * SECOND);
        for _ in 0..59 {
            patience.waited(SECOND);
        }
        assert_eq!(patience.left(), SECOND);
        patience.waited(5 * SECOND);
        assert_eq!(patience.left(), Duration::ZERO);
        patience.renew();
        assert_eq!(patience.left(), 60 * SECOND);
    }

    #[test]
    fn a_body_must_bring_4_kib_in_each_period() {
        let mut patience = Patience::new(60 * SECOND);
        patience.waited(50 * SECOND);
        patience.brought(WINDOW - 1);
        assert_eq!(patience.left(), 10 * SECOND);
        patience.brought(1);
        assert_eq!(patience.left(), 60 * SECOND);
        patience.waited(SECOND);
        patience.brought(1);
        assert_eq!(patience.left(), 59 * SECOND);
    }
}
