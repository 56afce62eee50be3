//! Login: AUTHENTICATE with a SASL mechanism (RFC 9051, section 6.2.2; RFC 4959), or the LOGIN command.
//!
//! Promises: as for POP3, a secret leaves only where it may; a refused password is not tried in another way; a weaker
//! mechanism follows a stronger one only when the server says that it does not know the stronger one; whatever the
//! server repeats of a secret is masked.

use super::authenticated::Authenticated;
use super::capability::Capabilities;
use super::code::Refusal;
use super::error::{ImapError, LoginRefusal};
use super::folder::quote;
use super::not_authenticated::{ask_capabilities, in_code};
use super::response::{Condition, Data, Status};
use super::wire::Heard;
use super::{Connection, NotAuthenticated};
use crate::refusal::Refusal as Meaning;
use crate::sasl::{self, ChannelBinding, Complaint, Identity, Mechanism, Offer, Turns};
use crate::session::{Choice, Login, forms};
use secrecy::{ExposeSecret, SecretString};

/// The longest line of AUTHENTICATE, in octets: a longer initial response goes as a continuation (RFC 7162,
/// section 4, names this figure for any line).
const MAX_LINE: usize = 8_000;

/// The longest text that goes as a quoted string, in octets.
const MAX_QUOTED: usize = 1_000;

impl Connection<NotAuthenticated> {
    /// Logs in, then takes the capabilities from the answer, or asks for them. Where the server has greeted with
    /// `PREAUTH` there is nothing to do.
    pub fn login(mut self, login: &Login<'_>) -> Result<Connection<Authenticated>, ImapError> {
        if self.state.logged_in {
            let state = Authenticated::new(self.state.capabilities, None);
            return Ok(Connection { wire: self.wire, state });
        }
        let candidates = self.candidates(login)?;
        let secrets = forms(login.secret);
        for form in &secrets {
            self.wire.masks.add(form);
        }
        let (mechanism, told) = self.try_each(&candidates, login)?;
        let capabilities = match told {
            Some(known) => known,
            None => ask_capabilities(&mut self.wire)?,
        };
        self.wire.masks.keep_only(secrets);
        let state = Authenticated::new(capabilities, Some(mechanism));
        Ok(Connection { wire: self.wire, state })
    }

    /// What to try, in this order; never empty.
    fn candidates(&self, login: &Login<'_>) -> Result<Vec<Mechanism>, ImapError> {
        let security = self.security();
        let may_reveal = login.clearance.covers(&security);
        match login.choice {
            Choice::Named(Mechanism::Apop) => Err(ImapError::NoApop),
            Choice::Named(mechanism) if mechanism.reveals_secret() && !may_reveal => {
                Err(ImapError::ClearTextRefused)
            }
            Choice::Named(mechanism) => Ok(vec![mechanism]),
            Choice::Auto => {
                let announced: Vec<&str> = self.state.capabilities.sasl().collect();
                let offer = Offer {
                    announced: Some(&announced),
                    apop: false,
                    user: !self.state.capabilities.has("LOGINDISABLED"),
                    encrypted: security.is_encrypted(),
                    binding: self.wire.tls_server_end_point().is_some(),
                    may_reveal,
                };
                let candidates = sasl::candidates(login.kind, &offer);
                if !candidates.is_empty() {
                    return Ok(candidates);
                }
                let unveiled = sasl::candidates(login.kind, &Offer { may_reveal: true, ..offer });
                if !may_reveal && !unveiled.is_empty() {
                    return Err(ImapError::ClearTextRefused);
                }
                Err(ImapError::NothingFits { kind: login.kind, offered: announced.join(" ") })
            }
        }
    }

    /// The mechanism that let us in, and the capabilities if the server told of them on the way.
    fn try_each(
        &mut self,
        candidates: &[Mechanism],
        login: &Login<'_>,
    ) -> Result<(Mechanism, Option<Capabilities>), ImapError> {
        let mut unknown = None;
        for &mechanism in candidates {
            match self.attempt(mechanism, login) {
                Ok(told) => return Ok((mechanism, told)),
                Err(ImapError::LoginRefused(refusal)) if refusal.meaning == Meaning::Mechanism => {
                    // The strongest one's refusal is the one to tell of.
                    unknown.get_or_insert(refusal);
                }
                // Some hang up after a refusal: that is what there is to tell of.
                Err(ImapError::Closed { .. } | ImapError::Bye { .. }) if unknown.is_some() => break,
                Err(error) => return Err(error),
            }
        }
        Err(match unknown {
            Some(refusal) => ImapError::LoginRefused(refusal),
            None => ImapError::Order("no mechanism to try"),
        })
    }

    fn attempt(
        &mut self,
        mechanism: Mechanism,
        login: &Login<'_>,
    ) -> Result<Option<Capabilities>, ImapError> {
        let answer = if mechanism == Mechanism::User {
            self.login_command(login.user, login.secret)?
        } else {
            let one_line = mechanism.may_begin_with_response() && self.state.capabilities.sasl_ir();
            match self.authenticate(mechanism, login, one_line)? {
                // A server that announces SASL-IR and does not understand it.
                Answer { status, initial_response: true, .. } if is_about_the_form(&status) => {
                    self.authenticate(mechanism, login, false)?
                }
                answer => answer,
            }
        };
        let Answer { status, told, complaint, .. } = answer;
        if status.condition == Condition::Ok {
            return Ok(in_code(&status).cloned().or(told));
        }
        let complaint = complaint.map(|said| {
            let clean = self.wire.masks.hidden(said.text.as_bytes());
            Complaint { text: String::from_utf8_lossy(&clean).into_owned(), ..said }
        });
        let has_code = status.code.is_some();
        let refusal = status.into_refusal();
        Err(match refusal.of_a_login() {
            // What the mechanism itself said is more than what the words around it seem to say, if not more
            // than a response code.
            Meaning::NotNow(_) if complaint.is_none() || has_code => {
                let during = if mechanism == Mechanism::User { "LOGIN" } else { "AUTHENTICATE" };
                ImapError::TryLater { during, refusal }
            }
            meaning => ImapError::LoginRefused(Box::new(LoginRefusal {
                mechanism,
                refusal,
                meaning,
                complaint,
                automatic: !matches!(login.choice, Choice::Named(_)),
                origin: None,
            })),
        })
    }

    /// LOGIN (RFC 9051, section 6.2.3).
    fn login_command(&mut self, user: &str, secret: &SecretString) -> Result<Answer, ImapError> {
        let password = secret.expose_secret();
        if [user, password].iter().any(|text| text.contains(['\r', '\n', '\0'])) {
            return Err(ImapError::Unencodable);
        }
        let wire = &mut self.wire;
        wire.begin()?;
        wire.text(b"LOGIN ");
        let literal_plus = self.state.capabilities.abilities().literal_plus;
        for (text, masked) in [(user, false), (password, true)] {
            if masked {
                wire.text(b" ");
            }
            if text.is_ascii() && text.len() <= MAX_QUOTED {
                let quoted = SecretString::from(quote(text));
                wire.put(quoted.expose_secret().as_bytes(), masked);
                continue;
            }
            let ahead = literal_plus.allows(text.len() as u64);
            wire.text(format!("{{{}{}}}", text.len(), if ahead { "+" } else { "" }).as_bytes());
            wire.end_line();
            if !ahead && let Some((_, status)) = wire.go_ahead("LOGIN")? {
                return Ok(Answer::plain(status));
            }
            wire.put(text.as_bytes(), masked);
        }
        wire.end_line();
        let mut told = None;
        let status = wire.answer("LOGIN", &mut |data| told = capabilities(data).or(told.take()))?;
        Ok(Answer { told, ..Answer::plain(status) })
    }

    /// AUTHENTICATE with one mechanism. What the client says first goes on its own line if it may and the line stays
    /// short enough, and else as the answer to the first challenge.
    fn authenticate(
        &mut self,
        mechanism: Mechanism,
        login: &Login<'_>,
        one_line: bool,
    ) -> Result<Answer, ImapError> {
        const DURING: &str = "AUTHENTICATE";
        let Login { user, secret, host, port, .. } = *login;
        let identity = Identity { user, secret, host, port };
        let announced: Vec<&str> = self.state.capabilities.sasl().collect();
        let binding = ChannelBinding::of(mechanism, self.wire.tls_server_end_point(), Some(&announced));
        let Some(mut exchange) = sasl::begin(mechanism, identity, binding)? else {
            return Err(ImapError::Order("AUTHENTICATE with what is no SASL mechanism"));
        };
        let mut turns = Turns::new(&mut *exchange)?;
        let wire = &mut self.wire;
        wire.begin()?;
        wire.text(format!("AUTHENTICATE {mechanism}").as_bytes());
        let mut said_first = false;
        if let Some(first) = turns.first() {
            wire.masks.add(first);
            let first = first.expose_secret();
            if one_line && first.len() <= MAX_LINE {
                wire.text(b" ");
                wire.put(if first.is_empty() { b"=" } else { first.as_bytes() }, true);
                said_first = true;
            }
        }
        if said_first {
            turns.said_first();
        }
        wire.end_line();
        wire.flush(DURING)?;
        let mut told = None;
        loop {
            match wire.hear(DURING)? {
                Heard::Answer(_, status) => {
                    if status.condition == Condition::Ok {
                        turns.finish().map_err(|error| wire.fail(error))?;
                    }
                    let initial_response = turns.has_said_first();
                    return Ok(Answer { status, told, complaint: turns.complaint(), initial_response });
                }
                Heard::Continue(challenge) => {
                    // An exchange ends by itself: it refuses a challenge that it does not have.
                    let response = turns.answer(&challenge).map_err(|error| wire.fail(error))?;
                    wire.masks.add(&response);
                    wire.respond(&response, DURING)?;
                }
                Heard::Data(data) => told = capabilities(data).or(told),
            }
        }
    }
}

/// The server's last word about one attempt.
struct Answer {
    status: Status,
    /// Capabilities that came before it.
    told: Option<Capabilities>,
    complaint: Option<Complaint>,
    /// AUTHENTICATE's own line held a response.
    initial_response: bool,
}

impl Answer {
    fn plain(status: Status) -> Self {
        Answer { status, told: None, complaint: None, initial_response: false }
    }
}

fn capabilities(data: Data) -> Option<Capabilities> {
    match data {
        Data::Capability(known) => Some(known),
        _ => None,
    }
}

fn is_about_the_form(status: &Status) -> bool {
    let refusal = Refusal { code: status.code.clone(), text: status.text.clone() };
    status.condition != Condition::Ok && refusal.of_a_login() == Meaning::Form
}
