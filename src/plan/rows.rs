//! The rows whose UIDs are listed, in little memory.

use super::Verdict;
use crate::ledger::Seq;
use std::collections::HashSet;

/// Rows by ascending number, each with whether it explains a listed message.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    seqs: Vec<Seq>,
    /// A bit for each of them.
    explain: Vec<u64>,
    /// Rows that were not listed and explain a message all the same.
    bound: HashSet<Seq>,
    /// Rows that are listed no longer.
    released: HashSet<Seq>,
}

impl Rows {
    pub(super) fn of(mut seqs: Vec<Seq>) -> Self {
        seqs.sort_unstable();
        let explain = vec![0; seqs.len().div_ceil(64)];
        Rows { seqs, explain, bound: HashSet::new(), released: HashSet::new() }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.seqs.is_empty() && self.bound.is_empty()
    }

    /// Which of them explain a message.
    pub(super) fn settle(&mut self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            if let Some(row) = verdict.row()
                && let Ok(at) = self.seqs.binary_search(&row.seq)
            {
                self.explain[at / 64] |= 1 << (at % 64);
            }
        }
    }

    /// From now on this row explains a message.
    pub(super) fn bind(&mut self, seq: Seq) {
        self.bound.insert(seq);
    }

    /// From now on this row is as one that is not listed.
    pub(super) fn release(&mut self, seq: Seq) {
        self.bound.remove(&seq);
        self.released.insert(seq);
    }

    /// Whether this row explains a message; `None`: its UID is not listed.
    pub(super) fn get(&self, seq: Seq) -> Option<bool> {
        if self.bound.contains(&seq) {
            return Some(true);
        }
        if self.released.contains(&seq) {
            return None;
        }
        let at = self.seqs.binary_search(&seq).ok()?;
        Some(self.explain[at / 64] >> (at % 64) & 1 == 1)
    }
}
