//! What a person reads, in small: dates.

pub mod dates;
