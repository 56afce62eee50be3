//! Which failed attempt to log in is repeated, how often, and why. This page is the whole policy.
//!
//! | the server … | the next attempt | at most |
//! | --- | --- | --- |
//! | says that the maildrop is in use, and our own last session ended less than 10 s before: it may still be working on our QUIT, whose answer is not always waited for | after 0.1 s, then twice that each time, up to 1 s | for 3 s |
//! | says that the maildrop is in use by others: each login costs it something, and some servers answer each one more slowly than the one before | after 2 s, then twice that each time, up to 30 s | for the time given with `--wait`; without it, not at all |
//! | says that the token has expired, in the last answer or in the one that is reported because nothing is left to try | at once, if `token_command` has another one now | once, and once more after each wait |
//! | does not answer a command or a mechanism, or hangs up at it | at once, without that; [`Omissions::after`] says what is left out | until nothing more may be left out |
//! | offers no way to log in, while something is left out that it did not answer in an earlier run: it may have been repaired since | at once, with everything | once |
//! | wants some time between two logins (LOGIN-DELAY) | none: the login itself waits that long | 15 s |
//!
//! Every other failure is the end: a refused password, "try again later" in whatever words, a certificate that is not
//! trusted, no connection. [`rest`](super::rest) says when a later run may try a refused login again, and a run goes on
//! in a new session after one that broke off by rules of its own.
//!
//! Promise: there is an end to it, whatever the server says.

use super::ConnectError;
use crate::clock;
use crate::ledger::UnixTime;
use crate::pop3::refusal::Refusal;
use crate::session::{Choice, Course, Omissions, SessionError};
use crate::stop::Backoff;
use std::time::{Duration, Instant};

/// Our own last session may still be in use that long after it ended, in seconds.
const OUR_OWN: UnixTime = 10;

/// How long to wait for our own last session.
const WAIT_FOR_OUR_OWN: Duration = Duration::from_secs(3);

/// The longest wait for a LOGIN-DELAY; Courier announces 10 s. A server that is kept waiting for longer may hang up, and
/// cron comes again anyway.
const LONGEST_LOGIN_DELAY: Duration = Duration::from_secs(15);

/// What to do after a failed attempt.
pub(super) enum Next {
    /// Try again after a pause, with [`Retry::omissions`].
    Again {
        /// How long to wait before.
        pause: Duration,
        /// What a person should know about it.
        note: Option<String>,
    },
    /// Try again at once if there is another token; otherwise this is the error.
    WithAnotherToken(SessionError),
    /// This is the error.
    GiveUp(SessionError),
}

/// The attempts to open one session.
pub(super) struct Retry {
    /// What the next attempt leaves out.
    pub omissions: Omissions,
    /// What earlier runs have found to be necessary.
    known: Omissions,
    /// While our own last session may use the maildrop.
    ours: Backoff,
    /// While others use it.
    others: Backoff,
    /// A new token was asked for.
    token_renewed: bool,
    /// Why something was left out: the error to report if nothing is left to try.
    first: Option<SessionError>,
}

impl Retry {
    /// Nothing has been tried. `last_session` is when our own last session ended, `wait_until` the end of `--wait`.
    pub(super) fn new(
        known: Omissions,
        last_session: Option<UnixTime>,
        wait_until: Option<Instant>,
    ) -> Retry {
        let just_now = |at: UnixTime| (0..OUR_OWN).contains(&clock::now().saturating_sub(at));
        let ours = last_session.is_some_and(just_now).then(|| Instant::now() + WAIT_FOR_OUR_OWN);
        Retry {
            omissions: known.clone(),
            known,
            ours: Backoff::new(Duration::from_millis(100), Duration::from_secs(1), ours),
            others: Backoff::new(Duration::from_secs(2), Duration::from_secs(30), wait_until),
            token_renewed: false,
            first: None,
        }
    }

    /// What to do after this error; `course` says how far the attempt came.
    pub(super) fn after(
        &mut self,
        error: SessionError,
        course: Course,
        choice: Choice,
        now: Instant,
    ) -> Next {
        let at_once = |note| Next::Again { pause: Duration::ZERO, note };
        if error.is_in_use() {
            self.token_renewed = false;
            return if let Some(pause) = self.ours.pause(now) {
                Next::Again { pause, note: None }
            } else if let Some(pause) = self.others.pause(now) {
                let note = format!("{error}; trying again in {} s", pause.as_secs());
                Next::Again { pause, note: Some(note) }
            } else {
                Next::GiveUp(error)
            };
        }
        if error.wants_new_token() && !std::mem::replace(&mut self.token_renewed, true) {
            return Next::WithAnotherToken(error);
        }
        if let Some(omissions) = self.omissions.after(&error, &course, choice) {
            let note = format!("{error}; connecting again without that");
            self.omissions = omissions;
            self.first.get_or_insert(course.refusal.map_or(error, SessionError::LoginRefused));
            return at_once(Some(note));
        }
        if !is_without_a_way(&error) {
            return Next::GiveUp(error);
        }
        if self.omissions == self.known && self.known != Omissions::default() {
            self.known = Omissions::default();
            self.omissions = Omissions::default();
            return at_once(None);
        }
        let reported = self.first.take().unwrap_or(error);
        if reported.wants_new_token() && !std::mem::replace(&mut self.token_renewed, true) {
            // What was left out since then was left out because of the old token.
            self.omissions = self.known.clone();
            return Next::WithAnotherToken(reported);
        }
        Next::GiveUp(reported)
    }
}

/// Whether nothing that may be tried is left.
fn is_without_a_way(error: &SessionError) -> bool {
    match error {
        SessionError::ClearTextRefused | SessionError::NothingFits { .. } => true,
        SessionError::LoginRefused(refusal) => refusal.meaning == Refusal::Mechanism,
        _ => false,
    }
}

/// How long to wait until the server's LOGIN-DELAY is over. A login in the future is a clock that was set back: it
/// says nothing.
pub(super) fn rest_of_login_delay(
    delay: Duration,
    last_login: Option<UnixTime>,
    now: UnixTime,
) -> Result<Duration, ConnectError> {
    let Some(ago) = last_login.and_then(|last| clock::ago(last, now)) else { return Ok(Duration::ZERO) };
    let rest = delay.saturating_sub(Duration::from_secs(ago));
    if rest > LONGEST_LOGIN_DELAY {
        return Err(ConnectError::TooSoon { delay: delay.as_secs(), ago });
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pop3::reply::Reply;
    use crate::sasl::Mechanism;
    use crate::session::LoginRefusal;

    fn in_use() -> SessionError {
        SessionError::TryLater { during: "PASS", reply: reply("-ERR [IN-USE] locked") }
    }

    fn reply(line: &str) -> Reply {
        Reply::parse(line.as_bytes()).unwrap()
    }

    fn refused(line: &str, meaning: Refusal) -> SessionError {
        SessionError::LoginRefused(Box::new(LoginRefusal {
            mechanism: Mechanism::XOAuth2,
            reply: reply(line),
            meaning,
            complaint: None,
            automatic: true,
            origin: None,
        }))
    }

    /// The pauses, in milliseconds, and whether each is reported, until the end.
    fn pauses(retry: &mut Retry) -> Vec<(u128, bool)> {
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        while let Next::Again { pause, note } = retry.after(in_use(), Course::default(), Choice::Auto, now) {
            pauses.push((pause.as_millis(), note.is_some()));
            now += pause;
        }
        pauses
    }

    #[test]
    fn a_maildrop_in_use_is_tried_again_as_long_as_the_user_waits() {
        assert_eq!(pauses(&mut Retry::new(Omissions::default(), None, None)), []);
        let wait = Instant::now() + Duration::from_mins(2);
        let pauses = pauses(&mut Retry::new(Omissions::default(), None, Some(wait)));
        let seconds: Vec<_> = pauses[..6].iter().map(|(pause, _)| pause / 1000).collect();
        assert_eq!(seconds, [2, 4, 8, 16, 30, 30]);
        assert!(pauses.iter().all(|(_, reported)| *reported));
    }

    #[test]
    fn our_own_last_session_is_waited_for_without_a_word() {
        let now = clock::now();
        clock::testing::set(now);
        let pauses = pauses(&mut Retry::new(Omissions::default(), Some(now - 9), None));
        assert_eq!(pauses[..4], [(100, false), (200, false), (400, false), (800, false)]);
        let whole: u128 = pauses.iter().map(|(pause, _)| pause).sum();
        assert!(whole <= 3000, "{pauses:?}");
        for other in [now - 10, now + 1] {
            let mut retry = Retry::new(Omissions::default(), Some(other), None);
            let next = retry.after(in_use(), Course::default(), Choice::Auto, Instant::now());
            assert!(matches!(next, Next::GiveUp(_)), "{other}");
        }
    }

    #[test]
    fn a_refused_password_is_the_end_and_an_expired_token_is_renewed_once() {
        let mut retry = Retry::new(Omissions::default(), None, None);
        let mut after = |error| retry.after(error, Course::default(), Choice::Auto, Instant::now());
        assert!(matches!(after(refused("-ERR [AUTH] no", Refusal::Credentials)), Next::GiveUp(_)));
        assert!(matches!(
            after(refused("-ERR token expired", Refusal::Credentials)),
            Next::WithAnotherToken(_)
        ));
        assert!(matches!(after(refused("-ERR token expired", Refusal::Credentials)), Next::GiveUp(_)));
    }

    /// The server refuses XOAUTH2 in these words and hangs up at OAUTHBEARER, also when that is the first one.
    fn hang_ups_after(retry: &mut Retry, refusal: &str) -> Next {
        let hang_up = || SessionError::Closed { during: "AUTH" };
        let SessionError::LoginRefused(refusal) = refused(refusal, Refusal::Mechanism) else {
            unreachable!()
        };
        let silent = Some(Mechanism::OAuthBearer);
        let course =
            Course { refused: vec![Mechanism::XOAuth2], refusal: Some(refusal), silent, ..Course::default() };
        let next = retry.after(hang_up(), course, Choice::Auto, Instant::now());
        assert!(matches!(next, Next::Again { pause: Duration::ZERO, note: Some(_) }));
        assert_eq!(retry.omissions.unknown, [Mechanism::XOAuth2]);
        let course = Course { silent, ..Course::default() };
        let next = retry.after(hang_up(), course, Choice::Auto, Instant::now());
        assert!(matches!(next, Next::Again { pause: Duration::ZERO, note: Some(_) }));
        retry.after(SessionError::ClearTextRefused, Course::default(), Choice::Auto, Instant::now())
    }

    #[test]
    fn a_token_that_expired_is_renewed_also_where_a_hang_up_came_after_the_refusal() {
        let known = Omissions { capa_after_login: true, ..Omissions::default() };
        let mut retry = Retry::new(known.clone(), None, None);
        let next = hang_ups_after(&mut retry, "-ERR token expired");
        assert!(matches!(next, Next::WithAnotherToken(SessionError::LoginRefused(_))));
        assert_eq!(retry.omissions, known, "the new token may use every mechanism");
        let next = hang_ups_after(&mut retry, "-ERR token expired");
        assert!(matches!(next, Next::GiveUp(SessionError::LoginRefused(_))), "once");

        let mut retry = Retry::new(Omissions::default(), None, None);
        let next = hang_ups_after(&mut retry, "-ERR no such mechanism");
        assert!(matches!(next, Next::GiveUp(SessionError::LoginRefused(_))), "nothing blames the token");
    }

    #[test]
    fn what_was_left_out_for_earlier_runs_is_tried_again_before_giving_up() {
        let known = Omissions { capa: true, ..Omissions::default() };
        let mut retry = Retry::new(known, None, None);
        let none = || SessionError::ClearTextRefused;
        let next = retry.after(none(), Course::default(), Choice::Auto, Instant::now());
        assert!(matches!(next, Next::Again { pause: Duration::ZERO, note: None }));
        assert_eq!(retry.omissions, Omissions::default());
        let next = retry.after(none(), Course::default(), Choice::Auto, Instant::now());
        assert!(matches!(next, Next::GiveUp(_)));
    }

    #[test]
    fn silence_is_the_error_if_nothing_is_left_to_try_without_it() {
        let mut retry = Retry::new(Omissions::default(), None, None);
        let silence = SessionError::TimedOut { during: "CAPA", after: Duration::from_mins(1) };
        let next = retry.after(silence, Course::default(), Choice::Auto, Instant::now());
        assert!(matches!(next, Next::Again { pause: Duration::ZERO, note: Some(_) }));
        assert!(retry.omissions.capa);
        let next =
            retry.after(SessionError::ClearTextRefused, Course::default(), Choice::Auto, Instant::now());
        assert!(matches!(next, Next::GiveUp(SessionError::TimedOut { during: "CAPA", .. })));
    }

    #[test]
    fn a_login_delay_is_waited_for_if_it_is_short() {
        let delay = Duration::from_mins(15);
        for (last_login, rest) in [
            (None, Some(0)),
            (Some(999), None),
            (Some(1000 - 884), None),
            (Some(1000 - 885), Some(15)),
            (Some(1000 - 899), Some(1)),
            (Some(1000 - 900), Some(0)),
            (Some(5000), Some(0)),
        ] {
            let found = rest_of_login_delay(delay, last_login, 1000).ok();
            assert_eq!(found, rest.map(Duration::from_secs), "{last_login:?}");
        }
        let error = rest_of_login_delay(delay, Some(800), 1000).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::TRY_LATER);
        assert!(
            error.to_string().contains("900 s") && error.to_string().contains("again in 700 s"),
            "{error}"
        );
    }
}
