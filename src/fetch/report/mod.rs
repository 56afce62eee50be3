//! TODO

pub(crate) mod copies;
pub(crate) mod repetition;
pub(crate) mod sum_up;
pub(crate) mod tally;
pub(crate) mod unreached;
