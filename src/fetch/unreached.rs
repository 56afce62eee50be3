//! Messages that a session did not come to. There may be a million of them, while the listing is in memory,
//! too: about 12 octets and its UID each.

use crate::event::Missing;
use std::sync::Arc;

/// They all have the same reason.
#[derive(Debug, Default)]
pub(super) struct Unreached {
    reason: Arc<str>,
    /// The number of each, and the octets of its UID if it has one.
    lines: Vec<(u32, Option<u32>)>,
    /// The UIDs, one behind the other.
    uids: Vec<u8>,
}

impl Unreached {
    /// None yet, for this reason.
    pub(super) fn because(reason: String) -> Self {
        Unreached { reason: reason.into(), ..Unreached::default() }
    }

    /// Adds a message.
    pub(super) fn add(&mut self, number: u32, uid: Option<&[u8]>) {
        self.uids.extend_from_slice(uid.unwrap_or_default());
        // No line of a server, and so no UID, is as long as 4 GiB.
        self.lines.push((number, uid.map(|uid| u32::try_from(uid.len()).unwrap_or(u32::MAX))));
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Those whose UIDs satisfy a condition, as a report tells them.
    pub(super) fn told<'u>(
        &'u self,
        which: impl Fn(Option<&[u8]>) -> bool + 'u,
    ) -> impl Iterator<Item = Missing> + 'u {
        let mut rest = self.uids.as_slice();
        self.lines.iter().filter_map(move |&(number, length)| {
            let uid = length.map(|length| {
                let (uid, behind) = rest.split_at_checked(length as usize).unwrap_or((rest, &[]));
                rest = behind;
                uid
            });
            which(uid).then(|| Missing {
                number,
                uid: uid.map(<[u8]>::to_vec),
                reason: Arc::clone(&self.reason),
                chosen: false,
            })
        })
    }
}
