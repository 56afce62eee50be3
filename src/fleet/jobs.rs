//! How many accounts are worked on at once. This page is the whole rule.
//!
//! | what limits it | without `--jobs` | with `--jobs N` |
//! | --- | --- | --- |
//! | a host: many let in no more than 8 or 10 sessions from one address, some 4 | 8 accounts of it | N |
//! | a host that turns one of them away at the door | as many as it let in ([`HostSessions`]) | the same |
//! | memory: an account at work needs about 1 MB | 32 accounts | N |
//! | open files: an account at work needs up to 12 | as many as there are files for | the same |
//! | accounts | as many as there are | the same |
//!
//! The limit for open files is the process's own soft limit (`ulimit -n`), which is raised as far as these accounts need,
//! if the hard limit allows that.
//!
//! Promise: an account never fails because others are worked on at the same time. At least one is.
//!
//! [`HostSessions`]: crate::connect::HostSessions

use crate::disk;
use std::collections::HashMap;

/// Accounts of one host at once.
const ON_ONE_HOST: usize = 8;

/// Accounts at once, on whatever hosts.
const AT_ONCE: usize = 32;

/// Files that an account at work has open at most: its lock, three of the ledger, the connection, what the name service
/// needs, the archive's folders and a message, or the pipes of a command that gives the password.
const FILES_EACH: usize = 12;

/// Files that the program has open besides, with some to spare for those that it was started with.
const FILES_BESIDES: usize = 16;

/// How many accounts are worked on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// In all.
    pub at_once: usize,
    /// Of those on one host.
    pub on_one_host: usize,
}

/// For accounts on these hosts; `wanted` is what `--jobs` says.
pub(super) fn choose<'a>(wanted: Option<usize>, hosts: impl Iterator<Item = &'a str>) -> Jobs {
    let jobs = without_limits(wanted, hosts);
    let files = disk::allow_open_files(jobs.at_once.saturating_mul(FILES_EACH) + FILES_BESIDES);
    Jobs { at_once: jobs.at_once.min(most_with(files)), ..jobs }
}

/// As many as are asked for, or as the hosts may be expected to let in.
fn without_limits<'a>(wanted: Option<usize>, hosts: impl Iterator<Item = &'a str>) -> Jobs {
    let on_one_host = wanted.unwrap_or(ON_ONE_HOST).max(1);
    let mut accounts: HashMap<&str, usize> = HashMap::new();
    for host in hosts {
        *accounts.entry(host).or_default() += 1;
    }
    let useful: usize = accounts.values().map(|accounts| (*accounts).min(on_one_host)).sum();
    Jobs { at_once: useful.min(wanted.unwrap_or(AT_ONCE)).max(1), on_one_host }
}

/// So many accounts find enough files.
fn most_with(files: usize) -> usize {
    (files.saturating_sub(FILES_BESIDES) / FILES_EACH).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(wanted: Option<usize>, accounts: &[(&str, usize)]) -> (usize, usize) {
        let hosts = accounts.iter().flat_map(|(host, accounts)| std::iter::repeat_n(*host, *accounts));
        let jobs = without_limits(wanted, hosts);
        (jobs.at_once, jobs.on_one_host)
    }

    #[test]
    fn a_host_gets_few_and_many_hosts_get_more() {
        assert_eq!(jobs(None, &[]), (1, 8));
        assert_eq!(jobs(None, &[("a", 3)]), (3, 8));
        assert_eq!(jobs(None, &[("a", 10_000)]), (8, 8));
        assert_eq!(jobs(None, &[("a", 10_000), ("b", 2)]), (10, 8));
        assert_eq!(jobs(None, &[("a", 20), ("b", 20), ("c", 20), ("d", 20), ("e", 20)]), (32, 8));
        assert_eq!(jobs(Some(1), &[("a", 20), ("b", 20)]), (1, 1));
        assert_eq!(jobs(Some(50), &[("a", 10_000)]), (50, 50), "who asks for more gets it");
        assert_eq!(jobs(Some(50), &[("a", 20), ("b", 20)]), (40, 50));
    }

    #[test]
    fn files_are_the_limit_where_there_are_few() {
        assert_eq!([0, 16, 39, 40, 64, 256, 1024].map(most_with), [1, 1, 1, 2, 4, 20, 84]);
    }
}
