//! The way to the server, begun beside the look at the ledger and the archive: neither waits for the other.
//!
//! Promises: no command that the configuration names is run for it, nobody is asked for anything, and nothing of a login is
//! said before the archive is known to be there; whoever finds that there is nothing to do waits for no server.

use super::error::AccountError;
use super::logbook::Logbook;
use super::login::Door;
use super::reach::{Approach, Way};
use crate::config::{Account, ClientCertificate};
use crate::event::Observer;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Instant;

/// An account's way to its server, and perhaps somebody who is on it.
pub(super) struct Ahead {
    account: Account,
    until: Option<Instant>,
    trace: bool,
    observer: Arc<dyn Observer>,
    logbook: Rc<Logbook>,
    coming: Option<Receiver<Result<Approach, AccountError>>>,
}

impl Ahead {
    /// Nothing has begun.
    pub(super) fn new(
        account: &Account,
        until: Option<Instant>,
        trace: bool,
        observer: &Arc<dyn Observer>,
        logbook: &Rc<Logbook>,
    ) -> Ahead {
        let (observer, logbook) = (Arc::clone(observer), Rc::clone(logbook));
        Ahead { account: account.clone(), until, trace, observer, logbook, coming: None }
    }

    /// Goes ahead in a thread of its own. It is not waited for where nobody asks for what it has found.
    pub(super) fn go(&mut self) {
        let runs_a_command = |client: &ClientCertificate| client.password_command.is_some();
        if self.account.tls_client.as_ref().is_some_and(runs_a_command) {
            return;
        }
        let (found, coming) = sync_channel(1);
        let (account, until, trace, observer) =
            (self.account.clone(), self.until, self.trace, Arc::clone(&self.observer));
        let ask_capabilities = !self.logbook.omissions().capa;
        let go = move || {
            let way = Way::new(&account, until, trace, &observer);
            // Nobody may want it any more; then the connection is closed here.
            let _ = found.send(way.map(|way| way.approach(ask_capabilities)));
        };
        // Without a thread it is done when it is needed.
        self.coming = thread::Builder::new().spawn(go).ok().map(|_| coming);
    }

    /// The end of the account's run.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The door at the end of the way.
    pub(super) fn door(&self) -> Result<Door, AccountError> {
        let door = Door::new(&self.account, || {
            let approach = self.coming.as_ref().and_then(|coming| coming.recv().ok());
            approach.unwrap_or_else(|| {
                Way::new(&self.account, self.until, self.trace, &self.observer).map(Way::untrodden)
            })
        })?;
        Ok(door.leaving_out(self.logbook.omissions()).noting(&self.logbook))
    }
}
