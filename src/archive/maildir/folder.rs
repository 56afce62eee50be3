//! Finding messages in `new/` and `cur/` by their KEY, whatever other programs do meanwhile.
//!
//! Mail clients move files from `new/` to `cur/` and change the flags in their names at any time,
//! so that a name is a hint, and only a look through both folders during which nothing changed
//! tells that a message is absent.

use crate::archive::ArchiveError;
use crate::archive::presence::Begun;
use crate::disk::{Disk, Meta};
use crate::mail::names::{Key, ShortHash};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a look through the folders is repeated while they change under it.
const LOOKS: usize = 3;

/// A Maildir's `new/` and `cur/`.
pub(super) struct Folder<D> {
    disk: Arc<D>,
    new: PathBuf,
    cur: PathBuf,
    index: Option<Index>,
}

/// What identifies a message's file, whatever a mail client does to its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// One of ours.
    Key(Key),
    /// Another program's: its name without the flags.
    Name(String),
}

impl Tag {
    /// Of what is on record of a message's place.
    pub(super) fn of_place(key: &str) -> Tag {
        Key::parse(key).map_or_else(|| Tag::Name(key.to_owned()), Tag::Key)
    }

    /// Of a file's name; `None` for one that is no message.
    pub(super) fn of_name(name: &str) -> Option<Tag> {
        if name.starts_with('.') {
            return None;
        }
        Some(Key::of_name(name).map_or_else(|| Tag::Name(base(name).to_owned()), Tag::Key))
    }

    /// In 64 bits.
    pub(super) fn fold(&self) -> u64 {
        match self {
            Tag::Key(key) => fold(key),
            Tag::Name(name) => {
                let mut hasher = DefaultHasher::new();
                name.hash(&mut hasher);
                hasher.finish()
            }
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tag::Key(key) => key.fmt(f),
            Tag::Name(name) => f.write_str(name),
        }
    }
}

/// A name without what mail clients put behind it.
fn base(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

/// The names of messages, as seen at one moment, in little memory: without the tag, which
/// whoever looks for one knows.
#[derive(Default)]
struct Index {
    entries: Vec<Entry>,
    /// For each: `n` or `c` for the folder, what is before the tag, `/`, what is behind it, `/`.
    names: String,
    /// What the folders were before the look.
    stamp: Stamp,
    /// They were the same behind it.
    is_whole: bool,
    /// Of each entry: whether somebody knows what it is.
    claimed: Vec<bool>,
}

/// A name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// A hash of the tag.
    hash: u64,
    /// Where the name begins in [`Index::names`].
    at: usize,
    /// The file's number on its file system.
    ino: u64,
}

/// What both folders are; `None` for one that is missing.
type Stamp = [Option<FolderStamp>; 2];

/// What tells that nobody has made, removed or renamed anything in a folder.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct FolderStamp {
    ino: u64,
    len: u64,
    links: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<D: Disk> Folder<D> {
    pub(super) fn new(disk: Arc<D>, root: &Path) -> Self {
        Folder { disk, new: root.join("new"), cur: root.join("cur"), index: None }
    }

    /// Paths that carry `tag`, as of the last look; looks when none was taken yet. A path may be
    /// outdated by the time it is opened: see [`Folder::refresh`].
    pub(super) fn find(&mut self, tag: &Tag) -> Result<Vec<PathBuf>, ArchiveError> {
        if self.index.is_none() {
            self.look()?;
        }
        let Some(index) = &self.index else { return Ok(Vec::new()) };
        Ok(index.find(tag).map(|(folder, name)| self.path(folder, &name)).collect())
    }

    /// Looks again if anything changed since the last look; whether it did.
    pub(super) fn refresh(&mut self) -> Result<bool, ArchiveError> {
        let seen = self.index.as_ref().map(|index| index.stamp);
        if seen == Some(self.stamp()?) {
            return Ok(false);
        }
        self.look()?;
        Ok(true)
    }

    /// Looks through both folders. Afterwards what is not found was absent all the time, as far
    /// as the folders' time stamps can tell.
    pub(super) fn look(&mut self) -> Result<(), ArchiveError> {
        let mut index = Index::default();
        for _ in 0..LOOKS {
            self.index = None;
            index = Index { stamp: self.stamp()?, ..Index::default() };
            // `new/` first: what moves on to `cur/` meanwhile is seen there.
            self.names(&mut |folder, name, ino| index.add(folder, name, ino))?;
            index.is_whole = self.stamp()? == index.stamp;
            if index.is_whole {
                break;
            }
        }
        index.entries.sort_unstable();
        index.claimed = vec![false; index.entries.len()];
        self.index = Some(index);
        Ok(())
    }

    /// The number on its file system of a file that carries `tag`, as of the last look.
    pub(super) fn inode(&self, tag: &Tag) -> Option<u64> {
        let index = self.index.as_ref()?;
        index.entries[index.of(tag.fold())].first().map(|entry| entry.ino)
    }

    /// The same; and whoever calls it knows what all files are that carry `tag`.
    pub(super) fn claim(&mut self, tag: &Tag) -> Option<u64> {
        let index = self.index.as_mut()?;
        let its = index.of(tag.fold());
        index.claimed[its.clone()].fill(true);
        index.entries[its].first().map(|entry| entry.ino)
    }

    /// Whether somebody knows what each file is, and nothing has changed since the last look.
    pub(super) fn is_all_claimed(&self) -> Result<bool, ArchiveError> {
        let Some(index) = &self.index else { return Ok(false) };
        Ok(index.is_whole && index.claimed.iter().all(|claimed| *claimed) && self.stamp()? == index.stamp)
    }

    /// What the folders are now, in words.
    pub(super) fn stamp_now(&self) -> Result<Option<String>, ArchiveError> {
        Ok(Some(words(&self.stamp()?)))
    }

    /// What the folders were at the last look, in words, if nothing can have happened in them since that leaves them as
    /// they were then; `begun` is when that look began, or before.
    pub(super) fn stamp_to_rely_on(&self, begun: Begun) -> Option<String> {
        let index = self.index.as_ref().filter(|index| index.is_whole)?;
        let settled = |stamp: &FolderStamp| begun.is_well_behind(stamp.changed);
        index.stamp.iter().flatten().all(settled).then(|| words(&index.stamp))
    }

    /// Whether the last change in the folders is so old that another one would show.
    pub(super) fn is_settled(&self, begun: Begun) -> Result<bool, ArchiveError> {
        Ok(self.stamp()?.iter().flatten().all(|stamp| begun.is_well_behind(stamp.changed)))
    }

    /// Whether not a single message is there.
    pub(super) fn is_bare(&mut self) -> Result<bool, ArchiveError> {
        self.refresh()?;
        Ok(self.index.as_ref().is_none_or(|index| index.entries.is_empty()))
    }

    /// Calls `each` for every tag, in 64 bits, with how many files carry it, as of the last look.
    pub(super) fn each_tag(&self, each: &mut dyn FnMut(u64, u64)) {
        let entries = self.index.as_ref().map_or(&[][..], |index| &index.entries);
        for alike in entries.chunk_by(|first, second| first.hash == second.hash) {
            each(alike[0].hash, alike.len() as u64);
        }
    }

    pub(super) fn path(&self, folder: char, name: &str) -> PathBuf {
        if folder == 'n' { self.new.join(name) } else { self.cur.join(name) }
    }

    /// Calls `each` for every name: `n` or `c` for the folder, the name, the file's number on its file system.
    pub(super) fn names(&self, each: &mut dyn FnMut(char, &str, u64)) -> Result<(), ArchiveError> {
        for (folder, path) in [('n', &self.new), ('c', &self.cur)] {
            let read = self.disk.read_dir_numbered(path, &mut |name, ino| {
                if let Some(name) = name.to_str() {
                    each(folder, name, ino);
                }
                true
            });
            match read {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                outcome => outcome.map_err(|error| ArchiveError::at(path, &error))?,
            }
        }
        Ok(())
    }

    fn stamp(&self) -> Result<Stamp, ArchiveError> {
        let stamp = |path: &Path| match self.disk.metadata(path) {
            Ok(Meta { ino, len, links, modified, changed, .. }) => {
                Ok(Some(FolderStamp { ino, len, links, modified, changed }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ArchiveError::at(path, &error)),
        };
        Ok([stamp(&self.new)?, stamp(&self.cur)?])
    }
}

impl Index {
    fn add(&mut self, folder: char, name: &str, ino: u64) {
        let Some(tag) = Tag::of_name(name) else { return };
        let (before, behind) = match &tag {
            Tag::Key(_) => {
                let Some((before, rest)) = name.split_once('.') else { return };
                (before, &rest[rest.find('.').unwrap_or(rest.len())..])
            }
            Tag::Name(base) => ("", &name[base.len()..]),
        };
        self.entries.push(Entry { hash: tag.fold(), at: self.names.len(), ino });
        self.names.push(folder);
        self.names.push_str(before);
        self.names.push('/');
        self.names.push_str(behind);
        self.names.push('/');
    }

    /// The entries whose tag has this hash. Hashes are spread evenly, so the search starts where this one should be. Halving
    /// the whole list instead would read memory in many distant places.
    fn of(&self, hash: u64) -> Range<usize> {
        let len = self.entries.len();
        let is_before = |at: usize| self.entries[at].hash < hash;
        let guess = usize::try_from((u128::from(hash) * len as u128) >> 64).unwrap_or(len);
        // The first one is between `low` and `high` in the end.
        let (mut low, mut high, mut step) = (guess, guess, 1);
        while low > 0 && !is_before(low - 1) {
            (high, low, step) = (low, low.saturating_sub(step), 2 * step);
        }
        while high < len && is_before(high) {
            (low, high, step) = (high + 1, (high + step).min(len), 2 * step);
        }
        let first = low + self.entries[low..high].partition_point(|entry| entry.hash < hash);
        let equal = self.entries[first..].iter().take_while(|entry| entry.hash == hash).count();
        first..first + equal
    }

    fn find(&self, tag: &Tag) -> impl Iterator<Item = (char, String)> {
        self.entries[self.of(tag.fold())].iter().filter_map(move |entry| {
            let entry = self.names.get(entry.at..)?;
            let folder = entry.chars().next()?;
            let (before, rest) = entry[1..].split_once('/')?;
            let (behind, _) = rest.split_once('/')?;
            // Should two tags share a hash, this is a name that does not exist.
            Some((
                folder,
                match tag {
                    Tag::Key(key) => format!("{before}.{key}{behind}"),
                    Tag::Name(base) => format!("{base}{behind}"),
                },
            ))
        })
    }
}

/// For the ledger.
fn words(stamp: &Stamp) -> String {
    let each = |folder: &Option<FolderStamp>| {
        folder.map_or_else(
            || "-".to_owned(),
            |FolderStamp { ino, len, links, modified, changed }| {
                let ((m, mn), (c, cn)) = (modified, changed);
                format!("{ino}:{len}:{links}:{m}.{mn}:{c}.{cn}")
            },
        )
    };
    stamp.iter().map(each).collect::<Vec<_>>().join(" ")
}

/// A KEY in 64 bits.
fn fold(key: &Key) -> u64 {
    let part = |hash: &ShortHash| hash.iter().take(8).fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
    part(&key.origin) ^ part(&key.content).rotate_left(1) ^ u64::from(key.copy)
}

#[cfg(test)]
mod tests {
    use super::{Entry, Index};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_are_found_wherever_their_hashes_are(
            mut hashes in proptest::collection::vec(prop_oneof![any::<u64>(), 0..9_u64, u64::MAX - 9..=u64::MAX], 0..99),
            others in proptest::collection::vec(prop_oneof![any::<u64>(), 0..9_u64, u64::MAX - 9..=u64::MAX], 0..9),
        ) {
            hashes.sort_unstable();
            let entries = hashes.iter().map(|&hash| Entry { hash, at: 0, ino: 0 }).collect();
            let index = Index { entries, ..Index::default() };
            for hash in hashes.iter().chain(&others) {
                let first = hashes.partition_point(|other| other < hash);
                let behind = hashes.partition_point(|other| other <= hash);
                prop_assert_eq!(index.of(*hash), first..behind);
            }
        }
    }
}
