//! How many files may be open at once (`ulimit -n`).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sees to it that so many files may be open at once, if the system's hard limit allows that, and says how many may. Commands
/// that are run later have the same limit.
pub fn allow_open_files(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let number =
        |limit: Option<u64>| limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let raised = wanted.min(number(maximum));
    if number(current) >= raised {
        return number(current);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised as u64), maximum }) {
        Ok(()) => raised,
        Err(_) => number(current),
    }
}
