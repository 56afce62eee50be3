//! What the server needs of a maildrop, whatever keeps the mail.

use std::io;

/// A maildrop that is offered to its user.
pub trait Served: Send + Sync {
    /// Whose it is.
    fn user(&self) -> &str;

    /// Opens it for one session, which sees what is in it now.
    fn open(&self) -> Result<Box<dyn OpenMaildrop>, Closed>;

    /// How many messages are in it.
    fn messages(&self) -> usize;
}

/// Why a maildrop cannot be opened now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Another session has it (RFC 1939, section 4).
    InUse,
    /// For this reason.
    Failed(String),
}

/// What can be done about DELE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// At QUIT.
    AtQuit,
    /// Nothing: the maildrop is for reading.
    Never,
}

/// Takes a message as it goes over the wire, before dot-stuffing.
pub trait Taker {
    /// It is there, and has so many octets.
    fn begin(&mut self, octets: u64) -> io::Result<()>;

    /// The next octets, in pieces of any size. `false`: no more of them are wanted.
    fn take(&mut self, octets: &[u8]) -> io::Result<bool>;

    /// That was all of it, or all that was wanted.
    fn end(&mut self);
}

/// Why a message was not given.
#[derive(Debug)]
pub enum NotGiven {
    /// The message cannot be given, for this reason; nothing was taken.
    Refused(String),
    /// It broke off, or who takes it failed: the session cannot go on.
    Broken(io::Error),
}

impl From<io::Error> for NotGiven {
    fn from(error: io::Error) -> Self {
        NotGiven::Broken(error)
    }
}

/// A maildrop as one session sees it. Messages are at 0 and up, and stay there until the session ends.
pub trait OpenMaildrop: Send {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets of a message on the wire, without dot-stuffing; 0 beyond the last one.
    fn size(&self, at: usize) -> u64;

    /// Calls `each` for these messages with their places and unique-ids, which are 1 to 70 octets from 0x21 to 0x7E (RFC 1939,
    /// section 7), unlike any other's in this maildrop, and the same in every session.
    fn uids(
        &mut self,
        range: std::ops::Range<usize>,
        each: &mut dyn FnMut(usize, &str) -> io::Result<()>,
    ) -> Result<(), NotGiven>;

    /// Gives a message to `taker`; `whole`: no less than all of it will be wanted.
    fn read(&mut self, at: usize, whole: bool, taker: &mut dyn Taker) -> Result<(), NotGiven>;

    /// What becomes of DELE.
    fn deletion(&self) -> Deletion {
        Deletion::Never
    }

    /// The UPDATE state: removes these messages, and opens the maildrop for others. `false` when one could not be
    /// removed; that message stays.
    fn close(self: Box<Self>, _doomed: &[usize]) -> bool {
        true
    }
}
