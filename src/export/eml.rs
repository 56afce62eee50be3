//! A folder of .eml files: one for each message, with a name that a person can read and the message's ID at its end.
//!
//! Promises: a file appears under its name when it is whole and durable; one that is there already is not touched. A file that
//! was changed is not taken for the message that its name says it is.

use super::destination::Destination;
use super::{ExportError, Exported, names};
use crate::archive::digest_of;
use crate::config::Account;
use crate::copying::{Failed, Kept, Target};
use crate::disk::{self, Access, Disk as _, DiskFile as _, OsDisk, OsFile};
use crate::ledger::Row;
use crate::mail::caption::Caption;
use crate::mail::digest::{Digest, Digester};
use crate::mail::headers;
use crate::mail::id::MessageId;
use crate::text::hex::Hex;
use std::collections::HashMap;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// What our unfinished files are called, before a number. A run that was killed leaves them to the next one.
const DRAFT: &str = ".popkeep-export-";

/// Octets of the content's hash in a name.
const ID: usize = 8;

/// Messages that become visible together.
const BATCH: usize = 1000;

pub(super) struct Folder {
    path: PathBuf,
    /// Files that were there when this run began: the ID in their names, their octets.
    there: HashMap<[u8; ID], Vec<u64>>,
    /// Syncs a batch at once, where that can be relied on.
    group: Option<OsFile>,
    draft: Option<Draft>,
    finished: Option<Finished>,
    pending: Vec<Finished>,
    written: Vec<(PathBuf, Digest)>,
    drafts: u64,
}

struct Draft {
    path: PathBuf,
    file: BufWriter<OsFile>,
    digester: Digester,
    header: headers::Reader,
}

struct Finished {
    draft: PathBuf,
    file: Option<OsFile>,
    digest: Digest,
    name: String,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, ExportError> {
        let failed = |source: io::Error| ExportError::Io { path: path.display().to_string(), source };
        disk::make_private_dirs(path).map_err(failed)?;
        let mut there: HashMap<[u8; ID], Vec<u64>> = HashMap::new();
        for name in disk::names_in(path).map_err(failed)? {
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(DRAFT) {
                let _ = OsDisk.unlink(&path.join(name));
            } else if let Some(id) = id_of(name) {
                let meta = OsDisk.link_metadata(&path.join(name)).map_err(failed)?;
                there.entry(id).or_default().push(meta.len);
            }
        }
        let group = OsDisk.group_sync(path).unwrap_or(None);
        Ok(Folder {
            path: path.to_owned(),
            there,
            group,
            draft: None,
            finished: None,
            pending: Vec::new(),
            written: Vec::new(),
            drafts: 0,
        })
    }

    fn failed(&self, source: io::Error) -> ExportError {
        ExportError::Io { path: self.path.display().to_string(), source }
    }

    fn make_durable(&mut self) -> io::Result<()> {
        match &mut self.group {
            Some(group) if self.pending.len() > 8 => group.sync_file_system()?,
            _ => {
                for message in &mut self.pending {
                    match &mut message.file {
                        Some(file) => file.sync()?,
                        None => OsDisk.open(&message.draft, Access::ReadWrite)?.sync()?,
                    }
                }
            }
        }
        for message in self.pending.drain(..) {
            let stem = message.name;
            for copy in 1_u32.. {
                let number = if copy == 1 { String::new() } else { format!("-{copy}") };
                let target = self.path.join(format!("{stem}{number}.eml"));
                match OsDisk.rename_noreplace(&message.draft, &target) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    renamed => {
                        renamed?;
                        self.written.push((target, message.digest));
                        break;
                    }
                }
            }
        }
        OsDisk.sync_dir(&self.path)
    }
}

/// The ID at the end of a name that we have made: `… 0123456789abcdef.eml`, `… 0123456789abcdef-2.eml`.
fn id_of(name: &str) -> Option<[u8; ID]> {
    let stem = name.strip_suffix(".eml")?;
    let last = stem.rsplit(' ').next()?;
    let digits = last.split_once('-').map_or(last, |(digits, _)| digits);
    let mut id = [0; ID];
    if digits.len() != 2 * ID {
        return None;
    }
    for (octet, digits) in id.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(id)
}

fn id(digest: &Digest) -> [u8; ID] {
    digest.content().first_chunk().copied().unwrap_or_default()
}

impl Target for Folder {
    type Error = ExportError;

    fn has(&mut self, digest: &Digest, size: u64, nth: u64) -> Result<bool, ExportError> {
        let whole =
            self.there.get(&id(digest)).map_or(0, |sizes| sizes.iter().filter(|len| **len == size).count());
        Ok(whole as u64 >= nth)
    }

    fn begin(&mut self) -> Result<(), ExportError> {
        self.discard()?;
        self.drafts += 1;
        let path = self.path.join(format!("{DRAFT}{}-{}", std::process::id(), self.drafts));
        let file = OsDisk.create_new(&path).map_err(|error| self.failed(error))?;
        let (file, digester) = (BufWriter::new(file), Digester::new());
        self.draft = Some(Draft { path, file, digester, header: headers::Reader::new() });
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), ExportError> {
        let Some(draft) = &mut self.draft else { return Ok(()) };
        draft.digester.update(octets);
        draft.header.update(octets);
        draft.file.write_all(octets).map_err(|error| self.failed(error))
    }

    fn finish(&mut self) -> Result<Digest, ExportError> {
        let Some(Draft { path, file, digester, header }) = self.draft.take() else {
            return Ok(Digester::new().finish().0);
        };
        let file = file.into_inner().map_err(|error| self.failed(error.into_error()))?;
        let (digest, _) = digester.finish();
        let caption = Caption::of(&header.into_header());
        let name = format!("{} {}", names::of(&caption), Hex(&id(&digest)));
        self.finished = Some(Finished { draft: path, file: Some(file), digest: digest.clone(), name });
        Ok(digest)
    }

    fn discard(&mut self) -> Result<(), ExportError> {
        let draft = self.draft.take().map(|draft| draft.path);
        if let Some(path) = draft.or(self.finished.take().map(|finished| finished.draft)) {
            let _ = OsDisk.unlink(&path);
        }
        Ok(())
    }

    fn keep(&mut self, _: &Account, row: &Row, _flags: Option<String>) -> Result<Kept, ExportError> {
        if let Some(mut finished) = self.finished.take() {
            if let Some(file) = &mut finished.file {
                // Mail programs and people sort by it, and nothing else goes by it: no failure.
                let _ = file.set_modified(row.archived_at);
            }
            if self.group.is_some() {
                finished.file = None;
            }
            self.pending.push(finished);
        }
        if self.pending.len() >= if self.group.is_some() { BATCH } else { 64 } {
            self.commit()?;
        }
        Ok(Kept::Taken)
    }
}

impl Destination for Folder {
    fn commit(&mut self) -> Result<(), ExportError> {
        self.discard()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        self.make_durable().map_err(|error| self.failed(error))
    }

    fn compare(&mut self, done: &mut Exported) -> Result<(), ExportError> {
        for (path, digest) in std::mem::take(&mut self.written) {
            crate::stop::check()?;
            let reason = match OsDisk.open(&path, Access::Read).and_then(digest_of) {
                Ok((found, _)) if found == digest => {
                    done.compared += 1;
                    continue;
                }
                Ok(_) => "it does not read back as it was written".to_owned(),
                Err(error) => format!("it cannot be read again ({error})"),
            };
            let id = MessageId::of(&digest).to_string();
            done.copied.failed.push(Failed { account: String::new(), id, reason });
        }
        Ok(())
    }
}

impl Drop for Folder {
    /// What was not committed is thrown away.
    fn drop(&mut self) {
        let _ = self.discard();
        for message in self.pending.drain(..) {
            let _ = OsDisk.unlink(&message.draft);
        }
    }
}
