//! What can be wrong with a configuration, in words that say where and what to do.

use super::excerpt::Excerpt;
use super::nearest::suggestion;
use crate::disk::Distrusted;
use crate::exit::Exit;
use crate::net::ProxyError;
use std::io;

/// What to do about a backslash that was meant as one.
pub(super) const SINGLE_QUOTES: &str = "in double quotes a backslash begins an escape: write the value in single quotes, or double the backslash";

/// What is wrong with the configuration. One line each; [`ConfigError::annotated`] says more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no such file.
    #[error(
        "no configuration file at {path}; make one with `popkeep init`, name another with --config, or see \
         what popkeep does first: `popkeep demo`"
    )]
    NotFound {
        /// Where it was looked for.
        path: String,
    },
    /// The file cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Others own the file, or could change it; or it is no file.
    #[error("{path}: is not read: {reason}")]
    Distrusted {
        /// The file.
        path: String,
        /// What is wrong with it, or with a folder above it.
        reason: Distrusted,
    },
    /// The file is not text.
    #[error("{path}: is not UTF-8 text, which TOML must be")]
    NotText {
        /// The file.
        path: String,
    },
    /// Something in the file.
    #[error("{at}: {fault}")]
    Content {
        /// Where.
        at: Box<Excerpt>,
        /// What.
        fault: Fault,
    },
    /// The file names no account.
    #[error("{path}: no account in it; add one as [accounts.NAME], see popkeep.toml(5)")]
    NoAccounts {
        /// The file.
        path: String,
    },
    /// The file holds a password, and others can read it.
    #[error("{path}: holds a password, and others can read it (mode {mode:04o}); `chmod 600 {path}`")]
    PasswordExposed {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The file names a command, and others can write the file.
    #[error(
        "{path}: names a command to run, and others can change it (mode {mode:04o}); `chmod go-w {path}`"
    )]
    CommandExposed {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The command line names an account that is not configured. Exit 64.
    #[error("no account {name:?} in {path}{}; configured: {}", suggestion(name, known.iter().map(String::as_str)), known.join(", "))]
    UnknownAccount {
        /// The name.
        name: String,
        /// The accounts that are configured.
        known: Vec<String>,
        /// The configuration file.
        path: String,
    },
    /// The user has no home folder, so a default place is not known.
    #[error("there is no home folder to look for the {wanted} in (is HOME set?); {remedy}")]
    NoHome {
        /// What was to be found there.
        wanted: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
}

/// What is wrong at one place of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A key nobody knows.
    #[error("unknown key {key:?} {table}{advice}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands: `in [accounts.work]`.
        table: String,
        /// The nearest known key, or where it belongs.
        advice: String,
    },
    /// Not TOML.
    #[error("not valid TOML: {what}")]
    Syntax {
        /// What the parser said.
        what: String,
    },
    /// A value of another type.
    #[error("{key:?} must be {wanted}, not {found}")]
    WrongType {
        /// The key.
        key: String,
        /// The type wanted.
        wanted: String,
        /// The type found.
        found: String,
    },
    /// A value that the key cannot have.
    #[error("{key} = {value:?} is not possible: {wanted}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What it must be.
        wanted: String,
    },
    /// A key that an account cannot do without.
    #[error("account {account:?} has no `{key}`; add a line such as {example}")]
    Missing {
        /// The account.
        account: String,
        /// The key.
        key: &'static str,
        /// The line to add.
        example: &'static str,
    },
    /// The account's name could not be a file name.
    #[error("account name {name:?} is not possible: letters, digits and any of . _ @ + - (no dot first)")]
    AccountName {
        /// The name.
        name: String,
    },
    /// A key or a password of a certificate that nobody names.
    #[error("there is no tls_client_cert for it to belong to; name the certificate, or remove the line")]
    NoClientCertificate,
    /// `proxy` is none. Its value may hold a password.
    #[error("this proxy is not possible: {0}")]
    Proxy(ProxyError),
    /// A mechanism for passwords and a token, or the other way round.
    #[error(
        "auth = {auth:?} of account {account:?} needs {}",
        if *.wants_token {
            "an access token; give token_command, and no password"
        } else {
            "a password, not token_command; with a token use \"xoauth2\", \"oauthbearer\" or \"auto\""
        }
    )]
    WrongSecret {
        /// The account.
        account: String,
        /// The mechanism.
        auth: &'static str,
        /// It needs an access token.
        wants_token: bool,
    },
    /// Two sources for one secret.
    #[error("{table} has both `{first}` and `{second}`; keep one of them")]
    SeveralSecrets {
        /// The table.
        table: String,
        /// One of the keys.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// `tls = "none"` to another machine.
    #[error(
        "account {account:?} would send its password in clear to {host}; \
         remove tls = \"none\", or, if you must, add allow_plaintext = true"
    )]
    ClearText {
        /// The account.
        account: String,
        /// Its host.
        host: String,
    },
    /// Two accounts that are one maildrop in one archive.
    #[error(
        "accounts {first:?} and {second:?} are the same maildrop ({identity}) in the same archive; \
         remove one, or tell them apart with `identity`"
    )]
    SameMaildrop {
        /// One account.
        first: String,
        /// The other.
        second: String,
        /// The identity of both.
        identity: String,
    },
    /// Two accounts whose archive is one path but not one format.
    #[error("accounts {first:?} and {second:?} have the same `archive` but not the same `format`")]
    FormatClash {
        /// One account.
        first: String,
        /// The other.
        second: String,
    },
}

/// What a terminal shows to who has no configuration yet.
pub(super) const FIVE_LINES: &str = r#"[accounts.work]
host = "pop.example.com"
user = "jane@example.com"
password_command = "pass show mail/work"
archive = "~/Mail/work"
"#;

impl ConfigError {
    /// The exit code: 64 for an account that is not configured, else 78.
    pub fn exit(&self) -> Exit {
        match self {
            ConfigError::UnknownAccount { .. } => Exit::USAGE,
            _ => Exit::CONFIG,
        }
    }

    /// The error for a terminal: the line it is about beneath it, marked.
    pub fn annotated(&self, color: bool) -> String {
        match self {
            ConfigError::Content { at, fault } => at.annotated(&fault.to_string(), color),
            ConfigError::NotFound { .. } => {
                let mut text = format!("{self}\n\nThe five lines:\n\n");
                for line in FIVE_LINES.lines() {
                    text.push_str("    ");
                    text.push_str(line);
                    text.push('\n');
                }
                text
            }
            other => other.to_string(),
        }
    }
}
