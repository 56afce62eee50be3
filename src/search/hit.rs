//! A message that a query finds.

use crate::ledger::{Seq, UnixTime};
use crate::mail::id::MessageId;

/// One archived copy that a query finds, as the index has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The name of its account.
    pub account: String,
    /// Its row in that account's ledger.
    pub seq: Seq,
    /// Its message ID.
    pub id: MessageId,
    /// Its Date, else when it was archived, in seconds since 1970: what it is sorted by.
    pub at: UnixTime,
    /// It has a Date that can be read.
    pub dated: bool,
    /// From, decoded.
    pub from: Option<String>,
    /// To, decoded.
    pub to: Option<String>,
    /// Subject, decoded.
    pub subject: Option<String>,
    /// Octets of its stored form.
    pub size: u64,
    /// How many attachments it has.
    pub attachments: u64,
}
