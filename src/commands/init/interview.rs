//! The questions in their order, each answered by an option, by a person, or by its default.

use super::address::{Address, name_of_domain};
use super::config_file::{ConfigFile, Made, NewPassword};
use super::console::Console;
use super::{InitError, trial};
use crate::cli;
use crate::config::providers::{Pop3, UserName};
use crate::config::{Draft, DraftSecret, SecretSource, Tls};
use crate::connect::ConnectError;
use crate::oauth::Fresh;
use secrecy::SecretString;
use std::io::Write;

/// What is known so far, and whom to ask for the rest.
pub(super) struct Interview<'i> {
    pub(super) options: &'i cli::Init,
    /// Who answers; `None` where nobody does.
    pub(super) console: Option<Console>,
    pub(super) config_file: &'i ConfigFile,
    pub(super) address: Option<Address>,
    pub(super) draft: Draft,
    /// What the provider wants, where it is known.
    pub(super) pop3: Option<Pop3>,
    /// What was typed for a password.
    pub(super) typed: Option<SecretString>,
    /// The file that the password is to be written to.
    pub(super) new_password: Option<NewPassword>,
    /// What signing in brought.
    pub(super) fresh: Option<Fresh>,
}

impl<'i> Interview<'i> {
    /// Begins with what the options say. The error names what they lack, if nobody can be asked.
    pub(super) fn new(
        options: &'i cli::Init,
        console: Option<Console>,
        config_file: &'i ConfigFile,
    ) -> Result<Self, InitError> {
        let mut draft = Draft::new("account");
        draft.tls_ca_file = options.tls_ca_file.as_deref().map(full_path);
        draft.tls_fingerprint.clone_from(&options.tls_fingerprint);
        draft.account().map_err(|why| InitError::Impossible { reason: why })?;
        let secret = [
            options.password_command.clone().map(DraftSecret::Command),
            options.password_file.as_deref().map(full_path).map(DraftSecret::File),
            options.password_env.clone().map(DraftSecret::Environment),
            options.token_command.clone().map(DraftSecret::TokenCommand),
        ];
        if let Some(secret) = secret.into_iter().flatten().next() {
            draft.secret = secret;
        }
        let (address, pop3, typed, new_password, fresh) = (None, None, None, None, None);
        let interview =
            Interview { options, console, config_file, address, draft, pop3, typed, new_password, fresh };
        if console.is_none() {
            interview.nothing_missing()?;
        }
        Ok(interview)
    }

    /// Goes through all of it.
    pub(super) fn conduct(mut self, out: &mut dyn Write) -> Result<Made, InitError> {
        self.welcome();
        self.whose_address()?;
        self.which_server()?;
        self.which_user()?;
        self.which_sign_in()?;
        if !self.options.no_test {
            match self.draft.secret {
                DraftSecret::SignIn(_) => self.sign_in(out)?,
                _ => self.test_the_login()?,
            }
        }
        self.keeping()?;
        if let Some(console) = self.console {
            console.say("");
        }
        Ok(Made { draft: self.draft, new_password: self.new_password, sign_in: self.fresh })
    }

    fn nothing_missing(&self) -> Result<(), InitError> {
        let options = self.options;
        let mut missing = Vec::new();
        if options.address.is_none() && (options.host.is_none() || options.user.is_none()) {
            missing.push("--address (or --host and --user)".to_owned());
        }
        if self.draft.secret == DraftSecret::Ask && options.oauth.is_none() && !options.ask_password {
            missing.push(
                "one of --password-command, --password-file, --password-env, --token-command, --oauth and --ask-password"
                    .to_owned(),
            );
        }
        if options.ask_password && !options.no_test {
            missing.push(
                "--no-test (without a terminal, a password that is asked for cannot be tested)".to_owned(),
            );
        }
        if missing.is_empty() { Ok(()) } else { Err(InitError::Missing { missing }) }
    }

    fn welcome(&self) {
        let Some(console) = self.console else { return };
        let test = if self.options.no_test { "" } else { " It tests the login before it writes anything." };
        console.say(&format!(
            "This sets up one account.{test} Press Return to accept the value in brackets, Ctrl-C to quit."
        ));
        if self.config_file.is_taken() {
            let shown = self.config_file.shown();
            console.say(&if self.config_file.can_grow() {
                format!("{shown} already exists. You can add this account to it at the end.")
            } else {
                format!(
                    "{shown} already exists and will not be changed; the lines to add are printed at the end."
                )
            });
        }
        console.say("");
    }

    fn whose_address(&mut self) -> Result<(), InitError> {
        if let Some(text) = &self.options.address {
            let address = Address::parse(text).map_err(|why| impossible("address", &why))?;
            self.address = Some(address);
            return Ok(());
        }
        if self.options.host.is_some() && self.options.user.is_some() {
            return Ok(());
        }
        let Some(console) = self.console else { return Ok(()) };
        loop {
            match Address::parse(&console.ask("Mail address", None)?) {
                Ok(address) => {
                    self.address = Some(address);
                    return Ok(());
                }
                Err(why) => console.problem(&why),
            }
        }
    }

    fn which_user(&mut self) -> Result<(), InitError> {
        let proposed = self.address.as_ref().map(|address| match self.pop3.map(|pop3| pop3.user) {
            Some(UserName::LocalPart) => address.local_part.clone(),
            _ => address.whole(),
        });
        let given = self.options.user.as_deref();
        self.settle_user(given, proposed.as_deref())
    }

    /// Settles one value: an option's, which must be possible; a person's, who is asked until it
    /// is; or the default.
    pub(super) fn settle(
        &mut self,
        option: &str,
        given: Option<&str>,
        question: &str,
        default: Option<&str>,
        set: impl Fn(&mut Draft, &str) -> Result<(), String>,
    ) -> Result<(), InitError> {
        let possible = |draft: &Draft, value: &str| {
            let mut next = draft.clone();
            set(&mut next, value)?;
            next.account().map(|_| next)
        };
        let value = given.or(if self.console.is_none() { default } else { None });
        if let Some(value) = value {
            self.draft = possible(&self.draft, value).map_err(|why| impossible(option, &why))?;
            return Ok(());
        }
        let Some(console) = self.console else {
            return Err(InitError::Missing { missing: vec![format!("--{option}")] });
        };
        loop {
            match possible(&self.draft, &console.ask(question, default)?) {
                Ok(next) => {
                    self.draft = next;
                    return Ok(());
                }
                Err(why) => console.problem(&why),
            }
        }
    }

    /// Logs in, and goes back to the questions that a failure is about.
    fn test_the_login(&mut self) -> Result<(), InitError> {
        let Some(console) = self.console else {
            return trial::run(&self.account(None)?, self.options.verbose)
                .map(drop)
                .map_err(InitError::Trial);
        };
        self.know_the_server(console)?;
        loop {
            let asked = self.draft.secret == DraftSecret::Ask;
            if asked && self.typed.is_none() {
                self.typed = Some(console.ask_secret(self.password_question())?);
            }
            let account = self.account(self.typed.clone())?;
            console.say(&format!("Logging in at {} ...", account.access.host));
            match trial::run(&account, self.options.verbose) {
                Ok(found) => {
                    console.detail(&found.connection);
                    console.detail(&found.waiting);
                    return Ok(());
                }
                Err(error) => self.after_failure(console, error)?,
            }
        }
    }

    /// Asks again what the failure is about.
    fn after_failure(&mut self, console: Console, error: ConnectError) -> Result<(), InitError> {
        for line in trial::words(&error) {
            console.problem(&line);
        }
        match trial::blames(&error) {
            trial::Blame::Login if matches!(self.draft.secret, DraftSecret::TokenCommand(_)) => {
                self.user_again()?;
                self.ask_for_token_command()
            }
            trial::Blame::Login if self.typed.is_some() => {
                self.typed = None;
                self.user_again()
            }
            trial::Blame::Login | trial::Blame::Secret if self.draft.secret != DraftSecret::Ask => {
                self.another_source(console)
            }
            trial::Blame::Server => {
                self.ask_for_server(console)?;
                self.know_the_server(console)
            }
            trial::Blame::Moment if console.confirm("Try again", true)? => Ok(()),
            _ => Err(InitError::Trial(error)),
        }
    }

    /// Asks for a password where the configured source gives none, or the wrong one.
    fn another_source(&mut self, console: Console) -> Result<(), InitError> {
        let before = match &self.draft.secret {
            DraftSecret::TokenCommand(_) => return self.ask_for_token_command(),
            DraftSecret::Command(command) => Some(command.clone()),
            _ => None,
        };
        let question = "Type the password, or enter another command: type or command";
        if console.choose(question, &["type", "command"], "type")? == "type" {
            self.draft.secret = DraftSecret::Ask;
            return Ok(());
        }
        self.settle("password-command", None, "Command", before.as_deref(), |draft, command| {
            draft.secret = DraftSecret::Command(command.to_owned());
            Ok(())
        })
    }

    /// Asks for the command that gets tokens.
    pub(super) fn ask_for_token_command(&mut self) -> Result<(), InitError> {
        let before = match &self.draft.secret {
            DraftSecret::TokenCommand(command) => Some(command.clone()),
            _ => None,
        };
        let question = "Command that prints an access token";
        self.settle("token-command", None, question, before.as_deref(), |draft, command| {
            draft.secret = DraftSecret::TokenCommand(command.to_owned());
            Ok(())
        })
    }

    fn settle_user(&mut self, given: Option<&str>, default: Option<&str>) -> Result<(), InitError> {
        self.settle("user", given, "User name", default, |draft, user| {
            user.clone_into(&mut draft.user);
            Ok(())
        })
    }

    fn user_again(&mut self) -> Result<(), InitError> {
        let before = self.draft.user.clone();
        self.settle_user(None, Some(&before))
    }

    /// The account as drafted, with what was typed for a password.
    pub(super) fn account(&self, typed: Option<SecretString>) -> Result<crate::config::Account, InitError> {
        let mut account = self.draft.account().map_err(|why| InitError::Impossible { reason: why })?;
        if let Some(secret) = typed {
            account.access.secret = SecretSource::Literal(secret);
        }
        Ok(account)
    }

    /// The name that the account would have by itself.
    pub(super) fn proposed_name(&self) -> String {
        match &self.address {
            Some(address) => address.account_name(self.config_file.names()),
            None => name_of_domain(&self.draft.host, self.config_file.names()),
        }
    }
}

/// A path as it was typed, made independent of where it is read: one that counts from this folder
/// is written in full.
pub(super) fn full_path(path: &str) -> String {
    if path.starts_with('~') || path.is_empty() {
        return path.to_owned();
    }
    let full = std::path::absolute(path).ok();
    full.and_then(|full| full.to_str().map(str::to_owned)).unwrap_or_else(|| path.to_owned())
}

/// How a connection is protected, from the command line's words.
pub(super) fn protection(word: cli::Protection) -> Tls {
    match word {
        cli::Protection::Implicit => Tls::Implicit,
        cli::Protection::Starttls => Tls::StartTls,
        cli::Protection::None => Tls::None,
    }
}

/// An option's value that cannot be.
pub(super) fn impossible(option: &str, why: &str) -> InitError {
    InitError::Impossible { reason: format!("--{option}: {why}") }
}
