//! Which row a message is whose octets have come: compared by content with what is archived.
//!
//! In this order, of rows that explain no other listed message, an exact copy before one that differs in the headers
//! that servers write alone:
//! - the rows of its UID;
//! - rows without a UID;
//! - rows of this maildrop that are not listed any more (or are listed, and in doubt themselves, if its own UID is on
//!   record: UIDs shift): stored, not deleted by us, their copy still there, and never listed beside it in this run;
//! - while the maildrop moves to other UIDs, and for a message without a UID: every row.
//!
//! Must never: let one row explain two listed messages.

use crate::archive::{Archive, ArchiveError, Copy};
use crate::fetch::recognition::listed_together::ListedTogether;
use crate::ledger::{Ledger, LedgerError, Row, RowState, Seq};
use crate::mail::digest::{Digest, Hash};
use crate::plan::{Compare, Plan};
use std::collections::{HashMap, HashSet, VecDeque};

/// Lists of equal contents that are longer are looked up once and kept.
const SHORT: usize = 8;

/// Rows of equal content that are passed over, at most, because the message cannot be them.
const PATIENCE: usize = 64;

/// Finds the rows of the messages of one download.
pub(crate) struct ByContent<'a> {
    plan: &'a Plan<'a>,
    /// Rows that explain a message that has come already, or that no listed message can be.
    pub claimed: HashSet<Seq>,
    /// Which UIDs were listed together in this run.
    listed_together: &'a ListedTogether,
    /// Rows of equal content, where there are many.
    lists: HashMap<(Alikeness, Hash), VecDeque<Seq>>,
}

/// How much alike two messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Alikeness {
    Exact,
    Core,
}

impl Alikeness {
    fn hash(self, digest: &Digest) -> Hash {
        match self {
            Alikeness::Exact => digest.content(),
            Alikeness::Core => digest.core(),
        }
    }

    fn rows(self, ledger: &dyn Ledger, digest: &Digest) -> Result<VecDeque<Seq>, LedgerError> {
        let rows = match self {
            Alikeness::Exact => ledger.by_content(digest)?,
            Alikeness::Core => ledger.by_core(digest)?,
        };
        Ok(rows.into())
    }
}

impl<'a> ByContent<'a> {
    pub(crate) fn new(
        plan: &'a Plan<'a>,
        claimed: HashSet<Seq>,
        listed_together: &'a ListedTogether,
    ) -> Self {
        ByContent { plan, claimed, listed_together, lists: HashMap::new() }
    }

    /// The row that the message at this place of the plan is, with this content.
    pub(crate) fn find(
        &mut self,
        archive: &mut dyn Archive,
        ledger: &dyn Ledger,
        item: usize,
        compare: Compare,
        digest: &Digest,
    ) -> Result<Option<Row>, ArchiveError> {
        let plan = self.plan;
        let group = match compare {
            Compare::Nothing => return Ok(None),
            Compare::Group(group) => Some(plan.group(group)),
            Compare::Loose | Compare::Unclaimed => None,
        };
        if let Some(group) = group {
            for alike in [Alikeness::Exact, Alikeness::Core] {
                if let Some(row) = self.of_group(ledger, group, alike, digest)? {
                    return Ok(Some(row));
                }
            }
        }
        if group.is_some() && plan.shows_parts() && plan.nameless().is_empty() {
            return Ok(None);
        }
        for alike in [Alikeness::Exact, Alikeness::Core] {
            if let Some(row) = self.of_others(archive, ledger, item, compare, alike, digest)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// A row of the message's own UID.
    fn of_group(
        &mut self,
        ledger: &dyn Ledger,
        group: &[Seq],
        alike: Alikeness,
        digest: &Digest,
    ) -> Result<Option<Row>, LedgerError> {
        if group.len() > SHORT {
            let (mut list, long) = self.list(ledger, alike, digest)?;
            let claimed = &self.claimed;
            while list.pop_front_if(|seq| claimed.contains(seq)).is_some() {}
            let own = |seq: &&Seq| !claimed.contains(*seq) && group.binary_search(*seq).is_ok();
            let found = list.iter().find(own).copied();
            self.keep_list(alike, digest, list, long);
            return found.map_or(Ok(None), |seq| ledger.row(seq));
        }
        for &seq in group.iter().filter(|seq| !self.claimed.contains(*seq)) {
            let form = ledger.served_as(seq)?;
            if let Some(row) = ledger.row(seq)?
                && row.state != RowState::Intent
                && alike.hash(form.as_ref().unwrap_or(&row.digest)) == alike.hash(digest)
            {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Another row that may be the message.
    fn of_others(
        &mut self,
        archive: &mut dyn Archive,
        ledger: &dyn Ledger,
        item: usize,
        compare: Compare,
        alike: Alikeness,
        digest: &Digest,
    ) -> Result<Option<Row>, ArchiveError> {
        let (mut list, long) = self.list(ledger, alike, digest)?;
        let plan = self.plan;
        let mut found = None;
        // Of rows that were deleted the first, should there be no other.
        let mut second_best = None;
        let mut passed_over = 0;
        let mut at = 0;
        while let Some(&seq) = list.get(at) {
            if self.claimed.contains(&seq) || plan.explains(seq) {
                if at == 0 {
                    list.pop_front();
                } else {
                    at += 1;
                }
                continue;
            }
            at += 1;
            if passed_over >= PATIENCE {
                break;
            }
            let Some(row) = ledger.row(seq)? else { continue };
            if self.may_be(archive, item, compare, &row)? {
                if compare != Compare::Unclaimed || row.state != RowState::Deleted {
                    found = Some(row);
                    break;
                }
                second_best.get_or_insert(row);
            }
            passed_over += 1;
        }
        self.keep_list(alike, digest, list, long);
        Ok(found.or(second_best))
    }

    /// Whether the message may be this row, which has the same content and explains no other.
    fn may_be(
        &self,
        archive: &mut dyn Archive,
        item: usize,
        compare: Compare,
        row: &Row,
    ) -> Result<bool, ArchiveError> {
        let plan = self.plan;
        let listed_as = plan.item(item).entry.uid;
        let beside = || match (listed_as, &row.uid) {
            (Some(one), Some(other)) => self.listed_together.were(one, other),
            _ => false,
        };
        match compare {
            Compare::Nothing => Ok(false),
            Compare::Unclaimed => Ok(!plan.is_listed(row.seq)),
            Compare::Group(_) | Compare::Loose if row.uid.is_none() => Ok(row.state == RowState::Stored),
            Compare::Loose if plan.is_listed(row.seq) || beside() => Ok(false),
            Compare::Group(_) if plan.shows_parts() || !plan.is_listed(row.seq) && beside() => Ok(false),
            Compare::Group(_) | Compare::Loose => Ok(row.state == RowState::Stored
                && !plan.is_leaving(row.seq)
                && matches!(archive.verify(row)?, Copy::Intact(_))),
        }
    }

    /// The rows of equal content, and whether there are, or were, enough of them to be kept. What this run adds to them
    /// explains other messages.
    fn list(
        &mut self,
        ledger: &dyn Ledger,
        alike: Alikeness,
        digest: &Digest,
    ) -> Result<(VecDeque<Seq>, bool), LedgerError> {
        if let Some(list) = self.lists.remove(&(alike, alike.hash(digest))) {
            return Ok((list, true));
        }
        let list = alike.rows(ledger, digest)?;
        let long = list.len() > SHORT;
        Ok((list, long))
    }

    fn keep_list(&mut self, alike: Alikeness, digest: &Digest, list: VecDeque<Seq>, long: bool) {
        if long {
            self.lists.insert((alike, alike.hash(digest)), list);
        }
    }
}
