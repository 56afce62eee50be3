//! How many accounts are worked on at once. This page is the whole rule.
//!
//! | what limits it | without `--jobs` | with `--jobs N` |
//! | --- | --- | --- |
//! | a host: many let in no more than 8 or 10 sessions from one address, some 4 | 8 accounts of it | N |
//! | a host that turns one of them away at the door | as many as it let in ([`HostSessions`]) | the same |
//! | memory: an account at work needs about 1 MB | 32 accounts | N |
//! | open files: an account at work needs up to 12, and 4 for messages in a Maildir | as many as there are files for | the same |
//! | accounts | as many as there are | the same |
//!
//! The limit for open files is the process's own soft limit (`ulimit -n`), which is raised as far as these accounts can use,
//! if the hard limit allows that. What is left of it is for the messages that wait in a Maildir's `tmp/` to be synced together.
//!
//! Promise: an account never fails because others are worked on at the same time. At least one is.
//!
//! [`HostSessions`]: crate::connect::HostSessions

use crate::archive::OPEN_FILES;
use crate::disk;
use std::collections::HashMap;

/// Accounts of one host at once.
const ON_ONE_HOST: usize = 8;

/// Accounts at once, on whatever hosts.
const AT_ONCE: usize = 32;

/// Files that an account at work has open at most: its lock, three of the ledger, the connection, what the name service
/// needs, the archive's folders, or the pipes of a command that gives the password.
const FILES_EACH: usize = 12;

/// And for messages, at least.
const MESSAGES_EACH: usize = 4;

/// Files that the program has open besides, with some to spare for those that it was started with.
const FILES_BESIDES: usize = 16;

/// How many accounts are worked on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// In all.
    pub at_once: usize,
    /// Of those on one host.
    pub on_one_host: usize,
    /// Files of messages that each may keep open.
    pub open_messages: usize,
}

/// For accounts on these hosts; `wanted` is what `--jobs` says.
pub(super) fn choose<'a>(wanted: Option<usize>, hosts: impl Iterator<Item = &'a str>) -> Jobs {
    let on_one_host = wanted.unwrap_or(ON_ONE_HOST).max(1);
    let at_once = useful(on_one_host, wanted.unwrap_or(AT_ONCE), hosts);
    let files = disk::allow_open_files(at_once * (FILES_EACH + OPEN_FILES) + FILES_BESIDES);
    let (at_once, open_messages) = shares(at_once, files);
    Jobs { at_once, on_one_host, open_messages }
}

/// How many accounts there is something to do for at once: on a host, and in all, no more than these.
fn useful<'a>(on_one_host: usize, in_all: usize, hosts: impl Iterator<Item = &'a str>) -> usize {
    let mut accounts: HashMap<&str, usize> = HashMap::new();
    for host in hosts {
        *accounts.entry(host).or_default() += 1;
    }
    let useful: usize = accounts.values().map(|accounts| (*accounts).min(on_one_host)).sum();
    useful.min(in_all).max(1)
}

/// How many of these accounts find enough files, and how many each has for messages.
fn shares(at_once: usize, files: usize) -> (usize, usize) {
    let files = files.saturating_sub(FILES_BESIDES);
    let at_once = at_once.min(files / (FILES_EACH + MESSAGES_EACH)).max(1);
    (at_once, (files / at_once).saturating_sub(FILES_EACH).clamp(1, OPEN_FILES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(wanted: Option<usize>, accounts: &[(&str, usize)]) -> usize {
        let hosts = accounts.iter().flat_map(|(host, accounts)| std::iter::repeat_n(*host, *accounts));
        useful(wanted.unwrap_or(ON_ONE_HOST), wanted.unwrap_or(AT_ONCE), hosts)
    }

    #[test]
    fn a_host_gets_few_and_many_hosts_get_more() {
        assert_eq!(jobs(None, &[]), 1);
        assert_eq!(jobs(None, &[("a", 3)]), 3);
        assert_eq!(jobs(None, &[("a", 10_000)]), 8);
        assert_eq!(jobs(None, &[("a", 10_000), ("b", 2)]), 10);
        assert_eq!(jobs(None, &[("a", 20), ("b", 20), ("c", 20), ("d", 20), ("e", 20)]), 32);
        assert_eq!(jobs(Some(1), &[("a", 20), ("b", 20)]), 1);
        assert_eq!(jobs(Some(50), &[("a", 10_000)]), 50, "who asks for more gets it");
        assert_eq!(jobs(Some(50), &[("a", 20), ("b", 20)]), 40);
    }

    #[test]
    fn files_are_the_limit_where_there_are_few() {
        for (files, shared) in [
            (0, (1, 1)),
            (32, (1, 4)),
            (64, (3, 4)),
            (256, (15, 4)),
            (1024, (32, 19)),
            (16 + 32 * 76, (32, 64)),
            (1 << 20, (32, 64)),
        ] {
            assert_eq!(shares(32, files), shared, "{files}");
        }
        assert_eq!(shares(8, 1024), (8, 64));
        assert_eq!(shares(1000, 1024), (63, 4));
    }
}
