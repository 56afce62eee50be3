//! All accounts of a run in a sentence.

use super::{messages, size, summary};
use crate::event::{Outcome, Summary};
use std::fmt::Write as _;

/// The reconciliation of all accounts in a sentence or two; `None` when no maildrop was listed.
pub fn reconciliation(summaries: &[Summary]) -> Option<String> {
    let seen: Vec<&Summary> = summaries.iter().filter(|one| summary(one).is_some()).collect();
    let sum = |figure: fn(&Summary) -> u64| seen.iter().map(|one| figure(one)).sum::<u64>();
    let of = |chosen: bool| seen.iter().flat_map(|one| &one.missing).filter(|m| m.chosen == chosen).count();
    let (listed, archived, fetched, left, missing) =
        (sum(|one| one.listed), sum(|one| one.archived), sum(|one| one.fetched), of(true), of(false));
    if seen.is_empty() {
        return None;
    }
    let servers = if seen.len() == 1 { "server" } else { "servers" };
    let mut text = match (listed, archived) {
        (0, _) => format!("There is no mail on the {servers}"),
        (1, 1) => format!("The message on the {servers} is in the archive"),
        _ if listed == archived => format!("All {listed} messages on the {servers} are in the archive"),
        _ => format!("Of {} on the {servers}, {archived} are in the archive", messages(listed)),
    };
    match fetched {
        _ if archived == 0 => {}
        0 if listed == 1 => text.push_str(", as before"),
        0 => text.push_str(", none of them new"),
        _ if listed == 1 => text.push_str(", and new"),
        _ => {
            // Writing into a String cannot fail.
            let _ = write!(text, ", {fetched} of them new ({})", size(sum(|one| one.octets)));
        }
    }
    for (count, what) in [
        (sum(|one| one.deleted), "deleted from the server"),
        (left as u64, "left by max_size or --limit"),
        (missing as u64, "missing"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {count} {what}");
        }
    }
    text.push('.');
    let failed =
        summaries.iter().filter(|one| matches!(one.outcome, Outcome::Failed | Outcome::Skipped)).count();
    if failed > 0 {
        let _ = write!(text, " {failed} of {} accounts failed.", summaries.len());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{missing, run};
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn all_accounts_are_reconciled_in_a_sentence() {
        let said = |runs: &[Summary]| reconciliation(runs).unwrap();
        assert_eq!(
            said(&[run(vec![])]),
            "All 12 messages on the server are in the archive, 3 of them new (45.0 KiB)."
        );
        let idle = Summary { fetched: 0, octets: 0, deleted: 4, ..run(vec![]) };
        assert_eq!(
            said(std::slice::from_ref(&idle)),
            "All 12 messages on the server are in the archive, none of them new; 4 deleted from the server."
        );
        let some =
            run(vec![missing(4, "too large", true), missing(5, "empty", false), missing(6, "x", false)]);
        let failed = Summary::of_nothing("home", Outcome::Failed, Exit::REFUSED, None);
        assert_eq!(
            said(&[idle, some, failed.clone()]),
            "Of 24 messages on the servers, 21 are in the archive, 3 of them new (45.0 KiB); 4 deleted from the \
             server; 1 left by max_size or --limit; 2 missing. 1 of 3 accounts failed."
        );
        assert_eq!(reconciliation(&[failed]), None);
        let empty = Summary::of_nothing("home", Outcome::Ok, Exit::OK, None);
        assert_eq!(said(std::slice::from_ref(&empty)), "There is no mail on the server.");
        let one = Summary { listed: 1, archived: 1, ..empty };
        assert_eq!(said(&[one]), "The message on the server is in the archive, as before.");
    }
}
