//! A maildrop whose UIDs change, all or most of them at once.

use crate::ledger::Seq;

/// What a listing says of the UIDs of the last complete one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Nothing: it is empty, shows a part of the maildrop, or lacks UIDs.
    Unknown {
        /// The maildrop is known to move.
        moving: bool,
    },
    /// The maildrop is not moving, or not any more.
    Not {
        /// It was until now.
        over: bool,
        /// Rows that this listing leaves out, and the last one did not.
        gone: Vec<Seq>,
        /// Rows that it shows, and the last one did not.
        back: Vec<Seq>,
    },
    /// Most UIDs of the last complete listing are gone, and new ones are there.
    Moving {
        /// Since this listing.
        began: bool,
        /// The rows whose UIDs are gone, and which no message is known to be yet.
        old: Vec<Seq>,
    },
}

impl Moves {
    /// Whether new messages may be any that are on record.
    pub fn is_moving(&self) -> bool {
        matches!(self, Moves::Moving { .. } | Moves::Unknown { moving: true })
    }
}
