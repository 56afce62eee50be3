//! What a quiet run has said of missing messages, and its warnings: each is told at first, and then once a week (a few
//! warnings less often). The exit code says every time that messages are missing.
//!
//! Promise: a message that went missing since, or for another reason than last time, is reported at once.

use crate::clock::DAY;
use crate::event::{Missing, Summary};
use crate::ledger::{Change, UnixTime};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// For how long a report of a missing message holds, in seconds.
const WEEK: UnixTime = 7 * DAY;

/// With more missing messages than this nothing is remembered, and all is said each time.
const MOST: usize = 10_000;

/// Notes in the summary what was told lately, by what the ledger remembers. Gives what it is to remember from now on, if
/// that is anything else.
pub(crate) fn pass_over(
    summary: &mut Summary,
    known: &[(Vec<u8>, UnixTime)],
    now: UnixTime,
) -> Option<Change> {
    let missing: Vec<(u32, Vec<u8>)> =
        summary.really_missing().take(MOST + 1).map(|message| (message.number, sign(message))).collect();
    if missing.len() > MOST {
        return (!known.is_empty()).then(|| Change::Told(Vec::new()));
    }
    let reported: HashMap<&[u8], UnixTime> = known.iter().map(|(sign, at)| (sign.as_slice(), *at)).collect();
    let told_at = |sign: &[u8], holds: UnixTime| {
        let at = reported.get(sign).copied();
        at.filter(|&at| at <= now && now.saturating_sub(at) < holds)
    };
    let mut remembered = Vec::with_capacity(missing.len());
    for (number, sign) in missing {
        let lately = told_at(&sign, WEEK);
        if lately.is_some() {
            summary.told.messages.insert(number);
        }
        remembered.push((sign, lately.unwrap_or(now)));
    }
    for warning in &summary.warnings {
        let sign = Sha256::digest(warning.sign())[..16].to_vec();
        let lately = told_at(&sign, warning.told_every());
        if lately.is_some() {
            summary.told.warnings.push(warning.clone());
        }
        remembered.push((sign, lately.unwrap_or(now)));
    }
    remembered.sort_unstable();
    remembered.dedup();
    (remembered != known).then_some(Change::Told(remembered))
}

/// What a missing message is known by. The reason counts without the time of the next try, and up to its first
/// figure: times and counts in it change.
fn sign(message: &Missing) -> Vec<u8> {
    let mut hash = Sha256::new();
    match &message.uid {
        Some(uid) => hash.update(uid),
        None => hash.update(format!("number {}", message.number)),
    }
    let reason = message.reason.split("; next try").next().unwrap_or_default();
    let reason = reason.split(|character: char| character.is_ascii_digit()).next().unwrap_or_default();
    hash.update([0]);
    hash.update(reason);
    hash.finalize()[..16].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use crate::exit::Exit;

    fn run(missing: &[(u32, &str)]) -> Summary {
        let missing = missing.iter().map(|&(number, reason)| Missing {
            number,
            uid: Some(format!("u{number}").into_bytes().into()),
            reason: reason.into(),
            chosen: false,
        });
        Summary {
            missing: missing.collect(),
            ..Summary::of_nothing("work", Outcome::Partial, Exit::MISSING, None)
        }
    }

    #[test]
    fn a_missing_message_is_reported_at_first_and_then_weekly() {
        let mut known = Vec::new();
        let mut said = |day: i64, missing: &[(u32, &str)]| {
            let mut summary = run(missing);
            if let Some(Change::Told(told)) = pass_over(&mut summary, &known, day * DAY) {
                known = told;
            }
            let news = summary.missing.iter().map(|message| message.number);
            news.filter(|number| !summary.told.messages.contains(number)).collect::<Vec<_>>()
        };
        assert_eq!(said(100, &[(1, "refused, next try at 5")]), [1]);
        assert_eq!(said(101, &[(1, "refused, next try at 6"), (2, "refused")]), [2]);
        assert_eq!(said(106, &[(1, "refused, next try at 7"), (2, "refused")]), [0; 0]);
        assert_eq!(said(107, &[(1, "refused, next try at 7"), (2, "refused")]), [1]);
        assert_eq!(said(108, &[(1, "damaged"), (2, "refused")]), [1, 2], "another reason; a week has passed");
        assert_eq!(said(109, &[(2, "refused")]), [0; 0]);
        assert_eq!(said(110, &[(1, "damaged"), (2, "refused")]), [1], "it was back in between");
        assert_eq!(said(50, &[(1, "damaged")]), [1], "a clock that was ahead is not believed");
    }
}
