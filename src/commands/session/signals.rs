//! SIGINT and SIGTERM while the server has the word: the session ends at once, without QUIT, and says so.
//!
//! At the prompt Ctrl-C is a key like any other, and no signal.

use super::marks::Marks;
use crate::commands::output;
use crate::exit::Exit;
use crate::stop;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;

/// From now on these signals end the program with words about the marks, and with the terminal as it is now.
pub(super) fn watch(account: &str, marks: &Marks) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (account, marks) = (account.to_owned(), marks.clone());
    let before = tcgetattr(io::stdin()).ok();
    let watching = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            if let Some(before) = before {
                // The line editor may have the terminal in a state of its own.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            }
            output::complain_about(&account, &marks.left());
            let exit = if signal == SIGTERM { Exit::TERMINATED } else { Exit::INTERRUPTED };
            std::process::exit(i32::from(exit.code()));
        }
    });
    // Without the thread a signal ends the program at once, without a word.
    if watching.is_ok() {
        stop::claim();
    }
    Ok(())
}
