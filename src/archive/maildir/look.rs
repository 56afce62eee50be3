//! A look through a Maildir: which rows' copies are there by name, and in turn by size.
//!
//! What it costs: nothing where both folders are what they were at the last look, but for the sizes whose turn it is;
//! otherwise a pass over the names, and one more before a message is called removed. At most [`STATS`] files are
//! asked for their size in a run, in the order in which they are on the disk; in a larger archive that nothing has
//! touched, such a portion has its turn every [`PAUSE`] seconds.

use super::Maildir;
use super::folder::Tag;
use crate::archive::presence::Begun;
use crate::archive::{ArchiveError, Beside, Presence, digest_of, digest_of_marked};
use crate::disk::{Access, Disk, Kind, Meta};
use crate::ledger::{Change, Ledger, LookRecord, OddCopy, Other, Place, Row, Seq};
use crate::mail::digest::Digest;
use crate::receipt::VerifiedCopy;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Files whose size is looked at in one run, at most.
pub(super) const STATS: usize = 20_000;

/// Between two portions of an archive that nothing has touched, in seconds.
const PAUSE: i64 = 12 * 3600;

/// What the names tell.
struct Names {
    /// Rows whose KEY is in none, ascending.
    absent: Vec<Seq>,
    /// Those that are to be looked at by size, in the order in which they are on the disk.
    candidates: Vec<Candidate>,
    /// The first one whose turn comes next time; `None` where all had theirs.
    next: Option<Seq>,
}

/// A copy whose size is looked at.
struct Candidate {
    ino: u64,
    seq: Seq,
    size: u64,
    tag: Tag,
}

impl<D: Disk> Maildir<D> {
    /// See [`crate::archive::Archive::look`].
    pub(super) fn look_through(
        &mut self,
        ledger: &mut dyn Ledger,
        begun: Begun,
    ) -> Result<Presence, ArchiveError> {
        let now = begun.now();
        let before = ledger.last_look()?;
        let accepted = ledger.accepted()?;
        let Some(last) = ledger.newest(Seq::MAX, 1)?.first().map(|row| row.seq) else {
            return Ok(Presence::of_record(&LookRecord::default(), accepted));
        };
        let in_turns = last > self.stats as u64;
        let turn = !in_turns || before.turn_at > now || now.saturating_sub(before.turn_at) >= PAUSE;
        let is_accepted = |seq: Seq| accepted.binary_search(&seq).is_ok();
        let worried = before.odd.iter().any(|odd| odd.problem.is_some() && !is_accepted(odd.seq));
        if !turn && !worried && before.stamp.is_some() && before.stamp == self.folder.stamp_now()? {
            return Ok(Presence::of_record(&before, accepted));
        }
        self.folder.look()?;
        let Names { absent, candidates, next } = self.by_name(&*ledger, &before, &accepted)?;
        let mut odd = self.by_size(&*ledger, candidates, &before)?;
        // What had not its turn is as it was when it had.
        let turns = before.turn..next.unwrap_or(Seq::MAX);
        let others = before.odd.iter().filter(|odd| odd.problem.is_none() && !turns.contains(&odd.seq));
        odd.extend(others.filter(|odd| absent.binary_search(&odd.seq).is_err()).cloned());
        odd.sort_by_key(|odd| odd.seq);
        let after = LookRecord {
            stamp: self.folder.stamp_to_rely_on(begun),
            absent,
            odd,
            turn: next.unwrap_or(0),
            turn_at: if in_turns { now } else { before.turn_at },
            ..before
        };
        if after != before {
            ledger.commit(&[Change::Looked(after.clone())])?;
        }
        Ok(Presence::of_record(&after, accepted))
    }

    /// Rows whose KEY is in no name, and those that are to be looked at by size.
    fn by_name(
        &mut self,
        ledger: &dyn Ledger,
        before: &LookRecord,
        accepted: &[Seq],
    ) -> Result<Names, ArchiveError> {
        let mut absent = Vec::new();
        let mut candidates = Vec::new();
        let (mut in_turn, most) = (0, self.stats);
        let mut next = None;
        let folder = &mut self.folder;
        ledger.places(&mut |seq, size, place| {
            let Place::Maildir { key } = place else { return };
            let tag = Tag::of_place(key);
            let Some(ino) = folder.claim(&tag) else {
                absent.push((seq, tag));
                return;
            };
            let its_turn = seq >= before.turn && in_turn < most;
            in_turn += usize::from(its_turn);
            if !its_turn && seq >= before.turn {
                next.get_or_insert(seq);
            }
            let odd = || {
                let known = before.odd.binary_search_by_key(&seq, |odd| odd.seq);
                known.is_ok_and(|at| before.odd[at].problem.is_some())
            };
            if (its_turn || odd()) && accepted.binary_search(&seq).is_err() {
                candidates.push(Candidate { ino, seq, size, tag });
            }
        })?;
        let news = |seq: &Seq| before.absent.binary_search(seq).is_err();
        if absent.iter().any(|(seq, _)| news(seq)) {
            // A mail client may have renamed it while we read the names.
            self.folder.look()?;
            absent.retain(|(_, tag)| self.folder.inode(tag).is_none());
        }
        candidates.sort_unstable_by_key(|candidate| candidate.ino);
        Ok(Names { absent: absent.into_iter().map(|(seq, _)| seq).collect(), candidates, next })
    }

    /// Those whose size is not the recorded one, with what was found in them.
    fn by_size(
        &mut self,
        ledger: &dyn Ledger,
        candidates: Vec<Candidate>,
        before: &LookRecord,
    ) -> Result<Vec<OddCopy>, ArchiveError> {
        let mut odd = Vec::new();
        for Candidate { seq, size, tag, .. } in candidates {
            let paths = self.folder.find(&tag)?;
            // One that is renamed meanwhile was there when the names were read.
            let mut found = Vec::with_capacity(paths.len());
            for path in paths {
                if let Ok(meta) = self.disk.metadata(&path) {
                    found.push((path, meta));
                }
            }
            let as_recorded = |meta: &Meta| meta.kind == Kind::File && meta.len == size;
            if found.is_empty() || found.iter().any(|(_, meta)| as_recorded(meta)) {
                continue;
            }
            let stamp = stamp(&found);
            let known = before.odd.iter().find(|known| known.seq == seq && known.stamp == stamp);
            if let Some(known) = known {
                odd.push(known.clone());
            } else if let Some(row) = ledger.row(seq)? {
                odd.push(OddCopy { seq, stamp, problem: self.what_is_wrong(&row, &found) });
            }
        }
        Ok(odd)
    }

    /// What is wrong with a copy whose size is not the recorded one; `None` where it differs in header marks
    /// alone.
    fn what_is_wrong(&self, row: &Row, found: &[(PathBuf, Meta)]) -> Option<String> {
        let mut problem = None;
        for (path, meta) in found {
            let place = path.strip_prefix(&self.root).unwrap_or(path).display();
            if meta.kind != Kind::File {
                problem = Some(format!("{place} is not a file"));
                continue;
            }
            match self.compare(path, &row.digest) {
                Ok(Some(_)) => return None,
                Ok(None) => problem = Some(format!("{place} has {} octets, not {}", meta.len, row.size)),
                Err(error) => problem = Some(format!("{place} cannot be read ({error})")),
            }
        }
        problem
    }

    /// The file's content, if it is what is recorded or differs from that in header marks alone.
    pub(super) fn compare(&self, path: &Path, recorded: &Digest) -> std::io::Result<Option<VerifiedCopy>> {
        let (digest, _) = digest_of(self.disk.open(path, Access::Read)?)?;
        if let Some(copy) = VerifiedCopy::compare(&digest, recorded) {
            return Ok(Some(copy));
        }
        if digest.rest != recorded.rest {
            return Ok(None);
        }
        let (digest, _) = digest_of_marked(self.disk.open(path, Access::Read)?)?;
        Ok(VerifiedCopy::compare(&digest, recorded))
    }
}

impl<D: Disk> Maildir<D> {
    /// See [`crate::archive::Archive::beside`].
    pub(super) fn without_a_row(&mut self, ledger: &dyn Ledger) -> Result<Beside, ArchiveError> {
        let (mut rows, mut others) = (HashSet::new(), HashSet::new());
        let mut beside = Beside::default();
        ledger.places(&mut |_, _, place| {
            if let Place::Maildir { key } = place {
                beside.contradiction |= !rows.insert(Tag::of_place(key).fold());
            }
        })?;
        ledger.other_places(&mut |other, place| {
            if let (Other::OfAnotherAccount | Other::Bad, Place::Maildir { key }) = (other, place) {
                others.insert(Tag::of_place(key).fold());
            }
        })?;
        self.folder.each_tag(&mut |tag, files| match (rows.contains(&tag), others.contains(&tag)) {
            (true, _) => beside.twice += files - 1,
            (false, false) => beside.foreign += files,
            (false, true) => {}
        });
        Ok(beside)
    }
}

/// What the files of one KEY are.
fn stamp(found: &[(PathBuf, Meta)]) -> String {
    let each = |(_, meta): &(PathBuf, Meta)| {
        format!("{}:{}:{}.{}", meta.ino, meta.len, meta.changed.0, meta.changed.1)
    };
    found.iter().map(each).collect::<Vec<_>>().join(" ")
}
