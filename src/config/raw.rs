//! What the TOML says, key by key, each with its place in the text. No I/O, no meaning yet.

use secrecy::SecretString;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RawFile {
    pub(super) state_dir: Option<Spanned<String>>,
    pub(super) defaults: RawAccount,
    pub(super) accounts: BTreeMap<Spanned<String>, RawAccount>,
}

/// The keys that stand outside of every table, and the tables.
pub(super) const TOP_KEYS: &[&str] = &["state_dir", "defaults", "accounts"];

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
    pub(super) tls: Option<Spanned<String>>,
    pub(super) tls_ca_file: Option<Spanned<String>>,
    pub(super) allow_plaintext: Option<Spanned<bool>>,
    pub(super) auth: Option<Spanned<String>>,
    pub(super) archive: Option<Spanned<String>>,
    pub(super) format: Option<Spanned<String>>,
    pub(super) delete: Option<Spanned<String>>,
    pub(super) max_size: Option<Spanned<RawSize>>,
    pub(super) pipelining: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) identity: Option<Spanned<String>>,
    pub(super) quiet_transient: Option<Spanned<String>>,
}

/// The keys of an account, in the order of the manual.
pub(super) const ACCOUNT_KEYS: &[&str] = &[
    "host",
    "port",
    "user",
    "password_command",
    "password_file",
    "password_env",
    "password",
    "tls",
    "tls_ca_file",
    "allow_plaintext",
    "auth",
    "archive",
    "format",
    "delete",
    "max_size",
    "pipelining",
    "timeout",
    "identity",
    "quiet_transient",
];

/// A password; shows itself to nobody.
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
