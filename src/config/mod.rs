//! The configuration: what the file says, and what it means here.
//!
//! [`raw`] is what TOML says, without I/O. [`resolved`] turns it into [`Account`]s: defaults
//! filled in, `~` and `{account}` expanded, paths absolute. Secrets are read only when an account
//! logs in ([`secret`]). Every error names the file, the line and the key.

mod error;
mod location;
mod raw;
mod resolved;
mod secret;

pub use error::ConfigError;
pub use location::{config_path, state_dir};
pub use resolved::{Account, Auth, Config, DeletePolicy, Format, Pipelining, SecretSource, Tls};
pub use secret::{SecretError, obtain};

/// Reads the configuration.
pub fn load(_path: &std::path::Path) -> Result<Config, ConfigError> { todo!() }
