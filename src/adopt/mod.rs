//! Taking over from another fetcher or mail program, so that nothing is fetched or stored twice.
//!
//! | file | what it does |
//! | --- | --- |
//! | `tools/` | reads the settings and the lists of seen UIDs of seven programs |
//! | `places` | where these files are |
//! | `source` | reads messages as other programs keep them |
//! | `proposal` | what an account would be in popkeep's configuration |
//! | `survey` | what of the program's list the server still has, and what of that is in its archive |
//! | `step` | the adoption itself, and how it is taken back |
//! | `copying` | copies messages into a new archive |
//!
//! What a fetch needs in order to recognise messages that another program has stored is its own (the *first look*,
//! [`crate::fetch`]): an adoption makes sure that the account's archive is that of the program, and that its messages are on
//! record as unknown copies. A message is recognised by its UID where a file has one, by TOP, or by its content.
//!
//! Promises: without `--write` nothing is written; nothing in another program's file is run; an entry in a list
//! of seen UIDs is no proof that a message is held, and never the reason for a receipt.

mod copying;
#[cfg(test)]
mod model;
pub mod places;
pub mod proposal;
pub mod source;
pub mod step;
pub mod survey;
pub mod tools;

pub use copying::Copied;
