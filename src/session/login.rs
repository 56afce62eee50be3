//! Login: which mechanism, in which form, and what a refusal of it means. What a server does not answer is left
//! out by [`Omissions`].
//!
//! Promises: a secret leaves only where it may; a refused password is not tried in another way; a weaker
//! mechanism follows a stronger one only when the server says that it does not know the stronger one
//! (or refuses APOP, which no server announces); whatever the server repeats of a
//! secret is masked. Must never: use APOP after STLS, for its timestamp came in clear text.

use super::authorization::ask_capabilities;
use super::error::{CAPA_AFTER_LOGIN, LoginRefusal};
use super::masks::forms;
use super::omissions::{Course, Omissions};
use super::wire::Wire;
use super::{Authorization, Clearance, Session, SessionError, Transaction};
use crate::pop3::capability::Capabilities;
use crate::pop3::command::{Command, EncodeError, Secret};
use crate::pop3::dialogue::Event;
use crate::pop3::refusal::Refusal;
use crate::pop3::reply::Reply;
use crate::sasl::{
    self, ChannelBinding, Complaint, Exchange, Identity, Mechanism, Offer, SaslError, SecretKind, Turns,
};
use secrecy::{ExposeSecret, SecretString};

/// Who logs in, and how.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// The user name.
    pub user: &'a str,
    /// The password or the token; empty for [`SecretKind::Certificate`].
    pub secret: &'a SecretString,
    /// What the secret is; with [`Choice::Auto`] it decides which mechanisms there are.
    pub kind: SecretKind,
    /// The way to log in.
    pub choice: Choice,
    /// Where the secret may go.
    pub clearance: Clearance,
    /// The server's name, as configured; OAUTHBEARER tells it.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
}

/// How to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// With the strongest mechanism that both sides have; see [`sasl::candidates`].
    Auto,
    /// With this one, whatever the server offers.
    Named(Mechanism),
}

impl Session<Authorization> {
    /// Logs in, then reads the capabilities again unless CAPA was refused before. Where the server
    /// offers UTF8, it is asked for first: some servers replace messages with 8-bit headers otherwise.
    pub fn login(self, login: &Login<'_>) -> Result<Session<Transaction>, SessionError> {
        self.login_without(login, &Omissions::default(), &mut Course::default())
    }

    /// The same, but for what is to be left out. `course` tells how far it came.
    pub fn login_without(
        mut self,
        login: &Login<'_>,
        omissions: &Omissions,
        course: &mut Course,
    ) -> Result<Session<Transaction>, SessionError> {
        let candidates = self.candidates(login, omissions)?;
        course.capa_refused = self.state.capabilities.as_ref().is_some_and(|known| !known.offered());
        let secrets = forms(login.secret);
        for form in &secrets {
            self.wire.masks.add(form);
        }
        let offers_utf8 = self.state.capabilities.as_ref().is_some_and(Capabilities::utf8);
        let utf8 = offers_utf8 && !omissions.utf8 && self.wire.ask(&Command::Utf8)?.is_ok();
        course.utf8_refused = offers_utf8 && !omissions.utf8 && !utf8;
        let mechanism = self.try_each(&candidates, login, course)?;
        let capabilities = match self.state.capabilities {
            Some(known) if !known.offered() || omissions.capa_after_login => known,
            _ => ask_capabilities(&mut self.wire, CAPA_AFTER_LOGIN)?,
        };
        self.wire.masks.keep_only(secrets);
        let state = Transaction::new(capabilities, mechanism.name(), utf8, self.pipeline);
        Ok(Session { wire: self.wire, pipeline: self.pipeline, state })
    }

    /// What to try, in this order; never empty.
    fn candidates(
        &mut self,
        login: &Login<'_>,
        omissions: &Omissions,
    ) -> Result<Vec<Mechanism>, SessionError> {
        let may_reveal = login.clearance.covers(&self.security());
        match login.choice {
            Choice::Named(mechanism) if mechanism.reveals_secret() && !may_reveal => {
                Err(SessionError::ClearTextRefused)
            }
            Choice::Named(Mechanism::Apop) if self.state.after_stls => {
                Err(SessionError::NoApop { reason: "its timestamp came before STLS, in clear text" })
            }
            Choice::Named(Mechanism::Apop) if self.greeting().apop_timestamp().is_none() => {
                Err(SessionError::NoApop { reason: "its greeting has no proper timestamp" })
            }
            Choice::Named(mechanism) => Ok(vec![mechanism]),
            Choice::Auto => {
                let apop = self.greeting().apop_timestamp().is_some() && !self.state.after_stls;
                let security = self.security();
                let encrypted = security.is_encrypted();
                let binding = self.wire.tls_server_end_point().is_some();
                let capabilities = self.capabilities()?;
                let announced = announced(capabilities);
                let announced = announced.as_deref();
                // USER even where CAPA does not have it: some servers forget it there.
                let offer = Offer { announced, apop, user: true, encrypted, binding, may_reveal };
                let candidates = omissions.filter(sasl::candidates(login.kind, &offer), &security);
                if !candidates.is_empty() {
                    return Ok(candidates);
                }
                let unveiled = sasl::candidates(login.kind, &Offer { may_reveal: true, ..offer });
                if !may_reveal && !unveiled.is_empty() {
                    return Err(SessionError::ClearTextRefused);
                }
                let offered: Vec<&str> = capabilities.sasl().collect();
                Err(SessionError::NothingFits { kind: login.kind, offered: offered.join(" ") })
            }
        }
    }

    /// The mechanism that let us in.
    fn try_each(
        &mut self,
        candidates: &[Mechanism],
        login: &Login<'_>,
        course: &mut Course,
    ) -> Result<Mechanism, SessionError> {
        let mut unknown = None;
        for &mechanism in candidates {
            match self.attempt(mechanism, login) {
                Ok(()) => return Ok(mechanism),
                Err(SessionError::LoginRefused(refusal)) if refusal.meaning == Refusal::Mechanism => {
                    // The strongest one's refusal is the one to tell of.
                    course.refused.push(mechanism);
                    unknown.get_or_insert(refusal);
                }
                // Nobody announced APOP: a refusal may well mean that the server has no secret for it. GNU
                // Mailutils then says [AUTH], as if the password were wrong.
                Err(SessionError::LoginRefused(refusal))
                    if mechanism == Mechanism::Apop && candidates.last() != Some(&Mechanism::Apop) =>
                {
                    course.refused.push(mechanism);
                    course.refusal.get_or_insert(refusal);
                }
                Err(error) => {
                    if error.silence().is_some() {
                        course.silent = Some(mechanism);
                        // Some hang up after a refusal: that is what there is to tell of.
                        course.refusal = course.refusal.take().or(unknown);
                    }
                    return Err(error);
                }
            }
        }
        Err(match unknown {
            Some(refusal) => SessionError::LoginRefused(refusal),
            None => SessionError::Order("no mechanism to try"),
        })
    }

    fn attempt(&mut self, mechanism: Mechanism, login: &Login<'_>) -> Result<(), SessionError> {
        let Login { user, secret, host, port, .. } = *login;
        let answer = match mechanism {
            Mechanism::User => user_pass(&mut self.wire, user, secret)?,
            Mechanism::Apop => self.apop(user, secret)?,
            _ => {
                let identity = Identity { user, secret, host, port };
                let one_line = mechanism.may_begin_with_response();
                match self.sasl(mechanism, identity, one_line)? {
                    // A server of RFC 1734's time does not know of a response on AUTH's own line.
                    Answer { reply, initial_response: true, .. }
                        if !reply.is_ok() && Refusal::of(&reply) == Refusal::Form =>
                    {
                        self.sasl(mechanism, identity, false)?
                    }
                    answer => answer,
                }
            }
        };
        let Answer { during, reply, complaint, .. } = answer;
        if reply.is_ok() {
            return Ok(());
        }
        let complaint = complaint.map(|said| {
            let clean = self.wire.masks.hidden(said.text.as_bytes());
            Complaint { text: String::from_utf8_lossy(&clean).into_owned(), ..said }
        });
        Err(match Refusal::of(&reply) {
            // What the mechanism itself said is more than what the words around it seem to say, if not more
            // than a response code.
            Refusal::NotNow(_) if complaint.is_none() || reply.is_transient() => {
                SessionError::TryLater { during, reply }
            }
            meaning => SessionError::LoginRefused(Box::new(LoginRefusal {
                mechanism,
                reply,
                meaning,
                complaint,
                automatic: !matches!(login.choice, Choice::Named(_)),
                origin: None,
            })),
        })
    }

    fn apop(&mut self, user: &str, secret: &SecretString) -> Result<Answer, SessionError> {
        let Some(timestamp) = self.state.greeting.apop_timestamp() else {
            return Err(SessionError::NoApop { reason: "its greeting has no proper timestamp" });
        };
        let digest = sasl::apop_digest(timestamp, secret);
        self.wire.masks.add(&digest);
        let command = Command::Apop { name: user, digest: Secret(digest.expose_secret()) };
        Ok(Answer::plain("APOP", self.wire.ask(&command)?))
    }

    /// AUTH with one mechanism.
    fn sasl(
        &mut self,
        mechanism: Mechanism,
        identity: Identity<'_>,
        one_line: bool,
    ) -> Result<Answer, SessionError> {
        let binding = self.channel_binding(mechanism);
        match sasl::begin(mechanism, identity, binding)? {
            Some(mut exchange) => authenticate(&mut self.wire, mechanism, &mut *exchange, one_line),
            None => Err(SessionError::Order("AUTH with what is no SASL mechanism")),
        }
    }

    fn channel_binding(&self, mechanism: Mechanism) -> ChannelBinding {
        let announced = self.state.capabilities.as_ref().and_then(announced);
        ChannelBinding::of(mechanism, self.wire.tls_server_end_point(), announced.as_deref())
    }
}

/// The SASL mechanisms that CAPA announces; `None` where it was refused.
fn announced(capabilities: &Capabilities) -> Option<Vec<&str>> {
    capabilities.offered().then(|| capabilities.sasl().collect())
}

/// The server's last word about one attempt.
struct Answer {
    during: &'static str,
    reply: Reply,
    complaint: Option<Complaint>,
    /// AUTH's own line held a response.
    initial_response: bool,
}

impl Answer {
    fn plain(during: &'static str, reply: Reply) -> Self {
        Answer { during, reply, complaint: None, initial_response: false }
    }
}

fn user_pass(wire: &mut Wire, user: &str, secret: &SecretString) -> Result<Answer, SessionError> {
    let reply = wire.ask(&Command::User(user))?;
    if !reply.is_ok() {
        return Ok(Answer::plain("USER", reply));
    }
    Ok(Answer::plain("PASS", wire.ask(&Command::Pass(Secret(secret.expose_secret())))?))
}

/// One exchange. What the client says first goes on AUTH's own line if it may and the line stays short
/// enough, and else as the answer to the first challenge.
fn authenticate(
    wire: &mut Wire,
    mechanism: Mechanism,
    exchange: &mut dyn Exchange,
    one_line: bool,
) -> Result<Answer, SessionError> {
    let name = mechanism.name();
    let mut turns = Turns::new(exchange)?;
    if let Some(response) = turns.first() {
        wire.masks.add(response);
    }
    if let Some(response) = turns.first().filter(|_| one_line) {
        match wire.send(&Command::Auth { mechanism: name, initial: Some(Secret(response.expose_secret())) }) {
            Ok(()) => turns.said_first(),
            Err(SessionError::Unencodable(EncodeError::TooLong { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    if !turns.has_said_first() {
        wire.send(&Command::Auth { mechanism: name, initial: None })?;
    }
    wire.flush("AUTH")?;
    loop {
        match wire.event("AUTH")? {
            Event::Status { reply, .. } => {
                if reply.is_ok() {
                    turns.finish().map_err(|error| wire.fail(error))?;
                }
                return Ok(Answer {
                    during: "AUTH",
                    reply,
                    complaint: turns.complaint(),
                    initial_response: turns.has_said_first(),
                });
            }
            Event::Challenge(range) => {
                // An exchange ends by itself: it refuses a challenge that it does not have.
                let response =
                    turns.answer(wire.octets(range)).map_err(|error: SaslError| wire.fail(error))?;
                wire.masks.add(&response);
                wire.respond(&response)?;
            }
            Event::Line(_) | Event::Body(_) | Event::End => {
                return Err(wire.fail(SessionError::Order("AUTH was answered with a listing")));
            }
        }
    }
}
