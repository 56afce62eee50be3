//! TODO

pub(crate) mod by_content;
pub(crate) mod by_header;
pub(crate) mod listed_together;
pub(crate) mod planning;
pub(crate) mod unknown_copies;
