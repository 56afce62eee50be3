//! The way in, begun beside the look at the ledger and the archive: neither waits for the other.
//!
//! Promises: nothing of a login is said before the archive is known to be there; whoever finds that there is
//! nothing to do, or no way to do it, waits for no server; a server that had to wait for us is left alone,
//! and called anew.

use super::error::AccountError;
use super::login::Door;
use crate::config::{Account, SecretSource};
use crate::event::Observer;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

/// An account's door, and perhaps a session on its way to it.
pub(super) struct Ahead {
    account: Account,
    until: Option<Instant>,
    trace: bool,
    observer: Arc<dyn Observer>,
    coming: Option<Receiver<Result<Door, AccountError>>>,
}

impl Ahead {
    /// Nothing has begun.
    pub(super) fn new(
        account: &Account,
        until: Option<Instant>,
        trace: bool,
        observer: &Arc<dyn Observer>,
    ) -> Ahead {
        Ahead { account: account.clone(), until, trace, observer: Arc::clone(observer), coming: None }
    }

    /// Goes ahead in a thread of its own, unless a person is to be asked for the password first. The thread is not
    /// waited for where nobody asks for what it has found.
    pub(super) fn go(&mut self) {
        if matches!(self.account.secret, SecretSource::Ask) {
            return;
        }
        let (found, coming) = channel();
        let (account, until, trace, observer) =
            (self.account.clone(), self.until, self.trace, Arc::clone(&self.observer));
        let go = move || {
            let door = Door::new(&account, until, trace, &observer);
            // Nobody may want it any more; then the connection is closed here.
            let _ = found.send(door.inspect(Door::approach));
        };
        // Without a thread it is done when it is needed.
        self.coming = thread::Builder::new().spawn(go).ok().map(|_| coming);
    }

    /// The end of the account's run.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The door, with what was reached so far behind it.
    pub(super) fn door(&self) -> Result<Door, AccountError> {
        let coming = self.coming.as_ref().and_then(|coming| coming.recv().ok());
        coming.unwrap_or_else(|| Door::new(&self.account, self.until, self.trace, &self.observer))
    }
}
