//! Whose turn it is, among this process's threads, to write to the ledger.
//!
//! SQLite lets one connection write at a time and has the others look again after ever longer pauses, which cost
//! accounts that are fetched side by side more than all their writing.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Until it is dropped, no other thread has a turn.
pub(super) type Turn = MutexGuard<'static, ()>;

static TURN: Mutex<()> = Mutex::new(());

/// Waits for a turn. Nothing is held by it that a panic could have left half done.
pub(super) fn wait() -> Turn {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
