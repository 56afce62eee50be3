//! What befalls a run, and at which of its steps.

use std::io;
use std::sync::{Mutex, MutexGuard};

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The process ends before the step; nothing of it happens any more, on the disk or on the wire.
    Death,
    /// The step fails and has no effect; everything after it works again.
    Failure,
    /// The step has its effect, but the answer is lost; everything after it works again.
    LostAnswer,
}

/// Which steps are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Those of disk and ledger.
    Local,
    /// Commands that reach the server.
    Remote,
}

/// What befalls one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
    pub side: Side,
    pub blow: Blow,
    /// The first step is 1.
    pub step: u64,
}

/// The life of one process.
pub(crate) struct Strike(Mutex<Life>);

struct Life {
    doom: Option<Doom>,
    /// Steps of the doom's side so far.
    steps: u64,
    dead: bool,
}

impl Strike {
    pub(crate) fn new(doom: Option<Doom>) -> Self {
        Strike(Mutex::new(Life { doom, steps: 0, dead: false }))
    }

    /// A step that only looks. It can fail; for all else it is as good as the step after it.
    pub(crate) fn look<T>(&self, effect: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let strikes = self.life().strikes(Side::Local, true);
        meet(strikes, effect)
    }

    /// A step that changes something on disk or in the ledger.
    pub(crate) fn change<T>(&self, effect: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let strikes = self.life().strikes(Side::Local, false);
        meet(strikes, effect)
    }

    /// A command on its way to the server: what happens to it.
    pub(crate) fn command(&self) -> Option<Blow> {
        self.life().strikes(Side::Remote, false)
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.life().dead
    }

    /// Whether the doomed step was reached.
    pub(crate) fn has_struck(&self) -> bool {
        let life = self.life();
        life.doom.is_some_and(|doom| life.steps >= doom.step)
    }

    /// The process is over: what it still has open is of no use.
    pub(crate) fn end(&self) {
        self.life().dead = true;
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.0.lock().unwrap()
    }
}

impl Life {
    fn strikes(&mut self, side: Side, look: bool) -> Option<Blow> {
        if self.dead {
            return Some(Blow::Death);
        }
        let doom = self.doom.filter(|doom| doom.side == side && !(look && doom.blow != Blow::Failure))?;
        self.steps += 1;
        if self.steps != doom.step {
            return None;
        }
        self.dead = doom.blow == Blow::Death;
        Some(doom.blow)
    }
}

fn meet<T>(blow: Option<Blow>, effect: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let failed = || Err(rustix::io::Errno::IO.into());
    match blow {
        None => effect(),
        Some(Blow::Death | Blow::Failure) => failed(),
        Some(Blow::LostAnswer) => effect().and_then(|_| failed()),
    }
}
