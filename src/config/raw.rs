//! What the TOML says, key by key, each with its place in the text. No I/O, no meaning yet.

use secrecy::SecretString;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RawFile {
    pub(super) state_dir: Option<Spanned<String>>,
    pub(super) cache_dir: Option<Spanned<String>>,
    pub(super) defaults: RawAccount,
    /// In boxes: a map has room for more than it holds, and these are large.
    pub(super) accounts: BTreeMap<Spanned<String>, Box<RawAccount>>,
    pub(super) destinations: BTreeMap<Spanned<String>, RawDestination>,
}

/// The keys that stand outside of every table, and the tables.
pub(super) const TOP_KEYS: &[&str] = &["state_dir", "cache_dir", "defaults", "accounts", "destinations"];

/// One account, or what all accounts have in common.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RawAccount {
    pub(super) host: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<i64>>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) password_command: Option<Spanned<String>>,
    pub(super) password_file: Option<Spanned<String>>,
    pub(super) password_env: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<RawSecret>>,
    pub(super) token_command: Option<Spanned<String>>,
    pub(super) tls: Option<Spanned<String>>,
    pub(super) tls_ca_file: Option<Spanned<String>>,
    pub(super) tls_fingerprint: Option<Spanned<RawStrings>>,
    pub(super) tls_server_name: Option<Spanned<String>>,
    pub(super) tls_min_version: Option<Spanned<String>>,
    pub(super) tls_client_cert: Option<Spanned<String>>,
    pub(super) tls_client_key: Option<Spanned<String>>,
    pub(super) tls_client_password_command: Option<Spanned<String>>,
    pub(super) allow_plaintext: Option<Spanned<bool>>,
    pub(super) proxy: Option<Spanned<RawSecret>>,
    pub(super) address_family: Option<Spanned<String>>,
    pub(super) auth: Option<Spanned<String>>,
    pub(super) archive: Option<Spanned<String>>,
    pub(super) format: Option<Spanned<String>>,
    pub(super) delete: Option<Spanned<String>>,
    pub(super) delete_after_restore: Option<Spanned<String>>,
    pub(super) max_size: Option<Spanned<RawSize>>,
    pub(super) skip_headers: Option<Spanned<RawStrings>>,
    pub(super) pipelining: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) connect_timeout: Option<Spanned<String>>,
    pub(super) run_timeout: Option<Spanned<String>>,
    pub(super) identity: Option<Spanned<String>>,
    pub(super) quiet_transient: Option<Spanned<String>>,
    pub(super) on_new_mail: Option<Spanned<String>>,
    pub(super) oauth: Option<Box<Spanned<RawOAuth>>>,
}

/// A folder to restore to: its address, and the keys of an account that say how to connect and to log in.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RawDestination {
    pub(super) url: Option<Spanned<String>>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) password_command: Option<Spanned<String>>,
    pub(super) password_file: Option<Spanned<String>>,
    pub(super) password_env: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<RawSecret>>,
    pub(super) token_command: Option<Spanned<String>>,
    pub(super) tls: Option<Spanned<String>>,
    pub(super) tls_ca_file: Option<Spanned<String>>,
    pub(super) tls_fingerprint: Option<Spanned<RawStrings>>,
    pub(super) tls_server_name: Option<Spanned<String>>,
    pub(super) tls_min_version: Option<Spanned<String>>,
    pub(super) tls_client_cert: Option<Spanned<String>>,
    pub(super) tls_client_key: Option<Spanned<String>>,
    pub(super) tls_client_password_command: Option<Spanned<String>>,
    pub(super) allow_plaintext: Option<Spanned<bool>>,
    pub(super) proxy: Option<Spanned<RawSecret>>,
    pub(super) address_family: Option<Spanned<String>>,
    pub(super) auth: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) connect_timeout: Option<Spanned<String>>,
    pub(super) run_timeout: Option<Spanned<String>>,
    pub(super) oauth: Option<Box<Spanned<RawOAuth>>>,
}

impl RawDestination {
    /// What it has of an account's keys.
    pub(super) fn as_account(&self) -> RawAccount {
        RawAccount {
            password_command: self.password_command.clone(),
            password_file: self.password_file.clone(),
            password_env: self.password_env.clone(),
            password: self.password.clone(),
            token_command: self.token_command.clone(),
            tls: self.tls.clone(),
            tls_ca_file: self.tls_ca_file.clone(),
            tls_fingerprint: self.tls_fingerprint.clone(),
            tls_server_name: self.tls_server_name.clone(),
            tls_min_version: self.tls_min_version.clone(),
            tls_client_cert: self.tls_client_cert.clone(),
            tls_client_key: self.tls_client_key.clone(),
            tls_client_password_command: self.tls_client_password_command.clone(),
            allow_plaintext: self.allow_plaintext.clone(),
            proxy: self.proxy.clone(),
            address_family: self.address_family.clone(),
            auth: self.auth.clone(),
            timeout: self.timeout.clone(),
            connect_timeout: self.connect_timeout.clone(),
            run_timeout: self.run_timeout.clone(),
            oauth: self.oauth.clone(),
            ..RawAccount::default()
        }
    }
}

/// The keys of a destination, in the order of the manual.
pub(super) const DESTINATION_KEYS: &[&str] = &[
    "url",
    "user",
    "password_command",
    "password_file",
    "password_env",
    "password",
    "token_command",
    "tls",
    "tls_ca_file",
    "tls_fingerprint",
    "tls_server_name",
    "tls_min_version",
    "tls_client_cert",
    "tls_client_key",
    "tls_client_password_command",
    "allow_plaintext",
    "proxy",
    "address_family",
    "auth",
    "timeout",
    "connect_timeout",
    "run_timeout",
    "oauth",
];

/// How an account signs in with OAuth2.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RawOAuth {
    pub(super) provider: Option<Spanned<String>>,
    pub(super) client_id: Option<Spanned<String>>,
    pub(super) client_secret: Option<Spanned<RawSecret>>,
    pub(super) client_secret_command: Option<Spanned<String>>,
    pub(super) tenant: Option<Spanned<String>>,
    pub(super) flow: Option<Spanned<String>>,
    pub(super) redirect_port: Option<Spanned<i64>>,
    pub(super) scope: Option<Spanned<String>>,
    pub(super) authorize_url: Option<Spanned<String>>,
    pub(super) token_url: Option<Spanned<String>>,
    pub(super) device_url: Option<Spanned<String>>,
    pub(super) revoke_url: Option<Spanned<String>>,
    pub(super) issuer: Option<Spanned<String>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) login_hint: Option<Spanned<String>>,
}

/// The keys of an account's oauth table, in the order of the manual.
pub(super) const OAUTH_KEYS: &[&str] = &[
    "provider",
    "client_id",
    "client_secret",
    "client_secret_command",
    "tenant",
    "flow",
    "redirect_port",
    "scope",
    "authorize_url",
    "token_url",
    "device_url",
    "revoke_url",
    "issuer",
    "ca_file",
    "login_hint",
];

/// The keys of an account, in the order of the manual.
pub(super) const ACCOUNT_KEYS: &[&str] = &[
    "host",
    "port",
    "user",
    "password_command",
    "password_file",
    "password_env",
    "password",
    "token_command",
    "tls",
    "tls_ca_file",
    "tls_fingerprint",
    "tls_server_name",
    "tls_min_version",
    "tls_client_cert",
    "tls_client_key",
    "tls_client_password_command",
    "allow_plaintext",
    "proxy",
    "address_family",
    "auth",
    "archive",
    "format",
    "delete",
    "delete_after_restore",
    "max_size",
    "skip_headers",
    "pipelining",
    "timeout",
    "connect_timeout",
    "run_timeout",
    "identity",
    "quiet_transient",
    "on_new_mail",
    "oauth",
];

/// The keys whose value is a secret or may hold one: it is never shown.
pub(super) const SECRET_KEYS: &[&str] = &[
    "password_command",
    "password",
    "token_command",
    "tls_client_password_command",
    "proxy",
    "on_new_mail",
    "client_secret",
    "client_secret_command",
];

/// Whether an account can have this name: it becomes part of file names and of lines on a terminal.
pub(super) fn is_account_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(allowed)
}

/// A value with a password in it; shows itself to nobody.
#[derive(Clone, Debug)]
pub(super) struct RawSecret(pub(super) SecretString);

impl<'de> Deserialize<'de> for RawSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(RawSecret(SecretString::from(String::deserialize(deserializer)?)))
    }
}

/// A size: a number of octets, or words that say one.
#[derive(Clone, Debug)]
pub(super) enum RawSize {
    Octets(i64),
    Words(String),
}

impl<'de> Deserialize<'de> for RawSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Size;
        impl Visitor<'_> for Size {
            type Value = RawSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(super::quantity::SIZE_FORM)
            }

            fn visit_i64<E>(self, octets: i64) -> Result<RawSize, E> {
                Ok(RawSize::Octets(octets))
            }

            fn visit_str<E>(self, words: &str) -> Result<RawSize, E> {
                Ok(RawSize::Words(words.to_owned()))
            }
        }
        deserializer.deserialize_any(Size)
    }
}

/// One string or a list of them.
#[derive(Clone, Debug)]
pub(super) enum RawStrings {
    One(String),
    Several(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for RawStrings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Strings;
        impl<'de> Visitor<'de> for Strings {
            type Value = RawStrings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<RawStrings, E> {
                Ok(RawStrings::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawStrings, A::Error> {
                let mut strings = Vec::new();
                while let Some(string) = list.next_element()? {
                    strings.push(string);
                }
                Ok(RawStrings::Several(strings))
            }
        }
        deserializer.deserialize_any(Strings)
    }
}
