//! What a look at an archive has found: where the copies of the ledger's rows are, as data.

use crate::clock;
use crate::ledger::{LookRecord, Seq, UnixTime};
use std::collections::BTreeMap;

/// What is in the archive of the rows that the ledger has for it. A row that it does not speak of is there.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    /// Rows whose copies are not there, ascending.
    absent: Vec<Seq>,
    /// Rows in whose place something else is, and what.
    damaged: BTreeMap<Seq, String>,
    /// Rows of which the owner has said that what is gone or changed is so on purpose, ascending.
    accepted: Vec<Seq>,
    /// Why it was not looked at, if it was not.
    unseen: Option<String>,
}

/// When a look began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    now: UnixTime,
    exact: (UnixTime, i64),
}

/// A change may be as young as this, in seconds, and another one behind it have the same time stamp.
const COARSE: i64 = 2;

/// The same, in nanoseconds, where time stamps are finer than a millisecond: more than two ticks of the slowest kernel.
const FINE: i64 = 25_000_000;

impl Begun {
    /// Now, which the run takes to be `now`.
    pub(super) fn at(now: UnixTime) -> Self {
        Begun { now, exact: clock::now_exact() }
    }

    /// Never: nothing that it finds is to be relied on later.
    pub(super) fn never() -> Self {
        Begun { now: UnixTime::MIN, exact: (UnixTime::MIN, 0) }
    }

    /// The run's now.
    pub(super) fn now(self) -> UnixTime {
        self.now
    }

    /// Whether any change since this look began would show: what changed last did so long enough before.
    pub(super) fn is_well_behind(self, changed: (i64, i64)) -> bool {
        let (seconds, nanoseconds) = (self.exact.0.saturating_sub(changed.0), self.exact.1 - changed.1);
        let age = seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
        let is_fine = changed.1 % 1_000_000 != 0;
        changed.0.saturating_add(COARSE) < self.now || is_fine && age > FINE
    }
}

/// Where the copy of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// In the archive.
    There,
    /// Somebody has removed it.
    Removed,
    /// Something else is in its place.
    Damaged,
    /// Something else is in its place, on purpose.
    Edited,
}

impl Presence {
    /// As the last look at it is on record; `accepted` as the ledger has them.
    pub fn of_record(record: &LookRecord, accepted: Vec<Seq>) -> Self {
        let damaged = record
            .odd
            .iter()
            .filter_map(|odd| Some((odd.seq, odd.problem.clone()?)))
            .collect::<BTreeMap<_, _>>();
        Presence { absent: record.absent.clone(), damaged, accepted, unseen: None }
    }

    /// Nothing is known, for this reason; so nothing is called removed.
    pub fn unseen(reason: String, accepted: Vec<Seq>) -> Self {
        Presence { unseen: Some(reason), accepted, ..Presence::default() }
    }

    /// Where this row's copy is.
    pub fn of(&self, seq: Seq) -> Whereabouts {
        if self.absent.binary_search(&seq).is_ok() {
            return Whereabouts::Removed;
        }
        match (self.damaged.contains_key(&seq), self.is_accepted(seq)) {
            (false, _) => Whereabouts::There,
            (true, false) => Whereabouts::Damaged,
            (true, true) => Whereabouts::Edited,
        }
    }

    /// What is in the place of this row's copy, if that is damaged.
    pub fn problem(&self, seq: Seq) -> Option<&str> {
        self.damaged.get(&seq).map(String::as_str)
    }

    /// Whether the owner has said of this row's copy that what is gone or changed is so on purpose.
    pub fn is_accepted(&self, seq: Seq) -> bool {
        self.accepted.binary_search(&seq).is_ok()
    }

    /// Whether this row's message must stay on the server: its copy is gone, is damaged, or was given up.
    pub fn keeps(&self, seq: Seq) -> bool {
        self.of(seq) != Whereabouts::There || self.is_accepted(seq)
    }

    /// Rows that somebody has removed and of which their owner has said nothing, ascending.
    pub fn removed(&self) -> impl Iterator<Item = Seq> + '_ {
        self.absent.iter().copied().filter(|&seq| !self.is_accepted(seq))
    }

    /// Rows whose copies are damaged and of which their owner has said nothing, ascending, with what is wrong.
    pub fn damaged(&self) -> impl Iterator<Item = (Seq, &str)> + '_ {
        self.damaged
            .iter()
            .filter(|(seq, _)| !self.is_accepted(**seq))
            .map(|(seq, problem)| (*seq, problem.as_str()))
    }

    /// Rows of which their owner has said something, ascending.
    pub fn accepted(&self) -> &[Seq] {
        &self.accepted
    }

    /// Why the archive was not looked at, if it was not.
    pub fn why_unseen(&self) -> Option<&str> {
        self.unseen.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::Presence;
    use super::Whereabouts::{Damaged, Edited, Removed, There};
    use crate::ledger::{LookRecord, OddCopy};

    #[test]
    fn a_row_is_there_unless_the_look_says_otherwise() {
        let odd = |seq, problem: Option<&str>| OddCopy {
            seq,
            stamp: String::new(),
            problem: problem.map(ToOwned::to_owned),
        };
        let record = LookRecord {
            absent: vec![2, 5],
            odd: vec![odd(3, Some("empty")), odd(4, None), odd(6, Some("cut"))],
            ..LookRecord::default()
        };
        let presence = Presence::of_record(&record, vec![1, 5, 6]);
        let found: Vec<_> = (1..=6).map(|seq| presence.of(seq)).collect();
        assert_eq!(found, [There, Removed, Damaged, There, Removed, Edited]);
        assert_eq!(presence.removed().collect::<Vec<_>>(), [2]);
        assert_eq!(presence.damaged().collect::<Vec<_>>(), [(3, "empty")]);
        assert_eq!((1..=6).filter(|&seq| presence.keeps(seq)).collect::<Vec<_>>(), [1, 2, 3, 5, 6]);
    }
}
