//! Reads copies and compares them, on as many threads as there are processors, while the caller looks up the next ones.

use crate::archive::{Content, CopyAt, CopyReader};
use crate::ledger::Row;
use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Copies that are handed over at once.
const PORTION: usize = 128;

/// Portions that wait to be read.
const WAITING: usize = 4;

/// Threads, at most: what a disk gives is used up by fewer.
const THREADS: usize = 8;

/// A row and where its copies may be.
pub(super) struct ToRead {
    pub(super) row: Row,
    pub(super) copies: Vec<CopyAt>,
}

/// What was read of a row's copies.
pub(super) struct WasRead {
    pub(super) row: Row,
    pub(super) found: Found,
}

/// The best of a row's copies.
#[derive(Debug)]
pub(super) enum Found {
    /// The message, octet for octet.
    Exact,
    /// The message, with marks of mail programs in its header.
    Marked,
    /// Something else, or what cannot be read.
    Bad { at: CopyAt, reason: String },
    /// Nothing.
    Gone,
}

/// Reads one row's copies; with `anew` from the disk.
pub(super) fn examine(reader: &dyn CopyReader, ToRead { row, copies }: ToRead, anew: bool) -> WasRead {
    let mut found = Found::Gone;
    for at in copies {
        match reader.examine(&at, &row, anew) {
            Ok(Content::Exact) => return WasRead { row, found: Found::Exact },
            Ok(Content::Marked) => found = Found::Marked,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ if matches!(found, Found::Marked) => {}
            Ok(Content::Different(octets)) => {
                let reason = difference(&at, &row, octets);
                found = Found::Bad { at, reason };
            }
            Err(error) => found = Found::Bad { at, reason: format!("it cannot be read ({error})") },
        }
    }
    WasRead { row, found }
}

fn difference(at: &CopyAt, row: &Row, octets: Option<u64>) -> String {
    match (at, octets) {
        (CopyAt::File(_), Some(0)) => "it is empty".to_owned(),
        (CopyAt::File(_), Some(octets)) if octets != row.size => {
            format!("it has {octets} octets, not {}", row.size)
        }
        (CopyAt::File(_), _) => "its content is different".to_owned(),
        (CopyAt::Region { .. }, _) => "what is there is not the message".to_owned(),
    }
}

/// Gives copies to the threads.
pub(super) struct Readers {
    reader: Arc<dyn CopyReader>,
    portion: Vec<ToRead>,
    /// `None` where the system allows no thread: then copies are read at once.
    portions: Option<SyncSender<Vec<ToRead>>>,
    results: Receiver<Vec<WasRead>>,
}

impl Readers {
    /// One more row to read. Returns what was read meanwhile.
    pub(super) fn read(&mut self, next: ToRead) -> Vec<WasRead> {
        let Some(portions) = &self.portions else { return vec![examine(&*self.reader, next, false)] };
        self.portion.push(next);
        if self.portion.len() < PORTION {
            return Vec::new();
        }
        // The threads live as long as we can send.
        let _ = portions.send(std::mem::take(&mut self.portion));
        self.results.try_iter().flatten().collect()
    }

    /// No more: waits for the rest.
    fn finish(self) -> Vec<WasRead> {
        let Readers { portion, portions, results, .. } = self;
        if let Some(portions) = portions {
            let _ = portions.send(portion);
        }
        results.into_iter().flatten().collect()
    }
}

/// Runs `work` with threads that read, and gives back its outcome and what was still to come when it had ended.
pub(super) fn with_readers<T>(
    reader: &Arc<dyn CopyReader>,
    work: impl FnOnce(&mut Readers) -> T,
) -> (T, Vec<WasRead>) {
    let wanted = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let (portions, waiting) = mpsc::sync_channel::<Vec<ToRead>>(WAITING);
    let (send, results) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let mut threads = 0;
        for _ in 0..wanted {
            let (waiting, send) = (&waiting, send.clone());
            let work = move || read_portions(&**reader, waiting, &send);
            threads += usize::from(thread::Builder::new().spawn_scoped(scope, work).is_ok());
        }
        drop(send);
        let portions = (threads > 0).then_some(portions);
        let mut readers = Readers { reader: Arc::clone(reader), portion: Vec::new(), portions, results };
        let outcome = work(&mut readers);
        (outcome, readers.finish())
    })
}

/// Reads portions until there are no more.
fn read_portions(
    reader: &dyn CopyReader,
    waiting: &Mutex<Receiver<Vec<ToRead>>>,
    send: &mpsc::Sender<Vec<WasRead>>,
) {
    loop {
        let portion = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(portion) = portion else { return };
        let read = portion.into_iter().map(|next| examine(reader, next, false)).collect();
        if send.send(read).is_err() {
            return;
        }
    }
}
