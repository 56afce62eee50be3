//! Finding archived messages.

mod hit;
pub mod query;

pub use hit::Hit;
pub use query::{Query, QueryError};
