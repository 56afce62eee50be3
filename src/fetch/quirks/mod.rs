//! TODO

pub(crate) mod changing_sizes;
pub(crate) mod lost_replies;
pub(crate) mod partial_listings;
pub(crate) mod pipelining;
pub(crate) mod renumbering;
