//! `[accounts.NAME.oauth]` over `[defaults.oauth]`, and over what is known of the provider.

use super::super::error::Fault;
use super::super::oauth::{ClientSecret, Flow, OAuth, Provider};
use super::super::raw::{RawAccount, RawOAuth};
use super::values::one_of;
use super::{Read, Reader, Table};
use crate::http;
use std::path::PathBuf;
use toml::Spanned;

/// The tenant for work, school and personal accounts alike.
const TENANT: &str = "common";

/// The line to add for a client id.
const CLIENT_ID: &str =
    "client_id = \"…\" to its oauth table (popkeep-oauth(7) says where to get a client id)";

/// An account's oauth table over that of the defaults.
struct OAuthTable<'t> {
    own: Option<&'t RawOAuth>,
    defaults: Option<&'t RawOAuth>,
}

impl<'t> OAuthTable<'t> {
    /// An account that names another provider than the defaults has nothing of theirs in it.
    fn of(own: &'t RawAccount, defaults: &'t RawAccount) -> Self {
        let table = |account: &'t RawAccount| account.oauth.as_deref().map(Spanned::get_ref);
        let (own, defaults) = (table(own), table(defaults));
        let provider = |table: Option<&'t RawOAuth>| {
            table.and_then(|table| table.provider.as_ref()).map(|value| value.get_ref().to_ascii_lowercase())
        };
        let another = match (provider(own), provider(defaults)) {
            (Some(own), Some(theirs)) => own != theirs,
            _ => false,
        };
        OAuthTable { own, defaults: defaults.filter(|_| !another) }
    }

    fn get<T>(&self, field: fn(&RawOAuth) -> &Option<Spanned<T>>) -> Option<&'t Spanned<T>> {
        let of = |table: Option<&'t RawOAuth>| table.and_then(|table| field(table).as_ref());
        of(self.own).or_else(|| of(self.defaults))
    }
}

impl Reader<'_> {
    /// How the account signs in; `user` is whom the sign-in page is to expect.
    pub(super) fn oauth(&self, table: &Table<'_>, user: &str) -> Read<OAuth> {
        let keys = OAuthTable::of(table.own, table.defaults);
        let account = table.name.get_ref();
        let provider = self.oauth_word("provider", Provider::NAMES, keys.get(|o| &o.provider))?;
        let preset = provider.map(Provider::preset);
        let tenant = self.tenant(provider, keys.get(|o| &o.tenant))?;
        let known = |address: Option<&'static str>| address.map(|text| text.replace("{tenant}", tenant));
        let missing = |key, example| {
            let at = table.own.oauth.as_deref().map_or_else(|| table.name.span(), Spanned::span);
            self.error(&at, Fault::Missing { table: table.shown(), key, example })
        };
        let authorize_url = self
            .address("authorize_url", keys.get(|o| &o.authorize_url))?
            .or_else(|| known(preset.as_ref().map(|preset| preset.authorize_url)));
        let token_url = self
            .address("token_url", keys.get(|o| &o.token_url))?
            .or_else(|| known(preset.as_ref().map(|preset| preset.token_url)))
            .ok_or_else(|| {
                missing(
                    "provider",
                    "provider = \"microsoft\" to its oauth table (or token_url, scope, and authorize_url or device_url)",
                )
            })?;
        let device_url = self
            .address("device_url", keys.get(|o| &o.device_url))?
            .or_else(|| known(preset.as_ref().and_then(|preset| preset.device_url)));
        let revoke_url = self
            .address("revoke_url", keys.get(|o| &o.revoke_url))?
            .or_else(|| known(preset.as_ref().and_then(|preset| preset.revoke_url)));
        if authorize_url.is_none() && device_url.is_none() {
            return Err(missing(
                "authorize_url",
                "authorize_url = \"https://…\" to its oauth table (or device_url)",
            ));
        }
        let scope = match (keys.get(|o| &o.scope), &preset) {
            (Some(value), _) => self.line("scope", value)?,
            (None, Some(preset)) if table.kind == Table::DESTINATION => preset.imap_scope.to_owned(),
            (None, Some(preset)) => preset.scope.to_owned(),
            (None, None) => return Err(missing("scope", "scope = \"…\" to its oauth table")),
        };
        let client_id = match (keys.get(|o| &o.client_id), provider.map_or("", Provider::client_id)) {
            (Some(value), _) => self.line("client_id", value)?,
            (None, "") => return Err(missing("client_id", CLIENT_ID)),
            (None, ours) => ours.to_owned(),
        };
        let issuer = match (keys.get(|o| &o.issuer), &preset) {
            (Some(value), _) => Some(self.line("issuer", value)?),
            // What an address says of itself holds only for the preset's own.
            (None, Some(preset)) if keys.get(|o| &o.authorize_url).is_none() => {
                preset.issuer.map(str::to_owned)
            }
            (None, _) => None,
        };
        Ok(OAuth {
            provider,
            client_id,
            client_secret: self.client_secret(&keys, table)?,
            flow: self.oauth_word("flow", Flow::NAMES, keys.get(|o| &o.flow))?,
            redirect_port: self.redirect_port(keys.get(|o| &o.redirect_port))?,
            scope,
            authorize_url,
            token_url,
            device_url,
            revoke_url,
            issuer,
            ca_file: keys
                .get(|o| &o.ca_file)
                .map(|value| self.path("ca_file", value, Some(account)))
                .transpose()?,
            login_hint: match keys.get(|o| &o.login_hint) {
                Some(value) if value.get_ref().is_empty() => None,
                Some(value) => Some(self.line("login_hint", value)?),
                None => Some(user.to_owned()),
            },
            state_dir: PathBuf::new(),
        })
    }

    /// A secret of the account takes the place of any in the defaults.
    fn client_secret(&self, keys: &OAuthTable<'_>, table: &Table<'_>) -> Read<Option<ClientSecret>> {
        let account = table.name.get_ref();
        for (table, shown) in [
            (keys.own, format!("[{}s.{account}.oauth]", table.kind)),
            (keys.defaults, "[defaults.oauth]".to_owned()),
        ] {
            let Some(table) = table else { continue };
            match (&table.client_secret, &table.client_secret_command) {
                (Some(_), Some(second)) => {
                    let (first, key) = ("client_secret", "client_secret_command");
                    let fault = Fault::SeveralSecrets { table: shown, first, second: key };
                    return Err(self.error(&second.span(), fault));
                }
                (Some(secret), None) => return Ok(Some(ClientSecret::Literal(secret.get_ref().0.clone()))),
                (None, Some(command)) => {
                    return self
                        .command("client_secret_command", command)
                        .map(|line| Some(ClientSecret::Command(line)));
                }
                (None, None) => {}
            }
        }
        Ok(None)
    }

    fn tenant<'t>(&self, provider: Option<Provider>, value: Option<&'t Spanned<String>>) -> Read<&'t str> {
        let Some(value) = value else { return Ok(TENANT) };
        if provider != Some(Provider::Microsoft) {
            let wanted = "only provider = \"microsoft\" has tenants; remove the line";
            return Err(self.impossible("tenant", value, wanted));
        }
        let text = value.get_ref();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
            let wanted = "use \"consumers\" (Outlook.com, Hotmail), \"organizations\", \"common\", or the tenant's id or domain";
            return Err(self.impossible("tenant", value, wanted));
        }
        Ok(text)
    }

    fn redirect_port(&self, value: Option<&Spanned<i64>>) -> Read<Option<u16>> {
        let Some(value) = value else { return Ok(None) };
        match u16::try_from(*value.get_ref()) {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => {
                let wanted = "a port is a number from 1 to 65535".to_owned();
                let value_shown = value.get_ref().to_string();
                let fault = Fault::Value { key: "redirect_port", value: value_shown, wanted };
                Err(self.error(&value.span(), fault))
            }
        }
    }

    /// An address that secrets may be sent to.
    fn address(&self, key: &'static str, value: Option<&Spanned<String>>) -> Read<Option<String>> {
        let Some(value) = value else { return Ok(None) };
        match http::check(value.get_ref()) {
            Ok(()) => Ok(Some(value.get_ref().clone())),
            Err(fault) => Err(self.impossible(key, value, &fault.to_string())),
        }
    }

    fn oauth_word<T: Copy>(
        &self,
        key: &'static str,
        known: &[(&'static str, T)],
        value: Option<&Spanned<String>>,
    ) -> Read<Option<T>> {
        let Some(value) = value else { return Ok(None) };
        match known.iter().find(|(word, _)| word.eq_ignore_ascii_case(value.get_ref())) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(self.impossible(key, value, &one_of(known, value.get_ref()))),
        }
    }
}
