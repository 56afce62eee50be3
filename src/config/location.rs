use std::path::{Path, PathBuf};
/// The configuration file.
pub fn config_path(_option: Option<&Path>) -> PathBuf { todo!() }
/// The state folder when the configuration names none.
pub fn state_dir() -> PathBuf { todo!() }
