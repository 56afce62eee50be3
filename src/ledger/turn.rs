//! Whose turn it is, among this process's threads, to write to the ledger.
//!
//! SQLite lets one connection write at a time and has the others look again after ever longer pauses, which cost
//! accounts that are fetched side by side more than all their writing.
//!
//! And who is the last to leave: what is done to a ledger when it is closed costs several syncs, and is of no use while others
//! go on writing to it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Until it is dropped, no other thread has a turn.
pub(super) type Turn = MutexGuard<'static, ()>;

static TURN: Mutex<()> = Mutex::new(());

/// Waits for a turn. Nothing is held by it that a panic could have left half done.
pub(super) fn wait() -> Turn {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many connections of this process write to each ledger, by its path.
static WRITERS: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);

/// One more writes to the ledger in this path.
pub(super) fn enter(path: &str) {
    let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
    *writers.entry(path.to_owned()).or_default() += 1;
}

/// One of them does no more: whether it was the last.
pub(super) fn leave(path: &str) -> bool {
    let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(others) = writers.get_mut(path).map(|count| {
        *count -= 1;
        *count
    }) else {
        return true;
    };
    if others == 0 {
        writers.remove(path);
    }
    others == 0
}
