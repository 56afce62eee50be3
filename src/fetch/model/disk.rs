//! A disk that knows what would be left of it if the power failed now.

use super::store::{DiskState, Ino};
use super::strike::Strike;
use crate::disk::{Access, Disk, DiskFile, Kind, Meta};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// What kind of file system it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits {
    /// Files may have a second name.
    pub hard_links: bool,
    /// Everything can be synced at once.
    pub group_sync: bool,
}

/// The disk, as one process sees it.
pub(crate) struct ModelDisk {
    pub store: Arc<Mutex<DiskState>>,
    pub strike: Arc<Strike>,
    pub traits: Traits,
}

/// An open file of it.
pub(crate) struct ModelFile {
    store: Arc<Mutex<DiskState>>,
    strike: Arc<Strike>,
    ino: Ino,
    position: u64,
}

impl ModelDisk {
    fn look<T>(&self, effect: impl FnOnce(&DiskState) -> io::Result<T>) -> io::Result<T> {
        self.strike.look(|| effect(&lock(&self.store)))
    }

    fn change<T>(&self, effect: impl FnOnce(&mut DiskState) -> io::Result<T>) -> io::Result<T> {
        self.strike.change(|| effect(&mut lock(&self.store)))
    }

    fn file(&self, ino: Ino) -> ModelFile {
        ModelFile { store: Arc::clone(&self.store), strike: Arc::clone(&self.strike), ino, position: 0 }
    }
}

impl Disk for ModelDisk {
    type File = ModelFile;

    fn create_new(&self, path: &Path) -> io::Result<ModelFile> {
        let ino = self.change(|store| {
            let ino = store.add_file();
            store.give_name(path, ino).map(|()| ino)
        })?;
        Ok(self.file(ino))
    }

    fn create_unnamed(&self, _folder: &Path) -> io::Result<ModelFile> {
        Ok(self.file(self.change(|store| Ok(store.add_file()))?))
    }

    fn open(&self, path: &Path, _access: Access) -> io::Result<ModelFile> {
        Ok(self.file(self.look(|store| store.find(path))?))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let allowed = self.traits.hard_links;
        self.change(|store| {
            let ino = store.find(from)?;
            if allowed { store.give_name(to, ino) } else { Err(Errno::PERM.into()) }
        })
    }

    fn rename_noreplace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|store| {
            let ino = store.find(from)?;
            store.give_name(to, ino)?;
            store.remove_name(from)
        })
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.change(|store| store.remove_name(path))
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|store| store.make_folder(path))?;
        self.sync_dir(crate::disk::parent(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|store| {
            let ino = store.find(path)?;
            store.names(ino)?;
            store.sync(ino);
            Ok(())
        })
    }

    fn group_sync(&self, folder: &Path) -> io::Result<Option<ModelFile>> {
        if self.traits.group_sync { self.open(folder, Access::Read).map(Some) } else { Ok(None) }
    }

    fn sync_files(&self, files: &mut [&mut ModelFile]) -> io::Result<()> {
        files.iter_mut().try_for_each(|file| file.sync())
    }

    fn read_dir_numbered(&self, path: &Path, each: &mut dyn FnMut(&OsStr, u64) -> bool) -> io::Result<()> {
        let names: Vec<(OsString, Ino)> = self.look(|store| {
            Ok(store.names(store.find(path)?)?.iter().map(|(name, ino)| (name.clone(), *ino)).collect())
        })?;
        let _ = names.iter().all(|(name, ino)| each(name, *ino));
        Ok(())
    }

    fn metadata(&self, path: &Path) -> io::Result<Meta> {
        self.look(|store| Ok(meta(store, store.find(path)?)))
    }

    fn link_metadata(&self, path: &Path) -> io::Result<Meta> {
        self.metadata(path)
    }

    fn writable(&self, path: &Path) -> io::Result<()> {
        self.look(|store| store.find(path).map(|_| ()))
    }
}

impl ModelFile {
    fn change<T>(&self, effect: impl FnOnce(&mut DiskState) -> io::Result<T>) -> io::Result<T> {
        self.strike.change(|| effect(&mut lock(&self.store)))
    }
}

impl DiskFile for ModelFile {
    fn sync(&mut self) -> io::Result<()> {
        self.change(|store| {
            store.sync(self.ino);
            Ok(())
        })
    }

    fn sync_file_system(&mut self) -> io::Result<()> {
        self.change(|store| {
            store.sync_all();
            Ok(())
        })
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).unwrap();
        self.change(|store| store.change_octets(self.ino).map(|octets| octets.resize(len, 0)))
    }

    fn set_modified(&mut self, _at: i64) -> io::Result<()> {
        self.strike.look(|| Ok(()))
    }

    fn metadata(&self) -> io::Result<Meta> {
        self.strike.look(|| Ok(meta(&lock(&self.store), self.ino)))
    }

    /// Nobody else is there.
    fn try_lock(&mut self) -> io::Result<bool> {
        self.strike.look(|| Ok(true))
    }
}

impl Read for ModelFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.strike.look(|| {
            let store = lock(&self.store);
            let octets = store.octets(self.ino)?;
            let start = usize::try_from(self.position).unwrap().min(octets.len());
            let count = buffer.len().min(octets.len() - start);
            buffer[..count].copy_from_slice(&octets[start..start + count]);
            self.position += count as u64;
            Ok(count)
        })
    }
}

impl Write for ModelFile {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let start = usize::try_from(self.position).unwrap();
        self.change(|store| {
            let content = store.change_octets(self.ino)?;
            content.resize(content.len().max(start + octets.len()), 0);
            content[start..start + octets.len()].copy_from_slice(octets);
            Ok(())
        })?;
        self.position += octets.len() as u64;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for ModelFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let len = lock(&self.store).octets(self.ino)?.len() as u64;
        let moved = match position {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = moved.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

fn meta(store: &DiskState, ino: Ino) -> Meta {
    let kind = store.kind(ino);
    Meta {
        kind,
        len: store.octets(ino).map_or(0, |octets| octets.len() as u64),
        dev: 1,
        ino,
        links: store.links(ino),
        uid: crate::disk::our_user(),
        gid: rustix::process::getegid().as_raw(),
        mode: if kind == Kind::Folder { 0o700 } else { 0o600 },
        modified: (store.modified(ino), 0),
        changed: (store.modified(ino), 0),
    }
}

fn lock(store: &Mutex<DiskState>) -> MutexGuard<'_, DiskState> {
    store.lock().unwrap()
}
