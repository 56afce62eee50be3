//! TODO

pub(crate) mod dele;
pub(crate) mod proof;
pub(crate) mod quit;
