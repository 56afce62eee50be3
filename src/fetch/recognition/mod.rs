//! Which message is it? A listed message is told from others by its UID, its header or its content, in this order:
//!
//! 1. **By its UID** ([`planning`], and [`crate::plan`]): the listing is compared with the ledger. A UID on one stored
//!    row, once in this listing, with the recorded size: archived. A doubtful message is fetched and compared.
//! 2. **By its name** ([`planning`]): a file of ours that no row explains has the hash of its UID in its name.
//! 3. **By its header** ([`by_header`]): on a server that has moved, or at the first look at an archive that the ledger
//!    does not know, TOP shows the header. It saves the download, and never leads to a deletion.
//! 4. **By its content** ([`by_content`], [`unknown_copies`]): whatever RETR brings is compared with the rows that it may
//!    be, and with what is in the archive without a row, before it is stored.
//!
//! Two UIDs that were listed together ([`listed_together`]) are two messages, whatever their content. A row explains at
//! most one listed message.

pub(crate) mod by_content;
pub(crate) mod by_header;
pub(crate) mod listed_together;
pub(crate) mod planning;
pub(crate) mod unknown_copies;
