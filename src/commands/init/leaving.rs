//! Ctrl-C, SIGTERM or the end of the terminal at any moment: its modes as they were, nothing
//! half-written, exit 130 or 143.
//!
//! A thread waits for the signal and ends the program: a question or a server that takes its time
//! need not notice anything. Only [`undisturbed`] work is waited for.

use crate::exit::Exit;
use crate::stop;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What has been done so far; locked while something is being done.
static DONE: Mutex<Done> = Mutex::new(Done::Nothing);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Nothing,
    Written,
}

/// From now on a signal ends the program in this orderly way. Call it once.
pub(super) fn watch() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    // Where there is no terminal there is nothing to restore.
    let modes = tcgetattr(io::stdin()).ok();
    let watching = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        let done = *DONE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(modes) = modes {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        }
        let word = if done == Done::Nothing { "\npopkeep: nothing was written\n" } else { "\n" };
        let _ = io::stderr().write_all(word.as_bytes());
        let exit = if signal == SIGINT { Exit::INTERRUPTED } else { Exit::TERMINATED };
        std::process::exit(i32::from(exit.code()));
    });
    // Without the thread a signal ends the program at once, without a word.
    if watching.is_ok() {
        stop::not_at_once();
    }
    Ok(())
}

/// Does work that a signal waits for. When it succeeds, something has been written.
pub(super) fn undisturbed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = work();
    if outcome.is_ok() {
        *done = Done::Written;
    }
    outcome
}
