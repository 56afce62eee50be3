//! How much is done before it is made final: what a broken connection or a crash can undo stays
//! small.

use crate::archive::Pending;
use crate::config::Format;
use std::time::Duration;

/// See the module's page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portions {
    /// When what was fetched is committed to the archive.
    pub batch: BatchLimits,
    /// Deletions are committed by QUIT, and a new session begins, after this number of messages, or a fiftieth of the
    /// listing if that is more…
    pub deletions: usize,
    /// …or after so long.
    pub session: Duration,
}

impl Portions {
    /// What suits this kind of archive.
    pub(crate) fn of(format: Format) -> Self {
        Portions { batch: BatchLimits::of(format), deletions: 1000, session: Duration::from_mins(15) }
    }
}

/// When a batch is committed: whatever comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    /// Messages.
    pub messages: usize,
    /// Octets of their stored forms.
    pub octets: u64,
    /// Age of its oldest message.
    pub age: Duration,
    /// The last run failed at the disk: the first batch is one message, and each further one twice as large.
    pub gently: bool,
}

impl BatchLimits {
    /// A Maildir's batch shares one folder sync; an mbox's waits in memory, so it is smaller.
    fn of(format: Format) -> Self {
        let octets = match format {
            Format::Maildir => 64 << 20,
            Format::Mbox => 4 << 20,
        };
        BatchLimits { messages: 1024, octets, age: Duration::from_secs(2), gently: false }
    }

    /// Whether a batch that holds this, and whose oldest message is of this age, is due.
    pub(crate) fn reached(&self, pending: Pending, age: Duration) -> bool {
        pending.messages >= self.messages || pending.octets >= self.octets || age >= self.age
    }
}
