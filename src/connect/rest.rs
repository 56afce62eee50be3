//! A refused login is not tried again at each of cron's runs, for providers lock accounts that knock too often: it is
//! left alone for longer each time.
//!
//! Must never: keep a person from trying. It is tried at once when the configuration or the secret has changed, and
//! whenever a person runs popkeep: standard input or standard error is a terminal.

use super::ConnectError;
use crate::clock::{self, now};
use crate::config::{self, Access, Obtained};
use crate::ledger::{LoginRefused, UnixTime};
use crate::text::dates::minute;
use std::io::{self, IsTerminal};

const HOUR: UnixTime = 3_600;

/// How long a login rests after its first, second, … refusal; the last one counts from then on.
const RESTS: [UnixTime; 4] = [HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR];

/// The same for a secret that worked lately: the refusal may well be the server's mistake.
const SHORT_RESTS: [UnixTime; 5] = [HOUR / 4, HOUR / 2, HOUR, 2 * HOUR, 4 * HOUR];

/// Cron is not exact to the second.
const SLACK: UnixTime = 30;

/// An error while the login that was refused rests. `files` says when the configuration and the secret changed last.
pub(super) fn check(refused: &LoginRefused, files: &str, access: &Access) -> Result<(), ConnectError> {
    if io::stdin().is_terminal() || io::stderr().is_terminal() {
        return Ok(());
    }
    let Some(until) = rests_until(refused, now()) else { return Ok(()) };
    if refused.mark.files != files {
        return Ok(());
    }
    if let Some(before) = refused.mark.digest {
        // Without a secret there is no login: the run itself will say why.
        let Ok(Obtained::Secret(secret)) = config::obtain(access) else { return Ok(()) };
        if config::secret_digest(&secret, &refused.mark.salt) != before {
            return Ok(());
        }
    }
    Err(ConnectError::Resting { times: refused.times, since: minute(refused.last_at), until: minute(until) })
}

/// Until when a refused login rests, if it does now.
fn rests_until(refused: &LoginRefused, now: UnixTime) -> Option<UnixTime> {
    clock::ago(refused.last_at, now)?;
    let rests: &[UnixTime] = if refused.worked_lately { &SHORT_RESTS } else { &RESTS };
    let place = (refused.times.max(1) as usize - 1).min(rests.len() - 1);
    let until = refused.last_at + rests[place];
    (now + SLACK < until).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::SecretMark;

    const NOON: UnixTime = 1_795_000_000;

    fn refused(times: u32, worked_lately: bool) -> LoginRefused {
        LoginRefused { mark: SecretMark::default(), times, last_at: NOON, worked_lately }
    }

    #[test]
    fn a_refused_login_rests_for_longer_each_time() {
        let rest = |times, lately| {
            let until = rests_until(&refused(times, lately), NOON).unwrap();
            assert_eq!(rests_until(&refused(times, lately), until - SLACK), None);
            assert_eq!(rests_until(&refused(times, lately), until - SLACK - 1), Some(until));
            (until - NOON) / 60
        };
        let all = |lately| (1..=7).map(|times| rest(times, lately)).collect::<Vec<_>>();
        assert_eq!(all(false), [60, 240, 720, 1440, 1440, 1440, 1440]);
        assert_eq!(all(true), [15, 30, 60, 120, 240, 240, 240]);
    }

    #[test]
    fn a_refusal_in_the_future_counts_as_never() {
        assert_eq!(rests_until(&refused(4, false), NOON - 1), None);
        assert_eq!(rests_until(&refused(u32::MAX, false), NOON + 10 * clock::DAY), None);
    }
}
