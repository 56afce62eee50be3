//! Many accounts side by side: one that fails does not stop the others. Accounts that are the same
//! maildrop, kept in several archives, take turns.

pub mod new_mail;
pub mod shard;

use crate::config::{Account, Config};
use crate::event::{Observer, Summary};
use crate::exit::Exit;
use crate::fetch;
use crate::stop;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Accounts fetched at once when `--jobs` does not say.
const DEFAULT_JOBS: usize = 8;
/// Sessions on one server at once, unless `--jobs` says more: many refuse a ninth or tenth.
const JOBS_PER_HOST: usize = 8;

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What each account's run is asked to do.
    pub orders: fetch::Orders,
    /// So many accounts at once.
    pub jobs: Option<usize>,
}

/// Fetches all of the accounts. The summaries come in the order of `accounts`.
pub fn run(
    config: &Config,
    accounts: &[&Account],
    options: &Options,
    observer: &Arc<dyn Observer>,
) -> Vec<Summary> {
    let jobs = options.jobs.unwrap_or(DEFAULT_JOBS).clamp(1, accounts.len().max(1));
    let per_host = options.jobs.unwrap_or(JOBS_PER_HOST).max(1);
    let board = Board::new(accounts, per_host);
    let work = || {
        while let Some(turn) = board.take() {
            let account = accounts[turn];
            let summary = fetch::run(config, account, options.orders, observer);
            board.done(turn, summary);
        }
    };
    // This thread is one of them: one that only waits for another takes memory for nothing.
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            // Where the system allows no further thread, fewer do the work.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    board.summaries()
}

/// Who is waiting, which maildrops are at work, and how busy each server is.
struct Board<'a> {
    accounts: &'a [&'a Account],
    per_host: usize,
    state: Mutex<Queue<'a>>,
    freed: Condvar,
}

struct Queue<'a> {
    waiting: Vec<usize>,
    busy: HashMap<&'a str, usize>,
    at_work: HashSet<&'a str>,
    summaries: Vec<Option<Summary>>,
}

impl<'a> Board<'a> {
    fn new(accounts: &'a [&'a Account], per_host: usize) -> Self {
        let state = Queue {
            waiting: (0..accounts.len()).rev().collect(),
            busy: HashMap::new(),
            at_work: HashSet::new(),
            summaries: accounts.iter().map(|_| None).collect(),
        };
        Board { accounts, per_host, state: Mutex::new(state), freed: Condvar::new() }
    }

    /// The next account whose server has room and whose maildrop is idle; `None` when none is waiting.
    fn take(&self) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.waiting.is_empty() || stop::requested().is_some() {
                return None;
            }
            let free = |turn: &usize| {
                let account = self.accounts[*turn];
                !state.at_work.contains(account.identity.as_str())
                    && state.busy.get(account.access.host.as_str()).is_none_or(|&busy| busy < self.per_host)
            };
            if let Some(place) = state.waiting.iter().rposition(free) {
                let turn = state.waiting.remove(place);
                *state.busy.entry(&self.accounts[turn].access.host).or_default() += 1;
                state.at_work.insert(&self.accounts[turn].identity);
                return Some(turn);
            }
            state = self.freed.wait_timeout(state, stop::LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn done(&self, turn: usize, summary: Summary) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(busy) = state.busy.get_mut(self.accounts[turn].access.host.as_str()) {
            *busy -= 1;
        }
        state.at_work.remove(self.accounts[turn].identity.as_str());
        state.summaries[turn] = Some(summary);
        self.freed.notify_all();
    }

    fn summaries(self) -> Vec<Summary> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let stopped = stop::requested().unwrap_or(Exit::INTERRUPTED);
        let ended = state.summaries.into_iter().zip(self.accounts);
        ended
            .map(|(summary, account)| summary.unwrap_or_else(|| fetch::not_begun(account, stopped)))
            .collect()
    }
}
