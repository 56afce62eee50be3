//! What becomes a problem if nobody does anything: told while there is time.
//!
//! | warning | when |
//! | --- | --- |
//! | `certificate-ends` | the server's certificate ends within 14 days, and is not one that the configuration pins |
//! | `sign-in-ends` | the provider said when, and that is within 14 days, or the last third of a sign-in that holds for less |
//! | `disk-nearly-full` | after a run without failure, the archive's disk has room for less than four weeks of mail as it came in the last twelve, or for less than 16 MiB |
//! | `not-verified` | neither the last `verify` nor the first message is younger than 180 days; and the clock has not jumped: a run was 30 to 180 days ago |
//!
//! If what is to be fetched takes more than the disk has left, a note says so before the first message comes.
//!
//! Promises: a warning changes no exit code, and a quiet run says each of them once a week (`not-verified` once in 30 days).
//! What cannot be found out is no warning.

use crate::clock::{self, DAY, UnixTime};
use crate::config::Format;
use crate::disk;
use crate::event::Warning;
use crate::fetch::run::Run;
use crate::ledger::{ArchivedDay, LedgerError, Week};
use crate::net::Security;
use crate::oauth::{self, SignIn};
use crate::session::{Session, Transaction};
use crate::text::figures::size;

/// A certificate or a sign-in ends within so many seconds.
const SOON: UnixTime = 14 * DAY;
/// An archive is to be verified within so many.
const VERIFIED_WITHIN: UnixTime = 180 * DAY;
/// With a run that is no older than that, and older than so many, the clock has not jumped.
const NO_JUMP: UnixTime = 30 * DAY;
/// Weeks that tell how much mail comes.
const WEEKS: usize = 12;
/// Weeks for which a disk is to have room.
const ROOM_FOR_WEEKS: u64 = 4;
/// Octets that a disk is to have left in any case.
const ROOM_IN_ANY_CASE: u64 = 16 << 20;
/// What a file takes beside its octets, at most as a rule.
const BLOCK: u64 = 4096;

impl Run<'_> {
    /// Says it, and keeps it for the summary; once a run.
    pub(crate) fn warn(&mut self, warning: Warning) {
        if !self.warnings.iter().any(|said| said.sign() == warning.sign()) {
            self.warnings.push(warning);
        }
    }

    /// Looks at the certificate of a session.
    pub(crate) fn see_certificate(&mut self, session: &Session<Transaction>) {
        let Security::Tls { leaf: Some(leaf) } = session.security() else { return };
        let Some(at) = leaf.facts.as_ref().map(|facts| facts.valid_until) else { return };
        self.certificate_ends = Some(at);
        // A pinned one is good for as long as the configuration has it.
        if self.account.access.tls_fingerprint.is_empty() && at.saturating_sub(clock::now()) < SOON {
            self.warn(Warning::CertificateEnds { at });
        }
    }

    /// Compares what is to be fetched with the room that there is.
    pub(crate) fn see_room(&self, messages: u64, octets: u64) {
        let files = if self.account.format == Format::Maildir { messages } else { 0 };
        let needed = octets.saturating_add(files.saturating_mul(BLOCK));
        if let Ok(free) = disk::free(&self.account.archive)
            && needed > free
        {
            self.note(&format!(
                "{} are to be fetched, and the archive's disk has {} left; what fits is kept",
                size(needed),
                size(free)
            ));
        }
    }

    /// What can be seen at the end of a run.
    pub(crate) fn look_ahead(&mut self, failed: bool) -> Result<(), LedgerError> {
        let now = clock::now();
        if let Ok(Some(sign_in)) = oauth::signed_in(&self.account.access)
            && let Some(at) = ends_soon(&sign_in, now)
        {
            self.warn(Warning::SignInEnds { at });
        }
        let ledger = &*self.store.ledger;
        let is_old = |at: UnixTime| now.saturating_sub(at) > VERIFIED_WITHIN;
        let since = ledger.verification()?.last.map(|last| last.at);
        let days = ledger.archived_days()?;
        let believable = clock::believable_until(now);
        let first = days.iter().map(ArchivedDay::begins).find(|begins| believable.contains(begins));
        let weeks = Week::of_days(&days, now, WEEKS);
        self.free = disk::free(&self.account.archive).ok();
        let steady = ledger.last_run_within(now - VERIFIED_WITHIN..=now - NO_JUMP)?.is_some();
        if steady && first.is_some_and(is_old) && since.is_none_or(is_old) {
            self.warn(Warning::NotVerified { since });
        }
        if let Some(free) = self.free
            && !failed
            && free < ROOM_IN_ANY_CASE.max(usual(&weeks).saturating_mul(ROOM_FOR_WEEKS))
        {
            self.warn(Warning::DiskNearlyFull { free });
        }
        Ok(())
    }
}

/// When a sign-in ends, if that is soon.
fn ends_soon(sign_in: &SignIn, now: UnixTime) -> Option<UnixTime> {
    let at = sign_in.ends?;
    let third = sign_in.since.map_or(SOON, |since| at.saturating_sub(since) / 3);
    (at.saturating_sub(now) < SOON.min(third)).then_some(at)
}

/// Octets of an ordinary week: the median, which a first fetch of everything does not change.
fn usual(weeks: &[Week]) -> u64 {
    let mut octets: Vec<u64> = weeks.iter().map(|week| week.archived.octets).collect();
    octets.sort_unstable();
    octets.get(octets.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Totals;

    #[test]
    fn a_first_fetch_of_everything_is_no_usual_week() {
        let weeks = |octets: &[u64]| -> Vec<Week> {
            let week = |&octets| Week { from: 0, archived: Totals { messages: 1, octets } };
            octets.iter().map(week).collect()
        };
        assert_eq!(usual(&weeks(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5_000_000])), 0);
        assert_eq!(usual(&weeks(&[9_000_000, 10, 20, 30, 10, 20, 30, 10, 20, 30, 10, 20])), 20);
        assert_eq!(usual(&[]), 0);
    }

    #[test]
    fn a_sign_in_ends_soon_within_two_weeks_or_in_its_last_third() {
        let now = clock::RELEASE + 1000 * DAY;
        let soon = |age: i64, left: i64| {
            let (since, ends) = (Some(now - age * DAY), Some(now + left * DAY));
            ends_soon(&SignIn { since, refreshed: None, ends, problem: None }, now).is_some()
        };
        assert!(soon(160, 13) && !soon(160, 15));
        assert!(soon(5, 2) && !soon(4, 3), "a sign-in of seven days");
        assert!(soon(9, -1), "it has ended");
    }
}
