//! Why a message is missing, in few octets: a server may refuse a hundred thousand messages, with thousands of octets
//! each.
//!
//! Promises: a reason is cut to [`LIMIT`] octets; equal ones share their memory; only so many different ones are kept at a
//! time, and what is beyond them has a general one.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Octets of a reason.
pub const LIMIT: usize = 200;

/// Different reasons that are kept at a time.
const KINDS: usize = 2_000;

static KNOWN: LazyLock<Mutex<HashSet<Arc<str>>>> = LazyLock::new(Mutex::default);

/// A reason: `text`, cut and shared, or `otherwise` when there are too many different ones.
pub fn shared(text: &str, otherwise: &'static str) -> Arc<str> {
    share(cut(text)).unwrap_or_else(|| share_always(otherwise))
}

/// The same for what a reason has become with words of ours, which are not cut: `reason` itself when there are too many.
pub fn shared_whole(text: &str, reason: &Arc<str>) -> Arc<str> {
    share(text).unwrap_or_else(|| Arc::clone(reason))
}

fn share_always(text: &'static str) -> Arc<str> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let shared = known.get(text).map_or_else(|| text.into(), Arc::clone);
    known.insert(Arc::clone(&shared));
    shared
}

fn share(text: &str) -> Option<Arc<str>> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(text) {
        return Some(Arc::clone(known));
    }
    if known.len() >= KINDS {
        // Those that nobody needs any more make room.
        known.retain(|reason| Arc::strong_count(reason) > 1);
    }
    if known.len() >= KINDS {
        return None;
    }
    let reason: Arc<str> = text.into();
    known.insert(Arc::clone(&reason));
    Some(reason)
}

/// At most [`LIMIT`] octets, no character halved.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LIMIT)]
}

#[cfg(test)]
mod tests {
    use super::{KINDS, LIMIT, cut, shared};
    use std::sync::Arc;

    #[test]
    fn a_reason_is_short_and_equal_ones_are_one() {
        let long = "ü".repeat(3_000);
        let reason = shared(&long, "refused");
        assert_eq!(reason.len(), LIMIT);
        assert!(Arc::ptr_eq(&reason, &shared(&long, "refused")));
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn beyond_so_many_kinds_they_have_a_general_one() {
        let all: Vec<Arc<str>> =
            (0..3 * KINDS).map(|kind| shared(&format!("kind {kind}"), "refused")).collect();
        assert_eq!(&*all[0], "kind 0");
        let general = all.last().unwrap();
        assert_eq!(&**general, "refused");
        assert!(Arc::ptr_eq(general, &all[all.len() - 2]));
    }
}
