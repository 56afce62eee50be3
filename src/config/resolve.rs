//! From [`RawFile`] to [`Config`]: defaults filled in, words understood, paths absolute, and
//! nothing contradicting itself. No I/O.

use super::error::{ConfigError, Fault};
use super::excerpt::Excerpt;
use super::host::{is_here, is_host};
use super::nearest::suggestion;
use super::parse::parse;
use super::paths::{Bases, PathFault, expand};
use super::quantity::{DURATION_FORM, SIZE_FORM, parse_duration, parse_size};
use super::raw::{RawAccount, RawFile, RawSize};
use super::resolved::{Account, Auth, Config, DeletePolicy, Format, Pipelining, SecretSource, Tls};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// The default of `max_size`: 1 GiB.
const MAX_SIZE: u64 = 1 << 30;
/// The default of `timeout`.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The longest `timeout`: whoever wants more than a day has mistaken the unit.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

/// What the file's surroundings add to it.
pub(super) struct Surroundings {
    /// The folder that relative paths count from, absolute.
    pub(super) folder: PathBuf,
    /// The user's home, for `~`.
    pub(super) home: Option<PathBuf>,
}

/// A configuration understood, and what decides who may read and write its file.
pub(super) struct Resolved {
    /// The accounts, in the order of the file; at least one.
    pub(super) accounts: Vec<Account>,
    /// `state_dir`, if given.
    pub(super) state_dir: Option<PathBuf>,
    /// The file holds a password.
    pub(super) holds_password: bool,
    /// The file names a command.
    pub(super) names_command: bool,
}

impl Resolved {
    /// The whole, once it is known where the ledger is.
    pub(super) fn into_config(self, file: &Path, state_dir: PathBuf) -> Config {
        Config { file: file.to_path_buf(), state_dir, accounts: self.accounts }
    }
}

/// Understands `text`, the content of `file`.
pub(super) fn resolve(file: &Path, text: &str, around: &Surroundings) -> Result<Resolved, ConfigError> {
    let reader = Reader { file, text, around };
    let raw = parse(text).map_err(|(fault, span)| reader.error(&span, fault))?;
    reader.read(&raw)
}

/// A value, or what is wrong with it.
type Read<T> = Result<T, ConfigError>;

struct Reader<'f> {
    file: &'f Path,
    text: &'f str,
    around: &'f Surroundings,
}

impl Reader<'_> {
    fn error(&self, span: &Range<usize>, fault: Fault) -> ConfigError {
        ConfigError::Content { at: Box::new(Excerpt::new(self.file, self.text, span)), fault }
    }

    fn impossible(&self, key: &'static str, value: &Spanned<String>, wanted: &str) -> ConfigError {
        let fault = Fault::Value { key, value: value.get_ref().clone(), wanted: wanted.to_owned() };
        self.error(&value.span(), fault)
    }

    fn read(&self, raw: &RawFile) -> Read<Resolved> {
        let mut named: Vec<_> = raw.accounts.iter().collect();
        named.sort_by_key(|(name, _)| name.span().start);
        if named.is_empty() {
            return Err(ConfigError::NoAccounts { path: self.file.display().to_string() });
        }
        let state_dir =
            raw.state_dir.as_ref().map(|value| self.path("state_dir", value, None)).transpose()?;
        let default_secret = self.secret(&raw.defaults, "[defaults]")?;
        let mut accounts: Vec<Account> = Vec::with_capacity(named.len());
        for (name, own) in &named {
            let table = Table { name, own, defaults: &raw.defaults };
            let account = self.account(&table, default_secret)?;
            self.compare(&accounts, &account, &name.span())?;
            accounts.push(account);
        }
        let mut tables = raw.accounts.values().chain([&raw.defaults]);
        let names_command = tables.clone().any(|table| table.password_command.is_some());
        let holds_password = tables.any(|table| table.password.is_some());
        Ok(Resolved { accounts, state_dir, holds_password, names_command })
    }

    fn account(&self, table: &Table<'_>, default_secret: Option<Secret<'_>>) -> Read<Account> {
        let name = self.account_name(table.name)?;
        let host =
            self.host(table, self.needed(table, "host", "host = \"pop.example.com\"", |a| &a.host)?)?;
        let user_value = self.needed(table, "user", "user = \"jane@example.com\"", |a| &a.user)?;
        let user = self.line("user", user_value)?;
        let archive_value =
            self.needed(table, "archive", "archive = \"~/Mail/{account}\"", |a| &a.archive)?;
        let archive = self.path("archive", archive_value, Some(name))?;
        let tls = self.word(table, "tls", TLS, |a| &a.tls)?.unwrap_or(Tls::Implicit);
        let allow_plaintext = table.get(|a| &a.allow_plaintext).is_some_and(|value| *value.get_ref());
        if tls == Tls::None && !allow_plaintext && !is_here(&host) {
            let span = table.get(|a| &a.tls).map_or_else(|| table.name.span(), Spanned::span);
            return Err(self.error(&span, Fault::ClearText { account: name.to_owned(), host }));
        }
        let secret = match self.secret(table.own, &format!("[accounts.{name}]"))?.or(default_secret) {
            Some(secret) => self.secret_source(&secret, name)?,
            None => SecretSource::Ask,
        };
        let identity = match table.get(|a| &a.identity) {
            Some(value) => self.line("identity", value)?,
            None => format!("{user}@{host}"),
        };
        Ok(Account {
            name: name.to_owned(),
            port: self.port(table)?.unwrap_or(if tls == Tls::Implicit { 995 } else { 110 }),
            host,
            user,
            secret,
            tls,
            tls_ca_file: table
                .get(|a| &a.tls_ca_file)
                .map(|value| self.path("tls_ca_file", value, Some(name)))
                .transpose()?,
            allow_plaintext,
            auth: self.word(table, "auth", AUTH, |a| &a.auth)?.unwrap_or(Auth::Auto),
            archive,
            format: self.word(table, "format", FORMAT, |a| &a.format)?.unwrap_or(Format::Maildir),
            delete: self.delete(table)?,
            max_size: self.max_size(table)?,
            pipelining: self
                .word(table, "pipelining", PIPELINING, |a| &a.pipelining)?
                .unwrap_or(Pipelining::Auto),
            timeout: self.timeout(table)?,
            identity,
            quiet_transient: self
                .duration("quiet_transient", table.get(|a| &a.quiet_transient))?
                .unwrap_or(Duration::ZERO),
        })
    }

    /// Refuses an account that is another one's double.
    fn compare(&self, before: &[Account], new: &Account, span: &Range<usize>) -> Read<()> {
        for old in before.iter().filter(|old| old.archive == new.archive) {
            let (first, second) = (old.name.clone(), new.name.clone());
            if old.format != new.format {
                return Err(self.error(span, Fault::FormatClash { first, second }));
            }
            if old.identity == new.identity {
                let identity = new.identity.clone();
                return Err(self.error(span, Fault::SameMaildrop { first, second, identity }));
            }
        }
        Ok(())
    }

    fn account_name<'n>(&self, name: &'n Spanned<String>) -> Read<&'n str> {
        let text = name.get_ref();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
        if text.is_empty() || text.starts_with('.') || !text.bytes().all(allowed) {
            return Err(self.error(&name.span(), Fault::AccountName { name: text.clone() }));
        }
        Ok(text)
    }

    fn needed<'t>(
        &self,
        table: &Table<'t>,
        key: &'static str,
        example: &'static str,
        field: fn(&RawAccount) -> &Option<Spanned<String>>,
    ) -> Read<&'t Spanned<String>> {
        table.get(field).ok_or_else(|| {
            let account = table.name.get_ref().clone();
            self.error(&table.name.span(), Fault::Missing { account, key, example })
        })
    }

    fn host(&self, table: &Table<'_>, value: &Spanned<String>) -> Read<String> {
        let host = value.get_ref();
        if is_host(host) {
            return Ok(host.clone());
        }
        let wanted = match host.rsplit_once(':') {
            Some((name, port)) if is_host(name) && port.parse::<u16>().is_ok() => {
                let table = table.name.get_ref();
                format!("the port has its own key; write host = {name:?} and port = {port} in {table:?}")
            }
            _ => "it must be a host name or an IP address".to_owned(),
        };
        Err(self.impossible("host", value, &wanted))
    }

    fn port(&self, table: &Table<'_>) -> Read<Option<u16>> {
        let Some(value) = table.get(|a| &a.port) else { return Ok(None) };
        match u16::try_from(*value.get_ref()) {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => {
                let wanted = "a port is a number from 1 to 65535".to_owned();
                let fault = Fault::Value { key: "port", value: value.get_ref().to_string(), wanted };
                Err(self.error(&value.span(), fault))
            }
        }
    }

    /// Text that is to travel in a command or be filed: one line, and not empty.
    fn line(&self, key: &'static str, value: &Spanned<String>) -> Read<String> {
        let text = value.get_ref();
        if text.trim().is_empty() || text.contains(|c: char| c.is_control()) {
            return Err(self.impossible(
                key,
                value,
                "it must be one line of text, without control characters",
            ));
        }
        Ok(text.clone())
    }

    fn word<T: Copy>(
        &self,
        table: &Table<'_>,
        key: &'static str,
        known: &[(&'static str, T)],
        field: fn(&RawAccount) -> &Option<Spanned<String>>,
    ) -> Read<Option<T>> {
        let Some(value) = table.get(field) else { return Ok(None) };
        if let Some((_, meaning)) = known.iter().find(|(word, _)| word.eq_ignore_ascii_case(value.get_ref()))
        {
            return Ok(Some(*meaning));
        }
        Err(self.impossible(key, value, &one_of(known, value.get_ref())))
    }

    fn delete(&self, table: &Table<'_>) -> Read<DeletePolicy> {
        const WORDS: [(&str, DeletePolicy); 2] =
            [("never", DeletePolicy::Never), ("fetched", DeletePolicy::Fetched)];
        let Some(value) = table.get(|a| &a.delete) else { return Ok(DeletePolicy::Never) };
        let text = value.get_ref();
        if let Some((_, policy)) = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return Ok(*policy);
        }
        parse_duration(text).map(DeletePolicy::After).ok_or_else(|| {
            self.impossible("delete", value, "it is \"never\", \"fetched\", or an age such as \"30d\"")
        })
    }

    fn max_size(&self, table: &Table<'_>) -> Read<u64> {
        let Some(value) = table.get(|a| &a.max_size) else { return Ok(MAX_SIZE) };
        let (shown, octets) = match value.get_ref() {
            RawSize::Octets(octets) => (octets.to_string(), u64::try_from(*octets).ok()),
            RawSize::Words(words) => (words.clone(), parse_size(words)),
        };
        octets.filter(|octets| *octets > 0).ok_or_else(|| {
            let wanted = format!("it must be {SIZE_FORM}, and more than 0");
            self.error(&value.span(), Fault::Value { key: "max_size", value: shown, wanted })
        })
    }

    fn duration(&self, key: &'static str, value: Option<&Spanned<String>>) -> Read<Option<Duration>> {
        let Some(value) = value else { return Ok(None) };
        match parse_duration(value.get_ref()) {
            Some(duration) => Ok(Some(duration)),
            None => Err(self.impossible(key, value, &format!("it must be {DURATION_FORM}"))),
        }
    }

    fn timeout(&self, table: &Table<'_>) -> Read<Duration> {
        let Some(value) = table.get(|a| &a.timeout) else { return Ok(TIMEOUT) };
        match self.duration("timeout", Some(value))? {
            Some(timeout) if timeout > Duration::ZERO && timeout <= LONGEST_TIMEOUT => Ok(timeout),
            _ => Err(self.impossible("timeout", value, "it must be more than 0 and at most a day")),
        }
    }

    /// The one password key that the table has.
    fn secret<'t>(&self, table: &'t RawAccount, shown: &str) -> Read<Option<Secret<'t>>> {
        let given = [
            table.password_command.as_ref().map(Secret::Command),
            table.password_file.as_ref().map(Secret::File),
            table.password_env.as_ref().map(Secret::Environment),
            table.password.as_ref().map(Secret::Literal),
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

    fn secret_source(&self, secret: &Secret<'_>, account: &str) -> Read<SecretSource> {
        match *secret {
            Secret::Command(value) if value.get_ref().trim().is_empty() => {
                Err(self.impossible("password_command", value, "it must be a command"))
            }
            Secret::Command(value) => Ok(SecretSource::Command(value.get_ref().clone())),
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

    fn path(&self, key: &'static str, value: &Spanned<String>, account: Option<&str>) -> Read<PathBuf> {
        let bases = Bases { folder: &self.around.folder, home: self.around.home.as_deref(), account };
        expand(value.get_ref(), bases).map_err(|fault| {
            let wanted = match fault {
                PathFault::Empty => "it must be a path".to_owned(),
                PathFault::Nul => "a path has no NUL in it".to_owned(),
                PathFault::NoHome => {
                    "there is no home folder for ~ (is HOME set?); write the path in full".to_owned()
                }
                PathFault::OtherHome => "~ works for your own home only; write the path in full".to_owned(),
                PathFault::Placeholder(name) if account.is_some() => {
                    format!("{name} is not known; {{account}} is")
                }
                PathFault::Placeholder(name) => format!("{name} has no meaning here"),
            };
            self.impossible(key, value, &wanted)
        })
    }
}

/// An account's table over the defaults.
struct Table<'t> {
    name: &'t Spanned<String>,
    own: &'t RawAccount,
    defaults: &'t RawAccount,
}

impl<'t> Table<'t> {
    fn get<T>(&self, field: fn(&RawAccount) -> &Option<Spanned<T>>) -> Option<&'t Spanned<T>> {
        field(self.own).as_ref().or(field(self.defaults).as_ref())
    }
}

/// Where a password comes from, as written.
#[derive(Clone, Copy)]
enum Secret<'t> {
    Command(&'t Spanned<String>),
    File(&'t Spanned<String>),
    Environment(&'t Spanned<String>),
    Literal(&'t Spanned<super::raw::RawSecret>),
}

impl Secret<'_> {
    fn key(&self) -> &'static str {
        match self {
            Secret::Command(_) => "password_command",
            Secret::File(_) => "password_file",
            Secret::Environment(_) => "password_env",
            Secret::Literal(_) => "password",
        }
    }

    fn span(&self) -> Range<usize> {
        match self {
            Secret::Command(value) | Secret::File(value) | Secret::Environment(value) => value.span(),
            Secret::Literal(value) => value.span(),
        }
    }
}

const TLS: &[(&str, Tls)] = &[("implicit", Tls::Implicit), ("starttls", Tls::StartTls), ("none", Tls::None)];
const AUTH: &[(&str, Auth)] = &[("auto", Auth::Auto), ("plain", Auth::Plain), ("user", Auth::User)];
const FORMAT: &[(&str, Format)] = &[("maildir", Format::Maildir), ("mbox", Format::Mbox)];
const PIPELINING: &[(&str, Pipelining)] =
    &[("auto", Pipelining::Auto), ("on", Pipelining::On), ("off", Pipelining::Off)];

/// `it is one of "a", "b"`, with a guess at what was meant.
fn one_of<T>(known: &[(&'static str, T)], word: &str) -> String {
    let words: Vec<String> = known.iter().map(|(word, _)| format!("{word:?}")).collect();
    let guess = match super::nearest::nearest(word, known.iter().map(|(word, _)| *word)) {
        Some((_, true)) => suggestion(word, known.iter().map(|(word, _)| *word)),
        _ => String::new(),
    };
    format!("it is one of {}{guess}", words.join(", "))
}
