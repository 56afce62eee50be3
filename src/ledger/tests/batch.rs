//! Many steps in one commit.

use super::*;
use std::ops::RangeInclusive;

fn states(ledger: &SqliteLedger, rows: RangeInclusive<Seq>) -> Vec<RowState> {
    rows.map(|seq| ledger.row(seq).unwrap().unwrap().state).collect()
}

#[test]
fn a_batch_of_steps_does_each_of_them_and_no_other() {
    use RowState::{Deleted, Intent, Stored};
    let state = Folder::new();
    let mut ledger = state.ledger();
    ledger.commit(&(1..=9).map(|seq| Change::Intent(row(seq))).collect::<Vec<_>>()).unwrap();
    ledger.commit(&[1, 2, 3, 5, 6, 9, 8].map(Change::Stored)).unwrap();
    assert_eq!(
        states(&ledger, 1..=9),
        [Stored, Stored, Stored, Intent, Stored, Stored, Intent, Stored, Stored]
    );
    let deleted = |seq, at| Change::Deleted { seq, at };
    ledger
        .commit(&[Change::Leaving(1), Change::Leaving(2), deleted(2, 5), deleted(3, 5), deleted(5, 6)])
        .unwrap();
    assert_eq!(states(&ledger, 1..=5), [Stored, Deleted, Deleted, Intent, Deleted]);
    assert!(known(&ledger)[0].leaving && !known(&ledger)[1].leaving);
}

#[test]
fn a_batch_with_one_wrong_step_is_not_done_at_all() {
    let state = Folder::new();
    let mut ledger = state.ledger();
    ledger.commit(&(1..=4).map(|seq| Change::Intent(row(seq))).collect::<Vec<_>>()).unwrap();
    ledger.commit(&[Change::Stored(3)]).unwrap();
    let error = ledger.commit(&(1..=4).map(Change::Stored).collect::<Vec<_>>()).unwrap_err();
    assert!(error.to_string().contains("one of 1 to 4 was expected to be an intent"), "{error}");
    assert_eq!(ledger.intents().unwrap().len(), 3);
}
