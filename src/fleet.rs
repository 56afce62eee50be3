//! Many accounts side by side: one that fails does not stop the others. Accounts that are the same
//! maildrop, kept in several archives, take turns.

mod board;
pub mod jobs;
pub mod new_mail;
pub mod shard;

use crate::config::{Account, Config};
use crate::event::{Observer, Summary};
use crate::fetch;
use crate::store::Stores;
use board::Board;
use std::sync::Arc;

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What each account's run is asked to do.
    pub orders: fetch::Orders,
    /// So many accounts at once; by default as [`jobs`] says.
    pub jobs: Option<usize>,
}

/// Fetches all of the accounts. The summaries come in the order of `accounts`.
pub fn run(
    config: &Config,
    accounts: &[&Account],
    options: &Options,
    observer: &Arc<dyn Observer>,
) -> Vec<Summary> {
    let jobs = jobs::choose(options.jobs, accounts.iter().map(|account| account.access.host.as_str()));
    let orders = fetch::Orders { open_messages: Some(jobs.open_messages), ..options.orders };
    let board = Board::new(accounts, jobs.on_one_host);
    let stores = Stores::new(config);
    let work = || {
        while let Some(turn) = board.take() {
            let sessions = board.sessions(turn);
            let summary = fetch::run(&stores, accounts[turn], orders, sessions, observer);
            board.done(turn, summary);
        }
    };
    // This thread is one of them: one that only waits for another takes memory for nothing.
    std::thread::scope(|scope| {
        for _ in 1..jobs.at_once {
            // Where the system allows no further thread, fewer do the work.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    board.summaries()
}
