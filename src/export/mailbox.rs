//! A Maildir or an mbox that messages are exported to: delivered as an archive is, with a ledger of its own in the state
//! folder, so that a run that was cut off at any step is finished by the next one.
//!
//! Mboxo is mboxrd of the message with one `>` taken from each line that has any before `From `: so what is in the file is
//! compared with that form, and the ledger notes the form that the archive has.

use super::destination::Destination;
use super::{ExportError, Exported, Variant, record};
use crate::archive::maildir::Maildir;
use crate::archive::mbox::Mbox;
use crate::archive::{Archive, ArchiveError, Arrived, Presence, Whereabouts};
use crate::clock;
use crate::config::Account;
use crate::copying::{Failed, Kept, Target};
use crate::disk::{AccountLock, OsDisk};
use crate::ledger::{Change, Ledger, LedgerError, LedgerFile, Row, RowPages, Seq};
use crate::mail::digest::{Digest, Digester};
use crate::mail::mboxrd::Unquote;
use crate::store::Store;
use crate::verify;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Octets, and messages, that are delivered together.
const BATCH_OCTETS: u64 = 64 << 20;
const BATCH: usize = 2000;

pub(super) struct Mailbox {
    store: Store,
    /// How many copies of each content were there when this run began.
    there: HashMap<ContentKey, u64>,
    /// The first row of this run.
    first: Seq,
    /// Undoes one `>`, for mboxo.
    unquote: Option<Unquote>,
    unquotes: bool,
    unquoted: Vec<u8>,
    original: Digester,
    finished: Option<(Digest, Digest)>,
    ambiguous: u64,
    /// Rows whose form in the archive is another one.
    forms: Vec<(Seq, Digest)>,
    _lock: AccountLock,
}

impl Mailbox {
    pub(super) fn maildir(state_dir: &Path, to: &Path) -> Result<Self, ExportError> {
        let archive = Maildir::new(Arc::new(OsDisk), to.to_owned(), "export").without_mark();
        Self::open(state_dir, to, Box::new(archive), false)
    }

    pub(super) fn mbox(state_dir: &Path, to: &Path, variant: Variant) -> Result<Self, ExportError> {
        let archive = Mbox::new(Arc::new(OsDisk), to.to_owned(), "export");
        Self::open(state_dir, to, Box::new(archive), variant == Variant::Mboxo)
    }

    fn open(
        state_dir: &Path,
        to: &Path,
        mut archive: Box<dyn Archive>,
        unquotes: bool,
    ) -> Result<Self, ExportError> {
        let file = LedgerFile::open(&record(state_dir))?;
        let identity = to.display().to_string();
        let Some(lock) = file.lock(&identity)? else { return Err(ExportError::Busy { path: identity }) };
        let mut ledger = file.maildrop(&identity, to, &[])?;
        match archive.open(&mut ledger) {
            // Whoever has removed an export wants the next one whole.
            Err(ArchiveError::Vanished { .. }) => {
                let mut all = Vec::new();
                ledger.known(&mut |row| all.push(Change::Accepted(row.seq)))?;
                ledger.commit(&all)?;
                archive.open(&mut ledger)?;
            }
            outcome => outcome?,
        }
        archive.recover(&mut ledger)?;
        let before = archive.look(&mut ledger, clock::now())?;
        if before.why_unseen().is_some() {
            return Err(ArchiveError::Locked { path: identity }.into());
        }
        let there = count_copies(&ledger, &before, unquotes)?;
        let first = ledger.next_seq();
        Ok(Mailbox {
            store: Store::of(archive, Box::new(ledger)),
            there,
            first,
            unquote: None,
            unquotes,
            unquoted: Vec::new(),
            original: Digester::new(),
            finished: None,
            ambiguous: 0,
            forms: Vec::new(),
            _lock: lock,
        })
    }
}

/// Enough of a content's hash to count by.
type ContentKey = [u8; 8];

fn key(digest: &Digest) -> ContentKey {
    digest.content().first_chunk().copied().unwrap_or_default()
}

/// How many copies of each content are there, as the messages were given; `forms`: some were written in another form.
fn count_copies(
    ledger: &dyn Ledger,
    presence: &Presence,
    forms: bool,
) -> Result<HashMap<ContentKey, u64>, LedgerError> {
    let mut there: HashMap<ContentKey, u64> = HashMap::new();
    let mut pages = RowPages::all();
    loop {
        let rows = pages.next_page(ledger)?;
        if rows.is_empty() {
            return Ok(there);
        }
        for row in rows.iter().filter(|row| presence.of(row.seq) == Whereabouts::There) {
            let given = if forms { ledger.served_as(row.seq)? } else { None };
            *there.entry(key(given.as_ref().unwrap_or(&row.digest))).or_default() += 1;
        }
    }
}

impl Target for Mailbox {
    type Error = ExportError;

    fn has(&mut self, digest: &Digest, _size: u64, nth: u64) -> Result<bool, ExportError> {
        Ok(self.there.get(&key(digest)).is_some_and(|copies| *copies >= nth))
    }

    fn begin(&mut self) -> Result<(), ExportError> {
        self.unquote = self.unquotes.then(Unquote::new);
        self.original = Digester::new();
        self.finished = None;
        Ok(self.store.archive.begin()?)
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), ExportError> {
        let Some(unquote) = &mut self.unquote else { return Ok(self.store.archive.write(octets)?) };
        self.original.update(octets);
        unquote.feed(octets, &mut self.unquoted);
        let written = self.store.archive.write(&self.unquoted);
        self.unquoted.clear();
        Ok(written?)
    }

    fn finish(&mut self) -> Result<Digest, ExportError> {
        if let Some(unquote) = self.unquote.take() {
            unquote.finish(&mut self.unquoted);
            self.store.archive.write(&self.unquoted)?;
            self.unquoted.clear();
            let (written, _) = self.store.archive.finish()?;
            let (original, _) = std::mem::take(&mut self.original).finish();
            self.finished = Some((written, original.clone()));
            return Ok(original);
        }
        let (written, _) = self.store.archive.finish()?;
        self.finished = Some((written.clone(), written.clone()));
        Ok(written)
    }

    fn discard(&mut self) -> Result<(), ExportError> {
        self.finished = None;
        Ok(self.store.archive.discard()?)
    }

    fn keep(&mut self, _: &Account, row: &Row, flags: Option<String>) -> Result<Kept, ExportError> {
        let seq = self.store.ledger.next_seq();
        let arrived = Arrived { uid: None, list_size: None, at: row.archived_at, utf8: row.utf8, flags };
        self.store.archive.keep(seq, arrived)?;
        if let Some((written, original)) = self.finished.take()
            && written != original
        {
            self.ambiguous += 1;
            self.forms.push((seq, original));
        }
        let pending = self.store.archive.pending();
        if pending.messages >= BATCH || pending.octets >= BATCH_OCTETS {
            self.commit()?;
        }
        Ok(Kept::Taken)
    }
}

impl Destination for Mailbox {
    fn commit(&mut self) -> Result<(), ExportError> {
        let stored = self.store.archive.commit(&mut *self.store.ledger)?;
        let shortfall = self.store.archive.shortfall();
        let forms = std::mem::take(&mut self.forms).into_iter();
        let forms = forms.filter(|(seq, _)| stored.contains(seq));
        let forms: Vec<Change> = forms.map(|(seq, digest)| Change::ServedAs { seq, digest }).collect();
        self.store.ledger.commit(&forms)?;
        shortfall.map_or(Ok(()), |error| Err(error.into()))
    }

    fn compare(&mut self, done: &mut Exported) -> Result<(), ExportError> {
        let compared = verify::compare(&mut self.store, self.first)?;
        done.ambiguous = self.ambiguous;
        done.compared = compared.same;
        let failed =
            compared.bad.into_iter().map(|(id, reason)| Failed { account: String::new(), id, reason });
        done.copied.failed.extend(failed);
        Ok(())
    }
}
