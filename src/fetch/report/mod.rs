//! What a run comes to: every listed message is archived, removed, left, or missing with its reason.
//!
//! Each session is summed up ([`sum_up`]) into the [`tally`] of all sessions; the [`summary`] is what the user and the ledger
//! get. [`copies`] is what the look at the archive means; [`repetition`] keeps a quiet run from saying the same every time.

pub(crate) mod copies;
pub(crate) mod repetition;
pub(crate) mod sum_up;
pub(crate) mod summary;
pub(crate) mod tally;
pub(crate) mod unreached;
