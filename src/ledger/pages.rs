//! All rows, or those of a range, without all of them in memory.

use super::{Ledger, LedgerError, Row, Seq};
use std::ops::RangeInclusive;

/// Rows that the ledger is asked for at once.
const PAGE: usize = 1024;

/// Stored or deleted rows, page by page, by ascending number.
#[derive(Clone, Debug)]
pub struct RowPages {
    from: Seq,
    to: Seq,
}

impl RowPages {
    /// Those with numbers in this range.
    pub fn of(range: &RangeInclusive<Seq>) -> Self {
        RowPages { from: *range.start(), to: *range.end() }
    }

    /// All.
    pub fn all() -> Self {
        RowPages::of(&(0..=Seq::MAX))
    }

    /// The next rows; none when there are no more.
    pub fn next_page(&mut self, ledger: &dyn Ledger) -> Result<Vec<Row>, LedgerError> {
        if self.from > self.to {
            return Ok(Vec::new());
        }
        let left = (self.to - self.from).saturating_add(1);
        let mut rows = ledger.rows(self.from, usize::try_from(left).map_or(PAGE, |left| left.min(PAGE)))?;
        rows.retain(|row| row.seq <= self.to);
        if let Some(last) = rows.last() {
            self.from = last.seq + 1;
        }
        Ok(rows)
    }
}
