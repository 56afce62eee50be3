//! Which account is next.
//!
//! Promises: an account is given out once; never two at a time of one maildrop, nor more on one host than it may have;
//! hosts take turns, so that a slow one with many accounts does not keep the others waiting. What is done for an account
//! does not grow with the number of accounts.

use crate::config::Account;
use crate::connect::HostSessions;
use crate::event::Summary;
use crate::exit::Exit;
use crate::fetch;
use crate::stop;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Who is waiting, which maildrops are at work, and how busy each host is.
pub(super) struct Board<'a> {
    accounts: &'a [&'a Account],
    /// Of each account: its maildrop and its host, as they are numbered in the queue.
    places: Vec<(usize, usize)>,
    sessions: Vec<Arc<HostSessions>>,
    queue: Mutex<Queue>,
    freed: Condvar,
}

struct Queue {
    /// The accounts of each maildrop that wait; nearly always one.
    maildrops: Vec<VecDeque<usize>>,
    hosts: Vec<Host>,
    /// The hosts with maildrops that wait, in the order of their turns.
    turns: VecDeque<usize>,
    /// Accounts that wait.
    waiting: usize,
    summaries: Vec<Option<Summary>>,
}

#[derive(Default)]
struct Host {
    /// Maildrops of which no account is at work.
    waiting: VecDeque<usize>,
    /// Accounts at work.
    busy: usize,
}

impl<'a> Board<'a> {
    /// With at most so many accounts at once on one host.
    pub(super) fn new(accounts: &'a [&'a Account], on_one_host: usize) -> Self {
        let (mut maildrops, mut hosts) = (HashMap::new(), HashMap::new());
        let number = |known: &mut HashMap<&'a str, usize>, name: &'a str| {
            let next = known.len();
            *known.entry(name).or_insert(next)
        };
        let places: Vec<(usize, usize)> = accounts
            .iter()
            .map(|account| {
                (number(&mut maildrops, &account.identity), number(&mut hosts, &account.access.host))
            })
            .collect();
        let mut queue = Queue {
            maildrops: maildrops.iter().map(|_| VecDeque::new()).collect(),
            hosts: hosts.iter().map(|_| Host::default()).collect(),
            turns: VecDeque::new(),
            waiting: accounts.len(),
            summaries: accounts.iter().map(|_| None).collect(),
        };
        for (account, (maildrop, _)) in places.iter().enumerate() {
            queue.maildrops[*maildrop].push_back(account);
            if queue.maildrops[*maildrop].len() == 1 {
                queue.put(*maildrop, &places);
            }
        }
        let sessions = hosts.iter().map(|_| Arc::new(HostSessions::new(on_one_host))).collect();
        Board { accounts, places, sessions, queue: Mutex::new(queue), freed: Condvar::new() }
    }

    /// The sessions on an account's host.
    pub(super) fn sessions(&self, account: usize) -> &Arc<HostSessions> {
        &self.sessions[self.places[account].1]
    }

    /// The next account whose host has room and whose maildrop is idle; `None` when none is waiting.
    pub(super) fn take(&self) -> Option<usize> {
        let mut queue = self.lock();
        loop {
            if queue.waiting == 0 || stop::requested().is_some() {
                return None;
            }
            if let Some(account) = queue.next(&self.sessions) {
                if queue.waiting == 0 {
                    // Nobody needs to wait any longer.
                    self.freed.notify_all();
                }
                return Some(account);
            }
            queue = self.freed.wait_timeout(queue, stop::LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// An account that was taken is done.
    pub(super) fn done(&self, account: usize, summary: Summary) {
        let (maildrop, host) = self.places[account];
        let mut queue = self.lock();
        queue.hosts[host].busy -= 1;
        queue.summaries[account] = Some(summary);
        if !queue.maildrops[maildrop].is_empty() {
            queue.put(maildrop, &self.places);
        }
        // Who was at work on this one takes the next, and another account of its maildrop may be on another host.
        self.freed.notify_one();
    }

    /// What became of each account, in their order.
    pub(super) fn summaries(self) -> Vec<Summary> {
        let queue = self.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        let stopped = stop::requested().unwrap_or(Exit::INTERRUPTED);
        let ended = queue.summaries.into_iter().zip(self.accounts);
        ended
            .map(|(summary, account)| summary.unwrap_or_else(|| fetch::not_begun(account, stopped)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// A maildrop, of which accounts wait and none is at work, waits for its host.
    fn put(&mut self, maildrop: usize, places: &[(usize, usize)]) {
        let Some((_, host)) = self.maildrops[maildrop].front().map(|account| places[*account]) else {
            return;
        };
        let waiting = &mut self.hosts[host].waiting;
        if waiting.is_empty() {
            self.turns.push_back(host);
        }
        waiting.push_back(maildrop);
    }

    /// Of the first host in turn that has room. Those without room are at work for somebody each, so that no more of them are
    /// passed over than there are jobs.
    fn next(&mut self, sessions: &[Arc<HostSessions>]) -> Option<usize> {
        let turn = self.turns.iter().position(|host| self.hosts[*host].busy < sessions[*host].most())?;
        let number = self.turns.remove(turn)?;
        let host = &mut self.hosts[number];
        let maildrop = host.waiting.pop_front()?;
        host.busy += 1;
        if !host.waiting.is_empty() {
            self.turns.push_back(number);
        }
        self.waiting -= 1;
        self.maildrops[maildrop].pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Access, example_account};
    use crate::event::Outcome;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    fn account(identity: &str, host: &str) -> Account {
        let example = example_account();
        let access = Access { host: host.to_owned(), ..example.access };
        Account { name: format!("{identity}-{host}"), identity: identity.to_owned(), access, ..example }
    }

    fn summary() -> Summary {
        Summary::of_nothing("", Outcome::Ok, Exit::OK, None)
    }

    #[test]
    fn hosts_take_turns_and_none_has_more_than_it_may() {
        let accounts = [("a", "x"), ("b", "x"), ("c", "x"), ("d", "y"), ("e", "z"), ("f", "y")];
        let accounts = accounts.map(|(identity, host)| account(identity, host));
        let accounts: Vec<&Account> = accounts.iter().collect();
        let board = Board::new(&accounts, 2);
        let taken: Vec<usize> = (0..5).map(|_| board.take().unwrap()).collect();
        assert_eq!(taken, [0, 3, 4, 1, 5], "the third of x waits");
        assert!(board.lock().next(&board.sessions).is_none());
        board.done(3, summary());
        assert!(board.lock().next(&board.sessions).is_none(), "y has nobody waiting");
        board.done(0, summary());
        assert_eq!(board.take(), Some(2));
        assert_eq!(board.take(), None);
    }

    #[test]
    fn accounts_of_one_maildrop_take_turns_wherever_they_are() {
        let accounts = [("a", "x"), ("a", "x"), ("b", "x"), ("a", "y"), ("c", "y")];
        let accounts = accounts.map(|(identity, host)| account(identity, host));
        let accounts: Vec<&Account> = accounts.iter().collect();
        let board = Board::new(&accounts, 8);
        assert_eq!([board.take(), board.take(), board.take()], [Some(0), Some(4), Some(2)]);
        assert!(board.lock().next(&board.sessions).is_none());
        board.done(0, summary());
        assert_eq!(board.take(), Some(1));
        assert!(board.lock().next(&board.sessions).is_none());
        board.done(1, summary());
        assert_eq!(board.take(), Some(3));
        assert_eq!(board.take(), None);
        for account in [2, 3, 4] {
            board.done(account, summary());
        }
        assert_eq!(board.summaries().iter().filter(|summary| summary.outcome == Outcome::Ok).count(), 5);
    }

    #[test]
    fn whatever_the_threads_do_each_account_is_done_once() {
        let accounts: Vec<Account> =
            (0..200).map(|number| account(&number.to_string(), &format!("host-{}", number % 20))).collect();
        // A maildrop in many archives each, on hosts that are soon full.
        let many: Vec<&Account> = (0..20_000).map(|number| &accounts[number % 200]).collect();
        let board = Board::new(&many, 1);
        let times: Vec<AtomicUsize> = many.iter().map(|_| AtomicUsize::new(0)).collect();
        let work = || {
            while let Some(turn) = board.take() {
                times[turn].fetch_add(1, SeqCst);
                board.done(turn, summary());
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(work);
            }
        });
        assert!(times.iter().all(|times| times.load(SeqCst) == 1));
        assert!(board.lock().summaries.iter().all(Option::is_some));
    }
}
