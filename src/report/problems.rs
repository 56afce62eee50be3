//! What a person should look at, and how bad it is.

use crate::clock::{self, DAY};
use crate::exit::Exit;
use crate::ledger::{History, UnixTime};

/// A backup that is run once a week, and was late once, is not stale.
const STALE: UnixTime = 8 * DAY;

/// A success that is not older than this makes a failed run one that can happen: of a run each day, one.
const RECENT: UnixTime = 2 * DAY + 7_200;

/// How an account fares. The greater one is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// The last run succeeded, not long ago, and nothing is known to be damaged.
    Good,
    /// It was never run.
    NeverRun,
    /// Mail comes in, and a person should look at something.
    Attention,
    /// No mail comes in, or what is archived is damaged.
    Failing,
}

/// What a person should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The ledger cannot be read; why, in words.
    Unreadable(String),
    /// No run was ever begun.
    NeverRun,
    /// Somebody has to sign in first.
    SignIn,
    /// No run has succeeded for too long.
    Stale {
        /// When one last did.
        last_success: Option<UnixTime>,
    },
    /// The last run failed.
    Failed {
        /// When it ended.
        at: UnixTime,
        /// Its exit code.
        exit: u8,
        /// Why, in words.
        error: Option<String>,
        /// Another one has succeeded not long ago.
        is_first: bool,
    },
    /// Messages on the server should be archived and are not.
    Missing(u64),
    /// The last verification found these.
    Damaged {
        /// Copies that are damaged.
        damaged: u64,
        /// Copies that are not there.
        missing: u64,
    },
}

impl Problem {
    /// How bad it is.
    pub fn health(&self) -> Health {
        match self {
            Problem::NeverRun => Health::NeverRun,
            Problem::SignIn | Problem::Missing(_) | Problem::Failed { is_first: true, .. } => {
                Health::Attention
            }
            Problem::Unreadable(_)
            | Problem::Stale { .. }
            | Problem::Failed { .. }
            | Problem::Damaged { .. } => Health::Failing,
        }
    }
}

/// All of them, the worst first.
pub(super) fn find(history: &History, sign_in: bool, now: UnixTime) -> Vec<Problem> {
    let mut problems = Vec::new();
    if sign_in {
        problems.push(Problem::SignIn);
    }
    if history.last_started.is_none() && history.last_run.is_none() {
        problems.push(Problem::NeverRun);
    }
    // A success in the future is none: a clock was wrong.
    let age = |at: UnixTime| {
        clock::ago(at, now).map_or(UnixTime::MAX, |ago| UnixTime::try_from(ago).unwrap_or(now))
    };
    let success = history.last_success.map(age);
    if let Some(run) = &history.last_run {
        // A run that failed since nothing has worked yet says so by itself.
        if success.is_some_and(|age| age > STALE) {
            problems.push(Problem::Stale { last_success: history.last_success });
        }
        if run.exit != 0 && (run.error.is_some() || run.exit != Exit::MISSING.code()) {
            let is_first = success.is_some_and(|age| age <= RECENT);
            problems.push(Problem::Failed { at: run.at, exit: run.exit, error: run.error.clone(), is_first });
        }
        if run.missing > 0 {
            problems.push(Problem::Missing(run.missing));
        }
    }
    if let Some(last) = history.verification.last.filter(|last| last.damaged + last.missing > 0) {
        problems.push(Problem::Damaged { damaged: last.damaged, missing: last.missing });
    }
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.health()));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{LastVerification, RunRecord, Verification};

    const NOW: UnixTime = 1_795_323_612;

    fn ran(exit: u8, error: Option<&str>, missing: u64, success: Option<UnixTime>) -> History {
        let error = error.map(str::to_owned);
        let last_run = Some(RunRecord { at: NOW - 60, exit, error, missing, ..RunRecord::default() });
        History { last_run, last_started: Some(NOW - 90), last_success: success, ..History::default() }
    }

    fn worst(history: &History) -> Health {
        find(history, false, NOW).first().map_or(Health::Good, Problem::health)
    }

    #[test]
    fn a_run_that_has_just_succeeded_is_good() {
        assert_eq!(find(&ran(0, None, 0, Some(NOW - 60)), false, NOW), []);
        assert_eq!(find(&ran(0, None, 0, Some(NOW - STALE)), false, NOW), []);
        assert_eq!(find(&ran(0, None, 0, Some(NOW - 60)), true, NOW), [Problem::SignIn]);
    }

    #[test]
    fn one_failed_run_wants_attention_and_days_of_them_are_failing() {
        let refused = Some("refused");
        assert_eq!(worst(&ran(77, refused, 0, Some(NOW - 3600))), Health::Attention);
        for success in [None, Some(NOW - RECENT - 1), Some(NOW + 60)] {
            assert_eq!(worst(&ran(77, refused, 0, success)), Health::Failing, "{success:?}");
        }
        let stale = ran(0, None, 0, Some(NOW - STALE - 1));
        assert_eq!(find(&stale, false, NOW), [Problem::Stale { last_success: stale.last_success }]);
    }

    #[test]
    fn missing_messages_are_no_failed_run() {
        assert_eq!(find(&ran(1, None, 3, Some(NOW - 3600)), false, NOW), [Problem::Missing(3)]);
        let both = find(&ran(75, Some("busy"), 3, None), false, NOW);
        assert!(matches!(both[..], [Problem::Failed { exit: 75, .. }, Problem::Missing(3)]), "{both:?}");
    }

    #[test]
    fn damage_is_failing_whatever_the_runs_say() {
        let last = Some(LastVerification { at: NOW, read: 9, damaged: 1, missing: 2 });
        let history =
            History { verification: Verification { last, read_since: None }, ..ran(0, None, 0, Some(NOW)) };
        assert_eq!(find(&history, false, NOW), [Problem::Damaged { damaged: 1, missing: 2 }]);
        assert_eq!(worst(&history), Health::Failing);
    }

    #[test]
    fn what_never_ran_says_so_and_nothing_else() {
        assert_eq!(find(&History::default(), false, NOW), [Problem::NeverRun]);
        let begun = History { last_started: Some(NOW), ..History::default() };
        assert_eq!(find(&begun, false, NOW), [], "the first run is at work");
    }
}
