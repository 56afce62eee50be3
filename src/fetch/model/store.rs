//! What is on the model's disk: what a program sees, and what would be left if the power failed
//! now.

use crate::disk::Kind;
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Component, Path};

/// Names one file or folder.
pub(crate) type Ino = u64;

/// What numbers of files and folders begin with: nothing else looks like one.
pub(crate) const INOS: &[u8] = b"98765";

const ROOT: Ino = 9_876_500_001;

/// What times of changes begin with: long ago, and nothing else looks like one.
pub(crate) const TIMES: &[u8] = b"12345";

const CREATION: i64 = 1_234_500_000;

/// What a power cut may tear apart: shorter than any real sector, so that it cuts everywhere.
const SECTOR: usize = 48;

/// The disk's content.
#[derive(Clone)]
pub(crate) struct DiskState {
    nodes: BTreeMap<Ino, Node>,
    /// Moves on with every change of a folder or file.
    time: i64,
}

#[derive(Clone)]
struct Node {
    content: Content,
    modified: i64,
}

#[derive(Clone)]
enum Content {
    File { now: Vec<u8>, durable: Vec<u8> },
    Folder { now: Names, durable: Names },
}

type Names = BTreeMap<OsString, Ino>;

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Survival {
    /// Nothing.
    Nothing,
    /// Some names, some octets, all in disorder; the number decides which.
    Some(u64),
}

impl DiskState {
    /// An empty disk.
    pub(crate) fn new() -> Self {
        let mut store = DiskState { nodes: BTreeMap::new(), time: CREATION };
        store.add(Content::Folder { now: Names::new(), durable: Names::new() });
        store
    }

    fn add(&mut self, content: Content) -> Ino {
        let ino = ROOT + self.nodes.len() as Ino;
        self.time += 1;
        self.nodes.insert(ino, Node { content, modified: self.time });
        ino
    }

    /// A file without a name.
    pub(crate) fn add_file(&mut self) -> Ino {
        self.add(Content::File { now: Vec::new(), durable: Vec::new() })
    }

    /// What is at a path.
    pub(crate) fn find(&self, path: &Path) -> io::Result<Ino> {
        let mut at = ROOT;
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            at = *self.names(at)?.get(name).ok_or(Errno::NOENT)?;
        }
        Ok(at)
    }

    /// A folder's names, as they are now.
    pub(crate) fn names(&self, ino: Ino) -> io::Result<&Names> {
        match &self.nodes[&ino].content {
            Content::Folder { now, .. } => Ok(now),
            Content::File { .. } => Err(Errno::NOTDIR.into()),
        }
    }

    /// A file's octets, as they are now.
    pub(crate) fn octets(&self, ino: Ino) -> io::Result<&[u8]> {
        match &self.nodes[&ino].content {
            Content::File { now, .. } => Ok(now),
            Content::Folder { .. } => Err(Errno::ISDIR.into()),
        }
    }

    /// The same, to be changed.
    pub(crate) fn change_octets(&mut self, ino: Ino) -> io::Result<&mut Vec<u8>> {
        match &mut self.touch(ino).content {
            Content::File { now, .. } => Ok(now),
            Content::Folder { .. } => Err(Errno::ISDIR.into()),
        }
    }

    fn touch(&mut self, ino: Ino) -> &mut Node {
        self.time += 1;
        let node = self.nodes.get_mut(&ino).unwrap();
        node.modified = self.time;
        node
    }

    fn change_names(&mut self, folder: &Path) -> io::Result<&mut Names> {
        let ino = self.find(folder)?;
        match &mut self.touch(ino).content {
            Content::Folder { now, .. } => Ok(now),
            Content::File { .. } => Err(Errno::NOTDIR.into()),
        }
    }

    /// Gives a name, which must be free.
    pub(crate) fn give_name(&mut self, path: &Path, ino: Ino) -> io::Result<()> {
        let (folder, name) = split(path)?;
        let names = self.change_names(folder)?;
        if names.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        names.insert(name.to_owned(), ino);
        Ok(())
    }

    /// Takes a name away.
    pub(crate) fn remove_name(&mut self, path: &Path) -> io::Result<()> {
        let (folder, name) = split(path)?;
        self.change_names(folder)?.remove(name).ok_or(Errno::NOENT)?;
        Ok(())
    }

    /// Makes an empty folder.
    pub(crate) fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        let ino = self.add(Content::Folder { now: Names::new(), durable: Names::new() });
        self.give_name(path, ino)
    }

    pub(crate) fn kind(&self, ino: Ino) -> Kind {
        match self.nodes[&ino].content {
            Content::File { .. } => Kind::File,
            Content::Folder { .. } => Kind::Folder,
        }
    }

    /// When it changed last.
    pub(crate) fn modified(&self, ino: Ino) -> i64 {
        self.nodes[&ino].modified
    }

    /// How many names a file has.
    pub(crate) fn links(&self, ino: Ino) -> u64 {
        let folders = self.nodes.values().filter_map(|node| match &node.content {
            Content::Folder { now, .. } => Some(now),
            Content::File { .. } => None,
        });
        folders.flat_map(Names::values).filter(|named| **named == ino).count() as u64
    }

    /// Makes a file's octets, or a folder's names, durable.
    pub(crate) fn sync(&mut self, ino: Ino) {
        self.nodes.get_mut(&ino).unwrap().sync();
    }

    /// Makes everything durable.
    pub(crate) fn sync_all(&mut self) {
        self.nodes.values_mut().for_each(Node::sync);
    }

    /// Everything below this folder that is there now, or would be after a power cut.
    pub(crate) fn write_content(&self, folder: Ino, content: &mut Vec<u8>) {
        let (mut seen, mut rest) = (BTreeSet::from([folder]), vec![folder]);
        while let Some(ino) = rest.pop() {
            let node = &self.nodes[&ino];
            let _ = write!(content, "\n{ino} {} ", node.modified);
            match &node.content {
                Content::File { now, durable } => {
                    for octets in [now, durable] {
                        let _ = write!(content, "{}:", octets.len());
                        content.extend_from_slice(octets);
                    }
                }
                Content::Folder { now, durable } => {
                    let _ = write!(content, "{now:?}{durable:?}");
                    let named = now.values().chain(durable.values());
                    rest.extend(named.copied().filter(|ino| seen.insert(*ino)));
                }
            }
        }
    }

    /// The power fails, and comes back.
    pub(crate) fn power_cut(&mut self, survival: Survival) {
        let mut chance = match survival {
            Survival::Nothing => None,
            Survival::Some(seed) => Some(Chance(seed)),
        };
        for node in self.nodes.values_mut() {
            let is_as_it_was = match &node.content {
                Content::File { now, durable } => now == durable,
                Content::Folder { now, durable } => now == durable,
            };
            if !is_as_it_was {
                // So is its time.
                self.time += 1;
                node.modified = self.time;
            }
            match (&mut node.content, &mut chance) {
                (Content::File { now, durable }, Some(chance)) => *durable = torn(durable, now, chance),
                (Content::Folder { now, durable }, Some(chance)) => mix(durable, now, chance),
                (_, None) => {}
            }
            match &mut node.content {
                Content::File { now, durable } => now.clone_from(durable),
                Content::Folder { now, durable } => now.clone_from(durable),
            }
        }
    }
}

impl Node {
    fn sync(&mut self) {
        match &mut self.content {
            Content::File { now, durable } => durable.clone_from(now),
            Content::Folder { now, durable } => durable.clone_from(now),
        }
    }
}

fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    Ok((path.parent().ok_or(Errno::EXIST)?, path.file_name().ok_or(Errno::EXIST)?))
}

/// Each name that came or went is as it was or as it is, for itself.
fn mix(durable: &mut Names, now: &Names, chance: &mut Chance) {
    let either: Vec<OsString> = now.keys().chain(durable.keys()).cloned().collect();
    for name in either {
        if chance.half() {
            match now.get(&name) {
                Some(ino) => durable.insert(name, *ino),
                None => durable.remove(&name),
            };
        }
    }
}

/// Some of what was written: its length and its sectors each for itself, NULs where nothing came.
fn torn(durable: &[u8], now: &[u8], chance: &mut Chance) -> Vec<u8> {
    if durable == now {
        return now.to_vec();
    }
    let len = match chance.below(4) {
        0 => durable.len(),
        1 => {
            let (short, long) = (durable.len().min(now.len()), durable.len().max(now.len()));
            short + chance.below(long - short + 1)
        }
        _ => now.len(),
    };
    let mut left = durable.to_vec();
    left.resize(len, 0);
    let sectors = len.div_ceil(SECTOR);
    // In order up to a point, or here and there.
    let front = chance.half().then(|| chance.below(sectors + 1));
    for sector in 0..sectors {
        if front.map_or_else(|| chance.half(), |front| sector < front) {
            let start = sector * SECTOR;
            let end = (start + SECTOR).min(len).min(now.len());
            if start < end {
                left[start..end].copy_from_slice(&now[start..end]);
            }
        }
    }
    left
}

/// Chance that is the same in every run of the test (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn half(&mut self) -> bool {
        self.below(2) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, DiskState, Survival};
    use std::path::Path;

    impl DiskState {
        /// Whether a power cut would change nothing.
        fn is_durable(&self) -> bool {
            self.nodes.values().all(|node| match &node.content {
                Content::File { now, durable } => now == durable,
                Content::Folder { now, durable } => now == durable,
            })
        }
    }

    fn store_with_file() -> (DiskState, &'static Path, super::Ino) {
        let mut store = DiskState::new();
        store.make_folder(Path::new("/mail")).unwrap();
        store.sync_all();
        let (path, ino) = (Path::new("/mail/1"), store.add_file());
        store.give_name(path, ino).unwrap();
        store.change_octets(ino).unwrap().extend_from_slice(&[b'x'; 200]);
        (store, path, ino)
    }

    #[test]
    fn octets_without_a_synced_name_are_gone_and_a_name_without_synced_octets_is_empty() {
        let (mut store, path, ino) = store_with_file();
        store.sync(ino);
        store.power_cut(Survival::Nothing);
        assert!(store.find(path).is_err());

        let (mut store, path, _) = store_with_file();
        store.sync(store.find(Path::new("/mail")).unwrap());
        assert!(!store.is_durable());
        store.power_cut(Survival::Nothing);
        assert!(store.octets(store.find(path).unwrap()).unwrap().is_empty());

        let (mut store, path, ino) = store_with_file();
        store.sync(ino);
        store.sync(store.find(Path::new("/mail")).unwrap());
        assert!(store.is_durable());
        store.power_cut(Survival::Some(1));
        assert_eq!(store.octets(store.find(path).unwrap()).unwrap(), [b'x'; 200]);
        assert!(store.is_durable());
    }

    #[test]
    fn what_survives_by_chance_is_all_there_is_to_fear() {
        let (mut lost, mut empty, mut torn, mut whole) = (0, 0, 0, 0);
        for seed in 0..400 {
            let (mut store, path, _) = store_with_file();
            store.power_cut(Survival::Some(seed));
            match store.find(path).map(|ino| store.octets(ino).unwrap()) {
                Err(_) => lost += 1,
                Ok([]) => empty += 1,
                Ok(octets) if *octets == [b'x'; 200] => whole += 1,
                Ok(_) => torn += 1,
            }
        }
        assert!(lost > 100 && empty > 40 && torn > 100 && whole > 2, "{lost} {empty} {torn} {whole}");
    }
}
