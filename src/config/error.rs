//! What can be wrong with a configuration, in words that say where and what to do.

use super::excerpt::Excerpt;
use super::nearest::suggestion;
use super::url::UrlFault;
use crate::disk::Distrusted;
use crate::exit::Exit;
use crate::net::ProxyError;
use std::io;

/// What to do about a backslash that was meant as one.
pub(super) const SINGLE_QUOTES: &str =
    "in double quotes a backslash starts an escape; use single quotes, or write two backslashes";

/// What is wrong with the configuration. One line each; [`ConfigError::annotated`] says more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no such file.
    #[error(
        "no configuration file at {path}; create one with `popkeep init`, or name another with --config \
         (`popkeep demo` shows what popkeep does, without one)"
    )]
    NotFound {
        /// Where it was looked for.
        path: String,
    },
    /// The file cannot be read.
    #[error("{path}: cannot read it: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Others own the file, or could change it; or it is no file.
    #[error("{path}: not safe to use: {reason}")]
    Distrusted {
        /// The file.
        path: String,
        /// What is wrong with it, or with a folder above it.
        reason: Distrusted,
    },
    /// The file is not text.
    #[error("{path}: not UTF-8 text; save it as UTF-8")]
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
    #[error("{path}: no account in it; add one as [accounts.NAME] (see popkeep.toml(5))")]
    NoAccounts {
        /// The file.
        path: String,
    },
    /// The file holds a password, and others can read it.
    #[error("{path}: contains a password, and others can read it (mode {mode:04o}); run `chmod 600 {path}`")]
    PasswordExposed {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The file names a command, and others can write the file.
    #[error(
        "{path}: contains a command, and others can change the file (mode {mode:04o}); run `chmod go-w {path}`"
    )]
    CommandExposed {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The command line names an account that is not configured. Exit 64.
    #[error("no account {name:?} in {path}{}; the accounts are: {}", suggestion(name, known.iter().map(String::as_str)), known.join(", "))]
    UnknownAccount {
        /// The name.
        name: String,
        /// The accounts that are configured.
        known: Vec<String>,
        /// The configuration file.
        path: String,
    },
    /// The command line names a destination that is not configured, and that is no address either. Exit 64.
    #[error("no destination {name:?} in {path}{}; add [destinations.{name}], or give an address such as imaps://jane@imap.example.net/Archive", suggestion(name, known.iter().map(String::as_str)))]
    UnknownDestination {
        /// The name.
        name: String,
        /// The destinations that are configured.
        known: Vec<String>,
        /// The configuration file.
        path: String,
    },
    /// The command line gives an address that is none. Exit 64.
    #[error("{url:?} is not valid: {fault}")]
    DestinationUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// The command line names none of several accounts. Exit 64.
    #[error("several accounts are configured in {path}; name one of them: {}", known.join(", "))]
    WhichAccount {
        /// The accounts that are configured.
        known: Vec<String>,
        /// The configuration file.
        path: String,
    },
    /// The user has no home folder, so a default place is not known.
    #[error("cannot find the {wanted}, because there is no home folder (is HOME set?); {remedy}")]
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
    #[error("{key} = {value:?} is not valid: {wanted}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What it must be.
        wanted: String,
    },
    /// A key that an account or a destination cannot do without.
    #[error("{table} has no `{key}`; add a line such as {example}")]
    Missing {
        /// Which: `account "work"`.
        table: String,
        /// The key.
        key: &'static str,
        /// The line to add.
        example: &'static str,
    },
    /// A table's name that TOML wants in quotes.
    #[error("account name {name:?} needs quotes; write [accounts.{name:?}]")]
    UnquotedName {
        /// The name.
        name: String,
    },
    /// An account's or a destination's name could not be a file name.
    #[error(
        "{kind} name {name:?} is not valid: use only ASCII letters, digits and . _ @ + - (and no dot at the start)"
    )]
    TableName {
        /// "account" or "destination".
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A key or a password of a certificate that nobody names.
    #[error("this needs a tls_client_cert; add one, or remove the line")]
    NoClientCertificate,
    /// `proxy` is none. Its value may hold a password.
    #[error("this proxy is not valid: {0}")]
    Proxy(ProxyError),
    /// A mechanism for passwords and a token, or the other way round.
    #[error(
        "auth = {auth:?} of {table} needs {}",
        if *.wants_token {
            "an access token; use token_command instead of a password"
        } else {
            "a password, not a token; with token_command use \"xoauth2\", \"oauthbearer\" or \"auto\""
        }
    )]
    WrongSecret {
        /// Whose.
        table: String,
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
        "{table} would send its password in clear text to {host}; \
         remove tls = \"none\", or, if you must, add allow_plaintext = true"
    )]
    ClearText {
        /// Whose.
        table: String,
        /// The host.
        host: String,
    },
    /// A file in `accounts.d` has something else than accounts and destinations.
    #[error(
        "a file in accounts.d must begin with [accounts.NAME] or [destinations.NAME]; put other keys into the configuration itself"
    )]
    NoTable,
    /// An address of a destination that is none.
    #[error("url = {value:?} is not valid: {fault}")]
    Url {
        /// The address.
        value: String,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// An account and a destination would keep their tokens in one file.
    #[error(
        "account {name:?} and destination {name:?} both sign in with OAuth2; give one another name, for their tokens are kept \
         under it"
    )]
    SameTokens {
        /// The name of both.
        name: String,
    },
    /// Two accounts that are one maildrop in one archive.
    #[error(
        "accounts {first:?} and {second:?} are the same maildrop ({identity}) in the same archive; \
         remove one, or give each its own `identity`"
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
    #[error(
        "accounts {first:?} and {second:?} have the same `archive` but not the same `format`; give one another archive"
    )]
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
    /// The exit code: 64 for an account that is not configured or not named, else 78.
    pub fn exit(&self) -> Exit {
        match self {
            ConfigError::UnknownAccount { .. }
            | ConfigError::WhichAccount { .. }
            | ConfigError::UnknownDestination { .. }
            | ConfigError::DestinationUrl { .. } => Exit::USAGE,
            _ => Exit::CONFIG,
        }
    }

    /// The error for a terminal: the line it is about beneath it, marked.
    pub fn annotated(&self, color: bool) -> String {
        match self {
            ConfigError::Content { at, fault } => at.annotated(&fault.to_string(), color),
            ConfigError::NotFound { .. } => {
                let mut text = format!("{self}\n\nThese five lines are enough:\n\n");
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
