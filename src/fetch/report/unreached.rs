//! Messages that a session did not come to, or that were refused. There may be a million of them, while the listing is
//! in memory, too: about 12 octets and its UID each.

use crate::event::Missing;
use std::sync::Arc;

/// In place of a UID's length: there is none. No line of a server, and so no UID, is as long as 4 GiB.
const NONE: u32 = u32::MAX;

/// Reasons are looked for among this number of the last ones; there are seldom more.
const KINDS: usize = 16;

/// As a rule they all have the same reason.
#[derive(Debug, Default)]
pub(crate) struct Unreached {
    /// The first one is that of those that the session did not come to.
    reasons: Vec<Arc<str>>,
    /// The number of each, the octets of its UID or [`NONE`], and which reason.
    lines: Vec<(u32, u32, u32)>,
    /// The UIDs, one behind the other.
    uids: Vec<u8>,
}

impl Unreached {
    /// None yet, for this reason.
    pub(crate) fn because(reason: String) -> Self {
        Unreached { reasons: vec![reason.into()], ..Unreached::default() }
    }

    /// Adds a message that the session did not come to.
    pub(crate) fn add(&mut self, number: u32, uid: Option<&[u8]>) {
        self.add_line(number, uid, 0);
    }

    /// Adds a message that was refused.
    pub(crate) fn add_refused(&mut self, number: u32, uid: Option<&[u8]>, reason: &Arc<str>) {
        let known = self.reasons.iter().rev().take(KINDS).position(|known| Arc::ptr_eq(known, reason));
        let place = if let Some(back) = known {
            self.reasons.len() - 1 - back
        } else {
            self.reasons.push(Arc::clone(reason));
            self.reasons.len() - 1
        };
        // No listing is as long.
        self.add_line(number, uid, u32::try_from(place).unwrap_or(0));
    }

    fn add_line(&mut self, number: u32, uid: Option<&[u8]>, reason: u32) {
        self.uids.extend_from_slice(uid.unwrap_or_default());
        let length = uid.map_or(NONE, |uid| u32::try_from(uid.len()).unwrap_or(NONE));
        self.lines.push((number, length, reason));
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Those whose UIDs satisfy a condition, as a report tells them.
    pub(crate) fn told<'u>(
        &'u self,
        which: impl Fn(Option<&[u8]>) -> bool + 'u,
    ) -> impl Iterator<Item = Missing> + 'u {
        let mut rest = self.uids.as_slice();
        self.lines.iter().filter_map(move |&(number, length, reason)| {
            let uid = (length != NONE).then(|| {
                let (uid, behind) = rest.split_at_checked(length as usize).unwrap_or((rest, &[]));
                rest = behind;
                uid
            });
            which(uid).then(|| Missing {
                number,
                uid: uid.map(Box::from),
                reason: self.reasons.get(reason as usize).map_or_else(|| "".into(), Arc::clone),
                chosen: false,
            })
        })
    }
}
