//! Which copies a verification reads: all, or those that were not read for the longest time.
//!
//! A share is counted in octets, so that each of a row of daily runs takes about the same time. Rows that were never
//! read come first, then those whose last reading is the oldest; among these the lower row number.

use crate::ledger::{Ledger, LedgerError, Reading, Seq, UnixTime};
use std::ops::RangeInclusive;

/// How much is read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Share {
    /// Everything.
    #[default]
    All,
    /// So many hundredths of the octets on record.
    Percent(f64),
    /// So many octets.
    Octets(u64),
}

/// The rows whose copies are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Which, in the order in which they are read; none twice.
    pub(super) rows: Vec<RangeInclusive<Seq>>,
    /// How many.
    pub(super) copies: u64,
    /// Their octets.
    pub(super) octets: u64,
}

/// Chooses what is read. `timed`: there may not be time for all of it.
pub(super) fn choose(ledger: &dyn Ledger, share: Share, timed: bool) -> Result<Chosen, LedgerError> {
    let all = ledger.totals()?;
    let wanted = match share {
        Share::All if timed => u64::MAX,
        Share::All => {
            let rows = vec![0..=Seq::MAX];
            return Ok(Chosen { rows, copies: all.messages, octets: all.octets });
        }
        Share::Octets(octets) => octets,
        Share::Percent(percent) => hundredths(all.octets, percent),
    };
    let mut sizes: Vec<(Seq, u64)> = Vec::new();
    ledger.places(&mut |seq, size, _| sizes.push((seq, size)))?;
    let readings = ledger.verification()?.readings;
    let mut order: Vec<(Option<UnixTime>, Seq, u64)> =
        sizes.into_iter().map(|(seq, size)| (read_at(&readings, seq), seq, size)).collect();
    order.sort_unstable();
    let mut chosen = Chosen::default();
    let mut numbers: Vec<Seq> = Vec::new();
    for (_, seq, size) in order {
        if chosen.octets >= wanted {
            break;
        }
        // A message without an octet counts as one, so that a row of them comes to an end.
        chosen.octets = chosen.octets.saturating_add(size.max(1));
        numbers.push(seq);
    }
    chosen.copies = numbers.len() as u64;
    chosen.rows = ranges(numbers);
    Ok(chosen)
}

/// When a row's copy was last read.
pub(super) fn read_at(readings: &[Reading], seq: Seq) -> Option<UnixTime> {
    let at = readings.partition_point(|reading| reading.last < seq);
    readings.get(at).filter(|reading| reading.first <= seq).map(|reading| reading.at)
}

/// Numbers as ranges, where one follows the other.
pub(super) fn ranges(numbers: Vec<Seq>) -> Vec<RangeInclusive<Seq>> {
    let mut ranges: Vec<RangeInclusive<Seq>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(number) => *last = *last.start()..=number,
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share need not be exact; it is neither negative nor larger than the whole"
)]
fn hundredths(all: u64, percent: f64) -> u64 {
    (all as f64 * percent.clamp(0.0, 100.0) / 100.0).ceil() as u64
}
