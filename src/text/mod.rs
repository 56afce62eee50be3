//! How values are written for people: one function for each thing.
//!
//! Promise: pure, but for the machine's time zone.

pub mod dates;
pub mod figures;
pub mod hex;
pub mod safe;
