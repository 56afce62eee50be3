//! The authenticated and the selected state: folders.
//!
//! Promise: a folder is opened with EXAMINE only, so that no message in it is changed, not even its flags.

use super::Connection;
use super::capability::{Abilities, Capabilities};
use super::code::{Cause, Code};
use super::error::ImapError;
use super::fault::Fault;
use super::folder::Folder;
use super::response::Data;
use super::wire::refusal;
use crate::sasl::Mechanism;
use std::cell::OnceCell;

/// After login.
#[derive(Debug)]
pub struct Authenticated {
    pub(super) capabilities: Capabilities,
    mechanism: Option<Mechanism>,
    /// What stands between the levels of a name, once it was asked for.
    delimiter: OnceCell<Option<u8>>,
    /// A folder is open.
    pub(super) open: bool,
}

impl Authenticated {
    pub(super) fn new(capabilities: Capabilities, mechanism: Option<Mechanism>) -> Self {
        Authenticated { capabilities, mechanism, delimiter: OnceCell::new(), open: false }
    }
}

/// A folder that was opened to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Its UIDVALIDITY; 0 if the server did not say.
    pub uid_validity: u32,
    /// The least UID that a message to come can have, if the server said so.
    pub uid_next: Option<u32>,
    /// How many messages are in it.
    pub messages: u32,
}

impl Connection<Authenticated> {
    /// What the server offers after the login.
    pub fn capabilities(&self) -> &Capabilities {
        &self.state.capabilities
    }

    /// What of that matters for appending.
    pub fn abilities(&self) -> Abilities {
        self.state.capabilities.abilities()
    }

    /// What let us in; `None`: the server did without.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.state.mechanism
    }

    /// The folder at `path`, whose levels are apart by `/`, or by what the server has between them. `INBOX` is
    /// recognised in any case. The server is asked once for its delimiter.
    pub fn folder(&mut self, path: &str) -> Result<Folder, ImapError> {
        // A name that cannot be sent needs no server.
        Folder::new(path, None, false)?;
        let delimiter = match self.state.delimiter.get() {
            Some(known) => *known,
            None => self.ask_delimiter()?,
        };
        let _ = self.state.delimiter.set(delimiter);
        Ok(Folder::new(path, delimiter, self.state.capabilities.is_rev2_only())?)
    }

    fn ask_delimiter(&mut self) -> Result<Option<u8>, ImapError> {
        let mut delimiter = None;
        let answer = self.wire.ask("LIST", r#"LIST "" """#, &mut |data| {
            if let Data::List(listed) = data {
                delimiter = listed.delimiter;
            }
        })?;
        match refusal(answer) {
            Some(refusal) => Err(ImapError::Refused { during: "LIST", refusal }),
            None => Ok(delimiter),
        }
    }

    /// Opens the folder, to look at it only; `None`: it is not there.
    pub fn examine(&mut self, folder: &Folder) -> Result<Option<Examined>, ImapError> {
        const DURING: &str = "EXAMINE";
        self.state.open = false;
        self.wire.exists = None;
        let mut examined = Examined { uid_validity: 0, uid_next: None, messages: 0 };
        let command = format!("EXAMINE {}", folder.quoted());
        let answer = self.wire.ask(DURING, &command, &mut |data| {
            let Data::Status(status) = data else { return };
            match status.code {
                Some(Code::UidValidity(validity)) => examined.uid_validity = validity,
                Some(Code::UidNext(next)) => examined.uid_next = Some(next),
                _ => {}
            }
        })?;
        let Some(refusal) = refusal(answer) else {
            let Some(messages) = self.wire.exists else {
                return Err(self.wire.fault(DURING, Fault::NoCount));
            };
            self.state.open = true;
            return Ok(Some(Examined { messages, ..examined }));
        };
        match (&refusal.code, refusal.cause()) {
            (_, Cause::NoFolder) => Ok(None),
            // Without a code its words say little: Dovecot 2.3 has "Mailbox doesn't exist", others "invalid name",
            // and more than one repeats the folder's own name.
            (None | Some(Code::Other(_)), _) if !self.is_listed(folder)? => Ok(None),
            (_, Cause::NotNow(_)) => Err(ImapError::TryLater { during: DURING, refusal }),
            _ => Err(ImapError::Refused { during: DURING, refusal }),
        }
    }

    /// Whether LIST knows a folder of exactly this name that can be opened.
    fn is_listed(&mut self, folder: &Folder) -> Result<bool, ImapError> {
        let mut found = false;
        let command = format!(r#"LIST "" {}"#, folder.quoted());
        let answer = self.wire.ask("LIST", &command, &mut |data| {
            if let Data::List(listed) = data {
                found |= !listed.closed && folder.is_called(&listed.name);
            }
        })?;
        match refusal(answer) {
            Some(refusal) => Err(ImapError::Refused { during: "LIST", refusal }),
            None => Ok(found),
        }
    }

    /// Makes the folder, and subscribes to it; that it was there already, or cannot be subscribed to, does not matter.
    pub fn create(&mut self, folder: &Folder) -> Result<(), ImapError> {
        const DURING: &str = "CREATE";
        let answer = self.wire.ask(DURING, &format!("CREATE {}", folder.quoted()), &mut |_| ())?;
        match refusal(answer) {
            None => {}
            Some(refusal) if refusal.code == Some(Code::AlreadyExists) => return Ok(()),
            Some(refusal) if refusal.is_transient() => {
                return Err(ImapError::TryLater { during: DURING, refusal });
            }
            Some(refusal) => return Err(ImapError::Refused { during: DURING, refusal }),
        }
        self.wire.ask("SUBSCRIBE", &format!("SUBSCRIBE {}", folder.quoted()), &mut |_| ())?;
        Ok(())
    }

    /// Ends the connection; what the server says to that does not matter.
    pub fn logout(self) {
        self.wire.leave();
    }
}
