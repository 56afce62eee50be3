//! How many of this run's accounts may have a session on one host at once.
//!
//! A server may let in fewer sessions from one address than a run would like to have. One that is turned away at the door
//! while others of the run are there, or have only just left, is no failure of its account: it waits until there is room, and
//! from then on the run opens no more at once than the server has let in.
//!
//! Promise: there is an end to it. Each time the number falls, down to one, and whoever is turned away alone has failed.

use super::ConnectError;
use crate::net::NetError;
use crate::pop3::refusal::speaks_of_sessions_at_once;
use crate::session::SessionError;
use crate::stop;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The sessions of one run on one host.
#[derive(Debug)]
pub struct HostSessions {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Accounts that have a session, or are about to.
    inside: usize,
    /// So many at most.
    most: usize,
    /// Grows with each that comes.
    came: u64,
    /// When one left that was not turned away.
    left: Option<Instant>,
    /// The host has turned one of them away.
    is_lowered: bool,
}

/// For so long a host may count a session that has ended.
const STILL_COUNTED: Duration = Duration::from_secs(2);

/// How long to wait where only such a one can be in the way.
const PAUSE: Duration = Duration::from_millis(200);

/// What becomes of a session that was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// Others of this run are there or were: it may try again when there is room.
    Again {
        /// How long to wait before.
        pause: Duration,
        /// It is the first one that the host has turned away.
        is_first: bool,
    },
    /// It was alone.
    Failed,
}

impl HostSessions {
    /// At most so many at once; at least one.
    pub fn new(most: usize) -> HostSessions {
        let state = State { inside: 0, most: most.max(1), came: 0, left: None, is_lowered: false };
        HostSessions { state: Mutex::new(state), freed: Condvar::new() }
    }

    /// How many there may be at once, by what the host has done so far.
    pub fn most(&self) -> usize {
        self.lock().most
    }

    /// Waits until there is room. After a signal, or when the account's run is over, nobody waits: what comes next
    /// will say so.
    pub(super) fn enter(self: &Arc<Self>, until: Option<Instant>) -> Place {
        let mut state = self.lock();
        while state.inside >= state.most
            && stop::requested().is_none()
            && until.is_none_or(|until| Instant::now() < until)
        {
            state = self.freed.wait_timeout(state, stop::LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.inside += 1;
        state.came += 1;
        let alone = (state.inside == 1).then_some(state.came);
        drop(state);
        Place { sessions: Arc::clone(self), alone, is_turned_away: false }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An account's place among the sessions, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    sessions: Arc<HostSessions>,
    /// `came` when it came, if nobody else was there.
    alone: Option<u64>,
    is_turned_away: bool,
}

impl Place {
    /// The host turned this one away.
    pub(super) fn turned_away(mut self) -> TurnedAway {
        self.is_turned_away = true;
        let mut state = self.sessions.lock();
        let mut pause = Duration::ZERO;
        if self.alone == Some(state.came) {
            if state.left.is_none_or(|left| left.elapsed() > STILL_COUNTED) {
                return TurnedAway::Failed;
            }
            pause = PAUSE;
        }
        state.most = state.inside.saturating_sub(1).min(state.most.saturating_sub(1)).max(1);
        let is_first = !std::mem::replace(&mut state.is_lowered, true);
        TurnedAway::Again { pause, is_first }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        state.inside -= 1;
        if !self.is_turned_away {
            state.left = Some(Instant::now());
        }
        self.sessions.freed.notify_one();
    }
}

/// Whether this may mean that the server has as many sessions from our address as it wants: it refuses the connection,
/// hangs up before it greets, or says so. `took` is how long the attempt took of `connect_timeout`: a server that does not
/// answer at all turns nobody away.
pub(super) fn may_be_turned_away(error: &ConnectError, took: Duration, connect_timeout: Duration) -> bool {
    match error {
        ConnectError::Net(NetError::Unreachable { .. } | NetError::HandshakeBroken { .. }) => {
            took < connect_timeout / 2
        }
        ConnectError::Session(error) => match error {
            SessionError::ClosedBeforeGreeting | SessionError::GreetingRefused { .. } => true,
            SessionError::Io { .. } => error.is_of_the_greeting(),
            SessionError::TryLater { reply, .. } => {
                error.is_of_the_greeting() || !error.is_in_use() && speaks_of_sessions_at_once(reply)
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pop3::reply::Reply;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    fn again(place: Place) -> Option<(Duration, bool)> {
        match place.turned_away() {
            TurnedAway::Again { pause, is_first } => Some((pause, is_first)),
            TurnedAway::Failed => None,
        }
    }

    #[test]
    fn a_host_that_turns_sessions_away_gets_fewer_and_fewer_until_one_alone_fails() {
        let sessions = Arc::new(HostSessions::new(4));
        let mut places: Vec<Place> = (0..4).map(|_| sessions.enter(None)).collect();
        for (most, is_first) in [(3, true), (2, false), (1, false), (1, false)] {
            assert_eq!(again(places.pop().unwrap()), Some((Duration::ZERO, is_first)));
            assert_eq!(sessions.most(), most);
        }
        // None of them was let in: the next one is alone.
        assert_eq!(again(sessions.enter(None)), None);
    }

    #[test]
    fn a_session_that_has_just_ended_may_still_count() {
        let sessions = Arc::new(HostSessions::new(1));
        drop(sessions.enter(None));
        assert_eq!(again(sessions.enter(None)), Some((PAUSE, true)));
        sessions.lock().left = Instant::now().checked_sub(STILL_COUNTED + PAUSE);
        assert_eq!(again(sessions.enter(None)), None);
    }

    #[test]
    fn all_are_let_in_in_the_end_however_few_at_once() {
        const ALLOWED: usize = 3;
        let (sessions, inside) = (Arc::new(HostSessions::new(16)), AtomicUsize::new(0));
        let account = || {
            loop {
                let place = sessions.enter(None);
                let is_let_in = inside.fetch_add(1, SeqCst) < ALLOWED;
                std::thread::sleep(Duration::from_millis(1));
                inside.fetch_sub(1, SeqCst);
                if is_let_in {
                    return;
                }
                let (pause, _) = again(place).unwrap();
                std::thread::sleep(pause);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(account);
            }
        });
        assert!((1..=16).contains(&sessions.most()));
    }

    #[test]
    fn only_what_a_server_does_at_its_door_is_waited_for() {
        let reply = |line: &str| Reply::parse(line.as_bytes()).unwrap();
        let later =
            |during, line: &str| ConnectError::Session(SessionError::TryLater { during, reply: reply(line) });
        let second = Duration::from_secs(1);
        let waits = |error: &ConnectError, took| may_be_turned_away(error, took, 30 * second);
        let unreachable = || {
            let (host, reason) = ("pop.example.com".to_owned(), "connection refused".to_owned());
            ConnectError::Net(NetError::Unreachable { host, port: 110, reason })
        };
        assert!(waits(&unreachable(), second));
        assert!(!waits(&unreachable(), 30 * second), "it does not answer");
        assert!(waits(&ConnectError::Session(SessionError::ClosedBeforeGreeting), second));
        assert!(waits(&later("the greeting", "-ERR [SYS/TEMP] come back later"), second));
        for (line, is_waited_for) in [
            ("-ERR too many concurrent connections from your address", true),
            ("-ERR Maximum number of sessions reached, try again later", true),
            ("-ERR [IN-USE] Maximum number of connections from user+IP exceeded", false),
            ("-ERR too many login failures, try again later", false),
            ("-ERR [SYS/TEMP] the user database is away", false),
        ] {
            assert_eq!(waits(&later("PASS", line), second), is_waited_for, "{line}");
        }
    }
}
