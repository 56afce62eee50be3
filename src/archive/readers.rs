//! Reads copies on as many threads as there are processors, while the caller looks up the next ones.
//!
//! Promise: only so many portions wait, or are read, at any time: memory is bounded by what a portion comes to.

use super::reading::{CopyAt, CopyReader};
use crate::ledger::Row;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Portions that wait to be read.
const WAITING: usize = 4;

/// Threads, at most: what a disk gives is used up by fewer.
const THREADS: usize = 8;

/// A row and where its copies may be.
pub struct ToRead {
    /// The row.
    pub row: Row,
    /// Where its copies may be; none: it has no copy.
    pub copies: Vec<CopyAt>,
}

/// Gives copies to the threads.
pub struct Readers<'w, R> {
    read_one: &'w (dyn Fn(ToRead) -> R + Sync),
    /// Copies that are handed over at once.
    size: usize,
    portion: Vec<ToRead>,
    /// `None` where the system allows no thread: then copies are read at once.
    portions: Option<SyncSender<Vec<ToRead>>>,
    results: Receiver<Vec<R>>,
}

impl<R> Readers<'_, R> {
    /// One more row to read. Returns what was read meanwhile.
    pub fn read(&mut self, next: ToRead) -> Vec<R> {
        let Some(portions) = &self.portions else { return vec![(self.read_one)(next)] };
        self.portion.push(next);
        if self.portion.len() < self.size {
            return Vec::new();
        }
        // The threads live as long as we can send.
        let _ = portions.send(std::mem::take(&mut self.portion));
        self.results.try_iter().flatten().collect()
    }

    /// No more: waits for the rest.
    fn finish(self) -> Vec<R> {
        let Readers { portion, portions, results, .. } = self;
        if let Some(portions) = portions {
            let _ = portions.send(portion);
        }
        results.into_iter().flatten().collect()
    }
}

/// Runs `work` with threads that read one row at a time by `read_one`, and so many rows in a portion. Gives back its
/// outcome, and what was still to come when it had ended.
pub fn with_readers<R: Send, T>(
    reader: &Arc<dyn CopyReader>,
    size: usize,
    read_one: impl Fn(&dyn CopyReader, ToRead) -> R + Sync,
    work: impl FnOnce(&mut Readers<'_, R>) -> T,
) -> (T, Vec<R>) {
    let read_one = |next| read_one(&**reader, next);
    let wanted = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let (portions, waiting) = mpsc::sync_channel::<Vec<ToRead>>(WAITING);
    let (send, results) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let mut threads = 0;
        for _ in 0..wanted {
            let (read_one, waiting, send) = (&read_one, &waiting, send.clone());
            let work = move || read_portions(read_one, waiting, &send);
            threads += usize::from(thread::Builder::new().spawn_scoped(scope, work).is_ok());
        }
        drop(send);
        let portions = (threads > 0).then_some(portions);
        let mut readers = Readers { read_one: &read_one, size, portion: Vec::new(), portions, results };
        let outcome = work(&mut readers);
        (outcome, readers.finish())
    })
}

/// Reads portions until there are no more.
fn read_portions<R>(
    read_one: &(dyn Fn(ToRead) -> R + Sync),
    waiting: &Mutex<Receiver<Vec<ToRead>>>,
    send: &mpsc::Sender<Vec<R>>,
) {
    loop {
        let portion = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(portion) = portion else { return };
        if send.send(portion.into_iter().map(read_one).collect()).is_err() {
            return;
        }
    }
}
