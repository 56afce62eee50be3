//! `fetch --every`: keeps running and fetches at intervals, for containers and services.
//!
//! Promises: each round reads the configuration, and the next one comes even if a round fails. The first SIGINT or SIGTERM ends
//! the round or the wait, with the signal's code. A service manager that asks for it (`NOTIFY_SOCKET`) is told when we are ready, when
//! the next round is due, and when we stop. As process 1 of a container we wait for the processes that others
//! have left behind, which nobody else would.
//!
//! A configuration that cannot be read when we start ends us: whoever starts us is there to mend it.

use crate::clock;
use crate::commands::{Failure, output, words};
use crate::exit::Exit;
use crate::stop;
use crate::text::dates::moment;
use rustix::process::{WaitOptions, wait};
use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// Between two rounds at least, however long the first of them took.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the processes are waited for that others have left behind.
const REAP: Duration = Duration::from_secs(1);

/// Has `round` done at once, and again so long after each beginning, until a signal comes.
pub(super) fn run(
    every: Duration,
    mut round: impl FnMut() -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    tell(&[NotifyState::Ready, NotifyState::Status("fetching")]);
    let mut next = Instant::now();
    loop {
        if let Err(failure) = round() {
            output::complain(&words(&failure, false));
        }
        let now = Instant::now();
        next = next.checked_add(every).unwrap_or(now).max(now + PAUSE);
        let due = i64::try_from((next - now).as_secs()).unwrap_or(i64::MAX);
        let due = format!("the next fetch begins at {}", moment(clock::now().saturating_add(due)));
        tell(&[NotifyState::Status(&due)]);
        wait_until(next);
        if let Some(exit) = stop::requested() {
            tell(&[NotifyState::Stopping]);
            return Ok(exit);
        }
        tell(&[NotifyState::Status("fetching")]);
    }
}

fn wait_until(next: Instant) {
    while stop::requested().is_none() {
        let left = next.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        reap();
        stop::pause(left.min(REAP));
    }
}

/// No command of ours runs between two rounds, so that every process that has ended is somebody else's.
fn reap() {
    if std::process::id() == 1 {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

/// Mail is fetched even if the service manager cannot be reached.
fn tell(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}
