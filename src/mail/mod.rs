//! What a message is made of, pure: line ends, hashes, header facts, mboxrd quoting, file names.

pub mod bare;
pub mod caption;
pub mod dated;
pub mod digest;
pub mod field;
pub mod headers;
pub mod id;
pub mod line_ends;
pub mod mboxrd;
pub mod names;
pub mod parts;
pub mod readable;
pub mod reason;
pub mod skip_headers;
