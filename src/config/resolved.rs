//! The configuration as the rest of the program uses it.

use super::ConfigError;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Everything the file says, resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Where the ledger is.
    pub state_dir: PathBuf,
    /// The accounts, in the order of the file.
    pub accounts: Vec<Account>,
}

/// One account, complete.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name: `[A-Za-z0-9._@+-]+` without a leading dot.
    pub name: String,
    /// The server's host name or address.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Where the password comes from.
    pub secret: SecretSource,
    /// How the connection is protected.
    pub tls: Tls,
    /// Certificates to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// A password may cross a network in clear.
    pub allow_plaintext: bool,
    /// How to log in.
    pub auth: Auth,
    /// Where the mail is kept: a Maildir's folder, or an mbox file. Absolute.
    pub archive: PathBuf,
    /// What the archive is.
    pub format: Format,
    /// What is deleted from the server.
    pub delete: DeletePolicy,
    /// Larger messages are left, in octets.
    pub max_size: u64,
    /// Whether commands are sent ahead.
    pub pipelining: Pipelining,
    /// The deadline for a line; a body must bring 4 KiB in it.
    pub timeout: Duration,
    /// What the ledger files this maildrop under; by default `user@host`.
    pub identity: String,
    /// With `--quiet`, transient failures stay silent while the last success is younger.
    pub quiet_transient: Duration,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first octet.
    Implicit,
    /// STLS on a clear-text connection; its absence is an error.
    StartTls,
    /// Clear text.
    None,
}

/// Which mechanism logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// The strongest both sides have.
    Auto,
    /// AUTH PLAIN (RFC 4616).
    Plain,
    /// USER and PASS (RFC 1939).
    User,
}

/// What the archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A Maildir.
    Maildir,
    /// An mbox in the mboxrd variant.
    Mbox,
}

/// What is deleted from the server, once it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletePolicy {
    /// Nothing.
    Never,
    /// Whatever is held.
    Fetched,
    /// What has been in the archive for so long.
    After(Duration),
}

/// Whether commands are sent ahead of the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipelining {
    /// Where CAPA offers it.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Where the password comes from.
#[derive(Clone)]
pub enum SecretSource {
    /// From `sh -c`'s first line of output.
    Command(String),
    /// From a file's first line; refused when others can read it.
    File(PathBuf),
    /// From an environment variable.
    Environment(String),
    /// From the configuration itself.
    Literal(secrecy::SecretString),
    /// Asked for on a terminal.
    Ask,
}

/// Shows which key it was, never a password; a command is not shown either, for it may hold one.
impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Command(_) => f.write_str("Command(…)"),
            SecretSource::File(path) => f.debug_tuple("File").field(path).finish(),
            SecretSource::Environment(name) => f.debug_tuple("Environment").field(name).finish(),
            SecretSource::Literal(_) => f.write_str("Literal(…)"),
            SecretSource::Ask => f.write_str("Ask"),
        }
    }
}

impl Config {
    /// The accounts named, in the order of the file and each once, or all of them if none is
    /// named. An unknown name is an error that exits 64.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Account>, ConfigError> {
        if let Some(unknown) =
            names.iter().find(|name| self.accounts.iter().all(|known| known.name != **name))
        {
            return Err(ConfigError::UnknownAccount {
                name: unknown.clone(),
                known: self.accounts.iter().map(|account| account.name.clone()).collect(),
                path: self.file.display().to_string(),
            });
        }
        Ok(self.accounts.iter().filter(|account| names.is_empty() || names.contains(&account.name)).collect())
    }
}
