//! The folder on the server: opened, made, listed; and all of that again on a new connection.

use super::RestoreError;
use super::mark::hash_of;
use crate::config::{Access, Destination};
use crate::connect::ImapConnector;
use crate::imap::{
    self, Abilities, Authenticated, Connection, Examined, ImapError, Interrupted, Outcome, Outgoing,
};
use crate::ledger::FolderKey;

/// The longest message whose content is compared, in octets.
const LONGEST: u64 = 1 << 31;

pub(super) struct Folder<'c> {
    connector: &'c ImapConnector,
    access: Access,
    connection: Connection<Authenticated>,
    name: imap::Folder,
    /// `None`: it is not there, and is not to be made.
    examined: Option<Examined>,
    /// It was made.
    pub(super) made: bool,
}

impl<'c> Folder<'c> {
    /// Connects, and makes the folder if it is not there and `makes` says so.
    pub(super) fn open(
        connector: &'c ImapConnector,
        destination: &Destination,
        makes: bool,
    ) -> Result<Self, RestoreError> {
        let mut connection = connector.open()?;
        let folder = connection.folder(&destination.folder)?;
        let mut examined = connection.examine(&folder)?;
        let mut made = false;
        if examined.is_none() && makes {
            connection.create(&folder)?;
            made = true;
            examined = Some(connection.examine(&folder)?.ok_or_else(|| replaced(&folder))?);
        }
        let access = destination.access.clone();
        Ok(Folder { connector, access, connection, name: folder, examined, made })
    }

    /// What it is filed under.
    pub(super) fn key(&self) -> FolderKey {
        FolderKey::of(&self.access, self.name.name())
    }

    /// Its name, for people.
    pub(super) fn shown(&self) -> String {
        self.name.to_string()
    }

    pub(super) fn uid_validity(&self) -> u32 {
        self.examined.map_or(0, |examined| examined.uid_validity)
    }

    pub(super) fn uid_next(&self) -> Option<u32> {
        self.examined.and_then(|examined| examined.uid_next)
    }

    pub(super) fn abilities(&self) -> Abilities {
        self.connection.abilities()
    }

    /// Looks at the folder again: whether it is the same one, and what has come.
    pub(super) fn look_again(&mut self) -> Result<(), RestoreError> {
        let examined = self.connection.examine(&self.name)?.ok_or_else(|| replaced(&self.name))?;
        if examined.uid_validity != self.uid_validity() {
            return Err(replaced(&self.name));
        }
        self.examined = Some(examined);
        Ok(())
    }

    /// A new connection to the same folder.
    pub(super) fn connect_again(&mut self) -> Result<(), RestoreError> {
        self.connection = self.connector.open()?;
        self.look_again()
    }

    /// Calls `each` with the UID, the hash of the Message-ID, and the size of every message from this UID on.
    pub(super) fn listed(
        &mut self,
        from: u32,
        each: &mut dyn FnMut(u32, Option<[u8; 16]>, u64),
    ) -> Result<(), ImapError> {
        if self.examined.is_none() {
            return Ok(());
        }
        self.connection.listed(from, &mut |message| {
            each(message.uid, message.message_id.as_deref().and_then(hash_of), message.size);
        })
    }

    /// The octets of a message, in wire form.
    pub(super) fn content(&mut self, uid: u32, sink: &mut dyn FnMut(&[u8])) -> Result<bool, ImapError> {
        self.connection.content(uid, LONGEST, sink)
    }

    /// Appends messages; what became of each.
    pub(super) fn append(&mut self, messages: &mut [Outgoing<'_>]) -> Result<Vec<Outcome>, Interrupted> {
        self.connection.append(&self.name, messages)
    }

    /// The server says that the folder is not there: somebody has removed it.
    pub(super) fn is_gone(&self) -> RestoreError {
        replaced(&self.name)
    }

    pub(super) fn leave(self) {
        self.connection.logout();
    }
}

fn replaced(folder: &imap::Folder) -> RestoreError {
    RestoreError::Replaced { folder: folder.to_string() }
}
