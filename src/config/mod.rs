//! The configuration: what the file says, and what it means here.
//!
//! `raw` is what TOML says, without I/O. `resolve` turns it into [`Account`]s: defaults
//! filled in, `~` and `{account}` expanded, paths absolute. Secrets are read only when an account
//! logs in ([`obtain`]). Every error names the file, the line and the key, and never shows a
//! password.

mod account_name;
mod draft;
mod error;
mod excerpt;
mod host;
mod location;
mod nearest;
mod oauth;
mod parse;
mod paths;
mod prompt;
pub mod providers;
mod quantity;
mod raw;
mod resolve;
mod resolved;
mod secret;
mod source;
#[cfg(test)]
mod tests;
mod url;

pub use account_name::{free_name, telling_label};
pub use draft::{Draft, DraftOAuth, DraftSecret};
pub use error::{ConfigError, Fault};
pub use excerpt::Excerpt;
pub use location::{cache_dir, config_path, state_dir};
pub use oauth::{ClientSecret, Flow, OAuth, Provider};
pub use quantity::{parse_duration, parse_size};
pub use resolved::{
    Access, Account, Auth, ClientCertificate, CommandLine, Config, DeletePolicy, Destination, Format,
    Pipelining, SecretSource, Tls,
};
pub use secret::{
    Obtained, SecretError, obtain, obtain_client_password, obtain_client_secret, obtain_server_password,
    secret_digest,
};
#[cfg(test)]
pub(crate) use tests::example_account;
pub use url::UrlFault;

use crate::disk::{self, Distrusted};
use crate::shell;
use resolve::{Surroundings, resolve, resolve_any};
use secrecy::zeroize::Zeroizing;
use source::Source;
use std::path::{Path, PathBuf};

/// The largest configuration file that is read, in octets: ten thousand accounts with all that an account may need.
pub const LONGEST_FILE: u64 = 8 << 20;

/// The folder of more files, beside the configuration.
const MORE: &str = "accounts.d";

/// Reads the configuration in `path` and the files in `accounts.d` beside it, if they are ours (or root's) and nobody else can change
/// them, and checks that nobody else can read the passwords in them.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let config = read(path)?;
    if config.accounts.is_empty() {
        return Err(ConfigError::NoAccounts { path: path.display().to_string() });
    }
    Ok(config)
}

/// The same for those who can do without an account, and without a file.
pub fn load_or_empty(path: &Path) -> Result<Config, ConfigError> {
    match read(path) {
        Err(ConfigError::NotFound { .. }) => {
            let around = Surroundings { folder: PathBuf::new(), home: None };
            Ok(resolve_any(&Source::new(path, ""), &around)?.into_config(path, location::state_dir()?))
        }
        outcome => outcome,
    }
}

fn read(path: &Path) -> Result<Config, ConfigError> {
    let (text, mode) = read_file(path)?;
    let mut source = Source::new(path, &text);
    let mut modes = vec![(path.to_owned(), mode)];
    let absolute = std::path::absolute(path)
        .map_err(|source| ConfigError::Unreadable { path: path.display().to_string(), source })?;
    let folder = absolute.parent().unwrap_or(Path::new("/")).to_path_buf();
    for path in more_files(&folder.join(MORE))? {
        let (text, mode) = read_file(&path)?;
        source.add(&path, &text)?;
        modes.push((path, mode));
    }
    let mut resolved = resolve_any(&source, &Surroundings { folder, home: location::home() })?;

    let accesses = resolved.accounts.iter().map(|account| &account.access);
    for access in accesses.chain(resolved.destinations.iter().map(|destination| &destination.access)) {
        if let SecretSource::Environment(variable) = &access.secret {
            shell::withhold(variable);
        }
    }
    for (file, (path, mode)) in modes.into_iter().enumerate() {
        let shown = || path.display().to_string();
        if resolved.hold_passwords.contains(&file) && mode & 0o077 != 0 {
            return Err(ConfigError::PasswordExposed { path: shown(), mode });
        }
        if resolved.name_commands.contains(&file) && mode & 0o022 != 0 {
            return Err(ConfigError::CommandExposed { path: shown(), mode });
        }
    }
    let state_dir = match resolved.state_dir.take() {
        Some(given) => given,
        None => location::state_dir()?,
    };
    Ok(resolved.into_config(path, state_dir))
}

/// A file's text and permission bits, if it is ours (or root's) and nobody else can change it.
fn read_file(path: &Path) -> Result<(Zeroizing<String>, u32), ConfigError> {
    let shown = || path.display().to_string();
    let disk::Trusted { octets, mode } =
        disk::read_trusted(path, LONGEST_FILE).map_err(|error| match error {
            Distrusted::Io(source) if disk::is_absent(&source) => ConfigError::NotFound { path: shown() },
            Distrusted::Io(source) => ConfigError::Unreadable { path: shown(), source },
            reason => ConfigError::Distrusted { path: shown(), reason },
        })?;
    let octets = Zeroizing::new(octets);
    let text = std::str::from_utf8(&octets).map_err(|_| ConfigError::NotText { path: shown() })?;
    Ok((Zeroizing::new(text.to_owned()), mode))
}

/// The files of accounts beside the configuration, by their names; hidden ones are none, as an editor's copies are not.
fn more_files(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let mut files: Vec<PathBuf> = match disk::names_in(folder) {
        Ok(names) => names.into_iter().map(|name| folder.join(name)).collect(),
        Err(error) if disk::is_absent(&error) => Vec::new(),
        Err(source) => return Err(ConfigError::Unreadable { path: folder.display().to_string(), source }),
    };
    let hidden =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && !hidden(path));
    files.sort();
    Ok(files)
}

/// What `text` means as the content of the file `path`, an absolute one, for a user with this home
/// folder. Nothing on the disk is looked at, so nothing is checked but the text.
pub fn understand(path: &Path, text: &str, home: Option<&Path>) -> Result<Vec<Account>, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new("/")).to_path_buf();
    let around = Surroundings { folder, home: home.map(Path::to_path_buf) };
    resolve(path, text, &around).map(|resolved| resolved.accounts)
}

/// What a configuration in `path` means once these lines are added to its text; the files themselves are not looked at.
pub fn understand_here(path: &Path, text: &str) -> Result<Vec<Account>, ConfigError> {
    let absolute = std::path::absolute(path)
        .map_err(|source| ConfigError::Unreadable { path: path.display().to_string(), source })?;
    understand(&absolute, text, location::home().as_deref())
}
