//! Where the configuration, the ledger and the cache are, when nobody says.

use super::ConfigError;
use directories::{BaseDirs, ProjectDirs};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The configuration file: `option` (from `--config`), else `$POPKEEP_CONFIG`, else
/// `popkeep/config.toml` under the XDG configuration folder. Whether it exists is not looked at.
pub fn config_path(option: Option<&Path>) -> Result<PathBuf, ConfigError> {
    let found = option.map(Path::to_path_buf).or_else(|| variable("POPKEEP_CONFIG"));
    found.or_else(|| Some(folders()?.config_dir().join("config.toml"))).ok_or(ConfigError::NoHome {
        wanted: "configuration file",
        remedy: "name it with --config or $POPKEEP_CONFIG",
    })
}

/// The folder of the ledger when the configuration names none: `$POPKEEP_STATE_DIR` (a relative
/// path counts from the working folder), else `popkeep/` under the XDG state folder.
pub fn state_dir() -> Result<PathBuf, ConfigError> {
    if let Some(path) = variable("POPKEEP_STATE_DIR") {
        return std::path::absolute(&path)
            .map_err(|source| ConfigError::Unreadable { path: path.display().to_string(), source });
    }
    let folders = folders().ok_or(ConfigError::NoHome {
        wanted: "state folder",
        remedy: "name it with `state_dir` in the configuration, or with $POPKEEP_STATE_DIR",
    })?;
    Ok(folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).to_path_buf())
}

/// The folder for what can be made again when the configuration names none: `popkeep/` under the XDG cache folder.
pub fn cache_dir() -> Result<PathBuf, ConfigError> {
    let folders = folders().ok_or(ConfigError::NoHome {
        wanted: "cache folder",
        remedy: "name it with `cache_dir` in the configuration",
    })?;
    Ok(folders.cache_dir().to_path_buf())
}

/// The user's home: `$HOME`, else what the system's user list says.
pub(super) fn home() -> Option<PathBuf> {
    BaseDirs::new().map(|base| base.home_dir().to_path_buf())
}

fn folders() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "popkeep")
}

/// A variable's value; an empty one counts as none.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from)
}
