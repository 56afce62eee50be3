//! What is in an archive: of each row its content, the size of its message on the wire, and whether its copy was there.
//!
//! A size is counted once, by reading the copy. The index is kept in the cache folder, from which it may be deleted at any
//! time. A file that is damaged, or of another form, counts as none.

use crate::disk::{self, Disk as _, OsDisk};
use crate::ledger::Seq;
use crate::mail::names::ShortHash;
use crate::text::hex::Hex;
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What a file begins with; the number is that of its form.
const MAGIC: &[u8; 8] = b"popkeep1";

/// Octets of an entry in the file.
const ENTRY: usize = 8 + 16 + 8 + 4 + 1;

/// Octets of the hash behind the entries.
const HASH: usize = 32;

/// The longest stamp, in octets.
const MAX_STAMP: usize = 512;

/// The largest file that is read, in octets: 50 million messages.
const LARGEST: u64 = 2 << 30;

/// A row's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The row.
    pub(super) seq: Seq,
    /// Its content.
    pub(super) content: ShortHash,
    /// Its octets on the wire, without dot-stuffing.
    pub(super) size: u64,
    /// How many rows with this content there are up to this one.
    pub(super) ordinal: u32,
    /// Its copy was there.
    pub(super) there: bool,
}

impl Entry {
    /// Its unique-id: the content, and which one of equal ones it is.
    pub(super) fn uid(&self) -> String {
        match self.ordinal {
            0 | 1 => format!("C{}", Hex(&self.content)),
            ordinal => format!("C{}-{ordinal}", Hex(&self.content)),
        }
    }
}

/// The entries of an archive, by ascending row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// What ledger and archive were when this was all that was to be said; empty: not known.
    pub(super) stamp: String,
    pub(super) entries: Arc<Vec<Entry>>,
}

impl Index {
    /// The entry of a row.
    pub(super) fn of(&self, seq: Seq) -> Option<&Entry> {
        self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok().map(|at| &self.entries[at])
    }

    /// As it was kept in this file; empty if there is none to be used.
    pub(super) fn load(path: &Path) -> Index {
        disk::read_limited(path, LARGEST).ok().and_then(|octets| Index::decode(&octets)).unwrap_or_default()
    }

    /// Keeps it in this file.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        disk::make_private_dirs(folder)?;
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", std::process::id()));
        let draft = Path::new(&draft);
        // From a process of our number that was killed.
        let _ = OsDisk.unlink(draft);
        let written =
            disk::write_new_private(draft, &self.encode()).and_then(|()| disk::replace_private(draft, path));
        if written.is_err() {
            let _ = OsDisk.unlink(draft);
        }
        written
    }

    fn encode(&self) -> Vec<u8> {
        let stamp = if self.stamp.len() > MAX_STAMP { "" } else { &self.stamp };
        let mut octets =
            Vec::with_capacity(MAGIC.len() + 8 + stamp.len() + self.entries.len() * ENTRY + HASH);
        octets.extend_from_slice(MAGIC);
        octets.extend_from_slice(&(stamp.len() as u64).to_le_bytes());
        octets.extend_from_slice(stamp.as_bytes());
        for entry in &*self.entries {
            octets.extend_from_slice(&entry.seq.to_le_bytes());
            octets.extend_from_slice(&entry.content);
            octets.extend_from_slice(&entry.size.to_le_bytes());
            octets.extend_from_slice(&entry.ordinal.to_le_bytes());
            octets.push(u8::from(entry.there));
        }
        let hash = Sha256::digest(&octets);
        octets.extend_from_slice(&hash);
        octets
    }

    fn decode(octets: &[u8]) -> Option<Index> {
        let (body, hash) = octets.split_last_chunk::<HASH>()?;
        if Sha256::digest(body).as_slice() != hash {
            return None;
        }
        let rest = body.strip_prefix(MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let length =
            usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length <= MAX_STAMP)?;
        let (stamp, rest) = rest.split_at_checked(length)?;
        let (entries, left) = rest.as_chunks::<ENTRY>();
        let entries: Vec<Entry> = entries.iter().map(entry).collect();
        let ascending = entries.is_sorted_by(|first, second| first.seq < second.seq);
        let stamp = std::str::from_utf8(stamp).ok()?.to_owned();
        (left.is_empty() && ascending).then_some(Index { stamp, entries: Arc::new(entries) })
    }
}

fn entry(octets: &[u8; ENTRY]) -> Entry {
    let number = |at: usize| octets[at..].first_chunk().map_or(0, |octets| u64::from_le_bytes(*octets));
    let mut content = ShortHash::default();
    content.copy_from_slice(&octets[8..24]);
    let ordinal = octets[32..].first_chunk().map_or(0, |octets| u32::from_le_bytes(*octets));
    Entry { seq: number(0), content, size: number(24), ordinal, there: octets[36] != 0 }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Index};

    fn index() -> Index {
        let entries = (1..5).map(|n| Entry {
            seq: n * 3,
            content: [u8::try_from(n).unwrap(); 16],
            size: n << 40,
            ordinal: 1,
            there: n != 2,
        });
        Index { stamp: "7 a".to_owned(), entries: std::sync::Arc::new(entries.collect()) }
    }

    #[test]
    fn what_was_kept_is_found_again_and_damage_is_no_index() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("serve/work");
        assert_eq!(Index::load(&file), Index::default());
        for _ in 0..2 {
            index().save(&file).unwrap();
            assert_eq!(Index::load(&file), index());
        }
        let octets = index().encode();
        for at in 0..octets.len() {
            let mut damaged = octets.clone();
            damaged[at] ^= 1;
            assert_eq!(Index::decode(&damaged), None);
            assert_eq!(Index::decode(&octets[..at]), None);
        }
        assert_eq!(index().of(6).unwrap().size, 2 << 40);
        assert_eq!(index().of(7), None);
    }

    #[test]
    fn unique_ids_are_as_rfc_1939_wants_them() {
        let mut entry = index().entries[0];
        assert_eq!(entry.uid(), format!("C{}", "01".repeat(16)));
        entry.ordinal = u32::MAX;
        assert!(entry.uid().len() <= 70 && entry.uid().bytes().all(|octet| octet.is_ascii_graphic()));
    }
}
