//! A password asked for at the terminal.
//!
//! Promises: it is not shown; accounts that are fetched side by side ask one after the other; a signal
//! ends the program as ever, but with the terminal as it was before the question.

use crate::exit::Exit;
use crate::stop;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::zeroize::Zeroizing;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

/// By then whoever has put a question has hidden the answer.
const SETTLED: Duration = Duration::from_millis(200);

/// A person answers one question at a time.
static ASKING: Mutex<()> = Mutex::new(());

/// Asks, and gives the answer without its line end. The terminal is stdin.
pub(super) fn ask(question: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let _one_at_a_time = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    watch(tcgetattr(io::stdin())?);
    match rpassword::prompt_password(question) {
        Ok(answer) => Ok(Zeroizing::new(answer.into_bytes())),
        Err(error) => {
            if error.kind() == ErrorKind::Interrupted && !stop::is_claimed() {
                // Ctrl-C: the terminal is restored already.
                end(SIGINT);
            }
            Err(error)
        }
    }
}

/// Ends the program as this signal does.
fn end(signal: i32) {
    match signal {
        SIGINT => low_level::exit(Exit::INTERRUPTED.code().into()),
        SIGTERM => low_level::exit(Exit::TERMINATED.code().into()),
        other => drop(low_level::emulate_default_handler(other)),
    }
}

/// From the first question on, a thread waits for signals: it restores the terminal and then lets
/// them do what they do, unless somebody else makes something of them.
fn watch(modes: Termios) {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
        let wait = move || {
            for signal in signals.forever() {
                if signal != SIGHUP && stop::is_claimed() {
                    continue;
                }
                // A terminal that is gone needs nothing. The question may be on the screen and what is typed about to be
                // hidden, by a thread that does not know of the signal: so a second time, when it has come to that.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
                thread::sleep(SETTLED);
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
                end(signal);
            }
        };
        stop::not_at_once();
        // Without the thread a signal would do nothing; its handle goes with the thread's closure.
        if thread::Builder::new().name("signals".to_owned()).spawn(wait).is_err() {
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                let always = std::sync::Arc::new(true.into());
                let _ = signal_hook::flag::register_conditional_default(signal, always);
            }
        }
    });
}
