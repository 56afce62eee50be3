//! Where a batch waits before the mbox is locked: in memory, and in a file without a name once it
//! grows.

use crate::archive::BUFFER;
use crate::disk::{Disk, DiskFile as _};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Octets that are kept in memory: a batch of 4 MiB, what quoting adds, and the end of the message
/// that fills it.
const MEMORY: usize = 4 * 1024 * 1024 + 512 * 1024;

/// Octets in the order in which they came.
pub(super) struct Spool<D: Disk> {
    disk: Arc<D>,
    folder: PathBuf,
    /// Everything, as long as it fits.
    memory: Vec<u8>,
    file: Option<D::File>,
    /// Everything is in the file.
    in_file: bool,
    len: u64,
}

impl<D: Disk> Spool<D> {
    /// Empty. The file, should one be needed, is made in `folder`, or where the system keeps its
    /// temporary files if that is not ours to write.
    pub(super) fn new(disk: Arc<D>, folder: PathBuf) -> Self {
        Spool { disk, folder, memory: Vec::new(), file: None, in_file: false, len: 0 }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        if !self.in_file {
            if self.memory.len() + octets.len() <= MEMORY {
                self.make_room(octets.len());
                self.memory.extend_from_slice(octets);
                self.len += octets.len() as u64;
                return Ok(());
            }
            let memory = std::mem::take(&mut self.memory);
            let moved = self.file().and_then(|file| {
                file.seek(SeekFrom::Start(0))?;
                file.write_all(&memory)
            });
            if let Err(error) = moved {
                self.memory = memory;
                return Err(error);
            }
            self.in_file = true;
        }
        let end = self.len;
        let file = self.file()?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(octets)?;
        self.len += octets.len() as u64;
        Ok(())
    }

    /// Doubles the memory as a vector does, but never beyond what may be used of it.
    fn make_room(&mut self, more: usize) {
        let needed = self.memory.len() + more;
        if needed > self.memory.capacity() {
            let wanted = needed.max(2 * self.memory.capacity()).min(MEMORY.max(needed));
            self.memory.reserve_exact(wanted - self.memory.len());
        }
    }

    /// Forgets what is behind `len`.
    pub(super) fn truncate(&mut self, len: u64) {
        self.len = self.len.min(len);
        if !self.in_file {
            // It is all in memory, so its length is a usize.
            self.memory.truncate(usize::try_from(self.len).unwrap_or(usize::MAX));
        } else if let Some(file) = &mut self.file {
            // It is for the room; what is behind `len` is never read.
            let _ = file.set_len(self.len);
        }
        if self.len == 0 {
            self.clear();
        }
    }

    /// Takes away the first `count` octets; what is behind them moves to the front.
    pub(super) fn remove_front(&mut self, count: u64) -> io::Result<()> {
        let rest = self.len.saturating_sub(count);
        if rest == 0 {
            self.clear();
        } else if rest <= MEMORY as u64 {
            let mut memory = Vec::new();
            self.copy(count.min(self.len)..self.len, &mut memory)?;
            self.clear();
            self.memory = memory;
        } else {
            let file = self.file()?;
            let mut buffer = vec![0; BUFFER];
            let mut moved = 0;
            while moved < rest {
                let most = usize::try_from(rest - moved).map_or(BUFFER, |left| left.min(BUFFER));
                file.seek(SeekFrom::Start(count + moved))?;
                file.read_exact(&mut buffer[..most])?;
                file.seek(SeekFrom::Start(moved))?;
                file.write_all(&buffer[..most])?;
                moved += most as u64;
            }
            file.set_len(rest)?;
        }
        self.len = rest;
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.memory.clear();
        self.file = None;
        self.in_file = false;
        self.len = 0;
    }

    /// Copies a part, which is within what was appended.
    pub(super) fn copy(&mut self, part: Range<u64>, out: &mut impl Write) -> io::Result<()> {
        if self.in_file {
            let length = part.end.saturating_sub(part.start);
            let file = self.file()?;
            file.seek(SeekFrom::Start(part.start))?;
            let copied = io::copy(&mut file.take(length), out)?;
            return if copied == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let start = usize::try_from(part.start).unwrap_or(usize::MAX);
        let end = usize::try_from(part.end).unwrap_or(usize::MAX);
        out.write_all(self.memory.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?)
    }

    fn file(&mut self) -> io::Result<&mut D::File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => match self.disk.create_unnamed(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.disk.create_unnamed(&std::env::temp_dir())?
                }
                made => made?,
            },
        };
        Ok(self.file.insert(file))
    }
}

#[cfg(test)]
mod tests {
    use super::{MEMORY, Spool};
    use crate::disk::OsDisk;
    use std::sync::Arc;

    #[test]
    fn what_goes_in_comes_out_from_memory_and_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(Arc::new(OsDisk), folder.path().to_owned());
        let text = b"0123456789".repeat(10_000);
        let mut all = Vec::new();
        while all.len() < 2 * MEMORY {
            spool.append(b"discarded").unwrap();
            spool.truncate(all.len() as u64);
            spool.append(&text).unwrap();
            all.extend_from_slice(&text);
            let mut out = Vec::new();
            spool.copy(5..spool.len(), &mut out).unwrap();
            assert!(out == all[5..]);
        }
        for front in [all.len() / 3, all.len() - 7] {
            spool.remove_front(front as u64 - (all.len() as u64 - spool.len())).unwrap();
            spool.append(b"!").unwrap();
            spool.truncate(spool.len() - 1);
            let mut out = Vec::new();
            spool.copy(0..spool.len(), &mut out).unwrap();
            assert!(out == all[front..]);
            assert_eq!(spool.in_file, all.len() - front > MEMORY);
        }
        assert!(crate::disk::names_in(folder.path()).unwrap().is_empty(), "the file has no name");
        spool.truncate(0);
        spool.append(b"x").unwrap();
        assert_eq!((spool.len(), spool.in_file), (1, false));
    }
}
