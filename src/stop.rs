//! Signals. SIGINT and SIGTERM: the first one ends a run soon and safely, a second one at once.
//!
//! Promises: after the first signal no new message is asked for; the one in hand may be finished within a
//! second, what is complete is committed, and the session is left without QUIT, so that a server that
//! follows RFC 1939 keeps everything. Within two seconds the program has ended, with the signal's code, whatever it
//! waited for. Either way is as safe as a crash, which is safe.

use crate::exit::Exit;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How long what is in hand may go on after a signal: a message that is coming in, an answer to QUIT.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// When the program ends after a signal, whatever it still does.
const AT_LAST: Duration = Duration::from_millis(1700);
/// How often those who wait look whether a signal has come.
pub const LOOK: Duration = Duration::from_millis(100);
/// Of the thread that only waits and ends the program, in octets.
const SMALL_STACK: usize = 64 << 10;

/// The exit code of the last signal; 0 before the first.
static ASKED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// Somebody makes something of SIGINT and SIGTERM.
static CLAIMED: AtomicBool = AtomicBool::new(false);

/// SIGINT and SIGTERM end the program in their handler.
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// When a signal was first noticed.
static NOTICED: OnceLock<Instant> = OnceLock::new();

/// Says that the caller makes something of SIGINT and SIGTERM, so that nobody else ends the program
/// when one comes.
pub fn claim() {
    CLAIMED.store(true, Ordering::SeqCst);
    not_at_once();
}

/// Says that the caller ends the program when SIGINT or SIGTERM comes, if nobody makes anything else of it.
pub fn not_at_once() {
    AT_ONCE.store(false, Ordering::SeqCst);
}

/// Whether somebody does.
pub fn is_claimed() -> bool {
    CLAIMED.load(Ordering::SeqCst)
}

const SIGNALS: [(i32, Exit); 2] = [(SIGINT, Exit::INTERRUPTED), (SIGTERM, Exit::TERMINATED)];

/// From now on SIGINT and SIGTERM end the program at once, with a code of their own, until somebody makes more of them.
pub fn end_at_once() -> io::Result<()> {
    for (signal, exit) in SIGNALS {
        flag::register_conditional_shutdown(signal, i32::from(exit.code()), Arc::clone(&AT_ONCE))?;
    }
    Ok(())
}

/// From now on the first SIGINT or SIGTERM only asks to stop. Call it once.
pub fn listen() -> io::Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    for (signal, exit) in SIGNALS {
        // In this order: the first signal finds the condition false, and makes it true.
        flag::register_conditional_shutdown(signal, i32::from(exit.code()), Arc::clone(&asked))?;
        flag::register(signal, Arc::clone(&asked))?;
        flag::register_usize(signal, Arc::clone(&ASKED), usize::from(exit.code()))?;
    }
    // Without it, all that ends a wait that does not look at the signal is a second one.
    let _ = watch();
    claim();
    Ok(())
}

/// Has the program end soon after the first signal, whatever any of its threads waits for: a disk that hangs, a reader of
/// stdout who has gone to lunch. That is as safe as a crash.
fn watch() -> io::Result<()> {
    let (mut told, tell) = UnixStream::pair()?;
    for (signal, _) in SIGNALS {
        low_level::pipe::register(signal, tell.try_clone()?)?;
    }
    let wait = move || {
        if told.read(&mut [0]).is_ok_and(|octets| octets > 0) {
            let _ = requested();
            thread::sleep(AT_LAST);
            // The signal's handler notes the code before it writes.
            low_level::exit(i32::from(requested().unwrap_or(Exit::TERMINATED).code()));
        }
    };
    thread::Builder::new().name("last resort".to_owned()).stack_size(SMALL_STACK).spawn(wait).map(drop)
}

/// The instant after which nothing is waited for any more; `None` before the first signal.
pub fn last_moment() -> Option<Instant> {
    requested()?;
    NOTICED.get().map(|noticed| *noticed + LAST_WORDS)
}

/// Whether what is in hand must be given up now.
pub fn is_over() -> bool {
    last_moment().is_some_and(|last| last <= Instant::now())
}

/// From now on a file that must not grow beyond a limit (`ulimit -f`) makes a write fail, which is told
/// like any other failure; as it is, the system ends the program without a word.
pub fn outlive_file_limit() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Waits for so long, or until a signal comes.
pub fn pause(time: Duration) {
    let begun = Instant::now();
    while requested().is_none() {
        let left = time.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(LOOK));
    }
}

/// The exit code that a signal calls for, if one has come.
pub fn requested() -> Option<Exit> {
    let exit = match ASKED.load(Ordering::Relaxed) {
        0 => return None,
        code if code == usize::from(Exit::INTERRUPTED.code()) => Exit::INTERRUPTED,
        _ => Exit::TERMINATED,
    };
    NOTICED.get_or_init(Instant::now);
    Some(exit)
}

/// A signal asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped by a signal; everything finished is kept, and the next run continues from there")]
pub struct Stopped {
    /// 130 or 143.
    pub exit: Exit,
}

/// An error once a signal has asked to stop, even if nothing was left to do: who sent it is to know.
pub fn check() -> Result<(), Stopped> {
    requested().map_or(Ok(()), |exit| Err(Stopped { exit }))
}

/// Growing pauses between attempts, until the time is up.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
    until: Option<Instant>,
}

impl Backoff {
    /// The `first` pause, then twice as long each time, up to the `longest`. Without an end there is none at all.
    pub fn new(first: Duration, longest: Duration, until: Option<Instant>) -> Self {
        Backoff { next: first, longest, until }
    }

    /// How long to wait before the next attempt; `None` when there is no time for one.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        let left = self.until?.checked_duration_since(now).filter(|left| !left.is_zero())?;
        let pause = self.next.min(left);
        self.next = (self.next * 2).min(self.longest);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_with_the_time() {
        let mut now = Instant::now();
        let (first, longest) = (Duration::from_secs(2), Duration::from_secs(30));
        let mut backoff = Backoff::new(first, longest, Some(now + Duration::from_mins(2)));
        let mut pauses = Vec::new();
        while let Some(pause) = backoff.pause(now) {
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30, 30], "the last attempt is when the time is up");
        assert_eq!(Backoff::new(first, longest, None).pause(now), None);
    }
}
