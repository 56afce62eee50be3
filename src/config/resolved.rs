//! The configuration as the rest of the program uses it.

use super::ConfigError;
use super::oauth::OAuth;
use super::url::{DestinationUrl, UrlFault, imap_port};
use crate::mail::skip_headers::SkipHeaders;
use crate::net::{AddressFamily, Fingerprint, Proxy, TlsVersion};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything the file says, resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Where the ledger is.
    pub state_dir: PathBuf,
    /// Where what can be made again is to be kept, if the configuration says so.
    pub cache_dir: Option<PathBuf>,
    /// The accounts, in the order of the file.
    pub accounts: Vec<Account>,
    /// The destinations, in the order of the file.
    pub destinations: Vec<Destination>,
    /// What any other destination has: how connections are made, by the defaults.
    pub(crate) other_destinations: Access,
}

/// How a server is reached, and how to log in there: an account's, or a destination's.
#[derive(Clone, Debug)]
pub struct Access {
    /// The name of the account or the destination, as people know it; its tokens are kept under it.
    pub name: String,
    /// The file that it is configured in.
    pub file: PathBuf,
    /// The server's host name or address.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Where the password or the access token comes from.
    pub secret: SecretSource,
    /// How the connection is protected.
    pub tls: Tls,
    /// The authorities to trust, instead of the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// The server's certificate must be one of these, and need be nothing else. Empty: it must
    /// be trusted in the ordinary way.
    pub tls_fingerprint: Vec<Fingerprint>,
    /// The name that the certificate must be for, if it is not the host's.
    pub tls_server_name: Option<String>,
    /// The oldest version of TLS that is accepted.
    pub tls_min_version: TlsVersion,
    /// The certificate that we show to the server.
    pub tls_client: Option<ClientCertificate>,
    /// A password may cross a network in clear.
    pub allow_plaintext: bool,
    /// The SOCKS5 proxy that all connections go through.
    pub proxy: Option<Proxy>,
    /// Which of the host's addresses are tried.
    pub address_family: AddressFamily,
    /// How to log in.
    pub auth: Auth,
    /// The deadline for a line; what is long must bring 4 KiB in it.
    pub timeout: Duration,
    /// The limit for name service, connection, proxy and implicit TLS together.
    pub connect_timeout: Duration,
    /// The limit for everything that a run does here.
    pub run_timeout: Duration,
}

impl Access {
    /// How it signs in with OAuth2, if it does.
    pub fn oauth(&self) -> Option<&OAuth> {
        match &self.secret {
            SecretSource::OAuth(oauth) => Some(oauth),
            _ => None,
        }
    }

    /// Its tokens are in `tokens/` in this folder, which [`super::load`] sees to.
    pub fn keep_tokens_in(&mut self, state_dir: &Path) {
        if let SecretSource::OAuth(oauth) = &mut self.secret {
            oauth.state_dir = state_dir.to_path_buf();
        }
    }
}

/// One account, complete.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name: `[A-Za-z0-9._@+-]+` without a leading dot.
    pub name: String,
    /// Its server, and how to log in there.
    pub access: Access,
    /// Where the mail is kept: a Maildir's folder, or an mbox file. Absolute.
    pub archive: PathBuf,
    /// What the archive is.
    pub format: Format,
    /// What is deleted from the server.
    pub delete: DeletePolicy,
    /// Only what has been restored to this folder is.
    pub delete_after_restore: Option<Box<Destination>>,
    /// Larger messages are left, in octets.
    pub max_size: u64,
    /// Messages with one of these fields in their headers are left.
    pub skip_headers: SkipHeaders,
    /// Whether commands are sent ahead.
    pub pipelining: Pipelining,
    /// What the ledger files this maildrop under; by default `user@host`.
    pub identity: String,
    /// With `--quiet`, transient failures stay silent while the last success is younger.
    pub quiet_transient: Duration,
    /// Run once after a run that stored something.
    pub on_new_mail: Option<CommandLine>,
}

/// An IMAP folder that mail is restored to.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Its server, and how to log in there.
    pub access: Access,
    /// The folder's name, with `/` between its levels; never empty.
    pub folder: String,
}

/// What `sh -c` is to run. It may hold a secret, so it shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine(String);

impl CommandLine {
    pub(crate) fn new(command: String) -> Self {
        CommandLine(command)
    }

    /// The text for the shell.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommandLine(…)")
    }
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

impl Tls {
    /// What the address of an IMAP folder says: `imaps` or `imap`.
    pub(super) fn of_imap(implicit: bool) -> Tls {
        if implicit { Tls::Implicit } else { Tls::StartTls }
    }
}

/// Which mechanism logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// The strongest that the server offers and the secret allows.
    Auto,
    /// SCRAM-SHA-256-PLUS (RFC 7677), bound to the TLS connection.
    ScramSha256Plus,
    /// SCRAM-SHA-1-PLUS (RFC 5802), bound to the TLS connection.
    ScramSha1Plus,
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-1 (RFC 5802).
    ScramSha1,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    /// AUTH PLAIN (RFC 4616).
    Plain,
    /// AUTH LOGIN.
    Login,
    /// EXTERNAL (RFC 4422, appendix A): the client certificate says who it is.
    External,
    /// XOAUTH2, Google's and Microsoft's.
    Xoauth2,
    /// OAUTHBEARER (RFC 7628).
    OauthBearer,
    /// APOP (RFC 1939).
    Apop,
    /// USER and PASS (RFC 1939).
    User,
}

impl Auth {
    /// What the configuration calls them.
    pub const NAMES: &[(&'static str, Auth)] = &[
        ("auto", Auth::Auto),
        ("scram-sha-256-plus", Auth::ScramSha256Plus),
        ("scram-sha-1-plus", Auth::ScramSha1Plus),
        ("scram-sha-256", Auth::ScramSha256),
        ("scram-sha-1", Auth::ScramSha1),
        ("cram-md5", Auth::CramMd5),
        ("plain", Auth::Plain),
        ("login", Auth::Login),
        ("external", Auth::External),
        ("xoauth2", Auth::Xoauth2),
        ("oauthbearer", Auth::OauthBearer),
        ("apop", Auth::Apop),
        ("user", Auth::User),
    ];

    /// What the configuration calls it.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

/// The certificate that we show to the server. Its files and command are read when connecting.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM (the certificate and its chain, and the key unless that has a file of its own), or
    /// PKCS#12.
    pub file: PathBuf,
    /// PEM, PKCS#8.
    pub key: Option<PathBuf>,
    /// Prints the password of a PKCS#12 file.
    pub password_command: Option<String>,
}

/// Shows the files; a command may hold a secret.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("file", &self.file)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What the archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A Maildir.
    Maildir,
    /// An mbox in the mboxrd variant.
    Mbox,
}

/// What is deleted from the server, once it is archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletePolicy {
    /// Nothing.
    Never,
    /// Whatever is archived.
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

/// Where the password, or an access token, comes from.
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
    /// An OAuth2 access token, from `sh -c`'s first line of output.
    TokenCommand(String),
    /// An OAuth2 access token, from a sign-in of popkeep's own.
    OAuth(Box<OAuth>),
    /// Asked for on a terminal.
    Ask,
}

impl SecretSource {
    /// Whether it gives an access token, which only XOAUTH2 and OAUTHBEARER can use.
    pub fn is_token(&self) -> bool {
        matches!(self, SecretSource::TokenCommand(_) | SecretSource::OAuth(_))
    }
}

/// Shows which key it was, never a password; a command is not shown either, for it may hold one.
impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Command(_) => f.write_str("Command(…)"),
            SecretSource::TokenCommand(_) => f.write_str("TokenCommand(…)"),
            SecretSource::OAuth(oauth) => oauth.fmt(f),
            SecretSource::File(path) => f.debug_tuple("File").field(path).finish(),
            SecretSource::Environment(name) => f.debug_tuple("Environment").field(name).finish(),
            SecretSource::Literal(_) => f.write_str("Literal(…)"),
            SecretSource::Ask => f.write_str("Ask"),
        }
    }
}

impl Config {
    /// The account of this name. An unknown name is an error that exits 64.
    pub fn account(&self, name: &str) -> Result<&Account, ConfigError> {
        self.accounts.iter().find(|account| account.name == name).ok_or_else(|| ConfigError::UnknownAccount {
            name: name.to_owned(),
            known: self.accounts.iter().map(|account| account.name.clone()).collect(),
            path: self.file.display().to_string(),
        })
    }

    /// The destination of this name; or that of this address, with the login of a configured one for the same user at
    /// the same server. Otherwise an error that exits 64.
    pub fn destination(&self, text: &str) -> Result<Destination, ConfigError> {
        if let Some(destination) =
            self.destinations.iter().find(|destination| destination.access.name == text)
        {
            return Ok(destination.clone());
        }
        let url = match DestinationUrl::parse(text) {
            Ok(url) => url,
            Err(UrlFault::NoScheme) => {
                return Err(ConfigError::UnknownDestination {
                    name: text.to_owned(),
                    known: self.destinations.iter().map(|to| to.access.name.clone()).collect(),
                    path: self.file.display().to_string(),
                });
            }
            Err(fault) => return Err(ConfigError::DestinationUrl { url: text.to_owned(), fault }),
        };
        let fault = |fault| ConfigError::DestinationUrl { url: text.to_owned(), fault };
        let user = url.user.ok_or_else(|| fault(UrlFault::NoUser))?;
        let port = url.port.unwrap_or_else(|| imap_port(url.implicit_tls));
        let same = |access: &Access| access.host == url.host && access.port == port && access.user == user;
        let known = self.destinations.iter().map(|to| &to.access).find(|access| same(access));
        let access = known.cloned().unwrap_or_else(|| Access {
            name: format!("{user}@{}", url.host),
            host: url.host,
            port,
            user,
            tls: Tls::of_imap(url.implicit_tls),
            ..self.other_destinations.clone()
        });
        Ok(Destination { access, folder: url.folder })
    }

    /// The account of this name; without a name, the only account that is configured. Otherwise an error that
    /// exits 64.
    pub fn one_account(&self, name: Option<&str>) -> Result<&Account, ConfigError> {
        match (name, &self.accounts[..]) {
            (Some(name), _) => self.account(name),
            (None, [only]) => Ok(only),
            (None, several) => Err(ConfigError::WhichAccount {
                known: several.iter().map(|account| account.name.clone()).collect(),
                path: self.file.display().to_string(),
            }),
        }
    }

    /// The accounts named, in the order of the file and each once, or all of them if none is
    /// named. An unknown name is an error that exits 64.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Account>, ConfigError> {
        for name in names {
            self.account(name)?;
        }
        Ok(self.accounts.iter().filter(|account| names.is_empty() || names.contains(&account.name)).collect())
    }
}
