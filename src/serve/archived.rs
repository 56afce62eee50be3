//! An account's archive as a maildrop. Messages have the order in which they came.

use super::Watcher;
use super::giving::give;
use super::index::{Entry, Index};
use crate::archive::{self, CopyAt, CopyReader, ToRead};
use crate::clock;
use crate::config::{Account, Config, Format};
use crate::disk::{Disk as _, OsDisk};
use crate::ledger::{Row, RowPages, Seq};
use crate::mail::line_ends::WireSize;
use crate::mail::names;
use crate::server::{Closed, NotGiven, OpenMaildrop, Served, Taker};
use crate::stop;
use crate::store::{Store, StoreError};
use crate::text::hex::Hex;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The archive is looked through at most this part of the time, however often somebody logs in.
const SHARE: u32 = 20;

/// What changed less than so many seconds ago may change once more without a trace in its time stamps.
const COARSE: i64 = 2;

/// Copies that are handed over to a thread at once.
const PORTION: usize = 64;

/// An account's archive.
pub struct Archived(Arc<Shared>);

struct Shared {
    config: Config,
    account: Account,
    /// Where the index is kept.
    file: Option<PathBuf>,
    state: Mutex<State>,
}

/// Where a row's copies may be, and what reads them.
struct Copies {
    row: Row,
    places: Vec<CopyAt>,
    reader: Arc<dyn CopyReader>,
}

struct State {
    /// None while the ledger knows nothing of the account.
    store: Option<Store>,
    index: Index,
    /// Those of the index's entries that are there.
    listed: Arc<Vec<Entry>>,
    /// The newest row when the archive was looked through last.
    newest: Seq,
    /// When that was, and how long it took, without the reading of new copies.
    looked: Option<(Instant, Duration)>,
    /// When copies were looked for last that were not where they should be, and how long that took.
    searched: Option<(Instant, Duration)>,
}

impl Archived {
    /// The account's archive, indexed; the index is kept in the folder `cache`.
    pub fn open(
        config: &Config,
        account: &Account,
        cache: Option<PathBuf>,
        watcher: &mut dyn Watcher,
    ) -> Result<Archived, StoreError> {
        let place = format!("{}\0{}", account.identity, account.archive.display());
        let name = format!("{}.index", Hex(&Sha256::digest(place)[..16]));
        let shared = Shared {
            config: config.clone(),
            account: account.clone(),
            file: cache.map(|folder| folder.join("serve").join(name)),
            state: Mutex::new(State {
                store: None,
                index: Index::default(),
                listed: Arc::default(),
                newest: 0,
                looked: None,
                searched: None,
            }),
        };
        {
            let mut state = shared.state();
            state.index = shared.file.as_deref().map(Index::load).unwrap_or_default();
            shared.refresh(&mut state, watcher)?;
        }
        Ok(Archived(Arc::new(shared)))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // What a thread that panicked has left is brought up to date by the next look.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the state up to date, unless that was done a short while ago and no new mail has come.
    fn refresh(&self, state: &mut State, watcher: &mut dyn Watcher) -> Result<(), StoreError> {
        if state.store.is_none() {
            state.store = Store::read_only(&self.config, &self.account)?;
        }
        let State { store: Some(store), index, .. } = state else { return Ok(()) };
        store.archive.check(&*store.ledger)?;
        let newest = newest(store)?;
        if newest == state.newest && !is_due(state.looked) {
            return Ok(());
        }
        state.newest = newest;
        let stamp = self.stamp(newest);
        if !stamp.is_empty() && stamp == index.stamp {
            if state.looked.is_none() {
                state.listed = there(&index.entries);
                state.looked = Some((Instant::now(), Duration::ZERO));
            }
            return Ok(());
        }
        let begun = Instant::now();
        store.archive.locate(&*store.ledger, false)?;
        let ledger = &store.ledger;
        watcher.begin(&|| ledger.totals().map_or(0, |all| all.octets));
        let (entries, reading) = look_through(store, index, watcher)?;
        let entries = Arc::new(entries);
        // Another run may index it at the same time: equal, and replaced as a whole.
        let changed = entries != index.entries || stamp != index.stamp;
        *index = Index { stamp, entries };
        if changed && let Some(file) = &self.file {
            // Without it the next start takes longer, and nothing else.
            let _ = index.save(file);
        }
        state.listed = there(&index.entries);
        state.looked = Some((Instant::now(), begun.elapsed().saturating_sub(reading)));
        Ok(())
    }

    /// What ledger and archive are now; empty if a change may leave no trace in it.
    fn stamp(&self, newest: Seq) -> String {
        let mut stamp = newest.to_string();
        let root = &self.account.archive;
        let places = match self.account.format {
            Format::Maildir => vec![root.join("new"), root.join("cur")],
            Format::Mbox => vec![root.clone()],
        };
        for place in places {
            let Ok(meta) = OsDisk.metadata(&place) else { return String::new() };
            if meta.changed.0 + COARSE >= clock::now() {
                return String::new();
            }
            let (seconds, nanoseconds) = meta.changed;
            // Writing into a String cannot fail.
            let _ = write!(stamp, " {}:{}:{}:{seconds}.{nanoseconds}", meta.dev, meta.ino, meta.len);
        }
        stamp
    }

    /// Where the copies of a row may be; with `moved`, where they are not where they should be.
    fn copies(&self, seq: Seq, moved: bool) -> Result<Option<Copies>, StoreError> {
        let mut state = self.state();
        let State { store: Some(store), searched, .. } = &mut *state else { return Ok(None) };
        if moved {
            if !is_due(*searched) {
                return Ok(None);
            }
            let begun = Instant::now();
            store.archive.locate(&*store.ledger, true)?;
            *searched = Some((Instant::now(), begun.elapsed()));
        }
        let Some(row) = store.ledger.row(seq)? else { return Ok(None) };
        let copies = store.archive.copies(&row)?;
        Ok(Some(Copies { row, places: copies, reader: store.archive.reader() }))
    }
}

fn there(entries: &Arc<Vec<Entry>>) -> Arc<Vec<Entry>> {
    if entries.iter().all(|entry| entry.there) {
        return Arc::clone(entries);
    }
    Arc::new(entries.iter().filter(|entry| entry.there).copied().collect())
}

/// Whether it is time to look again.
fn is_due(last: Option<(Instant, Duration)>) -> bool {
    last.is_none_or(|(at, took)| at.elapsed() >= took * SHARE)
}

fn newest(store: &Store) -> Result<Seq, StoreError> {
    Ok(store.ledger.newest(Seq::MAX, 1)?.first().map_or(0, |row| row.seq))
}

/// All rows, with what is known of them; copies are read whose size is not known yet. Also how long that reading took.
fn look_through(
    store: &mut Store,
    known: &Index,
    watcher: &mut dyn Watcher,
) -> Result<(Vec<Entry>, Duration), StoreError> {
    let mut reading = Duration::ZERO;
    let mut entries = Vec::with_capacity(known.entries.len());
    let mut ordinals: HashMap<u64, u32> = HashMap::new();
    let mut pages = RowPages::all();
    loop {
        stop::check()?;
        let rows = pages.next_page(&*store.ledger)?;
        if rows.is_empty() {
            return Ok((entries, reading));
        }
        let mut to_count = Vec::new();
        for row in rows {
            let content = names::content(&row.digest);
            let ordinal = ordinals.entry(u64::from_be_bytes(first_half(&content))).or_default();
            *ordinal += 1;
            let copies = store.archive.copies(&row)?;
            let size = known.of(row.seq).filter(|entry| entry.content == content).map(|entry| entry.size);
            let there = !copies.is_empty();
            let entry = Entry { seq: row.seq, content, size: size.unwrap_or(0), ordinal: *ordinal, there };
            watcher.went_on(row.size);
            match size {
                // Not there, and never seen: nothing to remember.
                None if !there => {}
                None => {
                    to_count.push(ToRead { row, copies });
                    entries.push(entry);
                }
                Some(_) => entries.push(entry),
            }
        }
        let begun = Instant::now();
        count(&store.archive.reader(), to_count, &mut entries);
        reading += begun.elapsed();
    }
}

fn first_half(content: &[u8; 16]) -> [u8; 8] {
    content.first_chunk().copied().unwrap_or_default()
}

/// Counts the octets of these copies, on several threads, and puts them into their entries.
fn count(reader: &Arc<dyn CopyReader>, copies: Vec<ToRead>, entries: &mut [Entry]) {
    if copies.is_empty() {
        return;
    }
    let read_one = |reader: &dyn CopyReader, ToRead { row, copies }: ToRead| {
        (row.seq, size_of(reader, row.size, &copies))
    };
    let (mut counted, rest) = archive::with_readers(reader, PORTION, read_one, |readers| {
        copies.into_iter().flat_map(|next| readers.read(next)).collect::<Vec<_>>()
    });
    counted.extend(rest);
    for (seq, size) in counted {
        if let Ok(at) = entries.binary_search_by_key(&seq, |entry| entry.seq) {
            // One that cannot be read stays in the list: a session that asks for it is told why it is not given.
            entries[at].size = size.unwrap_or_default();
        }
    }
}

fn size_of(reader: &dyn CopyReader, stored: u64, copies: &[CopyAt]) -> Option<u64> {
    copies.iter().find_map(|at| {
        let mut size = WireSize::default();
        let read = reader.read(at, stored, &mut |octets| size.add(octets));
        matches!(read, Ok(true)).then(|| size.octets())
    })
}

struct Nobody;

impl Watcher for Nobody {
    fn begin(&mut self, _octets: &dyn Fn() -> u64) {}
    fn went_on(&mut self, _octets: u64) {}
}

impl Served for Archived {
    fn user(&self) -> &str {
        &self.0.account.name
    }

    fn open(&self) -> Result<Box<dyn OpenMaildrop>, Closed> {
        let mut state = self.0.state();
        // The text is for the person who started the server; what a client gets holds no path.
        let failed = |_| Closed::Failed("the archive cannot be read now; run popkeep status".to_owned());
        self.0.refresh(&mut state, &mut Nobody).map_err(failed)?;
        Ok(Box::new(Open { shared: Arc::clone(&self.0), listed: Arc::clone(&state.listed) }))
    }

    fn messages(&self) -> usize {
        self.0.state().listed.len()
    }
}

/// One session.
struct Open {
    shared: Arc<Shared>,
    listed: Arc<Vec<Entry>>,
}

impl OpenMaildrop for Open {
    fn len(&self) -> usize {
        self.listed.len()
    }

    fn size(&self, at: usize) -> u64 {
        self.listed.get(at).map_or(0, |entry| entry.size)
    }

    fn uids(
        &mut self,
        range: Range<usize>,
        each: &mut dyn FnMut(usize, &str) -> io::Result<()>,
    ) -> Result<(), NotGiven> {
        for (at, entry) in self.listed.iter().enumerate().skip(range.start).take(range.len()) {
            each(at, &entry.uid())?;
        }
        Ok(())
    }

    fn read(&mut self, at: usize, whole: bool, taker: &mut dyn Taker) -> Result<(), NotGiven> {
        let Some(entry) = self.listed.get(at) else {
            return Err(NotGiven::Refused("no such message".to_owned()));
        };
        let mut problem = None;
        for moved in [false, true] {
            let found = self.shared.copies(entry.seq, moved);
            let found =
                found.map_err(|_| NotGiven::Refused("[SYS/TEMP] the archive cannot be read".to_owned()))?;
            let Some(Copies { row, places, reader }) = found else {
                // Mail programs rename while we read, and looking for one message again and again is dear.
                problem = problem.or(Some("[SYS/TEMP] the archive has changed; try again in a minute"));
                break;
            };
            for copy in places {
                match give(&*reader, &copy, &row, (entry.size, whole), taker) {
                    Ok(None) => return Ok(()),
                    Ok(Some(reason)) => problem = reason.or(problem),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(NotGiven::Refused(problem.unwrap_or("the message is not in the archive any more").to_owned()))
    }
}
