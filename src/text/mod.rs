//! What a person reads, in small: dates.

pub mod counts;
pub mod dates;
