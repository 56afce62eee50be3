//! TODO

pub(crate) mod allowance;
pub(crate) mod receiver;
pub(crate) mod second_look;
pub(crate) mod sizes;
pub(crate) mod storer;
