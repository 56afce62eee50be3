//! Signing in with OAuth2: which provider and client, and the sign-in itself, before anything is written.

use super::super::login::{AtTerminal, warn_unless_it_lasts};
use super::super::output;
use super::console::Console;
use super::interview::Interview;
use super::{InitError, trial};
use crate::cli;
use crate::config::providers::Secret;
use crate::config::{Draft, DraftOAuth, DraftSecret, Provider};
use crate::connect;
use crate::oauth::{Fresh, SignInError, Tokens};
use std::io::Write;

/// Domains whose mailboxes are personal Microsoft accounts.
const PERSONAL: &[&str] = &["outlook", "hotmail", "live", "msn"];

impl Interview<'_> {
    /// How to sign in, where the options or the provider say that it is to be so.
    pub(super) fn which_sign_in(&mut self) -> Result<(), InitError> {
        let provider = Provider::of_server(&self.draft.host);
        if let Some(name) = self.options.oauth.as_deref() {
            return self.complete(sign_in_options(self.options, name));
        }
        let Some(console) = self.console else { return Ok(()) };
        if self.draft.secret != DraftSecret::Ask || self.options.ask_password {
            return Ok(());
        }
        let signs_in = match self.pop3.map(|pop3| pop3.secret) {
            Some(Secret::Token) => {
                let question =
                    "Sign in with popkeep, or use a command that prints a token: sign-in or command";
                if console.choose(question, &["sign-in", "command"], "sign-in")? == "command" {
                    return self.ask_for_token_command();
                }
                true
            }
            Some(Secret::AppPassword(_)) if provider == Some(Provider::Google) => {
                let question = "Use an app password, or sign in with OAuth2: app-password or sign-in";
                console.choose(question, &["app-password", "sign-in"], "app-password")? == "sign-in"
            }
            _ => false,
        };
        if signs_in {
            let name = provider.map(Provider::name).map(str::to_owned);
            self.complete(DraftOAuth { provider: name, ..DraftOAuth::default() })?;
        }
        Ok(())
    }

    /// Asks for what the sign-in lacks.
    fn complete(&mut self, mut oauth: DraftOAuth) -> Result<(), InitError> {
        let provider = Provider::NAMES.iter().find(|(name, _)| Some(*name) == oauth.provider.as_deref());
        let provider = provider.map(|(_, provider)| *provider);
        if provider == Some(Provider::Microsoft) && oauth.tenant.is_none() && oauth.token_url.is_none() {
            oauth.tenant = Some(self.tenant().to_owned());
        }
        if oauth.client_id.is_some() || !provider.map_or("", Provider::client_id).is_empty() {
            self.draft.secret = DraftSecret::SignIn(oauth);
            return self.draft.account().map(drop).map_err(|why| InitError::Impossible { reason: why });
        }
        let Some(console) = self.console else {
            return Err(InitError::Missing { missing: vec!["--client-id".to_owned()] });
        };
        console
            .say("To sign in, popkeep needs a client id; popkeep-oauth(7) says step by step how to get one.");
        // Google gives a secret even to programs that cannot keep one.
        let secret = matches!(provider, Some(Provider::Google | Provider::Comcast));
        let wants_secret = secret && oauth.client_secret_command.is_none();
        self.ask_for_client(&oauth)?;
        if wants_secret {
            let question = "Command that prints the client secret";
            self.settle("client-secret-command", None, question, None, |draft, command| {
                if let DraftSecret::SignIn(oauth) = &mut draft.secret {
                    oauth.client_secret_command = Some(command.to_owned());
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn ask_for_client(&mut self, oauth: &DraftOAuth) -> Result<(), InitError> {
        self.settle("client-id", None, "Client id", oauth.client_id.as_deref(), |draft: &mut Draft, id| {
            let oauth = DraftOAuth { client_id: Some(id.to_owned()), ..oauth.clone() };
            draft.secret = DraftSecret::SignIn(oauth);
            Ok(())
        })
    }

    /// Whose accounts may sign in: personal ones are strangers to `organizations`, and the other way round.
    fn tenant(&self) -> &'static str {
        let domain = self.address.as_ref().map_or("", |address| address.domain.as_str());
        let first = domain.split('.').next().unwrap_or("").to_ascii_lowercase();
        if PERSONAL.contains(&first.as_str()) { "consumers" } else { "organizations" }
    }

    /// Lets a person sign in, and logs in with the token. What it brought is kept when the configuration is written.
    pub(super) fn sign_in(&mut self, out: &mut dyn Write) -> Result<(), InitError> {
        loop {
            match self.try_to_sign_in(out) {
                Ok(fresh) => {
                    self.fresh = Some(fresh);
                    return Ok(());
                }
                Err(error) => {
                    let Some(console) = self.console else { return Err(error) };
                    self.after_refusal(console, error)?;
                }
            }
        }
    }

    fn try_to_sign_in(&self, out: &mut dyn Write) -> Result<Fresh, InitError> {
        let account = self.account(None)?;
        let (observer, trace) = output::watch(self.options.verbose, &[&account]);
        let Some(tokens) = Tokens::of(&account.access, &*observer, trace) else {
            return Err(InitError::Impossible { reason: "the account has no oauth table".to_owned() });
        };
        let fresh = tokens.sign_in(None, &mut AtTerminal { out }).map_err(InitError::SignIn)?;
        if let Some(console) = self.console {
            console.say(&format!("Logging in at {} ...", account.access.host));
        }
        connect::try_token(&account, fresh.access_token(), trace, &observer).map_err(InitError::Trial)?;
        if let Some(console) = self.console {
            console.detail("Logged in with the new token.");
        }
        warn_unless_it_lasts(&account.access, &fresh);
        Ok(fresh)
    }

    /// Asks again what the failure is about.
    fn after_refusal(&mut self, console: Console, error: InitError) -> Result<(), InitError> {
        let client = matches!(&error, InitError::SignIn(SignInError::Refused { .. }));
        match &error {
            InitError::Trial(error) => trial::words(error).iter().for_each(|line| console.problem(line)),
            other => console.problem(&format!("{other}.")),
        }
        if !console.confirm("Sign in again", true)? {
            return Err(error);
        }
        match &self.draft.secret {
            DraftSecret::SignIn(oauth) if client => self.ask_for_client(&oauth.clone()),
            _ => Ok(()),
        }
    }
}

/// The sign-in as the options say.
fn sign_in_options(options: &cli::Init, provider: &str) -> DraftOAuth {
    DraftOAuth {
        provider: Some(provider.to_owned()).filter(|provider| provider != "other"),
        client_id: options.client_id.clone(),
        client_secret_command: options.client_secret_command.clone(),
        tenant: options.tenant.clone(),
        authorize_url: options.authorize_url.clone(),
        token_url: options.token_url.clone(),
        device_url: options.device_url.clone(),
        scope: options.scope.clone(),
    }
}
