//! Signals. SIGINT and SIGTERM: the first one ends a run soon and safely, a second one at once.
//!
//! Promises: after the first signal no new message is asked for; the one in hand is finished,
//! what is complete is committed, and the session is left without QUIT, so that a server that
//! follows RFC 1939 keeps everything. Either way is as safe as a crash, which is safe.

use crate::exit::Exit;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

/// The exit code of the last signal; 0 before the first.
static ASKED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// Somebody makes something of SIGINT and SIGTERM.
static CLAIMED: AtomicBool = AtomicBool::new(false);

/// Says that the caller makes something of SIGINT and SIGTERM, so that nobody else ends the program
/// when one comes.
pub fn claim() {
    CLAIMED.store(true, Ordering::Relaxed);
}

/// Whether somebody does.
pub fn is_claimed() -> bool {
    CLAIMED.load(Ordering::Relaxed)
}

/// From now on the first SIGINT or SIGTERM only asks to stop. Call it once.
pub fn listen() -> io::Result<()> {
    claim();
    let asked = Arc::new(AtomicBool::new(false));
    for (signal, exit) in [(SIGINT, Exit::INTERRUPTED), (SIGTERM, Exit::TERMINATED)] {
        // In this order: the first signal finds the condition false, and makes it true.
        flag::register_conditional_shutdown(signal, i32::from(exit.code()), Arc::clone(&asked))?;
        flag::register(signal, Arc::clone(&asked))?;
        flag::register_usize(signal, Arc::clone(&ASKED), usize::from(exit.code()))?;
    }
    Ok(())
}

/// From now on a file that must not grow beyond a limit (`ulimit -f`) makes a write fail, which is told
/// like any other failure; as it is, the system ends the program without a word.
pub fn outlive_file_limit() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Waits for so long, or until a signal comes.
pub fn pause(time: Duration) {
    let until = Instant::now() + time;
    while requested().is_none() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(Duration::from_millis(100)));
    }
}

/// The exit code that a signal calls for, if one has come.
pub fn requested() -> Option<Exit> {
    match ASKED.load(Ordering::Relaxed) {
        0 => None,
        code if code == usize::from(Exit::INTERRUPTED.code()) => Some(Exit::INTERRUPTED),
        _ => Some(Exit::TERMINATED),
    }
}
