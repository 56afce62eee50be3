//! Where the password or the access token comes from: one key of six.

use super::super::error::Fault;
use super::super::raw::{RawAccount, RawOAuth, RawSecret};
use super::super::resolved::SecretSource;
use super::{Read, Reader, Table};
use std::ops::Range;
use toml::Spanned;

impl Reader<'_> {
    /// The one key for a secret that the table has.
    pub(super) fn secret<'t>(&self, table: &'t RawAccount, shown: &str) -> Read<Option<Secret<'t>>> {
        let given = [
            table.password_command.as_ref().map(Secret::Command),
            table.password_file.as_ref().map(Secret::File),
            table.password_env.as_ref().map(Secret::Environment),
            table.password.as_ref().map(Secret::Literal),
            table.token_command.as_ref().map(Secret::TokenCommand),
            table.oauth.as_deref().map(Secret::OAuth),
        ];
        let mut given = given.into_iter().flatten();
        let first = given.next();
        if let (Some(first), Some(second)) = (first, given.next()) {
            let fault =
                Fault::SeveralSecrets { table: shown.to_owned(), first: first.key(), second: second.key() };
            return Err(self.error(&second.span(), fault));
        }
        Ok(first)
    }

    pub(super) fn secret_source(
        &self,
        secret: &Secret<'_>,
        table: &Table<'_>,
        user: &str,
    ) -> Read<SecretSource> {
        let account = table.name.get_ref();
        match *secret {
            Secret::OAuth(_) => self.oauth(table, user).map(|oauth| SecretSource::OAuth(Box::new(oauth))),
            Secret::Command(value) => self.command("password_command", value).map(SecretSource::Command),
            Secret::TokenCommand(value) => {
                self.command("token_command", value).map(SecretSource::TokenCommand)
            }
            Secret::File(value) => self.path("password_file", value, Some(account)).map(SecretSource::File),
            Secret::Environment(value)
                if value.get_ref().is_empty() || value.get_ref().contains(['=', '\0']) =>
            {
                Err(self.impossible("password_env", value, "it must be the name of an environment variable"))
            }
            Secret::Environment(value) => Ok(SecretSource::Environment(value.get_ref().clone())),
            Secret::Literal(value) => Ok(SecretSource::Literal(value.get_ref().0.clone())),
        }
    }

    /// What `sh -c` is to run.
    pub(super) fn command(&self, key: &'static str, value: &Spanned<String>) -> Read<String> {
        match value.get_ref() {
            command if command.trim().is_empty() => Err(self.impossible(key, value, "it must be a command")),
            command => Ok(command.clone()),
        }
    }
}

/// Where a secret comes from, as written.
#[derive(Clone, Copy)]
pub(super) enum Secret<'t> {
    Command(&'t Spanned<String>),
    File(&'t Spanned<String>),
    Environment(&'t Spanned<String>),
    Literal(&'t Spanned<RawSecret>),
    TokenCommand(&'t Spanned<String>),
    OAuth(&'t Spanned<RawOAuth>),
}

impl Secret<'_> {
    fn key(&self) -> &'static str {
        match self {
            Secret::Command(_) => "password_command",
            Secret::File(_) => "password_file",
            Secret::Environment(_) => "password_env",
            Secret::Literal(_) => "password",
            Secret::TokenCommand(_) => "token_command",
            Secret::OAuth(_) => "oauth",
        }
    }

    fn span(&self) -> Range<usize> {
        match self {
            Secret::Command(value)
            | Secret::File(value)
            | Secret::Environment(value)
            | Secret::TokenCommand(value) => value.span(),
            Secret::Literal(value) => value.span(),
            Secret::OAuth(table) => table.span(),
        }
    }
}
