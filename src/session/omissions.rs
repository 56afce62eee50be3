//! What a server does not answer, or hangs up at: it is asked without that, on a new connection.
//!
//! Promises: each step leaves out one thing more, so that there is an end to it; after silence at a mechanism at
//! most one other is tried, and in clear text none that sends the secret itself, for whoever can keep a server
//! from answering could have the password so; a server that refuses a mechanism in words and then hangs up has
//! answered, and the next one may follow. Must never: leave out STLS; take "not now" for silence.

use super::error::{CAPA, CAPA_AFTER_LOGIN};
use super::{Choice, LoginRefusal, SessionError};
use crate::net::Security;
use crate::sasl::Mechanism;

/// What is not asked of a server on its way to the login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "things to leave out that do not depend on each other")]
pub struct Omissions {
    /// CAPA, before and after the login.
    pub capa: bool,
    /// CAPA after the login: what it said before counts.
    pub capa_after_login: bool,
    /// UTF8.
    pub utf8: bool,
    /// Mechanisms that met with silence.
    pub silent: Vec<Mechanism>,
    /// Mechanisms that the server refused as unknown before it hung up.
    pub unknown: Vec<Mechanism>,
    /// A mechanism met with silence in this run: one other may be tried.
    pub last_try: bool,
}

/// How far a login came that failed.
#[derive(Debug, Default)]
pub struct Course {
    /// Mechanisms that were refused, and others tried after them.
    pub refused: Vec<Mechanism>,
    /// The first of these refusals.
    pub refusal: Option<Box<LoginRefusal>>,
    /// The mechanism that met with silence.
    pub silent: Option<Mechanism>,
    /// CAPA was refused.
    pub capa_refused: bool,
    /// UTF8 was refused.
    pub utf8_refused: bool,
}

/// The names of what is no mechanism, as they are remembered.
const NAMES: [&str; 3] = [CAPA, CAPA_AFTER_LOGIN, "UTF8"];

/// What stands before the name of a mechanism that is remembered as [unknown](Omissions::unknown).
const UNKNOWN: &str = "no ";

impl Omissions {
    /// What to leave out on the next connection, after this error; `None` where that would help nothing.
    pub fn after(&self, error: &SessionError, course: &Course, choice: Choice) -> Option<Omissions> {
        let mut next = self.clone();
        let hung_up = matches!(error, SessionError::Closed { .. });
        match error.silence()? {
            // With STLS: what it hung up at may have been the CAPA before.
            "STLS" if !hung_up => return None,
            "STLS" | CAPA => next.capa = true,
            CAPA_AFTER_LOGIN => next.capa_after_login = true,
            "UTF8" => next.utf8 = true,
            _ => self.after_the_login(error, course, choice, &mut next)?,
        }
        (next != *self).then_some(next)
    }

    /// The same for what came to an end with the login itself, or with what was refused before it.
    fn after_the_login(
        &self,
        error: &SessionError,
        course: &Course,
        choice: Choice,
        next: &mut Omissions,
    ) -> Option<()> {
        let hung_up = matches!(error, SessionError::Closed { .. });
        let may_try_another = choice == Choice::Auto && !self.last_try;
        let silent = course.silent?;
        if may_try_another && !course.refused.is_empty() {
            next.unknown.extend(course.refused.iter().filter(|known| !self.unknown.contains(known)));
        } else if hung_up && course.utf8_refused {
            next.utf8 = true;
        } else if hung_up && course.capa_refused && silent != Mechanism::Apop {
            next.capa = true;
        } else if may_try_another {
            next.silent.push(silent);
            next.last_try = true;
        }
        Some(())
    }

    /// Those of the candidates that may be tried on a connection that is protected so.
    pub(super) fn filter(&self, mut candidates: Vec<Mechanism>, security: &Security) -> Vec<Mechanism> {
        candidates.retain(|one| !self.silent.contains(one) && !self.unknown.contains(one));
        // APOP is only guessed at from the greeting, so that on this machine its silence says nothing.
        let guessed = |one: &Mechanism| {
            *one == Mechanism::Apop && matches!(security, Security::Plain { loopback: true })
        };
        let kept_secret = |one: &Mechanism| !one.reveals_secret() && !guessed(one);
        if !security.is_encrypted() && self.silent.iter().any(kept_secret) {
            candidates.retain(|one| !one.reveals_secret());
        }
        if self.last_try {
            candidates.truncate(1);
        }
        candidates
    }

    /// What there is to remember, as names.
    pub fn names(&self) -> Vec<String> {
        let flags = [self.capa, self.capa_after_login, self.utf8];
        let set = NAMES.iter().zip(flags).filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned());
        let silent = self.silent.iter().map(|one| one.name().to_owned());
        let unknown = self.unknown.iter().map(|one| format!("{UNKNOWN}{one}"));
        set.chain(silent).chain(unknown).collect()
    }

    /// Adds what is remembered under this name; others mean nothing here.
    pub fn remember(&mut self, name: &str) {
        let mechanism = |name: &str| Mechanism::ALL.into_iter().find(|one| one.name() == name);
        match NAMES.iter().position(|known| *known == name) {
            Some(0) => self.capa = true,
            Some(1) => self.capa_after_login = true,
            Some(_) => self.utf8 = true,
            None => match name.strip_prefix(UNKNOWN) {
                Some(unknown) => self.unknown.extend(mechanism(unknown)),
                None => self.silent.extend(mechanism(name)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PLAIN: Security = Security::Plain { loopback: false };
    const LOOPBACK: Security = Security::Plain { loopback: true };

    fn tls() -> Security {
        Security::Tls { leaf: None }
    }

    fn silence(during: &'static str) -> SessionError {
        SessionError::TimedOut { during, after: Duration::from_mins(1) }
    }

    fn silent_at(mechanism: Mechanism) -> Omissions {
        let course = Course { silent: Some(mechanism), ..Course::default() };
        Omissions::default().after(&silence("AUTH"), &course, Choice::Auto).unwrap()
    }

    #[test]
    fn each_step_leaves_out_one_thing_more_and_then_there_is_an_end() {
        let (none, course) = (Omissions::default(), Course::default());
        for (during, name) in
            [("CAPA", "CAPA"), ("CAPA after the login", "CAPA after the login"), ("UTF8", "UTF8")]
        {
            for error in [silence(during), SessionError::Closed { during }] {
                let next = none.after(&error, &course, Choice::Auto).unwrap();
                assert_eq!(next.names(), [name]);
                assert_eq!(next.after(&error, &course, Choice::Auto), None, "{during}");
            }
        }
        let refused = Course { capa_refused: true, silent: Some(Mechanism::User), ..Course::default() };
        let closed = SessionError::Closed { during: "USER" };
        let next = none.after(&closed, &refused, Choice::Named(Mechanism::User)).unwrap();
        assert_eq!(next.names(), ["CAPA"], "refused with a hang-up");
        for during in ["STLS", "the greeting", "UIDL", "TOP"] {
            assert_eq!(none.after(&silence(during), &course, Choice::Auto), None, "{during}");
        }
    }

    #[test]
    fn after_silence_at_a_mechanism_one_other_is_tried_and_in_clear_text_none_that_tells_the_secret() {
        use Mechanism::{Apop, CramMd5, Login, Plain, ScramSha1, User};
        let all = vec![ScramSha1, CramMd5, Plain, Login, User];
        let without_scram = silent_at(ScramSha1);
        assert_eq!(without_scram.filter(all.clone(), &tls()), [CramMd5]);
        let course = Course { silent: Some(CramMd5), ..Course::default() };
        assert_eq!(without_scram.after(&silence("AUTH"), &course, Choice::Auto), None);
        let named = Choice::Named(ScramSha1);
        assert_eq!(Omissions::default().after(&silence("AUTH"), &course, named), None);

        assert_eq!(silent_at(CramMd5).filter(vec![CramMd5, Plain, User], &tls()), [Plain]);
        assert!(silent_at(CramMd5).filter(vec![CramMd5, Plain, User], &PLAIN).is_empty());
        assert!(silent_at(CramMd5).filter(vec![CramMd5, Plain, User], &LOOPBACK).is_empty());
        // What has just been sent in clear text cannot be kept secret any more.
        assert_eq!(silent_at(Plain).filter(vec![Plain, User], &LOOPBACK), [User]);
        assert_eq!(silent_at(Apop).filter(vec![Apop, User], &LOOPBACK), [User]);
        assert!(silent_at(Apop).filter(vec![Apop, User], &PLAIN).is_empty());
    }

    #[test]
    fn a_server_that_hangs_up_after_refusing_what_it_does_not_know_has_answered() {
        use Mechanism::{CramMd5, Plain, User};
        let course = Course { refused: vec![CramMd5], silent: Some(Plain), ..Course::default() };
        let closed = SessionError::Closed { during: "AUTH" };
        let next = Omissions::default().after(&closed, &course, Choice::Auto).unwrap();
        assert_eq!(next.filter(vec![CramMd5, Plain, User], &LOOPBACK), [Plain, User]);
        assert_eq!(next.names(), ["no CRAM-MD5"]);
        assert_eq!(next.after(&closed, &course, Choice::Auto), None);
    }

    #[test]
    fn what_is_remembered_is_what_was_left_out() {
        let left_out = Omissions {
            capa: true,
            capa_after_login: true,
            utf8: true,
            silent: vec![Mechanism::ScramSha256],
            unknown: vec![Mechanism::CramMd5],
            last_try: false,
        };
        let mut known = Omissions::default();
        left_out.names().iter().for_each(|name| known.remember(name));
        assert_eq!(known, left_out);
        known.remember("TOP");
        known.remember("SOMETHING NEW");
        assert_eq!(known, left_out);
    }
}
