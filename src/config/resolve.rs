//! From [`RawFile`] to [`Config`]: defaults filled in, words understood, paths absolute, and
//! nothing contradicting itself. No I/O.

use super::error::{ConfigError, Fault};
use super::parse::parse;
use super::raw::{RawAccount, RawFile, RawSecret, is_account_name};
use super::resolved::{Access, Account, Auth, Config, Destination, Format, Pipelining, SecretSource, Tls};
use super::source::Source;
use crate::net::is_here;
use secrecy::ExposeSecret;
use secrets::Secret;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

mod connection;
mod destinations;
mod oauth;
mod secrets;
mod values;

/// What the file's surroundings add to it.
pub(super) struct Surroundings {
    /// The folder that relative paths count from, absolute.
    pub(super) folder: PathBuf,
    /// The user's home, for `~`.
    pub(super) home: Option<PathBuf>,
}

/// A configuration understood, and what decides who may read and write its file.
pub(super) struct Resolved {
    /// The accounts, in the order of the file.
    pub(super) accounts: Vec<Account>,
    /// The destinations, in the order of the file, and what any other one has.
    pub(super) destinations: Vec<Destination>,
    pub(super) other_destinations: Access,
    /// `state_dir`, if given.
    pub(super) state_dir: Option<PathBuf>,
    /// `cache_dir`, if given.
    pub(super) cache_dir: Option<PathBuf>,
    /// Which of the files hold a password.
    pub(super) hold_passwords: HashSet<usize>,
    /// Which of the files name a command.
    pub(super) name_commands: HashSet<usize>,
}

impl Resolved {
    /// The whole, once it is known where the ledger is.
    pub(super) fn into_config(mut self, file: &Path, state_dir: PathBuf) -> Config {
        for account in &mut self.accounts {
            account.access.keep_tokens_in(&state_dir);
        }
        for destination in &mut self.destinations {
            destination.access.keep_tokens_in(&state_dir);
        }
        Config {
            file: file.to_path_buf(),
            state_dir,
            cache_dir: self.cache_dir,
            accounts: self.accounts,
            destinations: self.destinations,
            other_destinations: self.other_destinations,
        }
    }
}

/// Understands `text`, the content of `file`, which must have an account.
pub(super) fn resolve(file: &Path, text: &str, around: &Surroundings) -> Result<Resolved, ConfigError> {
    let resolved = resolve_any(&Source::new(file, text), around)?;
    if resolved.accounts.is_empty() {
        return Err(ConfigError::NoAccounts { path: file.display().to_string() });
    }
    Ok(resolved)
}

/// The same for a file that may have none.
pub(super) fn resolve_any(source: &Source, around: &Surroundings) -> Result<Resolved, ConfigError> {
    let reader = Reader { source, around };
    let raw = parse(source.text()).map_err(|(fault, span)| reader.error(&span, fault))?;
    reader.read(&raw)
}

/// A value, or what is wrong with it.
type Read<T> = Result<T, ConfigError>;

struct Reader<'f> {
    source: &'f Source,
    around: &'f Surroundings,
}

impl Reader<'_> {
    fn error(&self, span: &Range<usize>, fault: Fault) -> ConfigError {
        self.source.error(span, fault)
    }

    fn read(&self, raw: &RawFile) -> Read<Resolved> {
        let mut named: Vec<_> = raw.accounts.iter().collect();
        named.sort_by_key(|(name, _)| name.span().start);
        let state_dir =
            raw.state_dir.as_ref().map(|value| self.path("state_dir", value, None)).transpose()?;
        let cache_dir =
            raw.cache_dir.as_ref().map(|value| self.path("cache_dir", value, None)).transpose()?;
        let default_secret = self.secret(&raw.defaults, "[defaults]")?;
        let (destinations, other_destinations) = self.destinations(raw)?;
        let mut accounts: Vec<Account> = Vec::with_capacity(named.len());
        let mut archives: HashMap<PathBuf, Vec<usize>> = HashMap::new();
        for (name, own) in &named {
            let table = Table { kind: "account", name, own, defaults: &raw.defaults };
            let account = self.account(&table, default_secret, &destinations)?;
            let shared = archives.entry(account.archive.clone()).or_default();
            self.compare(shared.iter().map(|at| &accounts[*at]), &account, &name.span())?;
            shared.push(accounts.len());
            let same = |to: &&Destination| to.access.name == account.name && to.access.oauth().is_some();
            if account.access.oauth().is_some() && destinations.iter().any(|to| same(&to)) {
                return Err(self.error(&name.span(), Fault::SameTokens { name: account.name }));
            }
            accounts.push(account);
        }
        let main = self.source.file_at(0);
        let own = raw.accounts.iter().map(|(name, table)| (self.source.file_at(name.span().start), &**table));
        let to: Vec<(usize, RawAccount)> = raw
            .destinations
            .iter()
            .map(|(name, table)| (self.source.file_at(name.span().start), table.as_account()))
            .collect();
        let tables = own.chain([(main, &raw.defaults)]).chain(to.iter().map(|(file, table)| (*file, table)));
        let (mut hold_passwords, mut name_commands) = (HashSet::new(), HashSet::new());
        for (file, table) in tables {
            if holds_password(table) {
                hold_passwords.insert(file);
            }
            if names_command(table) {
                name_commands.insert(file);
            }
        }
        Ok(Resolved {
            accounts,
            destinations,
            other_destinations,
            state_dir,
            cache_dir,
            hold_passwords,
            name_commands,
        })
    }

    fn account(
        &self,
        table: &Table<'_>,
        default_secret: Option<Secret<'_>>,
        destinations: &[Destination],
    ) -> Read<Account> {
        let name = self.table_name(table)?;
        let host =
            self.host(table, self.needed(table, "host", "host = \"pop.example.com\"", |a| &a.host)?)?;
        let user_value = self.needed(table, "user", "user = \"jane@example.com\"", |a| &a.user)?;
        let user = self.line("user", user_value)?;
        let archive_value =
            self.needed(table, "archive", "archive = \"~/Mail/{account}\"", |a| &a.archive)?;
        let archive = self.path("archive", archive_value, Some(name))?;
        let identity = match table.get(|a| &a.identity) {
            Some(value) => self.line("identity", value)?,
            None => format!("{user}@{host}"),
        };
        let tls = self.tls(table)?;
        let port = self.port(table)?.unwrap_or(if tls == Tls::Implicit { 995 } else { 110 });
        Ok(Account {
            name: name.to_owned(),
            access: self.access(table, (host, port, user), tls, default_secret)?,
            archive,
            format: self.word(table, "format", FORMAT, |a| &a.format)?.unwrap_or(Format::Maildir),
            delete: self.delete(table)?,
            delete_after_restore: self.delete_after_restore(table, destinations)?.map(Box::new),
            max_size: self.max_size(table)?,
            skip_headers: self.skip_headers(table)?,
            pipelining: self
                .word(table, "pipelining", PIPELINING, |a| &a.pipelining)?
                .unwrap_or(Pipelining::Auto),
            identity,
            quiet_transient: self
                .duration("quiet_transient", table.get(|a| &a.quiet_transient))?
                .unwrap_or(Duration::ZERO),
            on_new_mail: values::on_new_mail(table),
        })
    }

    /// What the keys for the login, for TLS and for the connection say.
    fn access(
        &self,
        table: &Table<'_>,
        (host, port, user): (String, u16, String),
        tls: Tls,
        default_secret: Option<Secret<'_>>,
    ) -> Read<Access> {
        let name = table.name.get_ref();
        let allow_plaintext = table.get(|a| &a.allow_plaintext).is_some_and(|value| *value.get_ref());
        let proxy = self.proxy(table)?;
        // Behind a proxy even "localhost" is another machine.
        if tls == Tls::None && !allow_plaintext && (proxy.is_some() || !is_here(&host)) {
            let span = table.get(|a| &a.tls).map_or_else(|| table.name.span(), Spanned::span);
            return Err(self.error(&span, Fault::ClearText { table: table.shown(), host }));
        }
        let secret = match self.secret(table.own, &format!("[{}s.{name}]", table.kind))?.or(default_secret) {
            Some(secret) => self.secret_source(&secret, table, &user)?,
            None => SecretSource::Ask,
        };
        let auth = self.auth(table, &secret)?;
        let limits = self.limits(table)?;
        Ok(Access {
            name: name.clone(),
            file: self.source.path_at(table.name.span().start).to_owned(),
            host,
            port,
            user,
            secret,
            tls,
            tls_ca_file: table
                .get(|a| &a.tls_ca_file)
                .map(|value| self.path("tls_ca_file", value, Some(name)))
                .transpose()?,
            tls_fingerprint: self.tls_fingerprint(table)?,
            tls_server_name: self.tls_server_name(table)?,
            tls_min_version: self.tls_min_version(table)?,
            tls_client: self.tls_client(table)?,
            allow_plaintext,
            proxy,
            address_family: self.address_family(table)?,
            auth,
            timeout: limits.timeout,
            connect_timeout: limits.connect,
            run_timeout: limits.run,
        })
    }

    /// The mechanism, which must be one that the secret is for.
    fn auth(&self, table: &Table<'_>, secret: &SecretSource) -> Read<Auth> {
        let auth = self.word(table, "auth", Auth::NAMES, |a| &a.auth)?.unwrap_or(Auth::Auto);
        let wants_token = matches!(auth, Auth::Xoauth2 | Auth::OauthBearer);
        let fits = match auth {
            Auth::Auto | Auth::External => true,
            _ => wants_token == secret.is_token(),
        };
        if fits {
            return Ok(auth);
        }
        let span = table.get(|a| &a.auth).map_or_else(|| table.name.span(), Spanned::span);
        Err(self.error(&span, Fault::WrongSecret { table: table.shown(), auth: auth.name(), wants_token }))
    }

    /// Refuses an account that is another one's double.
    fn compare<'a>(
        &self,
        in_the_same_archive: impl Iterator<Item = &'a Account>,
        new: &Account,
        span: &Range<usize>,
    ) -> Read<()> {
        for old in in_the_same_archive {
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

    fn table_name<'t>(&self, table: &Table<'t>) -> Read<&'t str> {
        let text = table.name.get_ref();
        if !is_account_name(text) {
            let fault = Fault::TableName { kind: table.kind, name: text.clone() };
            return Err(self.error(&table.name.span(), fault));
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
            self.error(&table.name.span(), Fault::Missing { table: table.shown(), key, example })
        })
    }
}

fn holds_password(table: &RawAccount) -> bool {
    let login = |proxy: &Spanned<RawSecret>| proxy.get_ref().0.expose_secret().contains('@');
    table.password.is_some()
        || table.oauth.as_deref().is_some_and(|oauth| oauth.get_ref().client_secret.is_some())
        || table.proxy.as_ref().is_some_and(login)
}

fn names_command(table: &RawAccount) -> bool {
    let commands = [
        &table.password_command,
        &table.token_command,
        &table.tls_client_password_command,
        &table.on_new_mail,
    ];
    commands.iter().any(|command| command.is_some())
        || table.oauth.as_deref().is_some_and(|oauth| oauth.get_ref().client_secret_command.is_some())
}

/// An account's or a destination's table over the defaults.
struct Table<'t> {
    /// "account" or "destination".
    kind: &'static str,
    name: &'t Spanned<String>,
    own: &'t RawAccount,
    defaults: &'t RawAccount,
}

impl<'t> Table<'t> {
    /// The kind of a destination's.
    const DESTINATION: &'static str = "destination";

    /// `account "work"`.
    fn shown(&self) -> String {
        format!("{} {:?}", self.kind, self.name.get_ref())
    }

    fn get<T>(&self, field: fn(&RawAccount) -> &Option<Spanned<T>>) -> Option<&'t Spanned<T>> {
        field(self.own).as_ref().or(field(self.defaults).as_ref())
    }
}

const FORMAT: &[(&str, Format)] = &[("maildir", Format::Maildir), ("mbox", Format::Mbox)];
const PIPELINING: &[(&str, Pipelining)] =
    &[("auto", Pipelining::Auto), ("on", Pipelining::On), ("off", Pipelining::Off)];
