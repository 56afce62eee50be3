//! An account on its way into a configuration file: what `init` asks for, as text that
//! [`super::load`] understands.
//!
//! Promises: every text is quoted so that it is read back as it was given; the values are checked
//! by the very code that reads a configuration, so that nothing can be written that is refused
//! later. Must never: write a password.

use super::resolve::{Surroundings, resolve};
use super::{Account, ConfigError, Format, Tls, location};
use crate::text::safe::escape;
use std::fmt::Write as _;
use std::path::Path;

/// The account's values, as they will stand in the file. Paths may begin with `~` and hold
/// `{account}`.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its name.
    pub name: String,
    /// The server.
    pub host: String,
    /// Its port; `None` for the usual one.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: Tls,
    /// The authorities to trust, instead of the system's.
    pub tls_ca_file: Option<String>,
    /// The server's certificate must be this one, and need be nothing else.
    pub tls_fingerprint: Option<String>,
    /// Who logs in.
    pub user: String,
    /// Where the password will come from.
    pub secret: DraftSecret,
    /// Where the mail is kept.
    pub archive: String,
    /// What the archive is.
    pub format: Format,
    /// What is deleted from the server: `never`, `fetched`, or an age.
    pub delete: String,
    /// One mechanism, if it must be that one.
    pub auth: Option<String>,
    /// Larger messages are left, in octets.
    pub max_size: Option<u64>,
    /// What there is to know, a line each.
    pub notes: Vec<String>,
}

/// Where the password will come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftSecret {
    /// `password_command`.
    Command(String),
    /// `token_command`.
    TokenCommand(String),
    /// `password_file`.
    File(String),
    /// `password_env`.
    Environment(String),
    /// The account's `oauth` table.
    SignIn(DraftOAuth),
    /// Nowhere: it is asked for.
    Ask,
}

/// The keys of an `oauth` table. What is `None` is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftOAuth {
    /// The provider; `None` if it is not a known one.
    pub provider: Option<String>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `client_secret_command`.
    pub client_secret_command: Option<String>,
    /// `tenant`.
    pub tenant: Option<String>,
    /// `authorize_url`.
    pub authorize_url: Option<String>,
    /// `token_url`.
    pub token_url: Option<String>,
    /// `device_url`.
    pub device_url: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
}

impl DraftOAuth {
    fn table(&self, account: &str) -> String {
        let keys = [
            ("provider", &self.provider),
            ("client_id", &self.client_id),
            ("client_secret_command", &self.client_secret_command),
            ("tenant", &self.tenant),
            ("authorize_url", &self.authorize_url),
            ("token_url", &self.token_url),
            ("device_url", &self.device_url),
            ("scope", &self.scope),
        ];
        let mut text = format!("\n[accounts.{}.oauth]\n", key(account));
        for (name, value) in keys {
            if let Some(value) = value {
                // Writing into a String cannot fail.
                let _ = writeln!(text, "{name} = {}", quoted(value));
            }
        }
        text
    }
}

impl Draft {
    /// Stands where no server is named yet; no server has this name (RFC 6761, section 6.4).
    pub const NO_HOST: &str = "unknown.invalid";

    /// An account that could be read, of which nothing is known yet but its name.
    pub fn new(name: &str) -> Draft {
        Draft {
            name: name.to_owned(),
            host: Self::NO_HOST.to_owned(),
            port: None,
            tls: Tls::Implicit,
            tls_ca_file: None,
            tls_fingerprint: None,
            user: "nobody".to_owned(),
            secret: DraftSecret::Ask,
            archive: "/nonexistent/{account}".to_owned(),
            format: Format::Maildir,
            delete: "never".to_owned(),
            auth: None,
            max_size: None,
            notes: Vec::new(),
        }
    }

    /// The account as a run would have it. The error is what is wrong with a value, without the
    /// place: there is no file yet.
    pub fn account(&self) -> Result<Account, String> {
        let nowhere = Path::new("");
        let folder = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let resolved = resolve(nowhere, &self.table(), &Surroundings { folder, home: location::home() });
        let problem = |error: ConfigError| match error {
            ConfigError::Content { fault, .. } => fault.to_string(),
            other => other.to_string(),
        };
        let mut accounts = resolved.map_err(problem)?.accounts;
        accounts.pop().ok_or_else(|| "it has no account".to_owned())
    }

    /// The whole file. `state_dir` is for a ledger that would not be found without it.
    pub fn file(&self, day: &str, state_dir: Option<&str>) -> String {
        let state_dir = Self::state_dir(state_dir);
        format!("{}{state_dir}{}", Self::head("init", day), self.table())
    }

    /// The setting for a ledger that would not be found without it.
    pub fn state_dir(folder: Option<&str>) -> String {
        folder.map_or_else(String::new, |folder| {
            format!(
                "# The folder of the ledger, which records what is archived.\nstate_dir = {}\n\n",
                quoted(folder)
            )
        })
    }

    /// How a file begins that this command makes.
    pub fn head(command: &str, day: &str) -> String {
        format!(
            "# popkeep's configuration, written by `popkeep {command}` on {day}.\n\
             # Every key is explained in popkeep.toml(5). After a change: `popkeep check`.\n\n"
        )
    }

    /// The account's table, with a word on each key.
    pub fn table(&self) -> String {
        let mut lines = vec![(format!("host = {}", quoted(&self.host)), "")];
        if let Some(port) = self.port {
            lines.push((format!("port = {port}"), ""));
        }
        let (tls, why) = match self.tls {
            Tls::Implicit => ("implicit", "TLS from the first octet"),
            Tls::StartTls => ("starttls", "TLS by STLS, before the login"),
            Tls::None => ("none", "clear text"),
        };
        lines.push((format!("tls = {}", quoted(tls)), why));
        if let Some(file) = &self.tls_ca_file {
            lines
                .push((format!("tls_ca_file = {}", quoted(file)), "trust only certificates issued by these"));
        }
        if let Some(fingerprint) = &self.tls_fingerprint {
            lines.push((
                format!("tls_fingerprint = {}", quoted(fingerprint)),
                "the only certificate to trust",
            ));
        }
        lines.push((format!("user = {}", quoted(&self.user)), ""));
        if let Some(auth) = &self.auth {
            lines.push((format!("auth = {}", quoted(auth)), ""));
        }
        lines.extend(self.secret.line());
        let (format, what) = match self.format {
            Format::Maildir => ("maildir", "a folder with tmp/, new/ and cur/"),
            Format::Mbox => ("mbox", "a single file (mboxrd)"),
        };
        lines.push((format!("archive = {}", quoted(&self.archive)), "where to keep the mail"));
        lines.push((format!("format = {}", quoted(format)), what));
        lines.push((
            format!("delete = {}", quoted(&self.delete)),
            "from the server: \"never\", \"fetched\" or \"30d\"",
        ));
        if let Some(octets) = self.max_size {
            lines.push((format!("max_size = {octets}"), "octets; larger messages are left"));
        }
        let column = lines.iter().map(|(setting, _)| setting.len()).filter(|len| *len <= WIDEST).max();
        let mut text = format!("[accounts.{}]\n", key(&self.name));
        for note in &self.notes {
            // A line end would make a setting of the rest.
            text.extend(["# ", &escape(note.as_bytes()), "\n"]);
        }
        for (setting, why) in lines {
            // Writing into a String cannot fail.
            let _ = match why {
                "" => writeln!(text, "{setting}"),
                why => writeln!(text, "{setting:<0$}  # {why}", column.unwrap_or(0)),
            };
        }
        text.push_str(EXAMPLES);
        if let DraftSecret::SignIn(oauth) = &self.secret {
            text.push_str(&oauth.table(&self.name));
        }
        text
    }
}

impl DraftSecret {
    /// Its line and a word on it.
    fn line(&self) -> Option<(String, &'static str)> {
        let (key, value, why) = match self {
            DraftSecret::Command(command) => ("password_command", command, "prints the password"),
            DraftSecret::TokenCommand(command) => ("token_command", command, "prints an access token"),
            DraftSecret::File(file) => ("password_file", file, "only you may have access: chmod 600"),
            DraftSecret::Environment(name) => ("password_env", name, "the variable with the password"),
            DraftSecret::SignIn(_) | DraftSecret::Ask => return None,
        };
        Some((format!("{key} = {}", quoted(value)), why))
    }
}

/// A setting that is wider does not push the words on all others to the right.
const WIDEST: usize = 48;

/// What many accounts want besides.
const EXAMPLES: &str = "\
# Often useful:
# max_size = \"100 MiB\"     # leave larger messages on the server, and report them
# quiet_transient = \"6h\"   # with --quiet: say nothing about outages shorter than this
";

/// A text as TOML has it: a basic string, whose escapes are those of JSON, and DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A key as TOML has it, quoted where it must be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { name.to_owned() } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use super::super::{DeletePolicy, SecretSource};
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn what_is_written_is_what_was_meant() {
        let mut draft = Draft::new("jane.doe@example.com");
        draft.host = "pop.example.com".to_owned();
        draft.port = Some(1110);
        draft.tls = Tls::StartTls;
        draft.tls_ca_file = Some("/etc/ssl/a \"b\".pem".to_owned());
        draft.user = "\"jane\\doe\"@example.com".to_owned();
        draft.secret = DraftSecret::Command("printf '%s' \"$X\" | tr '\\t' ' '".to_owned());
        draft.archive = "/mail/{account}.mbox".to_owned();
        draft.format = Format::Mbox;
        draft.delete = "30d".to_owned();
        let account = draft.account().unwrap();
        assert_eq!(account.name, draft.name);
        assert_eq!(
            (account.access.host.as_str(), account.access.port, account.access.tls),
            ("pop.example.com", 1110, Tls::StartTls)
        );
        assert_eq!(account.access.user, draft.user);
        assert_eq!(account.access.tls_ca_file.as_deref(), Some(Path::new("/etc/ssl/a \"b\".pem")));
        assert!(
            matches!(&account.access.secret, SecretSource::Command(command) if *command == "printf '%s' \"$X\" | tr '\\t' ' '")
        );
        assert_eq!(account.archive, Path::new("/mail/jane.doe@example.com.mbox"));
        assert_eq!(
            (account.format, account.delete),
            (Format::Mbox, DeletePolicy::After(Duration::from_hours(720)))
        );
    }

    #[test]
    fn a_value_that_cannot_be_is_told_without_a_place() {
        let mut draft = Draft::new("work");
        assert!(draft.account().is_ok());
        draft.host = "pop.example.com:995".to_owned();
        let said = draft.account().unwrap_err();
        assert!(said.starts_with("host = ") && said.contains("the port has its own key"), "{said}");
        let error = Draft::new("a/b").account().unwrap_err();
        assert!(error.contains("account name"), "{error}");
        let sometimes = Draft { delete: "sometimes".to_owned(), ..Draft::new("work") };
        assert!(sometimes.account().unwrap_err().starts_with("delete = \"sometimes\""));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_toml(text in "\\PC*|[\\x00-\\x7f]{0,20}") {
            let line = format!("value = {}\n{} = 1\n", quoted(&text), key(&text));
            // A key of its own name would stand there twice.
            if text != "value" {
                let table: toml::Table = toml::from_str(&line).unwrap();
                prop_assert_eq!(table["value"].as_str(), Some(text.as_str()));
                prop_assert_eq!(table[&text].as_integer(), Some(1));
            }
        }
    }
}
