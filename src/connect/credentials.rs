//! What an account logs in with.
//!
//! Promise: a person is asked for a secret at most once.

use super::ConnectError;
use crate::config::{self, Access, Auth, Obtained, SecretSource, providers};
use crate::event::Observer;
use crate::oauth::{Renewal, Tokens};
use crate::sasl::{Mechanism, SecretKind};
use crate::session::Choice;
use secrecy::{ExposeSecret, SecretString};
use std::cell::{Cell, Ref, RefCell};
use std::sync::Arc;

/// A secret and what it is.
pub(super) struct Credentials {
    /// A password, a token or a certificate.
    pub kind: SecretKind,
    secret: RefCell<SecretString>,
    /// It came from the provider just now and has not let us in yet, or popkeep cannot get a newer one.
    new: Cell<bool>,
    renewal: Renewal,
    observer: Arc<dyn Observer>,
    trace: bool,
}

impl Credentials {
    /// Gets the secret from where the account says it is.
    pub(super) fn of(
        access: &Access,
        renewal: Renewal,
        trace: bool,
        observer: &Arc<dyn Observer>,
    ) -> Result<Credentials, ConnectError> {
        let (kind, observer) = (kind(access), Arc::clone(observer));
        let (secret, new) = match kind {
            SecretKind::Certificate => (SecretString::default(), true),
            SecretKind::Password | SecretKind::Token => match config::obtain(access)? {
                Obtained::Secret(secret) => (secret, true),
                Obtained::SignIn(oauth) => {
                    let token = Tokens::new(access, oauth, &*observer, trace).access_token(renewal)?;
                    (token.secret, token.new)
                }
            },
        };
        Ok(Credentials { kind, secret: RefCell::new(secret), new: Cell::new(new), renewal, observer, trace })
    }

    /// This access token, and no other.
    pub(super) fn of_token(token: &SecretString, trace: bool, observer: &Arc<dyn Observer>) -> Credentials {
        Credentials {
            kind: SecretKind::Token,
            secret: RefCell::new(token.clone()),
            new: Cell::new(true),
            renewal: Renewal::Ahead,
            observer: Arc::clone(observer),
            trace,
        }
    }

    /// Before another session: an access token that comes to its end is replaced.
    pub(super) fn keep_fresh(&self, access: &Access) -> Result<(), ConnectError> {
        if let Some(tokens) = self.tokens(access) {
            let token = tokens.access_token(self.renewal)?;
            if token.secret.expose_secret() != self.secret.borrow().expose_secret() {
                self.new.set(token.new);
                self.secret.replace(token.secret);
            }
        }
        Ok(())
    }

    /// The server has let us in with the secret. If it refuses it later, the token has expired meanwhile.
    pub(super) fn let_in(&self, access: &Access) {
        if self.tokens(access).is_some() {
            self.new.set(false);
        }
    }

    /// Whether a refusal of this secret says nothing yet: a token of a sign-in that did not come just now.
    pub(super) fn is_stale(&self) -> bool {
        !self.new.get()
    }

    fn tokens<'a>(&'a self, access: &'a Access) -> Option<Tokens<'a>> {
        let tokens = Tokens::of(access, &*self.observer, self.trace)?;
        (self.kind == SecretKind::Token).then_some(tokens)
    }

    /// The secret; empty for a certificate.
    pub(super) fn secret(&self) -> Ref<'_, SecretString> {
        self.secret.borrow()
    }

    /// Gets the secret again. `false` if it is still the same: that would only be refused again.
    pub(super) fn renew(&self, access: &Access) -> Result<bool, ConnectError> {
        if self.kind == SecretKind::Certificate {
            return Ok(false);
        }
        match config::obtain(access)? {
            Obtained::Secret(fresh) => {
                let changed = fresh.expose_secret() != self.secret.borrow().expose_secret();
                self.secret.replace(fresh);
                Ok(changed)
            }
            Obtained::SignIn(_) if !self.is_stale() => Ok(false),
            Obtained::SignIn(oauth) => {
                let tokens = Tokens::new(access, oauth, &*self.observer, self.trace);
                let token = tokens.force_refresh(&self.secret.borrow())?;
                self.secret.replace(token.secret);
                self.new.set(true);
                Ok(true)
            }
        }
    }
}

fn kind(access: &Access) -> SecretKind {
    match (access.auth, &access.secret) {
        (Auth::External, _) => SecretKind::Certificate,
        (_, SecretSource::TokenCommand(_) | SecretSource::OAuth(_)) => SecretKind::Token,
        // Nobody is asked for a password where a client certificate is configured and no password.
        (Auth::Auto, SecretSource::Ask) if access.tls_client.is_some() => SecretKind::Certificate,
        _ => SecretKind::Password,
    }
}

/// Where a refused password came from, and what a known provider wants for one.
pub(super) fn origin(access: &Access) -> Option<String> {
    let origin = match &access.secret {
        SecretSource::Command(_) => "the password came from password_command".to_owned(),
        SecretSource::TokenCommand(_) => "the token came from token_command".to_owned(),
        SecretSource::File(path) => format!("the password came from password_file {}", path.display()),
        SecretSource::Environment(name) => format!("the password came from password_env {name}"),
        SecretSource::Literal(_) => "the password is `password` in the configuration".to_owned(),
        SecretSource::Ask => return hint(access),
        SecretSource::OAuth(_) => format!(
            "the token is new, so another account may have been chosen at the sign-in (`popkeep login {}` repeats it), or POP \
             is switched off at the provider",
            access.name
        ),
    };
    Some(hint(access).map_or(origin.clone(), |hint| format!("{origin}; {hint}")))
}

fn hint(access: &Access) -> Option<String> {
    let provider = providers::of_server(&access.host, &access.user)?;
    let providers::Offer::Pop3(pop3) = provider.offer else { return None };
    let wants = match pop3.secret {
        providers::Secret::AppPassword(what) => format!("{} wants {what}", provider.name),
        providers::Secret::Token if !access.secret.is_token() => {
            format!(
                "{} wants a sign-in with OAuth2 (see oauth in popkeep.toml(5)), not a password",
                provider.name
            )
        }
        _ => return None,
    };
    Some(wants)
}

/// The mechanism that the configuration names.
pub(super) fn choice(auth: Auth) -> Choice {
    Choice::Named(match auth {
        Auth::Auto => return Choice::Auto,
        Auth::ScramSha256Plus => Mechanism::ScramSha256Plus,
        Auth::ScramSha1Plus => Mechanism::ScramSha1Plus,
        Auth::ScramSha256 => Mechanism::ScramSha256,
        Auth::ScramSha1 => Mechanism::ScramSha1,
        Auth::CramMd5 => Mechanism::CramMd5,
        Auth::Plain => Mechanism::Plain,
        Auth::Login => Mechanism::Login,
        Auth::External => Mechanism::External,
        Auth::Xoauth2 => Mechanism::XOAuth2,
        Auth::OauthBearer => Mechanism::OAuthBearer,
        Auth::Apop => Mechanism::Apop,
        Auth::User => Mechanism::User,
    })
}
